/** Sockets of messages: opening them, and which addresses they take. */
import {
  familyOf,
  joinHostPort,
  netAddress,
  parseNetwork,
  splitHostPort,
  unixAddress,
} from "./address.ts";
import type { Address, Conn, NetAddress, Network, PacketConn, UnixAddress } from "./conn.ts";
import { AddressError, UnsupportedError } from "./errors.ts";
import { isIp, splitZone, tryParseIp } from "./ip.ts";
import { ConnectedPacketConn, UnconnectedPacketConn } from "./packet_conn.ts";
import {
  type DatagramPort,
  hasDatagram,
  openUdp,
  type OpenUdpPort,
  openUnixgram,
  statUnix,
} from "./runtime/datagram.ts";
import { openNodeUdp } from "./runtime/dgram.ts";
import { codeOf, opError } from "./runtime/errors.ts";
import { parsePort } from "./services.ts";

const served: readonly Network[] = ["udp", "udp4", "udp6", "unixgram"];

/** How {@linkcode listenPacket} binds. */
export interface ListenPacketOptions {
  /** Whether an UDP address in use may be bound once more (SO_REUSEADDR). `false` by default. */
  reuseAddress?: boolean;
}

/** How {@linkcode dialPacket} binds. */
export interface DialPacketOptions {
  /** This end: `"ip:port"`, or the path of a Unix socket. Chosen for you by default. */
  localAddr?: string;
}

/**
 * The port that serves UDP: the faster one where the flag allows it. Only `node:dgram` can keep
 * an IPv6 wildcard from taking IPv4 as well.
 */
const openBestUdp: OpenUdpPort = (options) =>
  hasDatagram() && !options.ipv6Only ? openUdp(options) : openNodeUdp(options);

/**
 * Opens a socket of messages: UDP, or Unix datagrams. As Go's `net.ListenPacket`. Synchronous,
 * as `Deno.listenDatagram`.
 *
 * - For `"udp"`, `"udp4"` and `"udp6"`, `address` is `"host:port"`: the host an IP address,
 *   `"localhost"`, or empty for all of them; the port a number or a service's name, 0 or empty
 *   for any free one. With an empty host, `"udp"` hears IPv4 and IPv6, `"udp6"` only IPv6.
 * - For `"unixgram"`, `address` is a path that does not exist yet, or `"@name"` for an abstract
 *   one (Linux). Close removes the path, unless another socket has taken it meanwhile.
 *
 * Permissions: `--allow-net`; for a Unix socket `--allow-read` and `--allow-write` as well, and
 * the flag `--unstable-net`. With that flag UDP is faster: without, messages nobody has received
 * wait in memory, up to 4 MiB for each socket, and a closed socket's address is free only a
 * few turns of the event loop later. A Unix socket sends and receives in turn: while a
 * send waits for a peer whose queue is full, receives wait too.
 *
 * A send that was under way when its time was up may still reach its destination.
 *
 * ```ts
 * import { listenPacket } from "@plumb/plumb/net";
 *
 * using server = listenPacket("udp", "127.0.0.1:0");
 * using client = listenPacket("udp", "127.0.0.1:0");
 * await client.send(new TextEncoder().encode("hello"), server.addr);
 * const [data, from] = await server.receive();
 * console.log(new TextDecoder().decode(data), String(from) === String(client.addr)); // hello true
 * ```
 *
 * @param network `"udp"`, `"udp4"`, `"udp6"` or `"unixgram"`.
 * @param address Where to bind.
 * @param options How to bind.
 * @returns The socket.
 * @throws {UnknownNetworkError} Another network.
 * @throws {AddressError} An address that is malformed, of the other family, or a name.
 * @throws {UnsupportedError} `"unixgram"` without the flag `--unstable-net`; `"unixpacket"`.
 * @throws {OpError} The address cannot be bound, such as one in use (`"EADDRINUSE"`).
 */
export function listenPacket(
  network: Network,
  address: string,
  options: ListenPacketOptions = {},
): PacketConn {
  return listenPacketOn(openBestUdp, network, address, options);
}

