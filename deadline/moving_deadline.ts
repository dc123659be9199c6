/** A deadline that moves while operations wait. */

import { type Clock, delayUntil, endOfDeadline, systemClock, unref } from "./clock.ts";

/** How a {@linkcode MovingDeadline} tells the time and whether it may keep the process alive. */
export interface MovingDeadlineOptions {
  /** The clock; the system's by default. */
  clock?: Clock;
  /**
   * Whether the timer keeps the process alive while something waits. Wanted where the wait
   * itself does not, as in memory; `false` by default, since a pending socket operation does.
   */
  keepAlive?: boolean;
}

/**
 * An absolute deadline that can be moved while operations wait, as a connection's read deadline
 * (Go's `SetReadDeadline`). Setting it costs two clock reads: the one timer behind it is armed
 * when a wait begins and, when it fires too early for a deadline that has moved on, set again.
 *
 * ```ts
 * import { MovingDeadline } from "@plumb/plumb/deadline";
 *
 * const expired = Promise.withResolvers<string>();
 * const deadline = new MovingDeadline(() => expired.resolve("too late"), { keepAlive: true });
 * deadline.begin(); // something waits now
 * deadline.set(Date.now() + 10);
 * console.log(await expired.promise); // too late
 * deadline.stop();
 * ```
 */
export class MovingDeadline {
  readonly #onExpire: () => void;
  readonly #clock: Clock;
  readonly #keepAlive: boolean;
  #at = Infinity;
  #waiting = false;
  #timer: unknown;
  #due = Infinity;

  /**
   * None is set yet, and nothing waits.
   *
   * @param onExpire Called when the deadline passes while something waits.
   * @param options The clock, and whether a wait keeps the process alive.
   */
  constructor(onExpire: () => void, options: MovingDeadlineOptions = {}) {
    this.#onExpire = onExpire;
    this.#clock = options.clock ?? systemClock;
    this.#keepAlive = options.keepAlive ?? false;
  }

  /** Whether a deadline is set, passed or not. */
  get active(): boolean {
    return this.#at !== Infinity;
  }

  /** Whether the deadline has passed. */
  get passed(): boolean {
    return this.#at !== Infinity && this.#at <= this.#clock.now();
  }

  /**
   * Moves the deadline; a wait under way feels it at once.
   *
   * @param deadline A `Date`, epoch milliseconds, or `null` (also `0`) for none.
   * @throws {TypeError | RangeError} Not a time.
   */
  set(deadline: Date | number | null): void {
    this.#at = endOfDeadline(deadline, this.#clock.now());
    if (this.#at === Infinity) this.#clear();
    else if (this.#waiting) this.#check();
  }

  /** Something begins to wait. Cheap while the timer of an earlier wait is still armed. */
  begin(): void {
    this.#waiting = true;
    if (this.#at < this.#due) this.#arm();
  }

  /** Nothing waits any more. */
  end(): void {
    this.#waiting = false;
    if (this.#keepAlive) this.#clear();
  }

  /** Forgets the deadline and its timer, for good. */
  stop(): void {
    this.#waiting = false;
    this.#at = Infinity;
    this.#clear();
  }

  #check(): void {
    if (this.passed) {
      this.#waiting = false;
      this.#clear();
      this.#onExpire();
    } else if (this.#at < this.#due) this.#arm();
  }

  #arm(): void {
    this.#clear();
    this.#due = this.#at;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#due = Infinity;
      if (this.#waiting) this.#check();
    }, delayUntil(this.#at, this.#clock.now()));
    if (!this.#keepAlive) unref(this.#clock, this.#timer);
  }

  #clear(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = Infinity;
  }
}
