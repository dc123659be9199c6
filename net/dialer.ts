/** `dial`: one way in for every network, under one deadline. */
import { Deadline, isTimeout, TimeoutError, type WaitOptions } from "../deadline.ts";
import { joinHostPort, netAddress, parseNetwork, transportOf, unixAddress } from "./address.ts";
import type { Conn, Network, RawNetwork, TcpConn, UnixConn } from "./conn.ts";
import { attempt, dialError, dialTcpOn, nativeTcp, runtimeTcp } from "./dial_tcp.ts";
import { checkDialerOptions, type DialerOptions, nativeNeeds } from "./dialer_options.ts";
import { chooseEngine, type Engine } from "./engine.ts";
import { AddressError, OpError } from "./errors.ts";
import { AttemptsError, dialSerial } from "./eyeballs.ts";
import { isIp, splitZone } from "./ip.ts";
import { requireNet } from "./native/permission.ts";
import { dialRaw, isIpNetwork, parseIpNetwork } from "./native/raw.ts";
import { connectNativeSeqpacket } from "./native/seqpacket.ts";
import { connectNativeUnix } from "./native/unix.ts";
import { dialPacket } from "./packet.ts";
import { RuntimeTcpConn } from "./runtime/tcp.ts";
import { connectUnix, RuntimeUnixConn, socketPath } from "./runtime/unix.ts";
import { findTargets, localEnd, lookUp } from "./targets.ts";
import { fire } from "./trace.ts";

/** The networks of TCP. */
export type TcpNetwork = "tcp" | "tcp4" | "tcp6";

/** The connection that a network has. */
export type ConnOf<N extends Network> = N extends TcpNetwork ? TcpConn
  : N extends "unix" | "unixpacket" ? UnixConn
  : Conn;

/**
 * Dials connections, all in one way. As Go's `net.Dialer`; may be shared.
 *
 * ```ts
 * import { Dialer, listen } from "@plumb/plumb/net";
 *
 * using listener = listen("tcp", "127.0.0.1:0");
 * const dialer = new Dialer({ timeout: 5_000, fallbackDelay: 100 });
 * using conn = await dialer.dial("tcp", listener.addr.toString());
 * console.log(conn.remoteAddr.toString() === listener.addr.toString()); // true
 * ```
 */
export class Dialer {
  readonly #options: DialerOptions;

  /**
   * Connects to nothing yet.
   *
   * @param options How to dial.
   * @throws {TypeError | RangeError} An option of the wrong type, or `NaN`.
   */
  constructor(options: DialerOptions = {}) {
    checkDialerOptions(options);
    this.#options = { ...options };
  }

