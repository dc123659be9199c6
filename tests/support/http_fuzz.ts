/**
 * Throws damaged requests at a server, and compares what comes back with what a reference of our
 * own makes of the same bytes.
 */
import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import type { Handler } from "../../http/handler.ts";
import { Response as OurResponse } from "../../http/web/response.ts";
import { Server } from "../../http/server/server.ts";
import { type Conn, pipe } from "../../net/mod.ts";
import { chunkedBody, type Meaning, meaningOf, type Understood } from "./http_reference.ts";
import { nearlyRequests, Random } from "./http_requests.ts";
import { bytes } from "./wire.ts";

/** An answer, of which the body tells what was asked. */
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly close: boolean;
}

const answerPattern =
  /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n((?:[!-9;-~]+: [\t\x20-\x7e\x80-\xff]*\r\n)*)\r\n/;

/** Takes the next answer from the beginning of a text. */
function takeAnswer(text: string, method: string): [Answer, rest: string] {
  const head = answerPattern.exec(text);
  if (head === null) throw new Error(`no answer: ${JSON.stringify(text.slice(0, 200))}`);
  const rest = text.slice(head[0].length);
  const status = Number(head[1]);
  if (status === 100) return takeAnswer(rest, method);
  const close = /^connection: close\r$/m.test(head[2]);
  if (method === "HEAD") return [{ status, close, body: "" }, rest];
  const length = /^content-length: (\d+)\r$/m.exec(head[2]);
  if (length !== null) {
    const n = Number(length[1]);
    if (rest.length < n) throw new Error("an answer was cut short");
    return [{ status, close, body: rest.slice(0, n) }, rest.slice(n)];
  }
  if (/^transfer-encoding: chunked\r$/m.test(head[2])) {
    const found = chunkedBody(rest);
    if (found === null) throw new Error(`no chunks: ${JSON.stringify(rest.slice(0, 200))}`);
    return [{ status, close, body: found.body }, rest.slice(found.length)];
  }
  if (!close) throw new Error("an answer has no length");
  return [{ status, close, body: rest }, ""];
}

/** Each byte as a character: what goes by the name of latin1 elsewhere has others. */
function characters(p: Uint8Array): string {
  let text = "";
  for (const byte of p) text += String.fromCharCode(byte);
  return text;
}

/** Says what it was asked, in answers of every kind, at once if it reads nothing. */
function sayer(reads: boolean): Handler {
  const answer = ({ method, url }: Request, body: string, old: boolean): Response => {
    const text = said({ method, url, body });
    const seed = url.length + body.length;
    const make = seed % 2 === 0 ? Response : OurResponse;
    // A stream would end a connection of HTTP/1.0.
    const kind = seed % (old ? 4 : 5);
    if (kind === 0) return new make(text);
    if (kind === 1) return new make(bytes(text));
    if (kind === 2) return new make(text, { headers: { "x-a": text } });
    if (kind === 3) return new OurResponse(new Blob([text]));
    return new make(new Blob([text]).stream());
  };
  if (!reads) return (request, { proto }) => answer(request, "", proto === "HTTP/1.0");
  return async (request, { proto }) =>
    answer(request, characters(await request.bytes()), proto === "HTTP/1.0");
}

function said({ method, url, body = "" }: Understood): string {
  let sum = 0;
  for (const char of body) sum = (Math.imul(sum, 31) + char.charCodeAt(0)) | 0;
  return `${method} ${url} ${body.length} ${sum}`;
}

/** Compares the answers on one connection with what was asked on it. */
function check(received: string, { requests, ending }: Meaning): void {
  let rest = received;
  for (const request of requests) {
    const [answer, more] = takeAnswer(rest, request.method);
    rest = more;
    assertEquals(answer.status, 200);
    const body = request.method === "HEAD" || request.url === "*" ? "" : said(request);
    assertEquals(answer.body, body);
  }
  if (rest.startsWith("HTTP/1.1 100 Continue\r\n\r\n") && ending === "broken") {
    rest = rest.slice(25);
  }
  if (ending === "end" || (ending === "broken" && rest === "")) return assertEquals(rest, "");
  const [{ status, close }, behind] = takeAnswer(rest, refusedMethod(rest));
  assertEquals([status >= 400 && status <= 505, close, behind], [true, true, ""]);
}

/** A refusal of HEAD has no body, though it says how long it would be. */
const refusedMethod = (text: string) => text.endsWith("\r\n\r\n") ? "HEAD" : "GET";

/** Cuts a text anywhere. */
function cut(text: string, random: Random): string[] {
  const size = random.of([1, 3, 20, 100, 10_000]);
  const parts: string[] = [];
  for (let at = 0; at < text.length;) {
    const to = at + 1 + random.below(size);
    parts.push(text.slice(at, to));
    at = to;
  }
  return parts;
}

async function talk(client: Conn, parts: string[]): Promise<string> {
  const send = async () => {
    try {
      for (const part of parts) await client.write(bytes(part));
      await client.closeWrite();
    } catch {
      // The server had enough.
    }
  };
  let text = "";
  const read = async () => {
    const p = new Uint8Array(16 * 1024);
    for (let n: number | null; (n = await client.read(p)) !== null;) {
      text += characters(p.subarray(0, n));
    }
  };
  await Promise.all([send(), read()]);
  return text;
}

/**
 * Runs one case.
 *
 * @param seed What decides about everything in it.
 * @throws {Error} The server did not behave; the message has the seed and the bytes.
 */
export async function fuzzCase(seed: number): Promise<void> {
  const random = new Random(seed);
  const text = nearlyRequests(random);
  const reads = random.below(4) > 0;
  const parts = cut(text, random);
  const failures: unknown[] = [];
  const states: string[] = [];
  const server = new Server({
    handler: sayer(reads),
    errorLog: (message, error) => failures.push([message, error]),
    connState: (_, state) => states.push(state),
  });
  const [client, conn] = pipe();
  server.serveConn(conn);
  let received = "";
  try {
    received = await deadline(talk(client, parts), 10_000);
    check(received, meaningOf(text, reads));
    assertEquals(failures, []);
    await deadline(server.shutdown(), 10_000);
    assertEquals(states.at(-1), "closed");
  } catch (cause) {
    const shown = JSON.stringify({ reads, text, parts: parts.length, received }, null, 2)
      .replace(/[^\n -~]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`);
    throw new Error(`seed ${seed}: ${(cause as Error).message}\n${shown}`, { cause });
  } finally {
    client.close();
    server.close();
  }
}

/**
 * Runs cases until the time is up.
 *
 * @param seed The first case's; the others count on from there.
 * @param ms For how long.
 * @returns How many cases it were.
 */
export async function fuzzFor(seed: number, ms: number): Promise<number> {
  const end = performance.now() + ms;
  let count = 0;
  do await fuzzCase(seed + count++); while (performance.now() < end);
  return count;
}
