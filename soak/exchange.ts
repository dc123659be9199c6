/**
 * What happens to the request of a number, by a seed: so that the server knows what to do to it, and
 * the client what to expect, without a word between them.
 */

/** How a request is made, and answered or failed. */
export type Kind = keyof typeof kinds;

/** What may become of a request. */
export interface Expected {
  /** How many of all requests, beside the others' numbers. */
  readonly weight: number;
  /** `POST` with a body in an array or a stream; `GET` where it is left out. */
  readonly upload?: "bytes" | "stream";
  /** Whether a right answer may, or must, come; it must where `errors` is left out. */
  readonly answer?: "never" | "maybe";
  /** The codes of the errors that the kind explains, and of no others. */
  readonly errors?: readonly string[];
}

const gone = ["ERR_HTTP_NO_RESPONSE", "ECONNRESET", "EPIPE"];
const reset = ["ECONNRESET", "EPIPE"];
const cut = ["ERR_HTTP_TRUNCATED"];
const late = ["ETIMEDOUT"];

/** The kinds: right answers of each framing first, then faults. */
export const kinds = {
  length: { weight: 9_000 },
  chunked: { weight: 3_000 },
  untilClose: { weight: 100 },
  gzip: { weight: 60 },
  informational: { weight: 200 },
  head: { weight: 200 },
  noContent: { weight: 200 },
  redirect: { weight: 200 },
  post: { weight: 600, upload: "bytes" },
  postStream: { weight: 100, upload: "stream" },
  expectContinue: { weight: 60, upload: "bytes" },
  unread: { weight: 100 },
  cancelled: { weight: 40 },

  closeBefore: { weight: 60, answer: "never", errors: gone },
  closeOnce: { weight: 100, answer: "maybe", errors: gone },
  closeAfter: { weight: 100 },
  cutHead: { weight: 60, answer: "never", errors: cut },
  cutLength: { weight: 60, answer: "never", errors: cut },
  cutChunked: { weight: 60, answer: "never", errors: cut },
  cutGzip: { weight: 20, answer: "never", errors: ["ERR_HTTP_CONTENT_ENCODING"] },
  resetBefore: { weight: 40, answer: "never", errors: reset },
  resetInHead: { weight: 40, answer: "never", errors: reset },
  resetInBody: { weight: 40, answer: "never", errors: reset },
  resetUpload: { weight: 20, upload: "stream", answer: "never", errors: reset },
  // Nothing tells whether such a request was carried out: it may not be sent again.
  resetPost: { weight: 40, upload: "bytes", answer: "never", errors: reset },
  closePost: { weight: 40, upload: "bytes", answer: "never", errors: gone },
  garbage: { weight: 100, answer: "never", errors: ["ERR_HTTP_"] },
  extraBytes: { weight: 60 },
  earlyAnswer: { weight: 20, upload: "stream" },
  // The failing write may be told of the reset: what is left for the read is an end, too early.
  earlyClose: { weight: 20, upload: "stream", answer: "maybe", errors: [...reset, ...cut] },
  earlyReset: {
    weight: 20,
    upload: "stream",
    answer: "never",
    errors: [...reset, ...cut, ...gone],
  },
  redirectLoop: { weight: 4, answer: "never", errors: ["ERR_HTTP_REDIRECT"] },
  stallBefore: { weight: 3, answer: "never", errors: late },
  stallInHead: { weight: 3, answer: "never", errors: late },
  stallInBody: { weight: 3, answer: "never", errors: late },
  silent: { weight: 3, answer: "never", errors: late },
  aborted: { weight: 10, answer: "never", errors: [] },
} as const satisfies Record<string, Expected>;

/** The kinds that are no faults of the server. */
export const sound: ReadonlySet<Kind> = new Set<Kind>([
  ...["length", "chunked", "untilClose", "gzip", "informational", "head", "noContent"] as const,
  ...[
    "redirect",
    "post",
    "postStream",
    "expectContinue",
    "unread",
    "cancelled",
    "aborted",
  ] as const,
]);

/** What happens to one request. */
export interface Exchange {
  readonly id: number;
  readonly kind: Kind;
  readonly expected: Expected;
  /** What its answer's body is. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** What the body of the request is; empty where it has none. */
  readonly upload: Uint8Array<ArrayBuffer>;
  /** A number to choose details by. */
  readonly detail: number;
}

const names = Object.keys(kinds) as Kind[];
const total = names.reduce((sum, name) => sum + kinds[name].weight, 0);

/** The kind for each share of the weights. */
const shares: Kind[] = names.flatMap((name) => Array<Kind>(kinds[name].weight).fill(name));

/** Mixes numbers well enough that neighbours have nothing in common. */
function mix(a: number, b: number): number {
  let t = Math.imul(a ^ (b >>> 15), 0x2c1b3c6d) + b;
  t = Math.imul(t ^ (t >>> 12), 0x297a2d39);
  return (t ^ (t >>> 15)) >>> 0;
}

/** The most bytes of a body. */
const longest = 600_000;

/** Where all bodies are cut out of: each of another part, so none is like another. */
const pool = new Uint8Array(2 ** 20 + longest);
for (let i = 0, state = 1; i < pool.length; i++) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  pool[i] = state >>> 24;
}

function bytesOf(n: number, length: number): Uint8Array<ArrayBuffer> {
  const at = n & (2 ** 20 - 1);
  return pool.subarray(at, at + length);
}

/** Most are small; some are larger than what is read at once, a few much larger. */
function lengthOf(n: number): number {
  const size = n % 1_000;
  const fine = n >>> 12;
  if (size < 950) return 1 + fine % 300;
  return size < 995 ? 1 + fine % 40_000 : 1 + fine % 400_000;
}

/** What is in the stream of a request that is answered before its end. */
const longUpload = 300_000;

const small = new Set<Kind>(["extraBytes", "garbage", "resetInHead"]);
const bodiless = new Set<Kind>(["head", "noContent"]);
const long = new Set<Kind>(["earlyAnswer", "earlyClose", "earlyReset", "resetUpload"]);

/** What happens to the request of a number. */
export function exchangeOf(seed: number, id: number): Exchange {
  const detail = mix(seed, id);
  const kind = shares[mix(detail, id + 1) % total];
  const expected: Expected = kinds[kind];
  const n = mix(detail, id + 2);
  const length = bodiless.has(kind)
    ? 0
    : small.has(kind)
    ? 1 + n % 300
    : kind === "cancelled"
    ? longest
    : lengthOf(n);
  const uploaded = expected.upload === undefined ? 0 : long.has(kind) ? longUpload : 1 + n % 20_000;
  const body = bytesOf(mix(n, 3), length);
  return { id, kind, expected, body, upload: bytesOf(mix(n, 4), uploaded), detail };
}

/** Whether two arrays have the same bytes. */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
