/** The reading half of a stream: deadlines over a read that cannot be taken back. */
import { Deadline, MovingDeadline, TimeoutError, type WaitOptions } from "../deadline.ts";

/** The byte stream of an engine, reading half. */
export interface ByteSource {
  /** As `Deno.Conn.read`. */
  read(p: Uint8Array): Promise<number | null>;
}

/** What a half needs from its connection. */
export interface HalfHost {
  /** Makes the error of a failed operation; no cause means a deadline. */
  fail(op: string, cause?: unknown): Error;
  /** Makes the error of an operation on a closed connection. */
  closed(op: string): Error;
  /** A read is pending that nobody waits for (`true`), or somebody does again (`false`). */
  park(parked: boolean): void;
}

/**
 * From this length on, a read begun without a deadline goes straight into the caller's array, and
 * a write goes straight out of it. A shorter array is copied: that costs less than a microsecond,
 * and leaves the caller's own whatever deadline is set later.
 */
export const lendFrom = 16 * 1024;

/** The most a read or write takes at once through the connection's own buffer. */
export const ownBufferSize = 64 * 1024;

interface Reader {
  readonly p: Uint8Array;
  /** Whether a limit of its own may end this read early, so that `p` must not be lent. */
  readonly limited: boolean;
  readonly resolve: (n: number | null) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What the pending read of the engine fills: nothing is pending (`none`), the connection's own
 * buffer (`own`), or the array of the first reader (`lent`). `none -> own | lent -> none`.
 */
type Flight = "none" | "own" | "lent";

const empty = new Uint8Array(0);

/** Whether a wait ended by its own clock; a signal's reason is the caller's, whatever it is. */
export function timeIsUp(reason: unknown, { signal }: WaitOptions): boolean {
  return reason instanceof TimeoutError && !(signal?.aborted && reason === signal.reason);
}

/** The error of a read or write that was given something else than bytes. */
export function notBytes(op: string, p: unknown): TypeError {
  const got = Object.prototype.toString.call(p);
  return new TypeError(`${op} needs a Uint8Array, got ${got}`);
}

/** A buffer of the connection for `wanted` bytes: grown in powers of two, up to the limit. */
export function ownBuffer(current: Uint8Array, wanted: number): Uint8Array {
  const size = Math.min(wanted, ownBufferSize);
  if (current.length >= size) return current;
  return new Uint8Array(Math.max(512, 2 ** Math.ceil(Math.log2(size))));
}

/**
 * Reads of a connection, first come, first served. An engine's read cannot be cancelled, so one
 * whose reader has left stays parked, and what it brings is kept for the next reader.
 */
export class ReadHalf {
  readonly #source: ByteSource;
  readonly #host: HalfHost;
  readonly #deadline: MovingDeadline = new MovingDeadline(() => this.#expire());
  readonly #readers: Reader[] = [];
  readonly #onRead: (n: number | null) => void;
  readonly #onError: (error: unknown) => void;
  #buffer: Uint8Array = empty;
  #flight: Flight = "none";
  #target: Uint8Array = empty;
  #lentTo: Reader | undefined;
  #kept: Uint8Array = empty;
  /** What ended the reading direction, once something has. */
  #failure: { cause: unknown } | undefined;
  #closed = false;

  constructor(source: ByteSource, host: HalfHost) {
    this.#source = source;
    this.#host = host;
    this.#onRead = (n) => this.#arrived(n);
    this.#onError = (error) => this.#failed(error);
  }

  /** Whether a read is pending that nobody waits for. */
  get parked(): boolean {
    return this.#flight !== "none" && this.#readers.length === 0;
  }

  /** Moves the deadline of pending and future reads. */
  setDeadline(deadline: Date | number | null): void {
    this.#deadline.set(deadline);
  }

