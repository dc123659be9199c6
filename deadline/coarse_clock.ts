/** Limits on idleness for thousands of connections, behind one timer of the system. */

import { checkTimeout, type Clock, delayUntil, quote, systemClock, unref } from "./clock.ts";

/** How a {@linkcode CoarseClock} tells the time. */
export interface CoarseClockOptions {
  /** Milliseconds from tick to tick; `100` by default. */
  resolution?: number;
  /** The clock that it divides; the system's by default. */
  clock?: Clock;
}

/**
 * A limit on idleness that is cheap to put off. It expires once, between `ms` and `ms` + 2
 * resolutions after it was last started or touched, and is then as if stopped. A blocked event
 * loop delays this and never hastens it.
 */
export interface CoarseTimer {
  /**
   * Begins, or begins anew.
   *
   * @param ms Milliseconds. `0` or `Infinity`: no limit, as `stop()`. Negative: already expired,
   * which is felt at the next tick.
   * @throws {TypeError} Not a number.
   * @throws {RangeError} `NaN`.
   */
  start(ms: number): void;
  /** Begins the same duration anew, for a few nanoseconds; does nothing to a stopped timer. */
  touch(): void;
  /** Ends it without a call. Harmless when it is not active. */
  stop(): void;
  /** Whether it will expire. */
  readonly active: boolean;
}

/**
 * One timer of the system for thousands of connections, each touched far more often than it
 * expires: a touch stores the number of the current tick, and each tick looks for numbers that
 * have become too old. It runs only while a timer is active, and never keeps the process alive.
 *
 * ```ts
 * import { CoarseClock } from "@plumb/plumb/deadline";
 *
 * const clock = new CoarseClock({ resolution: 10 });
 * const timer = clock.timer(() => console.log("idle for too long"));
 * timer.start(30_000);
 * timer.touch(); // bytes have arrived
 * timer.stop();
 * console.log(timer.active); // false
 * ```
 */
export class CoarseClock {
  readonly #ticker: Ticker;

  /**
   * A clock that stands still until one of its timers is started.
   *
   * @param options The resolution and the clock.
   * @throws {RangeError} The resolution is not a finite number above `0`.
   */
  constructor(options: CoarseClockOptions = {}) {
    const { resolution = 100, clock = systemClock } = options;
    if (!Number.isFinite(resolution) || resolution <= 0) {
      throw new RangeError(`resolution must be a finite number above 0, got ${quote(resolution)}`);
    }
    this.#ticker = new Ticker(resolution, clock);
  }

  /**
   * A timer of this clock, not yet started.
   *
   * @param onExpire Called at each expiry. It may start and stop this and other timers.
   * @returns The timer.
   */
  timer(onExpire: () => void): CoarseTimer {
    return new TickTimer(this.#ticker, onExpire);
  }
}

// The part of a resolution by which a tick may be late and the next one not: ticks that are late
// by a little would add up. More is not made up for: hurried ticks would hasten the end.
const slack = 1 / 20;

/** The counter and the timers of a {@linkcode CoarseClock}, where the timers can reach them. */
class Ticker {
  /** Counted, not computed from the time: however long the event loop was blocked, it is one. */
  count = 0;
  readonly #timers: TickTimer[] = [];
  readonly #resolution: number;
  readonly #clock: Clock;
  #due = 0;
  #timer: unknown;

  constructor(resolution: number, clock: Clock) {
    this.#resolution = resolution;
    this.#clock = clock;
  }

  /** How many ticks last `ms`: one more than fit, as the one under way may be all but over. */
  ticks(ms: number): number {
    return ms < 0 ? 1 : Math.ceil(ms / this.#resolution + slack) + 1;
  }

  add(timer: TickTimer): void {
    timer.slot = this.#timers.push(timer) - 1;
    if (timer.slot > 0) return;
    this.#due = this.#clock.now() + this.#resolution;
    this.#arm();
  }

  /** Moves the last timer to where this one was. */
  remove(timer: TickTimer): void {
    const last = this.#timers.pop()!;
    if (last !== timer) this.#timers[last.slot = timer.slot] = last;
    timer.slot = -1;
    if (this.#timers.length === 0) this.#clock.clearTimeout(this.#timer);
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(this.#tick, delayUntil(this.#due, this.#clock.now()));
    unref(this.#clock, this.#timer);
  }

  readonly #tick = (): void => {
    const now = this.#clock.now();
    if (now < this.#due) return this.#arm(); // it fired early, or sleeps in parts
    this.#due = Math.max(this.#due, now - slack * this.#resolution) + this.#resolution;
    this.#arm(); // before any `onExpire`, which may throw
    this.count++;
    const timers = this.#timers;
    // Backwards, as what `remove` moves down has been looked at then. An `onExpire` may remove
    // several, so that fewer are left than were still to come.
    for (let i = timers.length; i-- > 0; i = Math.min(i, timers.length)) {
      const timer = timers[i];
      if (this.count - timer.stamp < timer.ticks) continue;
      this.remove(timer);
      timer.onExpire();
    }
  };
}

class TickTimer implements CoarseTimer {
  /** The tick of the last touch, how many make it too old, and the place in the list. */
  stamp = 0;
  ticks = 0;
  slot = -1;
  readonly onExpire: () => void;
  readonly #ticker: Ticker;

  constructor(ticker: Ticker, onExpire: () => void) {
    this.#ticker = ticker;
    this.onExpire = onExpire;
  }

  get active(): boolean {
    return this.slot !== -1;
  }

  start(ms: number): void {
    checkTimeout(ms);
    if (ms === 0 || ms === Infinity) return this.stop();
    this.ticks = this.#ticker.ticks(ms);
    this.touch();
    if (!this.active) this.#ticker.add(this);
  }

  touch(): void {
    this.stamp = this.#ticker.count;
  }

  stop(): void {
    if (this.active) this.#ticker.remove(this);
  }
}

/** The {@linkcode CoarseClock} that the connections of a process share, at 100 ms. */
export const coarseClock: CoarseClock = new CoarseClock();
