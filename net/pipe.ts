/** A connection in memory. */
import { Deadline, MovingDeadline, TimeoutError, type WaitOptions } from "../deadline.ts";
import { unixAddress } from "./address.ts";
import type { Conn, UnixAddress } from "./conn.ts";
import { ClosedError, OpError, type OpErrorInit } from "./errors.ts";
import { type ConnStreams, connStreams } from "./streams.ts";
import { notBytes } from "./read_half.ts";

/**
 * Makes two connected ends in memory, as Go's `net.Pipe`: what is written to one is read from
 * the other. For tests of what speaks over a connection, with no sockets and no permission.
 *
 * Nothing is buffered: a write waits until the other end has read all of it, in as many reads
 * as that takes. An empty write gives `0` at once, as on a socket (Go's waits for a read). After
 * one end is closed, reads at the other give `null`, and writes fail with code `"EPIPE"`, as do
 * writes after `closeWrite`.
 *
 * A wait in memory does not keep the process alive, except for its deadline; `ref` and `unref`
 * have nothing to do.
 *
 * ```ts
 * import { pipe } from "@plumb/plumb/net";
 *
 * const [client, server] = pipe();
 * const sent = client.write(new TextEncoder().encode("hello"));
 * const p = new Uint8Array(16);
 * const n = await server.read(p);
 * console.log(new TextDecoder().decode(p.subarray(0, n!)), await sent); // hello 5
 * client.close();
 * console.log(await server.read(p)); // null
 * server.close();
 * ```
 *
 * @returns The two ends.
 */
export function pipe(): [Conn, Conn] {
  const there = new Half();
  const back = new Half();
  return [new PipeConn(there, back), new PipeConn(back, there)];
}

/** An operation that waits for the other end. */
interface Op {
  /** What to fill, or what to write. */
  readonly bytes: Uint8Array;
  /** How much of it has been written. */
  done: number;
  resolve(result: number | null): void;
  reject(error: unknown): void;
  unwatch(): void;
}

/** The operations that wait at one end of a {@linkcode Half}, first come, first served. */
class Line {
  readonly kind: "read" | "write";
  readonly deadline: MovingDeadline;
  readonly #ops: Op[] = [];
  readonly #onFail: () => void;

  /** @param onFail Called when an operation has given up, so that those behind it move on. */
  constructor(kind: "read" | "write", onFail: () => void) {
    this.kind = kind;
    this.#onFail = onFail;
    const expire = () => this.failAll(() => timeoutError(kind));
    // In memory nothing else keeps the process alive until the deadline has passed.
    this.deadline = new MovingDeadline(expire, { keepAlive: true });
  }

  get first(): Op | undefined {
    return this.#ops[0];
  }

  push(op: Op): void {
    this.#ops.push(op);
    this.deadline.begin();
  }

  settle(op: Op, result: number | null): void {
    this.#remove(op);
    op.resolve(result);
  }

  fail(op: Op, error: unknown): void {
    this.#remove(op);
    if (this.kind === "write" && error instanceof OpError) error.bytesWritten = op.done;
    op.reject(error);
    this.#onFail();
  }

