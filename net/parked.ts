/** Taking from a source whose pending call cannot be taken back, such as an accept. */
import {
  type Clock,
  Deadline,
  MovingDeadline,
  TimeoutError,
  type WaitOptions,
} from "../deadline.ts";

/** What a {@linkcode Parked} asks of its owner. */
export interface ParkedOptions<T> {
  /** What a take is called in a timeout: `"accept"`, `"receive"`. */
  op: string;
  /** Makes the error of a take whose time was up. */
  onTimeout(cause: TimeoutError): Error;
  /** Makes the error of a take from a source that was closed. */
  onClosed(): Error;
  /** Lets the source's pending call keep the process alive, as it does to begin with. */
  ref(): void;
  /** Keeps the source's pending call from keeping the process alive. */
  unref(): void;
  /** Disposes of a value that nobody can take any more. */
  discard(value: T): void;
  /** The clock; the system's by default. */
  clock?: Clock;
}

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
  unwatch?(): void;
}

/**
 * What lies between the source and the takers. `idle` goes to `pulling`; `pulling` goes back to
 * `idle` when a taker got the outcome, else to `kept` or `failed`; those go to `idle` with the
 * next take. All go to `closed`.
 */
type State<T> =
  | { at: "idle" | "pulling" | "closed" }
  | { at: "kept"; value: T }
  | { at: "failed"; error: unknown };

const idle = { at: "idle" } as const;
const pulling = { at: "pulling" } as const;
const closed = { at: "closed" } as const;

/**
 * A source that is asked for one value at a time, for takers that may give up. The pending call
 * of a taker that left stays pending, "parked": its outcome belongs to the next taker, so that
 * nothing is lost. While nobody waits for it, it does not keep the process alive.
 *
 * Takers are served first come, first served. A deadline that has passed ends a take even when
 * a value is there, as in Go.
 */
export class Parked<T> {
  readonly #pull: () => Promise<T>;
  readonly #options: ParkedOptions<T>;
  readonly #deadline: MovingDeadline;
  readonly #waiters = new Set<Waiter<T>>();
  readonly #onValue: (value: T) => void;
  readonly #onError: (error: unknown) => void;
  #state: State<T> = idle;
  #wantsRef = true;
  #hasRef = true;

  /**
   * @param pull Asks the source for its next value; it never throws but rejects. Never called
   * again before it has settled.
   * @param options What the owner decides.
   */
  constructor(pull: () => Promise<T>, options: ParkedOptions<T>) {
    this.#pull = pull;
    this.#options = options;
    this.#deadline = new MovingDeadline(() => this.#expire(), { clock: options.clock });
    this.#onValue = (value) => this.#settle({ at: "kept", value });
    this.#onError = (error) => this.#settle({ at: "failed", error });
  }

  /**
   * Waits for the next value.
   *
   * @param wait Limits for this take alone, beside the standing deadline.
   * @param use Makes what the taker wants of the value, before the source is asked for the next
   * taker's; must not throw. The value itself by default.
   * @returns The value, or what `use` made of it.
   * @throws The signal's reason, the owner's timeout or closed error, or what the source threw.
   */
  take(wait?: WaitOptions): Promise<T>;
  take<U>(wait: WaitOptions | undefined, use: (value: T) => U): Promise<U>;
  take<U>(wait?: WaitOptions, use?: (value: T) => U): Promise<T | U> {
    return new Promise<T | U>((resolve, reject) => {
      const done = use === undefined ? resolve : (value: T) => resolve(use(value));
      this.#enter({ resolve: done, reject }, wait);
    });
  }

  /**
   * Sets when pending and future takes give up.
   *
   * @param deadline A `Date`, epoch milliseconds, or `null` for none.
   */
  setDeadline(deadline: Date | number | null): void {
    if (this.#state !== closed) this.#deadline.set(deadline);
  }

  /** Ends pending and future takes; a value that was kept or is still to come is discarded. */
  close(): void {
    const state = this.#state;
    if (state === closed) return;
    this.#state = closed;
    this.#deadline.stop();
    for (const waiter of this.#waiters) this.#leave(waiter, this.#options.onClosed());
    if (state.at === "kept") this.#options.discard(state.value);
  }

  /** Lets a pending take keep the process alive (the default). */
  ref(): void {
    this.#wantsRef = true;
    this.#syncRef();
  }

  /** Keeps a pending take from keeping the process alive. */
  unref(): void {
    this.#wantsRef = false;
    this.#syncRef();
  }

  #enter(waiter: Waiter<T>, wait: WaitOptions | undefined): void {
    const { op, clock, onClosed } = this.#options;
    const limit = wait === undefined ? undefined : new Deadline(wait, { phase: op, clock });
    if (wait?.signal?.aborted) throw wait.signal.reason;
    const state = this.#state;
    if (state === closed) throw onClosed();
    if (this.#deadline.passed || limit?.expired) throw this.#timeout();
    if (state.at === "kept" || state.at === "failed") {
      this.#state = idle;
      if (state.at === "failed") throw state.error;
      return waiter.resolve(state.value);
    }
    this.#waiters.add(waiter);
    this.#deadline.begin();
    if (limit !== undefined) {
      waiter.unwatch = limit.watch((reason) => {
        this.#leave(waiter, wait?.signal?.aborted ? reason : this.#timeout());
      });
      // The time may be up since it was looked at: who has left is not to take a value along.
      if (!this.#waiters.has(waiter)) return;
    }
    if (state === idle) this.#start();
    this.#syncRef();
  }

  #start(): void {
    this.#state = pulling;
    this.#pull().then(this.#onValue, this.#onError);
  }

  #settle(outcome: State<T> & { at: "kept" | "failed" }): void {
    if (this.#state === closed) {
      if (outcome.at === "kept") this.#options.discard(outcome.value);
      return;
    }
    const [first] = this.#waiters;
    if (first === undefined) {
      this.#state = outcome;
    } else {
      this.#state = idle;
      this.#remove(first);
      if (outcome.at === "kept") first.resolve(outcome.value);
      else first.reject(outcome.error);
      if (this.#waiters.size > 0) this.#start();
    }
    this.#syncRef();
  }

  #expire(): void {
    for (const waiter of this.#waiters) this.#leave(waiter, this.#timeout());
  }

  #leave(waiter: Waiter<T>, error: unknown): void {
    this.#remove(waiter);
    waiter.reject(error);
    this.#syncRef();
  }

  #remove(waiter: Waiter<T>): void {
    this.#waiters.delete(waiter);
    waiter.unwatch?.();
    if (this.#waiters.size === 0) this.#deadline.end();
  }

  #timeout(): Error {
    const { op, onTimeout } = this.#options;
    return onTimeout(new TimeoutError(`${op}: deadline exceeded`, { phase: op }));
  }

  /** Only a parked call is kept from holding the process, so that takes in a row cost nothing. */
  #syncRef(): void {
    if (this.#state === closed) return;
    const parked = this.#state === pulling && this.#waiters.size === 0;
    const wanted = this.#wantsRef && !parked;
    if (wanted === this.#hasRef) return;
    this.#hasRef = wanted;
    if (wanted) this.#options.ref();
    else this.#options.unref();
  }
}
