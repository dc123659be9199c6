/** The writing half of a stream: all or nothing, with an account of what was taken. */
import { Deadline, MovingDeadline, type WaitOptions } from "../deadline.ts";
import { OpError } from "./errors.ts";
import { type HalfHost, lendFrom, notBytes, ownBuffer, timeIsUp } from "./read_half.ts";

/** The byte stream of an engine, writing half. */
export interface ByteSink {
  /** As `Deno.Conn.write`: writes some of `p`. */
  write(p: Uint8Array): Promise<number>;
  /** As `Deno.Conn.closeWrite`. */
  closeWrite(): Promise<void>;
}

interface Writer {
  /** What to write; `null` asks for the end of writing. */
  readonly p: Uint8Array | null;
  readonly limited: boolean;
  readonly resolve: (n: number) => void;
  readonly reject: (error: unknown) => void;
  /** How much of `p` the connection has taken. */
  taken: number;
}

const empty = new Uint8Array(0);

/**
 * Writes of a connection, first come, first served, each written whole before the next. A chunk
 * handed to the engine cannot be taken back: it counts as taken, and when its writer has left, the
 * connection finishes it before anything else is written.
 */
export class WriteHalf {
  readonly #sink: ByteSink;
  readonly #host: HalfHost;
  readonly #deadline: MovingDeadline = new MovingDeadline(() => this.#expire());
  readonly #writers: Writer[] = [];
  readonly #onWritten: (n: number) => void;
  readonly #onError: (error: unknown) => void;
  #buffer: Uint8Array = empty;
  /** What the connection has taken and the engine has not written yet. */
  #chunk: Uint8Array = empty;
  /** Whose chunk it is, while that writer still waits. */
  #owner: Writer | undefined;
  #flying = false;
  /** What ended the writing direction, once something has. */
  #failure: { cause: unknown } | undefined;
  #ended = false;
  #closed = false;

  constructor(sink: ByteSink, host: HalfHost) {
    this.#sink = sink;
    this.#host = host;
    this.#onWritten = (n) => this.#written(n);
    this.#onError = (error) => this.#failed(error);
  }

  /** Moves the deadline of pending and future writes. */
  setDeadline(deadline: Date | number | null): void {
    this.#deadline.set(deadline);
  }

  /** Writes the whole of `p`, as `Conn.write`. */
  write(p: Uint8Array, wait?: WaitOptions): Promise<number> {
    if (!(p instanceof Uint8Array)) return Promise.reject(notBytes("write", p));
    return this.#submit(p, wait);
  }

  /** Ends the writing direction after what is being written, as `Conn.closeWrite`. */
  async closeWrite(): Promise<void> {
    await this.#submit(null);
  }

