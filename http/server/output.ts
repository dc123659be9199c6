/** What goes out on a connection: gathered, and written with as few calls as may be. */
import { Buffer } from "node:buffer";

/** Where bytes go: a connection, or the engine's stream beneath it. */
export interface Sink {
  /** Writes some of `p`, or all of it. */
  write(p: Uint8Array): Promise<number>;
  /** Writes what there is room for at once, which may be nothing; throws when it cannot. */
  writeNow?(p: Uint8Array): number;
}

/** The size of a gathering buffer. What is larger goes out from its own array. */
const bufferSize = 16 * 1024;

/**
 * Gathering buffers that no connection uses at the moment: as many as may be wanted at once, when
 * something happens that many are told of.
 */
const spare: Uint8Array<ArrayBuffer>[] = [];
const maxSpare = 512;

const encoder = new TextEncoder();
const empty = new Uint8Array(0);

/** Somebody who waits until a number of bytes have been written. */
interface Waiter {
  readonly until: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The output of a connection. Small pieces are gathered until `flush`, one write is under way at a
 * time, and a gathering buffer belongs to the connection only while it holds something.
 *
 * An array given to `bytes` may go out as it is: it must not change until it is written.
 */
export class Output {
  readonly #sink: Sink;
  readonly #onFail: (error: unknown) => void;
  readonly #onWritten: (n: number) => void;
  readonly #onError: (error: unknown) => void;
  /** What is to be written after the write under way, before the gathering buffer. */
  #queue: Uint8Array[] = [];
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #length = 0;
  /** What stands behind that, not encoded yet. */
  #text = "";
  /** What is being written, and the gathering buffer it is a part of, if it is. */
  #chunk: Uint8Array = empty;
  #gathered: Uint8Array<ArrayBuffer> | undefined;
  #queued = 0;
  #written = 0;
  #waiters: Waiter[] = [];
  #failure: { error: unknown } | undefined;
  #hops = 0;

  /**
   * @param sink Where it goes.
   * @param onFail Called once, when a write has failed.
   */
  constructor(sink: Sink, onFail: (error: unknown) => void) {
    this.#sink = sink;
    this.#onFail = onFail;
    this.#onWritten = (n) => this.#wrote(n);
    this.#onError = (error) => this.fail(error);
  }

  /** How many bytes have not been written yet. */
  get pending(): number {
    return this.#queued - this.#written;
  }

