/**
 * IP addresses and CIDR blocks as values: text in, bytes and canonical text out. Pure.
 *
 * An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) **is** the IPv4 address it maps, as in Go's
 * `net.IP`: it compares, prints and matches as one, so that no filter is passed by by writing an
 * address the other way.
 */
import { AddressError } from "./errors.ts";

const dot = 0x2e;
const colon = 0x3a;
const zero = 0x30;

/** The IPv4 address at `text[from..]` as one number, or -1. RFC 6943 section 3.1.1: strict form. */
function scanIpv4(text: string, from: number): number {
  let value = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === dot) {
      if (digits === 0 || ++dots > 3) return -1;
      value = value * 256 + octet;
      octet = digits = 0;
    } else if (c >= zero && c <= zero + 9) {
      // A leading zero means octal to some parsers: refused, as by Go since 1.17.
      if (digits > 0 && octet === 0) return -1;
      octet = octet * 10 + c - zero;
      if (octet > 255) return -1;
      digits++;
    } else return -1;
  }
  return dots === 3 && digits > 0 ? value * 256 + octet : -1;
}

function hexDigit(c: number): number {
  if (c >= zero && c <= zero + 9) return c - zero;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** The sixteen bytes of an IPv6 address (RFC 4291 section 2.2), or `undefined`. */
function scanIpv6(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(16);
  let filled = 0;
  let gap = -1;
  let i = 0;
  if (text.charCodeAt(0) === colon && text.charCodeAt(1) === colon) {
    gap = 0;
    i = 2;
  }
  while (i < text.length) {
    if (filled === 16) return undefined;
    const start = i;
    let group = 0;
    for (let d; i < text.length && (d = hexDigit(text.charCodeAt(i))) >= 0; i++) {
      group = group * 16 + d;
      if (i - start === 4) return undefined;
    }
    if (i === start) return undefined;
    if (text.charCodeAt(i) === dot) {
      // The last 32 bits may be written as an IPv4 address.
      const v4 = filled <= 12 ? scanIpv4(text, start) : -1;
      if (v4 < 0) return undefined;
      new DataView(bytes.buffer).setUint32(filled, v4);
      filled += 4;
      break;
    }
    bytes[filled++] = group >> 8;
    bytes[filled++] = group;
    if (i === text.length) break;
    if (text.charCodeAt(i++) !== colon || i === text.length) return undefined;
    if (text.charCodeAt(i) === colon) {
      if (gap >= 0) return undefined;
      gap = filled;
      i++;
    }
  }
  if (gap < 0) return filled === 16 ? bytes : undefined;
  // "::" stands for at least one group of zeros.
  if (filled === 16) return undefined;
  bytes.copyWithin(16 - (filled - gap), gap, filled);
  return bytes.fill(0, gap, 16 - (filled - gap));
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.length === 16 && bytes[10] === 0xff && bytes[11] === 0xff &&
    bytes.subarray(0, 10).every((b) => b === 0);
}

function scan(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.includes(":")) return scanIpv6(text);
  const v4 = scanIpv4(text, 0);
  return v4 < 0 ? undefined : Uint8Array.of(v4 >>> 24, v4 >>> 16, v4 >>> 8, v4);
}

/** RFC 5952 section 4: lower case, no leading zeros, the longest run of zeros as "::". */
function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes[2 * i] << 8 | bytes[2 * i + 1]);
  let start = 0;
  let length = 1; // A single zero group is written out.
  for (let i = 0, run = 0; i < 8; i++) {
    run = groups[i] === 0 ? run + 1 : 0;
    if (run > length) [start, length] = [i + 1 - run, run];
  }
  const hex = (from: number, to?: number) =>
    groups.slice(from, to).map((group) => group.toString(16)).join(":");
  return length < 2 ? hex(0) : `${hex(0, start)}::${hex(start + length)}`;
}

/**
 * An IP address. As Go's `net.IP`: an IPv4-mapped IPv6 address is the IPv4 address.
 *
 * ```ts
 * import { Ip, parseIp } from "@plumb/plumb/net";
 *
 * console.log(String(new Ip(Uint8Array.of(127, 0, 0, 1)))); // 127.0.0.1
 * console.log(parseIp("::ffff:127.0.0.1").family); // 4
 * ```
 */
