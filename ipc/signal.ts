/** Signals: caught, ignored and sent. */
import { type Clock, Deadline, systemClock, type WaitOptions } from "../deadline.ts";
import { SignalError } from "./errors.ts";
import { checkCatchable, checkSignal } from "./signal_names.ts";

/** Told of a signal; never throws. */
type Sink = (signal: Deno.Signal) => void;

/** What is done about a signal while its default action is off. */
interface Disposition {
  readonly listener: () => void;
  /** Whoever wants to be told. None: it is ignored. */
  readonly sinks: Set<Sink>;
}

/** One listener of the runtime for each signal that somebody catches or ignores. */
const dispositions = new Map<Deno.Signal, Disposition>();

function catchSignal(signal: Deno.Signal): Disposition {
  let disposition = dispositions.get(signal);
  if (disposition === undefined) {
    const sinks = new Set<Sink>();
    const listener = () => {
      for (const sink of sinks) sink(signal);
    };
    Deno.addSignalListener(signal, listener);
    dispositions.set(signal, disposition = { listener, sinks });
  }
  return disposition;
}

/** Does nothing for `SIGPIPE`, from the first time on that it was caught. */
let brokenPipeListener: (() => void) | undefined;

/**
 * Gives a signal its default action back. The one of `SIGPIPE` is to be ignored, as the runtime
 * begins; without any listener the runtime would let it end the process at a write to a pipe or
 * socket that nobody reads, so one stays.
 */
function restore(signal: Deno.Signal): void {
  const disposition = dispositions.get(signal);
  if (disposition === undefined) return;
  dispositions.delete(signal);
  disposition.sinks.clear();
  if (signal === "SIGPIPE" && brokenPipeListener === undefined) {
    brokenPipeListener = () => {};
    Deno.addSignalListener(signal, brokenPipeListener);
  }
  Deno.removeSignalListener(signal, disposition.listener);
}

function subscribe(signals: Iterable<Deno.Signal>, sink: Sink): void {
  for (const signal of signals) catchSignal(signal).sinks.add(sink);
}

function unsubscribe(signals: Iterable<Deno.Signal>, sink: Sink): void {
  for (const signal of signals) {
    const sinks = dispositions.get(signal)?.sinks;
    // Where the sink is gone already, ignore() or reset() has decided what becomes of the signal.
    if (sinks?.delete(sink) && sinks.size === 0) restore(signal);
  }
}

function checkAll(call: string, signals: readonly unknown[]): asserts signals is Deno.Signal[] {
  if (signals.length === 0) throw new TypeError(`${call} needs at least one signal`);
  for (const signal of signals) checkCatchable(signal);
}

/** The longest delay of a timer; what it does then does not matter. */
const forever = 2 ** 31 - 1;

/**
 * Signals as they come, made by {@linkcode notify}: an async iterable of their names that ends
 * with {@linkcode SignalStream.stop}, or when the loop over it is left.
 *
 * Delivery never waits for the reader. A signal that comes again before it was read is there once,
 * as in the kernel; different signals are all kept, in the order they came. Waiting for the next
 * one keeps the process alive, unless {@linkcode SignalStream.unref} was called.
 *
 * ```ts
 * import { kill, notify } from "@plumb/plumb/ipc";
 *
 * const signals = notify("SIGHUP", "SIGUSR1");
 * kill(Deno.pid, "SIGHUP");
 * for await (const signal of signals) {
 *   console.log(signal); // SIGHUP
 *   break;
 * }
 * ```
 */
