/** Time and timers, and what a limit means on them. */

/**
 * A source of time and timers; the system's by default, a hand-moved one in tests.
 *
 * ```ts
 * import { type Clock, Deadline } from "@plumb/plumb/deadline";
 *
 * const still: Clock = { now: () => 0, setTimeout: () => 0, clearTimeout: () => {} };
 * console.log(new Deadline({ timeout: 50 }, { clock: still }).remaining); // 50
 * ```
 */
export interface Clock {
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  /** Calls `callback` once, `ms` milliseconds from now. */
  setTimeout(callback: () => void, ms: number): unknown;
  /** Forgets a timer that `setTimeout` gave. */
  clearTimeout(timer: unknown): void;
}

/**
 * The process's monotonic clock and its timers.
 *
 * ```ts
 * import { systemClock } from "@plumb/plumb/deadline";
 *
 * const begun = systemClock.now();
 * await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 5));
 * console.log(systemClock.now() > begun); // true
 * ```
 */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as number),
};

/** The longest delay `setTimeout` takes; longer ones fire at once, so they are slept in parts. */
const maxDelay = 2 ** 31 - 1;

/** Milliseconds to hand to a timer: whole, so that it never fires early, and in range. */
export function delayUntil(at: number, now: number): number {
  return Math.min(Math.max(Math.ceil(at - now), 0), maxDelay);
}

/** Lets the process end before a timer of the system's clock fires. */
export function unref(clock: Clock, timer: unknown): void {
  if (clock === systemClock) Deno.unrefTimer(timer as number);
}

/** A value as an error message shows it: a text in quotes, so that `"5"` is not taken for 5. */
export function quote(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** Refuses what is no number of milliseconds. */
export function checkTimeout(timeout: unknown): void {
  if (typeof timeout !== "number") {
    throw new TypeError(`timeout must be a number of milliseconds, got ${quote(timeout)}`);
  }
  if (Number.isNaN(timeout)) throw new RangeError("timeout must not be NaN");
}

/** Where `timeout` ends on a clock that shows `now`. */
export function endOfTimeout(timeout: number | undefined, now: number): number {
  if (timeout !== undefined) checkTimeout(timeout);
  if (timeout === undefined || timeout === 0) return Infinity;
  return timeout < 0 ? -Infinity : now + timeout;
}

/** An absolute time on a clock that shows `now`; the wall clock is read once, here. */
export function endOfDeadline(deadline: Date | number | null | undefined, now: number): number {
  if (deadline === undefined || deadline === null || deadline === 0) return Infinity;
  if (typeof deadline !== "number" && !(deadline instanceof Date)) {
    throw new TypeError(
      `deadline must be a Date or a number of epoch milliseconds, got ${quote(deadline)}`,
    );
  }
  const epoch = Number(deadline);
  if (Number.isNaN(epoch)) throw new RangeError("deadline must be a valid time, got NaN");
  return Number.isFinite(epoch) ? now + (epoch - Date.now()) : epoch;
}
