/** Socket addresses: `struct sockaddr_in`, `_in6` and `_un`, to and from plain objects. */
import { AF_INET, AF_INET6, AF_UNIX } from "./constants.ts";
import { UnsupportedError } from "./errors.ts";
import { bytes, cString, darwin, libc } from "./libc.ts";

/** An IPv4 address and port. */
export interface Inet4Address {
  /** What tells the addresses apart. */
  readonly family: "inet";
  /** Four numbers with dots. */
  readonly hostname: string;
  /** 0 to 65535; 0 lets the kernel choose when binding. */
  readonly port: number;
}

/** An IPv6 address and port. */
export interface Inet6Address {
  /** What tells the addresses apart. */
  readonly family: "inet6";
  /** The address, without brackets and zone. */
  readonly hostname: string;
  /** 0 to 65535; 0 lets the kernel choose when binding. */
  readonly port: number;
  /** The index of the interface of a link-local address; 0 by default. */
  readonly scopeId?: number;
}

/** The name of a Unix socket. */
export interface UnixSocketAddress {
  /** What tells the addresses apart. */
  readonly family: "unix";
  /**
   * A path; `"@name"` for Linux's abstract names (a file of such a name is `"./@name"`); empty
   * for a socket without a name, and to let Linux choose an abstract one when binding.
   */
  readonly path: string;
}

/** An address of one of the three families. */
export type SocketAddress = Inet4Address | Inet6Address | UnixSocketAddress;

/** Room for the largest address of the three families, `struct sockaddr_un`. */
export const addressSize = 112;
/** The bytes of `sun_path`: the path and a NUL. */
const pathSize = darwin ? 104 : 108;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Decoded addresses come back often, as the target of an answer: they keep their bytes. */
const encodings = new WeakMap<SocketAddress, Uint8Array<ArrayBuffer>>();

/**
 * The bytes of an address, as `bind`, `connect` and `sendto` take them too: worth keeping where
 * the same address is used for every message.
 *
 * ```ts
 * import { encodeAddress } from "@plumb/plumb/sys";
 *
 * const target = encodeAddress({ family: "unix", path: "/tmp/socket" });
 * console.log(target.length); // 14: two for the family, the path and a NUL
 * ```
 *
 * @param address The address.
 * @returns The `struct sockaddr`; its length is the `socklen_t`.
 * @throws {TypeError} Not an address of that family.
 * @throws {RangeError} A port or scope out of range, or a path that is too long.
 * @throws {UnsupportedError} An abstract name on macOS; IPv4 and IPv6 need `--allow-ffi`.
 */
export function encodeAddress(address: SocketAddress): Uint8Array<ArrayBuffer> {
  const known = encodings.get(address);
  if (known !== undefined) return known;
  switch (address.family) {
    case "inet":
      return encodeInet4(address);
    case "inet6":
      return encodeInet6(address);
    case "unix":
      return encodeUnix(address);
  }
  const { family } = address as { family: unknown };
  throw new TypeError(`family must be "inet", "inet6" or "unix", got ${String(family)}`);
}

/** An address given as an object or as bytes. */
export const toBytes = (address: SocketAddress | Uint8Array): Uint8Array<ArrayBuffer> =>
  address instanceof Uint8Array ? address as Uint8Array<ArrayBuffer> : encodeAddress(address);

/** A zeroed sockaddr with its family, which macOS puts behind the length. */
function blank(family: number, length: number): Uint8Array<ArrayBuffer> {
  const sockaddr = bytes(length);
  if (darwin) sockaddr[0] = length;
  sockaddr[darwin ? 1 : 0] = family;
  return sockaddr;
}

function setPort(sockaddr: Uint8Array, port: number): void {
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`port must be a whole number from 0 to 65535, got ${port}`);
  }
  sockaddr[2] = port >> 8;
  sockaddr[3] = port & 255;
}

function setHost(family: number, kind: string, hostname: string, out: Uint8Array): void {
  const text = cString("hostname", hostname);
  if (libc().inet_pton(family, text, out as Uint8Array<ArrayBuffer>) !== 1) {
    throw new TypeError(`hostname must be an ${kind} address, got ${JSON.stringify(hostname)}`);
  }
}

function encodeInet4({ hostname, port }: Inet4Address): Uint8Array<ArrayBuffer> {
  const sockaddr = blank(AF_INET, 16);
  setPort(sockaddr, port);
  setHost(AF_INET, "IPv4", hostname, sockaddr.subarray(4, 8));
  return sockaddr;
}

