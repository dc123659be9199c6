/** POSIX named semaphores, with deadlines. */
import { Deadline, type WaitOptions } from "../deadline.ts";
import type { ClosedError } from "../net/mod.ts";
import { O_CREAT, O_EXCL, UnsupportedError } from "../sys/mod.ts";
import {
  SEM_VALUE_MAX,
  type SemaphoreHandle,
  semClose,
  semGetValue,
  semOpen,
  semPost,
  semTryWait,
  semUnlink,
} from "../sys/semaphore.ts";
import { Backoff } from "./backoff.ts";
import { checkCreate, checkMode, checkName, checkWhole, ownerOnly } from "./checks.ts";
import { closedError, type OpContext, opError, systemCode } from "./op_error.ts";

/** How to open a semaphore. */
export interface SemaphoreOptions {
  /** Makes the semaphore if it is not there; `false` by default. */
  create?: boolean;
  /** With `create`: fails with code `"EEXIST"` if it is there; `false` by default. */
  exclusive?: boolean;
  /** With `create`: the permissions of a new one, less the umask; 0o600 by default. */
  mode?: number;
  /** With `create`: what a new one begins with; 0 by default. */
  value?: number;
}

/** The file is `sem.` and the name, of at most 255 bytes; macOS takes 31 with the slash. */
const maxNameBytes = Deno.build.os === "darwin" ? 30 : 251;
/** Turns of the event loop before the first pause: those who take turns need microseconds. */
const turns = 200;
/** The longest pause, in milliseconds: looking costs a tenth of a microsecond. */
const longest = 5;
/** After so many at once one waits a turn, so that timers and others have theirs. */
const maxStreak = 32;

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * A POSIX named semaphore (sem_overview(7)): a count that processes of one machine share. Taking
 * one waits while it is 0. Linux and macOS. Needs `--allow-ffi`.
 *
 * No thread waits: the first who waits on this object looks again in the next turns of the event
 * loop, then after 1 ms, then ever later, up to 5 ms, so what another process gives is noticed
 * up to 5 ms late. What is given through this very object is noticed at once. Those who wait on
 * one object are served first come, first served; between processes there is no order.
 *
 * A process that ends keeps what it has taken: the system does not know whose they are. Use
 * `lockFile` where that must not be.
 *
 * ```ts
 * import { Semaphore } from "@plumb/plumb/ipc";
 *
 * const name = `/example-${crypto.randomUUID().slice(0, 8)}`;
 * using semaphore = await Semaphore.open(name, { create: true, value: 1 });
 * await semaphore.acquire({ timeout: 1_000 });
 * console.log(semaphore.tryAcquire()); // false
 * semaphore.release();
 * await Semaphore.unlink(name);
 * ```
 */
export class Semaphore implements Disposable {
  /** The name it was opened by. */
  readonly name: string;
  readonly #handle: SemaphoreHandle;
  readonly #waiters: Waiter[] = [];
  readonly #backoff = new Backoff({ turns, longest });
  #open = true;
  #streak = 0;

  private constructor(name: string, handle: SemaphoreHandle) {
    this.name = name;
    this.#handle = handle;
  }

  /**
   * Opens a semaphore. One that is there keeps its value, whatever is asked for.
   *
   * @param name A `"/"` and a name without slashes, of at most 251 bytes (30 on macOS).
   * @param options Whether to make it, and how.
   * @returns The semaphore.
   * @throws {OpError} Code `"ENOENT"`, `"EEXIST"`, `"EACCES"`, ...
   * @throws {UnsupportedError} Without `--allow-ffi`, or where there are none.
   * @throws {TypeError} A bad name, or an option of a new one without `create`.
   * @throws {RangeError} A value below 0 or above 2147483647 (32767 on macOS), or a bad mode.
   */
  // deno-lint-ignore require-await -- failures are rejections
  static async open(name: string, options: SemaphoreOptions = {}): Promise<Semaphore> {
    checkName(name, maxNameBytes);
    checkCreate(options, ["exclusive", "mode", "value"]);
    const { create, exclusive, mode = ownerOnly, value = 0 } = options;
    checkMode(mode);
    checkWhole("value", value, 0, SEM_VALUE_MAX);
    const flags = (create ? O_CREAT : 0) | (exclusive ? O_EXCL : 0);
    try {
      return new Semaphore(name, semOpen(name, flags, mode, value));
    } catch (error) {
      throw opError(named(error), { op: "open", network: kind, addr: name });
    }
  }

