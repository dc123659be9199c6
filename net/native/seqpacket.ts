/** `unixpacket`: connecting and listening on SOCK_SEQPACKET Unix sockets. Linux. */
import type { Deadline } from "../../deadline.ts";
import {
  type Accepted,
  AF_UNIX,
  connect,
  SOCK_SEQPACKET,
  socket,
  type SocketAddress,
  socketpair as systemSocketpair,
} from "../../sys/mod.ts";
import type { UnixAddress } from "../conn.ts";
import { UnsupportedError } from "../errors.ts";
import type { ListenerParts } from "../stream_listener.ts";
import { socketPath } from "../runtime/unix.ts";
import { type Control, guarded, runControl } from "./control.ts";
import { NativeSeqpacketConn } from "./seqpacket_conn.ts";
import { type ListenAtPath, listenAtPath } from "./path_listener.ts";
import { bindName, type SocketFile } from "./socket_file.ts";

function checkPlatform(what: string): void {
  if (Deno.build.os !== "darwin") return;
  throw new UnsupportedError(what, "only Linux has SOCK_SEQPACKET Unix sockets");
}

/** One connection to a `unixpacket` listener. */
export interface ConnectNativeSeqpacket {
  /** Its path or `"@name"`. */
  readonly name: string;
  /** The name of this end; its file stays when the connection is closed, as in Go. */
  readonly localAddr?: UnixAddress | string;
  /** Sees the socket before it is bound or connected. */
  readonly control?: Control;
  /** When to give up; connecting never waits. */
  readonly deadline: Deadline;
}

/**
 * Connects to a `unixpacket` listener.
 *
 * @param how Where to, from where, and for how long.
 * @throws {SyscallError} `ENOENT`, `ECONNREFUSED`, `EPROTOTYPE`, ...; `EAGAIN`: the listener's
 * backlog is full, trying again later may work.
 * @throws {AddressError} A name that cannot be.
 * @throws {UnsupportedError} On macOS.
 * @throws The reason of the deadline, unchanged; what `control` threw.
 */
// deno-lint-ignore require-await -- async, so that what it throws is a rejection
export async function connectNativeSeqpacket(
  how: ConnectNativeSeqpacket,
): Promise<NativeSeqpacketConn> {
  const { name, localAddr, control, deadline } = how;
  checkPlatform("dial unixpacket");
  deadline.throwIfExpired();
  socketPath(name); // refuses what is no name
  const remote: SocketAddress = { family: "unix", path: name };
  return guarded(socket(AF_UNIX, SOCK_SEQPACKET), (fd) => {
    let file: SocketFile | undefined;
    try {
      runControl(control, "unixpacket", name, fd);
      if (localAddr !== undefined) file = bindName(fd, String(localAddr));
      connect(fd, remote); // at once, or not at all (unix(7))
      return new NativeSeqpacketConn(fd, remote);
    } catch (error) {
      // Left behind, it would fail the next try with EADDRINUSE.
      file?.remove();
      throw error;
    }
  });
}

/**
 * Listens on a `unixpacket` socket, as {@linkcode listenAtPath}.
 *
 * @param how Where and how.
 * @throws {UnsupportedError} On macOS.
 */
export function listenNativeSeqpacket(
  how: ListenAtPath,
): ListenerParts<Accepted, NativeSeqpacketConn> {
  checkPlatform("listen unixpacket");
  const wrap = (fd: number, peer: SocketAddress) => new NativeSeqpacketConn(fd, peer);
  return listenAtPath("unixpacket", SOCK_SEQPACKET, how, wrap);
}

/**
 * Makes two `unixpacket` connections that are connected to each other, without a name. As
 * `socketpair(2)`.
 *
 * @returns Both ends.
 * @throws {SyscallError} `EMFILE`, ...
 * @throws {UnsupportedError} On macOS.
 */
export function seqpacketPair(): [NativeSeqpacketConn, NativeSeqpacketConn] {
  checkPlatform("socketpair unixpacket");
  const unnamed: SocketAddress = { family: "unix", path: "" };
  const [a, b] = systemSocketpair(SOCK_SEQPACKET);
  return [new NativeSeqpacketConn(a, unnamed), new NativeSeqpacketConn(b, unnamed)];
}
