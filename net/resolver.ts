/**
 * Names to addresses and back, each lookup under a deadline. Why the sources are asked in this
 * order is in `docs/decisions/0002-name-lookups.md`.
 */
import { Deadline, TimeoutError, type WaitOptions } from "../deadline.ts";
import type { Network } from "./conn.ts";
import {
  absoluteName,
  isDomainName,
  isLocalhost,
  isUnicastDnsName,
  orderMx,
  orderSrv,
  reverseName,
} from "./dns_names.ts";
import { AddressError, DnsError } from "./errors.ts";
import { literalHost } from "./hosts.ts";
import { type Ip, isIp, parseIp, splitZone, tryParseIp } from "./ip.ts";
import {
  type DnsAnswers,
  type NameServer,
  type NameSystem,
  noSuchHost,
  runtimeNames,
  timedOut,
} from "./runtime/dns.ts";
import { parsePort } from "./services.ts";

export type { NameServer } from "./runtime/dns.ts";

/** A mail server of a domain, as Go's `net.MX`. */
export interface Mx {
  /** Its name, with the final dot. */
  host: string;
  /** The lower, the sooner it is to be tried. */
  pref: number;
}

/** A server of a service, as Go's `net.SRV` (RFC 2782). */
export interface Srv {
  /** Its name, with the final dot. */
  target: string;
  /** Its port. */
  port: number;
  /** The lower, the sooner it is to be tried. */
  priority: number;
  /** Its share of the load among those of the same priority. */
  weight: number;
}

/** Which addresses to look up: all, or those of one family. */
export type IpNetwork = "ip" | "ip4" | "ip6";

/**
 * Looks up names and numbers; what a `Dialer` takes, so that a caller can bring its own. As Go's
 * `net.Resolver`.
 *
 * Every method rejects with `DnsError` when the lookup failed (`timeout` is `true` when the time
 * of `wait` was up), and with the reason of `wait.signal` when that was aborted.
 */
export interface Resolver {
  /**
   * The addresses of a host. An IP address, with or without a zone, is its own only one.
   *
   * @param host A name or an IP address.
   * @param wait Limits.
   * @returns At least one address, as text; the best first.
   */
  lookupHost(host: string, wait?: WaitOptions): Promise<string[]>;
  /**
   * The addresses of a host as values, of one family or both.
   *
   * @param network `"ip"`, `"ip4"` or `"ip6"`.
   * @param host A name or an IP address.
   * @param wait Limits.
   * @returns At least one address; the best first.
   * @throws {AddressError} `host` is an IP address of the other family.
   */
  lookupIp(network: IpNetwork, host: string, wait?: WaitOptions): Promise<Ip[]>;
  /**
   * The port of a service.
   *
   * @param network A TCP or UDP network.
   * @param service A number, a name in any case, or `""` for port 0.
   * @param wait Limits.
   * @throws {AddressError} A number out of range.
   */
  lookupPort(network: Network, service: string, wait?: WaitOptions): Promise<number>;
  /**
   * The name at the end of a host's aliases.
   *
   * @param host A name.
   * @param wait Limits.
   * @returns The canonical name, with the final dot: `host` itself when it is no alias.
   */
  lookupCname(host: string, wait?: WaitOptions): Promise<string>;
  /**
   * The mail servers of a domain.
   *
   * @param name The domain.
   * @param wait Limits.
   * @returns The servers, sorted by preference.
   */
  lookupMx(name: string, wait?: WaitOptions): Promise<Mx[]>;
  /**
   * The texts of a domain.
   *
   * @param name The domain.
   * @param wait Limits.
   * @returns One string for each record.
   */
  lookupTxt(name: string, wait?: WaitOptions): Promise<string[]>;
  /**
   * The servers of a service, at `_service._proto.name`, or at `name` when both are empty.
   *
   * @param service The service, such as `"xmpp-server"`.
   * @param proto `"tcp"` or `"udp"`.
   * @param name The domain.
   * @param wait Limits.
   * @returns The name asked for, and the servers in the order to try (RFC 2782).
   */
  lookupSrv(
    service: string,
    proto: string,
    name: string,
    wait?: WaitOptions,
  ): Promise<{ cname: string; records: Srv[] }>;
  /**
   * The names of an address, from the hosts file or else from the DNS.
   *
   * @param addr An IP address.
   * @param wait Limits.
   * @returns The names, with the final dot.
   */
  lookupAddr(addr: string, wait?: WaitOptions): Promise<string[]>;
}

