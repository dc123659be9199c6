/**
 * The first byte a TLS server gets: whoever begins otherwise than TLS does is told so in plain
 * text, which TLS itself cannot.
 */
import type { ByteStream } from "../stream.ts";

/** What a server tells a client that does not speak TLS, in the client's own protocol. */
export type PlainAnswer = Uint8Array<ArrayBufferLike> | undefined;

/** How long a client that was told is given to read it, in ms. */
export const lingerTime = 500;

/** The record that a client begins with: a handshake (RFC 8446 5.1). */
const handshakeRecord = 0x16;

/**
 * Whether a client speaks TLS.
 *
 * @param first The first byte it sent.
 */
export function isTls(first: number): boolean {
  return first === handshakeRecord;
}

/** The error of every operation on a connection whose client does not speak TLS. */
export function plainError(): Error {
  return new Deno.errors.InvalidData("the peer does not speak TLS");
}

/** A stream below TLS that looks at its first byte. */
export class SniffedStream implements ByteStream {
  readonly #inner: ByteStream;
  readonly #answer: PlainAnswer;
  #sniffed = false;
  #plain = false;
  #lingering: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param inner The stream, from now on this one's alone.
   * @param answer What a client that does not speak TLS is told.
   */
  constructor(inner: ByteStream, answer: PlainAnswer) {
    this.#inner = inner;
    this.#answer = answer;
  }

  async read(p: Uint8Array): Promise<number | null> {
    const n = await this.#inner.read(p);
    if (this.#sniffed || n === null || n === 0) return n;
    this.#sniffed = true;
    if (isTls(p[0])) return n;
    this.#plain = true;
    this.#tell();
    throw plainError();
  }

  async write(p: Uint8Array): Promise<number> {
    if (this.#plain) throw plainError();
    return await this.#inner.write(p);
  }

  async closeWrite(): Promise<void> {
    if (!this.#plain) await this.#inner.closeWrite();
  }

  /** Closes, but for a client that was told: it is given time to read. */
  close(): void {
    if (!this.#plain) this.#inner.close();
  }

  ref(): void {
    if (!this.#plain) this.#inner.ref();
  }

  unref(): void {
    if (!this.#plain) this.#inner.unref();
  }

  /** To close with bytes unread would reset the connection, and the answer with it. */
  async #tell(): Promise<void> {
    this.#lingering = setTimeout(() => this.#inner.close(), lingerTime);
    try {
      if (this.#answer !== undefined) await this.#inner.write(this.#answer);
      await this.#inner.closeWrite();
      const p = new Uint8Array(4096);
      while (await this.#inner.read(p) !== null);
    } catch {
      // The client has gone, or the time is up.
    }
    clearTimeout(this.#lingering);
    this.#inner.close();
  }
}