/** {@linkcode listenPacket} with a given opener of UDP ports. */
export function listenPacketOn(
  openUdpPort: OpenUdpPort,
  network: Network,
  address: string,
  { reuseAddress }: ListenPacketOptions = {},
): PacketConn {
  checkNetwork("listen", network);
  const context = { op: "listen", network, addr: address };
  if (network === "unixgram") {
    const port = attempt(context, () => openUnixgram(address));
    return new UnconnectedPacketConn(network, port, unixTarget);
  }
  const bind = (hostname: string, port: number) =>
    openUdpPort({
      hostname,
      port,
      reuseAddress,
      ipv6Only: network === "udp6" && hostname === "::",
    });
  const { host, port } = parseLocal(network, address);
  const opened = attempt(context, () => {
    if (host !== "") return bind(host, port);
    if (network === "udp4") return bind("0.0.0.0", port);
    try {
      return bind("::", port);
    } catch (error) {
      if (network === "udp6" || !lacksIpv6(error)) throw error;
      return bind("0.0.0.0", port);
    }
  });
  return new UnconnectedPacketConn(network, opened, udpTarget(network, opened.addr as NetAddress));
}

/**
 * Opens a socket of messages to one peer: only the peer's messages arrive, others are dropped.
 * Nothing is sent, so nothing tells whether the peer is there.
 *
 * `read` gives one message, and drops what does not fit; `write` sends one; an empty one is a
 * message too (`0`, which is not the end). There is no end: `closeWrite` only ends our own
 * writes. `readable` leaves empty messages out, and cuts those longer than 64 KiB.
 *
 * Permissions as for {@linkcode listenPacket}. A Unix socket without `localAddr` is bound in a
 * private temporary directory, so that the peer can answer; close removes it.
 *
 * @param network `"udp"`, `"udp4"`, `"udp6"` or `"unixgram"`.
 * @param target The peer; an unspecified IP address stands for this host.
 * @param options How to bind.
 * @returns The connection.
 * @throws {UnknownNetworkError} Another network.
 * @throws {AddressError} An address of another type or family.
 * @throws {UnsupportedError} `"unixgram"` without the flag `--unstable-net`; `"unixpacket"`.
 * @throws {OpError} This end cannot be bound, or there is no such path.
 */
export function dialPacket(
  network: Network,
  target: NetAddress | UnixAddress,
  options: DialPacketOptions = {},
): Conn {
  return dialPacketOn(openBestUdp, network, target, options);
}

/** {@linkcode dialPacket} with a given opener of UDP ports. */
export function dialPacketOn(
  openUdpPort: OpenUdpPort,
  network: Network,
  target: NetAddress | UnixAddress,
  { localAddr }: DialPacketOptions = {},
): Conn {
  checkNetwork("dial", network);
  const context = { op: "dial", network, source: localAddr, addr: String(target) };
  if (network === "unixgram") {
    const peer = unixTarget(target);
    const port = attempt(context, () => {
      statUnix(peer.path);
      return openUnixgram(localAddr);
    });
    return new ConnectedPacketConn(network, port, peer);
  }
  const peer = dialTarget(network, target);
  const port = attempt(context, () => openUdpPort(localEnd(network, peer, localAddr)));
  return new ConnectedPacketConn(network, port, peer);
}

function checkNetwork(op: string, network: Network): void {
  const what = `${op} ${network}`;
  if (network === "unixpacket") {
    throw new UnsupportedError(what, "it needs the native engine (system calls, --allow-ffi)");
  }
  parseNetwork(network, served);
  if (network === "unixgram" && !hasDatagram()) {
    throw new UnsupportedError(what, "it needs the flag --unstable-net");
  }
}

function attempt(context: Parameters<typeof opError>[1], open: () => DatagramPort): DatagramPort {
  try {
    return open();
  } catch (error) {
    throw opError(error, context);
  }
}

/** Whether a bind to the IPv6 wildcard failed for want of IPv6. */
function lacksIpv6(error: unknown): boolean {
  const code = error instanceof Error ? codeOf(error) : undefined;
  return code === "EAFNOSUPPORT" || code === "EADDRNOTAVAIL";
}

/** The family of an IP address, with or without a zone; 0 for anything else. */
const familyOfHost = (host: string) => isIp(splitZone(host).host);

/** Refuses a host that the network's family does not have. */
function checkFamily(network: Network, host: string, address: string): void {
  const family = familyOf(network);
  if (family !== undefined && familyOfHost(host) !== family) {
    throw new AddressError(address, "no suitable address");
  }
}

