/** A clock moved by hand, for tests where time matters. */
import type { Clock } from "../../deadline.ts";

/** A {@linkcode Clock} that stands still until it is told to advance. */
export class FakeClock implements Clock {
  #now = 0;
  #id = 0;
  #timers = new Map<number, { at: number; callback: () => void }>();

  /** How many timers are armed. */
  get timers(): number {
    return this.#timers.size;
  }

  /** How many timers have ever been armed. */
  get armed(): number {
    return this.#id;
  }

  now(): number {
    return this.#now;
  }

  /** Refuses what the system's timers take for 1 ms. */
  setTimeout(callback: () => void, ms: number): number {
    if (!(ms <= 2 ** 31 - 1)) throw new RangeError(`no timer waits ${ms} ms`);
    this.#timers.set(++this.#id, { at: this.#now + ms, callback });
    return this.#id;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** Moves time on by `ms` as a blocked event loop does: no timer fires until the next advance. */
  block(ms: number): void {
    this.#now += ms;
  }

  /** Moves time on by `ms`, firing timers in order and letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(([, timer]) => timer.at <= end)
        .sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
      if (due === undefined) break;
      const [id, timer] = due;
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, timer.at);
      timer.callback();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets every promise that can settle do so: a turn of the event loop empties the microtasks. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      port2.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** What a promise has come to so far: `{}`, `{ value }` or `{ reason }`. */
export function outcome(promise: Promise<unknown>): { value?: unknown; reason?: unknown } {
  const seen: { value?: unknown; reason?: unknown } = {};
  promise.then((value) => seen.value = value, (reason) => seen.reason = reason);
  return seen;
}

/**
 * Runs `body` while each look at the system's clock finds it one millisecond later: a time that is
 * up after `n` ms is up at the `n`th look.
 */
export function whileTimeFlies<T>(body: () => T): T {
  const { now } = performance;
  let t = now.call(performance);
  performance.now = () => ++t;
  try {
    return body();
  } finally {
    performance.now = now;
  }
}
