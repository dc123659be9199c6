/** The end of a wait: a timeout, an absolute time and a signal, whichever comes first. */

import {
  type Clock,
  delayUntil,
  endOfDeadline,
  endOfTimeout,
  quote,
  systemClock,
} from "./clock.ts";
import { TimeoutError } from "./timeout_error.ts";

/**
 * What every waiting call accepts. The earliest of the three ends the wait.
 *
 * ```ts
 * import type { WaitOptions } from "@plumb/plumb/deadline";
 *
 * const wait: WaitOptions = { timeout: 5_000, signal: new AbortController().signal };
 * console.log(wait.timeout);
 * ```
 */
export interface WaitOptions {
  /** Ends the wait with `signal.reason`, unchanged. An already aborted signal starts nothing. */
  signal?: AbortSignal;
  /** Milliseconds from now. `0` or `undefined`: no limit. Negative: already expired. */
  timeout?: number;
  /** An absolute time: a `Date` or epoch milliseconds. `0`, `Infinity` or `undefined`: no limit. */
  deadline?: Date | number;
}

// Thousands of waits may share one long-lived signal: they share one listener on it too, which
// is removed with the last wait. AbortSignal.any() would leak a follower per call instead.
const abortWatchers = new WeakMap<AbortSignal, Set<() => void>>();

function watchAbort(signal: AbortSignal, watcher: () => void): void {
  let watchers = abortWatchers.get(signal);
  if (watchers === undefined) abortWatchers.set(signal, watchers = new Set());
  if (watchers.size === 0) signal.addEventListener("abort", fanOut);
  watchers.add(watcher);
}

function unwatchAbort(signal: AbortSignal, watcher: () => void): void {
  const watchers = abortWatchers.get(signal);
  if (watchers?.delete(watcher) && watchers.size === 0) {
    signal.removeEventListener("abort", fanOut);
  }
}

// The set itself is walked, not a copy: a watcher that another one has removed is not called.
function fanOut(this: AbortSignal): void {
  for (const watcher of abortWatchers.get(this) ?? []) watcher();
}

