/** Dialing TCP: lookup, race and options, up to the runtime's own connection. */
import type { Deadline } from "../deadline.ts";
import { familyOf, joinHostPort, splitHostPort } from "./address.ts";
import type { Network, RawNetwork } from "./conn.ts";
import { type DialerOptions, keepAliveWanted } from "./dialer_options.ts";
import { AddressError, DnsError, OpError, UnsupportedError } from "./errors.ts";
import { AttemptsError, dialParallel, dialSerial, partition } from "./eyeballs.ts";
import { isIp, splitZone } from "./ip.ts";
import { requireNet } from "./native/permission.ts";
import { connectNativeTcp, type NativeTcpConn } from "./native/tcp.ts";
import { opError } from "./runtime/errors.ts";
import { connectTcp, mayConnect, prepareTcp } from "./runtime/tcp.ts";
import { findTargets, hostAndPort, literalTargets, localEnd, type Targets } from "./targets.ts";
import { fire, type Trace } from "./trace.ts";

/** How an engine makes a TCP connection. */
export interface TcpEngine<Raw, C> {
  /** Opens a connection to one address, or gives up when the deadline ends. */
  open(network: Network, host: string, port: number, deadline: Deadline): Promise<Raw>;
  /** Closes one that nobody wants. */
  close(raw: Raw): void;
  /** Makes the winner what the caller wants; closes it if that fails. */
  finish(raw: Raw): C;
  /** The family of the local end, where that is given; others are not tried. */
  readonly family?: 4 | 6;
  /** The family of a connection made by name, where the engine looks names up itself. */
  familyByName?(raw: Raw): 0 | 4 | 6;
}

/**
 * The runtime's engine.
 *
 * @param options How to dial.
 * @param wrap What to make of the runtime's connection, prepared.
 */
export function runtimeTcp<C>(
  options: DialerOptions,
  wrap: (conn: Deno.TcpConn) => C,
): TcpEngine<Deno.TcpConn, C> {
  const prepare = { noDelay: options.noDelay ?? true, keepAlive: keepAliveWanted(options) };
  return {
    open(network, host, port, deadline) {
      if (!host.includes("%")) return connectTcp(host, port, deadline);
      throw new UnsupportedError(
        `dial ${network} ${JSON.stringify(joinHostPort(host, port))}`,
        "the runtime's sockets take no IPv6 zone",
      );
    },
    close: (conn) => conn.close(),
    finish: (conn) => wrap(prepareTcp(conn, prepare)),
    familyByName: (conn) => isIp(conn.remoteAddr.hostname),
  };
}

/**
 * The native engine.
 *
 * @param options How to dial.
 * @param network The network, whose family the local end has to have.
 */
export function nativeTcp(
  options: DialerOptions,
  network: Network,
): TcpEngine<NativeTcpConn, NativeTcpConn> {
  const { control, noDelay, keepAlive } = options;
  const local = options.localAddr === undefined ? undefined : localEnd(network, options.localAddr);
  const family = isIp(splitZone(local?.hostname ?? "").host);
  return {
    family: family === 0 ? undefined : family,
    async open(_network, hostname, port, deadline) {
      requireNet(hostname, port);
      const network = isIp(splitZone(hostname).host) === 4 ? "tcp4" : "tcp6";
      const localAddr = local;
      const how = { network, hostname, port, localAddr, control, noDelay, keepAlive } as const;
      return await connectNativeTcp({ ...how, deadline });
    },
    close: (conn) => conn.close(),
    finish: (conn) => conn,
  };
}

/** Dials TCP on the runtime's engine, up to its own connection. */
export function dialTcp(
  options: DialerOptions,
  network: Network,
  address: string,
  deadline: Deadline,
): Promise<Deno.TcpConn> {
  return dialTcpOn(runtimeTcp(options, (conn) => conn), options, network, address, deadline);
}

/**
 * Dials TCP.
 *
 * @param engine Who makes the connections.
 * @param options How.
 * @param network `"tcp"`, `"tcp4"` or `"tcp6"`.
 * @param address `"host:port"`.
 * @param deadline The limit of the whole dial.
 * @returns What the engine makes of the connection.
 * @throws {OpError} The dial failed, or the time was up.
 * @throws {AddressError} The address cannot be used.
 * @throws The reason of the caller's signal.
 */
export function dialTcpOn<Raw, C>(
  engine: TcpEngine<Raw, C>,
  options: DialerOptions,
  network: Network,
  address: string,
  deadline: Deadline,
): Promise<C> {
  const literal = literalTargets(network, address);
  const [ip] = literal?.addresses ?? [];
  const plain = options.trace === undefined && engine.family === undefined;
  if (literal === undefined || ip === undefined || !plain) {
    return dialTargets(engine, options, network, address, deadline, literal);
  }
  // Most dials go to one address, with nobody watching: no layer more than they need.
  const { port } = literal;
  return engine.open(network, ip, port, deadline).then(engine.finish, (error) => {
    throw opError(error, { op: "dial", network, addr: joinHostPort(ip, port) });
  });
}

