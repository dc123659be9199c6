/** A listening descriptor: accepts by system call, and waits in the poller. */
import { accept, type Accepted, close, DescriptorClosedError, poller } from "../../sys/mod.ts";

/** As for streams: a busy listener must leave others their turn. */
const maxStreak = 32;

/** Accepts connections from a listening socket, which it owns; one accept at a time. */
export class Acceptor {
  readonly #fd: number;
  #open = true;
  #keepAlive = true;
  #streak = 0;
  #waiting: PromiseWithResolvers<Accepted> | undefined;

  /** @param fd The listening, non-blocking descriptor, from now on this acceptor's alone. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Waits for the next connection.
   *
   * @throws {Deno.errors.BadResource} The acceptor was closed.
   * @throws {SyscallError} `ECONNABORTED`, `EMFILE`, ...: the socket still listens.
   */
  accept(): Promise<Accepted> {
    if (!this.#open) return Promise.reject(closedHere());
    if (this.#waiting) return Promise.reject(new Deno.errors.Busy("an accept is pending"));
    try {
      if (this.#streak++ < maxStreak) {
        const accepted = accept(this.#fd);
        if (accepted !== null) return Promise.resolve(accepted);
      }
      poller.watch(this.#fd, "read", this.#onReadable, this.#keepAlive);
    } catch (error) {
      return Promise.reject(error);
    }
    return (this.#waiting = Promise.withResolvers()).promise;
  }

  /** Closes the socket; a pending accept rejects with `BadResource`. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    close(this.#fd);
  }

  /** Lets a pending accept keep the process alive (the default). */
  ref(): void {
    this.#setKeepAlive(true);
  }

  /** Keeps a pending accept from keeping the process alive. */
  unref(): void {
    this.#setKeepAlive(false);
  }

  #setKeepAlive(keepAlive: boolean): void {
    if (this.#keepAlive === keepAlive) return;
    this.#keepAlive = keepAlive;
    if (this.#waiting !== undefined && poller.unwatch(this.#fd, "read", this.#onReadable)) {
      poller.watch(this.#fd, "read", this.#onReadable, keepAlive);
    }
  }

  readonly #onReadable = (error?: unknown): void => {
    if (error !== undefined) return this.#fail(error);
    this.#streak = 0;
    try {
      const accepted = accept(this.#fd);
      if (accepted === null) {
        // Another process that shares the socket was faster.
        return poller.watch(this.#fd, "read", this.#onReadable, this.#keepAlive);
      }
      const { resolve } = this.#waiting!;
      this.#waiting = undefined;
      resolve(accepted);
    } catch (failure) {
      this.#fail(failure);
    }
  };

  #fail(error: unknown): void {
    const { reject } = this.#waiting!;
    this.#waiting = undefined;
    reject(error instanceof DescriptorClosedError ? closedHere(error) : error);
  }
}

const closedHere = (cause?: unknown) =>
  new Deno.errors.BadResource("the listener was closed", { cause });
