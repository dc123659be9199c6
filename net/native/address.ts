/** Between the addresses of `net` and those of the system calls. */
import type { Inet4Address, Inet6Address, SocketAddress } from "../../sys/mod.ts";
import { netAddress, unixAddress } from "../address.ts";
import type { NetAddress, Network, UnixAddress } from "../conn.ts";
import { AddressError } from "../errors.ts";
import { isIp, splitZone, tryParseIp } from "../ip.ts";

/**
 * The socket address of an IP address and port.
 *
 * @param hostname An IPv4 or IPv6 address, the latter perhaps with a zone: the number of an
 * interface, or its name where `--allow-sys=networkInterfaces` lets it be found. An IPv4-mapped
 * address is the IPv4 one.
 * @param port 0 to 65535.
 * @throws {AddressError} Not an IP address, or an unknown zone.
 */
export function ipSocketAddress(hostname: string, port: number): Inet4Address | Inet6Address {
  const { host, zone } = splitZone(hostname);
  const ip = tryParseIp(host);
  if (ip === undefined) throw new AddressError(hostname, "invalid IP address");
  if (ip.family === 4) {
    if (zone !== "") throw new AddressError(hostname, "an IPv4 address has no zone");
    return { family: "inet", hostname: ip.toString(), port };
  }
  const scopeId = zone === "" ? 0 : scopeOf(zone, hostname);
  return { family: "inet6", hostname: ip.toString(), port, scopeId };
}

/** The address that stands for all, or any, of a family. */
export const unspecified = (family: 4 | 6): string => family === 4 ? "0.0.0.0" : "::";

/** RFC 4007 section 11.2: every implementation knows the numbers; names are a convenience. */
function scopeOf(zone: string, hostname: string): number {
  if (/^[0-9]+$/.test(zone)) {
    if (Number(zone) <= 0xffffffff) return Number(zone);
    throw new AddressError(hostname, "zone out of range");
  }
  const interfaces = Deno.permissions.querySync({ name: "sys", kind: "networkInterfaces" });
  if (interfaces.state !== "granted") {
    throw new AddressError(
      hostname,
      `zone ${JSON.stringify(zone)} is a name: use the interface's number, or run again with ` +
        "--allow-sys=networkInterfaces",
    );
  }
  const found = Deno.networkInterfaces().find(({ name, scopeid }) => name === zone && scopeid);
  if (found?.scopeid) return found.scopeid;
  throw new AddressError(
    hostname,
    `no interface ${JSON.stringify(zone)} with a link-local address`,
  );
}

/**
 * The `net` address of an IP socket address: an IPv4-mapped one as IPv4, a scope as a numeric
 * zone.
 *
 * @param network A TCP or UDP network.
 * @param address What the system says.
 * @throws {TypeError} A Unix address.
 */
export function ipAddressOf(network: Network, address: SocketAddress): NetAddress {
  if (address.family === "unix") throw new TypeError("a Unix socket has no IP address");
  const { hostname, port } = address;
  const scope = address.family === "inet6" ? address.scopeId ?? 0 : 0;
  return netAddress(network, scope === 0 ? hostname : `${hostname}%${scope}`, port);
}

/**
 * The `net` address of a Unix socket address; its path is empty where there is no name.
 *
 * @param network A Unix network.
 * @param address What the system says.
 * @throws {TypeError} An IP address.
 */
export function unixAddressOf(network: Network, address: SocketAddress): UnixAddress {
  if (address.family !== "unix") throw new TypeError("an IP socket has no path");
  return unixAddress(network, address.path);
}

/**
 * The address to bind of a socket of one family; an empty host is any address.
 *
 * @param local The local end, as the caller wants it.
 * @param family The socket's.
 * @throws {AddressError} It is of the other family.
 */
export function localSocketAddress(local: NetAddress, family: 4 | 6): SocketAddress {
  const { hostname, port } = local;
  if (hostname === "") return ipSocketAddress(unspecified(family), port);
  if (isIp(splitZone(hostname).host) !== family) {
    throw new AddressError(
      local.toString(),
      `mismatched local address family, IPv${family} needed`,
    );
  }
  return ipSocketAddress(hostname, port);
}
