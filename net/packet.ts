/** Sockets of messages: opening them, and which addresses they take. */
import {
  familyOf,
  joinHostPort,
  netAddress,
  parseNetwork,
  splitHostPort,
  unixAddress,
} from "./address.ts";
import type {
  Address,
  Conn,
  NetAddress,
  Network,
  PacketConn,
  RawNetwork,
  UnixAddress,
} from "./conn.ts";
import { chooseEngine, type Engine } from "./engine.ts";
import { AddressError, UnsupportedError } from "./errors.ts";
import { isIp, splitZone, tryParseIp } from "./ip.ts";
import type { Control } from "./native/control.ts";
import { openNativeUdp, openNativeUnixgram } from "./native/datagram.ts";
import { mayUseAnyHost, requireNet } from "./native/permission.ts";
import { isIpNetwork, listenRaw, parseIpNetwork } from "./native/raw.ts";
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
  /** Whether several processes may receive at one UDP port (SO_REUSEPORT). Needs `--allow-ffi`. */
  reusePort?: boolean;
  /** Sees the socket before it is bound. Needs `--allow-ffi`. */
  control?: Control;
  /** Which engine serves it; the native one by default where `--allow-ffi` is granted. */
  engine?: Engine;
}

/** How {@linkcode dialPacket} binds. */
export interface DialPacketOptions {
  /** This end: `"ip:port"`, or the path of a Unix socket. Chosen for you by default. */
  localAddr?: string;
  /** Sees the socket before it is bound. Needs `--allow-ffi`. */
  control?: Control;
  /** Which engine serves it; the native one by default where `--allow-ffi` is granted. */
  engine?: Engine;
}

/** Who opens the sockets. */
export interface PacketEngine {
  /** Opens an UDP socket. */
  openUdp: OpenUdpPort;
  /** Opens a Unix socket of messages: bound to `local`, talking to `peer` alone. */
  openUnixgram(local?: string, peer?: string): DatagramPort;
  /** Refuses an address to send to that the permissions do not cover. */
  mayReach?(addr: NetAddress): void;
}

/**
 * The runtime's sockets. For UDP the faster ones where the flag allows them; only `node:dgram` can
 * keep an IPv6 wildcard from taking IPv4 as well.
 */
export const runtimePackets: PacketEngine = {
  openUdp: (options) =>
    hasDatagram() && !options.ipv6Only ? openUdp(options) : openNodeUdp(options),
  openUnixgram(local, peer) {
    if (!hasDatagram()) {
      throw new UnsupportedError("unixgram", "it needs the flag --unstable-net, or --allow-ffi");
    }
    if (peer !== undefined) statUnix(peer);
    return openUnixgram(local);
  },
};

/** Sockets by system call. */
function nativePackets({ control, reusePort }: ListenPacketOptions): PacketEngine {
  return {
    openUdp(options) {
      requireNet(options.hostname, options.port);
      if (options.peer !== undefined) requireNet(options.peer.hostname, options.peer.port);
      return openNativeUdp({ ...options, control, reusePort });
    },
    openUnixgram: (path, peer) => openNativeUnixgram({ path, peer, control }),
    mayReach: mayUseAnyHost() ? undefined : ({ hostname, port }) => requireNet(hostname, port),
  };
}

/** Who serves a call: decided in `engine.ts`. */
function packetEngine(
  op: "dial" | "listenPacket",
  network: Network,
  options: ListenPacketOptions,
): PacketEngine {
  checkNetwork(network);
  const needs: string[] = [];
  if (options.control !== undefined) needs.push("control");
  if (options.reusePort) needs.push("reusePort");
  const engine = chooseEngine({ op, network, engine: options.engine, needs });
  return engine === "native" ? nativePackets(options) : runtimePackets;
}

/**
 * Opens a socket of messages: UDP, or Unix datagrams. As Go's `net.ListenPacket`. Synchronous,
 * as `Deno.listenDatagram`.
 *
 * - For `"udp"`, `"udp4"` and `"udp6"`, `address` is `"host:port"`: the host an IP address,
 *   `"localhost"`, or empty for all of them; the port a number or a service's name, 0 or empty
 *   for any free one. With an empty host, `"udp"` hears IPv4 and IPv6, `"udp6"` only IPv6.
 * - For `"unixgram"`, `address` is a path that does not exist yet, or `"@name"` for an abstract
 *   one (Linux). Close removes the path, unless another socket has taken it meanwhile.
 * - For `"ip4:icmp"` and its like, `address` is an IP address or empty: a raw socket, which takes
 *   `--allow-ffi` and root.
 *
 * Permissions: `--allow-net` for UDP; for a Unix socket `--allow-read` and `--allow-write`, and
 * either `--allow-ffi` or `--allow-net` with the flag `--unstable-net`. UDP is fastest with
 * `--allow-ffi`, and faster with `--unstable-net`: without both, messages nobody has received
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
  network: Network | RawNetwork,
  address: string,
  options: ListenPacketOptions = {},
): PacketConn {
  if (isIpNetwork(network)) return listenRawOn(network, address, options);
  const engine = packetEngine("listenPacket", network, options);
  return listenPacketOn(engine, network, address, options);
}

/** A raw socket. */
function listenRawOn(
  network: RawNetwork,
  address: string,
  options: ListenPacketOptions,
): PacketConn {
  parseIpNetwork(network);
  chooseEngine({ op: "listenPacket", network, engine: options.engine, needs: [] });
  return attempt({ op: "listen", network, addr: address }, () => {
    requireNet(address === "" ? undefined : address);
    return listenRaw(network, address, options);
  });
}

/** {@linkcode listenPacket} on a given engine. */
export function listenPacketOn(
  engine: PacketEngine,
  network: Network,
  address: string,
  { reuseAddress }: ListenPacketOptions = {},
): PacketConn {
  checkNetwork(network);
  const context = { op: "listen", network, addr: address };
  if (network === "unixgram") {
    const port = attempt(context, () => engine.openUnixgram(address));
    return new UnconnectedPacketConn(network, port, unixTarget);
  }
  const bind = (hostname: string, port: number) =>
    engine.openUdp({
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
  const target = udpTarget(network, opened.addr as NetAddress);
  const { mayReach } = engine;
  return new UnconnectedPacketConn(network, opened, (addr) => {
    const to = target(addr);
    if (mayReach !== undefined) {
      attempt({ op: "send", network, addr: String(to) }, () => mayReach(to as NetAddress));
    }
    return to;
  });
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
  return dialPacketOn(packetEngine("dial", network, options), network, target, options);
}

/** {@linkcode dialPacket} on a given engine. */
export function dialPacketOn(
  engine: PacketEngine,
  network: Network,
  target: NetAddress | UnixAddress,
  { localAddr }: DialPacketOptions = {},
): Conn {
  checkNetwork(network);
  const context = { op: "dial", network, source: localAddr, addr: String(target) };
  if (network === "unixgram") {
    const peer = unixTarget(target);
    const port = attempt(context, () => engine.openUnixgram(localAddr, peer.path));
    return new ConnectedPacketConn(network, port, port.peer ?? peer);
  }
  const peer = dialTarget(network, target);
  const local = localEnd(network, peer, localAddr);
  const port = attempt(context, () => engine.openUdp({ ...local, peer }));
  return new ConnectedPacketConn(network, port, port.peer ?? peer);
}

/** A `unixpacket` socket has connections, and is not for these calls. */
function checkNetwork(network: Network): void {
  parseNetwork(network, served);
}

function attempt<T>(context: Parameters<typeof opError>[1], open: () => T): T {
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
