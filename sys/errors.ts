/** What goes wrong between TypeScript and the system. */
import { describeErrno, errnoCode } from "./errno.ts";

/**
 * A system call that failed, with the `errno` it left. As Go's `os.SyscallError`.
 *
 * ```ts
 * import { close, SyscallError } from "@plumb/plumb/sys";
 *
 * try {
 *   close(-1);
 * } catch (error) {
 *   if (error instanceof SyscallError) console.log(error.message, error.code);
 *   // close: bad file descriptor (EBADF) EBADF
 * }
 * ```
 */
export class SyscallError extends Error {
  /** Always `"SyscallError"`. */
  override readonly name = "SyscallError";
  /** The call: `"bind"`, `"connect"`, ... */
  readonly syscall: string;
  /** The number the system gave; it differs between platforms, `code` does not. */
  readonly errno: number;
  /** The name of that number, such as `"EADDRINUSE"`. */
  readonly code: string;
  /** Whether the kernel gave up waiting for the other side (`ETIMEDOUT`). */
  readonly timeout: boolean;

  /**
   * Makes the message from the number.
   *
   * @param syscall The call that failed.
   * @param errno The number it left.
   * @param options `cause`: what lies behind it.
   */
  constructor(syscall: string, errno: number, options?: ErrorOptions) {
    const code = errnoCode(errno);
    super(`${syscall}: ${describeErrno(errno)} (${code})`, options);
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
    this.timeout = code === "ETIMEDOUT";
  }
}

/**
 * A wait for a descriptor that was closed, or taken from the poller, meanwhile.
 *
 * ```ts
 * import { close, DescriptorClosedError, pipe2, poller } from "@plumb/plumb/sys";
 *
 * const [reader, writer] = pipe2();
 * const wait = poller.wait(reader, "read");
 * close(reader);
 * await wait.catch((error) => console.log(error instanceof DescriptorClosedError)); // true
 * close(writer);
 * ```
 */
export class DescriptorClosedError extends Error {
  /** Always `"DescriptorClosedError"`. */
  override readonly name = "DescriptorClosedError";
  /** Always `"ERR_CLOSED"`. */
  readonly code = "ERR_CLOSED";
  /** The descriptor. */
  readonly fd: number;

  /**
   * Names the descriptor.
   *
   * @param fd The descriptor that was waited for.
   */
  constructor(fd: number) {
    super(`wait: file descriptor ${fd} was closed`);
    this.fd = fd;
  }
}

/**
 * Something this runtime, platform or set of permissions cannot do; the message names the
 * missing piece and, where a flag would add it, the flag.
 *
 * ```ts
 * import { UnsupportedError } from "@plumb/plumb/sys";
 *
 * console.log(new UnsupportedError("a system call", "needs --allow-ffi").message);
 * // a system call is not supported here: needs --allow-ffi
 * ```
 */
export class UnsupportedError extends Error {
  /** Always `"UnsupportedError"`. */
  override readonly name = "UnsupportedError";
  /** Always `"ERR_UNSUPPORTED"`. */
  readonly code = "ERR_UNSUPPORTED";

  /**
   * Makes the message from its two parts.
   *
   * @param what What was asked for.
   * @param missing What it needs that is not there.
   * @param options `cause`: what lies behind it.
   */
  constructor(what: string, missing: string, options?: ErrorOptions) {
    super(`${what} is not supported here: ${missing}`, options);
  }
}
