/** The body of a request, read from the connection when the handler asks for it. */
import { concat, decodeText } from "../web/body.ts";
import { BodyTooLargeError, ProtocolError } from "../errors.ts";
import { ChunkedDecoder } from "../h1/chunked.ts";
import { chunkedBody } from "../h1/framing.ts";
import type { Input, Source } from "./input.ts";
import type { IncomingBody } from "../incoming.ts";

/** The most that one read of a body takes at once. */
const readSize = 64 * 1024;

/** The longest body that is given its whole array on the strength of its announcement. */
const trusted = 16 * 1024 * 1024;

const empty = new Uint8Array(0);

/** What a body needs of its connection. */
export interface BodyHost {
  /** Called before the body is first read: the moment for 100 (Continue). */
  onBodyStart(): void;
  /** Called when it has been read to its end, with the fields behind it. */
  onBodyEnd(trailers: readonly string[]): void;
  /** Called when it cannot be read to its end. */
  onBodyError(error: unknown): void;
}

/**
 * `fresh -> open -> ended | failed`, and from any of the first two `-> dropping -> dropped | failed`
 * when what is left is the connection's to read, and nobody else's.
 */
type State = "fresh" | "open" | "ended" | "dropping" | "dropped" | "failed";

/** The body of a request, of known length or chunked. */
export class ServerBody implements IncomingBody {
  readonly length: number | undefined;
  readonly #input: Input;
  readonly #source: Source;
  readonly #host: BodyHost;
  readonly #limit: number;
  readonly #decoder: ChunkedDecoder | undefined;
  /** Bytes still to come; of a chunked body, unknown. */
  #left: number;
  #taken = 0;
  #state: State = "fresh";
  #error: unknown;
  /** The read under way. */
  #reading: Promise<unknown> | undefined;

  /**
   * @param input The connection's input, at the body's first byte.
   * @param source Where what the input lacks is read from.
   * @param length Its length, or `chunkedBody`.
   * @param limit The most bytes it may have; 0 for no limit.
   * @param host The connection.
   */
  constructor(input: Input, source: Source, length: number, limit: number, host: BodyHost) {
    this.#input = input;
    this.#source = source;
    this.#host = host;
    this.#limit = limit;
    this.#decoder = length === chunkedBody ? new ChunkedDecoder() : undefined;
    this.length = length === chunkedBody ? undefined : length;
    this.#left = length === chunkedBody ? Infinity : length;
  }

  /** Whether it was read to its end. */
  get ended(): boolean {
    return this.#state === "ended" || this.#state === "dropped";
  }

  /** Whether somebody is reading it at this moment. */
  get busy(): boolean {
    return this.#reading !== undefined;
  }

  /** Whether it cannot be read to its end. */
  get failed(): boolean {
    return this.#state === "failed";
  }

  /**
   * Whether this is why it cannot be read to its end.
   *
   * @param error What somebody has caught.
   */
  brokenBy(error: unknown): boolean {
    return this.#state === "failed" && this.#error === error;
  }

  /** How many bytes are still to come; `Infinity` if that is unknown. */
  get left(): number {
    return this.#left;
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#open() ? await this.#watch(this.#piece()) : null;
  }

