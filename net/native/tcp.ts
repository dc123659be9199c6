/** TCP by system call: what the runtime's sockets cannot do, and all they can. */
import type { Deadline } from "../../deadline.ts";
import {
  type Accepted,
  AF_INET,
  AF_INET6,
  bind,
  close,
  connect,
  getpeername,
  getsockname,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  listen,
  poller,
  setsockopt,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_STREAM,
  socket,
  type SocketAddress,
  socketError,
  SOL_SOCKET,
  SyscallError,
} from "../../sys/mod.ts";
import { joinHostPort } from "../address.ts";
import type { NetAddress, TcpConn } from "../conn.ts";
import { AddressError } from "../errors.ts";
import { isIp, splitZone } from "../ip.ts";
import type { ListenerParts } from "../stream_listener.ts";
import { StreamConn } from "../stream.ts";
import { Acceptor } from "./acceptor.ts";
import { ipAddressOf, ipSocketAddress, localSocketAddress, unspecified } from "./address.ts";
import { type Control, guarded, runControl } from "./control.ts";
import { FdStream } from "./fd_stream.ts";
import { type KeepAlive, type KeepAliveConfig, keepAliveSeconds } from "./keep_alive.ts";
import { setKeepAlive, setLinger, setNoDelay, setReadBuffer, setWriteBuffer } from "./options.ts";

/** What a fresh connection is given. */
export interface NativeTcpOptions {
  /** Whether small writes go out at once; `true` by default. */
  readonly noDelay?: boolean;
  /** Whether and when a silent peer is probed; on by default. */
  readonly keepAlive?: KeepAlive;
}

/** A TCP connection by system call: a `TcpConn` with more options. Needs `--allow-ffi`. */
export class NativeTcpConn extends StreamConn<FdStream, NetAddress> implements TcpConn {
  /**
   * @param fd A connected, non-blocking TCP socket, from now on this connection's alone.
   * @param remote The peer, where it is known: the kernel forgets one that has gone already.
   */
  constructor(fd: number, remote: SocketAddress = getpeername(fd)) {
    // Asked while the descriptor is surely open: errors name both ends after it is closed, too.
    const local = getsockname(fd);
    super(new FdStream(fd), "tcp", () => [ipAddressOf("tcp", local), ipAddressOf("tcp", remote)]);
  }

  setNoDelay(noDelay = true): void {
    this.#set("set no delay", (fd) => setNoDelay(fd, noDelay));
  }

  /**
   * Whether the kernel probes a silent peer, and when.
   *
   * @param keepAlive `true` is `{ idle: 15_000, interval: 15_000, count: 9 }`.
   * @throws {RangeError} Times or a count that the kernel does not take.
   */
  setKeepAlive(keepAlive: boolean | KeepAliveConfig = true): void {
    this.#set("set keep-alive", (fd) => setKeepAlive(fd, keepAlive));
  }

  /**
   * What `close` does with data that is not sent yet. As Go's `SetLinger`.
   *
   * @param seconds `null`: sent in the background (the default); 0: dropped, and the peer gets a
   * reset; else the kernel goes on trying for so long.
   */
  setLinger(seconds: number | null): void {
    this.#set("set linger", (fd) => setLinger(fd, seconds));
  }

  /**
   * Sets the size of the kernel's receive buffer.
   *
   * @param bytes The size; the system has a limit, and Linux doubles it for its own use.
   */
  setReadBuffer(bytes: number): void {
    this.#set("set read buffer", (fd) => setReadBuffer(fd, bytes));
  }

  /**
   * Sets the size of the kernel's send buffer.
   *
   * @param bytes The size; the system has a limit, and Linux doubles it for its own use.
   */
  setWriteBuffer(bytes: number): void {
    this.#set("set write buffer", (fd) => setWriteBuffer(fd, bytes));
  }

  #set(op: string, set: (fd: number) => void): void {
    try {
      set(this.inner.fd);
    } catch (error) {
      const ours = error instanceof TypeError || error instanceof RangeError;
      throw ours ? error : this.fail(op, error);
    }
  }
}

/** One TCP connection to make. */
export interface ConnectNativeTcp extends NativeTcpOptions {
  /** The concrete network. */
  readonly network: "tcp4" | "tcp6";
  /** The IP address, of that family; an IPv6 one perhaps with a zone. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** The local end; an empty hostname or port 0 leaves that part to the kernel. */
  readonly localAddr?: NetAddress;
  /** Sees the socket before it is bound or connected. */
  readonly control?: Control;
  /** When to give up: the attempt is then cancelled. */
  readonly deadline: Deadline;
}

/** How often a connection to itself is tried again, as in Go's `doDialTCPProto`. */
const selfConnects = 2;

/**
 * Connects to one address.
 *
 * @param how Where to, from where, and for how long.
 * @throws {SyscallError} `ECONNREFUSED`, `EADDRINUSE` (the local end), ...
 * @throws {AddressError} An address that is not of the family.
 * @throws The reason of the deadline, unchanged; what `control` threw.
 */
