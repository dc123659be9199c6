/** Go's package-level lookups: each is the method of the default resolver. */
import type { WaitOptions } from "../deadline.ts";
import type { Network } from "./conn.ts";
import type { Ip } from "./ip.ts";
import { defaultResolver, type IpNetwork, type Mx, type Srv } from "./resolver.ts";

/**
 * Looks up the addresses of a host with the default resolver. As Go's `LookupHost`.
 *
 * ```ts
 * import { lookupHost } from "@plumb/plumb/net";
 *
 * console.log(await lookupHost("::1")); // [ "::1" ]
 * ```
 *
 * @param host A name, or an IP address, which is its own only address.
 * @param wait Limits.
 * @returns At least one address, as text; the best first.
 * @throws {DnsError} The lookup failed, or the time was up (`timeout` is then `true`).
 */
export function lookupHost(host: string, wait?: WaitOptions): Promise<string[]> {
  return defaultResolver.lookupHost(host, wait);
}

/**
 * Looks up the addresses of a host, of one family or both, as values. As Go's `LookupIP`.
 *
 * ```ts
 * import { lookupIp } from "@plumb/plumb/net";
 *
 * const [ip] = await lookupIp("ip4", "localhost");
 * console.log(ip.isLoopback); // true
 * ```
 *
 * @param network `"ip"`, `"ip4"` or `"ip6"`.
 * @param host A name or an IP address.
 * @param wait Limits.
 * @returns At least one address; the best first.
 * @throws {DnsError} The lookup failed, or the time was up (`timeout` is then `true`).
 * @throws {AddressError} `host` is an IP address of the other family.
 */
export function lookupIp(network: IpNetwork, host: string, wait?: WaitOptions): Promise<Ip[]> {
  return defaultResolver.lookupIp(network, host, wait);
}

/**
 * Looks up the port of a service: in the services file where it may be read, else among the
 * well-known names. As Go's `LookupPort`.
 *
 * ```ts
 * import { lookupPort } from "@plumb/plumb/net";
 *
 * console.log(await lookupPort("tcp", "https")); // 443
 * ```
 *
 * @param network A TCP or UDP network.
 * @param service A number, a name in any case, or `""` for port 0.
 * @param wait Limits.
 * @returns The port, 0 to 65535.
 * @throws {DnsError} The lookup failed, or the time was up (`timeout` is then `true`).
 * @throws {AddressError} A number out of range.
 */
export function lookupPort(network: Network, service: string, wait?: WaitOptions): Promise<number> {
  return defaultResolver.lookupPort(network, service, wait);
}

/**
 * Looks up the name at the end of a host's aliases. As Go's `LookupCNAME`.
 *
 * ```ts
 * import { lookupCname } from "@plumb/plumb/net";
 *
 * console.log(await lookupCname("localhost")); // localhost.
 * ```
 *
 * @param host A name.
 * @param wait Limits.
 * @returns The canonical name, with the final dot: `host` itself when it is no alias.
 * @throws {DnsError} The lookup failed, or the time was up (`timeout` is then `true`).
 */
export function lookupCname(host: string, wait?: WaitOptions): Promise<string> {
  return defaultResolver.lookupCname(host, wait);
}

/**
 * Looks up the mail servers of a domain. As Go's `LookupMX`.
 *
 * ```ts
 * import { lookupMx } from "@plumb/plumb/net";
 *
 * const servers = await lookupMx("mail.invalid", { timeout: 2_000 }).catch(() => []);
 * console.log(servers); // []
 * ```
 *
 * @param name The domain.
 * @param wait Limits.
 * @returns The servers, sorted by preference.
 * @throws {DnsError} The lookup failed, or the time was up (`timeout` is then `true`).
 */
export function lookupMx(name: string, wait?: WaitOptions): Promise<Mx[]> {
  return defaultResolver.lookupMx(name, wait);
}

/**
 * Looks up the texts of a domain. As Go's `LookupTXT`.
 *
 * ```ts
 * import { lookupTxt } from "@plumb/plumb/net";
 *
 * const texts = await lookupTxt("text.invalid", { timeout: 2_000 }).catch(() => []);
 * console.log(texts); // []
 * ```
 *
 * @param name The domain.
 * @param wait Limits.
 * @returns One string for each record.
 * @throws {DnsError} The lookup failed, or the time was up (`timeout` is then `true`).
 */
export function lookupTxt(name: string, wait?: WaitOptions): Promise<string[]> {
  return defaultResolver.lookupTxt(name, wait);
}

/**
 * Looks up the servers of a service, at `_service._proto.name`, or at `name` when both are
 * empty. As Go's `LookupSRV`.
 *
 * ```ts
 * import { lookupSrv } from "@plumb/plumb/net";
 *
 * try {
 *   await lookupSrv("sip", "udp", "phone.invalid", { timeout: 2_000 });
 * } catch (error) {
 *   console.log((error as Error).name); // DnsError
 * }
 * ```
 *
 * @param service The service, such as `"xmpp-server"`.
 * @param proto `"tcp"` or `"udp"`.
 * @param name The domain.
 * @param wait Limits.
 * @returns The name asked for, and the servers in the order to try (RFC 2782).
 * @throws {DnsError} The lookup failed, or the time was up (`timeout` is then `true`).
 */
export function lookupSrv(
  service: string,
  proto: string,
  name: string,
  wait?: WaitOptions,
): Promise<{ cname: string; records: Srv[] }> {
  return defaultResolver.lookupSrv(service, proto, name, wait);
}

/**
 * Looks up the names of an address: in the hosts file, or else in the DNS. As Go's `LookupAddr`.
 *
 * ```ts
 * import { lookupAddr } from "@plumb/plumb/net";
 *
 * const names = await lookupAddr("127.0.0.1", { timeout: 2_000 }).catch(() => []);
 * console.log(names); // [ "localhost." ] on most systems
 * ```
 *
 * @param addr An IP address.
 * @param wait Limits.
 * @returns The names, with the final dot.
 * @throws {DnsError} The lookup failed, or the time was up (`timeout` is then `true`).
 */
export function lookupAddr(addr: string, wait?: WaitOptions): Promise<string[]> {
  return defaultResolver.lookupAddr(addr, wait);
}
