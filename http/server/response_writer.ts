/** Writes a response: its head, and its body in the framing that fits (RFC 9112 section 6.3). */
import { Buffer } from "node:buffer";
import { httpDate } from "./date.ts";
import { ProtocolError } from "../errors.ts";
import { chunkHead, lastChunk, statusLine } from "../h1/encode.ts";
import type { OutgoingBody, OutgoingResponse } from "../web/outgoing.ts";
import type { Output } from "./output.ts";
import { statusText as reasonOf } from "../status.ts";

/** What the request and the connection allow. */
export interface Terms {
  /** The method of the request: the answer to a HEAD has no body. */
  readonly method: string;
  /** The minor version of the request. */
  readonly minor: 0 | 1;
  /** Whether the connection goes on, as far as the server is concerned. */
  readonly keepAlive: boolean;
  /** Whether there are fields to send behind the body. */
  readonly trailers: boolean;
}

/**
 * How a body goes out: not at all, whole with the head, as a stream of known length, in chunks, or
 * up to the end of the connection.
 */
export type BodyPlan = "none" | "whole" | "length" | "chunked" | "untilClose";

/** What has been decided about a response. */
export interface Plan {
  readonly body: BodyPlan;
  /** The length of the body, if it is known. */
  readonly length: number;
  /** Whether the connection goes on after it. */
  readonly keepAlive: boolean;
}

/** Responses that have no body (RFC 9110 sections 15.3.5 and 15.4.5). */
const isBodiless = (status: number) => status === 204 || status === 304 || status < 200;

/** The fields that the server alone decides, and what the caller's say. */
interface OwnFields {
  text: string;
  close: boolean;
  dated: boolean;
  contentLength: number | undefined;
}

/**
 * Puts the head and, if it is there, the body into the output.
 *
 * @param output Where to.
 * @param response What to send.
 * @param terms What the request and the connection allow.
 * @returns What is left to do.
 */
export function writeHead(output: Output, response: OutgoingResponse, terms: Terms): Plan {
  const { body } = response;
  const { plan, text, ascii } = headFor(response, terms);
  if (ascii) output.ascii(text);
  else output.text(text, "latin1");
  if (plan.body !== "whole") return plan;
  if (typeof body !== "string") output.bytes(body as Uint8Array);
  else if (body.length === plan.length) output.ascii(body);
  else output.text(body, "utf8");
  return plan;
}

/** A head that was made, and what it was made of. */
interface Head {
  readonly status: number;
  readonly statusText: string;
  readonly fields: readonly string[];
  readonly length: number | undefined;
  readonly terms: Terms;
  readonly date: string;
  readonly plan: Plan;
  readonly text: string;
  /** Whether the text is ASCII: fields may hold other characters, of one byte each. */
  readonly ascii: boolean;
}

/** The last head with a whole body: what a program answers often differs in nothing but that. */
let last: Head | undefined;

function headFor(response: OutgoingResponse, terms: Terms): Pick<Head, "plan" | "text" | "ascii"> {
  const { status, statusText, fields, body } = response;
  const length = knownLength(body);
  const date = httpDate();
  if (
    last !== undefined && last.length === length && last.date === date &&
    last.status === status && last.statusText === statusText &&
    sameTerms(last.terms, terms) && sameFields(last.fields, fields) && isInMemory(body)
  ) return last;
  const own = readFields(fields);
  let text = statusLine(status, statusText || reasonOf(status)) + own.text;
  if (!own.dated) text += `date: ${date}\r\n`;
  const plan = planBody(body, length, status, own, terms);
  if (plan.body === "chunked") text += "transfer-encoding: chunked\r\n";
  else if (plan.length >= 0) text += `content-length: ${plan.length}\r\n`;
  if (!plan.keepAlive) text += "connection: close\r\n";
  else if (terms.minor === 0) text += "connection: keep-alive\r\n";
  text += "\r\n";
  const ascii = !/[\x80-\uffff]/.test(text);
  const head = { status, statusText, fields: [...fields], length, terms, date, plan, text, ascii };
  if (plan.body === "whole") last = head;
  return head;
}

/** Whether it goes out along with the head. */
function isInMemory(body: OutgoingBody): boolean {
  return typeof body === "string" || body instanceof Uint8Array;
}

function sameTerms(a: Terms, b: Terms): boolean {
  return a.method === b.method && a.minor === b.minor && a.keepAlive === b.keepAlive &&
    a.trailers === b.trailers;
}

