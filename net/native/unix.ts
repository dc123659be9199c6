/** Unix stream sockets by system call, with what they alone can do: descriptors and credentials. */
import { Deadline, MovingDeadline, TimeoutError, type WaitOptions } from "../../deadline.ts";
import {
  type Accepted,
  AF_UNIX,
  close,
  connect,
  type Credentials,
  getpeername,
  getsockname,
  peerCredentials,
  poller,
  SOCK_STREAM,
  socket,
  type SocketAddress,
  socketError,
  socketpair as systemSocketpair,
} from "../../sys/mod.ts";
import type { ReceivedFds, UnixAddress, UnixConn } from "../conn.ts";
import type { ListenerParts } from "../stream_listener.ts";
import { socketPath } from "../runtime/unix.ts";
import { StreamConn } from "../stream.ts";
import { unixAddressOf } from "./address.ts";
import { type Control, runControl } from "./control.ts";
import { type ListenAtPath, listenAtPath } from "./path_listener.ts";
import { bindName, type SocketFile } from "./socket_file.ts";
import { copyFds, UnixStream } from "./unix_stream.ts";

/** The most descriptors that one message carries (`SCM_MAX_FD` of Linux). */
const maxFds = 253;

/**
 * A Unix stream connection by system call: a `Conn` that passes descriptors and knows its peer.
 * Needs `--allow-ffi`.
 */
export class NativeUnixConn extends StreamConn<UnixStream, UnixAddress> implements UnixConn {
  readonly #turns = new Set<(reason: unknown) => void>();
  /** The write deadline, for those who wait to begin a write; StreamConn keeps its own. */
  readonly #turnDeadline = new MovingDeadline(() => {
    for (const give of this.#turns) give(new TimeoutError(undefined, { phase: "write" }));
  });

  /**
   * @param fd A connected, non-blocking Unix stream socket, from now on this connection's alone.
   * @param remote The peer's name, where it is known.
   */
  constructor(fd: number, remote: SocketAddress = getpeername(fd)) {
    const local = getsockname(fd);
    super(new UnixStream(fd), "unix", () => [
      unixAddressOf("unix", local),
      unixAddressOf("unix", remote),
    ]);
  }

  /**
   * Who is at the other end, as of when it connected or listened. As `SO_PEERCRED`.
   *
   * @returns Process, user and group.
   * @throws {ClosedError} This side has closed the connection.
   */
  peerCredentials(): Credentials {
    try {
      return peerCredentials(this.inner.fd);
    } catch (error) {
      throw this.fail("peer credentials", error);
    }
  }

  /**
   * Writes the whole of `data`, and hands copies of descriptors to whoever reads its first byte.
   * It waits for the writes before it; a write begun while it waits for them may go first.
   *
   * ```ts
   * import { socketpair } from "@plumb/plumb/net";
   * import { close, pipe2, write } from "@plumb/plumb/sys";
   *
   * const [a, b] = socketpair();
   * const [reader, writer] = pipe2();
   * await a.sendFds(new Uint8Array(1), [writer]);
   * const { fds } = await b.receiveFds(new Uint8Array(1));
   * console.log(write(fds[0], new Uint8Array(5))); // 5
   * for (const fd of [reader, writer, ...fds]) close(fd);
   * a.close();
   * b.close();
   * ```
   *
   * @param data At least one byte: descriptors travel with data only.
   * @param fds At most 253 descriptors, copied at once: they stay the caller's, to close.
   * @param wait Limits, as for `write`.
   * @returns The length of `data`.
   * @throws {RangeError} No data, or too many descriptors.
   * @throws {OpError} As for `write`; code `"EBADF"` when a descriptor is not open: nothing is sent.
   */
  async sendFds(
    data: Uint8Array,
    fds: readonly number[],
    wait?: WaitOptions,
  ): Promise<number> {
    if (data.length === 0) throw new RangeError("data must have a byte for the fds to go with");
    if (fds.length > maxFds) {
      throw new RangeError(`fds must be at most ${maxFds} descriptors, got ${fds.length}`);
    }
    const deadline = new Deadline(wait, { phase: "write" });
    const copies = this.#copy(fds);
    try {
      for (let settled = false; !settled;) {
        const last = this.inner.lastWrite;
        await this.#settled(last, deadline);
        settled = last === this.inner.lastWrite;
      }
    } catch (error) {
      copies.forEach(close);
      throw error instanceof TimeoutError ? this.fail("write", error) : error;
    }
    // Nothing is under way now, so the write begins within the call.
    const { remaining } = deadline;
    const timeout = remaining === Infinity ? undefined : remaining || -1;
    const rest = deadline.unlimited ? undefined : { signal: wait?.signal, timeout };
    return await this.inner.withFds(copies, () => this.write(data, rest));
  }

  /**
   * Reads as `read` does, and takes the descriptors that came with the bytes. A plain `read`
   * drops them.
   *
   * @param p Where to put the bytes.
   * @param wait Limits, as for `read`.
   * @returns How many bytes, and the descriptors.
   * @throws {OpError} As for `read`.
   */
  async receiveFds(p: Uint8Array, wait?: WaitOptions): Promise<ReceivedFds> {
    this.inner.receivers++;
    try {
      const n = await super.read(p, wait);
      return { n, ...this.inner.takeFds() };
    } finally {
      this.inner.receivers--;
    }
  }

  override read(p: Uint8Array, wait?: WaitOptions): Promise<number | null> {
    this.inner.dropFds();
    return super.read(p, wait);
  }

  override setWriteDeadline(deadline: Date | number | null): void {
    super.setWriteDeadline(deadline);
    this.#turnDeadline.set(deadline);
  }

  override close(): void {
    super.close();
    this.#turnDeadline.stop();
  }

  #copy(fds: readonly number[]): number[] {
    try {
      return copyFds(fds);
    } catch (error) {
      throw this.fail("write", error);
    }
  }

  /** Waits until a write has ended, however it ends, under both deadlines. */
  async #settled(write: Promise<unknown>, deadline: Deadline): Promise<void> {
    const { promise: given, reject } = Promise.withResolvers<never>();
    this.#turns.add(reject);
    this.#turnDeadline.begin();
    try {
      await deadline.race(Promise.race([given, write.catch(() => {})]));
    } finally {
      this.#turns.delete(reject);
      if (this.#turns.size === 0) this.#turnDeadline.end();
    }
  }
}

