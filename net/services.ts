/** Ports by number and by name. Pure: the services file is read by whoever has its text. */
import type { Network } from "./conn.ts";
import { parseNetwork, transportOf } from "./address.ts";
import { AddressError, DnsError } from "./errors.ts";

/** The port of each service, under `"tcp/http"` and the like, in lower case. */
export type Services = ReadonlyMap<string, number>;

/** The networks that have ports. */
const served: readonly Network[] = ["tcp", "tcp4", "tcp6", "udp", "udp4", "udp6"];

/** What every system knows, for those that have no services file or may not read it. */
const wellKnown: Services = new Map([
  ["tcp/domain", 53],
  ["tcp/ftp", 21],
  ["tcp/ftps", 990],
  ["tcp/gopher", 70],
  ["tcp/http", 80],
  ["tcp/https", 443],
  ["tcp/imap2", 143],
  ["tcp/imap3", 220],
  ["tcp/imaps", 993],
  ["tcp/pop3", 110],
  ["tcp/pop3s", 995],
  ["tcp/smtp", 25],
  ["tcp/ssh", 22],
  ["tcp/submission", 587],
  ["tcp/submissions", 465],
  ["tcp/telnet", 23],
  ["udp/domain", 53],
]);

/**
 * Parses the text of a services file (`/etc/services`): `name port/transport aliases # comment`.
 * Lines that are not of that form are skipped; the first line of a name counts.
 *
 * @param text The file's text.
 * @returns The ports, under `"transport/name"` in lower case.
 */
export function parseServices(text: string): Services {
  const services = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [name, where, ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const match = /^([0-9]{1,5})\/(\w+)$/.exec(where ?? "");
    if (match === null || Number(match[1]) > 65535) continue;
    for (const each of [name, ...aliases]) {
      const key = `${match[2]}/${each}`.toLowerCase();
      if (!services.has(key)) services.set(key, Number(match[1]));
    }
  }
  return services;
}

/**
 * The port a number or a service's name stands for, without asking anyone. As the part of Go's
 * `LookupPort` that needs no system.
 *
 * @param network A TCP or UDP network.
 * @param service A decimal number, a name in any case, or `""` for port 0.
 * @param services Names to look at before the well-known ones.
 * @returns The port, 0 to 65535.
 * @throws {AddressError} A number out of range ("invalid port").
 * @throws {DnsError} A name that is not known ("unknown port"); `notFound` is `true`.
 * @throws {UnknownNetworkError} The network has no ports.
 */
export function parsePort(network: Network, service: string, services?: Services): number {
  const transport = transportOf(parseNetwork(network, served));
  if (service === "") return 0;
  if (/^[+-]?[0-9]+$/.test(service)) {
    const port = Number(service);
    if (port < 0 || port > 65535) throw new AddressError(service, "invalid port");
    return port + 0; // "-0" is 0.
  }
  const key = `${transport}/${service.toLowerCase()}`;
  const port = services?.get(key) ?? wellKnown.get(key);
  if (port !== undefined) return port;
  const host = `${network}/${service}`;
  throw new DnsError({ host, reason: "unknown port", code: "ENOTFOUND", notFound: true });
}