function sameFields(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function planBody(
  body: OutgoingBody,
  known: number | undefined,
  status: number,
  own: OwnFields,
  { method, minor, keepAlive, trailers }: Terms,
): Plan {
  const goesOn = keepAlive && !own.close;
  if (isBodiless(status)) return { body: "none", length: -1, keepAlive: goesOn };
  if (method === "CONNECT" && status < 300) {
    // What follows would be the tunnel's (RFC 9110 section 9.3.6), and nobody has taken it over.
    return { body: "none", length: -1, keepAlive: false };
  }
  if (method === "HEAD") {
    // What a GET would have been told; a handler that makes no body for it may say so itself.
    const length = body === null ? own.contentLength ?? 0 : known ?? own.contentLength ?? -1;
    return { body: "none", length, keepAlive: goesOn };
  }
  if (trailers && minor === 1) return { body: "chunked", length: -1, keepAlive: goesOn };
  if (known !== undefined) {
    const how = body === null ? "none" : isInMemory(body) ? "whole" : "length";
    return { body: how, length: known, keepAlive: goesOn };
  }
  if (own.contentLength !== undefined) {
    return { body: "length", length: own.contentLength, keepAlive: goesOn };
  }
  if (minor === 1) return { body: "chunked", length: -1, keepAlive: goesOn };
  return { body: "untilClose", length: -1, keepAlive: false };
}

function knownLength(body: OutgoingBody): number | undefined {
  if (body === null) return 0;
  // A string of ASCII is as long as its bytes, and that it is shows when it is written.
  if (typeof body === "string") {
    return body.length < 64 ? asciiLength(body) : Buffer.byteLength(body);
  }
  if (body instanceof Uint8Array) return body.length;
  return body instanceof Blob ? body.size : undefined;
}

/** The length in UTF-8 of a short string: cheaper than a call into the runtime. */
function asciiLength(text: string): number {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text);
  }
  return text.length;
}

/** The caller's fields, without those of the connection, which are the server's. */
function readFields(fields: readonly string[]): OwnFields {
  const own: OwnFields = { text: "", close: false, dated: false, contentLength: undefined };
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    switch (name.length) {
      case 4:
        own.dated ||= name.toLowerCase() === "date";
        break;
      case 10: {
        const lower = name.toLowerCase();
        if (lower === "connection") {
          if (/(^|,)\s*close\s*(,|$)/i.test(value)) own.close = true;
          // Whoever sends Upgrade has to name it here (RFC 9110 section 7.8).
          if (/(^|,)\s*upgrade\s*(,|$)/i.test(value)) own.text += "connection: upgrade\r\n";
          continue;
        }
        if (lower === "keep-alive") continue;
        break;
      }
      case 14:
        if (name.toLowerCase() !== "content-length") break;
        if (/^[0-9]{1,15}$/.test(value)) own.contentLength = Number(value);
        continue;
      case 17:
        if (name.toLowerCase() === "transfer-encoding") continue;
        break;
    }
    own.text += `${name}: ${value}\r\n`;
  }
  return own;
}

/**
 * How much may wait to be written before the body's source is asked for more: little, since what
 * is not gathered goes out from the source's own arrays.
 */
const highWater = 8 * 1024;

/** How many microtasks a chunk waits for others that are there already. */
const chunkHops = 4;

/** A body as it goes out, from a stream. */
export interface StreamJob {
  readonly output: Output;
  readonly stream: ReadableStream<Uint8Array>;
  readonly plan: Plan;
  /** Makes the fields behind a chunked body. */
  readonly trailers?: () => readonly string[] | Promise<readonly string[]>;
  /** Given the way to end the stream early. */
  onStart(cancel: (reason: unknown) => void): void;
}

/**
 * Writes a stream as the plan says, no faster than the connection takes it.
 *
 * @param job What to write, and where.
 * @throws The stream's error, or what has broken the connection.
 */
export async function writeStream(job: StreamJob): Promise<void> {
  const { output, stream, plan: { body, length } } = job;
  const reader = stream.getReader();
  job.onStart((reason) => void reader.cancel(reason).catch(() => {}));
  let sent = 0;
  output.flushSoon(chunkHops);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!(value instanceof Uint8Array)) throw await refuseChunk(reader, value);
    if (value.length === 0) continue;
    sent += value.length;
    if (body === "length" && sent > length) {
      const error = lengthError(`more than the ${length} bytes announced`);
      await reader.cancel(error).catch(() => {});
      throw error;
    }
    if (body === "chunked") {
      output.ascii(chunkHead(value.length));
      output.bytes(value);
      output.ascii("\r\n");
    } else output.bytes(value);
    if (output.pending > highWater) await output.drained();
    else output.flushSoon(chunkHops);
  }
  if (body === "length" && sent < length) {
    throw lengthError(`${sent} of the ${length} bytes announced`);
  }
  if (body === "chunked") output.text(lastChunk(await job.trailers?.()), "latin1");
}

async function refuseChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  chunk: unknown,
): Promise<TypeError> {
  const what = Object.prototype.toString.call(chunk);
  const error = new TypeError(`a response's body must give Uint8Array chunks, got ${what}`);
  await reader.cancel(error).catch(() => {});
  return error;
}

function lengthError(what: string): ProtocolError {
  return new ProtocolError(`the response's body has ${what}`, {
    code: "ERR_HTTP_CONTENT_LENGTH",
    status: 500,
  });
}
