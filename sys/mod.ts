/**
 * The system's sockets and descriptors, by system call: for Linux (glibc and musl) and macOS, on
 * x86-64 and aarch64. Needs `--allow-ffi`, or `--allow-ffi=<path of the C library>`; anything
 * that is missing is an `UnsupportedError` which says so.
 *
 * Descriptors are numbers, non-blocking and close-on-exec from birth, and nobody closes them for
 * you. A call that would have to wait gives `null`: wait with the `poller`, then call again.
 *
 * ```ts
 * import { close, poller, recv, send, SOCK_SEQPACKET, socketpair } from "@plumb/plumb/sys";
 *
 * const [a, b] = socketpair(SOCK_SEQPACKET);
 * send(a, new TextEncoder().encode("hello"));
 *
 * const p = new Uint8Array(100);
 * let n = recv(b, p);
 * while (n === null) {
 *   await poller.wait(b, "read", { timeout: 1_000 });
 *   n = recv(b, p);
 * }
 * console.log(new TextDecoder().decode(p.subarray(0, n))); // hello
 * close(a);
 * close(b);
 * ```
 *
 * @module
 */
export * from "./constants.ts";
export { DescriptorClosedError, SyscallError, UnsupportedError } from "./errors.ts";
export { available, useLibc } from "./libc.ts";
export { decodeAddress, encodeAddress } from "./address.ts";
export type { Inet4Address, Inet6Address, SocketAddress, UnixSocketAddress } from "./address.ts";
export { close, closeOnExec, mkfifo, open, pipe2, read, setNonblock, write } from "./fd.ts";
export {
  accept,
  bind,
  connect,
  getpeername,
  getsockname,
  listen,
  recv,
  recvfrom,
  send,
  sendto,
  shutdown,
  socket,
  socketpair,
} from "./socket.ts";
export type { Accepted, Received } from "./socket.ts";
export {
  getsockopt,
  getsockoptBytes,
  getsockoptLinger,
  getsockoptTimeval,
  peerCredentials,
  setsockopt,
  setsockoptLinger,
  setsockoptTimeval,
  socketError,
} from "./options.ts";
export type { Credentials } from "./options.ts";
export { recvmsg, sendmsg } from "./message.ts";
export type { ReceivedMessage, SendMessageOptions } from "./message.ts";
export { MessageBatch, recvmmsg, sendmmsg } from "./batch.ts";
export { Poller, poller } from "./poller.ts";
export type { Direction, OnReady } from "./poller.ts";