  /** Reads into `p`, as `Conn.read`. */
  read(p: Uint8Array, wait?: WaitOptions): Promise<number | null> {
    if (!(p instanceof Uint8Array)) return Promise.reject(notBytes("read", p));
    if (this.#closed) return Promise.reject(this.#host.closed("read"));
    if (wait !== undefined) return this.#readWithin(p, wait);
    if (this.#deadline.passed) return Promise.reject(this.#host.fail("read"));
    if (p.length === 0) return Promise.resolve(0);
    return new Promise((resolve, reject) => {
      this.#enqueue({ p, limited: false, resolve, reject });
    });
  }

  #readWithin(p: Uint8Array, wait: WaitOptions): Promise<number | null> {
    return new Promise((resolve, reject) => {
      const deadline = new Deadline(wait, { phase: "read" });
      if (deadline.unlimited) return resolve(this.read(p));
      let stop = () => {};
      let left = false;
      const reader: Reader = {
        p,
        limited: true,
        resolve: (n) => (stop(), resolve(n)),
        reject: (error) => (stop(), reject(error)),
      };
      const leave = (reason: unknown) => {
        left = true;
        this.#leave(reader);
        reject(timeIsUp(reason, wait) ? this.#host.fail("read", reason) : reason);
      };
      if (deadline.expired) return deadline.watch(leave);
      if (this.#deadline.passed) return reject(this.#host.fail("read"));
      if (p.length === 0) return resolve(0);
      stop = deadline.watch(leave);
      // The time may be up since it was looked at: who has left is not to take any bytes along.
      if (!left) this.#enqueue(reader);
    });
  }

  /** Ends every read, pending and future, with the closed error. */
  close(): void {
    this.#closed = true;
    this.#deadline.stop();
    this.#kept = this.#buffer = empty;
    for (const reader of this.#readers.splice(0)) reader.reject(this.#host.closed("read"));
  }

  #enqueue(reader: Reader): void {
    this.#deadline.begin();
    if (this.#readers.push(reader) > 1) return;
    if (this.#flight === "none") this.#serve();
    else this.#host.park(false);
  }

  /** Gives the first reader what is there, or starts the engine's read for it. */
  #serve(): void {
    for (;;) {
      const reader = this.#readers[0];
      if (reader === undefined) return this.#deadline.end();
      if (this.#kept.length > 0) {
        this.#readers.shift();
        reader.resolve(this.#deliver(this.#kept, reader.p));
      } else if (this.#failure !== undefined) {
        this.#readers.shift();
        reader.reject(this.#host.fail("read", this.#failure.cause));
      } else return this.#start(reader);
    }
  }

  #start(reader: Reader): void {
    const { p } = reader;
    if (p.length >= lendFrom && !reader.limited && !this.#deadline.active) {
      this.#flight = "lent";
      this.#lentTo = reader;
      this.#target = p;
    } else {
      this.#flight = "own";
      this.#buffer = ownBuffer(this.#buffer, p.length);
      const length = Math.min(p.length, this.#buffer.length);
      if (this.#target.buffer !== this.#buffer.buffer || this.#target.length !== length) {
        this.#target = this.#buffer.subarray(0, length);
      }
    }
    this.#source.read(this.#target).then(this.#onRead, this.#onError);
  }

  /** Copies `bytes` into `p`; what does not fit is kept. */
  #deliver(bytes: Uint8Array, p: Uint8Array): number {
    const n = Math.min(bytes.length, p.length);
    p.set(n === bytes.length ? bytes : bytes.subarray(0, n));
    this.#kept = n === bytes.length ? empty : bytes.subarray(n);
    return n;
  }

  #arrived(n: number | null): void {
    const { owner, target } = this.#land();
    if (this.#closed) return;
    const reader = this.#readers[0];
    if (n === null) {
      // The engine says "end" again to whoever asks again.
      if (reader !== undefined) this.#readers.shift();
      reader?.resolve(null);
    } else if (reader !== undefined && reader === owner) {
      this.#readers.shift();
      reader.resolve(n);
    } else if (reader !== undefined) {
      this.#readers.shift();
      // What is left over must outlive the buffer's next use, and `p` may be a part of the buffer:
      // of an array that was lent to a read cut short.
      const bytes = n > reader.p.length ? target.slice(0, n) : target.subarray(0, n);
      reader.resolve(this.#deliver(bytes, reader.p));
    } else {
      this.#kept = target.slice(0, n);
    }
    this.#serve();
  }

  #failed(error: unknown): void {
    this.#land();
    if (this.#closed) return;
    // The engine reports a reset once and then an orderly end: it must not look like one.
    this.#failure = { cause: error };
    this.#serve();
  }

  /** The pending read has come back. */
  #land(): { owner: Reader | undefined; target: Uint8Array } {
    const landed = { owner: this.#lentTo, target: this.#target };
    if (this.#flight === "lent") {
      this.#lentTo = undefined;
      this.#target = empty;
    }
    this.#flight = "none";
    if (this.#readers.length === 0 && !this.#closed) this.#host.park(false);
    return landed;
  }

  #leave(reader: Reader): void {
    const index = this.#readers.indexOf(reader);
    if (index < 0) return;
    this.#readers.splice(index, 1);
    if (this.#readers.length === 0) this.#rest();
  }

  #expire(): void {
    for (const reader of this.#readers.splice(0)) reader.reject(this.#host.fail("read"));
    this.#rest();
  }

  #rest(): void {
    this.#deadline.end();
    if (this.#flight !== "none") this.#host.park(true);
  }
}
