/**
 * The calls of a BSD socket. Thin: a descriptor is a number, a failure a `SyscallError`. Every
 * descriptor is non-blocking and close-on-exec from birth, and where a call would have to wait
 * it gives `null` instead: wait with the `poller` and call again.
 */
import { addressSize, decodeAddress, type SocketAddress, toBytes } from "./address.ts";
import {
  AF_UNIX,
  MSG_NOSIGNAL,
  O_CLOEXEC,
  O_NONBLOCK,
  SO_NOSIGPIPE,
  SOL_SOCKET,
  SOMAXCONN,
} from "./constants.ts";
import { EINPROGRESS } from "./errno.ts";
import { SyscallError } from "./errors.ts";
import {
  addressBuffer,
  getLength,
  getPair,
  lengthBytes,
  pairOut,
  prepare,
  setLength,
} from "./fd.ts";
import {
  darwin,
  errnoAt,
  errnoOut,
  failure,
  libc,
  linux,
  macos,
  notReady,
  savedErrno,
} from "./libc.ts";
import { setsockopt } from "./options.ts";

/** On Linux a socket takes these flags beside its type; they have the values of O_*. */
const typeFlags = darwin ? 0 : O_NONBLOCK | O_CLOEXEC;

/** What macOS has no flags for. */
function finish(fd: number): number {
  if (darwin) {
    prepare(fd);
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, 1);
  }
  return fd;
}

/**
 * Makes a socket. Needs `--allow-ffi`.
 *
 * ```ts
 * import { AF_INET, bind, close, getsockname, SOCK_STREAM, socket } from "@plumb/plumb/sys";
 *
 * const fd = socket(AF_INET, SOCK_STREAM);
 * bind(fd, { family: "inet", hostname: "127.0.0.1", port: 0 });
 * console.log(getsockname(fd)); // { family: "inet", hostname: "127.0.0.1", port: ... }
 * close(fd);
 * ```
 *
 * @param domain `AF_INET`, `AF_INET6` or `AF_UNIX`.
 * @param type `SOCK_STREAM`, `SOCK_DGRAM`, `SOCK_SEQPACKET` or `SOCK_RAW`.
 * @param protocol `IPPROTO_*`; 0, the default, is the usual one of the type.
 * @returns The descriptor.
 * @throws {SyscallError} `EAFNOSUPPORT`, `EPROTONOSUPPORT`, `EMFILE`, `EPERM` (`SOCK_RAW`), ...
 * @throws {UnsupportedError} Without the permission, or on another platform.
 */
export function socket(domain: number, type: number, protocol: number = 0): number {
  const c = libc();
  const fd = c.socket(domain, type | typeFlags, protocol);
  if (fd < 0) throw failure("socket", c.saveErrno(errnoOut, errnoAt, 4));
  return finish(fd);
}

/**
 * Makes two sockets that are connected to each other.
 *
 * @param type `SOCK_STREAM`, `SOCK_DGRAM` or `SOCK_SEQPACKET`.
 * @param domain `AF_UNIX`, which is the only one that has pairs.
 * @param protocol 0.
 * @returns The two descriptors.
 * @throws {SyscallError} `EMFILE`, `EOPNOTSUPP`, ...
 */
export function socketpair(
  type: number,
  domain: number = AF_UNIX,
  protocol: number = 0,
): [number, number] {
  const c = libc();
  if (c.socketpair(domain, type | typeFlags, protocol, pairOut) < 0) {
    throw failure("socketpair", c.saveErrno(errnoOut, errnoAt, 4));
  }
  const [a, b] = getPair();
  return [finish(a), finish(b)];
}

/**
 * Gives a socket its own address.
 *
 * @param fd The socket.
 * @param address The address; port 0 and an empty path let the kernel choose.
 * @throws {SyscallError} `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, ...
 */
export function bind(fd: number, address: SocketAddress | Uint8Array): void {
  const sockaddr = toBytes(address);
  const c = libc();
  if (c.bind(fd, sockaddr, sockaddr.length) < 0) {
    throw failure("bind", c.saveErrno(errnoOut, errnoAt, 4));
  }
}

