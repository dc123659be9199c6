/** Socket options, on a descriptor: for native connections and, by descriptor, for any other. */
import {
  IPPROTO_TCP,
  setsockopt,
  setsockoptLinger,
  SO_KEEPALIVE,
  SO_RCVBUF,
  SO_SNDBUF,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
} from "../../sys/mod.ts";
import { type KeepAlive, keepAliveSeconds } from "./keep_alive.ts";

/**
 * Whether small writes go out at once.
 *
 * @param fd A TCP socket.
 * @param noDelay `false` lets the kernel gather them (Nagle, RFC 896).
 * @throws {SyscallError} Not a TCP socket.
 */
export function setNoDelay(fd: number, noDelay: boolean): void {
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, noDelay);
}

/**
 * Whether and when the kernel probes a silent peer.
 *
 * @param fd A TCP socket.
 * @param keepAlive As the option of the same name.
 * @throws {TypeError | RangeError} Not such an option.
 * @throws {SyscallError} Not a TCP socket.
 */
export function setKeepAlive(fd: number, keepAlive: KeepAlive): void {
  const config = keepAliveSeconds(keepAlive);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, config !== null);
  if (config === null) return;
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, config.idle);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, config.interval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, config.count);
}

/**
 * What `close` does with data that is not sent yet. As Go's `SetLinger`.
 *
 * @param fd A TCP socket.
 * @param seconds `null`: sent in the background; 0: dropped, and the connection reset; else the
 * kernel goes on trying for so long.
 * @throws {RangeError} Not a whole number from 0 to 65535.
 */
export function setLinger(fd: number, seconds: number | null): void {
  if (seconds !== null) checkWhole("linger seconds", seconds, 0, 65_535);
  setsockoptLinger(fd, seconds);
}

/**
 * The size of the kernel's receive buffer; Linux doubles it for its own use, up to a limit of the
 * system.
 *
 * @param fd A socket.
 * @param bytes The size.
 * @throws {RangeError} Not a whole number from 1.
 */
export function setReadBuffer(fd: number, bytes: number): void {
  checkWhole("read buffer", bytes, 1, maxBuffer);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, bytes);
}

/**
 * The size of the kernel's send buffer; Linux doubles it for its own use, up to a limit of the
 * system.
 *
 * @param fd A socket.
 * @param bytes The size.
 * @throws {RangeError} Not a whole number from 1.
 */
export function setWriteBuffer(fd: number, bytes: number): void {
  checkWhole("write buffer", bytes, 1, maxBuffer);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, bytes);
}

/** The kernel takes an int, and doubles it. */
const maxBuffer = 2 ** 30 - 1;

function checkWhole(what: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  const got = String(value);
  throw new RangeError(`${what} must be a whole number from ${min} to ${max}, got ${got}`);
}
