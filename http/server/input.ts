/** The bytes that a connection has brought and nobody has taken yet. */

/** Where bytes come from: a connection, or the engine's stream beneath it. */
export interface Source {
  /** As `Conn.read`. */
  read(p: Uint8Array): Promise<number | null>;
}

/** Buffers of connections that have ended, for the next ones. */
const spare: Uint8Array<ArrayBuffer>[] = [];
const maxSpare = 512;

const none = new Uint8Array(0);

/**
 * A buffer in front of a connection. What is there is `buffer[start, end)`; whoever takes of it
 * moves `start` on. It is as small as the messages let it be, since an idle connection holds one.
 */
export class Input {
  /** What holds the bytes; another one after a `fill` that had to make room. */
  buffer: Uint8Array<ArrayBuffer>;
  /** Where the bytes begin. */
  start = 0;
  /** Where they end. */
  end = 0;
  readonly #size: number;
  #view: Uint8Array<ArrayBuffer>;

  /** @param size How many bytes to read at once, at least. */
  constructor(size: number) {
    this.#size = size;
    const used = spare.pop();
    this.buffer = this.#view = used?.length === size ? used : new Uint8Array(size);
  }

  /** Lets go of the buffer, which no read may be filling any more. */
  free(): void {
    if (this.buffer.length === this.#size && spare.length < maxSpare) spare.push(this.buffer);
    this.buffer = this.#view = none;
    this.start = this.end = 0;
  }

  /** How many bytes are there. */
  get length(): number {
    return this.end - this.start;
  }

  /**
   * Reads once, behind what is there. The caller adds what the promise gives to `end`, and begins
   * no other read before that.
   *
   * @param source Where to read from.
   */
  fill(source: Source): Promise<number | null> {
    return source.read(this.room());
  }

  /** Where the next bytes go: behind what is there. */
  room(): Uint8Array<ArrayBuffer> {
    if (this.start === this.end) {
      this.start = this.end = 0;
      // What one large message has needed is not kept for the small ones after it.
      if (this.buffer.length > 4 * this.#size) {
        this.buffer = this.#view = new Uint8Array(this.#size);
      }
    } else if (this.end === this.buffer.length) this.#makeRoom();
    if (this.#view.byteOffset !== this.end || this.#view.buffer !== this.buffer.buffer) {
      this.#view = this.buffer.subarray(this.end);
    }
    return this.#view;
  }

  #makeRoom(): void {
    const { buffer, start, end } = this;
    // Moved when that frees half of it, so that each byte is copied a bounded number of times.
    const target = start >= buffer.length / 2 ? buffer : new Uint8Array(buffer.length * 2);
    target.set(buffer.subarray(start, end));
    this.buffer = target;
    this.start = 0;
    this.end = end - start;
  }

  /**
   * Takes up to `most` bytes, as an array of the caller's own.
   *
   * @param most How many, at most.
   */
  take(most: number): Uint8Array<ArrayBuffer> {
    const end = Math.min(this.end, this.start + most);
    const bytes = this.buffer.slice(this.start, end);
    this.start = end;
    return bytes;
  }
}
