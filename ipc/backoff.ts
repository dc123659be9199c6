/** Looking again and again, ever more seldom: for what no system call can wait for. */
import { type Clock, type Deadline, systemClock } from "../deadline.ts";

/** The first pause, in milliseconds; each one after it is twice as long. */
const firstPause = 1;
/** The longest one unless told otherwise: how late what has happened may be noticed. */
const longestPause = 20;

/** How a {@linkcode Backoff} begins, and what time it goes by. */
export interface BackoffOptions {
  /**
   * How many times to look in the very next turns of the event loop before any pause; none by
   * default. Worth it where the other side needs microseconds and looking costs less than one.
   */
  turns?: number;
  /** The longest pause, in milliseconds; 20 by default. */
  longest?: number;
  /** The clock; the system's by default. */
  clock?: Clock;
}

/** Pauses between looks, from 1 ms, doubling up to the longest. One pause at a time. */
export class Backoff {
  readonly #clock: Clock;
  readonly #turns: number;
  readonly #longest: number;
  #turn = 0;
  #ms = firstPause;
  #onEnd: (() => void) | undefined;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  #timer: unknown;
  #keepAlive = true;

  constructor({ turns = 0, longest = longestPause, clock = systemClock }: BackoffOptions = {}) {
    this.#longest = longest;
    this.#turns = turns;
    this.#clock = clock;
  }

  /** Begins with short pauses again: something has happened. */
  reset(): void {
    this.#turn = 0;
    this.#ms = firstPause;
  }

  /** Calls back after the next pause, unless it is cancelled before. */
  begin(onEnd: () => void): void {
    this.#onEnd = onEnd;
    if (this.#turn < this.#turns && this.#keepAlive) {
      this.#turn++;
      this.#immediate = setImmediate(this.#end);
      return;
    }
    this.#timer = this.#clock.setTimeout(this.#end, this.#ms);
    this.#hold();
    this.#ms = Math.min(this.#ms * 2, this.#longest);
  }

  /** Ends the pause at once; does nothing when there is none. */
  wake(): void {
    const onEnd = this.cancel();
    onEnd?.();
  }

  /** Drops the pause: who waits is never called. */
  cancel(): (() => void) | undefined {
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#immediate = this.#timer = undefined;
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    return onEnd;
  }

  /** Whether pauses keep the process alive, the one under way included; they do by default. */
  set keepAlive(keepAlive: boolean) {
    if (this.#keepAlive === keepAlive) return;
    this.#keepAlive = keepAlive;
    this.#hold();
  }

  #hold(): void {
    if (this.#timer === undefined || this.#clock !== systemClock) return;
    if (this.#keepAlive) Deno.refTimer(this.#timer as number);
    else Deno.unrefTimer(this.#timer as number);
  }

  /** Waits for the next pause to pass, and rejects with its reason when the deadline ends first. */
  pause(deadline: Deadline): Promise<void> {
    return new Promise((resolve, reject) => {
      deadline.throwIfExpired();
      let unwatch = () => {};
      this.begin(() => {
        unwatch();
        resolve();
      });
      unwatch = deadline.watch((reason) => {
        this.cancel();
        reject(reason);
      });
    });
  }

  readonly #end = (): void => this.wake();
}

/**
 * Tries until something comes of it.
 *
 * @param attempt Gives `null` when it is to be tried again; what it throws ends it all.
 * @param deadline Until when.
 * @param backoff The pauses between the tries.
 * @throws The reason of the deadline's end.
 */
export async function retry<T>(
  attempt: () => T | null,
  deadline: Deadline,
  backoff: Backoff = new Backoff(),
): Promise<T> {
  deadline.throwIfExpired();
  for (;;) {
    const result = attempt();
    if (result !== null) return result;
    await backoff.pause(deadline);
  }
}
