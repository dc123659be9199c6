/** A Unix stream that carries descriptors beside its bytes. */
import { close, recvmsg, sendmsg, SOCK_DGRAM, socketpair } from "../../sys/mod.ts";
import { FdStream } from "./fd_stream.ts";

/**
 * A {@linkcode FdStream} over a Unix socket. Descriptors travel with the bytes they were sent with:
 * they are kept while a receiver of descriptors waits, or nobody does, so that a parked read loses
 * none; in front of a plain read the kernel drops them, as it does for `read(2)`.
 */
export class UnixStream extends FdStream {
  /** How many wait for descriptors. */
  receivers = 0;
  #received: number[] = [];
  #truncated = false;
  /** What goes with the write that begins next, and with the one under way. */
  #next: number[] = [];
  #sending: number[] = [];
  #lastWrite: Promise<unknown> = Promise.resolve();

  /** The write or closeWrite begun last; when it has settled, what was queued behind it begins. */
  get lastWrite(): Promise<unknown> {
    return this.#lastWrite;
  }

  /** A plain read takes the bytes: the descriptors that came with them go. */
  dropFds(): void {
    if (this.#received.length === 0 || this.receivers > 0) return;
    closeAll(this.takeFds().fds);
  }

  /** The descriptors that have come, from now on the caller's. */
  takeFds(): { fds: number[]; truncated: boolean } {
    const taken = { fds: this.#received, truncated: this.#truncated };
    this.#received = [];
    this.#truncated = false;
    return taken;
  }

  /**
   * Lets descriptors go with the first bytes of a write.
   *
   * @param fds Descriptors, from now on this stream's: they are closed when they have gone.
   * @param begin Begins the write, within the call.
   * @returns What `begin` gave.
   */
  withFds<T>(fds: number[], begin: () => T): T {
    this.#next = fds;
    try {
      return begin();
    } finally {
      closeAll(this.#next); // empty, if the write has begun
    }
  }

  protected override receive(fd: number, p: Uint8Array): number | null {
    if (this.receivers === 0 && this.keepAlive) return super.receive(fd, p);
    const message = recvmsg(fd, p);
    if (message === null) return null;
    this.#received.push(...message.fds);
    this.#truncated ||= message.fdsTruncated;
    return message.length;
  }

  protected override transmit(fd: number, p: Uint8Array): number | null {
    const fds = this.#sending;
    if (fds.length === 0) return super.transmit(fd, p);
    const n = sendmsg(fd, p, { fds });
    if (n !== null) closeAll(fds);
    return n;
  }

  override write(p: Uint8Array): Promise<number> {
    if (this.#next.length > 0) {
      this.#sending = this.#next;
      this.#next = [];
    }
    const written = super.write(p);
    this.#lastWrite = written;
    return written;
  }

  override closeWrite(): Promise<void> {
    const ended = super.closeWrite();
    this.#lastWrite = ended;
    return ended;
  }

  override close(): void {
    super.close();
    closeAll(this.#sending);
    closeAll(this.takeFds().fds);
  }
}

function closeAll(fds: number[]): void {
  for (const fd of fds.splice(0)) close(fd);
}

/**
 * Copies descriptors, by passing them to ourselves.
 *
 * @throws {SyscallError} `EBADF`: one is not open; ...
 * @throws {Error} With the code `"EMFILE"`: this process may not open so many.
 */
export function copyFds(fds: readonly number[]): number[] {
  if (fds.length === 0) return [];
  const [a, b] = socketpair(SOCK_DGRAM);
  try {
    sendmsg(a, new Uint8Array(1), { fds });
    const { fds: copies } = recvmsg(b, new Uint8Array(1))!;
    if (copies.length === fds.length) return copies;
    closeAll(copies);
    throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
  } finally {
    close(a);
    close(b);
  }
}
