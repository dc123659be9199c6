/** Dialing TCP: lookup, race and options, up to the runtime's own connection. */
import type { Deadline } from "../deadline.ts";
import { familyOf, joinHostPort, splitHostPort } from "./address.ts";
import type { Network } from "./conn.ts";
import { type DialerOptions, keepAliveWanted } from "./dialer_options.ts";
import { AddressError, DnsError, OpError, UnsupportedError } from "./errors.ts";
import { AttemptsError, dialParallel, dialSerial, partition } from "./eyeballs.ts";
import { isIp, splitZone } from "./ip.ts";
import { opError } from "./runtime/errors.ts";
import { connectTcp, mayConnect, prepareTcp } from "./runtime/tcp.ts";
import { findTargets, hostAndPort, literalTargets, localEnd, type Targets } from "./targets.ts";
import { fire, type Trace } from "./trace.ts";

/**
 * Dials TCP.
 *
 * @param options How.
 * @param network `"tcp"`, `"tcp4"` or `"tcp6"`.
 * @param address `"host:port"`.
 * @param deadline The limit of the whole dial.
 * @returns The runtime's connection, prepared.
 * @throws {OpError} The dial failed, or the time was up.
 * @throws {AddressError} The address cannot be used.
 * @throws The reason of the caller's signal.
 */
export async function dialTcp(
  options: DialerOptions,
  network: Network,
  address: string,
  deadline: Deadline,
): Promise<Deno.TcpConn> {
  if (options.localAddr !== undefined) refuseLocal(network, options.localAddr);
  const prepare = {
    noDelay: options.noDelay ?? true,
    keepAlive: keepAliveWanted(options),
  };
  const targets = literalTargets(network, address) ??
    await targetsOrName(options, network, address, deadline);
  const { port } = targets;
  // One address needs no race and no share of the time.
  if (targets.addresses.length <= 1) {
    const [host = targets.host] = targets.addresses;
    const conn = await open(options.trace, network, host, port, deadline);
    return prepareTcp(ofFamily(conn, network, address), prepare);
  }
  const connect = (ip: string, limit: Deadline) => open(options.trace, network, ip, port, limit);
  const { fallbackDelay } = options;
  const [primaries, fallbacks] = network === "tcp" && (fallbackDelay ?? 0) >= 0
    ? partition(targets.addresses, isIp)
    : [targets.addresses, []];
  const conn = fallbacks.length === 0
    ? await dialSerial(primaries, deadline, connect)
    : await dialParallel({
      primaries,
      fallbacks,
      fallbackDelay,
      deadline,
      connect,
      close: (late) => late.close(),
    });
  return prepareTcp(conn, prepare);
}

/** Opens one connection. */
async function open(
  trace: Trace | undefined,
  network: Network,
  host: string,
  port: number,
  deadline: Deadline,
): Promise<Deno.TcpConn> {
  if (host.includes("%")) {
    throw new UnsupportedError(
      `dial ${network} ${JSON.stringify(joinHostPort(host, port))}`,
      "the runtime's sockets take no IPv6 zone",
    );
  }
  const connect = () => connectTcp(host, port, deadline);
  if (trace !== undefined) return await attempt(trace, network, joinHostPort(host, port), connect);
  // As `attempt` does it: a layer less for a dial that nobody watches.
  try {
    return await connect();
  } catch (error) {
    throw opError(error, { op: "dial", network, addr: joinHostPort(host, port) });
  }
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
  network: Network,
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
function concreteNetwork(network: Network, addr: string): string {
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
  options: DialerOptions,
  network: Network,
  address: string,
  deadline: Deadline,
): Promise<Targets> {
  const byName = async (error?: unknown): Promise<Targets | undefined> => {
    if (options.resolver !== undefined) return undefined;
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

/** A connection that the runtime made by name may be of the wrong family. */
function ofFamily(conn: Deno.TcpConn, network: Network, address: string): Deno.TcpConn {
  const family = familyOf(network);
  if (family === undefined || isIp(conn.remoteAddr.hostname) === family) return conn;
  conn.close();
  throw new AddressError(address, "no suitable address");
}

function refuseLocal(network: Network, localAddr: NonNullable<DialerOptions["localAddr"]>): never {
  const local = localEnd(network, localAddr);
  throw new UnsupportedError(
    `dial ${network} from ${JSON.stringify(String(local))}`,
    "the runtime's TCP sockets cannot be bound before they connect",
  );
}

/**
 * The error of a dial as its caller sees it.
 *
 * @param error What ended it.
 * @param network The network.
 * @param addr The address as it was given.
 */
export function dialError(error: unknown, network: Network, addr: string): Error {
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
