/** How to dial: the options of a `Dialer`, checked once. */
import { Deadline } from "../deadline.ts";
import type { Address } from "./conn.ts";
import type { Engine } from "./engine.ts";
import type { Control } from "./native/control.ts";
import { type KeepAlive, keepAliveSeconds } from "./native/keep_alive.ts";
import type { Resolver } from "./resolver.ts";
import type { Trace } from "./trace.ts";

/** How a `Dialer` dials. As Go's `net.Dialer`. */
export interface DialerOptions {
  /** Milliseconds for the whole dial, the lookup of names included; no limit by default. */
  timeout?: number;
  /** When the dial must be over, at the latest: a `Date` or epoch milliseconds. */
  deadline?: Date | number;
  /**
   * The local end: `"ip:port"`, a path on the Unix networks, or an address of the network's type.
   * On TCP and Unix streams it needs `--allow-ffi`.
   */
  localAddr?: string | Address;
  /**
   * Whether and when the kernel probes a silent TCP peer: `true` (the default); milliseconds, which
   * count where the engine can set them; `{ idle, interval, count }`, which needs `--allow-ffi`;
   * `false` or a negative number turns it off.
   */
  keepAlive?: KeepAlive;
  /** Whether small TCP writes go out at once; `true` by default. */
  noDelay?: boolean;
  /**
   * Milliseconds that the first address family is alone before the other is tried too (`tcp`
   * only); 300 by default, negative: one address after the other.
   */
  fallbackDelay?: number;
  /** Who looks names up; the system's resolver by default. */
  resolver?: Pick<Resolver, "lookupHost">;
  /** Hooks that watch the dial. */
  trace?: Trace;
  /** Sees each socket before it is bound or connected. Needs `--allow-ffi`. */
  control?: Control;
  /** Which engine serves the dial; chosen by what the call needs by default. */
  engine?: Engine;
}

const typeErrors: [name: keyof DialerOptions, type: string, rule: string][] = [
  ["noDelay", "boolean", "a boolean"],
  ["fallbackDelay", "number", "a number of milliseconds"],
  ["resolver", "object", "an object with lookupHost()"],
  ["trace", "object", "an object of hooks"],
  ["control", "function", "a function"],
];

/**
 * Refuses options that make no sense, before anything happens.
 *
 * @throws {TypeError | RangeError} An option of the wrong type, or `NaN`.
 */
export function checkDialerOptions(options: DialerOptions): void {
  const { timeout, deadline } = options;
  if (timeout !== undefined || deadline !== undefined) new Deadline({ timeout, deadline });
  for (const [name, type, rule] of typeErrors) {
    const value = options[name];
    if (value !== undefined && (typeof value !== type || value === null)) {
      throw new TypeError(`${name} must be ${rule}, got ${String(value)}`);
    }
  }
  const { keepAlive, fallbackDelay, localAddr, resolver } = options;
  if (resolver !== undefined && typeof resolver.lookupHost !== "function") {
    throw new TypeError("resolver must be an object with lookupHost()");
  }
  checkKeepAlive(keepAlive);
  if (Number.isNaN(fallbackDelay)) throw new RangeError("fallbackDelay must not be NaN");
  const isAddress = typeof localAddr === "string" || typeof localAddr === "object";
  if (localAddr !== undefined && (!isAddress || localAddr === null)) {
    throw new TypeError(`localAddr must be a string or an address, got ${String(localAddr)}`);
  }
}

/** Refuses a `keepAlive` that makes no sense. */
export function checkKeepAlive(keepAlive: unknown): void {
  if (Number.isNaN(keepAlive)) throw new RangeError("keepAlive must not be NaN");
  // Milliseconds in general are not checked: what the kernel cannot take matters to it alone.
  if (typeof keepAlive !== "number") keepAliveSeconds(keepAlive as KeepAlive | undefined);
}

/** Whether keep-alive probes are wanted: on unless turned off. */
export function keepAliveWanted({ keepAlive = true }: { keepAlive?: KeepAlive }): boolean {
  return typeof keepAlive === "number" ? keepAlive >= 0 : keepAlive !== false;
}

/** What of the options only the native engine can do, by name, on a stream network. */
export function nativeNeeds(
  options: Pick<DialerOptions, "localAddr" | "keepAlive" | "control">,
): string[] {
  const needs: string[] = [];
  if (options.localAddr !== undefined) needs.push("localAddr");
  if (typeof options.keepAlive === "object") needs.push("keep-alive times");
  if (options.control !== undefined) needs.push("control");
  return needs;
}
