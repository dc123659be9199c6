/** The bodies of responses, as they come over a connection. */
import { concat, decodeText } from "../web/body.ts";
import { headersOf } from "../headers.ts";
import type { ClientInput } from "./client_input.ts";
import { ChunkedDecoder } from "../h1/chunked.ts";
import type { IncomingBody } from "../incoming.ts";

/** Whose connection a body comes over. */
export interface BodyOwner {
  /** The last byte of the body has been taken. */
  bodyEnded(): void;
  /**
   * The body is of no further use, nor is the connection.
   *
   * @param cause What reading it threw; `undefined`: it was cut short.
   * @returns The error that its reader gets.
   */
  bodyFailed(cause: unknown): unknown;
  /** Nobody wants the rest, which is read nevertheless, for the connection's sake. */
  bodyDraining(): void;
  /** Nobody wants the rest, and it is too much to be read. */
  bodyCancelled(): void;
}

/** The most of an unread body that is read so that its connection can be used again. */
export const maxDrain = 256 * 1024;

/** What is read at once of a body that is longer than the connection's buffer. */
const pieceSize = 64 * 1024;

/** A body that had come as a whole when its head was read: its connection is free already. */
export class WholeBody implements IncomingBody {
  readonly length: number | undefined;
  #bytes: Uint8Array<ArrayBuffer> | null;

  /**
   * @param bytes The body, the reader's own; `null` for an empty one.
   * @param length What the head said of its length.
   */
  constructor(bytes: Uint8Array<ArrayBuffer> | null, length: number | undefined) {
    this.#bytes = bytes;
    this.length = length;
  }

  read(): Promise<Uint8Array<ArrayBuffer> | null> {
    const bytes = this.#bytes;
    this.#bytes = null;
    return Promise.resolve(bytes?.length === 0 ? null : bytes);
  }

  readAll(): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = this.#bytes;
    this.#bytes = null;
    return Promise.resolve(bytes ?? new Uint8Array(0));
  }

  readText(): Promise<string> {
    const bytes = this.#bytes;
    this.#bytes = null;
    return Promise.resolve(bytes === null ? "" : decodeText(bytes));
  }

  cancel(): void {
    this.#bytes = null;
  }
}

/**
 * `open` goes to `ended` with the last byte, to `failed` for good, or, when nobody wants the rest,
 * to `cancelled`.
 */
type State = "open" | "ended" | "failed" | "cancelled";

/** A body that still comes in. */
export abstract class ConnBody implements IncomingBody {
  abstract readonly length: number | undefined;
  protected readonly input: ClientInput;
  readonly #owner: BodyOwner;
  #state: State = "open";
  #error: unknown;
  #reading = false;
  #trailers: PromiseWithResolvers<Headers> | undefined;

  /**
   * @param input Where it comes from.
   * @param owner Who is told of its end.
   */
  constructor(input: ClientInput, owner: BodyOwner) {
    this.input = input;
    this.#owner = owner;
  }

  /** The next bytes, `null` at the end; calls `end()` with the last of them, or after. */
  protected abstract next(): Promise<Uint8Array<ArrayBuffer> | null>;

  /** The fields behind the body, flat. */
  protected trailerFields(): readonly string[] {
    return [];
  }

  /** Whether more than `limit` bytes are still to come, as far as is known. */
  protected exceeds(_limit: number): boolean {
    return false;
  }

