/** Socket options: numbers, structs, and the pending error. */
import { SO_ERROR, SO_LINGER, SO_PEERCRED, SOL_SOCKET } from "./constants.ts";
import { SyscallError } from "./errors.ts";
import { getLength, lengthBytes, setLength } from "./fd.ts";
import { bytes, darwin, errnoAt, errnoOut, failure, libc } from "./libc.ts";

/** Room for the structs below. */
const value = bytes(80);
const view = new DataView(value.buffer);

/**
 * Sets an option.
 *
 * ```ts
 * import {
 *   AF_INET, close, getsockopt, IPPROTO_TCP, setsockopt, SOCK_STREAM, socket, TCP_NODELAY,
 * } from "@plumb/plumb/sys";
 *
 * const fd = socket(AF_INET, SOCK_STREAM);
 * setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, true);
 * console.log(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY)); // 1
 * close(fd);
 * ```
 *
 * @param fd The socket.
 * @param level `SOL_SOCKET` or an `IPPROTO_*`.
 * @param option The option of that level.
 * @param to An `int`, a boolean for 1 and 0, or the bytes of a struct or text.
 * @throws {SyscallError} `ENOPROTOOPT`: the level has no such option; `EINVAL`; `EPERM`; ...
 */
export function setsockopt(
  fd: number,
  level: number,
  option: number,
  to: number | boolean | Uint8Array,
): void {
  if (to instanceof Uint8Array) {
    set(fd, level, option, to as Uint8Array<ArrayBuffer>, to.length);
  } else {
    view.setInt32(0, Number(to), true);
    set(fd, level, option, value, 4);
  }
}

function set(fd: number, level: number, option: number, p: Uint8Array<ArrayBuffer>, n: number) {
  const c = libc();
  if (c.setsockopt(fd, level, option, p, n) < 0) {
    throw failure("setsockopt", c.saveErrno(errnoOut, errnoAt, 4));
  }
}

/**
 * The value of an option that is an `int`.
 *
 * @param fd The socket.
 * @param level `SOL_SOCKET` or an `IPPROTO_*`.
 * @param option The option of that level.
 * @throws {SyscallError} `ENOPROTOOPT`: the level has no such option; `EBADF`; ...
 */
export function getsockopt(fd: number, level: number, option: number): number {
  view.setInt32(0, 0, true);
  get(fd, level, option, value, 4);
  return view.getInt32(0, true);
}

/**
 * The value of an option that is a struct or a text.
 *
 * @param fd The socket.
 * @param level `SOL_SOCKET` or an `IPPROTO_*`.
 * @param option The option of that level.
 * @param p Where to put it; what does not fit is cut.
 * @returns How many bytes of `p` it fills.
 * @throws {SyscallError} `ENOPROTOOPT`: the level has no such option; `EBADF`; ...
 */
export function getsockoptBytes(
  fd: number,
  level: number,
  option: number,
  p: Uint8Array,
): number {
  return get(fd, level, option, p as Uint8Array<ArrayBuffer>, p.length);
}

function get(fd: number, level: number, option: number, p: Uint8Array<ArrayBuffer>, n: number) {
  setLength(n);
  const c = libc();
  if (c.getsockopt(fd, level, option, p, lengthBytes) < 0) {
    throw failure("getsockopt", c.saveErrno(errnoOut, errnoAt, 4));
  }
  return getLength();
}

/**
 * Says what `close` does with data that is not sent yet (`SO_LINGER`).
 *
 * @param fd The socket.
 * @param seconds How long the kernel goes on trying; 0 drops the data and resets the connection;
 * `null` is the system's default, to go on in the background.
 * @throws {SyscallError} `EBADF`, ...
 */
export function setsockoptLinger(fd: number, seconds: number | null): void {
  view.setInt32(0, seconds === null ? 0 : 1, true);
  view.setInt32(4, seconds ?? 0, true);
  set(fd, SOL_SOCKET, SO_LINGER, value, 8);
}

/**
 * What {@linkcode setsockoptLinger} set.
 *
 * @param fd The socket.
 * @returns Seconds, or `null` for the default.
 * @throws {SyscallError} `EBADF`, ...
 */