/**
 * Lets a socket take connections.
 *
 * @param fd A bound socket of type `SOCK_STREAM` or `SOCK_SEQPACKET`.
 * @param backlog How many may wait to be accepted; the kernel has a limit of its own.
 * @throws {SyscallError} `EOPNOTSUPP`, `EINVAL`, `EADDRINUSE`, ...
 */
export function listen(fd: number, backlog: number = SOMAXCONN): void {
  const c = libc();
  if (c.listen(fd, backlog) < 0) {
    throw failure("listen", c.saveErrno(errnoOut, errnoAt, 4));
  }
}

/** A connection that {@linkcode accept} took. */
export interface Accepted {
  /** Its descriptor, non-blocking and close-on-exec. */
  fd: number;
  /** The peer. */
  address: SocketAddress;
}

/**
 * Takes the next waiting connection.
 *
 * @param fd A listening socket.
 * @returns The connection; `null` when there is none: wait to `"read"`.
 * @throws {SyscallError} `ECONNABORTED`, `EMFILE`, `ENFILE`: the listener still works; ...
 */
export function accept(fd: number): Accepted | null {
  setLength(addressSize);
  const taken = darwin ? acceptDarwin(fd) : acceptLinux(fd);
  if (taken === null) return null;
  const length = getLength();
  return { fd: finish(taken), address: decodeAddress(addressBuffer, length) };
}

function acceptLinux(fd: number): number | null {
  const c = linux();
  const taken = c.accept4(fd, addressBuffer, lengthBytes, O_NONBLOCK | O_CLOEXEC);
  return taken >= 0 ? taken : notReady("accept", c.saveErrno(errnoOut, errnoAt, 4));
}

function acceptDarwin(fd: number): number | null {
  const c = macos();
  const taken = c.accept(fd, addressBuffer, lengthBytes);
  return taken >= 0 ? taken : notReady("accept", c.saveErrno(errnoOut, errnoAt, 4));
}

/**
 * Connects a socket; for datagrams this sets the only peer.
 *
 * ```ts
 * import {
 *   AF_INET, close, connect, poller, SOCK_STREAM, socket, socketError,
 * } from "@plumb/plumb/sys";
 *
 * const fd = socket(AF_INET, SOCK_STREAM);
 * try {
 *   if (!connect(fd, { family: "inet", hostname: "127.0.0.1", port: 1 })) {
 *     await poller.wait(fd, "write", { timeout: 1_000 });
 *     const failed = socketError(fd, "connect");
 *     if (failed !== null) throw failed;
 *   }
 * } catch (error) {
 *   console.log(String(error)); // SyscallError: connect: connection refused (ECONNREFUSED)
 * }
 * close(fd);
 * ```
 *
 * @param fd The socket.
 * @param address The peer.
 * @returns `true` when it is connected, `false` when that is under way: wait to `"write"`, then
 * ask `socketError`.
 * @throws {SyscallError} `ECONNREFUSED`, `ENOENT`, ...; `EAGAIN`: the backlog of a Unix listener
 * is full, and there is nothing to wait for.
 */
export function connect(fd: number, address: SocketAddress | Uint8Array): boolean {
  const sockaddr = toBytes(address);
  const c = libc();
  if (c.connect(fd, sockaddr, sockaddr.length) >= 0) return true;
  const errno = savedErrno(c.saveErrno(errnoOut, errnoAt, 4));
  if (errno === EINPROGRESS) return false;
  throw new SyscallError("connect", errno);
}

/**
 * The address of this end.
 *
 * @param fd The socket.
 * @throws {SyscallError} `EBADF`, `ENOTSOCK`.
 */
export function getsockname(fd: number): SocketAddress {
  setLength(addressSize);
  const c = libc();
  if (c.getsockname(fd, addressBuffer, lengthBytes) < 0) {
    throw failure("getsockname", c.saveErrno(errnoOut, errnoAt, 4));
  }
  return decodeAddress(addressBuffer, getLength());
}

/**
 * The address of the other end.
 *
 * @param fd The socket.
 * @throws {SyscallError} `ENOTCONN`, `EBADF`, `ENOTSOCK`.
 */
export function getpeername(fd: number): SocketAddress {
  setLength(addressSize);
  const c = libc();
  if (c.getpeername(fd, addressBuffer, lengthBytes) < 0) {
    throw failure("getpeername", c.saveErrno(errnoOut, errnoAt, 4));
  }
  return decodeAddress(addressBuffer, getLength());
}