export class Ip {
  /** `4` or `6`. */
  readonly family: 4 | 6;
  /** The address in network order: 4 bytes, or 16. Not to be changed. */
  readonly bytes: Uint8Array<ArrayBuffer>;

  /**
   * Makes an address of its bytes.
   *
   * @param bytes 4 bytes, or 16, in network order; copied.
   * @throws {RangeError} Another number of bytes.
   */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== 4 && bytes.length !== 16) {
      throw new RangeError(`an IP address has 4 or 16 bytes, got ${bytes.length}`);
    }
    this.bytes = isMapped(bytes) ? bytes.slice(12) : bytes.slice();
    this.family = this.bytes.length === 4 ? 4 : 6;
  }

  /** Whether it is the address of no host: `0.0.0.0` or `::`. */
  get isUnspecified(): boolean {
    return this.bytes.every((b) => b === 0);
  }

  /** Whether it never leaves the host: `127.0.0.0/8` or `::1`. */
  get isLoopback(): boolean {
    const { bytes } = this;
    if (this.family === 4) return bytes[0] === 127;
    return bytes[15] === 1 && bytes.subarray(0, 15).every((b) => b === 0);
  }

  /** Whether it is for private use (RFC 1918, RFC 4193). */
  get isPrivate(): boolean {
    const [a, b] = this.bytes;
    if (this.family === 6) return (a & 0xfe) === 0xfc;
    return a === 10 || (a === 172 && (b & 0xf0) === 16) || (a === 192 && b === 168);
  }

  /** Whether it names one link's host: `169.254.0.0/16` or `fe80::/10`. */
  get isLinkLocal(): boolean {
    const [a, b] = this.bytes;
    return this.family === 4 ? a === 169 && b === 254 : a === 0xfe && (b & 0xc0) === 0x80;
  }

  /** Whether it names a group of hosts: `224.0.0.0/4` or `ff00::/8`. */
  get isMulticast(): boolean {
    return this.family === 4 ? (this.bytes[0] & 0xf0) === 0xe0 : this.bytes[0] === 0xff;
  }

  /**
   * Whether both are the same address.
   *
   * @param other An address, or its text; a text that is none equals nothing.
   */
  equals(other: Ip | string): boolean {
    const bytes = typeof other === "string" ? tryParseIp(other)?.bytes : other.bytes;
    return bytes !== undefined && bytes.length === this.bytes.length &&
      bytes.every((b, i) => b === this.bytes[i]);
  }

  /** The canonical text (RFC 5952 section 4), without brackets. */
  toString(): string {
    return this.family === 4 ? this.bytes.join(".") : formatIpv6(this.bytes);
  }
}

/** {@linkcode parseIp} for a text that may well be something else: `undefined` then. */
export function tryParseIp(text: string): Ip | undefined {
  const bytes = scan(text);
  return bytes && new Ip(bytes);
}

/**
 * Parses an IP address: dotted IPv4 without leading zeros, or IPv6 with or without `::` and an
 * embedded IPv4 end. Nothing else: no zone, port, brackets or blanks. As Go's `ParseIP`.
 *
 * ```ts
 * import { parseIp } from "@plumb/plumb/net";
 *
 * console.log(parseIp("2001:DB8:0::1").toString()); // 2001:db8::1
 * ```
 *
 * @param text The address.
 * @returns The address; the IPv4 one for an IPv4-mapped text.
 * @throws {AddressError} `text` is not an IP address.
 */
export function parseIp(text: string): Ip {
  const ip = tryParseIp(text);
  if (ip === undefined) throw new AddressError(text, "invalid IP address");
  return ip;
}

/**
 * Which kind of IP address a text is, if any; what {@linkcode parseIp} would say, without an
 * error.
 *
 * ```ts
 * import { isIp } from "@plumb/plumb/net";
 *
 * console.log(isIp("::1"), isIp("127.0.0.1"), isIp("localhost")); // 6 4 0
 * ```
 *
 * @param text Any text.
 * @returns `4` (also for an IPv4-mapped text), `6`, or `0` when it is no IP address.
 */
