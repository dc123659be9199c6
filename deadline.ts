/**
 * One idea of a deadline for everything that waits: a timeout, an absolute time and an
 * `AbortSignal`, whichever comes first.
 *
 * ```ts
 * import { Deadline, isTimeout } from "@plumb/plumb/deadline";
 *
 * using deadline = new Deadline({ timeout: 20 });
 * try {
 *   await deadline.race(new Promise<never>(() => {}));
 * } catch (error) {
 *   console.log(isTimeout(error)); // true
 * }
 * ```
 *
 * Durations are milliseconds. `undefined` is the documented default, `0` means no limit and a
 * negative value has already expired. Needs no permission; runs on every platform.
 *
 * @module
 */

export { type Clock, systemClock } from "./deadline/clock.ts";
export {
  CoarseClock,
  coarseClock,
  type CoarseClockOptions,
  type CoarseTimer,
} from "./deadline/coarse_clock.ts";
export { Deadline, type DeadlineOptions, type WaitOptions } from "./deadline/deadline.ts";
export { MovingDeadline, type MovingDeadlineOptions } from "./deadline/moving_deadline.ts";
export { isTimeout, TimeoutError } from "./deadline/timeout_error.ts";
