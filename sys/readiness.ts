/** What the poller asks of epoll and kqueue: the same questions, in two dialects. */

/** Which way a descriptor is waited for. */
export type Direction = "read" | "write";

/** Sets of directions, as bits. */
export const READ = 1;
/** See {@linkcode READ}. */
export const WRITE = 2;

/** The kernel's half of the poller. Registrations are level-triggered and stay until changed. */
export interface Readiness {
  /**
   * Changes what is watched.
   *
   * @param fd The descriptor.
   * @param token Comes back with its events; 0 to 2^31-1.
   * @param from The directions watched so far; 0 when it is not registered.
   * @param to The directions to watch; 0 removes it.
   * @throws {SyscallError} `EBADF`; `EPERM`: files of this kind cannot be waited for.
   */
  watch(fd: number, token: number, from: number, to: number): void;
  /**
   * Looks for events without waiting.
   *
   * @returns How many there are, for `fd`, `token` and `ready` to describe.
   */
  poll(): number;
  /** Waits for events on a thread of the runtime's pool. Negative: interrupted. */
  block(): Promise<number>;
  /** Ends the wait of `block`. */
  wake(): void;
  /** The descriptor of event `i`; -1 for the end of `block`. */
  fd(i: number): number;
  /** The token of event `i`. */
  token(i: number): number;
  /** The directions that are ready; an error and the other side's end make both ready. */
  ready(i: number): number;
}
