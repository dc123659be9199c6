/** A descriptor as a byte stream: each call is tried first, and waits in the poller if it must. */
import {
  close,
  DescriptorClosedError,
  type Direction,
  poller,
  recv,
  send,
  SHUT_WR,
  shutdown,
  SyscallError,
} from "../../sys/mod.ts";
import type { ByteStream } from "../stream.ts";

/**
 * After so many calls in a row that did not wait, one waits all the same: a peer that is always
 * ready must not keep timers and other connections from their turn.
 */
const maxStreak = 32;

/** One direction: at most one operation waits in it. */
class Waiting {
  /** The array of the operation; `undefined` while none waits. */
  p: Uint8Array | undefined;
  resolve!: (n: number | null) => void;
  reject!: (error: unknown) => void;
  /** Made once, so that a promise costs no closure. */
  readonly executor = (
    resolve: (n: number | null) => void,
    reject: (error: unknown) => void,
  ): void => {
    this.resolve = resolve;
    this.reject = reject;
  };
}

/** The error of an operation on a descriptor that this side has closed. */
const closedHere = (cause?: unknown) =>
  new Deno.errors.BadResource("the descriptor was closed", { cause });

/**
 * A connected, non-blocking stream socket. It owns the descriptor: `close` closes it, and ends
 * what is pending with `BadResource`, as a connection of the runtime does.
 */
export class FdStream implements ByteStream {
  readonly #fd: number;
  readonly #reading = new Waiting();
  readonly #writing = new Waiting();
  #open = true;
  #keepAlive = true;
  #streak = 0;
  /** The last read has taken all there was: another is not worth a try before the poller says so. */
  #drained = false;

  /** @param fd The descriptor, from now on this stream's alone. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * The descriptor.
   *
   * @throws {Deno.errors.BadResource} It was closed: its number may be another's by now.
   */
  get fd(): number {
    if (!this.#open) throw closedHere();
    return this.#fd;
  }

  /** Whether a pending read keeps the process alive. */
  protected get keepAlive(): boolean {
    return this.#keepAlive;
  }

  /** Receives what is there; `null` when nothing is. */
  protected receive(fd: number, p: Uint8Array): number | null {
    return recv(fd, p);
  }

  /** Sends what there is room for; `null` when there is none. */
  protected transmit(fd: number, p: Uint8Array): number | null {
    return send(fd, p);
  }

  /** As `Deno.Conn.read`; one at a time. */
  read(p: Uint8Array): Promise<number | null> {
    if (!this.#open) return Promise.reject(closedHere());
    if (p.length === 0) return Promise.resolve(0);
    const waiting = this.#reading;
    if (waiting.p !== undefined) return Promise.reject(new Deno.errors.Busy("a read is pending"));
    try {
      if (!this.#drained && this.#streak++ < maxStreak) {
        const n = this.receive(this.#fd, p);
        if (n !== null) {
          this.#drained = n < p.length;
          return Promise.resolve(n === 0 ? null : n);
        }
      }
      poller.watch(this.#fd, "read", this.#onReadable, this.#keepAlive);
    } catch (error) {
      return Promise.reject(error);
    }
    waiting.p = p;
    return new Promise<number | null>(waiting.executor);
  }

  /** As `read`, and calls back instead: a promise for each of many small reads is felt. */
  readWith(
    p: Uint8Array,
    onRead: (n: number | null) => void,
    onError: (error: unknown) => void,
  ): void {
    const waiting = this.#reading;
    if (!this.#drained || !this.#open || p.length === 0 || waiting.p !== undefined) {
      return void this.read(p).then(onRead, onError);
    }
    try {
      poller.watch(this.#fd, "read", this.#onReadable, this.#keepAlive);
    } catch (error) {
      return void Promise.reject(error).catch(onError);
    }
    waiting.p = p;
    waiting.resolve = onRead;
    waiting.reject = onError;
  }

  /** Writes what there is room for at once, 0 for none; for a caller with no write pending. */
  writeNow(p: Uint8Array): number {
    if (!this.#open) throw closedHere();
    return this.transmit(this.#fd, p) ?? 0;
  }

  /** As `Deno.Conn.write`: takes some of `p`; one at a time. */
  write(p: Uint8Array): Promise<number> {
    if (!this.#open) return Promise.reject(closedHere());
    const waiting = this.#writing;
    if (waiting.p !== undefined) return Promise.reject(new Deno.errors.Busy("a write is pending"));
    try {
      if (this.#streak++ < maxStreak) {
        const n = this.transmit(this.#fd, p);
        if (n !== null) return Promise.resolve(n);
      }
      poller.watch(this.#fd, "write", this.#onWritable);
    } catch (error) {
      return Promise.reject(error);
    }
    waiting.p = p;
    return new Promise<number | null>(waiting.executor) as Promise<number>;
  }

  /** Says that nothing more will be written. A connection that has ended already has been told. */
  closeWrite(): Promise<void> {
    try {
      shutdown(this.fd, SHUT_WR);
    } catch (error) {
      const ended = error instanceof SyscallError && error.code === "ENOTCONN";
      if (!ended) return Promise.reject(error);
    }
    return Promise.resolve();
  }

  /** Closes the descriptor and ends what is pending; closing again does nothing. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    // The poller tells the pending operations, see #settle.
    close(this.#fd);
  }

  /** Lets a pending read keep the process alive (the default). */
  ref(): void {
    this.#setKeepAlive(true);
  }

  /** Keeps a pending read from keeping the process alive. */
  unref(): void {
    this.#setKeepAlive(false);
  }

  #setKeepAlive(keepAlive: boolean): void {
    if (this.#keepAlive === keepAlive) return;
    this.#keepAlive = keepAlive;
    if (this.#reading.p !== undefined && poller.unwatch(this.#fd, "read", this.#onReadable)) {
      poller.watch(this.#fd, "read", this.#onReadable, keepAlive);
    }
  }

  readonly #onReadable = (error?: unknown): void => {
    const { p, resolve } = this.#reading;
    if (error !== undefined) return this.#fail(this.#reading, error);
    this.#streak = 0;
    try {
      const n = this.receive(this.#fd, p!);
      if (n === null) return this.#watch("read");
      this.#drained = n < p!.length;
      this.#reading.p = undefined;
      resolve(n === 0 ? null : n);
    } catch (failure) {
      this.#fail(this.#reading, failure);
    }
  };

  readonly #onWritable = (error?: unknown): void => {
    const { p, resolve } = this.#writing;
    if (error !== undefined) return this.#fail(this.#writing, error);
    this.#streak = 0;
    try {
      const n = this.transmit(this.#fd, p!);
      if (n === null) return this.#watch("write");
      this.#writing.p = undefined;
      resolve(n);
    } catch (failure) {
      this.#fail(this.#writing, failure);
    }
  };

  /** Another one was faster, or the kernel mistaken: waits on. */
  #watch(direction: Direction): void {
    if (direction === "write") poller.watch(this.#fd, direction, this.#onWritable);
    else poller.watch(this.#fd, direction, this.#onReadable, this.#keepAlive);
  }

  #fail(waiting: Waiting, error: unknown): void {
    waiting.p = undefined;
    waiting.reject(error instanceof DescriptorClosedError ? closedHere(error) : error);
  }
}