export class SignalStream implements AsyncIterable<Deno.Signal>, Disposable {
  readonly #signals: ReadonlySet<Deno.Signal>;
  readonly #pending = new Set<Deno.Signal>();
  readonly #waiters = new Set<(signal: Deno.Signal | null) => void>();
  readonly #sink: Sink = (signal) => this.#deliver(signal);
  #stopped = false;
  #ref = true;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * Begins to catch. Use {@linkcode notify}.
   *
   * @param signals The signals, checked.
   */
  constructor(signals: readonly Deno.Signal[]) {
    this.#signals = new Set(signals);
    subscribe(this.#signals, this.#sink);
  }

  /**
   * Waits for the next signal. Several may wait; each signal goes to one, first come, first served.
   *
   * @param wait Limits for this wait.
   * @returns The signal's name, or `null` after {@linkcode SignalStream.stop}.
   * @throws The limit's reason: nothing is lost, the next call gets what comes.
   */
  async receive(wait: WaitOptions = {}): Promise<Deno.Signal | null> {
    const limit = new Deadline(wait, { phase: "receive" });
    limit.throwIfExpired();
    for (const signal of this.#pending) {
      this.#pending.delete(signal);
      return signal;
    }
    if (this.#stopped) return null;
    const { promise, resolve, reject } = Promise.withResolvers<Deno.Signal | null>();
    this.#waiters.add(resolve);
    const unwatch = limit.watch((reason) => {
      if (this.#waiters.delete(resolve)) reject(reason);
    });
    this.#keepAlive();
    try {
      return await promise;
    } finally {
      unwatch();
      this.#keepAlive();
    }
  }

  /**
   * Ends the stream: nothing is delivered any more, what was not read is dropped, and signals that
   * nobody else catches or ignores have their default action again. That may be the fate of one
   * that comes at this very moment, too. May be called again.
   */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    unsubscribe(this.#signals, this.#sink);
    this.#pending.clear();
    for (const resolve of this.#waiters) {
      this.#waiters.delete(resolve);
      resolve(null);
    }
  }

  /** Lets a wait keep the process alive (the default). */
  ref(): void {
    this.#ref = true;
    this.#keepAlive();
  }

  /** Keeps waits from keeping the process alive: for a loop in the background of other work. */
  unref(): void {
    this.#ref = false;
    this.#keepAlive();
  }

  /** As {@linkcode SignalStream.stop}. */
  [Symbol.dispose](): void {
    this.stop();
  }

  /** The signals from now on; leaving the loop stops the stream. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Deno.Signal, void, void> {
    try {
      for (;;) {
        const signal = await this.receive();
        if (signal === null) return;
        yield signal;
      }
    } finally {
      this.stop();
    }
  }

  #deliver(signal: Deno.Signal): void {
    for (const resolve of this.#waiters) {
      this.#waiters.delete(resolve);
      return resolve(signal);
    }
    this.#pending.add(signal);
  }

  /** The runtime's listeners never keep the process alive; a timer does, while somebody waits. */
  #keepAlive(): void {
    const wanted = this.#ref && this.#waiters.size > 0;
    if (wanted === (this.#timer !== undefined)) return;
    if (wanted) this.#timer = setInterval(() => {}, forever);
    else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}

/**
 * Catches signals: instead of their default action, which mostly ends the process, they are
 * delivered to the stream. Several streams may catch the same signal; each gets it. Catching an
 * ignored signal ends its being ignored. Needs no permission. As Go's `signal.Notify`.
 *
 * ```ts
 * import { kill, notify } from "@plumb/plumb/ipc";
 *
 * using signals = notify("SIGUSR1", "SIGUSR2");
 * kill(Deno.pid, "SIGUSR1");
 * console.log(await signals.receive({ timeout: 1_000 })); // SIGUSR1
 * ```
 *
 * @param signals One signal or more. Windows has few: Ctrl-C is `"SIGINT"`.
 * @returns The signals as they come.
 * @throws {TypeError} No signal, one that this platform lacks, or one that no program can catch
 * (`SIGKILL`, `SIGSTOP`, `SIGILL`, `SIGFPE`, `SIGSEGV`); nothing is caught then.
 */
export function notify(...signals: Deno.Signal[]): SignalStream {
  checkAll("notify", signals);
  return new SignalStream(signals);
}

/** An `AbortSignal` that a signal aborts, made by {@linkcode notifyContext}. */
export interface NotifyContext extends Disposable {
  /** Aborts with a `SignalError` that names the first signal, or as the `wait` says. */
  readonly signal: AbortSignal;
  /**
   * Gives the signals their default action back (a second Ctrl-C ends the process); what has not
   * aborted yet never will. May be called again.
   */
  stop(): void;
}

/** The limit on a context is no work of its own: it does not keep the process alive. */
const backgroundClock: Clock = {
  ...systemClock,
  setTimeout(callback, ms) {
    const timer = setTimeout(callback, ms);
    Deno.unrefTimer(timer);
    return timer;
  },
};

/**
 * An `AbortSignal` that aborts with the first of the given signals. Further ones are still caught,
 * and dropped, until `stop()`: call it when the drain has begun, so that an impatient second signal
 * ends the process. It does not keep the process alive. As Go's `signal.NotifyContext`, but
 * `stop()` does not abort.
 *
 * ```ts
 * import { kill, notifyContext, SignalError } from "@plumb/plumb/ipc";
 *
 * using context = notifyContext(["SIGTERM", "SIGINT"]);
 * const aborted = new Promise((resolve) => context.signal.addEventListener("abort", resolve));
 * const pause = setTimeout(() => {}, 5_000); // stands for the work: a listener alone is none
 * kill(Deno.pid, "SIGTERM");
 * await aborted;
 * clearTimeout(pause);
 * if (context.signal.reason instanceof SignalError) console.log(context.signal.reason.signal);
 * ```
 *
 * @param signals One signal or more.
 * @param wait What else aborts it: a parent signal, a time limit.
 * @throws {TypeError} As {@linkcode notify}.
 */
export function notifyContext(
  signals: readonly Deno.Signal[],
  wait: WaitOptions = {},
): NotifyContext {
  checkAll("notifyContext", signals);
  const limit = new Deadline(wait, { phase: "notifyContext", clock: backgroundClock });
  const controller = new AbortController();
  const caught = new Set(signals);
  let unwatch = () => {};
  const end = (reason: unknown) => {
    unwatch();
    controller.abort(reason);
  };
  const sink = (signal: Deno.Signal) => {
    if (!controller.signal.aborted) end(new SignalError(signal));
  };
  subscribe(caught, sink);
  unwatch = limit.watch((reason) => end(reason));
  const stop = () => {
    unwatch();
    unsubscribe(caught, sink);
  };
  return { signal: controller.signal, stop, [Symbol.dispose]: stop };
}

/**
 * Makes signals have no effect at all; streams and contexts stop getting them. A program started
 * meanwhile does not inherit it. As Go's `signal.Ignore`.
 *
 * ```ts
 * import { ignore, ignored, reset } from "@plumb/plumb/ipc";
 *
 * ignore("SIGHUP"); // to lose the terminal is harmless now
 * console.log(ignored("SIGHUP")); // true
 * reset("SIGHUP");
 * ```
 *
 * @param signals One signal or more.
 * @throws {TypeError} As {@linkcode notify}.
 */
export function ignore(...signals: Deno.Signal[]): void {
  checkAll("ignore", signals);
  for (const signal of signals) catchSignal(signal).sinks.clear();
}

/**
 * Whether {@linkcode ignore} is in force for a signal. As Go's `signal.Ignored`.
 *
 * ```ts
 * import { ignored } from "@plumb/plumb/ipc";
 *
 * console.log(ignored("SIGHUP")); // false
 * ```
 *
 * @param signal The signal.
 * @throws {TypeError} This platform has no such signal.
 */
export function ignored(signal: Deno.Signal): boolean {
  checkSignal(signal);
  return dispositions.get(signal)?.sinks.size === 0;
}

/**
 * Undoes {@linkcode notify}, {@linkcode notifyContext} and {@linkcode ignore}: the signals have
 * their default action again, which may be the fate of one that comes at this very moment, too.
 * Streams stay open, but these signals do not come any more. Listeners added with `Deno.addSignalListener` are not touched. As Go's `signal.Reset`.
 *
 * ```ts
 * import { ignore, ignored, reset } from "@plumb/plumb/ipc";
 *
 * ignore("SIGHUP");
 * reset();
 * console.log(ignored("SIGHUP")); // false
 * ```
 *
 * @param signals The signals; all of them when none is given.
 * @throws {TypeError} This platform has no such signal; nothing is changed then.
 */
export function reset(...signals: Deno.Signal[]): void {
  for (const signal of signals) checkSignal(signal);
  for (const signal of signals.length === 0 ? [...dispositions.keys()] : signals) restore(signal);
}

/**
 * Sends a signal to a process, or to a process group. Needs `--allow-run`, without a list, but for
 * the own process. As `syscall.Kill`.
 *
 * ```ts
 * import { command, kill } from "@plumb/plumb/ipc";
 *
 * await using sleep = command("sleep", ["60"]);
 * sleep.start();
 * kill(sleep.pid!, "SIGTERM");
 * await sleep.wait().catch((error) => console.log(error.signal)); // SIGTERM
 * ```
 *
 * @param pid The process; a negative number is the group of that number.
 * @param signal The signal, `"SIGTERM"` by default.
 * @throws {TypeError} This platform has no such signal.
 * @throws {RangeError} `pid` is no process id, or 0 or -1, which would reach far more than one.
 * @throws {Deno.errors.NotFound} There is no such process.
 * @throws {Deno.errors.PermissionDenied} It belongs to somebody else.
 * @throws {Deno.errors.NotCapable} Without `--allow-run`.
 */
export function kill(pid: number, signal: Deno.Signal = "SIGTERM"): void {
  checkSignal(signal);
  if (!Number.isInteger(pid) || pid === 0 || pid === -1 || Math.abs(pid) > forever) {
    throw new RangeError(`pid must be a process id, or a group's with a minus, got ${pid}`);
  }
  try {
    Deno.kill(pid, signal);
  } catch (cause) {
    const what = `kill ${pid} with ${signal}`;
    if (cause instanceof Deno.errors.NotFound) {
      throw new Deno.errors.NotFound(`${what}: no such process`, { cause });
    }
    if (cause instanceof Deno.errors.PermissionDenied) {
      throw new Deno.errors.PermissionDenied(`${what}: operation not permitted`, { cause });
    }
    throw cause;
  }
}
