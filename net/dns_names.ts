/** The rules of domain names and of the order among records. Pure. */
import type { Ip } from "./ip.ts";

/**
 * Whether a text can be a domain name: letters, digits, hyphens and underscores in labels of 1
 * to 63, at most 253 in all (RFC 1035 section 2.3.4). As Go's `isDomainName`.
 *
 * A name whose last label is a number is none: the C library would read `127.1` and `0x7f.1` as
 * IPv4 addresses, which filters by address do not expect.
 */
export function isDomainName(name: string): boolean {
  if (name === ".") return true;
  const labels = name.replace(/\.$/, "").split(".");
  return name.length - (name.endsWith(".") ? 1 : 0) <= 253 &&
    labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label)) &&
    !/^(?:[0-9]+|0x[0-9a-f]*)$/i.test(labels[labels.length - 1]);
}

/** The name with the dot that says that it is complete; Go's and Deno's form for answers. */
export function absoluteName(name: string): string {
  return name.endsWith(".") ? name : `${name}.`;
}

/** Whether a name stands for this host whatever any server says (RFC 6761 section 6.3). */
export function isLocalhost(name: string): boolean {
  return /(?:^|\.)localhost\.?$/i.test(name);
}

/** Whether a name is for the DNS alone to answer: not a bare one, nor one of mDNS (RFC 6762). */
export function isUnicastDnsName(name: string): boolean {
  const bare = name.replace(/\.$/, "").toLowerCase();
  return bare.includes(".") && !bare.endsWith(".local");
}

/** The name that holds an address's PTR record (RFC 1035 section 3.5, RFC 3596 section 2.5). */
export function reverseName(ip: Ip): string {
  if (ip.family === 4) return `${[...ip.bytes].reverse().join(".")}.in-addr.arpa.`;
  const nibbles = Array.from(ip.bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  return `${[...nibbles].reverse().join(".")}.ip6.arpa.`;
}

/** Sorts mail servers by preference, equal ones in random order (RFC 5321 section 5.1). */
export function orderMx<T extends { pref: number }>(records: T[], random: () => number): T[] {
  const keyed = records.map((record) => ({ record, key: random() }));
  keyed.sort((a, b) => a.record.pref - b.record.pref || a.key - b.key);
  return keyed.map(({ record }) => record);
}

/**
 * Sorts services by priority, and those of one priority by a draw in which a record's chance to
 * be next is its weight's share of what is left (RFC 2782).
 */
export function orderSrv<T extends { priority: number; weight: number }>(
  records: T[],
  random: () => number,
): T[] {
  // Records of weight 0 come first in the draw, so that they are rarely, but sometimes, chosen.
  const left = records.toSorted((a, b) => a.priority - b.priority || a.weight - b.weight);
  const ordered: T[] = [];
  while (left.length > 0) {
    const tier = left.filter(({ priority }) => priority === left[0].priority);
    const total = tier.reduce((sum, { weight }) => sum + weight, 0);
    let draw = Math.floor(random() * (total + 1));
    const chosen = tier.findIndex(({ weight }) => (draw -= weight) <= 0);
    ordered.push(...left.splice(chosen, 1));
  }
  return ordered;
}
