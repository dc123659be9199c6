/**
 * The descriptor behind a connection of the runtime, which does not tell it: found by asking every
 * open descriptor for both of its ends.
 */
import {
  available,
  getpeername,
  getsockname,
  getsockopt,
  SHUT_RDWR,
  shutdown,
  SO_ACCEPTCONN,
  SOL_SOCKET,
  SyscallError,
} from "../../sys/mod.ts";
import type { NetAddress } from "../conn.ts";
import { OpError, UnsupportedError } from "../errors.ts";
import { splitZone } from "../ip.ts";
import { ipAddressOf } from "./address.ts";

/** Where descriptors cannot be listed, so many unused numbers in a row are taken for the end. */
const farEnough = 1024;

/** A zone is not always told by the runtime: two ends without it are unique enough. */
const key = ({ hostname, port }: NetAddress) => `${splitZone(hostname).host} ${port}`;

/**
 * Finds the descriptor of a TCP connection of this process. It costs a system call or two for each
 * open descriptor, and is to be asked again each time: when the connection is closed, the number
 * becomes another's.
 *
 * @param local This end.
 * @param remote The other end.
 * @returns The descriptor; `undefined` when none has these ends: closed here, or reset by the peer.
 * @throws {UnsupportedError} Without `--allow-ffi`.
 */
export function findDescriptor(local: NetAddress, remote: NetAddress): number | undefined {
  const listed = openDescriptors();
  if (listed !== undefined) return listed.find((fd) => connects(fd, local, remote) === true);
  for (let fd = 0, unused = 0; unused < farEnough; fd++) {
    const found = connects(fd, local, remote);
    if (found === true) return fd;
    unused = found === undefined ? unused + 1 : 0;
  }
  return undefined;
}

/**
 * Ends a connection of the runtime beneath it, so that it lets go of the socket whatever it waits
 * for. Does nothing when the connection has ended already. Needs `--allow-ffi`.
 *
 * @param local This end.
 * @param remote The other end.
 */
export function hangUp(local: NetAddress, remote: NetAddress): void {
  const fd = findDescriptor(local, remote);
  if (fd === undefined) return;
  try {
    shutdown(fd, SHUT_RDWR);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error; // not connected any more
  }
}

/** The open descriptors, where the system lists them and lets us look. */
function openDescriptors(): number[] | undefined {
  // The runtime guards these files with every permission there is, and asking must not prompt.
  const every = ["read", "write", "net", "env", "run", "sys", "ffi"] as const;
  const granted = every.every((name) => Deno.permissions.querySync({ name }).state === "granted");
  if (!granted) return undefined;
  try {
    return Array.from(Deno.readDirSync("/proc/self/fd"), ({ name }) => Number(name));
  } catch {
    return undefined;
  }
}

/**
 * Whether a descriptor is a TCP connection with these ends. Needs `--allow-ffi`.
 *
 * @param fd The descriptor.
 * @param local This end.
 * @param remote The other end.
 * @returns `undefined` when it is not open.
 */
export function connects(fd: number, local: NetAddress, remote: NetAddress): boolean | undefined {
  return ask(() => {
    const peer = getpeername(fd);
    if (peer.family === "unix" || peer.port !== remote.port) return false;
    if (key(ipAddressOf("tcp", peer)) !== key(remote)) return false;
    return key(ipAddressOf("tcp", getsockname(fd))) === key(local);
  });
}

/**
 * Whether a descriptor is a TCP socket that listens on an address. Needs `--allow-ffi`.
 *
 * @param fd The descriptor.
 * @param addr The address.
 * @returns `undefined` when it is not open.
 */
export function listensOn(fd: number, addr: NetAddress): boolean | undefined {
  return ask(() => {
    const own = getsockname(fd);
    if (own.family === "unix" || own.port !== addr.port) return false;
    if (key(ipAddressOf("tcp", own)) !== key(addr)) return false;
    // A datagram socket can have the address as well.
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN) === 1;
  });
}

/** Asks a descriptor that may be anything; `undefined` when it is not open. */
function ask(question: () => boolean): boolean | undefined {
  try {
    return question();
  } catch (error) {
    if (error instanceof SyscallError) return error.code === "EBADF" ? undefined : false;
    // A socket of a family that has neither ports nor paths.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/**
 * Sets an option of a runtime connection that the runtime cannot.
 *
 * @param op What is done, for the error.
 * @param conn The connection, which must be open.
 * @param set Sets the option: one of `options.ts`.
 * @throws {UnsupportedError} Without `--allow-ffi`.
 * @throws {OpError} The connection has ended (`ENOTCONN`).
 * @throws {SyscallError} The option was refused.
 */
export function tcpOption(
  op: string,
  conn: { readonly localAddr: NetAddress; readonly remoteAddr: NetAddress },
  set: (fd: number) => void,
): void {
  if (!available()) {
    const missing = "the runtime's sockets need system calls for it, run again with --allow-ffi";
    throw new UnsupportedError(op, missing);
  }
  const { localAddr, remoteAddr } = conn;
  const fd = findDescriptor(localAddr, remoteAddr);
  if (fd !== undefined) return set(fd);
  const [source, addr] = [String(localAddr), String(remoteAddr)];
  throw new OpError({
    op,
    network: "tcp",
    source,
    addr,
    reason: "not connected",
    code: "ENOTCONN",
  });
}
