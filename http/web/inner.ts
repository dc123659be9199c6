/**
 * What the runtime keeps inside its own `Headers`, `Request` and `Response`, where that can be
 * read: fields in their order and spelling, and bodies that are a string or bytes, which a reader
 * would have to wait for.
 *
 * None of this is promised by the runtime. So each way in is tried on samples when the module
 * loads, and when one gives another answer than expected it is not used at all: the functions
 * then answer `undefined`, and the caller takes the public way.
 */

/** An object whose symbols are looked up. */
// deno-lint-ignore no-explicit-any -- the insides of another's object
type Inner = any;

/** A body that is there as a whole. */
export type WholeBody = string | Uint8Array<ArrayBuffer>;

/** What is inside a response of the runtime. */
export interface InnerResponse {
  /** Its fields, flat. */
  readonly fields: string[];
  /** Its body; `undefined` for a stream. */
  readonly body: WholeBody | null | undefined;
}

function symbolOf(sample: object, description: string): symbol {
  const found = Object.getOwnPropertySymbols(sample).find((s) => s.description === description);
  return found ?? Symbol();
}

const headers = new Headers();
const response = new Response();
const request = new Request("http://sample.invalid");

const headerList = symbolOf(headers, "header list");
const inResponse = symbolOf(response, "response");
const responseHeaders = symbolOf(response, "headers");
const lazyBody = symbolOf(response, "lazy static body");
const lazyType = symbolOf(response, "lazy static content type");
const consumed = symbolOf(response, "serve fast consumed");
const inRequest = symbolOf(request, "request");
const signalCache = symbolOf(request, "signalCache");

const headersReadable = works(() => {
  const sample = new Headers([["B", "1"], ["a", "2"]]);
  sample.append("b", "3");
  return same(listOf(sample), ["B", "1", "a", "2", "B", "3"]);
});

const responsesReadable = works(() =>
  headersReadable && samples().every(({ response, fields, body }) => {
    const found = readResponse(response, false);
    if (found === undefined || !same(found.fields, fields) || !same(found.body, body)) return false;
    if (response.bodyUsed) return false;
    readResponse(response, true);
    return response.bodyUsed === (typeof body === "string" || body instanceof Uint8Array) &&
      same([...response.headers].flat(), [...new Headers(pairs(fields))].flat());
  })
);

const requestsReadable = works(() => {
  const post = (body: BodyInit) => new Request("http://sample.invalid", { method: "POST", body });
  const bytes = Uint8Array.of(1, 2);
  const text = post("é");
  return readRequestBody(request, false) === null && same(readRequestBody(text, false), "é") &&
    !text.bodyUsed && same(readRequestBody(text, true), "é") && text.bodyUsed &&
    readRequestBody(text, false) === undefined &&
    same(readRequestBody(post(bytes), false), bytes) &&
    readRequestBody(post(new ReadableStream()), false) === undefined;
});

const signalsReadable = works(() => {
  const { signal } = new AbortController();
  return Object.hasOwn(request, signalCache) && Reflect.get(request, signalCache) === undefined &&
    Reflect.get(new Request("http://sample.invalid", { signal }), signalCache) !== undefined &&
    Reflect.get(request, inRequest).onCancel === undefined;
});

/**
 * The fields of the runtime's `Headers`, flat, in the order and spelling they were given.
 *
 * @param headers The headers.
 * @returns A new array, or `undefined` where they cannot be read.
 */
export function innerFields(headers: Headers): string[] | undefined {
  return headersReadable ? listOf(headers) : undefined;
}

/**
 * Takes what is inside a response of the runtime; a body that is there as a whole counts as used
 * from then on.
 *
 * @param response The response, whose body was not used.
 * @returns `undefined` where it cannot be read.
 */
export function takeInnerResponse(response: Response): InnerResponse | undefined {
  return responsesReadable ? readResponse(response, true) : undefined;
}

/**
 * The body of a request of the runtime.
 *
 * @param request The request, whose body was not used.
 * @param use Whether the body counts as used from then on.
 * @returns `undefined` for a stream, and where it cannot be read.
 */
export function innerRequestBody(request: Request, use: boolean): WholeBody | null | undefined {
  return requestsReadable ? readRequestBody(request, use) : undefined;
}

