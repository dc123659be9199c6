/** A non-blocking descriptor of a pipe, and the two ways to wait for one. */
import { closeSync, readSync, writeSync } from "node:fs";
import { close, type Direction, poller, read, write } from "../sys/mod.ts";
import { Backoff } from "./backoff.ts";
import { systemCode } from "./op_error.ts";

/** Called once, when another try may be worth it. */
export type OnReady = (error?: unknown) => void;

/** A descriptor that says so when it would have to wait. */
export interface Descriptor {
  /** Its number. */
  readonly fd: number;
  /** Whether it is called back only when there is something: not when a timer says to look. */
  readonly exact: boolean;
  /** Reads what is there: 0 when nobody writes, `null` when it would have to wait. */
  read(p: Uint8Array): number | null;
  /** Writes what there is room for; `null` when there is none. */
  write(p: Uint8Array): number | null;
  /** Calls back, never within this call; one wait in each direction. */
  watch(direction: Direction, onReady: OnReady, keepAlive: boolean): void;
  /** Takes the callback back. */
  unwatch(direction: Direction, onReady: OnReady): void;
  /** Closes it; nothing waits any more. */
  close(): void;
}

/** Waits in the poller of `sys`, and so needs `--allow-ffi`. */
export class PolledDescriptor implements Descriptor {
  readonly fd: number;
  readonly exact = true;
  readonly #close: (fd: number) => void;

  /**
   * @param fd The descriptor, from now on this object's alone.
   * @param closeFd How to close it: as it was opened.
   */
  constructor(fd: number, closeFd: (fd: number) => void = close) {
    this.fd = fd;
    this.#close = closeFd;
  }

  read(p: Uint8Array): number | null {
    return read(this.fd, p);
  }

  write(p: Uint8Array): number | null {
    return write(this.fd, p);
  }

  watch(direction: Direction, onReady: OnReady, keepAlive: boolean): void {
    poller.watch(this.fd, direction, onReady, keepAlive);
  }

  unwatch(direction: Direction, onReady: OnReady): void {
    poller.unwatch(this.fd, direction, onReady);
  }

  close(): void {
    poller.forget(this.fd);
    this.#close(this.fd);
  }
}

/** PIPE_BUF: a pipe takes so many bytes whole or not at all. */
const pipeBuf = Deno.build.os === "linux" ? 4096 : 512;
/** Turns of the event loop before the first pause. */
const turns = 16;

/** Looks now and then, which takes no permission. The descriptor is one of `node:fs`. */
export class TimedDescriptor implements Descriptor {
  readonly fd: number;
  readonly exact = false;
  readonly #pauses: Record<Direction, Backoff> = {
    read: new Backoff({ turns }),
    write: new Backoff({ turns }),
  };

  /** @param fd The descriptor, from now on this object's alone. */
  constructor(fd: number) {
    this.fd = fd;
  }

  read(p: Uint8Array): number | null {
    return this.#try("read", () => readSync(this.fd, p));
  }

  write(p: Uint8Array): number | null {
    // writeSync() goes on after a part was written, and then only says that it could not.
    const part = p.length > pipeBuf ? p.subarray(0, pipeBuf) : p;
    return this.#try("write", () => writeSync(this.fd, part));
  }

  #try(direction: Direction, call: () => number): number | null {
    try {
      const n = call();
      this.#pauses[direction].reset();
      return n;
    } catch (error) {
      if (systemCode(error) === "EAGAIN") return null;
      throw error;
    }
  }

  watch(direction: Direction, onReady: OnReady, keepAlive: boolean): void {
    const pauses = this.#pauses[direction];
    pauses.keepAlive = keepAlive;
    pauses.begin(onReady);
  }

  unwatch(direction: Direction): void {
    this.#pauses[direction].cancel();
  }

  close(): void {
    this.unwatch("read");
    this.unwatch("write");
    closeSync(this.fd);
  }
}
