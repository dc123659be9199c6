/** Messages with something beside their bytes: descriptors and credentials. */
import { addressSize, decodeAddress, type SocketAddress, toBytes } from "./address.ts";
import {
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SOL_SOCKET,
} from "./constants.ts";
import { UnsupportedError } from "./errors.ts";
import { closeOnExec } from "./fd.ts";
import { addressOf, bytes, darwin, errnoAt, errnoOut, libc, notReady } from "./libc.ts";
import type { Credentials } from "./options.ts";

/** The most descriptors one message can carry on Linux; there is room for all of them. */
const maxFds = 253;

// One block of memory: struct msghdr, struct iovec, the address, the ancillary data.
const iovAt = 64;
const nameAt = 80;
const controlAt = nameAt + addressSize;
const memory = bytes(controlAt + 1200);
const view = new DataView(memory.buffer);
const name = memory.subarray(nameAt, controlAt);

// struct msghdr begins alike: name 0, its length 8, iovec 16, how many 24, control 32, its
// length 40; then come the flags. macOS has an int where Linux has a size_t.
const flagsAt = darwin ? 44 : 48;
// struct cmsghdr: its length with the data, level, type.
const lengthSize = darwin ? 4 : 8;
const headerSize = lengthSize + 8;
const align = (n: number) => Math.ceil(n / lengthSize) * lengthSize;

/** Fills in the pointers, which never change but for the data's. */
function begin(p: Uint8Array, nameLength: number, controlLength: number): void {
  if (view.getBigUint64(16, true) === 0n) {
    const start = addressOf(memory);
    view.setBigUint64(0, start + BigInt(nameAt), true);
    view.setBigUint64(16, start + BigInt(iovAt), true);
    view.setBigUint64(24, 1n, true);
    view.setBigUint64(32, start + BigInt(controlAt), true);
  }
  view.setUint32(8, nameLength, true);
  view.setUint32(40, controlLength, true);
  view.setUint32(flagsAt, 0, true);
  view.setBigUint64(iovAt, addressOf(p), true);
  view.setUint32(iovAt + 8, p.length, true);
}

/** What goes with a message. */
export interface SendMessageOptions {
  /** Descriptors the receiver gets its own copies of; at most 253. */
  fds?: readonly number[];
  /** Who sends, which only root may make up. Linux. */
  credentials?: Credentials;
  /** Where to; the connected peer by default. */
  address?: SocketAddress | Uint8Array;
  /** `MSG_*`. */
  flags?: number;
}

/**
 * Sends one message, or bytes of a stream, with descriptors (`SCM_RIGHTS`) or credentials
 * (`SCM_CREDENTIALS`) beside them. Those go over Unix sockets only, and on a stream only with
 * at least one byte.
 *
 * ```ts
 * import { close, pipe2, recvmsg, sendmsg, SOCK_SEQPACKET, socketpair } from "@plumb/plumb/sys";
 *
 * const [a, b] = socketpair(SOCK_SEQPACKET);
 * const [reader, writer] = pipe2();
 * sendmsg(a, new Uint8Array([1]), { fds: [reader] });
 * const message = recvmsg(b, new Uint8Array(10));
 * console.log(message?.length, message?.fds.length); // 1 1
 * for (const fd of [a, b, reader, writer, ...message?.fds ?? []]) close(fd);
 * ```
 *
 * @param fd The socket.
 * @param p The bytes.
 * @param options What goes with them.
 * @returns How many bytes were taken (with them went the rest); `null` when it would have to wait.
 * @throws {SyscallError} `EBADF`: a descriptor to send is not open; `EPERM`, `EMSGSIZE`, ...
 * @throws {RangeError} Too many descriptors.
 */
