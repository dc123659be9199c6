/** The hosts file as a table, from its text. Pure: the file is read in `runtime/`. */
import { tryParseIp } from "./ip.ts";

/** Canonical text of an IP address, which may have a zone (RFC 4007); `undefined` for a name. */
export function literalHost(host: string): string | undefined {
  const percent = host.indexOf("%");
  if (percent < 0) return tryParseIp(host)?.toString();
  const ip = tryParseIp(host.slice(0, percent));
  const zone = host.slice(percent);
  return ip?.family === 6 && zone.length > 1 ? `${ip}${zone}` : undefined;
}

/** Names compare without case and without the dot that makes them absolute (RFC 4343). */
const nameKey = (name: string) => name.toLowerCase().replace(/(?<=.)\.$/, "");

/** What a hosts file says. */
export interface Hosts {
  /**
   * The addresses of a host.
   *
   * @param name A host's name or alias, in any case, with or without a final dot.
   * @returns Its addresses in the file's order; none for a name that is not there.
   */
  lookup(name: string): string[];
  /**
   * The names of an address.
   *
   * @param ip An IP address; of a scoped one, with its zone.
   * @returns Its names as they are written, in the file's order; none for an unlisted address.
   */
  reverse(ip: string): string[];
}

/**
 * Parses the text of a hosts file: `address name aliases... # comment`. Lines without an address
 * or a name are skipped, as Go and the C library do.
 *
 * @param text The file's text.
 * @returns The table.
 */
export function parseHosts(text: string): Hosts {
  const byName = new Map<string, Set<string>>();
  const byAddress = new Map<string, Set<string>>();
  for (const line of text.split("\n")) {
    const [first, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const address = literalHost(first);
    if (address === undefined) continue;
    for (const name of names) {
      append(byName, nameKey(name), address);
      append(byAddress, address, name);
    }
  }
  return {
    lookup: (name) => [...byName.get(nameKey(name)) ?? []],
    reverse: (ip) => [...byAddress.get(literalHost(ip) ?? "") ?? []],
  };
}

function append(table: Map<string, Set<string>>, key: string, value: string): void {
  const values = table.get(key);
  if (values === undefined) table.set(key, new Set([value]));
  else values.add(value);
}