export function isIp(text: string): 4 | 6 | 0 {
  if (!text.includes(":")) return scanIpv4(text, 0) < 0 ? 0 : 4;
  const bytes = scanIpv6(text);
  return bytes === undefined ? 0 : isMapped(bytes) ? 4 : 6;
}

/**
 * Takes the zone off a scoped IPv6 address (RFC 4007 section 11). A host with a zone is not an
 * {@linkcode Ip}; what is before the zone is.
 *
 * ```ts
 * import { splitZone } from "@plumb/plumb/net";
 *
 * console.log(splitZone("fe80::1%eth0")); // { host: "fe80::1", zone: "eth0" }
 * ```
 *
 * @param host The host of an address.
 * @returns The host up to its last `%`, and what follows; an empty zone when there is none.
 */
export function splitZone(host: string): { host: string; zone: string } {
  const percent = host.lastIndexOf("%");
  if (percent <= 0) return { host, zone: "" };
  return { host: host.slice(0, percent), zone: host.slice(percent + 1) };
}

/**
 * A block of IP addresses and an address in it, as {@linkcode parseCidr} gives them.
 *
 * ```ts
 * import { type Cidr, parseCidr } from "@plumb/plumb/net";
 *
 * const local: Cidr = parseCidr("127.0.0.0/8");
 * console.log(local.contains("127.1.2.3")); // true
 * ```
 */
export interface Cidr {
  /** The address as it was written, host bits and all. */
  readonly address: Ip;
  /** The block's first address: `address` with the host bits cleared. */
  readonly network: Ip;
  /** How many leading bits make the block. */
  readonly prefixLength: number;
  /**
   * Whether an address lies in the block. One of the other family never does.
   *
   * @param ip An address, or its text; a text that is none lies nowhere.
   */
  contains(ip: Ip | string): boolean;
  /** The block: `"network/prefixLength"`. */
  toString(): string;
}

class CidrBlock implements Cidr {
  readonly address: Ip;
  readonly network: Ip;
  readonly prefixLength: number;

  constructor(bytes: Uint8Array, prefixLength: number) {
    this.address = new Ip(bytes);
    this.network = new Ip(maskBytes(bytes, prefixLength));
    // The mapped form's 96 leading bits are gone from an IPv4 network's bytes.
    this.prefixLength = prefixLength - 8 * (bytes.length - this.network.bytes.length);
  }

  contains(ip: Ip | string): boolean {
    const other = typeof ip === "string" ? tryParseIp(ip) : ip;
    if (other === undefined || other.family !== this.network.family) return false;
    const { bytes } = this.network;
    return maskBytes(other.bytes, this.prefixLength).every((b, i) => b === bytes[i]);
  }

  toString(): string {
    return `${this.network}/${this.prefixLength}`;
  }
}

function maskBytes(bytes: Uint8Array, prefixLength: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes, (b, i) => {
    const bits = Math.min(Math.max(prefixLength - 8 * i, 0), 8);
    return b & (0xff00 >> bits);
  });
}

/**
 * Parses an address with a prefix length, such as `"192.0.2.1/24"` (RFC 4632, RFC 4291). As
 * Go's `ParseCIDR`, which gives the address and the network it is in.
 *
 * A block of IPv4-mapped addresses is the IPv4 block: `"::ffff:10.0.0.0/104"` is `10.0.0.0/8`.
 *
 * ```ts
 * import { parseCidr } from "@plumb/plumb/net";
 *
 * const cidr = parseCidr("192.0.2.1/24");
 * console.log(`${cidr.address} is in ${cidr}`); // 192.0.2.1 is in 192.0.2.0/24
 * ```
 *
 * @param text The address, a slash, and the number of bits.
 * @returns The address, its network, and a test for other addresses.
 * @throws {AddressError} `text` is not such a thing.
 */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf("/");
  const bytes = slash < 0 ? undefined : scan(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (bytes === undefined || !/^[0-9]+$/.test(length) || Number(length) > 8 * bytes.length) {
    throw new AddressError(text, "invalid CIDR address");
  }
  return new CidrBlock(bytes, Number(length));
}