/** Where a {@linkcode SystemResolver} looks. */
export interface SystemResolverOptions {
  /** The path of the hosts file; the system's by default. */
  hostsFile?: string;
  /** Ask this server and, besides the hosts file, nothing else. The system's by default. */
  nameServer?: NameServer;
  /** Milliseconds for each lookup, whatever its caller allows. `0`: no limit, the default. */
  timeout?: number;
  /** Draws among equal records: a number from 0 to below 1. `Math.random` by default. */
  random?: () => number;
}

/** How long one family's answer waits for the other's, which some networks just drop. */
const familyGrace = 500;

/** No chain of aliases that is meant to be followed is longer. */
const maxAliases = 10;

const familyOfIp: Record<IpNetwork, 0 | 4 | 6> = { ip: 0, ip4: 4, ip6: 6 };

const ofFamily = (addresses: Iterable<string>, family: 0 | 4 | 6) =>
  [...new Set(addresses)].filter((ip) => family === 0 || isIp(splitZone(ip).host) === family);

/**
 * Looks names up where this system does: the hosts file, the DNS, and whatever else
 * `getaddrinfo` knows.
 *
 * Reads the hosts file when `--allow-read` covers it, and never asks for that permission.
 * Looking up a name needs `--allow-net` for it; any other record needs `--allow-net` for the
 * name server. With `--allow-net` for all and a readable hosts file, a lookup of a qualified
 * name that was given up leaves nothing behind on Linux. Elsewhere the C library is asked, which
 * cannot be called off: the caller gets its answer in time, but the process lives until the C
 * library gives up too.
 *
 * ```ts
 * import { SystemResolver } from "@plumb/plumb/net";
 *
 * const resolver = new SystemResolver({ timeout: 5_000 });
 * console.log(await resolver.lookupHost("127.0.0.1")); // [ "127.0.0.1" ]
 * ```
 */
export class SystemResolver implements Resolver {
  readonly #options: SystemResolverOptions;
  readonly #random: () => number;
  readonly #system: NameSystem;
  readonly #pending = new Map<string, Promise<string[]>>();

  /**
   * Looks nothing up yet.
   *
   * @param options Where to look.
   * @param system The lookups underneath; the runtime's by default.
   * @throws {AddressError} `nameServer.ipAddr` is not an IP address.
   * @throws {TypeError} `timeout` is not a number.
   */
  constructor(options: SystemResolverOptions = {}, system: NameSystem = runtimeNames) {
    new Deadline({ timeout: options.timeout }); // Refuses what is no duration.
    if (options.nameServer !== undefined) parseIp(options.nameServer.ipAddr);
    this.#options = { ...options };
    this.#random = options.random ?? Math.random;
    this.#system = system;
  }

  async lookupHost(host: string, wait?: WaitOptions): Promise<string[]> {
    return await this.#within(host, wait, (deadline) => this.#addresses(host, 0, deadline));
  }

  async lookupIp(network: IpNetwork, host: string, wait?: WaitOptions): Promise<Ip[]> {
    const family = familyOfIp[network];
    if (family === undefined) {
      throw new TypeError(`network must be "ip", "ip4" or "ip6", got ${JSON.stringify(network)}`);
    }
    const find = (deadline: Deadline) => this.#addresses(host, family, deadline);
    const addresses = await this.#within(host, wait, find);
    return addresses.map((address) => parseIp(splitZone(address).host));
  }