/** One connection to a Unix listener. */
export interface ConnectNativeUnix {
  /** Its path or `"@name"`. */
  readonly name: string;
  /** The name of this end; its file stays when the connection is closed, as in Go. */
  readonly localAddr?: UnixAddress | string;
  /** Sees the socket before it is bound or connected. */
  readonly control?: Control;
  /** When to give up. */
  readonly deadline: Deadline;
}

/**
 * Connects to a Unix stream listener.
 *
 * @param how Where to, from where, and for how long.
 * @throws {SyscallError} `ENOENT`, `ECONNREFUSED`, ...; `EAGAIN` (Linux): the listener's backlog is
 * full, trying again later may work.
 * @throws {AddressError} A name that cannot be.
 * @throws The reason of the deadline, unchanged; what `control` threw.
 */
export async function connectNativeUnix(how: ConnectNativeUnix): Promise<NativeUnixConn> {
  const { name, localAddr, control, deadline } = how;
  deadline.throwIfExpired();
  socketPath(name); // refuses what is no name
  const remote: SocketAddress = { family: "unix", path: name };
  const fd = socket(AF_UNIX, SOCK_STREAM);
  let file: SocketFile | undefined;
  try {
    runControl(control, "unix", name, fd);
    if (localAddr !== undefined) file = bindName(fd, String(localAddr));
    if (!connect(fd, remote)) {
      await poller.wait(fd, "write", deadline);
      const failed = socketError(fd, "connect");
      if (failed !== null) throw failed;
    }
    return new NativeUnixConn(fd, remote);
  } catch (error) {
    // Left behind, it would fail the next try with EADDRINUSE.
    file?.remove();
    close(fd);
    throw error;
  }
}

/**
 * Listens on a Unix stream socket, as {@linkcode listenAtPath}.
 *
 * @param how Where and how.
 */
export function listenNativeUnix(how: ListenAtPath): ListenerParts<Accepted, NativeUnixConn> {
  const wrap = (fd: number, peer: SocketAddress) => new NativeUnixConn(fd, peer);
  return listenAtPath("unix", SOCK_STREAM, how, wrap);
}

/**
 * Makes two Unix stream connections that are connected to each other, without a name. As
 * `socketpair(2)`. Needs `--allow-ffi`.
 *
 * ```ts
 * import { socketpair } from "@plumb/plumb/net";
 *
 * const [a, b] = socketpair();
 * await a.write(new TextEncoder().encode("hello"));
 * console.log(await b.read(new Uint8Array(16)), b.peerCredentials().pid === Deno.pid); // 5 true
 * a.close();
 * b.close();
 * ```
 *
 * @returns Both ends.
 * @throws {SyscallError} `EMFILE`, ...
 */
export function socketpair(): [NativeUnixConn, NativeUnixConn] {
  const unnamed: SocketAddress = { family: "unix", path: "" };
  const [a, b] = systemSocketpair(SOCK_STREAM);
  return [new NativeUnixConn(a, unnamed), new NativeUnixConn(b, unnamed)];
}
