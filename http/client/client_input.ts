/** What a client's connection has read, and how it reads more. */
import type { ClientStream } from "./client_stream.ts";

const empty = new Uint8Array(0);

/** The reading half of a client's connection. Its callbacks are bound once, for all reads. */
export class ClientInput {
  /** What has been read: `buffer[start, end)` is not taken yet. */
  buffer: Uint8Array<ArrayBuffer>;
  start = 0;
  end = 0;
  /** Whether a read that `fill()` has begun is pending. */
  reading = false;
  readonly #stream: ClientStream;
  readonly #size: number;
  readonly #onRead: (n: number | null) => void;
  readonly #onError: (error: unknown) => void;

  /**
   * @param stream The connection.
   * @param size Bytes to read at once.
   * @param onRead Called when `fill()` has read more, or (`false`) met the end.
   * @param onError Called when it has failed.
   */
  constructor(
    stream: ClientStream,
    size: number,
    onRead: (more: boolean) => void,
    onError: (error: unknown) => void,
  ) {
    this.#stream = stream;
    this.#size = size;
    this.buffer = new Uint8Array(size);
    this.#onRead = (n) => {
      this.reading = false;
      if (n !== null) this.end += n;
      onRead(n !== null);
    };
    this.#onError = (error) => {
      this.reading = false;
      onError(stream.readError(error));
    };
  }

  /** Begins to read behind what has not been taken, for which room is made. */
  fill(): void {
    if (this.start === this.end) this.start = this.end = 0;
    else if (this.end === this.buffer.length) this.#grow();
    this.reading = true;
    const p = this.end === 0 ? this.buffer : this.buffer.subarray(this.end);
    this.#stream.readWith(p, this.#onRead, this.#onError);
  }

  #grow(): void {
    const { buffer, start, end } = this;
    if (start === 0) this.buffer = new Uint8Array(2 * buffer.length);
    this.buffer.set(buffer.subarray(start, end));
    this.end = end - start;
    this.start = 0;
  }

  /** Reads into the buffer, of which all has been taken; `false` at the connection's end. */
  async more(): Promise<boolean> {
    this.start = this.end = 0;
    const n = await this.#stream.read(this.buffer);
    if (n !== null) this.end = n;
    return n !== null;
  }

  /** Reads past the buffer, of which all has been taken, into `p`; `null` at the end. */
  into(p: Uint8Array): Promise<number | null> {
    return this.#stream.read(p);
  }

  /** Takes the next bytes out of the buffer, as an array of the caller's own. */
  take(most: number): Uint8Array<ArrayBuffer> {
    const bytes = this.buffer.slice(this.start, Math.min(this.end, this.start + most));
    this.start += bytes.length;
    return bytes;
  }

  /** All has been taken: a buffer that has grown for a large head shrinks again. */
  rewind(): void {
    this.start = this.end = 0;
    if (this.buffer.length > this.#size) this.buffer = new Uint8Array(this.#size);
  }

  /** The connection is closed: the buffer need not be held as long as its body is. */
  drop(): void {
    this.buffer = empty;
    this.start = this.end = 0;
  }
}