  /** All that is left, in one array. */
  protected async rest(): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    while (this.#state === "open") {
      const piece = await this.next();
      if (piece === null) break;
      pieces.push(piece);
      length += piece.length;
    }
    return concat(pieces, length);
  }

  read(): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#do(() => this.next(), null);
  }

  readAll(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#do(() => this.rest(), new Uint8Array(0));
  }

  async #do<T>(work: () => Promise<T>, atEnd: T): Promise<T> {
    if (this.#state === "failed") throw this.#error;
    if (this.#state !== "open") return atEnd;
    this.#reading = true;
    try {
      return await work();
    } catch (error) {
      this.fail(error === cut ? undefined : error);
      // An abort has said why, before this error came of it.
      throw this.#error;
    } finally {
      this.#reading = false;
    }
  }

  cancel(): void {
    if (this.#state !== "open") return;
    this.#state = "cancelled";
    this.#settleTrailers();
    // A read that is still pending waits for a peer that has nothing to say now.
    if (this.#reading || this.exceeds(maxDrain)) return this.#owner.bodyCancelled();
    this.#owner.bodyDraining();
    void this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      for (let left = maxDrain; left >= 0;) {
        const bytes = await this.next();
        if (bytes === null || this.#state !== "cancelled") return;
        left -= bytes.length;
      }
    } catch {
      // Nobody wants it, so nobody is told.
    }
    if (this.#state === "cancelled") this.#owner.bodyCancelled();
  }

  /**
   * Ends the body for its reader, with an error.
   *
   * @param cause What reading it threw; `undefined`: it was cut short.
   */
  fail(cause: unknown): void {
    if (this.#state !== "open") return;
    this.interrupt(this.#owner.bodyFailed(cause));
  }

  /**
   * Ends the body for its reader; the connection knows.
   *
   * @param reason What the reader gets.
   */
  interrupt(reason: unknown): void {
    if (this.#state !== "open") return;
    this.#state = "failed";
    this.#error = reason;
    this.#settleTrailers();
  }

  /** The last byte has been taken. */
  protected end(): void {
    if (this.#state === "ended" || this.#state === "failed") return;
    this.#state = "ended";
    this.#settleTrailers();
    this.#owner.bodyEnded();
  }

  /** The fields behind the body, once it was read to its end. */
  trailers(): Promise<Headers> {
    if (this.#trailers === undefined) {
      this.#trailers = Promise.withResolvers();
      this.#trailers.promise.catch(() => {}); // asked for or not
      this.#settleTrailers();
    }
    return this.#trailers.promise;
  }

  #settleTrailers(): void {
    if (this.#state === "failed") this.#trailers?.reject(this.#error);
    else if (this.#state !== "open") this.#trailers?.resolve(headersOf(this.trailerFields()));
  }
}

/** Thrown inside a body, where its connection has ended too early. */
const cut = new Error("the body was cut short");

/** A body of known length. */
export class ExactBody extends ConnBody {
  readonly length: number;
  #left: number;

  /**
   * @param input Where it comes from.
   * @param owner Who is told of its end.
   * @param length Its length, above 0.
   */
  constructor(input: ClientInput, owner: BodyOwner, length: number) {
    super(input, owner);
    this.length = this.#left = length;
  }

  protected override exceeds(limit: number): boolean {
    return this.#left - (this.input.end - this.input.start) > limit;
  }

  protected async next(): Promise<Uint8Array<ArrayBuffer>> {
    const { input } = this;
    if (input.start < input.end) {
      const bytes = input.take(this.#left);
      this.#took(bytes.length);
      return bytes;
    }
    const p = new Uint8Array(Math.min(this.#left, pieceSize));
    const n = await input.into(p);
    if (n === null) throw cut;
    this.#took(n);
    return n === p.length ? p : p.subarray(0, n);
  }

  /** Straight into the array that the reader gets: nothing is copied but what came with the head. */
  protected override async rest(): Promise<Uint8Array<ArrayBuffer>> {
    const { input } = this;
    const all = new Uint8Array(this.#left);
    let at = 0;
    if (input.start < input.end) {
      at = Math.min(input.end - input.start, all.length);
      all.set(input.buffer.subarray(input.start, input.start + at));
      input.start += at;
    }
    while (at < all.length) {
      const n = await input.into(at === 0 ? all : all.subarray(at));
      if (n === null) throw cut;
      at += n;
    }
    this.#took(at);
    return all;
  }

  #took(n: number): void {
    this.#left -= n;
    if (this.#left === 0) this.end();
  }
}

/** A chunked body. */
export class ChunkedBody extends ConnBody {
  readonly length = undefined;
  readonly #decoder = new ChunkedDecoder();
  /** What {@linkcode whole} has found of a body that was not whole. */
  #held: Uint8Array<ArrayBuffer> | undefined;
  #done = false;

  /**
   * Decodes what came with the head.
   *
   * @returns The body, if that was all of it.
   * @throws {ProtocolError} It is malformed.
   */
  whole(): Uint8Array<ArrayBuffer> | undefined {
    const bytes = this.#decode();
    if (this.#done) return bytes ?? new Uint8Array(0);
    this.#held = bytes;
    return undefined;
  }

  /** The fields behind the body, flat, once it is done. */
  override trailerFields(): readonly string[] {
    return this.#done ? this.#decoder.trailers : [];
  }

  protected async next(): Promise<Uint8Array<ArrayBuffer> | null> {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) return held;
    for (;;) {
      const bytes = this.#decode() ?? await this.#large();
      if (this.#done) this.end();
      if (bytes !== undefined) return bytes;
      if (this.#done) return null;
      const { input } = this;
      if (input.start === input.end && !await input.more()) throw cut;
    }
  }

  /** What the buffer has of the body, however many chunks. */
  #decode(): Uint8Array<ArrayBuffer> | undefined {
    const { input } = this;
    let first: Uint8Array<ArrayBuffer> | undefined;
    let pieces: Uint8Array<ArrayBuffer>[] | undefined;
    let length = 0;
    for (;;) {
      if (input.start === input.end) break;
      const found = this.#decoder.next(input.buffer, input.start, input.end);
      input.start = this.#decoder.position;
      if (found === "more") break;
      if (found === "end") {
        this.#done = true;
        break;
      }
      const piece = input.buffer.slice(this.#decoder.dataStart, this.#decoder.position);
      length += piece.length;
      if (first === undefined) first = piece;
      else (pieces ??= [first]).push(piece);
    }
    return pieces === undefined ? first : concat(pieces, length);
  }

  /** The data of a large chunk, past the buffer. */
  async #large(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { input } = this;
    const { remaining } = this.#decoder;
    if (this.#done || input.start < input.end || remaining < input.buffer.length) {
      return undefined;
    }
    const p = new Uint8Array(Math.min(remaining, pieceSize));
    const n = await input.into(p);
    if (n === null) throw cut;
    this.#decoder.skip(n);
    return n === p.length ? p : p.subarray(0, n);
  }
}

/** A body that ends with its connection. */
export class UntilCloseBody extends ConnBody {
  readonly length = undefined;
  readonly #inOrder: () => Promise<boolean>;

  /**
   * @param input Where it comes from.
   * @param owner Who is told of its end.
   * @param inOrder Tells, once there is no more to read, whether the peer has ended in order.
   */
  constructor(input: ClientInput, owner: BodyOwner, inOrder: () => Promise<boolean>) {
    super(input, owner);
    this.#inOrder = inOrder;
  }

  protected async next(): Promise<Uint8Array<ArrayBuffer> | null> {
    const { input } = this;
    if (input.start < input.end) return input.take(Infinity);
    const p = new Uint8Array(pieceSize);
    const n = await input.into(p);
    if (n !== null) return p.subarray(0, n);
    if (!await this.#inOrder()) throw cut;
    this.end();
    return null;
  }

  /** Nothing is gained by reading it: the connection ends with it. */
  protected override exceeds(): boolean {
    return true;
  }
}
