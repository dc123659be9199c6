/** The caller's hand on a socket before it is bound or connected. */
import { close, getsockopt, setsockopt } from "../../sys/mod.ts";

/**
 * The socket that a {@linkcode Control} may set options on. It must not be kept, and its
 * descriptor must not be closed.
 */
export interface ControlSocket {
  /** The descriptor, for the system calls of `@plumb/plumb/sys`. */
  readonly fd: number;
  /**
   * Sets an option.
   *
   * @param level `SOL_SOCKET` or an `IPPROTO_*`.
   * @param option The option of that level.
   * @param value An `int`, a boolean for 1 and 0, or the bytes of a struct or text.
   */
  setsockopt(level: number, option: number, value: number | boolean | Uint8Array): void;
  /**
   * The value of an option that is an `int`.
   *
   * @param level `SOL_SOCKET` or an `IPPROTO_*`.
   * @param option The option of that level.
   */
  getsockopt(level: number, option: number): number;
}

/**
 * Called for each socket after it was made and before it is bound or connected; what it throws
 * fails the operation. As Go's `Dialer.Control` and `ListenConfig.Control`. Needs `--allow-ffi`.
 *
 * ```ts
 * import type { Control } from "@plumb/plumb/net";
 * import { IPPROTO_IP, IP_TTL } from "@plumb/plumb/sys";
 *
 * const oneHop: Control = (network, _address, socket) => {
 *   if (network === "tcp4") socket.setsockopt(IPPROTO_IP, IP_TTL, 1);
 * };
 * console.log(oneHop.length); // 3
 * ```
 *
 * @param network The concrete network: `"tcp4"` or `"tcp6"`, never `"tcp"`.
 * @param address The address to connect to or to listen on: `"ip:port"` or a path.
 * @param socket The socket.
 */
export type Control = (network: string, address: string, socket: ControlSocket) => void;

/** Shows a socket to a {@linkcode Control}, if there is one. */
export function runControl(
  control: Control | undefined,
  network: string,
  address: string,
  fd: number,
): void {
  control?.(network, address, {
    fd,
    setsockopt: (level, option, value) => setsockopt(fd, level, option, value),
    getsockopt: (level, option) => getsockopt(fd, level, option),
  });
}

/** Does something with a fresh descriptor, which is closed if that fails. */
export function guarded<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } catch (error) {
    close(fd);
    throw error;
  }
}
