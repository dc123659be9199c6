/** Drives the protocol over pieces of bytes, as a connection does, without one. */
import { ProtocolError } from "../../../http/errors.ts";
import { ChunkedDecoder } from "../../../http/h1/chunked.ts";
import {
  chunkedBody,
  RequestParser,
  responseBodyLength,
  ResponseParser,
  untilClose,
} from "../../../http/h1/head.ts";
import type { AcceptedRequest } from "./cases/accepted.ts";
import type { ResponseOutcome } from "./cases/responses.ts";

/** The bytes of a text of latin1. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The text of bytes of latin1. */
export function textOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/**
 * Ways to cut bytes: whole, byte by byte, and in two at every position. Of long ones, some of the
 * positions and larger pieces, so that the time stays sane.
 */
export function* cuts(bytes: Uint8Array): Generator<readonly Uint8Array[]> {
  yield [bytes];
  const length = bytes.length;
  const piece = length > 2000 ? 997 : 1;
  yield Array.from(
    { length: Math.ceil(length / piece) },
    (_, i) => bytes.subarray(i * piece, (i + 1) * piece),
  );
  const step = length > 2000 ? Math.ceil(length / 8) : 1;
  for (let at = 1; at < length; at += step) yield [bytes.subarray(0, at), bytes.subarray(at)];
}

/** What has come and is not consumed; it moves in memory with each piece, as it may. */
class Inbox {
  buf = new Uint8Array(0);
  start = 0;
  end = 0;

  add(piece: Uint8Array): void {
    const kept = this.buf.subarray(this.start, this.end);
    const start = (this.start + 1) % 3;
    // Room behind the end holds what must not be looked at.
    this.buf = new Uint8Array(start + kept.length + piece.length + 1).fill(0x0a);
    this.buf.set(kept, start);
    this.buf.set(piece, start + kept.length);
    this.start = start;
    this.end = start + kept.length + piece.length;
  }

  get size(): number {
    return this.end - this.start;
  }

  take(length: number): string {
    const text = textOf(this.buf.subarray(this.start, this.start + length));
    this.start += length;
    return text;
  }
}

/** The body of one message. */
class Body {
  text = "";
  ended: boolean;
  readonly #decoder: ChunkedDecoder | null;
  #left: number;

  constructor(length: number) {
    this.#decoder = length === chunkedBody ? new ChunkedDecoder() : null;
    this.#left = length === untilClose ? Infinity : length;
    this.ended = length === 0;
  }

  get trailers(): readonly string[] {
    return this.#decoder?.trailers ?? [];
  }

  feed(inbox: Inbox): void {
    if (this.#decoder === null) {
      const length = Math.min(this.#left, inbox.size);
      this.text += inbox.take(length);
      this.#left -= length;
      this.ended = this.#left === 0;
      return;
    }
    while (!this.ended) {
      const what = this.#decoder.next(inbox.buf, inbox.start, inbox.end);
      if (what === "data") inbox.start = this.#decoder.dataStart;
      const text = inbox.take(this.#decoder.position - inbox.start);
      if (what === "data") this.text += text;
      if (what === "more") return;
      this.ended = what === "end";
    }
  }
}

/** What came of the bytes of a connection to a server. */
export interface ServerRun {
  /** The requests that were complete. */
  readonly requests: readonly AcceptedRequest[];
  /** Why it ended; `"idle"` between two requests, `"closing"` behind a last one. */
  readonly ending: "idle" | "closing" | "cut" | ProtocolError;
}

/** Runs the server's side. */
export function driveRequests(pieces: readonly Uint8Array[]): ServerRun {
  const parser = new RequestParser();
  const inbox = new Inbox();
  const requests: AcceptedRequest[] = [];
  let head: ReturnType<RequestParser["parse"]> = null;
  let body = new Body(0);
  try {
    for (const piece of pieces) {
      inbox.add(piece);
      while (inbox.size > 0 || head !== null) {
        if (head === null) {
          head = parser.parse(inbox.buf, inbox.start, inbox.end);
          if (head === null) break;
          inbox.take(parser.length);
          body = new Body(head.bodyLength);
        }
        if (!body.ended) body.feed(inbox);
        if (!body.ended) break;
        const { method, target, host, fields, keepAlive } = head;
        const { text, trailers } = body;
        requests.push({ method, target, host, fields, body: text, trailers, keepAlive });
        head = null;
        if (!keepAlive) return { requests, ending: "closing" };
      }
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { requests, ending: error };
  }
  return { requests, ending: inbox.size === 0 && head === null ? "idle" : "cut" };
}

/** Runs the client's side up to the close of the connection by the server. */
export function driveResponse(pieces: readonly Uint8Array[], method: string): ResponseOutcome {
  const parser = new ResponseParser();
  const inbox = new Inbox();
  let head: ReturnType<ResponseParser["parse"]> = null;
  let body = new Body(0);
  let length = 0;
  try {
    for (const piece of pieces) {
      inbox.add(piece);
      while (head === null) {
        const next = parser.parse(inbox.buf, inbox.start, inbox.end);
        if (next === null) break;
        inbox.take(parser.length);
        if (next.status < 200) continue;
        head = next;
        length = responseBodyLength(head, method);
        body = new Body(length);
      }
      if (head !== null && !body.ended) body.feed(inbox);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { outcome: "refused", code: error.code };
  }
  if (head === null || (!body.ended && length !== untilClose)) return { outcome: "cut" };
  return {
    outcome: "response",
    status: head.status,
    reason: head.reason,
    body: body.text,
    trailers: body.trailers,
    reusable: head.keepAlive && length !== untilClose && inbox.size === 0,
  };
}