function encodeInet6({ hostname, port, scopeId = 0 }: Inet6Address): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(scopeId) || scopeId < 0 || scopeId > 0xffffffff) {
    throw new RangeError(`scopeId must be the index of an interface, got ${scopeId}`);
  }
  const sockaddr = blank(AF_INET6, 28);
  setPort(sockaddr, port);
  setHost(AF_INET6, "IPv6", hostname, sockaddr.subarray(8, 24));
  new DataView(sockaddr.buffer).setUint32(24, scopeId, true);
  return sockaddr;
}

function encodeUnix({ path }: UnixSocketAddress): Uint8Array<ArrayBuffer> {
  if (path === "") return blank(AF_UNIX, 2);
  const abstract = path.startsWith("@");
  if (abstract && darwin) throw new UnsupportedError(`the name ${path}`, "only Linux has these");
  // An abstract name begins with the NUL that ends a path; it may contain further ones.
  const name = abstract ? encoder.encode("\0" + path.slice(1)) : cString("path", path);
  if (name.length > pathSize) {
    const rule = `path must be at most ${pathSize - 1} bytes long`;
    throw new RangeError(`${rule}, got ${JSON.stringify(path)}`);
  }
  const sockaddr = blank(AF_UNIX, 2 + name.length);
  sockaddr.set(name, 2);
  return sockaddr;
}

/** The last address that was decoded: a busy socket hears the same peer again and again. */
const lastBytes = new Uint8Array(addressSize);
let lastLength = -1;
let lastAddress: SocketAddress;

/**
 * The address in a `struct sockaddr`.
 *
 * ```ts
 * import { decodeAddress, encodeAddress } from "@plumb/plumb/sys";
 *
 * const address = decodeAddress(encodeAddress({ family: "unix", path: "@name" }));
 * console.log(address); // { family: "unix", path: "@name" }
 * ```
 *
 * @param sockaddr The bytes as the kernel wrote them.
 * @param length How many of them count; all by default.
 * @returns A frozen object; the same one when the same address comes again at once.
 * @throws {TypeError} An address of another family.
 */
export function decodeAddress(
  sockaddr: Uint8Array,
  length: number = sockaddr.length,
): SocketAddress {
  if (length === lastLength && isLast(sockaddr, length)) return lastAddress;
  const address = Object.freeze(decode(sockaddr, length));
  encodings.set(address, new Uint8Array(sockaddr.subarray(0, length)));
  lastBytes.set(sockaddr.subarray(0, length));
  lastLength = length;
  return lastAddress = address;
}

function isLast(sockaddr: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (sockaddr[i] !== lastBytes[i]) return false;
  return true;
}

function decode(sockaddr: Uint8Array, length: number): SocketAddress {
  // The kernel gives a length of 0 for the unnamed end of a Unix socket.
  const family = length < 2 ? AF_UNIX : sockaddr[darwin ? 1 : 0];
  const port = sockaddr[2] << 8 | sockaddr[3];
  if (family === AF_INET && length >= 16) {
    const hostname = `${sockaddr[4]}.${sockaddr[5]}.${sockaddr[6]}.${sockaddr[7]}`;
    return { family: "inet", hostname, port };
  }
  if (family === AF_INET6 && length >= 28) {
    const view = new DataView(sockaddr.buffer, sockaddr.byteOffset);
    const hostname = inet6Text(sockaddr.subarray(8, 24));
    return { family: "inet6", hostname, port, scopeId: view.getUint32(24, true) };
  }
  if (family === AF_UNIX) return { family: "unix", path: decodePath(sockaddr, length) };
  throw new TypeError(`cannot read a socket address of family ${family} and length ${length}`);
}

/** Room for the longest text of an IPv6 address and its NUL. */
const text = bytes(46);

function inet6Text(address: Uint8Array): string {
  libc().inet_ntop(AF_INET6, address as Uint8Array<ArrayBuffer>, text, text.length);
  return decoder.decode(text.subarray(0, text.indexOf(0)));
}

function decodePath(sockaddr: Uint8Array, length: number): string {
  if (length <= 2) return "";
  if (sockaddr[2] === 0) {
    // macOS pads the empty name of an unnamed socket; on Linux a leading NUL is an abstract name.
    return darwin ? "" : "@" + decoder.decode(sockaddr.subarray(3, length));
  }
  const path = sockaddr.subarray(2, length);
  const end = path.indexOf(0);
  return decoder.decode(end < 0 ? path : path.subarray(0, end));
}