  async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    if (!this.#open()) return empty;
    return await this.#watch(
      this.#decoder === undefined ? this.#readRest() : this.#gather(this.#decoder),
    );
  }

  async readText(): Promise<string> {
    if (!this.#open()) return "";
    const input = this.#input;
    if (this.#decoder !== undefined || input.length < this.#left) {
      return decodeText(await this.readAll());
    }
    const end = input.start + this.#left;
    const text = decodeText(input.buffer.subarray(input.start, end));
    input.start = end;
    this.#end([]);
    return text;
  }

  cancel(): void {}

  /**
   * Reads and drops what is left, if it is not too much. A read under way gets what it wants first;
   * from then on there is nothing more to be read.
   *
   * @param most How many bytes are worth it.
   * @returns Whether the end was reached.
   */
  async drain(most: number): Promise<boolean> {
    while (this.#reading !== undefined) await this.#reading.catch(() => {});
    // Without asking the client to go on.
    if (this.#state === "fresh" || this.#state === "open") this.#state = "dropping";
    for (let n = 0; this.#state === "dropping";) {
      if (this.#decoder === undefined && this.#left > most - n) return false;
      const bytes = await this.#watch(this.#piece());
      n += bytes?.length ?? 0;
      if (n > most) return false;
    }
    return this.ended;
  }

  /** The connection is of no use any more. */
  fail(error: unknown): void {
    if (!this.ended) this.#fail(error);
  }

  /** Whether there is more to read; throws if there was, and cannot be any more. */
  #open(): boolean {
    if (this.#state === "failed") throw this.#error;
    if (this.#state === "ended") return false;
    if (this.#state === "dropping" || this.#state === "dropped") throw answeredError();
    if (this.#state === "fresh") {
      this.#state = "open";
      this.#host.onBodyStart();
    }
    return true;
  }

  /** Lets a read of the connection's bytes come to its end. */
  async #watch<T>(reading: Promise<T>): Promise<T> {
    this.#reading = reading;
    try {
      return await reading;
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#reading = undefined;
    }
  }

  /** What a read of the connection has brought, if the body can still use it. */
  #got(n: number | null): number {
    if (this.#state === "failed") throw this.#error;
    if (n === null) throw cutShort();
    return n;
  }

  #fail(error: unknown): unknown {
    if (this.#state !== "failed") {
      this.#state = "failed";
      this.#error = error;
      this.#host.onBodyError(error);
    }
    return this.#error;
  }

  #end(trailers: readonly string[]): void {
    this.#state = this.#state === "dropping" ? "dropped" : "ended";
    this.#left = 0;
    this.#host.onBodyEnd(trailers);
  }

  #piece(): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#decoder === undefined ? this.#readPlain() : this.#readChunked(this.#decoder);
  }

  async #readPlain(): Promise<Uint8Array<ArrayBuffer>> {
    const input = this.#input;
    if (input.length > 0) return this.#took(input.take(this.#left));
    return this.#took(await this.#readInto(Math.min(this.#left, readSize)));
  }

  /** Reads up to so many bytes past the input. */
  async #readInto(most: number): Promise<Uint8Array<ArrayBuffer>> {
    const target = new Uint8Array(most);
    const n = this.#got(await this.#source.read(target));
    // A view of a mostly empty array would keep all of it alive.
    return n < target.length / 2 ? target.slice(0, n) : target.subarray(0, n);
  }

  #took(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.#left -= bytes.length;
    if (this.#left === 0) this.#end([]);
    return bytes;
  }

  /** The rest of a body of known length goes straight to where it is to be. */
  async #readRest(): Promise<Uint8Array<ArrayBuffer>> {
    const input = this.#input;
    if (input.length >= this.#left) return this.#took(input.take(this.#left));
    const length = this.#left;
    let all = new Uint8Array(Math.min(length, Math.max(trusted, input.length)));
    let at = input.length;
    all.set(input.take(at));
    while (at < length) {
      if (at === all.length) all = new Uint8Array(all.buffer.transfer(Math.min(length, 2 * at)));
      const n = this.#got(await this.#source.read(all.subarray(at)));
      at += n;
      this.#left -= n;
    }
    this.#left = length;
    return this.#took(all);
  }

  async #readChunked(decoder: ChunkedDecoder): Promise<Uint8Array<ArrayBuffer> | null> {
    const input = this.#input;
    for (;;) {
      const found = input.length > 0 ? decoder.next(input.buffer, input.start, input.end) : "more";
      if (found === "data") {
        const bytes = input.buffer.slice(decoder.dataStart, decoder.position);
        input.start = decoder.position;
        return this.#count(bytes);
      }
      if (input.length > 0) input.start = decoder.position;
      if (found === "end") {
        this.#end(decoder.trailers);
        return null;
      }
      if (decoder.remaining > input.buffer.length) return await this.#readPart(decoder);
      const n = this.#got(await input.fill(this.#source)); // which may have moved the end
      input.end += n;
    }
  }

  /** Of a large chunk, past the input: what comes is data and nothing else. */
  async #readPart(decoder: ChunkedDecoder): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.#readInto(Math.min(decoder.remaining, readSize));
    decoder.skip(bytes.length);
    return this.#count(bytes);
  }

  /** Counts the bytes of a chunked body. */
  #count(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.#taken += bytes.length;
    if (this.#limit > 0 && this.#taken > this.#limit) throw new BodyTooLargeError(this.#limit);
    return bytes;
  }

  async #gather(decoder: ChunkedDecoder): Promise<Uint8Array<ArrayBuffer>> {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    for (;;) {
      const part = await this.#readChunked(decoder);
      if (part === null) break;
      parts.push(part);
      length += part.length;
    }
    return concat(parts, length);
  }
}

function cutShort(): ProtocolError {
  return new ProtocolError("the client ended the connection within the body of its request", {
    code: "ERR_HTTP_TRUNCATED",
  });
}

/** Why a body cannot be read any more: what a handler left of it may be dropped by now. */
export function answeredError(): TypeError {
  return new TypeError("cannot read the body of a request that was answered");
}