  /**
   * Removes the name of a semaphore: it can no longer be opened, and goes when all who have it
   * open have closed it. Needs `--allow-ffi`.
   *
   * @param name The name it is opened by.
   * @throws {OpError} Code `"ENOENT"`: there is none; `"EACCES"`: it is another user's.
   * @throws {UnsupportedError} As {@linkcode Semaphore.open}.
   * @throws {TypeError} A bad name.
   */
  // deno-lint-ignore require-await -- failures are rejections
  static async unlink(name: string): Promise<void> {
    checkName(name, maxNameBytes);
    try {
      semUnlink(name);
    } catch (error) {
      throw opError(named(error), { op: "unlink", network: kind, addr: name });
    }
  }

  /**
   * Takes one, waiting while there is none.
   *
   * @param wait How long to wait; without limit by default.
   * @throws {OpError} The time was up (`timeout` is then `true`), and nothing was taken.
   * @throws {ClosedError} The semaphore was closed here, before or meanwhile.
   */
  acquire(wait: WaitOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const deadline = new Deadline(wait, { phase: "acquire" });
      const fail = (error: unknown) => reject(opError(error, this.#context("acquire"), { wait }));
      if (!this.#open) return fail(this.#closed("acquire"));
      if (deadline.expired) return deadline.watch(fail);
      if (this.#waiters.length === 0 && this.#streak++ < maxStreak && semTryWait(this.#handle)) {
        return resolve();
      }
      this.#streak = 0;
      let unwatch = () => {};
      const waiter: Waiter = {
        resolve: () => (unwatch(), resolve()),
        reject: (error) => (unwatch(), fail(error)),
      };
      let left = false;
      unwatch = deadline.watch((reason) => {
        left = true;
        this.#leave(waiter);
        fail(reason);
      });
      // The time may be up since it was looked at: who has left is not to take one along.
      if (!left && this.#waiters.push(waiter) === 1) this.#begin();
    });
  }

  /**
   * Takes one if there is one, ahead of those who wait.
   *
   * @returns Whether it was taken.
   * @throws {ClosedError} The semaphore was closed here.
   */
  tryAcquire(): boolean {
    if (!this.#open) throw this.#closed("acquire");
    return semTryWait(this.#handle) !== null;
  }

  /**
   * Gives one. Whoever gives what it has not taken raises the count.
   *
   * @throws {OpError} Code `"EOVERFLOW"`: the count is at its limit, and stays there.
   * @throws {ClosedError} The semaphore was closed here.
   */
  release(): void {
    if (!this.#open) throw this.#closed("release");
    try {
      semPost(this.#handle);
    } catch (error) {
      const over = systemCode(error) === "EOVERFLOW";
      const reason = over ? `the count is at its limit of ${SEM_VALUE_MAX}` : undefined;
      throw opError(error, this.#context("release"), { reason });
    }
    if (this.#waiters.length > 0) this.#backoff.wake();
  }

  /**
   * How many there are to take; it may have changed by the time it is looked at. Linux only.
   *
   * @throws {ClosedError} The semaphore was closed here.
   * @throws {UnsupportedError} On macOS, which does not tell.
   */
  get value(): number {
    if (!this.#open) throw this.#closed("value");
    return semGetValue(this.#handle);
  }

  /**
   * Closes the semaphore here, giving back nothing; what waits ends with `ClosedError`. Closing
   * again does no harm.
   */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#backoff.cancel();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#closed("acquire"));
    semClose(this.#handle);
  }

  /** As {@linkcode Semaphore.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  #begin(): void {
    this.#backoff.reset();
    this.#backoff.begin(this.#look);
  }

  /** Serves those who wait, as far as there are any to take. */
  readonly #look = (): void => {
    let taken = 0;
    try {
      while (this.#waiters.length > 0 && semTryWait(this.#handle)) {
        taken++;
        this.#waiters.shift()!.resolve();
      }
    } catch (error) {
      for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
    }
    if (this.#waiters.length === 0) return;
    if (taken > 0) this.#backoff.reset();
    this.#backoff.begin(this.#look);
  };

  #leave(waiter: Waiter): void {
    const i = this.#waiters.indexOf(waiter);
    if (i >= 0) this.#waiters.splice(i, 1);
    if (this.#waiters.length === 0) this.#backoff.cancel();
  }

  #context(op: string): OpContext {
    return { op, network: kind, addr: this.name };
  }

  #closed(op: string): ClosedError {
    return closedError(this.#context(op));
  }
}

const kind = "semaphore";

/** Says what was missing for a semaphore, not just for a system call. */
function named(error: unknown): unknown {
  if (!(error instanceof UnsupportedError)) return error;
  if (error.message.startsWith("a semaphore")) return error;
  const missing = error.message.replace(/^.*? is not supported here: /, "");
  return new UnsupportedError("a semaphore", missing, { cause: error });
}
