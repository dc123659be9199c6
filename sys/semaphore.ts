/** POSIX named semaphores. Linux (glibc from 2.34, musl) and macOS. */
import { UnsupportedError } from "./errors.ts";
import { cString, darwin, errnoAt, errnoOut, failure, libc, notReady, openLibc } from "./libc.ts";

const calls = {
  trywait: { name: "sem_trywait", parameters: ["u64"], result: "i32" },
  post: { name: "sem_post", parameters: ["u64"], result: "i32" },
  close: { name: "sem_close", parameters: ["u64"], result: "i32" },
  getvalue: { name: "sem_getvalue", parameters: ["u64", "buffer"], result: "i32" },
  unlink: { name: "sem_unlink", parameters: ["buffer"], result: "i32" },
  open: { name: "sem_open", parameters: ["buffer", "i32", "u32", "u32"], result: "u64" },
} as const;

// sem_open is variadic, which on Apple silicon puts its last two arguments on the stack.
const unused = ["u64", "u64", "u64", "u64", "u64", "u64"] as const;
const appleOpen = {
  open: {
    name: "sem_open",
    parameters: ["buffer", "i32", ...unused, "u64", "u64"],
    result: "u64",
  },
} as const;

/** A semaphore as the C library knows it: an address. Only what `semOpen` gave may be used. */
export type SemaphoreHandle = bigint;

type Calls = ReturnType<typeof openLibc<typeof calls>>;
type AppleOpen = (
  ...values: [
    name: Uint8Array<ArrayBuffer>,
    flags: number,
    a: 0,
    b: 0,
    c: 0,
    d: 0,
    e: 0,
    f: 0,
    mode: number,
    value: number,
  ]
) => bigint;

const apple = darwin && Deno.build.arch === "aarch64";
let opened: Calls | undefined;

function semaphores(): Calls {
  if (opened !== undefined) return opened;
  libc(); // finds errno, and says what is missing
  try {
    return opened = openLibc(apple ? { ...calls, ...appleOpen } : calls) as unknown as Calls;
  } catch (cause) {
    const missing = "the C library has no sem_open: glibc has it from 2.34 on";
    throw new UnsupportedError("a semaphore", missing, { cause });
  }
}

/** Whether there are named semaphores, and the permission to call them. */
export function semAvailable(): boolean {
  try {
    semaphores();
    return true;
  } catch (error) {
    if (error instanceof UnsupportedError) return false;
    throw error;
  }
}

/** What `sem_open` gives when it failed (SEM_FAILED). */
const failed = darwin ? 0xffff_ffff_ffff_ffffn : 0n;

/** The most a semaphore counts to (SEM_VALUE_MAX). */
export const SEM_VALUE_MAX: number = darwin ? 0x7fff : 0x7fff_ffff;

/**
 * Opens a semaphore. Opening one twice gives the same handle, to be closed twice. Needs
 * `--allow-ffi`.
 *
 * @param name A slash and a name.
 * @param flags `0`, or `O_CREAT`, perhaps with `O_EXCL`.
 * @param mode The permissions of one that is made, less the umask.
 * @param value What one that is made begins with.
 * @throws {SyscallError} `ENOENT`, `EEXIST`, `EACCES`, `EINVAL`, ...
 * @throws {UnsupportedError} Without `--allow-ffi`.
 */
export function semOpen(
  name: string,
  flags: number,
  mode: number = 0o600,
  value: number = 0,
): SemaphoreHandle {
  const c = semaphores(), { saveErrno } = libc();
  const path = cString("name", name);
  const handle = apple
    ? (c.open as unknown as AppleOpen)(path, flags, 0, 0, 0, 0, 0, 0, mode, value)
    : c.open(path, flags, mode, value);
  if (handle === failed) throw failure("sem_open", saveErrno(errnoOut, errnoAt, 4));
  return handle;
}

/**
 * Removes the name of a semaphore. The semaphore itself goes when all have closed it.
 *
 * @param name A slash and a name.
 * @throws {SyscallError} `ENOENT`, `EACCES`.
 */
export function semUnlink(name: string): void {
  const c = semaphores(), { saveErrno } = libc();
  if (c.unlink(cString("name", name)) >= 0) return;
  throw failure("sem_unlink", saveErrno(errnoOut, errnoAt, 4));
}

/**
 * Closes a semaphore. After it the handle is an address of nothing: using it ends the process.
 *
 * @param semaphore What `semOpen` gave.
 */
export function semClose(semaphore: SemaphoreHandle): void {
  const c = semaphores(), { saveErrno } = libc();
  if (c.close(semaphore) >= 0) return;
  throw failure("sem_close", saveErrno(errnoOut, errnoAt, 4));
}

/**
 * Takes one, if there is one.
 *
 * @param semaphore What `semOpen` gave.
 * @returns Whether it was taken; `null` when the semaphore is at 0.
 */
export function semTryWait(semaphore: SemaphoreHandle): true | null {
  const c = opened!, { saveErrno } = libc();
  if (c.trywait(semaphore) >= 0) return true;
  return notReady("sem_trywait", saveErrno(errnoOut, errnoAt, 4));
}

/**
 * Gives one.
 *
 * @param semaphore What `semOpen` gave.
 * @throws {SyscallError} `EOVERFLOW`: it is at `SEM_VALUE_MAX`.
 */
export function semPost(semaphore: SemaphoreHandle): void {
  const c = opened!, { saveErrno } = libc();
  if (c.post(semaphore) >= 0) return;
  throw failure("sem_post", saveErrno(errnoOut, errnoAt, 4));
}

const valueOut = new Int32Array(new ArrayBuffer(8));
const valueBytes = new Uint8Array(valueOut.buffer);

/**
 * Asks how many there are.
 *
 * @param semaphore What `semOpen` gave.
 * @throws {UnsupportedError} On macOS, which cannot tell.
 */
export function semGetValue(semaphore: SemaphoreHandle): number {
  if (darwin) throw new UnsupportedError("the value of a semaphore", "macOS does not tell it");
  const c = semaphores(), { saveErrno } = libc();
  if (c.getvalue(semaphore, valueBytes) < 0) {
    throw failure("sem_getvalue", saveErrno(errnoOut, errnoAt, 4));
  }
  return valueOut[0];
}
