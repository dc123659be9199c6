/** `listen`: stream listeners with deadlines. */
import { familyOf, netAddress, parseNetwork, splitHostPort, unixAddress } from "./address.ts";
import type { Listener, NetAddress, Network, TcpConn, UnixConn } from "./conn.ts";
import { checkKeepAlive, keepAliveWanted, nativeNeeds } from "./dialer_options.ts";
import type { TcpNetwork } from "./dialer.ts";
import { chooseEngine, type Engine } from "./engine.ts";
import { AddressError } from "./errors.ts";
import { isIp } from "./ip.ts";
import type { Control } from "./native/control.ts";
import type { KeepAlive } from "./native/keep_alive.ts";
import { requireNet } from "./native/permission.ts";
import { listenNativeSeqpacket } from "./native/seqpacket.ts";
import { listenNativeTcp } from "./native/tcp.ts";
import { listenNativeUnix } from "./native/unix.ts";
import { hasDatagram } from "./runtime/datagram.ts";
import { opError } from "./runtime/errors.ts";
import { acceptTcp, listenTcp, prepareTcp, RuntimeTcpConn } from "./runtime/tcp.ts";
import { listenUnix, RuntimeUnixConn } from "./runtime/unix.ts";
import { StreamListener } from "./stream_listener.ts";
import { portIn } from "./targets.ts";

/** How to listen. As Go's `net.ListenConfig`. */
export interface ListenOptions {
  /** How many connections the kernel queues before they are accepted; the runtime's default. */
  backlog?: number;
  /** Whether several processes may listen on one TCP port; needs `--unstable-net` or FFI. */
  reusePort?: boolean;
  /** Whether and when the kernel probes silent TCP peers, as for a dialer. */
  keepAlive?: KeepAlive;
  /** Whether small TCP writes go out at once; `true` by default. */
  noDelay?: boolean;
  /** Sees each socket before it is bound. Needs `--allow-ffi`. */
  control?: Control;
  /** Which engine serves it; chosen by what the call needs by default. */
  engine?: Engine;
}

const served: readonly Network[] = ["tcp", "tcp4", "tcp6", "unix", "unixpacket"];

/** Where a TCP listener binds. */
export interface ListenAddress {
  /** The address to bind; `undefined` for all of them. */
  readonly hostname: string | undefined;
  /** The port; 0 for a free one. */
  readonly port: number;
}

/**
 * Reads the address of a TCP listener.
 *
 * @throws {AddressError} Malformed, or not of the network's family.
 */
export function listenAddress(network: Network, address: string): ListenAddress {
  if (typeof address !== "string") {
    throw new TypeError(`address must be a string, got ${String(address)}`);
  }
  const { host, port: service } = splitHostPort(address);
  const port = portIn(address, network, service);
  const family = familyOf(network);
  if (host === "") {
    const all = { 4: "0.0.0.0", 6: "::" };
    return { hostname: family && all[family], port };
  }
  // A listener has one address: this machine's name means IPv4 unless IPv6 is asked for, as in Go.
  if (host.toLowerCase() === "localhost") {
    return { hostname: family === 6 ? "::1" : "127.0.0.1", port };
  }
  const given = isIp(host);
  if (family !== undefined && given !== family) {
    const reason = given === 0 ? "a tcp4 or tcp6 listener needs an IP address" : undefined;
    throw new AddressError(address, reason ?? "no suitable address");
  }
  return { hostname: host, port };
}

/** Refuses listen options that make no sense. */
export function checkListenOptions(options: ListenOptions): void {
  const { backlog, reusePort, keepAlive, noDelay } = options;
  checkKeepAlive(keepAlive);
  for (const [name, value] of Object.entries({ reusePort, noDelay })) {
    if (value !== undefined && typeof value !== "boolean") {
      throw new TypeError(`${name} must be a boolean, got ${String(value)}`);
    }
  }
  if (backlog !== undefined && (!Number.isInteger(backlog) || backlog < 1)) {
    throw new RangeError(`backlog must be a whole number from 1, got ${String(backlog)}`);
  }
}

/** Which engine serves a listener. */
function engineOf(network: Network, options: ListenOptions): Engine {
  const needs = nativeNeeds(options);
  if (options.reusePort && !hasDatagram()) needs.push("reusePort (or --unstable-net)");
  return chooseEngine({ op: "listen", network, engine: options.engine, needs });
}

