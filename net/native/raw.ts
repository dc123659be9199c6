/** Raw IP sockets by system call: `"ip4:icmp"` and its like, as Go's `net.IPConn`. For root. */
import {
  AF_INET,
  AF_INET6,
  bind,
  connect,
  getsockname,
  setsockopt,
  SO_BROADCAST,
  SOCK_RAW,
  socket,
  type SocketAddress,
  SOL_SOCKET,
  SyscallError,
} from "../../sys/mod.ts";
import type { Address, Conn, NetAddress, Network, PacketConn, RawNetwork } from "../conn.ts";
import { AddressError, OpError, UnknownNetworkError } from "../errors.ts";
import { isIp, splitZone } from "../ip.ts";
import { ConnectedPacketConn, UnconnectedPacketConn } from "../packet_conn.ts";
import { opError } from "../runtime/errors.ts";
import { ipAddressOf, ipSocketAddress, unspecified } from "./address.ts";
import { type Control, guarded, runControl } from "./control.ts";
import { NativePort, remembering } from "./datagram_port.ts";

/** A network of raw IP packets, taken apart. */
export interface IpNetworkParts {
  /** The family it insists on; `undefined` for `"ip"`. */
  readonly family: 4 | 6 | undefined;
  /** The number of the protocol that the packets carry, 0 to 255. */
  readonly protocol: number;
}

/** The names that Go knows without a file (`net.protocols`); the numbers are IANA's. */
const protocols = new Map([
  ["icmp", 1],
  ["igmp", 2],
  ["tcp", 6],
  ["udp", 17],
  ["ipv6-icmp", 58],
]);

const forms = ["ip:protocol", "ip4:protocol", "ip6:protocol"];

/** Whether a network's name is of the raw kind, well-formed or not. */
export function isIpNetwork(network: string): network is RawNetwork {
  return /^ip[46]?(:|$)/.test(network);
}

/**
 * Takes the name of a raw network apart: `"ip"`, `"ip4"` or `"ip6"`, a colon, and a protocol.
 *
 * @param network Such as `"ip4:icmp"` or `"ip6:58"`.
 * @throws {UnknownNetworkError} Another form, or an unknown protocol.
 */
export function parseIpNetwork(network: string): IpNetworkParts {
  const [, version, name] = /^ip([46]?):(.+)$/.exec(network) ?? [];
  if (name === undefined) throw new UnknownNetworkError(network, forms);
  const number = /^[0-9]{1,3}$/.test(name) ? Number(name) : protocols.get(name.toLowerCase());
  if (number === undefined || number > 255) {
    const known = [...protocols.keys()].join(", ");
    throw new UnknownNetworkError(network, [...forms, `a protocol: ${known}, or 0 to 255`]);
  }
  return { family: version === "" ? undefined : Number(version) as 4 | 6, protocol: number };
}

/** How a raw socket is opened. */
export interface RawOptions {
  /** The IP address to bind to; for a listener, that is its address. */
  localAddr?: string;
  /** Sees the socket before it is bound or connected. */
  control?: Control;
}

/**
 * Opens a raw IP socket to one host: `write` sends one packet, without its IP header, and `read`
 * gives one the same way.
 *
 * @param network Such as `"ip4:icmp"`.
 * @param host The IP address of the host, already looked up.
 * @param options How.
 * @throws {UnknownNetworkError} No such network.
 * @throws {AddressError} Not an IP address of the network's family.
 * @throws {OpError} `"EPERM"`: it takes root, or CAP_NET_RAW; ...
 */
export function dialRaw(network: string, host: string, options: RawOptions = {}): Conn {
  const { protocol, family } = parseIpNetwork(network);
  const peer = checkHost(host, family);
  const context = { op: "dial", network, source: options.localAddr, addr: host };
  const port = attempt(context, () => openRaw(network, protocol, peer, options));
  return new ConnectedPacketConn(network, port, port.peer!);
}