  async lookupPort(network: Network, service: string, wait?: WaitOptions): Promise<number> {
    const find = () => {
      const numeric = !/[^0-9]/.test(service);
      return parsePort(network, service, numeric ? undefined : this.#system.services());
    };
    return await this.#within(service, wait, find);
  }

  async lookupCname(host: string, wait?: WaitOptions): Promise<string> {
    return await this.#within(host, wait, async (deadline) => {
      let name = host;
      for (let aliases = 0; aliases <= maxAliases; aliases++) {
        const next = this.#hosts(name).length > 0 || isLocalhost(name)
          ? undefined
          : await this.#aliasOf(name, deadline);
        if (next === undefined) {
          // A name without an alias is canonical only if there is such a host.
          if (aliases === 0) await this.#addresses(host, 0, deadline);
          return absoluteName(name);
        }
        name = next;
      }
      throw noSuchHost(host, new RangeError(`more than ${maxAliases} aliases in a row`));
    });
  }

  async lookupMx(name: string, wait?: WaitOptions): Promise<Mx[]> {
    const answers = await this.#within(name, wait, (deadline) => this.#ask(name, "MX", deadline));
    const records = answers.filter(({ exchange }) => isDomainName(exchange))
      .map(({ exchange, preference }) => ({ host: absoluteName(exchange), pref: preference }));
    return orderMx(records, this.#random);
  }

  async lookupTxt(name: string, wait?: WaitOptions): Promise<string[]> {
    const answers = await this.#within(name, wait, (deadline) => this.#ask(name, "TXT", deadline));
    return answers.map((parts) => parts.join(""));
  }

  async lookupSrv(
    service: string,
    proto: string,
    name: string,
    wait?: WaitOptions,
  ): Promise<{ cname: string; records: Srv[] }> {
    const host = service === "" && proto === "" ? name : `_${service}._${proto}.${name}`;
    const answers = await this.#within(host, wait, (deadline) => this.#ask(host, "SRV", deadline));
    const records = answers.filter(({ target }) => isDomainName(target))
      .map(({ target, port, priority, weight }) => ({
        target: absoluteName(target),
        port,
        priority,
        weight,
      }));
    return { cname: absoluteName(host), records: orderSrv(records, this.#random) };
  }

  async lookupAddr(addr: string, wait?: WaitOptions): Promise<string[]> {
    return await this.#within(addr, wait, async (deadline) => {
      const literal = literalHost(addr);
      if (literal === undefined) {
        throw new DnsError({ host: addr, reason: "unrecognized address", code: "ERR_ADDRESS" });
      }
      const known = this.#system.hosts(this.#options.hostsFile)?.reverse(literal) ?? [];
      if (known.length > 0) return known.map(absoluteName);
      const ip = tryParseIp(literal);
      if (ip === undefined) throw noSuchHost(addr); // The DNS knows no zones.
      const names = await this.#query(reverseName(ip), "PTR", deadline);
      return names.filter(isDomainName).map(absoluteName);
    });
  }

  /** Runs one lookup under its deadline. */
  async #within<T>(
    host: string,
    wait: WaitOptions | undefined,
    find: (deadline: Deadline) => T | Promise<T>,
  ): Promise<T> {
    const { clock } = this.#system;
    const parent = new Deadline(wait, { phase: "dns", clock });
    using deadline = parent.child({ timeout: this.#options.timeout });
    try {
      deadline.throwIfExpired();
      return await find(deadline);
    } catch (error) {
      // The caller's own reason stays as it is, be it a TimeoutError.
      const aborted = wait?.signal?.aborted === true && error === wait.signal.reason;
      throw error instanceof TimeoutError && !aborted ? timedOut(host, error) : error;
    }
  }

  async #addresses(host: string, family: 0 | 4 | 6, deadline: Deadline): Promise<string[]> {
    const literal = literalHost(host);
    if (literal !== undefined) {
      if (ofFamily([literal], family).length > 0) return [literal];
      throw new AddressError(host, "no suitable address");
    }
    if (!isDomainName(host)) throw noSuchHost(host);

    const known = ofFamily(this.#hosts(host), family);
    if (known.length > 0) return known;
    if (isLocalhost(host)) return ofFamily(["127.0.0.1", "::1"], family);
    if (this.#options.nameServer !== undefined) return await this.#askBoth(host, family, deadline);

    if (this.#mayAskDirectly(host)) {
      try {
        return await this.#askBoth(host, family, deadline);
      } catch (error) {
        // The C library has the last word: it has more sources, and knows SERVFAIL from NXDOMAIN.
        if (!(error instanceof DnsError) || error.timeout) throw error;
      }
    }
    const found = await deadline.race(() => this.#getAddrInfo(host, family));
    return ofFamily(found, 0);
  }

  #hosts(host: string): string[] {
    return this.#system.hosts(this.#options.hostsFile)?.lookup(host) ?? [];
  }

  /** Whether the DNS alone says what the C library would, so that nothing need be pinned. */
  #mayAskDirectly(host: string): boolean {
    return isUnicastDnsName(host) && this.#system.mayQuery &&
      this.#system.hosts(this.#options.hostsFile) !== undefined;
  }

  /** Asks for both families side by side; IPv6 comes first (RFC 8305 section 4). */
  async #askBoth(host: string, family: 0 | 4 | 6, deadline: Deadline): Promise<string[]> {
    if (family !== 0) {
      return ofFamily(await this.#ask(host, family === 4 ? "A" : "AAAA", deadline), family);
    }
    const { clock } = this.#system;
    const enough = new AbortController();
    using both = deadline.child({ signal: enough.signal });
    let timer: unknown;
    const ask = async (type: "A" | "AAAA") => {
      const addresses = await this.#ask(host, type, both);
      if (addresses.length > 0) timer ??= clock.setTimeout(() => enough.abort(), familyGrace);
      return addresses;
    };
    const answers = await Promise.allSettled([ask("AAAA"), ask("A")]);
    clock.clearTimeout(timer);
    deadline.throwIfExpired();
    const found = answers.flatMap((answer) => answer.status === "fulfilled" ? answer.value : []);
    if (found.length > 0) return ofFamily(found, 0);
    // "There is no such name" is the least certain of two different failures.
    const failures = answers.flatMap((answer) =>
      answer.status === "rejected" ? [answer.reason] : []
    );
    throw failures.find((error) => !error.notFound) ?? failures[0] ?? noSuchHost(host);
  }

  async #aliasOf(name: string, deadline: Deadline): Promise<string | undefined> {
    try {
      return (await this.#ask(name, "CNAME", deadline)).find(isDomainName);
    } catch (error) {
      if (error instanceof DnsError && error.notFound && isDomainName(name)) return undefined;
      throw error;
    }
  }

  #ask<T extends keyof DnsAnswers>(
    name: string,
    type: T,
    deadline: Deadline,
  ): Promise<DnsAnswers[T][]> {
    return isDomainName(name)
      ? this.#query(name, type, deadline)
      : Promise.reject(noSuchHost(name));
  }

  #query<T extends keyof DnsAnswers>(
    name: string,
    type: T,
    deadline: Deadline,
  ): Promise<DnsAnswers[T][]> {
    const { nameServer } = this.#options;
    const { signal } = deadline;
    return deadline.race(() => this.#system.query(name, type, { signal, nameServer }));
  }

  /** One call for all who ask the same at the same time: each occupies a thread of the pool. */
  #getAddrInfo(host: string, family: 0 | 4 | 6): Promise<string[]> {
    const key = `${family} ${host.toLowerCase()}`;
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      pending = this.#system.getAddrInfo(host, family).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    return pending;
  }
}

/** What the free functions and a `Dialer` without a resolver of its own look names up with. */
export const defaultResolver: Resolver = new SystemResolver();
