/** What is to be sent, of any web object: ours, or the runtime's own. */
import { Buffer } from "node:buffer";
import type { Body, StaticBody } from "./body.ts";
import { checkFieldValue } from "../headers.ts";
import { hasSignal, innerRequestBody, takeInnerResponse } from "./inner.ts";
import { fieldsOf } from "./light_headers.ts";
import {
  bodyOfRequest,
  fieldsOfRequest,
  isOurs as isOurRequest,
  type Request,
  signalOfRequest,
} from "./request.ts";
import {
  bodyOfResponse,
  fieldsOfResponse,
  isOurs as isOurResponse,
  type Response,
} from "./response.ts";

/** A body to send. */
export type OutgoingBody = null | string | Uint8Array | Blob | ReadableStream<Uint8Array>;

/** A response to send. */
export interface OutgoingResponse {
  /** Its status code. */
  readonly status: number;
  /** Its reason phrase; may be empty. */
  readonly statusText: string;
  /** Its fields, names and values in turn, valid ones; with the content type its body gives. */
  readonly fields: readonly string[];
  /** Its body. */
  body: OutgoingBody;
}

/** A request to send. */
export interface OutgoingRequest {
  /** Its method. */
  readonly method: string;
  /** Its URL, absolute. */
  readonly url: string;
  /** Its fields, names and values in turn, valid ones; with the content type its body gives. */
  readonly fields: readonly string[];
  /** What aborts it; `undefined` when nothing can. */
  readonly signal: AbortSignal | undefined;
  /** The length of its body in bytes; `undefined` when only the end of the stream tells. */
  readonly length: number | undefined;
  /** Whether `body()` may be called again. */
  readonly replayable: boolean;
  /** What to do about redirects. */
  readonly redirect: RequestRedirect;
  /**
   * Its body, from the beginning.
   *
   * @throws {TypeError} It is a stream, and was given before.
   */
  body(): OutgoingBody;
}

/** How many turns of the microtask queue a body gets to show that it is there as a whole. */
const maxHops = 12;

// The global is a getter, which costs more than all that is done to a response of ours.
const WebResponse = globalThis.Response;

/** Whether a value is a `Response`, ours or the runtime's own. */
export function isResponse(value: unknown): value is globalThis.Response {
  if (typeof value !== "object" || value === null) return false;
  return isOurResponse(value as globalThis.Response) || value instanceof WebResponse;
}

/**
 * What to send of a response. Its body counts as used from then on.
 *
 * @param response Any `Response`.
 * @returns At once, but for bodies of the runtime's own that take a reader to know.
 * @throws {TypeError} It is no `Response`, or `Response.error()`, its body was used, or a header
 *   cannot be sent.
 */
export function outgoingResponse(
  response: globalThis.Response,
): OutgoingResponse | Promise<OutgoingResponse> {
  if (!isResponse(response)) {
    throw new TypeError(`cannot send ${String(response)}: it is no Response`);
  }
  const { status, statusText } = response;
  if (status === 0) throw new TypeError("cannot send an error response: it has no status");
  if (isOurResponse(response)) return ourResponse(response, status, statusText);
  const inner = takeInnerResponse(response);
  const fields = checked(inner?.fields ?? fieldsOf(response.headers));
  if (inner?.body !== undefined) return { status, statusText, fields, body: inner.body };
  const body = untouched(response);
  if (inner !== undefined || body === null) return { status, statusText, fields, body };
  return wholeIfThere(body).then((body) => ({ status, statusText, fields, body }));
}

/**
 * What to send of a request. A body that is replayable and belongs to a `Request` of ours is not
 * used up by that.
 *
 * @param request Any `Request`.
 * @throws {TypeError} Its body was used, or a header cannot be sent.
 */
export function outgoingRequest(request: globalThis.Request): OutgoingRequest {
  return isOurRequest(request) ? ourRequest(request) : webRequest(request);
}

function ourResponse(response: Response, status: number, statusText: string): OutgoingResponse {
  const body = bodyOfResponse(response);
  return {
    status,
    statusText,
    fields: fieldsOfResponse(response),
    body: body === null ? null : body.send(),
  };
}

function ourRequest(request: Request): OutgoingRequest {
  const body = bodyOfRequest(request);
  if (body?.unusable) throw usedError();
  const fields = [...fieldsOfRequest(request)];
  const signal = signalOfRequest(request);
  const whole = body === null ? null : body.whole;
  if (whole !== undefined) return outgoing(request, fields, signal, whole, () => {});
  return streaming(request, fields, signal, body!.length, () => (body as Body).send());
}

function webRequest(request: globalThis.Request): OutgoingRequest {
  const fields = checked(fieldsOf(request.headers));
  const signal = hasSignal(request) ? request.signal : undefined;
  const whole = innerRequestBody(request, false);
  if (whole !== undefined) {
    return outgoing(request, fields, signal, whole, () => innerRequestBody(request, true));
  }
  const body = untouched(request);
  if (body === null) return outgoing(request, fields, signal, null, () => {});
  return streaming(request, fields, signal, undefined, () => untouched(request));
}

/** A request whose body is there as a whole. */
function outgoing(
  { method, url, redirect }: globalThis.Request,
  fields: readonly string[],
  signal: AbortSignal | undefined,
  whole: StaticBody | null,
  use: () => void,
): OutgoingRequest {
  const length = lengthOf(whole);
  const body = () => {
    use();
    return whole;
  };
  return { method, url, fields, signal, length, replayable: true, redirect, body };
}

function lengthOf(body: StaticBody | null): number {
  if (body === null) return 0;
  if (typeof body === "string") return Buffer.byteLength(body);
  return body instanceof Blob ? body.size : body.length;
}

/** A request whose body can be had once. */
function streaming(
  { method, url, redirect }: globalThis.Request,
  fields: readonly string[],
  signal: AbortSignal | undefined,
  length: number | undefined,
  take: () => OutgoingBody,
): OutgoingRequest {
  let taken = false;
  const body = () => {
    if (taken) throw usedError();
    taken = true;
    return take();
  };
  return { method, url, fields, signal, length, replayable: false, redirect, body };
}

function untouched(
  message: globalThis.Request | globalThis.Response,
): ReadableStream<Uint8Array<ArrayBuffer>> | null {
  const { body } = message;
  if (body !== null && (message.bodyUsed || body.locked)) throw usedError();
  return body;
}

/** The runtime's own headers allow control characters, which no message may have. */
function checked(fields: readonly string[]): readonly string[] {
  for (let i = 0; i < fields.length; i += 2) checkFieldValue(fields[i], fields[i + 1]);
  return fields;
}

/** Bytes where a stream has all of them at hand, else a stream of the same bytes. */
async function wholeIfThere(stream: ReadableStream<Uint8Array>): Promise<OutgoingBody> {
  const reader = stream.getReader();
  const ahead = [reader.read()];
  const first = await soon(ahead[0]);
  if (first?.done) return new Uint8Array();
  if (first !== undefined) {
    ahead.push(reader.read());
    if ((await soon(ahead[1]))?.done) return first.value;
  }
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await (ahead.shift() ?? reader.read());
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** What a promise resolves to within a few microtasks; `undefined` when it does not. */
async function soon<T>(promise: Promise<T>): Promise<T | undefined> {
  let result: T | undefined;
  // A failure shows when the stream is read.
  promise.then((value) => result = value, () => {});
  for (let hops = 0; hops < maxHops && result === undefined; hops++) await null;
  return result;
}

function usedError(): TypeError {
  return new TypeError("cannot send a body that was read, or is being read");
}