export function getsockoptLinger(fd: number): number | null {
  get(fd, SOL_SOCKET, SO_LINGER, value, 8);
  return view.getInt32(0, true) === 0 ? null : view.getInt32(4, true);
}

/**
 * Sets an option that is a duration (`struct timeval`): `SO_RCVTIMEO` and `SO_SNDTIMEO`, which
 * matter to blocking descriptors only.
 *
 * @param fd The socket.
 * @param level `SOL_SOCKET`.
 * @param option The option.
 * @param ms Milliseconds; 0 for no limit.
 * @throws {RangeError} Not a duration.
 * @throws {SyscallError} `EBADF`, `EDOM`, ...
 */
export function setsockoptTimeval(fd: number, level: number, option: number, ms: number): void {
  if (!(ms >= 0 && ms < 2 ** 40)) {
    throw new RangeError(`a duration must be milliseconds, 0 or more, got ${ms}`);
  }
  const seconds = Math.floor(ms / 1000);
  view.setBigInt64(0, BigInt(seconds), true);
  // macOS has 4 bytes of microseconds and 4 unused ones: with a small number that is the same.
  view.setBigInt64(8, BigInt(Math.round((ms - seconds * 1000) * 1000)), true);
  set(fd, level, option, value, 16);
}

/**
 * The value of an option that is a duration.
 *
 * @param fd The socket.
 * @param level `SOL_SOCKET`.
 * @param option The option.
 * @returns Milliseconds.
 * @throws {SyscallError} `EBADF`, ...
 */
export function getsockoptTimeval(fd: number, level: number, option: number): number {
  get(fd, level, option, value, 16);
  return Number(view.getBigInt64(0, true)) * 1000 + view.getInt32(8, true) / 1000;
}

/**
 * Takes the pending error of a socket (`SO_ERROR`), such as the reason why a connection that was
 * under way did not come about.
 *
 * @param fd The socket.
 * @param syscall The call to name in the error.
 * @returns The error, or `null` when there is none.
 * @throws {SyscallError} `getsockopt` failed itself.
 */
export function socketError(fd: number, syscall: string): SyscallError | null {
  const errno = getsockopt(fd, SOL_SOCKET, SO_ERROR);
  return errno === 0 ? null : new SyscallError(syscall, errno);
}

/** Who a process is. */
export interface Credentials {
  /** Its process id; 0 when that process is in a namespace this one cannot see. */
  pid: number;
  /** Its user. */
  uid: number;
  /** Its group. */
  gid: number;
}

/**
 * Who is at the other end of a Unix socket, as of when it connected or listened (Linux's
 * `SO_PEERCRED`, macOS's `LOCAL_PEERCRED`).
 *
 * ```ts
 * import { close, peerCredentials, SOCK_STREAM, socketpair } from "@plumb/plumb/sys";
 *
 * const [a, b] = socketpair(SOCK_STREAM);
 * console.log(peerCredentials(a).pid === Deno.pid); // true
 * close(a);
 * close(b);
 * ```
 *
 * @param fd A connected Unix socket.
 * @throws {SyscallError} `EBADF`, `ENOTSOCK`, `ENOTCONN` (macOS), ...
 */
export function peerCredentials(fd: number): Credentials {
  if (darwin) return peerCredentialsDarwin(fd);
  get(fd, SOL_SOCKET, SO_PEERCRED, value, 12);
  return {
    pid: view.getInt32(0, true),
    uid: view.getUint32(4, true),
    gid: view.getUint32(8, true),
  };
}

function peerCredentialsDarwin(fd: number): Credentials {
  const SOL_LOCAL = 0;
  const LOCAL_PEERCRED = 1;
  const LOCAL_PEERPID = 2;
  const pid = getsockopt(fd, SOL_LOCAL, LOCAL_PEERPID);
  // struct xucred: version, uid, how many groups, the groups; the first one is the effective.
  get(fd, SOL_LOCAL, LOCAL_PEERCRED, value, 76);
  return { pid, uid: view.getUint32(4, true), gid: view.getUint32(12, true) };
}
