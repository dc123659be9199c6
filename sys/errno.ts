/** The numbers of `errno`, their names and what they mean, per platform. */

/** Name, number on Linux (all architectures Deno runs on), number on macOS, meaning. */
const table: readonly (readonly [string, number, number, string])[] = [
  ["EPERM", 1, 1, "operation not permitted"],
  ["ENOENT", 2, 2, "no such file or directory"],
  ["ESRCH", 3, 3, "no such process"],
  ["EINTR", 4, 4, "interrupted by a signal"],
  ["EIO", 5, 5, "input/output error"],
  ["ENXIO", 6, 6, "no such device or address"],
  ["EBADF", 9, 9, "bad file descriptor"],
  ["ECHILD", 10, 10, "no child process"],
  ["EAGAIN", 11, 35, "resource temporarily unavailable"],
  ["ENOMEM", 12, 12, "out of memory"],
  ["EACCES", 13, 13, "permission denied"],
  ["EFAULT", 14, 14, "bad address"],
  ["EBUSY", 16, 16, "device or resource busy"],
  ["EEXIST", 17, 17, "file exists"],
  ["EXDEV", 18, 18, "cross-device link"],
  ["ENODEV", 19, 19, "no such device"],
  ["ENOTDIR", 20, 20, "not a directory"],
  ["EISDIR", 21, 21, "is a directory"],
  ["EINVAL", 22, 22, "invalid argument"],
  ["ENFILE", 23, 23, "too many open files in the system"],
  ["EMFILE", 24, 24, "too many open files"],
  ["ENOTTY", 25, 25, "inappropriate ioctl for device"],
  ["EFBIG", 27, 27, "file too large"],
  ["ENOSPC", 28, 28, "no space left on device"],
  ["ESPIPE", 29, 29, "illegal seek"],
  ["EROFS", 30, 30, "read-only file system"],
  ["EMLINK", 31, 31, "too many links"],
  ["EPIPE", 32, 32, "broken pipe"],
  ["ERANGE", 34, 34, "result out of range"],
  ["EDEADLK", 35, 11, "resource deadlock avoided"],
  ["ENAMETOOLONG", 36, 63, "file name too long"],
  ["ENOLCK", 37, 77, "no locks available"],
  ["ENOSYS", 38, 78, "function not implemented"],
  ["ENOTEMPTY", 39, 66, "directory not empty"],
  ["ELOOP", 40, 62, "too many levels of symbolic links"],
  ["ETIME", 62, 101, "timer expired"],
  ["EPROTO", 71, 100, "protocol error"],
  ["EBADMSG", 74, 94, "bad message"],
  ["EOVERFLOW", 75, 84, "value too large"],
  ["ENOTSOCK", 88, 38, "not a socket"],
  ["EDESTADDRREQ", 89, 39, "destination address required"],
  ["EMSGSIZE", 90, 40, "message too long"],
  ["EPROTOTYPE", 91, 41, "protocol wrong type for socket"],
  ["ENOPROTOOPT", 92, 42, "protocol not available"],
  ["EPROTONOSUPPORT", 93, 43, "protocol not supported"],
  ["ESOCKTNOSUPPORT", 94, 44, "socket type not supported"],
  ["EOPNOTSUPP", 95, 102, "operation not supported"],
  ["ENOTSUP", -1, 45, "operation not supported"],
  ["EPFNOSUPPORT", 96, 46, "protocol family not supported"],
  ["EAFNOSUPPORT", 97, 47, "address family not supported"],
  ["EADDRINUSE", 98, 48, "address already in use"],
  ["EADDRNOTAVAIL", 99, 49, "cannot assign requested address"],
  ["ENETDOWN", 100, 50, "network is down"],
  ["ENETUNREACH", 101, 51, "network is unreachable"],
  ["ENETRESET", 102, 52, "network dropped the connection on reset"],
  ["ECONNABORTED", 103, 53, "connection aborted"],
  ["ECONNRESET", 104, 54, "connection reset by peer"],
  ["ENOBUFS", 105, 55, "no buffer space available"],
  ["EISCONN", 106, 56, "socket is already connected"],
  ["ENOTCONN", 107, 57, "socket is not connected"],
  ["ESHUTDOWN", 108, 58, "cannot send after shutdown"],
  ["ETOOMANYREFS", 109, 59, "too many references"],
  ["ETIMEDOUT", 110, 60, "connection timed out"],
  ["ECONNREFUSED", 111, 61, "connection refused"],
  ["EHOSTDOWN", 112, 64, "host is down"],
  ["EHOSTUNREACH", 113, 65, "no route to host"],
  ["EALREADY", 114, 37, "operation already in progress"],
  ["EINPROGRESS", 115, 36, "operation now in progress"],
  ["ESTALE", 116, 70, "stale file handle"],
  ["EDQUOT", 122, 69, "disk quota exceeded"],
  ["ECANCELED", 125, 89, "operation canceled"],
  ["EOWNERDEAD", 130, 105, "owner died"],
];

const column = Deno.build.os === "darwin" ? 2 : 1;
const byNumber = new Map(table.map((row) => [row[column], row]));
const byName = new Map(table.map((row) => [row[0], row[column]]));

/** The name of an `errno`, `"E<number>"` for one that is not in the table. */
export function errnoCode(errno: number): string {
  return byNumber.get(errno)?.[0] ?? `E${errno}`;
}

/** What an `errno` means, in a few words. */
export function describeErrno(errno: number): string {
  return byNumber.get(errno)?.[3] ?? `error ${errno}`;
}

/** The number of a name on this platform. */
export function errnoNumber(code: string): number {
  return byName.get(code) ?? -1;
}

export const EINTR: number = errnoNumber("EINTR");
export const EAGAIN: number = errnoNumber("EAGAIN");
export const EINPROGRESS: number = errnoNumber("EINPROGRESS");
export const ENOENT: number = errnoNumber("ENOENT");
export const EEXIST: number = errnoNumber("EEXIST");
