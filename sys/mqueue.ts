/**
 * POSIX message queues. Linux.
 *
 * Called by number: where the C library keeps the functions differs (glibc before 2.34 has them
 * in librt), what the kernel takes does not.
 */
import { errnoNumber } from "./errno.ts";
import { SyscallError, UnsupportedError } from "./errors.ts";
import { cString, darwin, errnoAt, errnoOut, failure, libc, notReady, openLibc } from "./libc.ts";
import { O_CLOEXEC, O_NONBLOCK } from "./constants.ts";

const EACCES = errnoNumber("EACCES");
const EINVAL = errnoNumber("EINVAL");

const numbers = Deno.build.arch === "aarch64"
  ? { open: 180, unlink: 181, send: 182, receive: 183, attributes: 185 }
  : { open: 240, unlink: 241, send: 242, receive: 243, attributes: 245 };

const calls = {
  open: {
    name: "syscall",
    parameters: ["i32", "buffer", "i32", "u32", "buffer"],
    result: "i32",
  },
  unlink: { name: "syscall", parameters: ["i32", "buffer"], result: "i32" },
  send: {
    name: "syscall",
    parameters: ["i32", "i32", "buffer", "u32", "u32", "buffer"],
    result: "i32",
  },
  receive: {
    name: "syscall",
    parameters: ["i32", "i32", "buffer", "u32", "buffer", "buffer"],
    result: "i32",
  },
  attributes: { name: "syscall", parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
} as const;

let opened: ReturnType<typeof openLibc<typeof calls>> | undefined;

function mqueue(): NonNullable<typeof opened> {
  if (opened !== undefined) return opened;
  if (darwin) throw new UnsupportedError("a message queue", "macOS has none");
  libc(); // finds errno
  return opened = openLibc(calls);
}

/** Whether there are message queues: on Linux, with the permission to call them. */
export function mqAvailable(): boolean {
  try {
    mqueue();
    return true;
  } catch (error) {
    if (error instanceof UnsupportedError) return false;
    throw error;
  }
}

/** What a queue holds, and how much of it. */
export interface QueueAttributes {
  /** How many messages it takes before senders wait. */
  maxMessages: number;
  /** How long a message may be, in bytes. */
  messageSize: number;
}

// struct mq_attr: eight longs, of which flags, maxmsg, msgsize and curmsgs are used.
const attr = new BigInt64Array(8);
const attrBytes = new Uint8Array(attr.buffer);
const priorityOut = new Uint32Array(new ArrayBuffer(8));
const priorityBytes = new Uint8Array(priorityOut.buffer);

/** The kernel wants the name without its slash. */
function kernelName(syscall: string, name: string): Uint8Array<ArrayBuffer> {
  if (!name.startsWith("/")) throw new SyscallError(syscall, EINVAL);
  return cString("name", name.slice(1));
}

/**
 * Opens a message queue; the descriptor is non-blocking, close-on-exec, and the poller's to wait
 * for. `close` closes it. Needs `--allow-ffi`.
 *
 * @param name A slash and a name.
 * @param flags `O_RDONLY`, `O_WRONLY` or `O_RDWR`, with `O_CREAT` and `O_EXCL`.
 * @param mode The permissions of a queue that is made, less the umask.
 * @param attributes Its limits; the system's defaults if there are none.
 * @returns The descriptor.
 * @throws {SyscallError} `ENOENT`, `EEXIST`, `EACCES`; `EINVAL`: over the system's limits; `EMFILE`:
 * over the user's (RLIMIT_MSGQUEUE) or too many descriptors; `ENOSPC`: too many queues; ...
 * @throws {UnsupportedError} On macOS, or without `--allow-ffi`.
 */
export function mqOpen(
  name: string,
  flags: number,
  mode: number = 0o600,
  attributes?: QueueAttributes,
): number {
  const c = mqueue(), { saveErrno } = libc();
  const path = kernelName("mq_open", name);
  if (attributes !== undefined) {
    attr.fill(0n);
    attr[1] = BigInt(attributes.maxMessages);
    attr[2] = BigInt(attributes.messageSize);
  }
  const how = flags | O_NONBLOCK | O_CLOEXEC;
  const fd = c.open(numbers.open, path, how, mode, attributes === undefined ? null : attrBytes);
  if (fd < 0) throw failure("mq_open", saveErrno(errnoOut, errnoAt, 4));
  return fd;
}

/**
 * Removes the name of a queue. The queue itself goes with its last descriptor.
 *
 * @param name A slash and a name.
 * @throws {SyscallError} `ENOENT`, `EACCES`.
 */
export function mqUnlink(name: string): void {
  const c = mqueue(), { saveErrno } = libc();
  if (c.unlink(numbers.unlink, kernelName("mq_unlink", name)) >= 0) return;
  const error = failure("mq_unlink", saveErrno(errnoOut, errnoAt, 4));
  // Of another user's queue the kernel says EPERM where POSIX, and the C library, say EACCES.
  throw error.code === "EPERM" ? new SyscallError("mq_unlink", EACCES) : error;
}

/**
 * Sends a message.
 *
 * @param fd The queue.
 * @param data The message.
 * @param priority 0 to 32767; the highest is received first.
 * @returns Whether it was sent; `null` when the queue is full.
 * @throws {SyscallError} `EMSGSIZE`: longer than the queue's messages may be; `EBADF`; ...
 */
export function mqSend(fd: number, data: Uint8Array, priority: number): true | null {
  const c = opened!, { saveErrno } = libc();
  const p = data as Uint8Array<ArrayBuffer>;
  if (c.send(numbers.send, fd, p, p.length, priority, null) >= 0) return true;
  return notReady("mq_send", saveErrno(errnoOut, errnoAt, 4));
}

/**
 * Receives the oldest message of the highest priority.
 *
 * @param fd The queue.
 * @param p Where to put it; at least as long as the queue's messages may be.
 * @returns Its length; `null` when the queue is empty.
 * @throws {SyscallError} `EMSGSIZE`: `p` is too short; `EBADF`; ...
 */
export function mqReceive(fd: number, p: Uint8Array): number | null {
  const c = opened!, { saveErrno } = libc();
  const room = p as Uint8Array<ArrayBuffer>;
  const n = c.receive(numbers.receive, fd, room, room.length, priorityBytes, null);
  return n >= 0 ? n : notReady("mq_receive", saveErrno(errnoOut, errnoAt, 4));
}

/** The priority of the message that was received last. */
export const receivedPriority = (): number => priorityOut[0];

/**
 * Asks for the limits of a queue, and for how many messages are in it.
 *
 * @param fd The queue.
 * @throws {SyscallError} `EBADF`.
 */
export function mqAttributes(fd: number): QueueAttributes & { currentMessages: number } {
  const c = mqueue(), { saveErrno } = libc();
  if (c.attributes(numbers.attributes, fd, null, attrBytes) < 0) {
    throw failure("mq_getattr", saveErrno(errnoOut, errnoAt, 4));
  }
  const [, maxMessages, messageSize, currentMessages] = [...attr].map(Number);
  return { maxMessages, messageSize, currentMessages };
}
