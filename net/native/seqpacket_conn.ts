/** A connection of messages over a Unix socket (SOCK_SEQPACKET), by system call. Linux. */
import { Deadline, MovingDeadline, TimeoutError, type WaitOptions } from "../../deadline.ts";
import {
  close,
  type Credentials,
  getpeername,
  getsockname,
  MSG_PEEK,
  MSG_TRUNC,
  peerCredentials,
  type ReceivedMessage,
  recv,
  recvmsg,
  send,
  sendmsg,
  setsockopt,
  SHUT_WR,
  shutdown,
  SO_PASSCRED,
  type SocketAddress,
  SOL_SOCKET,
  SyscallError,
} from "../../sys/mod.ts";
import type { ReceivedFds, UnixAddress, UnixConn } from "../conn.ts";
import { ClosedError, OpError } from "../errors.ts";
import { Parked } from "../parked.ts";
import { opError, timeoutError } from "../runtime/errors.ts";
import { type ConnStreams, connStreams } from "../streams.ts";
import { unixAddressOf } from "./address.ts";
import { SendQueue, Taker } from "./datagram_wait.ts";
import { copyFds } from "./unix_stream.ts";
import { notBytes } from "../read_half.ts";

const empty = new Uint8Array(0);

/** A message that has come. */
interface Incoming {
  readonly data: Uint8Array;
  readonly fds: number[];
  readonly fdsTruncated: boolean;
}

/** What {@linkcode NativeSeqpacketConn.readMessage} took. */
export interface ReadMessage {
  /** How many bytes of the array it fills; `null` at the end. */
  readonly n: number | null;
  /** Whether it was longer than that, and cut. */
  readonly truncated: boolean;
}

/** The end, which holds no array and no descriptor. */
type End = "end";

/**
 * One write is one message, and one read takes one: what does not fit is dropped. An empty message
 * is read as `0`, the end as `null`. `readable` leaves empty messages out, and cuts those longer
 * than 64 KiB.
 */
export class NativeSeqpacketConn implements UnixConn {
  readonly localAddr: UnixAddress;
  readonly remoteAddr: UnixAddress;
  readonly #inbox: Parked<Incoming | End>;
  readonly #sends: SendQueue;
  readonly #writeDeadline: MovingDeadline;
  /** For each write under way, what makes it fail. */
  readonly #writes = new Set<(makeError: () => unknown) => void>();
  #fd: number;
  /** The peer has closed without reading all: told once by the system, and not first of all. */
  #reset: SyscallError | undefined;
  #ended = false;
  #streams: ConnStreams | undefined;

  /**
   * @param fd A connected, non-blocking socket, from now on this connection's alone.
   * @param remote The peer's name, where it is known.
   */
  constructor(fd: number, remote: SocketAddress = getpeername(fd)) {
    this.localAddr = unixAddressOf("unixpacket", getsockname(fd));
    this.remoteAddr = unixAddressOf("unixpacket", remote);
    this.#fd = fd;
    this.#sends = new SendQueue(fd);
    const onError = (error: unknown) => opError(error, this.#context("read"));
    const taker = new Taker(fd, () => this.#receive(), onError);
    this.#inbox = new Parked<Incoming | End>(() => taker.take(), {
      op: "read",
      onTimeout: (cause) => timeoutError(this.#context("read"), cause),
      onClosed: () => this.#closed("read"),
      ref: () => taker.ref(),
      unref: () => taker.unref(),
      discard: closeFds,
    });
    this.#writeDeadline = new MovingDeadline(() => {
      for (const fail of this.#writes) fail(() => this.#timeout());
    });
  }