  /** Ends every write, pending and future, with the closed error. */
  close(): void {
    this.#closed = true;
    this.#deadline.stop();
    // What the engine has not written is lost with the connection.
    if (this.#owner !== undefined) this.#owner.taken -= this.#chunk.length;
    this.#chunk = this.#buffer = empty;
    for (const writer of this.#writers.splice(0)) {
      writer.reject(account(this.#host.closed("write"), writer.taken));
    }
  }

  #submit(p: Uint8Array | null, wait?: WaitOptions): Promise<number> {
    if (this.#closed) return Promise.reject(this.#host.closed("write"));
    if (wait !== undefined) return this.#submitWithin(p, wait);
    if (this.#deadline.passed) return Promise.reject(account(this.#host.fail("write"), 0));
    if (p?.length === 0) return Promise.resolve(0);
    return new Promise((resolve, reject) => {
      this.#enqueue({ p, limited: false, resolve, reject, taken: 0 });
    });
  }

  #submitWithin(p: Uint8Array | null, wait: WaitOptions): Promise<number> {
    return new Promise((resolve, reject) => {
      const deadline = new Deadline(wait, { phase: "write" });
      if (deadline.unlimited) return resolve(this.#submit(p));
      let stop = () => {};
      let left = false;
      const writer: Writer = {
        p,
        limited: true,
        resolve: (n) => (stop(), resolve(n)),
        reject: (error) => (stop(), reject(error)),
        taken: 0,
      };
      const leave = (reason: unknown) => {
        left = true;
        this.#leave(writer);
        const timedOut = timeIsUp(reason, wait);
        reject(timedOut ? account(this.#host.fail("write", reason), writer.taken) : reason);
      };
      if (deadline.expired) return deadline.watch(leave);
      if (this.#deadline.passed) return reject(account(this.#host.fail("write"), 0));
      if (p?.length === 0) return resolve(0);
      stop = deadline.watch(leave);
      // The time may be up since it was looked at: what was given up is not to be written.
      if (!left) this.#enqueue(writer);
    });
  }

  #enqueue(writer: Writer): void {
    this.#deadline.begin();
    if (this.#writers.push(writer) === 1 && !this.#flying) this.#serve();
  }

  /** Hands the engine the next chunk of the first writer. */
  #serve(): void {
    for (;;) {
      const writer = this.#writers[0];
      if (writer === undefined) return this.#deadline.end();
      const { p, taken } = writer;
      if (this.#failure !== undefined) {
        this.#writers.shift();
        writer.reject(account(this.#host.fail("write", this.#failure.cause), taken));
      } else if (this.#ended) {
        this.#writers.shift();
        if (p === null) writer.resolve(0);
        else writer.reject(account(this.#host.fail("write", endedByUs()), 0));
      } else if (p === null) {
        return this.#end();
      } else if (taken === p.length) {
        this.#writers.shift();
        writer.resolve(taken);
      } else return this.#start(writer, taken === 0 ? p : p.subarray(taken));
    }
  }

  #start(writer: Writer, rest: Uint8Array): void {
    if (rest.length >= lendFrom && !writer.limited && !this.#deadline.active) {
      this.#chunk = rest;
    } else {
      this.#buffer = ownBuffer(this.#buffer, rest.length);
      const n = Math.min(rest.length, this.#buffer.length);
      this.#buffer.set(n === rest.length ? rest : rest.subarray(0, n));
      this.#chunk = this.#buffer.subarray(0, n);
    }
    this.#owner = writer;
    writer.taken += this.#chunk.length;
    this.#fly();
  }

  #fly(): void {
    this.#flying = true;
    this.#sink.write(this.#chunk).then(this.#onWritten, this.#onError);
  }

  #written(n: number): void {
    this.#flying = false;
    if (this.#closed) return;
    if (n < this.#chunk.length) {
      this.#chunk = this.#chunk.subarray(n);
      return this.#fly();
    }
    this.#chunk = empty;
    this.#owner = undefined;
    this.#serve();
  }

  #failed(error: unknown): void {
    this.#flying = false;
    if (this.#closed) return;
    if (this.#owner !== undefined) this.#owner.taken -= this.#chunk.length;
    this.#owner = undefined;
    this.#chunk = empty;
    this.#failure = { cause: error };
    this.#serve();
  }

  #end(): void {
    this.#flying = true;
    this.#sink.closeWrite().then(() => {
      this.#ended = true;
      this.#onWritten(0);
    }, this.#onError);
  }

  #leave(writer: Writer): void {
    const index = this.#writers.indexOf(writer);
    if (index < 0) return;
    this.#writers.splice(index, 1);
    this.#adopt(writer);
    if (this.#writers.length === 0) this.#deadline.end();
  }

  #expire(): void {
    for (const writer of this.#writers.splice(0)) {
      this.#adopt(writer);
      writer.reject(account(this.#host.fail("write"), writer.taken));
    }
    this.#deadline.end();
  }

  /** Its writer leaves: a lent chunk becomes the connection's own. */
  #adopt(writer: Writer): void {
    if (this.#owner !== writer) return;
    this.#owner = undefined;
    if (this.#chunk.buffer !== this.#buffer.buffer) this.#chunk = this.#chunk.slice();
  }
}

function endedByUs(): Error {
  return Object.assign(new Error("write after closeWrite"), { code: "EPIPE" });
}

/** A failed write says how much of it was taken. */
function account(error: Error, taken: number): Error {
  if (error instanceof OpError) error.bytesWritten = taken;
  return error;
}
