/** Locks on files that hold between processes: flock(2). */
import { Deadline, type WaitOptions } from "../deadline.ts";
import { ClosedError } from "../net/mod.ts";
import { Backoff, retry } from "./backoff.ts";
import { checkPath, ownerOnly } from "./checks.ts";
import { opError, refusal, systemCode } from "./op_error.ts";

/** How to lock. */
export interface TryLockFileOptions {
  /** Whether others may hold a shared lock at the same time; `false` by default. */
  shared?: boolean;
}

/** How to lock, and how long to wait for it. */
export interface LockFileOptions extends TryLockFileOptions, WaitOptions {}

/**
 * A lock that is held until {@linkcode FileLock.unlock}, until the scope of a `using` ends, or
 * until the process does, however it ends. The file stays.
 */
export interface FileLock extends Disposable {
  /** The file, as it was named. */
  readonly path: string;
  /** Whether others may hold a shared lock at the same time. */
  readonly shared: boolean;
  /** Whether it is still held. */
  readonly held: boolean;
  /**
   * Gives the lock up. `using` does it too, and does no harm afterwards.
   *
   * @throws {ClosedError} It was given up before.
   */
  unlock(): void;
}

/**
 * Waits until a file can be locked, and locks it: flock(2), which other programs see as far as
 * they use it too, `flock(1)` among them. A lock keeps nobody from reading and writing the file.
 * It belongs to this call alone: a second one for the same file waits, in this process as well.
 *
 * A file that is not there is made, empty and for this user alone (0o600). None is ever removed:
 * a lock on a removed file excludes nobody. So lock a file of its own, not one that others
 * replace by renaming. A folder can be locked as well.
 *
 * No thread waits: the lock is tried for again after 1 ms, then ever later, up to 5 ms. So it is
 * noticed up to 5 ms late that it is free, and those who wait are served in no order: whoever
 * gives a lock up only to take it again at once leaves others little chance.
 *
 * Needs `--allow-read` for a file that is there, `--allow-write` too if it has to be made; no
 * `--allow-ffi`. As Go's `cmd/go/internal/lockedfile`.
 *
 * ```ts
 * import { lockFile } from "@plumb/plumb/ipc";
 *
 * const path = await Deno.makeTempFile();
 * {
 *   using lock = await lockFile(path, { timeout: 5_000 });
 *   console.log(lock.held); // true
 * } // unlocked here
 * await Deno.remove(path);
 * ```
 *
 * @param path The file.
 * @param options Whether to share the lock, and how long to wait; without limit by default.
 * @returns The lock.
 * @throws {OpError} The time was up (`timeout` is then `true`), or the file cannot be opened.
 * @throws {Deno.errors.NotCapable} A permission is missing.
 * @throws {TypeError} `path` or an option is of the wrong type.
 */
export async function lockFile(path: string, options: LockFileOptions = {}): Promise<FileLock> {
  const { shared = false } = options;
  const deadline = new Deadline(options, { phase: "lock" });
  check(path, shared);
  let file: Deno.FsFile | undefined;
  try {
    deadline.throwIfExpired();
    const opened = file = openToLock(path);
    await retry(() => tryLock(opened, shared) ? true : null, deadline, new Backoff(pauses));
    return new HeldLock(opened, path, shared);
  } catch (error) {
    file?.close();
    throw opError(error, context("lock", path), { wait: options });
  }
}

/**
 * Locks a file if that is possible at once; otherwise as {@linkcode lockFile}.
 *
 * ```ts
 * import { tryLockFile } from "@plumb/plumb/ipc";
 *
 * const path = await Deno.makeTempFile();
 * using lock = tryLockFile(path);
 * console.log(lock !== null, tryLockFile(path)); // true null
 * await Deno.remove(path);
 * ```
 *
 * @param path The file.
 * @param options Whether to share the lock.
 * @returns The lock; `null` when somebody else holds one that is in its way.
 * @throws {OpError} The file cannot be opened.
 * @throws {Deno.errors.NotCapable} A permission is missing.
 * @throws {TypeError} `path` or an option is of the wrong type.
 */
export function tryLockFile(path: string, options: TryLockFileOptions = {}): FileLock | null {
  const { shared = false } = options;
  check(path, shared);
  let file: Deno.FsFile | undefined;
  try {
    file = openToLock(path);
    if (tryLock(file, shared)) return new HeldLock(file, path, shared);
    file.close();
    return null;
  } catch (error) {
    file?.close();
    throw opError(error, context("lock", path));
  }
}

/** Looking costs less than a microsecond; and the more often, the fairer it is. */
const pauses = { turns: 16, longest: 5 };

const context = (op: string, addr: string) => ({ op, network: "file", addr });

function check(path: unknown, shared: unknown): void {
  checkPath(path);
  if (typeof shared === "boolean") return;
  throw new TypeError(`shared must be a boolean, got ${String(shared)}`);
}

/** Opens the file as it is; only when it is not there, it is made. */
function openToLock(path: string): Deno.FsFile {
  // A FIFO is not opened before there is somebody at its other end: the process would hang.
  const known = whatIs(path);
  if (known !== undefined && !known.isFile && !known.isDirectory) {
    throw refusal(context("lock", path), "EINVAL", "neither a file nor a folder");
  }
  if (known === undefined) {
    const make = { read: true, write: true, create: true, mode: ownerOnly };
    return Deno.openSync(path, make);
  }
  return Deno.openSync(path, { read: true });
}

function whatIs(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** `FsFile.lock()` would hold a thread while it waits, and cannot be taken back. */
function tryLock(file: Deno.FsFile, shared: boolean): boolean {
  try {
    return file.tryLockSync(!shared);
  } catch (error) {
    if (systemCode(error) === "EAGAIN") return false;
    throw error;
  }
}

class HeldLock implements FileLock {
  readonly path: string;
  readonly shared: boolean;
  #file: Deno.FsFile | undefined;

  constructor(file: Deno.FsFile, path: string, shared: boolean) {
    this.#file = file;
    this.path = path;
    this.shared = shared;
  }

  get held(): boolean {
    return this.#file !== undefined;
  }

  unlock(): void {
    if (this.#file === undefined) {
      throw new ClosedError({ ...context("unlock", this.path), reason: "unlocked before" });
    }
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    try {
      // Closing frees the lock too, but not while a program that is just being started still has
      // a copy of the descriptor.
      file.unlockSync();
    } finally {
      file.close();
    }
  }
}
