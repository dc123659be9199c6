/** Damaged responses for the client: none of them may look like another answer, or have no end. */
import { type Response, Transport } from "../http/mod.ts";
import { pipe } from "../net/mod.ts";
import { chunkedBody } from "../tests/support/http_reference.ts";
import { damaged, Random } from "../tests/support/http_requests.ts";

/** What a strict client makes of a text. */
interface Understood {
  readonly status: number;
  readonly body: string;
  /** Bytes of it that belong to the answer. */
  readonly length: number;
}

const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const fieldLine = `${token}:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n`;
const headPattern = new RegExp(
  `^HTTP/1\\.(\\d) ([1-9]\\d\\d)(?: [\\t\\x20-\\x7e\\x80-\\xff]*)?\\r\\n((?:${fieldLine})*)\\r\\n`,
);

/**
 * What a text means to a strict client, by patterns, where the client itself goes byte by byte.
 *
 * @param text What comes, up to the end of the connection.
 * @param method The method of the request.
 * @returns `null` where it is malformed or cut.
 */
export function meaningOf(text: string, method: string): Understood | null {
  for (let at = 0;;) {
    const match = headPattern.exec(text.slice(at));
    if (match === null) return null;
    at += match[0].length;
    const status = Number(match[2]);
    const body = bodyOf(text.slice(at), match[1] === "0", match[3]);
    if (body === "refused" || status === 101) return null;
    if (status < 200) continue;
    if (method === "HEAD" || status === 204 || status === 304) {
      return { status, body: "", length: at };
    }
    // For the web it has no body, whatever was sent.
    if (status === 205) return { status, body: "", length: text.length };
    if (body === null) return null;
    return { status, body: body.body, length: at + body.length };
  }
}

function bodyOf(
  text: string,
  old: boolean,
  block: string,
): { body: string; length: number } | null | "refused" {
  const all = (name: string) =>
    [...block.matchAll(new RegExp(`^${name}:([^\\r]*)\\r$`, "gim"))]
      .map((match) => match[1].replace(/^[ \t]+|[ \t]+$/g, ""));
  const codings = all("transfer-encoding");
  const lengths = all("content-length");
  if (codings.length > 0) {
    if (codings.length > 1 || codings[0].toLowerCase() !== "chunked" || old) return "refused";
    if (lengths.length > 0) return "refused";
    return chunkedBody(text);
  }
  if (lengths.length === 0) return { body: text, length: text.length };
  const n = Number(lengths[0]);
  if (lengths.length > 1 || !/^\d+$/.test(lengths[0]) || n > Number.MAX_SAFE_INTEGER) {
    return "refused";
  }
  return n > text.length ? null : { body: text.slice(0, n), length: n };
}

/** A good response, in one of many forms. */
function goodResponse(random: Random): string {
  const body = random.of(["", "hello", "0\r\n\r\n", "x".repeat(300), poison]);
  const status = random.of([
    "200 OK",
    "200 OK",
    "200",
    "404 Not Found",
    "299 \xe9",
    "304 x",
    "204 x",
  ]);
  const extra = random.of(["", "X: 1\r\n", "Connection: close\r\n", "x-y:\t2 \r\n"]);
  const before = random.of(["", "", "", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]);
  const head = `${before}HTTP/1.1 ${status}\r\n${extra}`;
  switch (random.below(4)) {
    case 0: {
      const at = random.below(body.length);
      const chunks = [body.slice(0, at), body.slice(at)].filter((chunk) => chunk !== "")
        .map((chunk) => `${chunk.length.toString(16)}${random.of(["", ";a"])}\r\n${chunk}\r\n`);
      const end = `0\r\n${random.of(["", "T: 1\r\n"])}\r\n`;
      return `${head}Transfer-Encoding: chunked\r\n\r\n${chunks.join("")}${end}`;
    }
    case 1:
      return `${before}HTTP/1.0 ${status}\r\n${extra}\r\n${body}`;
    default:
      return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  }
}

/** An answer that nobody has asked for. */
const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
const clean = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean";

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

async function textOf(response: Response): Promise<string> {
  let text = "";
  for (const byte of await response.bytes()) text += String.fromCharCode(byte);
  return text;
}

/** A server in memory: what it says first, piece by piece, and `clean` to what comes after. */
function peer(first: string, random: Random) {
  const size = random.of([1, 3, 20, 1_000]);
  const ends = random.below(2) === 0;
  const state = { dials: 0, said: Promise.resolve(), ends };
  const dial = () => {
    const [client, conn] = pipe();
    let text = state.dials++ === 0 ? first : clean;
    const serve = async () => {
      const p = new Uint8Array(16 * 1024);
      try {
        while (await conn.read(p) !== null) {
          const said = Promise.withResolvers<void>();
          state.said = said.promise;
          try {
            for (let at = 0; at < text.length; at += size) {
              await conn.write(bytes(text.slice(at, at + size)));
            }
            if (ends && text === first) return conn.close();
          } finally {
            said.resolve();
          }
          text = clean;
        }
      } catch {
        // The client has closed.
      }
    };
    void serve();
    return Promise.resolve(client);
  };
  return { state, dial };
}

/**
 * Runs one case.
 *
 * @param seed What decides about everything in it.
 * @throws {Error} The client did not behave; the message has the seed and the bytes.
 */
export async function responseCase(seed: number): Promise<void> {
  const random = new Random(seed);
  let text = goodResponse(random);
  for (let n = random.below(4); n > 0; n--) text = damaged(text, random);
  if (random.below(4) === 0) text += poison;
  const method = random.of(["GET", "GET", "GET", "HEAD"]);
  const { state, dial } = peer(text, random);
  using transport = new Transport({ dial, proxy: null });
  const ask = async (signal: AbortSignal) => {
    const request = new Request("http://a/", { method, signal });
    const response = await transport.roundTrip(request);
    return { status: response.status, body: await textOf(response) };
  };
  const fail = (why: string, cause?: unknown): never => {
    throw new Error(`seed ${seed}: ${why}: ${method} ${JSON.stringify(text)}`, { cause });
  };
  // Without an end, a server may only be waited for.
  const limit = async (promise: (signal: AbortSignal) => ReturnType<typeof ask>) => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(limit), state.ends ? 10_000 : 20);
    try {
      return await promise(controller.signal);
    } catch (error) {
      if (error === limit && state.ends) fail("no end");
      return null;
    } finally {
      clearTimeout(timer);
    }
  };
  const expected = meaningOf(text, method);
  const found = await limit(ask);
  await state.said;
  if (expected === null && found !== null) fail(`taken for an answer, ${JSON.stringify(found)}`);
  if (expected !== null && found === null && state.ends) fail("not taken for an answer");
  if (expected !== null && found !== null) {
    const same = found.status === expected.status && found.body === expected.body;
    if (!same) fail(`taken for ${JSON.stringify(found)}`);
  }
  const { signal } = new AbortController();
  const second = await ask(signal).catch((error) => fail(`the next one failed: ${error}`, error));
  const body = method === "HEAD" ? "" : "clean";
  if (second.body !== body) fail(`the next one is ${JSON.stringify(second)}`);
  const more = expected !== null && expected.length < text.length;
  if (more && state.dials < 2) fail("the connection was used again, whatever came behind");
}