/**
 * Opens a raw IP socket for packets from and to anyone, of the protocol of the network.
 *
 * @param network Such as `"ip4:icmp"`.
 * @param host The IP address to bind to; empty for all.
 * @param options How; `localAddr` does not count.
 * @throws {UnknownNetworkError} No such network.
 * @throws {AddressError} Not an IP address of the network's family.
 * @throws {OpError} `"EPERM"`: it takes root, or CAP_NET_RAW; ...
 */
export function listenRaw(
  network: string,
  host: string,
  { control }: Pick<RawOptions, "control"> = {},
): PacketConn {
  const { protocol, family } = parseIpNetwork(network);
  const local = host === "" ? unspecified(family ?? 4) : host;
  const localFamily = checkHost(local, family).family;
  const context = { op: "listen", network, addr: host };
  const port = attempt(context, () => {
    return openRaw(network, protocol, undefined, { localAddr: local, control });
  });
  return new UnconnectedPacketConn(network, port, (addr) => {
    const to = typeof addr === "string" ? addr : "hostname" in addr ? addr.hostname : "";
    checkHost(to, localFamily);
    return ipHost(network, to);
  });
}

function attempt<T>(context: Parameters<typeof opError>[1], open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof SyscallError && error.syscall === "socket" && error.code === "EPERM") {
      const reason = "operation not permitted: raw sockets need root or CAP_NET_RAW";
      throw new OpError({ ...context, reason, code: "EPERM", cause: error });
    }
    throw opError(error, context);
  }
}

function checkHost(host: string, family: 4 | 6 | undefined): { host: string; family: 4 | 6 } {
  const found = isIp(splitZone(host).host);
  if (found === 0) throw new AddressError(host, "the host must be an IP address");
  if (family !== undefined && found !== family) throw new AddressError(host, "no suitable address");
  return { host, family: found };
}

/** An IP address without a port, in the shape of the others. As Go's `net.IPAddr`. */
function ipHost(network: string, hostname: string): NetAddress {
  const plain = { transport: "udp", hostname, port: 0, network: network as Network } as const;
  return Object.defineProperty(plain, "toString", { value: () => hostname });
}

function openRaw(
  network: string,
  protocol: number,
  peer: { host: string; family: 4 | 6 } | undefined,
  { localAddr, control }: RawOptions,
): NativePort {
  const local = localAddr === undefined ? undefined : checkHost(localAddr, peer?.family);
  const family = (peer ?? local!).family;
  const domain = family === 4 ? AF_INET : AF_INET6;
  return guarded(socket(domain, SOCK_RAW, protocol), (fd) => {
    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, true);
    runControl(control, network.replace(/^ip[46]?/, `ip${family}`), (peer ?? local!).host, fd);
    // A raw socket without a bind hears every address, as one bound to the unspecified one.
    if (local !== undefined) bind(fd, ipSocketAddress(local.host, 0));
    if (peer !== undefined) connect(fd, ipSocketAddress(peer.host, 0));
    const toAddress = (from: SocketAddress): Address =>
      ipHost(network, ipAddressOf("udp", from).hostname);
    return new NativePort(fd, {
      addr: toAddress(getsockname(fd)),
      // The system does not tell a peer that has no port.
      peer: peer && toAddress(ipSocketAddress(peer.host, 0)),
      batch: [64, 64 * 1024],
      toAddress,
      toSockaddr: remembering((to) => ipSocketAddress((to as NetAddress).hostname, 0)),
      start: family === 4 ? headerLength : undefined,
    });
  });
}

/** IPv4 alone delivers the header too (raw(7)): its length is in words of 32 bits (RFC 791 3.1). */
function headerLength(packet: Uint8Array): number {
  const length = (packet[0] & 15) * 4;
  return packet.length >= 20 && packet[0] >> 4 === 4 && length <= packet.length ? length : 0;
}