  failAll(makeError: () => unknown): void {
    for (const op of [...this.#ops]) this.fail(op, makeError());
  }

  #remove(op: Op): void {
    this.#ops.splice(this.#ops.indexOf(op), 1);
    op.unwatch();
    if (this.#ops.length === 0) this.deadline.end();
  }
}

/** One direction: where the writes of one end meet the reads of the other. */
class Half {
  readonly reads: Line = new Line("read", () => {});
  readonly writes: Line = new Line("write", () => this.meet());
  /** The writing end has said that nothing follows the writes that wait. */
  ending = false;
  /** The reading end is closed. */
  abandoned = false;
  #ended: PromiseWithResolvers<void> | undefined;

  /** Lets reads and writes meet as far as they can. */
  meet(): void {
    for (;;) {
      const read = this.reads.first;
      const write = this.writes.first;
      if (write === undefined && this.ending) {
        this.#ended?.resolve();
        if (read === undefined) return;
        this.reads.settle(read, null);
      } else if (read !== undefined && write !== undefined) {
        const n = Math.min(read.bytes.length, write.bytes.length - write.done);
        read.bytes.set(write.bytes.subarray(write.done, write.done + n));
        write.done += n;
        this.reads.settle(read, n);
        if (write.done === write.bytes.length) this.writes.settle(write, write.done);
      } else return;
    }
  }

  /** Nothing follows the writes that wait; resolves when they are gone. */
  finish(): Promise<void> {
    this.ending = true;
    this.#ended ??= Promise.withResolvers();
    this.meet();
    return this.#ended.promise;
  }

  /** The writing end closes. */
  closeWriter(): void {
    this.#ended?.reject(closedError("closeWrite"));
    this.ending = true;
    this.writes.failAll(() => closedError("write"));
    this.meet();
  }

  /** The reading end closes. */
  closeReader(): void {
    this.abandoned = true;
    this.reads.failAll(() => closedError("read"));
    this.writes.failAll(brokenError);
  }
}

/** Both ends have the one address, as a pipe has no name. */
const address = unixAddress("pipe", "pipe");

const closedError = (op: string) => new ClosedError({ op, network: "pipe" });

const brokenError = () => failure("write", "broken pipe", "EPIPE");

function timeoutError(op: string): OpError {
  const cause = new TimeoutError(`${op}: deadline exceeded`, { phase: op });
  return failure(op, "timed out", "ETIMEDOUT", { timeout: true, cause });
}

function failure(op: string, reason: string, code: string, more: Partial<OpErrorInit> = {}) {
  const error = new OpError({ op, network: "pipe", reason, code, ...more });
  if (op === "write") error.bytesWritten = 0;
  return error;
}

/** One end of a pipe. */
class PipeConn implements Conn {
  readonly localAddr: UnixAddress = address;
  readonly remoteAddr: UnixAddress = address;
  readonly #in: Half;
  readonly #out: Half;
  #closed = false;
  #streams: ConnStreams | undefined;

  constructor(incoming: Half, outgoing: Half) {
    this.#in = incoming;
    this.#out = outgoing;
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return (this.#streams ??= connStreams(this)).readable;
  }

  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return (this.#streams ??= connStreams(this)).writable;
  }

  // deno-lint-ignore require-await -- async, so that what it throws is a rejection
  async read(p: Uint8Array, wait?: WaitOptions): Promise<number | null> {
    const limit = this.#admit(this.#in.reads, p, wait);
    if (p.length === 0) return 0;
    return this.#enter(this.#in, this.#in.reads, p, limit, wait);
  }

  // deno-lint-ignore require-await -- async, so that what it throws is a rejection
  async write(p: Uint8Array, wait?: WaitOptions): Promise<number> {
    const limit = this.#admit(this.#out.writes, p, wait);
    if (this.#out.ending || this.#out.abandoned) throw brokenError();
    if (p.length === 0) return 0;
    return this.#enter(this.#out, this.#out.writes, p, limit, wait) as Promise<number>;
  }

  // deno-lint-ignore require-await -- async, so that what it throws is a rejection
  async closeWrite(): Promise<void> {
    if (this.#closed) throw closedError("closeWrite");
    return this.#out.finish();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#in.closeReader();
    this.#out.closeWriter();
  }

  ref(): void {}

  unref(): void {}

  setDeadline(deadline: Date | number | null): void {
    this.setReadDeadline(deadline);
    this.setWriteDeadline(deadline);
  }

  setReadDeadline(deadline: Date | number | null): void {
    this.#in.reads.deadline.set(deadline);
  }

  setWriteDeadline(deadline: Date | number | null): void {
    this.#out.writes.deadline.set(deadline);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Refuses an operation that may not even begin. */
  #admit({ kind, deadline }: Line, p: Uint8Array, wait?: WaitOptions): Deadline | undefined {
    if (!(p instanceof Uint8Array)) {
      throw notBytes(kind, p);
    }
    const limit = wait && new Deadline(wait, { phase: kind });
    if (wait?.signal?.aborted) throw wait.signal.reason;
    if (this.#closed) throw closedError(kind);
    if (deadline.passed || limit?.expired) throw timeoutError(kind);
    return limit;
  }

  #enter(half: Half, line: Line, bytes: Uint8Array, limit?: Deadline, wait?: WaitOptions) {
    return new Promise<number | null>((resolve, reject) => {
      const op: Op = { bytes, done: 0, resolve, reject, unwatch: () => {} };
      line.push(op);
      if (limit !== undefined) {
        op.unwatch = limit.watch((reason) => {
          line.fail(op, wait?.signal?.aborted ? reason : timeoutError(line.kind));
        });
      }
      half.meet();
    });
  }
}
