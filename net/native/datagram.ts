/** Opening sockets of messages by system call: UDP and Unix datagrams. */
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  bind,
  connect,
  getpeername,
  getsockname,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  setsockopt,
  SO_BROADCAST,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_DGRAM,
  socket,
  type SocketAddress,
  SOL_SOCKET,
} from "../../sys/mod.ts";
import { joinHostPort } from "../address.ts";
import type { NetAddress, UnixAddress } from "../conn.ts";
import { socketPath } from "../runtime/unix.ts";
import { ipAddressOf, ipSocketAddress, unixAddressOf } from "./address.ts";
import { type Control, guarded, runControl } from "./control.ts";
import { NativePort, remembering } from "./datagram_port.ts";
import { bindName } from "./socket_file.ts";

/** What {@linkcode openNativeUdp} is told. */
export interface NativeUdpOptions {
  /** The IP address to bind to. */
  hostname: string;
  /** The port to bind to; 0 for any. */
  port: number;
  /** Whether an address in use may be bound once more (SO_REUSEADDR). `false` by default. */
  reuseAddress?: boolean;
  /** Whether several sockets share the address, each message going to one. `false` by default. */
  reusePort?: boolean;
  /** Whether the IPv6 wildcard leaves IPv4 alone. `false` by default. */
  ipv6Only?: boolean;
  /** The only peer: what others send is dropped, and a port that refuses is an error. */
  peer?: NetAddress;
  /** Called before the socket is bound. */
  control?: Control;
}

/** What {@linkcode openNativeUnixgram} is told. */
export interface NativeUnixgramOptions {
  /** Where to bind it, a path or `"@name"`; without it, Linux makes up an abstract name. */
  path?: string;
  /** The only peer, a path or `"@name"`. */
  peer?: string;
  /** Called before the socket is bound. */
  control?: Control;
}

/** How many messages a batch takes; the length of an UDP message is a number of 16 bits. */
const udpBatch = [64, 64 * 1024] as const;

/** More than Linux lets an Unix socket send with its default buffer (net.core.wmem_default). */
const unixBatch = [16, 256 * 1024] as const;

/**
 * Opens an UDP socket. It may send to broadcast addresses, as Go's do.
 *
 * @throws {AddressError} Not an IP address.
 * @throws {SyscallError} `EADDRINUSE`, `EADDRNOTAVAIL`, `ENETUNREACH`, ...
 */
export function openNativeUdp(options: NativeUdpOptions): NativePort {
  const { hostname, port, peer, ipv6Only = false } = options;
  const local = ipSocketAddress(hostname, port);
  const v6 = local.family === "inet6";
  return guarded(socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM), (fd) => {
    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, true);
    if (v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, ipv6Only);
    if (options.reuseAddress) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, true);
    if (options.reusePort) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, true);
    const target = peer ?? joinHostPort(hostname, port);
    runControl(options.control, v6 ? "udp6" : "udp4", String(target), fd);
    bind(fd, local);
    if (peer !== undefined) connect(fd, udpSockaddr(v6, peer));
    const toAddress = (from: SocketAddress) => ipAddressOf("udp", from);
    return new NativePort(fd, {
      addr: toAddress(getsockname(fd)),
      peer: peer && toAddress(getpeername(fd)),
      batch: udpBatch,
      toAddress,
      toSockaddr: remembering((to) => udpSockaddr(v6, to as NetAddress)),
    });
  });
}

/** Where an UDP socket of a family sends: an IPv6 one knows IPv4 by mapped addresses only. */
function udpSockaddr(v6: boolean, { hostname, port }: NetAddress): SocketAddress {
  if (!v6) return ipSocketAddress(hostname, port);
  const to = ipSocketAddress(hostname, port);
  return to.family === "inet6" ? to : { family: "inet6", hostname: `::ffff:${to.hostname}`, port };
}

/**
 * Opens a socket of Unix datagrams.
 *
 * A path is removed by close, unless another socket has taken it meanwhile. A peer that is not
 * there is an error at once.
 *
 * @throws {AddressError} A path that no socket can have.
 * @throws {SyscallError} `EADDRINUSE`; for the peer `ENOENT`, `ECONNREFUSED`, `EPROTOTYPE`; ...
 */
export function openNativeUnixgram(options: NativeUnixgramOptions = {}): NativePort {
  const { path, peer } = options;
  if (peer !== undefined) socketPath(peer); // refuses what is none
  return guarded(socket(AF_UNIX, SOCK_DGRAM), (fd) => {
    runControl(options.control, "unixgram", peer ?? path ?? "", fd);
    const file = path === undefined ? undefined : bindName(fd, path);
    try {
      if (path === undefined) bindAnywhere(fd);
      if (peer !== undefined) connect(fd, unixSockaddr(peer));
      const toAddress = (from: SocketAddress) => unixAddressOf("unixgram", from);
      return new NativePort(fd, {
        addr: toAddress(getsockname(fd)),
        peer: peer === undefined ? undefined : toAddress(unixSockaddr(peer)),
        batch: unixBatch,
        toAddress,
        toSockaddr: remembering((to) => unixSockaddr((to as UnixAddress).path)),
        room: (to) => probe(unixSockaddr((to as UnixAddress).path)),
        onClose: () => file?.remove(),
      });
    } catch (error) {
      file?.remove();
      throw error;
    }
  });
}

const unixSockaddr = (path: string): SocketAddress => ({ family: "unix", path });

/** A name of the system's choice (unix(7), "autobind"), so that the peer can answer. */
function bindAnywhere(fd: number): void {
  if (Deno.build.os !== "darwin") bind(fd, unixSockaddr(""));
}

/**
 * The queue that is full is the receiver's, of which only a socket connected to it is told: our
 * own counts as writable all the time.
 */
function probe(to: SocketAddress): number {
  return guarded(socket(AF_UNIX, SOCK_DGRAM), (fd) => {
    connect(fd, to);
    return fd;
  });
}
