/** Calls on a socket that may have to wait: tried at once, and again when the poller says so. */
import { close, DescriptorClosedError, poller } from "../../sys/mod.ts";

/**
 * How many calls in a row may succeed at once before one waits for the next turn of the event
 * loop: a busy socket would starve timers and all the others.
 */
const maxStreak = 64;

/** A closed descriptor, as the runtime says it; `opError` knows what that means. */
export function interrupted(error: unknown): unknown {
  if (!(error instanceof DescriptorClosedError)) return error;
  return new Deno.errors.Interrupted("the socket was closed", { cause: error });
}

/** What closed sockets answer. */
export const badResource = (): Error => new Deno.errors.BadResource("the socket is closed");

/** Takes from a socket, one value at a time: messages, connections. */
export class Taker<T> {
  readonly #fd: number;
  readonly #attempt: () => T | null;
  readonly #describe: (error: unknown) => unknown;
  #pending: { resolve(value: T): void; reject(error: unknown): void } | undefined;
  #streak = 0;
  #keepAlive = true;

  /**
   * @param fd The socket; whoever closes it ends a pending take.
   * @param attempt The call; `null` when it would have to wait.
   * @param describe Makes the error to reject with; the error itself by default.
   */
  constructor(
    fd: number,
    attempt: () => T | null,
    describe: (error: unknown) => unknown = (error) => error,
  ) {
    this.#fd = fd;
    this.#attempt = attempt;
    this.#describe = describe;
  }

  /** The next value. Not to be called again before it has settled; never throws but rejects. */
  take(): Promise<T> {
    try {
      if (this.#streak++ < maxStreak) {
        const value = this.#attempt();
        if (value !== null) return Promise.resolve(value);
      }
      this.#watch();
      return new Promise((resolve, reject) => this.#pending = { resolve, reject });
    } catch (error) {
      return Promise.reject(this.#describe(error));
    }
  }

  /** Lets a pending take keep the process alive, as it does to begin with. */
  ref(): void {
    this.#setKeepAlive(true);
  }

  /** Keeps a pending take from keeping the process alive. */
  unref(): void {
    this.#setKeepAlive(false);
  }

  #setKeepAlive(keepAlive: boolean): void {
    if (keepAlive === this.#keepAlive) return;
    this.#keepAlive = keepAlive;
    if (poller.unwatch(this.#fd, "read", this.#onReady)) this.#watch();
  }

  #watch(): void {
    this.#streak = 0;
    poller.watch(this.#fd, "read", this.#onReady, this.#keepAlive);
  }

  readonly #onReady = (failure?: unknown): void => {
    const pending = this.#pending!;
    try {
      if (failure !== undefined) throw interrupted(failure);
      const value = this.#attempt();
      if (value === null) return this.#watch();
      this.#pending = undefined;
      pending.resolve(value);
    } catch (error) {
      this.#pending = undefined;
      pending.reject(this.#describe(error));
    }
  };
}

/** A send that waits. */
interface Waiting {
  attempt(): number | null;
  room: (() => number) | undefined;
  promise: Promise<number>;
  resolve(n: number): void;
  reject(error: unknown): void;
}

/** Sends on a socket, first come, first served. */
export class SendQueue {
  readonly #fd: number;
  readonly #waiting: Waiting[] = [];
  #streak = 0;
  /** What is watched for room in place of the socket. */
  #probe: number | undefined;

  /** @param fd The socket; whoever closes it calls `close` before. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Sends at once if nobody waits; `null` if that cannot be. Throws what `attempt` throws. */
  tryNow(attempt: () => number | null): number | null {
    return this.#waiting.length === 0 && this.#streak++ < maxStreak ? attempt() : null;
  }

  /**
   * Sends, after those that wait already. Never throws but rejects.
   *
   * @param attempt The call; `null` when it would have to wait.
   * @param room Opens a descriptor that is writable when there is room, where the socket itself
   * does not tell; it is closed here.
   */
  run(attempt: () => number | null, room?: () => number): Promise<number> {
    try {
      if (this.#waiting.length === 0) {
        if (this.#streak++ >= maxStreak) this.#watch();
        else {
          const n = attempt();
          if (n !== null) return Promise.resolve(n);
          this.#watch(room);
        }
      }
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      this.#waiting.push({ attempt, room, promise, resolve, reject });
      return promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Takes back a send that still waits: nothing of it goes out, and its promise never settles.
   *
   * @param promise What `run` gave.
   * @returns Whether it still waited.
   */
  abandon(promise: Promise<number>): boolean {
    const i = this.#waiting.findIndex((waiting) => waiting.promise === promise);
    if (i < 0) return false;
    this.#waiting.splice(i, 1);
    if (i === 0) {
      this.#unwatch();
      this.#next();
    }
    return true;
  }

  /** Ends all that wait. */
  close(): void {
    if (this.#waiting.length === 0) return;
    this.#unwatch();
    const error = new Deno.errors.Interrupted("the socket was closed");
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }

  #watch(room?: () => number): void {
    this.#streak = 0;
    this.#probe = room?.();
    try {
      poller.watch(this.#probe ?? this.#fd, "write", this.#onReady);
    } catch (error) {
      this.#endProbe();
      throw error;
    }
  }

  #unwatch(): void {
    poller.unwatch(this.#probe ?? this.#fd, "write", this.#onReady);
    this.#endProbe();
  }

  #endProbe(): void {
    const probe = this.#probe;
    this.#probe = undefined;
    if (probe !== undefined) close(probe);
  }

  readonly #onReady = (failure?: unknown): void => {
    this.#endProbe();
    if (failure === undefined) return this.#next();
    for (const waiting of this.#waiting.splice(0)) waiting.reject(interrupted(failure));
  };

  /** Serves those that wait, as far as it goes in one turn. */
  #next(): void {
    for (let n = 0; this.#waiting.length > 0; n++) {
      const waiting = this.#waiting[0];
      try {
        if (n === maxStreak) return this.#watch();
        const sent = waiting.attempt();
        if (sent === null) return this.#watch(waiting.room);
        this.#waiting.shift();
        waiting.resolve(sent);
      } catch (error) {
        this.#waiting.shift();
        waiting.reject(error);
      }
    }
  }
}