  /**
   * Puts text in.
   *
   * @param text Its characters.
   * @param charset One byte for each character up to U+00FF, or UTF-8.
   */
  text(text: string, charset: "latin1" | "utf8"): void {
    const longest = charset === "latin1" ? text.length : text.length * 3;
    if (longest > bufferSize) return this.bytes(Buffer.from(text, charset));
    const buffer = this.#room(longest);
    let written: number;
    if (charset === "utf8") {
      written = encoder.encodeInto(text, buffer.subarray(this.#length)).written;
    } else {
      written = Buffer.prototype.latin1Write.call(buffer, text, this.#length, text.length);
    }
    this.#length += written;
    this.#queued += written;
  }

  /**
   * Puts ASCII in, as nearly every head and many a body is. It is encoded with what follows.
   *
   * @param text Its characters, none above U+007F.
   */
  ascii(text: string): void {
    if (this.#length + this.#text.length + text.length > bufferSize) {
      if (text.length > bufferSize) return this.bytes(encoder.encode(text));
      this.#seal();
    }
    this.#text = this.#text === "" ? text : this.#text + text;
    this.#queued += text.length;
  }

  /**
   * Puts bytes in.
   *
   * @param p The bytes, not to be changed until they are written.
   */
  bytes(p: Uint8Array): void {
    this.#queued += p.length;
    if (p.length <= bufferSize / 2) {
      const buffer = this.#room(p.length);
      buffer.set(p, this.#length);
      this.#length += p.length;
    } else {
      this.#seal();
      this.#queue.push(p);
    }
  }

  /** Writes what is there, now or as soon as the write under way is done. */
  flush(): void {
    if (this.#chunk.length > 0) return;
    if (this.#failure !== undefined) return this.#drop();
    if (this.#queue.length > 0) this.#chunk = this.#queue.shift()!;
    else if (this.#length > 0 || this.#text !== "") {
      this.#encode();
      this.#gathered = this.#buffer!;
      this.#chunk = this.#gathered.subarray(0, this.#length);
      this.#buffer = undefined;
      this.#length = 0;
    } else return;
    if (this.#sink.writeNow !== undefined) this.#writeNow();
    else this.#sink.write(this.#chunk).then(this.#onWritten, this.#onError);
  }

  #writeNow(): void {
    let n: number;
    try {
      n = this.#sink.writeNow!(this.#chunk);
    } catch (error) {
      // Not within the call: who flushes does not expect to be closed by it.
      return void Promise.reject(error).catch(this.#onError);
    }
    if (n > 0) this.#wrote(n);
    else this.#sink.write(this.#chunk).then(this.#onWritten, this.#onError);
  }

  /**
   * Flushes a few microtasks later, so that what follows at once goes along.
   *
   * @param hops How many microtasks.
   */
  flushSoon(hops: number): void {
    const waiting = this.#hops > 0;
    this.#hops = hops;
    if (!waiting) queueMicrotask(this.#hop);
  }

  readonly #hop = (): void => {
    if (--this.#hops > 0) queueMicrotask(this.#hop);
    else this.flush();
  };

  /** Resolves when all that is there now has been written; flushes it. */
  drained(): Promise<void> {
    this.flush();
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    if (this.pending === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ until: this.#queued, resolve, reject });
    });
  }

  /**
   * Gives up: what is pending is dropped, and who waits is told.
   *
   * @param error Why.
   */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#chunk = empty;
    this.#drop();
    for (const { reject } of this.#waiters.splice(0)) reject(error);
    this.#onFail(error);
  }

  #drop(): void {
    this.#queue = [];
    this.#length = 0;
    this.#text = "";
    this.#buffer = undefined;
    this.#written = this.#queued;
  }

  /** The gathering buffer, with room for so many bytes. */
  #room(n: number): Uint8Array<ArrayBuffer> {
    if (this.#text !== "") this.#encode();
    if (this.#buffer !== undefined && this.#length + n > bufferSize) this.#seal();
    return this.#buffer ??= spare.pop() ?? new Uint8Array(bufferSize);
  }

  /** Brings the text to the gathering buffer, which has room for it. */
  #encode(): void {
    if (this.#text === "") return;
    const buffer = this.#buffer ??= spare.pop() ?? new Uint8Array(bufferSize);
    const target = this.#length === 0 ? buffer : buffer.subarray(this.#length);
    this.#length += encoder.encodeInto(this.#text, target).written;
    this.#text = "";
  }

  /** Puts the gathering buffer in the queue. */
  #seal(): void {
    this.#encode();
    if (this.#length === 0) return;
    this.#queue.push(this.#buffer!.subarray(0, this.#length));
    this.#buffer = undefined;
    this.#length = 0;
  }

  #wrote(n: number): void {
    if (this.#failure !== undefined) return;
    this.#written += n;
    if (n < this.#chunk.length) {
      this.#chunk = this.#chunk.subarray(n);
      this.#sink.write(this.#chunk).then(this.#onWritten, this.#onError);
    } else {
      this.#chunk = empty;
      if (this.#gathered !== undefined && spare.length < maxSpare) spare.push(this.#gathered);
      this.#gathered = undefined;
      if (this.#queue.length > 0 || this.#hops === 0) this.flush();
    }
    while (this.#waiters.length > 0 && this.#waiters[0].until <= this.#written) {
      this.#waiters.shift()!.resolve();
    }
  }
}