export function sendmsg(
  fd: number,
  p: Uint8Array,
  options: SendMessageOptions = {},
): number | null {
  const { fds = [], credentials, address, flags = 0 } = options;
  if (fds.length > maxFds) {
    throw new RangeError(`fds must be at most ${maxFds} descriptors, got ${fds.length}`);
  }
  const sockaddr = address === undefined ? undefined : toBytes(address);
  if (sockaddr !== undefined) name.set(sockaddr);
  let end = 0;
  if (fds.length > 0) end = addControl(end, SCM_RIGHTS, fds);
  if (credentials !== undefined) {
    if (darwin) throw new UnsupportedError("sending credentials", "only Linux can");
    const { pid, uid, gid } = credentials;
    end = addControl(end, SCM_CREDENTIALS, [pid, uid, gid]);
  }
  begin(p, sockaddr?.length ?? 0, end);
  const c = libc();
  const n = c.sendmsg(fd, memory, flags | MSG_NOSIGNAL);
  return n >= 0 ? n : notReady("sendmsg", c.saveErrno(errnoOut, errnoAt, 4));
}

/** Appends a control message of 32-bit numbers; gives where the next one goes. */
function addControl(at: number, type: number, values: readonly number[]): number {
  const start = controlAt + at;
  const length = headerSize + 4 * values.length;
  const end = at + align(length);
  memory.fill(0, start, controlAt + end);
  view.setUint32(start, length, true);
  view.setInt32(start + lengthSize, SOL_SOCKET, true);
  view.setInt32(start + lengthSize + 4, type, true);
  values.forEach((value, i) => view.setInt32(start + headerSize + 4 * i, value, true));
  return end;
}

/** A message that {@linkcode recvmsg} took. */
export interface ReceivedMessage {
  /** How many bytes of the array it fills; `0` at the end of a connection, too. */
  length: number;
  /** Whether it was longer than that, and cut. */
  truncated: boolean;
  /** Its sender, with an empty path where there is no name (or nothing but the connection). */
  address: SocketAddress;
  /** The descriptors that came with it, close-on-exec: the caller's to close. */
  fds: number[];
  /** Whether descriptors are missing: this process may not open so many. */
  fdsTruncated: boolean;
  /** Who sent it, if the socket asks for that with `SO_PASSCRED`; else `null`. */
  credentials: Credentials | null;
}

/**
 * Receives one message, or bytes of a stream, and what came beside them.
 *
 * @param fd The socket.
 * @param p Where to put it; what does not fit of a message is dropped, which `truncated` says.
 * @param flags `MSG_*`.
 * @returns The message; `null` when it would have to wait.
 * @throws {SyscallError} It failed.
 */
export function recvmsg(
  fd: number,
  p: Uint8Array,
  flags: number = 0,
): ReceivedMessage | null {
  begin(p, addressSize, memory.length - controlAt);
  const c = libc();
  const length = c.recvmsg(fd, memory, flags | MSG_CMSG_CLOEXEC);
  if (length < 0) return notReady("recvmsg", c.saveErrno(errnoOut, errnoAt, 4));
  const { fds, credentials } = readControl(view.getUint32(40, true));
  const result = view.getUint32(flagsAt, true);
  return {
    length: Math.min(length, p.length),
    truncated: (result & MSG_TRUNC) !== 0,
    address: decodeAddress(name, view.getUint32(8, true)),
    fds,
    fdsTruncated: (result & MSG_CTRUNC) !== 0,
    credentials,
  };
}

function readControl(end: number): { fds: number[]; credentials: Credentials | null } {
  const fds: number[] = [];
  let credentials: Credentials | null = null;
  for (let at = 0; at + headerSize <= end;) {
    const start = controlAt + at;
    const length = view.getUint32(start, true);
    if (length < headerSize) break;
    const data = start + headerSize;
    if (view.getInt32(start + lengthSize, true) === SOL_SOCKET) {
      const type = view.getInt32(start + lengthSize + 4, true);
      if (type === SCM_RIGHTS) {
        for (let i = data; i < start + length; i += 4) fds.push(view.getInt32(i, true));
      } else if (type === SCM_CREDENTIALS) {
        credentials = {
          pid: view.getInt32(data, true),
          uid: view.getUint32(data + 4, true),
          gid: view.getUint32(data + 8, true),
        };
      }
    }
    at += align(length);
  }
  if (darwin) { for (const fd of fds) closeOnExec(fd); }
  return { fds, credentials };
}