function listenOnTcp(
  network: TcpNetwork,
  address: string,
  options: ListenOptions,
): Listener<TcpConn> {
  const { hostname, port } = listenAddress(network, address);
  if (engineOf(network, options) === "native") {
    requireNet(hostname, port);
    return new StreamListener(listenNativeTcp({ ...options, network, hostname, port }));
  }
  const listener = listenTcp(hostname, port, options);
  const prepare = { noDelay: options.noDelay ?? true, keepAlive: keepAliveWanted(options) };
  return new StreamListener({
    addr: boundAddress(listener.addr),
    accept: () => acceptTcp(listener, familyOf(network)),
    wrap: (raw) => new RuntimeTcpConn(prepareTcp(raw, prepare)),
    discard: (raw) => raw.close(),
    close: () => listener.close(),
    ref: () => listener.ref(),
    unref: () => listener.unref(),
  });
}

/** The address a listener got. */
export function boundAddress({ hostname, port }: Deno.NetAddr): NetAddress {
  return netAddress("tcp", hostname, port);
}

function listenOnUnix(address: string, options: ListenOptions): Listener<UnixConn> {
  if (engineOf("unix", options) === "native") {
    return new StreamListener(listenNativeUnix({ ...options, name: address }));
  }
  const { listener, close } = listenUnix(address);
  return new StreamListener({
    addr: unixAddress("unix", address),
    accept: () => listener.accept(),
    wrap: (raw) => new RuntimeUnixConn(raw),
    discard: (raw) => raw.close(),
    close,
    ref: () => listener.ref(),
    unref: () => listener.unref(),
  });
}

/**
 * Listens on a TCP network.
 *
 * @param network `"tcp"`, `"tcp4"` or `"tcp6"`.
 * @param address `"host:port"`; an empty host: every address, an empty port or 0: a free one.
 * @param options How.
 * @returns The listener.
 */
export function listen(
  network: TcpNetwork,
  address: string,
  options?: ListenOptions,
): Listener<TcpConn>;
/**
 * Listens on a Unix stream network.
 *
 * @param network `"unix"` or `"unixpacket"`.
 * @param address A path, or `"@name"` for an abstract one (Linux).
 * @param options How.
 * @returns The listener.
 */
export function listen(
  network: "unix" | "unixpacket",
  address: string,
  options?: ListenOptions,
): Listener<UnixConn>;
/**
 * Listens on a stream network. As Go's `net.Listen`; like `Deno.listen` it returns at once.
 *
 * `listen("tcp", ":0")` takes IPv4 and IPv6 on a free port. A Unix listener removes its path when
 * it is closed, unless another socket has taken the path since; an existing path is never removed
 * for you, but fails with `EADDRINUSE`.
 *
 * ```ts
 * import { dial, listen } from "@plumb/plumb/net";
 *
 * using listener = listen("tcp", "127.0.0.1:0");
 * using client = await dial("tcp", listener.addr.toString());
 * using server = await listener.accept({ timeout: 1_000 });
 * console.log(server.remoteAddr.toString() === client.localAddr.toString()); // true
 * ```
 *
 * Needs `--allow-net` for TCP, `--allow-net --allow-read --allow-write` for Unix sockets, and
 * `--allow-ffi --allow-read --allow-write` for `unixpacket`.
 *
 * @param network `"tcp"`, `"tcp4"`, `"tcp6"`, `"unix"` or `"unixpacket"`.
 * @param address `"host:port"`, or a path (`"@name"`: an abstract one, Linux).
 * @param options How.
 * @returns The listener.
 * @throws {OpError} The address is taken (`EADDRINUSE`), not this machine's, or not permitted.
 * @throws {AddressError} The address is malformed, or not of the network's family.
 * @throws {UnknownNetworkError} Not a stream network.
 * @throws {UnsupportedError} This engine cannot serve the network; the message says what can.
 */
export function listen(network: Network, address: string, options?: ListenOptions): Listener;
export function listen(network: Network, address: string, options: ListenOptions = {}): Listener {
  parseNetwork(network, served);
  checkListenOptions(options);
  try {
    switch (network) {
      case "unix":
        return listenOnUnix(address, options);
      case "unixpacket":
        engineOf(network, options); // there is but one, if it is there
        return new StreamListener(listenNativeSeqpacket({ ...options, name: address }));
      default:
        return listenOnTcp(network as TcpNetwork, address, options);
    }
  } catch (error) {
    const ours = error instanceof TypeError || error instanceof RangeError;
    throw ours ? error : opError(error, { op: "listen", network, addr: address });
  }
}