/** The promise of `work`, whatever kind of thenable it is and however it fails. */
function begin<T>(work: PromiseLike<T> | (() => PromiseLike<T>)): Promise<T> {
  try {
    return Promise.resolve(typeof work === "function" ? work() : work);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** The watchers of a deadline that nobody watches, as most are: one set for all of them. */
const nobody = new Set<(reason: unknown) => void>();

/** How a {@linkcode Deadline} describes itself and tells the time. */
export interface DeadlineOptions {
  /** Named in the {@linkcode TimeoutError}, and put into its `phase`. */
  phase?: string;
  /** The clock; the system's by default. */
  clock?: Clock;
}

/**
 * The end of a wait: the earliest of a timeout, an absolute time and a signal.
 *
 * Nothing is armed until something waits, and nothing stays armed after it settled: no timer,
 * no listener on the signal. Only {@linkcode Deadline.signal} holds on until the deadline is
 * disposed. Go's `context.WithDeadline` is the model.
 *
 * ```ts
 * import { Deadline } from "@plumb/plumb/deadline";
 *
 * using deadline = new Deadline({ timeout: 1_000 });
 * const answer = await deadline.race(Promise.resolve(42));
 * console.log(answer, deadline.remaining > 0); // 42 true
 * ```
 */
export class Deadline implements Disposable {
  readonly #clock: Clock;
  readonly #phase?: string;
  readonly #at: number;
  readonly #signals: readonly AbortSignal[];
  #watchers = nobody;
  readonly #wake: () => void;
  #timer: unknown;
  #armed = false;
  #controller: AbortController | undefined;
  #held = false;
  #ended: { reason: unknown } | undefined;

  /**
   * Reads the clock, for limits that count from now, and arms nothing.
   *
   * @param wait The limits; none of them is required.
   * @param options The phase to name, and the clock (a parent's own, if there is a parent).
   * @throws {TypeError} A limit of the wrong type.
   * @throws {RangeError} A limit that is not a number (`NaN`, an invalid `Date`).
   */
  constructor(wait: WaitOptions = {}, options: DeadlineOptions & { parent?: Deadline } = {}) {
    const { signal } = wait;
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new TypeError(`signal must be an AbortSignal, got ${quote(signal)}`);
    }
    const { parent } = options;
    const clock = parent ? parent.#clock : options.clock ?? systemClock;
    this.#clock = clock;
    this.#phase = options.phase ?? (parent && parent.#phase);
    const limited = wait.timeout !== undefined || wait.deadline !== undefined;
    const now = limited ? clock.now() : 0;
    this.#at = Math.min(
      endOfTimeout(wait.timeout, now),
      endOfDeadline(wait.deadline, now),
      parent === undefined ? Infinity : parent.#at,
    );
    const inherited = parent === undefined ? [] : parent.#signals;
    this.#signals = signal === undefined ? inherited : [...inherited, signal];
    this.#wake = () => {
      const end = this.#end();
      if (end !== undefined) this.#finish(end.reason);
      else if (this.#armed) this.#setTimer();
    };
  }

  /** Whether nothing can end this wait: no time limit and no signal. */
  get unlimited(): boolean {
    return this.#at === Infinity && this.#signals.length === 0;
  }

  /** Milliseconds left, never below `0`; `Infinity` without a time limit. */
  get remaining(): number {
    return this.#at === Infinity ? Infinity : Math.max(this.#at - this.#clock.now(), 0);
  }

  /** Whether the time is up or the signal has been aborted. */
  get expired(): boolean {
    return this.#end() !== undefined;
  }

  /**
   * A signal that aborts when this deadline ends, for calls that take one. Its reason is the
   * caller's own, or a {@linkcode TimeoutError}. From a look at it until the deadline is
   * disposed it holds a timer and a listener.
   */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    const end = this.#end();
    if (end !== undefined) this.#controller.abort(end.reason);
    else {
      this.#held = true;
      this.#arm();
    }
    return this.#controller.signal;
  }

  /**
   * Does nothing while the deadline has not ended.
   *
   * @throws The signal's reason when it was aborted, else a {@linkcode TimeoutError} when the
   * time is up.
   */
  throwIfExpired(): void {
    const end = this.#end();
    if (end !== undefined) throw end.reason;
  }

  /**
   * Calls `onEnd` once, with the reason, when this deadline ends (at once if it already has).
   *
   * @param onEnd What to do then. What it throws is reported, and the others are told as well.
   * @returns A function that stops watching; after it, `onEnd` is never called.
   */
  watch(onEnd: (reason: unknown) => void): () => void {
    const end = this.#end();
    if (end !== undefined) {
      onEnd(end.reason);
      return () => {};
    }
    if (this.unlimited) return () => {};
    const watcher = (reason: unknown) => onEnd(reason);
    this.#addWatcher(watcher);
    this.#arm();
    return () => this.#unwatch(watcher);
  }

  /**
   * Waits for `work`, but no longer than this deadline.
   *
   * @param work A promise, or a function that starts the work: the function is not called when
   * the deadline has already ended.
   * @param onLate Gets a value that arrives after the deadline, to close what was opened; it
   * must not throw. A late failure is dropped.
   * @returns The value of `work`.
   * @throws The reason of the end, or what `work` threw.
   */
  race<T>(
    work: PromiseLike<T> | (() => PromiseLike<T>),
    onLate?: (value: T) => void,
  ): Promise<T> {
    const end = this.#end();
    if (end !== undefined) {
      if (typeof work !== "function") begin(work).then(onLate, () => {});
      return Promise.reject(end.reason);
    }
    if (this.unlimited) return begin(work);
    return new Promise<T>((resolve, reject) => {
      // Watched before the work begins: it may abort the signal while it starts, and an aborted
      // signal says so only once.
      this.#addWatcher(reject);
      this.#arm();
      begin(work).then((value) => {
        if (this.#unwatch(reject)) resolve(value);
        else onLate?.(value);
      }, (error) => {
        if (this.#unwatch(reject)) reject(error);
      });
    });
  }

  /**
   * A deadline within this one: it ends when this one would, or earlier by its own limits.
   *
   * @param wait Further limits.
   * @param options Another phase to name.
   */
  child(wait: WaitOptions = {}, options: { phase?: string } = {}): Deadline {
    return new Deadline(wait, { ...options, parent: this });
  }

  /** Lets go of what {@linkcode Deadline.signal} holds. A race still running is not disturbed. */
  [Symbol.dispose](): void {
    this.#held = false;
    if (this.#watchers.size === 0) this.#disarm();
  }

  /** How it ended, if it has: seen once, the reason is the same ever after. */
  #end(): { reason: unknown } | undefined {
    if (this.#ended !== undefined) return this.#ended;
    for (const signal of this.#signals) {
      if (signal.aborted) return this.#ended = { reason: signal.reason };
    }
    if (this.#at === Infinity || this.#at > this.#clock.now()) return undefined;
    const message = this.#phase === undefined ? undefined : `${this.#phase}: deadline exceeded`;
    return this.#ended = { reason: new TimeoutError(message, { phase: this.#phase }) };
  }

  #finish(reason: unknown): void {
    this.#disarm();
    this.#held = false;
    this.#controller?.abort(reason);
    // The set itself is walked, not a copy: one watcher may stop another.
    for (const watcher of this.#watchers) {
      this.#watchers.delete(watcher);
      try {
        watcher(reason);
      } catch (error) {
        reportError(error); // as for an event listener: the others are called all the same
      }
    }
  }

  #addWatcher(watcher: (reason: unknown) => void): void {
    if (this.#watchers === nobody) this.#watchers = new Set();
    this.#watchers.add(watcher);
  }

  #unwatch(watcher: (reason: unknown) => void): boolean {
    const waiting = this.#watchers.delete(watcher);
    if (waiting && this.#watchers.size === 0 && !this.#held) this.#disarm();
    return waiting;
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    for (const signal of this.#signals) watchAbort(signal, this.#wake);
    this.#setTimer();
  }

  #disarm(): void {
    if (!this.#armed) return;
    this.#armed = false;
    for (const signal of this.#signals) unwatchAbort(signal, this.#wake);
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #setTimer(): void {
    if (this.#at === Infinity) return;
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(this.#wake, delayUntil(this.#at, this.#clock.now()));
  }
}
