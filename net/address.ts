/** Network names and the addresses on them, in Go's words. Pure: nothing is looked up here. */
import type { NetAddress, Network, UnixAddress } from "./conn.ts";
import { AddressError, UnknownNetworkError } from "./errors.ts";
import { isIp, tryParseIp } from "./ip.ts";

/**
 * The nine networks.
 *
 * ```ts
 * import { networks } from "@plumb/plumb/net";
 *
 * console.log(networks.length); // 9
 * ```
 */
export const networks: readonly Network[] = Object.freeze(
  [
    "tcp",
    "tcp4",
    "tcp6",
    "udp",
    "udp4",
    "udp6",
    "unix",
    "unixgram",
    "unixpacket",
  ] as const,
);

/**
 * Checks a network's name.
 *
 * ```ts
 * import { parseNetwork } from "@plumb/plumb/net";
 *
 * console.log(parseNetwork("tcp4", ["tcp", "tcp4", "tcp6"])); // tcp4
 * ```
 *
 * @param name The name; case matters.
 * @param served The networks the call serves, all nine by default.
 * @returns The name.
 * @throws {UnknownNetworkError} The name is not one of them.
 */
export function parseNetwork(name: string, served: readonly Network[] = networks): Network {
  if (served.includes(name as Network)) return name as Network;
  throw new UnknownNetworkError(name, served);
}

/**
 * The IP family a network insists on.
 *
 * @param network The network.
 * @returns `4`, `6`, or `undefined` when it takes either or none.
 */
export function familyOf(network: Network): 4 | 6 | undefined {
  const last = network[network.length - 1];
  return last === "4" ? 4 : last === "6" ? 6 : undefined;
}

/**
 * A network's name without the IP family.
 *
 * @param network The network.
 * @returns `"tcp"`, `"udp"`, or the network itself.
 */
export function transportOf(
  network: Network,
): "tcp" | "udp" | "unix" | "unixgram" | "unixpacket" {
  switch (network) {
    case "tcp4":
    case "tcp6":
      return "tcp";
    case "udp4":
    case "udp6":
      return "udp";
    default:
      return network;
  }
}

/**
 * Splits `"host:port"`, `"[host]:port"` or `"[host%zone]:port"`. A host with a colon must be in
 * brackets; either part may be empty. As Go's `SplitHostPort`.
 *
 * ```ts
 * import { splitHostPort } from "@plumb/plumb/net";
 *
 * console.log(splitHostPort("[::1]:http")); // { host: "::1", port: "http" }
 * ```
 *
 * @param address The address.
 * @returns The host without brackets, and the port, a number or a service's name, unchecked.
 * @throws {AddressError} Missing port, too many colons, or a stray bracket.
 */
export function splitHostPort(address: string): { host: string; port: string } {
  const refuse = (reason: string): never => {
    throw new AddressError(address, reason);
  };
  const missingPort = "missing port in address";
  const tooManyColons = "too many colons in address";
  const lastColon = address.lastIndexOf(":");
  if (lastColon < 0) refuse(missingPort);

  let host: string;
  let rest = address; // Where a "[" would be a stray one,
  let end = 0; // and from where a "]" would be.
  if (address[0] === "[") {
    const close = address.indexOf("]");
    if (close < 0) refuse("missing ']' in address");
    if (close + 1 !== lastColon) {
      refuse(address[close + 1] === ":" ? tooManyColons : missingPort);
    }
    host = address.slice(1, close);
    rest = address.slice(1);
    end = close + 1;
  } else {
    host = address.slice(0, lastColon);
    if (host.includes(":")) refuse(tooManyColons);
  }
  if (rest.includes("[")) refuse("unexpected '[' in address");
  if (address.includes("]", end)) refuse("unexpected ']' in address");
  return { host, port: address.slice(lastColon + 1) };
}

/**
 * Joins a host and a port to `"host:port"`, with brackets around a host that has a colon. As
 * Go's `JoinHostPort`.
 *
 * ```ts
 * import { joinHostPort } from "@plumb/plumb/net";
 *
 * console.log(joinHostPort("::1", 80)); // [::1]:80
 * ```
 *
 * @param host A name or an IP address, without brackets.
 * @param port A number or a service's name.
 * @returns The address.
 */
export function joinHostPort(host: string, port: string | number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

// One is made for each end of each accepted connection: a fixed shape, nothing computed twice.
class IpAddress implements NetAddress {
  readonly transport: "tcp" | "udp";
  readonly hostname: string;
  readonly port: number;
  readonly network: "tcp" | "udp";

  constructor(network: "tcp" | "udp", hostname: string, port: number) {
    this.transport = network;
    this.hostname = hostname;
    this.port = port;
    this.network = network;
  }

  toString(): string {
    return joinHostPort(this.hostname, this.port);
  }
}

class SocketPath implements UnixAddress {
  readonly transport: "unix" | "unixpacket";
  readonly path: string;
  readonly network: Network | "pipe";

  constructor(network: Network | "pipe", path: string) {
    this.transport = network === "unixgram" ? "unixpacket" : "unix";
    this.path = path;
    this.network = network;
  }

  toString(): string {
    return this.path;
  }
}

/**
 * Makes the address of an IP socket: plain data with a `toString()`.
 *
 * ```ts
 * import { netAddress } from "@plumb/plumb/net";
 *
 * console.log(String(netAddress("tcp6", "::1", 80))); // [::1]:80
 * ```
 *
 * @param network A TCP or UDP network; the family is dropped from its name, as Go does.
 * @param hostname The IP address without brackets; an IPv4-mapped one becomes the IPv4 one.
 * @param port The port.
 * @returns The address.
 * @throws {TypeError} A Unix network.
 */
export function netAddress(network: Network, hostname: string, port: number): NetAddress {
  const transport = transportOf(network);
  if (transport !== "tcp" && transport !== "udp") {
    throw new TypeError(`a net address is of a tcp or udp network, got ${JSON.stringify(network)}`);
  }
  // A dual-stack socket shows its IPv4 peers as mapped addresses.
  const mapped = hostname.startsWith("::ffff:") && isIp(hostname) === 4;
  return new IpAddress(transport, mapped ? String(tryParseIp(hostname)) : hostname, port);
}

/**
 * Makes the address of a Unix socket: plain data with a `toString()`.
 *
 * ```ts
 * import { unixAddress } from "@plumb/plumb/net";
 *
 * console.log(unixAddress("unixgram", "/run/log").transport); // unixpacket
 * ```
 *
 * @param network The network; a `"unixgram"` address has Deno's transport for datagram sockets,
 * `"unixpacket"`, every other one `"unix"`.
 * @param path The path; `"@name"` for an abstract name, whose leading NUL becomes an `@`.
 * @returns The address.
 */
export function unixAddress(network: Network | "pipe", path: string): UnixAddress {
  return new SocketPath(network, path.startsWith("\0") ? `@${path.slice(1)}` : path);
}