/**
 * Whether a request of the runtime can be aborted at all. Asking it for its `signal` would make
 * one.
 *
 * @param request The request.
 */
export function hasSignal(request: Request): boolean {
  if (!signalsReadable || !Object.hasOwn(request, signalCache)) return true;
  return (request as Inner)[signalCache] !== undefined ||
    (request as Inner)[inRequest]?.onCancel !== undefined;
}

function listOf(headers: Headers): string[] | undefined {
  return flat((headers as Inner)[headerList]);
}

function flat(list: unknown): string[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const fields: string[] = [];
  for (let i = 0; i < list.length; i++) fields.push(list[i][0], list[i][1]);
  return fields;
}

function readResponse(response: Inner, use: boolean): InnerResponse | undefined {
  const inner = response[inResponse];
  if (inner === undefined || inner === null) return undefined;
  const text: unknown = response[lazyBody];
  const type: unknown = response[lazyType];
  let fields = flat(response[responseHeaders]?.[headerList] ?? inner.headerList);
  if (fields === undefined) return undefined;
  if (inner.bodyDecoded === true) fields = withoutCoding(fields);
  if (typeof text === "string") {
    if (response[consumed] !== false) return undefined;
    fields.push("Content-Type", typeof type === "string" ? type : "text/plain;charset=UTF-8");
    if (use) response[consumed] = true;
    return { fields, body: text };
  }
  if (typeof type === "string") fields.push("content-type", type);
  return { fields, body: readBody(inner.body, use) };
}

/** What `fetch` says of a body that it has decoded since, and that is true of it no more. */
function withoutCoding(fields: string[]): string[] {
  return pairs(fields)
    .filter(([name]) => !/^(content-encoding|content-length|transfer-encoding)$/i.test(name))
    .flat();
}

function readRequestBody(request: Inner, use: boolean): WholeBody | null | undefined {
  const inner = request[inRequest];
  return inner === undefined || inner === null ? undefined : readBody(inner.body, use);
}

function readBody(body: Inner, use: boolean): WholeBody | null | undefined {
  if (body === null) return null;
  const kept = body?.streamOrStatic;
  if (kept?.consumed !== false) return undefined;
  if (typeof kept.body !== "string" && !(kept.body instanceof Uint8Array)) return undefined;
  if (use) kept.consumed = true;
  return kept.body;
}

/** One response for each way the runtime keeps one, and what must be found in it. */
function samples(): { response: Response; fields: string[]; body: unknown }[] {
  const plain = ["Content-Type", "text/plain;charset=UTF-8"];
  const json = ["content-type", "application/json"];
  const bytes = Uint8Array.of(1, 2);
  const other = { status: 404, headers: { "X-A": "1" } };
  const touched = new Response("é");
  touched.headers.set("X-A", "1");
  return [
    { response: new Response("é"), fields: plain, body: "é" },
    { response: new Response("é", other), fields: ["X-A", "1", ...plain], body: "é" },
    { response: new Response("{}", { headers: [json] }), fields: json, body: "{}" },
    {
      response: new Response("{}", { headers: { "content-type": "application/json" } }),
      fields: json,
      body: "{}",
    },
    { response: Response.json({}), fields: json, body: "{}" },
    { response: Response.json({}, other), fields: ["X-A", "1", ...json], body: "{}" },
    { response: touched, fields: [...plain, "X-A", "1"], body: "é" },
    { response: new Response(bytes), fields: [], body: bytes },
    { response: new Response(bytes, other), fields: ["X-A", "1"], body: bytes },
    { response: new Response(), fields: [], body: null },
    { response: new Response(null, other), fields: ["X-A", "1"], body: null },
    { response: new Response(new ReadableStream()), fields: [], body: undefined },
  ];
}

function pairs(fields: string[]): string[][] {
  return fields.flatMap((name, i) => i % 2 === 0 ? [[name, fields[i + 1]]] : []);
}

/** Equality of what is compared above; the spelling of a name the runtime gave does not matter. */
function same(a: unknown, b: unknown): boolean {
  const text = (value: unknown) =>
    JSON.stringify(value)?.replaceAll('"content-type"', '"Content-Type"');
  return typeof a === typeof b && text(a) === text(b);
}

function works(probe: () => boolean): boolean {
  try {
    return probe();
  } catch {
    return false;
  }
}
