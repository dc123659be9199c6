/** The error of a wait whose time was up, and how to recognize it. */

/**
 * The error of a wait whose time was up.
 *
 * ```ts
 * import { TimeoutError } from "@plumb/plumb/deadline";
 *
 * const error = new TimeoutError("connecting took too long", { phase: "connect" });
 * console.log(error.code, error.phase); // ETIMEDOUT connect
 * ```
 */
export class TimeoutError extends Error {
  /** Always `"TimeoutError"`. */
  override readonly name = "TimeoutError";
  /** Always `"ETIMEDOUT"`. */
  readonly code = "ETIMEDOUT";
  /** Always `true`, as on every Plumb error that a deadline caused. */
  readonly timeout = true;
  /** What was being waited for, where the operation has phases (`"dns"`, `"connect"`, ...). */
  readonly phase?: string;

  /**
   * An error that is not thrown yet; every part of it has a default.
   *
   * @param message What took too long.
   * @param options `phase`: what was being waited for; `cause`: what lies behind it.
   */
  constructor(message = "deadline exceeded", options: { phase?: string; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.phase = options.phase;
  }
}

/**
 * Whether an error, or any error in its chain of `cause`s, says that time ran out: a
 * {@linkcode TimeoutError}, the `DOMException` of `AbortSignal.timeout()`, or any error whose
 * `timeout` property is `true` (as Go's `Timeout()` method).
 *
 * ```ts
 * import { isTimeout, TimeoutError } from "@plumb/plumb/deadline";
 *
 * console.log(isTimeout(new Error("dial failed", { cause: new TimeoutError() }))); // true
 * ```
 *
 * @param error Anything that was thrown.
 * @returns `true` when a timeout is in the chain.
 */
export function isTimeout(error: unknown): boolean {
  const seen = new Set<unknown>();
  for (let e = error; typeof e === "object" && e !== null && !seen.has(e);) {
    seen.add(e);
    const { name, timeout, cause } = e as { name?: unknown; timeout?: unknown; cause?: unknown };
    if (timeout === true || name === "TimeoutError") return true;
    e = cause;
  }
  return false;
}