  /**
   * Connects to an address on a TCP network.
   *
   * @param network `"tcp"`, `"tcp4"` or `"tcp6"`.
   * @param address `"host:port"`; the port may be a service's name.
   * @param wait Limits for this dial alone.
   * @returns The connection.
   */
  dial(network: TcpNetwork, address: string, wait?: WaitOptions): Promise<TcpConn>;
  /**
   * Connects to a Unix stream listener.
   *
   * @param network `"unix"` or `"unixpacket"`.
   * @param address A path, or `"@name"` for an abstract one (Linux).
   * @param wait Limits for this dial alone.
   * @returns The connection.
   */
  dial(network: "unix" | "unixpacket", address: string, wait?: WaitOptions): Promise<UnixConn>;
  /**
   * Connects to an address on a network.
   *
   * The earliest of this dialer's and the call's limits counts, and covers the lookup of names. An
   * attempt that is given up is cancelled, and a connection that comes late is closed. Once `dial`
   * has settled, its signal has no effect on the connection.
   *
   * @param network One of the nine networks, or raw IP with a protocol.
   * @param address `"host:port"`, or a path (`"@name"`: an abstract one) on the Unix networks.
   * @param wait Limits for this dial alone.
   * @returns The connection.
   * @throws {OpError} The dial failed, or its time was up (`timeout` is then `true`).
   * @throws {AddressError} The address is malformed, or has none of the network's family.
   * @throws {UnknownNetworkError} No such network.
   * @throws {UnsupportedError} This engine cannot serve the network; the message says what can.
   */
  dial(network: Network | RawNetwork, address: string, wait?: WaitOptions): Promise<Conn>;
  dial(
    network: Network | RawNetwork,
    address: string,
    wait: WaitOptions = noOptions,
  ): Promise<Conn> {
    return dialWithin(this.#options, network, address, wait);
  }
}

const noOptions: DialerOptions & WaitOptions = Object.freeze({});

/** The deadline of a dial without one; it never holds anything, so all of them share it. */
const unlimited = new Deadline({}, { phase: "dial" });

/** What the runtime's connections become. */
const wrapTcp = (conn: Deno.TcpConn) => new RuntimeTcpConn(conn);

/**
 * The one dial behind all of them. A dial takes some twenty microseconds, in which each further
 * layer of promises shows.
 */
async function dialWithin(
  options: DialerOptions,
  network: Network | RawNetwork,
  address: string,
  wait: WaitOptions,
): Promise<Conn> {
  if (!isIpNetwork(network)) parseNetwork(network);
  if (typeof address !== "string") {
    throw new TypeError(`address must be a string, got ${String(address)}`);
  }
  const { timeout, deadline: until, trace } = options;
  const outer = wait === noOptions ? unlimited : new Deadline(wait, { phase: "dial" });
  // `dial` has one object for both.
  const limited = options !== wait && (timeout !== undefined || until !== undefined);
  const deadline = limited ? outer.child({ timeout, deadline: until }) : outer;
  let conn: Conn;
  try {
    deadline.throwIfExpired();
    conn = await connect(options, network, address, deadline);
  } catch (error) {
    // The caller's own reason comes first, unchanged, whatever it has broken on its way.
    if (wait.signal?.aborted) throw wait.signal.reason;
    if (error instanceof TypeError) throw error;
    throw dialError(deadline.expired ? outOfTime(error) : error, network, address);
  } finally {
    deadline[Symbol.dispose]();
  }
  if (trace !== undefined) {
    fire(trace, "gotConn", { localAddr: conn.localAddr, remoteAddr: conn.remoteAddr });
  }
  return conn;
}

/** A dial whose time was up says so, whatever had failed before. */
function outOfTime(error: unknown): unknown {
  if (!(error instanceof AttemptsError || error instanceof OpError)) return error;
  const errors = error instanceof AttemptsError ? error.errors : [error];
  if (isTimeout(errors[0])) return error;
  return new AttemptsError([new TimeoutError(undefined, { phase: "dial" }), ...errors]);
}

function connect(
  options: DialerOptions,
  network: Network | RawNetwork,
  address: string,
  deadline: Deadline,
): Promise<Conn> {
  const { control, engine } = options;
  if (isIpNetwork(network)) return dialIp(options, network, address, deadline);
  switch (transportOf(network)) {
    case "tcp":
      if (engineOf(options, network, address) === "native") {
        return dialTcpOn(nativeTcp(options, network), options, network, address, deadline);
      }
      return dialTcpOn(runtimeTcp(options, wrapTcp), options, network, address, deadline);
    case "udp":
      return dialUdp(options, network, address, deadline);
    case "unix":
      socketPath(address); // Refused before a hook hears of it.
      if (engineOf(options, network, address) === "native") {
        const how = { name: address, localAddr: localPath(options), control, deadline };
        return attempt(options.trace, network, address, () => connectNativeUnix(how));
      }
      return attempt(options.trace, network, address, () => connectUnix(address, deadline))
        .then((conn) => new RuntimeUnixConn(conn));
    case "unixgram": {
      const local = options.localAddr;
      if (typeof local === "object" && local.transport !== "unixpacket") {
        throw new AddressError(String(local), "mismatched local address type for unixgram");
      }
      const how = { localAddr: local?.toString(), control, engine };
      return attempt(
        options.trace,
        network,
        address,
        () => dialPacket(network, unixAddress(network, address), how),
      );
    }
    case "unixpacket": {
      engineOf(options, network, address); // there is but one, if it is there
      const how = { name: address, localAddr: localPath(options), control, deadline };
      return attempt(options.trace, network, address, () => connectNativeSeqpacket(how));
    }
  }
}

/** Which engine serves a stream dial. */
function engineOf(options: DialerOptions, network: Network, address: string): Engine {
  const needs = nativeNeeds(options);
  if (address.includes("%") && transportOf(network) === "tcp") needs.push("an IPv6 zone");
  if (needs.length === 0 && options.engine === undefined && network !== "unixpacket") {
    return "runtime";
  }
  return chooseEngine({ op: "dial", network, engine: options.engine, needs });
}

/** The local end on a Unix stream network. */
function localPath({ localAddr }: DialerOptions): string | undefined {
  if (typeof localAddr === "object" && localAddr.transport !== "unix") {
    throw new AddressError(String(localAddr), "mismatched local address type for a Unix stream");
  }
  return localAddr?.toString();
}

async function dialIp(
  options: DialerOptions,
  network: RawNetwork,
  host: string,
  deadline: Deadline,
): Promise<Conn> {
  const { family } = parseIpNetwork(network);
  chooseEngine({ op: "dial", network, engine: options.engine, needs: [] });
  const literal = isIp(splitZone(host).host) !== 0;
  const wait = deadline.unlimited ? undefined : { signal: deadline.signal };
  const found = literal ? [host] : await lookUp(options, host, deadline, wait);
  const ip = found.find((ip) => family === undefined || isIp(splitZone(ip).host) === family);
  if (ip === undefined) throw new AddressError(host, "no suitable address");
  const { localAddr, control } = options;
  return await attempt(options.trace, network, ip, () => {
    requireNet(ip);
    return dialRaw(network, ip, { localAddr: localAddr?.toString(), control });
  });
}

async function dialUdp(
  options: DialerOptions,
  network: Network,
  address: string,
  deadline: Deadline,
): Promise<Conn> {
  const given = options.localAddr;
  const local = given === undefined ? undefined : localEnd(network, given);
  const { addresses, port } = await findTargets(options, network, address, deadline);
  const family = isIp(local?.hostname ?? "");
  const targets = addresses.filter((ip) => family === 0 || isIp(splitZone(ip).host) === family);
  if (targets.length === 0) throw new AddressError(address, "no suitable address");
  const { control, engine } = options;
  const how = { localAddr: local?.toString(), control, engine };
  // Nothing is waited for: the first address that can be bound for is the one.
  const open = (ip: string) =>
    attempt(
      options.trace,
      network,
      joinHostPort(ip, port),
      () => dialPacket(network, netAddress(network, ip, port), how),
    );
  return await dialSerial(targets, deadline, open);
}

/**
 * Connects to an address on a TCP network, with a `Dialer` for this one dial.
 *
 * @param network `"tcp"`, `"tcp4"` or `"tcp6"`.
 * @param address `"host:port"`; the port may be a service's name.
 * @param options How to dial, and limits.
 * @returns The connection.
 */
export function dial(
  network: TcpNetwork,
  address: string,
  options?: DialerOptions & WaitOptions,
): Promise<TcpConn>;
/**
 * Connects to a Unix stream listener, with a `Dialer` for this one dial.
 *
 * @param network `"unix"` or `"unixpacket"`.
 * @param address A path, or `"@name"` for an abstract one (Linux).
 * @param options How to dial, and limits.
 * @returns The connection.
 */
export function dial(
  network: "unix" | "unixpacket",
  address: string,
  options?: DialerOptions & WaitOptions,
): Promise<UnixConn>;
/**
 * Connects to an address on a network, with a `Dialer` for this one dial. As Go's `net.Dial`.
 *
 * ```ts
 * import { dial, listen } from "@plumb/plumb/net";
 *
 * using listener = listen("tcp", "127.0.0.1:0");
 * using conn = await dial("tcp", listener.addr.toString(), { timeout: 5_000 });
 * await conn.write(new TextEncoder().encode("hello"));
 * ```
 *
 * Needs `--allow-net` for TCP and UDP, `--allow-net --allow-read --allow-write` for `unix`, and
 * `--allow-ffi` for `unixpacket` and raw IP (`"ip4:icmp"`).
 *
 * @param network One of the nine networks.
 * @param address `"host:port"`, or a path (`"@name"`: an abstract one) on the Unix networks.
 * @param options How to dial, and limits; no limit by default.
 * @returns The connection.
 * @throws {OpError} The dial failed, or its time was up (`timeout` is then `true`).
 * @throws {AddressError} The address is malformed, or has none of the network's family.
 * @throws {UnknownNetworkError} No such network.
 * @throws {UnsupportedError} This engine cannot serve the network; the message says what can.
 */
export function dial(
  network: Network | RawNetwork,
  address: string,
  options?: DialerOptions & WaitOptions,
): Promise<Conn>;
export function dial(
  network: Network | RawNetwork,
  address: string,
  options: DialerOptions & WaitOptions = noOptions,
): Promise<Conn> {
  try {
    if (options !== noOptions) checkDialerOptions(options);
  } catch (error) {
    return Promise.reject(error);
  }
  return dialWithin(options, network, address, options);
}

/**
 * Connects to an address, or gives up. As Go's `net.DialTimeout`.
 *
 * ```ts
 * import { dialTimeout, listen } from "@plumb/plumb/net";
 *
 * using listener = listen("tcp", "127.0.0.1:0");
 * using conn = await dialTimeout("tcp", listener.addr.toString(), 1_000);
 * console.log(conn.remoteAddr.network); // tcp
 * ```
 *
 * Needs what `dial` needs.
 *
 * @param network One of the nine networks.
 * @param address As for `dial`.
 * @param timeout Milliseconds, the lookup of names included; 0: no limit, negative: already over.
 * @returns The connection.
 * @throws As `dial` does.
 */
export function dialTimeout<N extends Network>(
  network: N,
  address: string,
  timeout: number,
): Promise<ConnOf<N>>;
export function dialTimeout(network: Network, address: string, timeout: number): Promise<Conn> {
  return dial(network, address, { timeout });
}
