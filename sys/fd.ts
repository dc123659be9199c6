/** File descriptors: opening, reading, writing, closing. */
import { O_CLOEXEC, O_NONBLOCK } from "./constants.ts";
import { EINTR } from "./errno.ts";
import { SyscallError } from "./errors.ts";
import {
  bytes,
  cString,
  darwin,
  errnoAt,
  errnoOut,
  failure,
  fcntl,
  libc,
  linux,
  macos,
  notReady,
  openFile,
  savedErrno,
} from "./libc.ts";
import { poller } from "./poller.ts";

const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;

/** Makes what macOS cannot make in one step non-blocking and close-on-exec. */
export function prepare(fd: number): number {
  closeOnExec(fd);
  setNonblock(fd);
  return fd;
}

/**
 * Closes a descriptor. Waits for it in the poller end with a `DescriptorClosedError`.
 * Needs `--allow-ffi`.
 *
 * @param fd The descriptor; its number may be given out again at once.
 * @throws {SyscallError} `EBADF`: it is not open.
 */
export function close(fd: number): void {
  poller.forget(fd);
  const c = libc();
  if (c.close(fd) >= 0) return;
  const errno = savedErrno(c.saveErrno(errnoOut, errnoAt, 4));
  // Interrupted or not, the descriptor is gone: closing again would close somebody else's.
  if (errno !== EINTR) throw new SyscallError("close", errno);
}

/**
 * Says whether calls on a descriptor wait or give `null`. Non-blocking is how every descriptor
 * of this module begins; a blocking one stops the whole program while it waits.
 *
 * @param fd The descriptor.
 * @param on `false` for blocking.
 * @throws {SyscallError} `EBADF`: it is not open.
 */
export function setNonblock(fd: number, on: boolean = true): void {
  const flags = fcntl(fd, F_GETFL, 0);
  const wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted !== flags) fcntl(fd, F_SETFL, wanted);
}

/**
 * Says whether a descriptor is kept from programs that this one starts, as every descriptor of
 * this module is from the beginning.
 *
 * @param fd The descriptor.
 * @param on `false` to hand it on.
 * @throws {SyscallError} `EBADF`: it is not open.
 */
export function closeOnExec(fd: number, on: boolean = true): void {
  const flags = fcntl(fd, F_GETFD, 0);
  const wanted = on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
  if (wanted !== flags) fcntl(fd, F_SETFD, wanted);
}

/**
 * Opens a file, FIFO or device; the descriptor is non-blocking and close-on-exec.
 * Needs `--allow-ffi`, which goes past `--allow-read` and `--allow-write`.
 *
 * ```ts
 * import { close, O_RDONLY, open, read } from "@plumb/plumb/sys";
 *
 * const fd = open("/dev/zero", O_RDONLY);
 * console.log(read(fd, new Uint8Array(8))); // 8
 * close(fd);
 * ```
 *
 * @param path The path.
 * @param flags `O_RDONLY`, `O_WRONLY` or `O_RDWR`, with further `O_` flags.
 * @param mode The permissions of a file that is made, less the umask.
 * @returns The descriptor.
 * @throws {SyscallError} `ENOENT`; `ENXIO`: a FIFO opened to write has no reader; ...
 * @throws {TypeError} The path contains NUL.
 */
export function open(path: string, flags: number, mode: number = 0o666): number {
  const name = cString("path", path);
  for (;;) {
    const fd = openFile(name, flags | O_NONBLOCK | O_CLOEXEC, mode);
    if (fd >= 0) return fd;
    const errno = savedErrno();
    if (errno !== EINTR) throw new SyscallError("open", errno);
  }
}

/**
 * Reads what is there.
 *
 * @param fd The descriptor.
 * @param p Where to put it.
 * @returns How many bytes; `0` at the end; `null` when it would have to wait.
 * @throws {SyscallError} It failed.
 */
export function read(fd: number, p: Uint8Array): number | null {
  const c = libc();
  const n = c.read(fd, p as Uint8Array<ArrayBuffer>, p.length);
  return n >= 0 ? n : notReady("read", c.saveErrno(errnoOut, errnoAt, 4));
}

/**
 * Writes what there is room for.
 *
 * @param fd The descriptor.
 * @param p What to write.
 * @returns How many bytes were taken; `null` when it would have to wait.
 * @throws {SyscallError} `EPIPE`: nobody reads any more; ...
 */
export function write(fd: number, p: Uint8Array): number | null {
  const c = libc();
  const n = c.write(fd, p as Uint8Array<ArrayBuffer>, p.length);
  return n >= 0 ? n : notReady("write", c.saveErrno(errnoOut, errnoAt, 4));
}

/** Where calls put two descriptors. */
const pair = new Int32Array(new ArrayBuffer(8));
export const pairOut: Uint8Array<ArrayBuffer> = new Uint8Array(pair.buffer);
export const getPair = (): [number, number] => [pair[0], pair[1]];

/**
 * Makes a pipe; both ends are non-blocking and close-on-exec.
 *
 * ```ts
 * import { close, pipe2, read, write } from "@plumb/plumb/sys";
 *
 * const [reader, writer] = pipe2();
 * write(writer, new Uint8Array(3));
 * console.log(read(reader, new Uint8Array(10))); // 3
 * close(reader);
 * close(writer);
 * ```
 *
 * @returns The end to read from and the end to write to.
 * @throws {SyscallError} `EMFILE`: too many descriptors.
 */
export function pipe2(): [reader: number, writer: number] {
  if (darwin) return pipeDarwin();
  const c = linux();
  if (c.pipe2(pairOut, O_NONBLOCK | O_CLOEXEC) < 0) {
    throw failure("pipe2", c.saveErrno(errnoOut, errnoAt, 4));
  }
  return getPair();
}

function pipeDarwin(): [number, number] {
  const c = macos();
  if (c.pipe(pairOut) < 0) throw failure("pipe", c.saveErrno(errnoOut, errnoAt, 4));
  const [reader, writer] = getPair();
  return [prepare(reader), prepare(writer)];
}

/**
 * Makes a FIFO, a pipe with a name.
 *
 * @param path Where.
 * @param mode Its permissions, less the umask.
 * @throws {SyscallError} `EEXIST`, `EACCES`, `ENOENT`, ...
 * @throws {TypeError} The path contains NUL.
 */
export function mkfifo(path: string, mode: number = 0o666): void {
  const name = cString("path", path);
  const c = libc();
  if (c.mkfifo(name, mode) < 0) throw failure("mkfifo", c.saveErrno(errnoOut, errnoAt, 4));
}

/** The length that goes with a buffer: in, its room; out, what was used. */
const length = new Uint32Array(new ArrayBuffer(8));
export const lengthBytes: Uint8Array<ArrayBuffer> = new Uint8Array(length.buffer);
/** Reads or sets it. */
export const getLength = (): number => length[0];
export const setLength = (n: number): void => void (length[0] = n);

/** Where the kernel writes addresses. */
export const addressBuffer: Uint8Array<ArrayBuffer> = bytes(112);