/**
 * Ends one or both directions of a connection, for every descriptor of the socket.
 *
 * @param fd The socket.
 * @param how `SHUT_RD`, `SHUT_WR` or `SHUT_RDWR`.
 * @throws {SyscallError} `ENOTCONN`, ...
 */
export function shutdown(fd: number, how: number): void {
  const c = libc();
  if (c.shutdown(fd, how) < 0) {
    throw failure("shutdown", c.saveErrno(errnoOut, errnoAt, 4));
  }
}

/**
 * Receives what is there: some bytes of a stream, or one message.
 *
 * @param fd The socket.
 * @param p Where to put it; what does not fit of a message is dropped.
 * @param flags `MSG_*`. With `MSG_TRUNC`, on Linux and for messages only, the result is the
 * length of the whole message: longer than `p`, it was cut. (On a stream, that flag throws the
 * bytes away.)
 * @returns How many bytes; `0` at the end of a stream and for an empty message; `null` when it
 * would have to wait.
 * @throws {SyscallError} `ECONNRESET`, `ECONNREFUSED` (datagrams), `ENOTCONN`, ...
 */
export function recv(
  fd: number,
  p: Uint8Array,
  flags: number = 0,
): number | null {
  const c = libc();
  const n = c.recv(fd, p as Uint8Array<ArrayBuffer>, p.length, flags);
  return n >= 0 ? n : notReady("recv", c.saveErrno(errnoOut, errnoAt, 4));
}

/**
 * Sends on a connected socket: as much of a stream as there is room for, or one message. Never
 * raises SIGPIPE.
 *
 * @param fd The socket.
 * @param p What to send.
 * @param flags `MSG_*`.
 * @returns How many bytes were taken; `null` when it would have to wait.
 * @throws {SyscallError} `EPIPE`, `ECONNRESET`, `EMSGSIZE`, `ENOTCONN`, ...
 */
export function send(
  fd: number,
  p: Uint8Array,
  flags: number = 0,
): number | null {
  const c = libc();
  const n = c.send(fd, p as Uint8Array<ArrayBuffer>, p.length, flags | MSG_NOSIGNAL);
  return n >= 0 ? n : notReady("send", c.saveErrno(errnoOut, errnoAt, 4));
}

/** A message that {@linkcode recvfrom} took. */
export interface Received {
  /** Its length; with `MSG_TRUNC`, on Linux, of the whole message. */
  length: number;
  /** Its sender, with an empty path where that has no name. */
  address: SocketAddress;
}

/**
 * Receives one message and its sender.
 *
 * @param fd The socket.
 * @param p Where to put it; what does not fit is dropped.
 * @param flags `MSG_*`; `MSG_TRUNC` as for {@linkcode recv}.
 * @returns The message's length and sender; `null` when it would have to wait.
 * @throws {SyscallError} It failed.
 */
export function recvfrom(
  fd: number,
  p: Uint8Array,
  flags: number = 0,
): Received | null {
  setLength(addressSize);
  const data = p as Uint8Array<ArrayBuffer>;
  const c = libc();
  const length = c.recvfrom(fd, data, p.length, flags, addressBuffer, lengthBytes);
  if (length < 0) return notReady("recvfrom", c.saveErrno(errnoOut, errnoAt, 4));
  return { length, address: decodeAddress(addressBuffer, getLength()) };
}

/**
 * Sends one message to an address.
 *
 * @param fd The socket.
 * @param p The message.
 * @param address Where to; kept as bytes (see `encodeAddress`) it costs nothing to encode.
 * @param flags `MSG_*`.
 * @returns The length of `p`; `null` when it would have to wait.
 * @throws {SyscallError} `EMSGSIZE`, `ENOENT`, `ECONNREFUSED`, ...
 */
export function sendto(
  fd: number,
  p: Uint8Array,
  address: SocketAddress | Uint8Array,
  flags: number = 0,
): number | null {
  const sockaddr = toBytes(address);
  const data = p as Uint8Array<ArrayBuffer>;
  const c = libc();
  const n = c.sendto(fd, data, p.length, flags | MSG_NOSIGNAL, sockaddr, sockaddr.length);
  return n >= 0 ? n : notReady("sendto", c.saveErrno(errnoOut, errnoAt, 4));
}