/** Where to bind: an IP address or `""` for all of them, and a port. */
function parseLocal(network: Network, address: string): { host: string; port: number } {
  const parts = splitHostPort(address);
  const port = parsePort(network, parts.port);
  if (parts.host === "") return { host: "", port };
  // RFC 6761 section 6.3: it is always this host, so nothing has to be looked up.
  const localhost = network === "udp6" ? "::1" : "127.0.0.1";
  const host = parts.host.toLowerCase() === "localhost" ? localhost : parts.host;
  if (familyOfHost(host) === 0) {
    throw new AddressError(
      address,
      'the host must be an IP address, "localhost" or empty: nothing is looked up here',
    );
  }
  checkFamily(network, host, address);
  return { host, port };
}

/** The peer of a dialled socket, in the spelling its messages will carry. */
function dialTarget(network: Network, target: Address): NetAddress {
  const { hostname, port } = netTarget(target);
  checkFamily(network, hostname, String(target));
  const ip = tryParseIp(hostname);
  if (ip === undefined) return netAddress(network, hostname, port); // it has a zone
  const loopback = ip.family === 4 ? "127.0.0.1" : "::1";
  return netAddress(network, ip.isUnspecified ? loopback : String(ip), port);
}

/** Where a dialled socket is bound: no wider than it takes to reach its peer. */
function localEnd(network: Network, peer: NetAddress, localAddr?: string) {
  const family = familyOfHost(peer.hostname);
  const any = family === 4 ? "0.0.0.0" : "::";
  const loopback = family === 4 ? "127.0.0.1" : "::1";
  if (localAddr !== undefined) {
    const { host, port } = parseLocal(network, localAddr);
    if (host !== "" && familyOfHost(host) !== family) {
      throw new AddressError(localAddr, `not of the family of the peer, ${peer}`);
    }
    return { hostname: host === "" ? any : host, port };
  }
  const hostname = tryParseIp(peer.hostname)?.isLoopback ? loopback : any;
  return { hostname, port: 0 };
}

/** What may be sent to from a socket bound to `local`. */
function udpTarget(network: Network, local: NetAddress) {
  const localFamily = familyOfHost(local.hostname);
  const both = network !== "udp6" && local.hostname === "::";
  return (addr: Address | Deno.Addr | string): Address => {
    const to = netTarget(addr);
    const family = familyOfHost(to.hostname);
    if (family !== localFamily && !both) {
      throw new AddressError(show(addr), `no suitable address from ${local}`);
    }
    return to;
  };
}

function netTarget(addr: Address | Deno.Addr | string): NetAddress {
  let to: { hostname: string; port: number };
  if (typeof addr === "string") {
    const { host, port } = splitHostPort(addr);
    to = { hostname: host, port: parsePort("udp", port) };
  } else if (addr?.transport === "udp" && "hostname" in addr) to = addr;
  else throw new AddressError(show(addr), "not an UDP address");
  const { hostname, port } = to;
  if (familyOfHost(hostname) === 0) {
    throw new AddressError(show(addr), "the host must be an IP address: nothing is looked up here");
  }
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new AddressError(show(addr), "invalid port");
  }
  return netAddress("udp", hostname, port);
}

function unixTarget(addr: Address | Deno.Addr | string): UnixAddress {
  if (typeof addr === "string") return checkPath(unixAddress("unixgram", addr), addr);
  if (addr?.transport !== "unixpacket" || !("path" in addr)) {
    throw new AddressError(show(addr), "not a unixgram address");
  }
  return checkPath(unixAddress("unixgram", addr.path), addr.path);
}

function checkPath(addr: UnixAddress, text: string): UnixAddress {
  if (addr.path === "") throw new AddressError(text, "a socket without a name cannot be sent to");
  return addr;
}

/** An address as an error quotes it; Deno's own have no `toString`. */
function show(addr: Address | Deno.Addr | string): string {
  if (typeof addr === "string") return addr;
  if (typeof addr !== "object" || addr === null) return String(addr);
  if ("path" in addr) return String(addr.path);
  return "hostname" in addr ? joinHostPort(addr.hostname, addr.port) : addr.transport;
}
