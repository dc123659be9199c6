/** A pipe, with or without a name, as a connection: the ends behind `pipe` and `openFifo`. */
import { ClosedError, unixAddress } from "../net/mod.ts";
import type { Conn, UnixAddress } from "../net/mod.ts";
import { type ByteStream, StreamConn } from "../net/stream.ts";
import type { Direction } from "../sys/mod.ts";
import type { Descriptor } from "./descriptor.ts";

/** Which ways a pipe was opened: to read, to write, or both. */
export type PipeMode = "r" | "w" | "rw";

/** What is known of a pipe's other side when its stream begins. */
export interface PipeStart {
  /** Whether somebody has been at the other end: an end of data is one only after that. */
  met: boolean;
  /** What has been read of it already. */
  first?: Uint8Array;
}

/** An operation that waits; at most one in each direction. */
interface Pending {
  readonly p: Uint8Array;
  resolve(n: number | null): void;
  reject(error: unknown): void;
}

/**
 * After so many calls in a row that did not wait, one waits all the same: a peer that is always
 * ready must not keep timers and others from their turn.
 */
const maxStreak = 32;

const empty = new Uint8Array(0);

/** A pipe's descriptor as a byte stream, as an engine of `net` provides one. */
export class PipeStream implements ByteStream {
  readonly #descriptor: Descriptor;
  readonly #mode: PipeMode;
  readonly #pending: Partial<Record<Direction, Pending>> = {};
  readonly #onReady = {
    read: (error?: unknown) => this.#ready("read", error),
    write: (error?: unknown) => this.#ready("write", error),
  };
  #first: Uint8Array;
  #met: boolean;
  #open = true;
  #keepAlive = true;
  #streak = 0;

  /** @param descriptor The descriptor, from now on this stream's alone. */
  constructor(descriptor: Descriptor, mode: PipeMode, start: PipeStart = { met: true }) {
    this.#descriptor = descriptor;
    this.#mode = mode;
    this.#met = start.met;
    this.#first = start.first ?? empty;
  }

  /** The descriptor, while it is open. */
  get fd(): number | undefined {
    return this.#open ? this.#descriptor.fd : undefined;
  }

  read(p: Uint8Array): Promise<number | null> {
    if (this.#mode === "w") return Promise.reject(wrongWay("writing"));
    if (p.length === 0) return Promise.resolve(0);
    return this.#begin("read", p);
  }

  write(p: Uint8Array): Promise<number> {
    if (this.#mode === "r") return Promise.reject(wrongWay("reading"));
    return this.#begin("write", p) as Promise<number>;
  }

  /** The end of a pipe is the close of its last writer. */
  closeWrite(): Promise<void> {
    if (this.#mode === "w") this.close();
    return Promise.resolve();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const direction of ["read", "write"] as const) {
      const pending = this.#pending[direction];
      if (pending === undefined) continue;
      this.#descriptor.unwatch(direction, this.#onReady[direction]);
      this.#settle(direction);
      pending.reject(closedHere());
    }
    this.#descriptor.close();
  }

  ref(): void {
    this.#setKeepAlive(true);
  }

  unref(): void {
    this.#setKeepAlive(false);
  }

  #setKeepAlive(keepAlive: boolean): void {
    if (this.#keepAlive === keepAlive) return;
    this.#keepAlive = keepAlive;
    if (this.#pending.read === undefined) return;
    this.#descriptor.unwatch("read", this.#onReady.read);
    this.#descriptor.watch("read", this.#onReady.read, keepAlive);
  }

  #begin(direction: Direction, p: Uint8Array): Promise<number | null> {
    if (!this.#open) return Promise.reject(closedHere());
    if (this.#pending[direction] !== undefined) {
      return Promise.reject(new Deno.errors.Busy(`a ${direction} is pending`));
    }
    return new Promise((resolve, reject) => {
      this.#pending[direction] = { p, resolve, reject };
      if (this.#streak++ < maxStreak) this.#try(direction);
      else this.#watch(direction);
    });
  }

  #try(direction: Direction): void {
    const { p, resolve } = this.#pending[direction]!;
    let n: number | null;
    try {
      n = direction === "read" ? this.#receive(p) : this.#descriptor.write(p);
    } catch (error) {
      return this.#fail(direction, error);
    }
    if (n === null) return this.#watch(direction);
    this.#settle(direction);
    resolve(direction === "read" && n === 0 ? null : n);
  }

  #receive(p: Uint8Array): number | null {
    if (this.#first.length > 0) return this.#receiveAfterFirst(p);
    const n = this.#descriptor.read(p);
    // Nobody has come yet: that is no end.
    if (n === 0 && !this.#met) return null;
    this.#met = true;
    return n;
  }

  /** What was written in one piece is read in one piece. */
  #receiveAfterFirst(p: Uint8Array): number {
    const first = this.#first.subarray(0, p.length);
    const rest = p.subarray(first.length);
    const more = rest.length === 0 ? 0 : this.#descriptor.read(rest) ?? 0;
    p.set(first);
    this.#first = this.#first.subarray(first.length);
    return first.length + more;
  }

  #watch(direction: Direction): void {
    this.#streak = 0;
    const keepAlive = direction === "write" || this.#keepAlive;
    try {
      this.#descriptor.watch(direction, this.#onReady[direction], keepAlive);
    } catch (error) {
      this.#fail(direction, error);
    }
  }

  #ready(direction: Direction, error?: unknown): void {
    if (error !== undefined) return this.#fail(direction, error);
    // Ready with nothing to read: somebody has come and gone.
    if (direction === "read" && this.#descriptor.exact) this.#met = true;
    this.#try(direction);
  }

  #fail(direction: Direction, error: unknown): void {
    const { reject } = this.#pending[direction]!;
    this.#settle(direction);
    reject(error);
  }

  #settle(direction: Direction): void {
    this.#pending[direction] = undefined;
  }
}

const closedHere = () => new Deno.errors.BadResource("the pipe was closed");

const wrongWay = (way: string) =>
  Object.assign(new Error(`it was opened for ${way} only`), { code: "EBADF" });

/** A pipe with the deadlines, the order and the streams of a connection. */
export class PipeConn extends StreamConn<PipeStream, UnixAddress> implements Conn {
  /** Its path; empty for a pipe without a name. */
  readonly path: string;
  /** Which ways it was opened. */
  readonly mode: PipeMode;
  readonly #kind: string;
  #streaming = false;

  constructor(stream: PipeStream, kind: "pipe" | "fifo", mode: PipeMode, path = "") {
    super(stream, kind, () => [unixAddress("pipe", ""), unixAddress("pipe", path)]);
    this.path = path;
    this.mode = mode;
    this.#kind = kind;
  }

  get fd(): number {
    const { fd } = this.inner;
    if (fd === undefined) throw new ClosedError({ op: "fd", network: this.#kind });
    return fd;
  }

  override get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#endOther();
    return super.readable;
  }

  override get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    this.#endOther();
    return super.writable;
  }

  /** The streams close the pipe when both have ended: the one that is not there has now. */
  #endOther(): void {
    if (this.#streaming) return;
    this.#streaming = true;
    if (this.mode === "r") super.writable.close().catch(() => {});
    if (this.mode === "w") super.readable.cancel().catch(() => {});
  }
}
