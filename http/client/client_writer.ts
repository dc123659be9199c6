/** Writes a request whose body does not go out together with its head. */
import type { Conn } from "../../net/conn.ts";
import { OpError } from "../../net/errors.ts";
import { chunkHead, lastChunk, writeText } from "../h1/encode.ts";
import { chunkedBody } from "../h1/framing.ts";

/** A body to write. */
export type WritableBody = null | string | Uint8Array | Blob | ReadableStream<Uint8Array>;

/** What there is to write. */
export interface WriteJob {
  /** The head, with its empty line. */
  readonly head: string;
  /** Gives the body; called once, when its turn has come. */
  readonly body: () => WritableBody;
  /** Its length: bytes, or `chunkedBody`. */
  readonly bodyLength: number;
  /** The most that is put together to be written at once. */
  readonly bufferSize: number;
  /** Says whether the body is wanted; at once by default. */
  readonly gate?: () => Promise<boolean>;
  /** The head was written. */
  onHead(): void;
}

/** Why a request was not written. */
export class WriteFailure extends Error {
  override readonly name = "WriteFailure";
  /** Whether the caller's own body has failed, and not the connection. */
  readonly source: boolean;
  /** Whether nothing has gone out. */
  readonly nothingWritten: boolean;

  /**
   * @param cause What has failed.
   * @param source Whether that is the body.
   * @param nothingWritten Whether nothing has gone out.
   */
  constructor(cause: unknown, source: boolean, nothingWritten: boolean) {
    super("the request was not written", { cause });
    this.source = source;
    this.nothingWritten = nothingWritten;
  }
}

/** Writes one request, its body in pieces. */
export class RequestWriter {
  readonly #conn: Conn;
  readonly #job: WriteJob;
  #out: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #stopped = false;
  /** Whether the body has come to its end, so that only the connection is waited for. */
  finishing = false;

  /**
   * @param conn Where to write.
   * @param job What to write.
   */
  constructor(conn: Conn, job: WriteJob) {
    this.#conn = conn;
    this.#job = job;
  }

  /**
   * Writes the request.
   *
   * @returns Whether all of it was written; `false` when the body was not wanted.
   * @throws {WriteFailure} It could not be.
   */
  async run(): Promise<boolean> {
    const { head, gate, body, bodyLength } = this.#job;
    const bytes = new Uint8Array(head.length);
    await this.#write(bytes.subarray(0, writeText(bytes, head, 0)), true);
    this.#job.onHead();
    if (gate !== undefined && !await gate()) return false;
    if (this.#stopped) return false;
    let content: WritableBody;
    try {
      content = body();
    } catch (error) {
      throw new WriteFailure(error, true, false);
    }
    if (typeof content === "string") content = new TextEncoder().encode(content);
    if (content instanceof Uint8Array && bodyLength !== chunkedBody) {
      if (content.length !== bodyLength) throw this.#mismatch(content.length);
      this.finishing = true;
      await this.#write(content);
      return true;
    }
    return await this.#pump(streamOf(content));
  }

  /**
   * Ends the writing, as nobody wants the rest.
   *
   * @param reason Why, for the body's source.
   */
  stop(reason: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#reader?.cancel(reason).catch(() => {});
  }

  async #pump(stream: ReadableStream<Uint8Array>): Promise<boolean> {
    const { bodyLength } = this.#job;
    const chunked = bodyLength === chunkedBody;
    let written = 0;
    try {
      const reader = this.#reader = stream.getReader();
      for (;;) {
        const piece = await reader.read();
        if (this.#stopped) return false;
        if (piece.done) break;
        const bytes: unknown = piece.value;
        if (!(bytes instanceof Uint8Array)) {
          throw new TypeError(`a body must give Uint8Arrays, got ${kindOf(bytes)}`);
        }
        if (bytes.length === 0) continue;
        written += bytes.length;
        if (!chunked && written > bodyLength) throw this.#mismatch(written);
        // The server may answer as soon as it has them all, before the source says that it is done.
        this.finishing = written === bodyLength;
        if (chunked) await this.#writeChunk(bytes);
        else await this.#write(bytes);
        if (this.#stopped) return false;
      }
    } catch (error) {
      const failure = error instanceof WriteFailure ? error : new WriteFailure(error, true, false);
      // A source that has failed by itself knows.
      this.#reader?.cancel(failure.cause).catch(() => {});
      throw failure;
    }
    if (!chunked && written < bodyLength) throw this.#mismatch(written);
    this.finishing = true;
    if (chunked) {
      const end = lastChunk();
      const out = this.#buffer(end.length);
      await this.#write(out.subarray(0, writeText(out, end, 0)));
    }
    return true;
  }

  async #writeChunk(bytes: Uint8Array): Promise<void> {
    const head = chunkHead(bytes.length);
    const length = head.length + bytes.length + 2;
    if (length <= this.#job.bufferSize) {
      const out = this.#buffer(length);
      const at = writeText(out, head, 0);
      out.set(bytes, at);
      writeText(out, "\r\n", at + bytes.length);
      return await this.#write(out.subarray(0, length));
    }
    const out = this.#buffer(head.length);
    await this.#write(out.subarray(0, writeText(out, head, 0)));
    await this.#write(bytes);
    await this.#write(out.subarray(0, writeText(out, "\r\n", 0)));
  }

  async #write(bytes: Uint8Array, first = false): Promise<void> {
    try {
      await this.#conn.write(bytes);
    } catch (error) {
      throw new WriteFailure(error, false, first && wroteNothing(error));
    }
  }

  #buffer(length: number): Uint8Array<ArrayBuffer> {
    if (this.#out.length < length) this.#out = new Uint8Array(Math.max(length, 4096));
    return this.#out;
  }

  #mismatch(length: number): WriteFailure {
    const { bodyLength } = this.#job;
    const more = length > bodyLength ? "more than" : `${length} of`;
    const cause = new TypeError(`the body has ${more} the ${bodyLength} bytes announced`);
    return new WriteFailure(cause, true, false);
  }
}

/**
 * Whether a failed write has put nothing on the wire.
 *
 * @param error What the connection threw.
 */
export function wroteNothing(error: unknown): boolean {
  return error instanceof OpError && error.bytesWritten === 0;
}

function streamOf(body: WritableBody): ReadableStream<Uint8Array> {
  if (body instanceof ReadableStream) return body;
  if (body instanceof Blob) return body.stream();
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return new ReadableStream({
    start(controller) {
      if (bytes !== null) controller.enqueue(bytes);
      controller.close();
    },
  });
}

function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
