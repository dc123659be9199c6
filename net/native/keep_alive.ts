/** When the kernel probes a silent TCP peer. */

/**
 * How a TCP connection is probed while it is silent. As Go's `net.KeepAliveConfig`.
 *
 * ```ts
 * import type { KeepAliveConfig } from "@plumb/plumb/net";
 *
 * // A peer that has vanished is noticed after 5 + 3 * 2 seconds.
 * const impatient: KeepAliveConfig = { idle: 5_000, interval: 2_000, count: 3 };
 * console.log(impatient.count); // 3
 * ```
 */
export interface KeepAliveConfig {
  /** Milliseconds of silence before the first probe; 15 000 by default. Rounded up to seconds. */
  idle?: number;
  /** Milliseconds between probes; 15 000 by default. Rounded up to seconds. */
  interval?: number;
  /** Unanswered probes that end the connection; 9 by default. */
  count?: number;
}

/** What may be said of keep-alive: on with the defaults, off, one time for both, or in detail. */
export type KeepAlive = boolean | number | KeepAliveConfig;

/** A {@linkcode KeepAliveConfig} as the kernel takes it. */
export interface KeepAliveSeconds {
  /** Seconds of silence. */
  readonly idle: number;
  /** Seconds between probes. */
  readonly interval: number;
  /** Probes. */
  readonly count: number;
}

/** Go's defaults. */
const defaults: Required<KeepAliveConfig> = { idle: 15_000, interval: 15_000, count: 9 };
// The limits of Linux, MAX_TCP_KEEPIDLE and its neighbours in <net/tcp.h>.
const maxSeconds = 32_767;
const maxCount = 127;

/**
 * Reads a keep-alive option.
 *
 * @param keepAlive `true` or `0`: the defaults; `false` or negative: none; a number: milliseconds
 * of silence and between probes; or all of it.
 * @returns What to set, or `null` for no keep-alive.
 * @throws {TypeError} Something else.
 * @throws {RangeError} A time or count that the kernel does not take.
 */
export function keepAliveSeconds(keepAlive: KeepAlive = true): KeepAliveSeconds | null {
  if (typeof keepAlive === "number" && !Number.isNaN(keepAlive)) {
    if (keepAlive < 0) return null;
    return keepAliveSeconds(keepAlive === 0 || { idle: keepAlive, interval: keepAlive });
  }
  if (keepAlive === false) return null;
  if (typeof keepAlive !== "object" && keepAlive !== true || keepAlive === null) {
    const got = String(keepAlive);
    throw new TypeError(`keepAlive must be a boolean, milliseconds or an object, got ${got}`);
  }
  const { idle = defaults.idle, interval = defaults.interval, count = defaults.count } =
    keepAlive === true ? defaults : keepAlive;
  if (!Number.isInteger(count) || count < 1 || count > maxCount) {
    const got = String(count);
    throw new RangeError(
      `keepAlive.count must be a whole number from 1 to ${maxCount}, got ${got}`,
    );
  }
  return { idle: seconds("idle", idle), interval: seconds("interval", interval), count };
}

function seconds(name: string, ms: number): number {
  if (typeof ms === "number" && ms > 0 && ms <= maxSeconds * 1000) return Math.ceil(ms / 1000);
  const range = `more than 0 and at most ${maxSeconds * 1000}`;
  throw new RangeError(`keepAlive.${name} must be milliseconds, ${range}, got ${String(ms)}`);
}
