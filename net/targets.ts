/** From an address as a caller writes it to the IP addresses to try. */
import type { Deadline } from "../deadline.ts";
import { familyOf, netAddress, splitHostPort, transportOf } from "./address.ts";
import type { NetAddress, Network } from "./conn.ts";
import type { DialerOptions } from "./dialer_options.ts";
import { AddressError, DnsError } from "./errors.ts";
import { isIp, splitZone } from "./ip.ts";
import { defaultResolver } from "./resolver.ts";
import { parsePort } from "./services.ts";
import { fire } from "./trace.ts";

/** What there is to dial. */
export interface Targets {
  /** The host as it was written; empty for this machine. */
  readonly host: string;
  /** Whether the host is a name, not an IP address. */
  readonly named: boolean;
  /** The port to dial. */
  readonly port: number;
  /** The IP addresses to try, in order, of the network's family only; at least one. */
  readonly addresses: readonly string[];
}

const none = "no suitable address";

const numeric = /^[0-9]*$/;

/** The host and port of `"host:port"`, where the port may be a service's name. */
export async function hostAndPort(
  network: Network,
  address: string,
  wait?: { signal?: AbortSignal },
): Promise<{ host: string; port: number }> {
  if (typeof address !== "string") {
    throw new TypeError(`address must be a string, got ${String(address)}`);
  }
  const { host, port } = splitHostPort(address);
  try {
    // Names beyond the well-known ones are in the system's list.
    const number = numeric.test(port)
      ? parsePort(network, port)
      : await defaultResolver.lookupPort(network, port, wait);
    return { host, port: number };
  } catch (error) {
    throw error instanceof AddressError ? new AddressError(address, error.reason) : error;
  }
}

/** The port that `service` stands for; an error names the address that it is a part of. */
export function portIn(address: string, network: Network, service: string): number {
  try {
    return parsePort(network, service);
  } catch (error) {
    throw error instanceof AddressError ? new AddressError(address, error.reason) : error;
  }
}

/**
 * The loopback address for a host that is empty or "all addresses": dialing those means this
 * machine, as in Go.
 */
function localTarget(network: Network, host: string): string | undefined {
  if (host === "") return familyOf(network) === 6 ? "::1" : "127.0.0.1";
  if (host === "0.0.0.0") return "127.0.0.1";
  return /^[0:]+$/.test(host) && isIp(host) === 6 ? "::1" : undefined;
}

/** The IP address that a host is without a lookup, if it is one. */
function literalOf(network: Network, host: string): string | undefined {
  return localTarget(network, host) ?? (isIp(splitZone(host).host) !== 0 ? host : undefined);
}

function refuseZero(address: string, port: number): void {
  if (port === 0) throw new AddressError(address, "port 0 cannot be dialed");
}

/**
 * What to dial at an address in which nothing has to be looked up: at once, as most dials are of
 * this kind and short.
 *
 * @param network A TCP or UDP network.
 * @param address `"host:port"`.
 * @returns The target, or `undefined` for `findTargets` to find.
 * @throws {AddressError} Malformed, or of another family.
 */
export function literalTargets(network: Network, address: string): Targets | undefined {
  const { host, port: digits } = splitHostPort(address);
  const literal = literalOf(network, host);
  if (literal === undefined || !numeric.test(digits)) return undefined;
  const port = portIn(address, network, digits);
  refuseZero(address, port);
  return { host, named: false, port, addresses: suitable(network, address, [literal]) };
}

/**
 * Finds the addresses to dial.
 *
 * @param options Who looks names up, who watches, and the local end whose family decides.
 * @param network A TCP or UDP network.
 * @param address `"host:port"`.
 * @param deadline The limit of the dial.
 * @throws {AddressError} Malformed, or no address of the right family.
 * @throws {DnsError} The lookup failed.
 */
export async function findTargets(
  options: Pick<DialerOptions, "resolver" | "trace">,
  network: Network,
  address: string,
  deadline: Deadline,
): Promise<Targets> {
  const wait = deadline.unlimited ? undefined : { signal: deadline.signal };
  const { host, port } = await hostAndPort(network, address, wait);
  refuseZero(address, port);
  const literal = literalOf(network, host);
  const found = literal === undefined ? await lookUp(options, host, deadline, wait) : [literal];
  const addresses = suitable(network, address, found);
  return { host, named: literal === undefined, port, addresses };
}

/** Leaves the addresses of the network's family. */
function suitable(network: Network, address: string, found: string[]): string[] {
  const family = familyOf(network);
  const addresses = family === undefined
    ? found
    : found.filter((ip) => isIp(splitZone(ip).host) === family);
  if (addresses.length === 0) throw new AddressError(address, none);
  return addresses;
}

/** Looks a host up for a dial, with hooks around it. */
export async function lookUp(
  { resolver = defaultResolver, trace }: Pick<DialerOptions, "resolver" | "trace">,
  host: string,
  deadline: Deadline,
  wait: { signal?: AbortSignal } | undefined,
): Promise<string[]> {
  fire(trace, "dnsStart", { host });
  try {
    // A caller's resolver may not know about signals.
    const addrs = await deadline.race(() => resolver.lookupHost(host, wait));
    const odd = addrs.find((addr) => isIp(splitZone(addr).host) === 0);
    if (odd !== undefined) throw new AddressError(odd, "the resolver gave no IP address");
    if (addrs.length === 0) {
      throw new DnsError({ host, reason: "no such host", code: "ENOTFOUND", notFound: true });
    }
    fire(trace, "dnsDone", { host, addrs, error: undefined });
    return addrs;
  } catch (error) {
    fire(trace, "dnsDone", { host, addrs: [], error });
    throw error;
  }
}

/**
 * The local end to bind, checked against the network.
 *
 * @throws {AddressError} Malformed, or of another network or family.
 */
export function localEnd(network: Network, local: string | { toString(): string }): NetAddress {
  const transport = transportOf(network);
  if (transport !== "tcp" && transport !== "udp") throw new TypeError(`no IP network: ${network}`);
  const text = String(local);
  if (typeof local !== "string" && (local as { transport?: unknown }).transport !== transport) {
    throw new AddressError(text, `mismatched local address type for ${network}`);
  }
  const { host, port } = splitHostPort(text);
  const family = familyOf(network);
  const ip = isIp(host);
  if (host !== "" && (ip === 0 || (family !== undefined && ip !== family))) {
    throw new AddressError(text, `mismatched local address type for ${network}`);
  }
  return netAddress(network, host, portIn(text, network, port));
}