export async function connectNativeTcp(how: ConnectNativeTcp): Promise<NativeTcpConn> {
  how.deadline.throwIfExpired();
  keepAliveSeconds(how.keepAlive); // refused before anything happens
  const family = familyOf(how.network, how.hostname);
  const remote = ipSocketAddress(how.hostname, how.port);
  const local = how.localAddr && localSocketAddress(how.localAddr, family);
  for (let again = selfConnects;; again--) {
    const conn = await attempt(how, family, remote, local);
    // A socket that the kernel gives the very port it connects to has met itself.
    const chosen = how.localAddr === undefined || how.localAddr.port === 0;
    const itself = conn.localAddr.toString() === conn.remoteAddr.toString();
    if (!chosen || !itself) return conn;
    conn.close();
    if (again === 0) throw new Deno.errors.ConnectionRefused("the connection met itself");
  }
}

async function attempt(
  how: ConnectNativeTcp,
  family: 4 | 6,
  remote: SocketAddress,
  local: SocketAddress | undefined,
): Promise<NativeTcpConn> {
  const fd = socket(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM);
  try {
    runControl(how.control, how.network, joinHostPort(how.hostname, how.port), fd);
    if (local !== undefined) bind(fd, local);
    if (!connect(fd, remote)) {
      await poller.wait(fd, "write", how.deadline);
      const failed = socketError(fd, "connect");
      if (failed !== null) throw failed;
    }
    return wrap(fd, remote, how);
  } catch (error) {
    close(fd);
    throw error;
  }
}

function familyOf(network: "tcp4" | "tcp6", hostname: string): 4 | 6 {
  const family = network === "tcp4" ? 4 : 6;
  if (isIp(splitZone(hostname).host) === family) return family;
  throw new AddressError(hostname, "no suitable address");
}

/** Makes a connection of a fresh descriptor. */
function wrap(fd: number, remote: SocketAddress, options: NativeTcpOptions): NativeTcpConn {
  if (options.noDelay ?? true) setNoDelay(fd, true);
  if (options.keepAlive !== false) setKeepAlive(fd, options.keepAlive ?? true);
  return new NativeTcpConn(fd, remote);
}

/** Where and how to listen. */
export interface ListenNativeTcp extends NativeTcpOptions {
  /** The network; `"tcp"` without a hostname takes both families. */
  readonly network: "tcp" | "tcp4" | "tcp6";
  /** The IP address to bind; `undefined` for all. */
  readonly hostname: string | undefined;
  /** The port; 0 for a free one. */
  readonly port: number;
  /** How many connections the kernel queues; the system's limit by default. */
  readonly backlog?: number;
  /** Whether several sockets, also of other processes of the user, may listen on the port. */
  readonly reusePort?: boolean;
  /** Sees the socket before it is bound. */
  readonly control?: Control;
}

/**
 * Listens on TCP.
 *
 * @param how Where and how.
 * @throws {SyscallError} `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, ...
 */
export function listenNativeTcp(how: ListenNativeTcp): ListenerParts<Accepted, NativeTcpConn> {
  keepAliveSeconds(how.keepAlive); // refused before anything happens
  const fd = how.hostname === undefined ? listenOnAll(how) : bindAndListen(how, how.hostname);
  const acceptor = new Acceptor(fd);
  return {
    addr: ipAddressOf("tcp", getsockname(fd)),
    accept: () => acceptor.accept(),
    wrap: ({ fd, address }) => guarded(fd, () => wrap(fd, address, how)),
    discard: ({ fd }) => close(fd),
    close: () => acceptor.close(),
    ref: () => acceptor.ref(),
    unref: () => acceptor.unref(),
  };
}

function listenOnAll(how: ListenNativeTcp): number {
  if (how.network === "tcp4") return bindAndListen(how, unspecified(4));
  try {
    return bindAndListen(how, unspecified(6));
  } catch (error) {
    // A machine without IPv6 still has the rest.
    const code = error instanceof SyscallError ? error.code : undefined;
    const missing = code === "EAFNOSUPPORT" || code === "EADDRNOTAVAIL";
    if (how.network === "tcp6" || !missing) throw error;
    return bindAndListen(how, unspecified(4));
  }
}

function bindAndListen(how: ListenNativeTcp, hostname: string): number {
  const { network, port } = how;
  const local = ipSocketAddress(hostname, port);
  const family = local.family === "inet" ? 4 : 6;
  if (network !== "tcp" && network !== `tcp${family}`) {
    throw new AddressError(hostname, "no suitable address");
  }
  return guarded(socket(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM), (fd) => {
    // The system may have either as its default.
    if (family === 6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, network === "tcp6");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, true);
    if (how.reusePort) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, true);
    runControl(how.control, `tcp${family}`, joinHostPort(hostname, port), fd);
    bind(fd, local);
    listen(fd, how.backlog);
    return fd;
  });
}