  async read(p: Uint8Array, wait?: WaitOptions): Promise<number | null> {
    checkArray("read", p);
    if (p.length === 0 && this.#fd >= 0) return 0;
    const message = await this.#inbox.take(wait);
    if (message === "end") return null;
    closeFds(message);
    return copyInto(p, message.data);
  }

  /**
   * Reads as `read` does, and says whether the message was cut.
   *
   * @param p Where to put it.
   * @param wait Limits, as for `read`.
   * @returns How many bytes, and whether there were more.
   * @throws {OpError} As for `read`.
   */
  async readMessage(p: Uint8Array, wait?: WaitOptions): Promise<ReadMessage> {
    checkArray("readMessage", p);
    if (p.length === 0 && this.#fd >= 0) return { n: 0, truncated: false };
    const message = await this.#inbox.take(wait);
    if (message === "end") return { n: null, truncated: false };
    closeFds(message);
    const n = copyInto(p, message.data);
    return { n, truncated: n < message.data.length };
  }

  /**
   * Reads as `read` does, and takes the descriptors that came with the message. A plain `read`
   * closes them.
   *
   * @param p Where to put the message.
   * @param wait Limits, as for `read`.
   * @returns How many bytes, and the descriptors.
   * @throws {OpError} As for `read`.
   */
  async receiveFds(p: Uint8Array, wait?: WaitOptions): Promise<ReceivedFds> {
    checkArray("receiveFds", p);
    const message = await this.#inbox.take(wait);
    if (message === "end") return { n: null, fds: [], truncated: false };
    const { data, fds, fdsTruncated } = message;
    return { n: copyInto(p, data), fds, truncated: fdsTruncated };
  }

  // deno-lint-ignore require-await -- async, so that what it throws is a rejection
  async write(p: Uint8Array, wait?: WaitOptions): Promise<number> {
    checkArray("write", p);
    const attempt = () => send(this.#fd, p);
    if (wait === undefined && this.#fd >= 0 && !this.#ended && !this.#writeDeadline.active) {
      const n = this.#writeNow(attempt);
      if (n !== null) return n;
    }
    return this.#write(attempt, wait);
  }

  /**
   * Writes one message, and hands copies of descriptors to whoever reads it.
   *
   * @param data The message, which may be empty.
   * @param fds At most 253 descriptors, copied at once: they stay the caller's, to close.
   * @param wait Limits, as for `write`.
   * @returns The length of `data`.
   * @throws {RangeError} Too many descriptors.
   * @throws {OpError} As for `write`; code `"EBADF"` when a descriptor is not open.
   */
  async sendFds(data: Uint8Array, fds: readonly number[], wait?: WaitOptions): Promise<number> {
    checkArray("sendFds", data);
    let copies: number[];
    try {
      copies = copyFds(fds);
    } catch (error) {
      throw opError(error, this.#context("write"));
    }
    try {
      return await this.#write(() => sendmsg(this.#fd, data, { fds: copies }), wait);
    } finally {
      copies.forEach(close);
    }
  }

  async closeWrite(): Promise<void> {
    if (this.#fd < 0) throw this.#closed("closeWrite");
    if (this.#ended) return;
    const ending = this.#write(() => this.#shutdown());
    this.#ended = true;
    try {
      await ending;
    } catch (error) {
      this.#ended = false;
      throw error;
    }
  }

  /**
   * Who is at the other end, as of when it connected or listened. As `SO_PEERCRED`.
   *
   * @returns Process, user and group.
   * @throws {ClosedError} This side has closed the connection.
   */
  peerCredentials(): Credentials {
    if (this.#fd < 0) throw this.#closed("peer credentials");
    return peerCredentials(this.#fd);
  }

  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    this.#inbox.close();
    this.#writeDeadline.stop();
    for (const fail of this.#writes) fail(() => this.#closed("write"));
    this.#sends.close();
    close(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  ref(): void {
    this.#inbox.ref();
  }

  unref(): void {
    this.#inbox.unref();
  }

  setDeadline(deadline: Date | number | null): void {
    this.setReadDeadline(deadline);
    this.setWriteDeadline(deadline);
  }

  setReadDeadline(deadline: Date | number | null): void {
    if (this.#fd < 0) throw this.#closed("set deadline");
    this.#inbox.setDeadline(deadline);
  }

  setWriteDeadline(deadline: Date | number | null): void {
    if (this.#fd < 0) throw this.#closed("set deadline");
    this.#writeDeadline.set(deadline);
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return (this.#streams ??= connStreams(this)).readable;
  }

  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return (this.#streams ??= connStreams(this)).writable;
  }

  #receive(): Incoming | End | null {
    try {
      const length = recv(this.#fd, empty, MSG_PEEK | MSG_TRUNC);
      if (length === null) return null;
      if (length === 0) return this.#receiveEmpty();
      const data = new Uint8Array(length);
      const message = recvmsg(this.#fd, data);
      return message && { data, fds: message.fds, fdsTruncated: message.fdsTruncated };
    } catch (error) {
      if (error === this.#reset || !this.#isReset(error)) throw error;
      return this.#receive(); // what had come before is still there
    }
  }

  /**
   * An empty message, or the end: recvmsg(2) gives 0 for both. But only a message has a sender.
   * Asked for credentials, Linux delivers some with a message, and none at the end. They are asked
   * for only here: a socket that sends meanwhile would be given a name (unix(7), "autobind").
   */
  #receiveEmpty(): Incoming | End | null {
    setsockopt(this.#fd, SOL_SOCKET, SO_PASSCRED, true);
    let message: ReceivedMessage | null;
    try {
      message = recvmsg(this.#fd, empty);
    } finally {
      setsockopt(this.#fd, SOL_SOCKET, SO_PASSCRED, false);
    }
    if (message === null) return null;
    const { credentials, fds, fdsTruncated } = message;
    if (credentials !== null) return { data: empty, fds, fdsTruncated };
    if (this.#reset !== undefined) throw this.#reset;
    return "end";
  }

  /** Whether the peer has gone with messages unread; that is remembered, for the end. */
  #isReset(error: unknown): boolean {
    if (!(error instanceof SyscallError) || error.code !== "ECONNRESET") return false;
    this.#reset = error;
    return true;
  }

  #shutdown(): number {
    try {
      shutdown(this.#fd, SHUT_WR);
    } catch (error) {
      // The peer has gone: it has been told.
      if (!(error instanceof SyscallError) || error.code !== "ENOTCONN") throw error;
    }
    return 0;
  }

  /** The short way, for when there is room, and no limit. */
  #writeNow(attempt: () => number | null): number | null {
    try {
      return this.#sends.tryNow(attempt);
    } catch (error) {
      this.#isReset(error);
      throw untaken(opError(error, this.#context("write")));
    }
  }

  #write(attempt: () => number | null, wait?: WaitOptions): Promise<number> {
    return new Promise<number>((resolve, reject) => {
      const limit = wait && new Deadline(wait, { phase: "write" });
      if (wait?.signal?.aborted) throw wait.signal.reason;
      if (this.#fd < 0) throw untaken(this.#closed("write"));
      if (this.#writeDeadline.passed || limit?.expired) throw untaken(this.#timeout());
      if (this.#ended) throw untaken(this.#broken());

      let unwatch = () => {};
      const leave = () => {
        unwatch();
        this.#writes.delete(fail);
        if (this.#writes.size === 0) this.#writeDeadline.end();
      };
      const fail = (makeError: () => unknown) => {
        leave();
        this.#sends.abandon(sending);
        reject(untaken(makeError()));
      };
      const sending = this.#sends.run(attempt);
      this.#writes.add(fail);
      this.#writeDeadline.begin();
      if (limit !== undefined) {
        unwatch = limit.watch((reason) =>
          fail(() => wait?.signal?.aborted ? reason : this.#timeout())
        );
      }
      sending.then((n) => {
        leave();
        resolve(n);
      }, (error) => {
        leave();
        this.#isReset(error);
        reject(untaken(opError(error, this.#context("write"))));
      });
    });
  }

  #broken(): OpError {
    return new OpError({ ...this.#context("write"), reason: "broken pipe", code: "EPIPE" });
  }

  #closed(op: string): ClosedError {
    return new ClosedError(this.#context(op));
  }

  #timeout(): OpError {
    const cause = new TimeoutError("write: deadline exceeded", { phase: "write" });
    return timeoutError(this.#context("write"), cause);
  }

  #context(op: string) {
    // An end without a name says nothing.
    const [source, addr] = [this.localAddr.path || undefined, this.remoteAddr.path || undefined];
    return { op, network: "unixpacket", source, addr };
  }
}

/** A message goes whole or not at all. */
function untaken<E>(error: E): E {
  if (error instanceof OpError) error.bytesWritten = 0;
  return error;
}

function closeFds(message: Incoming | End): void {
  if (message !== "end") message.fds.forEach(close);
}

function copyInto(p: Uint8Array, data: Uint8Array): number {
  const n = Math.min(p.length, data.length);
  p.set(n === data.length ? data : data.subarray(0, n));
  return n;
}

function checkArray(op: string, p: unknown): void {
  if (p instanceof Uint8Array) return;
  throw notBytes(op, p);
}