async function dialTargets<Raw, C>(
  engine: TcpEngine<Raw, C>,
  options: DialerOptions,
  network: Network,
  address: string,
  deadline: Deadline,
  literal: Targets | undefined,
): Promise<C> {
  const names = engine.familyByName !== undefined;
  const { addresses: found, host, port } = literal ??
    await targetsOrName(names, options, network, address, deadline);
  const addresses = engine.family === undefined
    ? found
    : found.filter((ip) => isIp(splitZone(ip).host) === engine.family);
  if (addresses.length < found.length && addresses.length === 0) {
    throw new AddressError(address, "no suitable address");
  }
  const open = (ip: string, limit: Deadline) =>
    attempt(
      options.trace,
      network,
      joinHostPort(ip, port),
      () => engine.open(network, ip, port, limit),
    );
  // One address needs no race and no share of the time.
  if (addresses.length === 1) return engine.finish(await open(addresses[0], deadline));
  if (addresses.length === 0) {
    const raw = await open(host, deadline);
    const family = familyOf(network);
    if (family === undefined || engine.familyByName?.(raw) === family) return engine.finish(raw);
    engine.close(raw);
    throw new AddressError(address, "no suitable address");
  }
  const { fallbackDelay } = options;
  const [primaries, fallbacks] = network === "tcp" && (fallbackDelay ?? 0) >= 0
    ? partition(addresses, isIp)
    : [addresses, []];
  const close = (raw: Raw) => engine.close(raw);
  return engine.finish(
    fallbacks.length === 0
      ? await dialSerial(primaries, deadline, open)
      : await dialParallel({ primaries, fallbacks, fallbackDelay, deadline, connect: open, close }),
  );
}

/**
 * Tries one address, with hooks around it, and says what failed where.
 *
 * @param trace The hooks, if there are any.
 * @param network The network as it was given; the hooks get the concrete one.
 * @param addr The address to try.
 * @param connect Tries it.
 */
export async function attempt<C>(
  trace: Trace | undefined,
  network: Network | RawNetwork,
  addr: string,
  connect: () => C | PromiseLike<C>,
): Promise<C> {
  const event = trace && { network: concreteNetwork(network, addr), addr };
  if (event) fire(trace, "connectStart", event);
  try {
    const conn = await connect();
    if (event) fire(trace, "connectDone", { ...event, error: undefined });
    return conn;
  } catch (error) {
    const failure = opError(error, { op: "dial", network, addr });
    if (event) fire(trace, "connectDone", { ...event, error: failure });
    throw failure;
  }
}

/** `tcp4` or `tcp6` for `tcp`, as far as the address tells: a name does not. */
function concreteNetwork(network: Network | RawNetwork, addr: string): string {
  if (network !== "tcp" && network !== "udp") return network;
  const family = isIp(splitZone(splitHostPort(addr).host).host);
  return family === 0 ? network : `${network}${family}`;
}

/**
 * The targets; with no addresses where only the name may be dialed. A permission for
 * `example.com:443` does not cover the addresses behind the name, so the runtime then has to look
 * the name up itself (and race its addresses in its own way).
 */
async function targetsOrName(
  names: boolean,
  options: DialerOptions,
  network: Network,
  address: string,
  deadline: Deadline,
): Promise<Targets> {
  const byName = async (error?: unknown): Promise<Targets | undefined> => {
    if (!names || options.resolver !== undefined) return undefined;
    if (error !== undefined && (error as DnsError).code !== "ERR_NOT_CAPABLE") return undefined;
    const { host, port } = await hostAndPort(network, address);
    return mayConnect(host, port) ? { host, port, named: true, addresses: [] } : undefined;
  };
  let targets: Targets;
  try {
    targets = await findTargets(options, network, address, deadline);
  } catch (error) {
    const named = error instanceof DnsError ? await byName(error) : undefined;
    if (named !== undefined) return named;
    throw error;
  }
  const { named, addresses, port } = targets;
  if (!named || addresses.some((ip) => mayConnect(ip, port))) return targets;
  return await byName() ?? targets;
}

/**
 * The error of a dial as its caller sees it.
 *
 * @param error What ended it.
 * @param network The network.
 * @param addr The address as it was given.
 */
export function dialError(error: unknown, network: Network | RawNetwork, addr: string): Error {
  const context = { op: "dial", network, addr };
  if (!(error instanceof AttemptsError)) return opError(error, context);
  const [first, ...others] = error.errors;
  const failure = opError(first, context);
  if (others.length === 0 || !(failure instanceof OpError)) return failure;
  const { op, source, reason, code, timeout, temporary } = failure;
  return new OpError({
    op,
    network: failure.network,
    source,
    addr: failure.addr,
    reason,
    code,
    timeout,
    temporary,
    cause: new AggregateError(error.errors, "every address failed"),
  });
}
