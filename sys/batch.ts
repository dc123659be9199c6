/** Many messages in one system call. Linux. */
import { addressSize, decodeAddress, type SocketAddress, toBytes } from "./address.ts";
import { MSG_NOSIGNAL, MSG_TRUNC } from "./constants.ts";
import { UnsupportedError } from "./errors.ts";
import { addressOf, bytes, darwin, errnoAt, errnoOut, linux, notReady } from "./libc.ts";

/** The most messages one call takes (UIO_MAXIOV). */
const maxCapacity = 1024;

// struct mmsghdr in 32-bit words: a struct msghdr (name 0, its length 2, iovec 4, how many 6,
// flags 12), then the length of what was received.
const headerWords = 16;
const nameLengthAt = 2;
const flagsAt = 12;
const receivedAt = 14;
// struct iovec in 32-bit words: base 0, length 2.
const iovWords = 4;

/**
 * Room for messages and their addresses, to receive into and to send from, again and again:
 * nothing is allocated for each message. What was received can be sent as it is, back to where
 * it came from.
 *
 * ```ts
 * import {
 *   close, MessageBatch, recvmmsg, sendmmsg, SOCK_DGRAM, socketpair,
 * } from "@plumb/plumb/sys";
 *
 * const [a, b] = socketpair(SOCK_DGRAM);
 * const batch = new MessageBatch(8, 1500);
 * for (const text of ["one", "two"]) batch.push(new TextEncoder().encode(text));
 * console.log(sendmmsg(a, batch)); // 2
 * console.log(recvmmsg(b, batch)); // 2
 * console.log(new TextDecoder().decode(batch.data(1))); // two
 * close(a);
 * close(b);
 * ```
 */
export class MessageBatch {
  /** How many messages there is room for. */
  readonly capacity: number;
  /** How long each may be. */
  readonly size: number;
  /** How many there are. */
  #length = 0;
  /** The parts that the kernel sees: headers, vectors, addresses, data. */
  readonly #headers: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #vectors: Uint32Array<ArrayBuffer>;
  readonly #names: Uint8Array<ArrayBuffer>;
  readonly #data: Uint8Array<ArrayBuffer>;

  /**
   * Makes an empty batch.
   *
   * @param capacity How many messages, 1 to 1024.
   * @param size How long each may be; longer ones are cut when received.
   * @throws {RangeError} Out of range.
   * @throws {UnsupportedError} Not on Linux, or without `--allow-ffi`.
   */
  constructor(capacity: number, size: number) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > maxCapacity) {
      const rule = `capacity must be a whole number from 1 to ${maxCapacity}`;
      throw new RangeError(`${rule}, got ${capacity}`);
    }
    if (!Number.isInteger(size) || size < 0 || size > 2 ** 20) {
      throw new RangeError(`size must be a whole number from 0 to 1048576, got ${size}`);
    }
    if (darwin) throw new UnsupportedError("a batch of messages", "only Linux has recvmmsg");
    this.capacity = capacity;
    this.size = size;
    this.#headers = bytes(capacity * headerWords * 4);
    this.#words = new Uint32Array(this.#headers.buffer);
    const vectors = bytes(capacity * iovWords * 4);
    this.#vectors = new Uint32Array(vectors.buffer);
    this.#names = bytes(capacity * addressSize);
    this.#data = bytes(capacity * size);
    this.#link(addressOf(vectors));
  }

  /** Writes the pointers, once. */
  #link(vectors: bigint): void {
    const headers = new BigUint64Array(this.#headers.buffer);
    const iov = new BigUint64Array(this.#vectors.buffer);
    const names = addressOf(this.#names);
    const data = addressOf(this.#data);
    for (let i = 0; i < this.capacity; i++) {
      headers[i * 8] = names + BigInt(i * addressSize);
      headers[i * 8 + 2] = vectors + BigInt(i * iovWords * 4);
      headers[i * 8 + 3] = 1n;
      iov[i * 2] = data + BigInt(i * this.size);
    }
  }

  /** How many messages there are: as many as were received, or pushed since `clear`. */
  get length(): number {
    return this.#length;
  }

  /**
   * The bytes of a message: a view, good until the batch is used again.
   *
   * @param i Which one, below `length`.
   * @throws {RangeError} There is no such message.
   */
  data(i: number): Uint8Array<ArrayBuffer> {
    const start = this.#index(i) * this.size;
    return this.#data.subarray(start, start + this.#vectors[i * iovWords + 2]);
  }

  /**
   * Where a message came from or goes to; an empty path where it has no address.
   *
   * @param i Which one, below `length`.
   * @throws {RangeError} There is no such message.
   */
  address(i: number): SocketAddress {
    const start = this.#index(i) * addressSize;
    const length = this.#words[i * headerWords + nameLengthAt];
    return decodeAddress(this.#names.subarray(start, start + length), length);
  }

  /**
   * Whether a received message was longer than `size`, and cut.
   *
   * @param i Which one, below `length`.
   * @throws {RangeError} There is no such message.
   */
  truncated(i: number): boolean {
    return (this.#words[this.#index(i) * headerWords + flagsAt] & MSG_TRUNC) !== 0;
  }

  #index(i: number): number {
    if (i >= 0 && i < this.#length) return i;
    throw new RangeError(`the batch has ${this.#length} messages, asked for ${i}`);
  }

  /**
   * Adds a message to send; its bytes are copied.
   *
   * @param data The message.
   * @param address Where to; the connected peer by default.
   * @returns `false` when the batch is full.
   * @throws {RangeError} The message is longer than `size`.
   */
  push(data: Uint8Array, address?: SocketAddress | Uint8Array): boolean {
    if (data.length > this.size) {
      throw new RangeError(
        `a message of this batch has at most ${this.size} bytes, got ${data.length}`,
      );
    }
    if (this.#length === this.capacity) return false;
    const sockaddr = address === undefined ? undefined : toBytes(address);
    const i = this.#length++;
    this.#data.set(data, i * this.size);
    this.#vectors[i * iovWords + 2] = data.length;
    if (sockaddr !== undefined) this.#names.set(sockaddr, i * addressSize);
    this.#words[i * headerWords + nameLengthAt] = sockaddr?.length ?? 0;
    this.#words[i * headerWords + flagsAt] = 0;
    return true;
  }

  /** Drops all messages. */
  clear(): void {
    this.#length = 0;
  }

  /**
   * Receives into the batch: `recvmmsg`.
   *
   * @param fd The socket.
   * @param flags `MSG_*`.
   */
  receive(fd: number, flags: number = 0): number | null {
    const words = this.#words;
    const vectors = this.#vectors;
    const { capacity, size } = this;
    for (let i = 0; i < capacity; i++) {
      words[i * headerWords + nameLengthAt] = addressSize;
      vectors[i * iovWords + 2] = size;
    }
    this.#length = 0;
    const c = linux();
    const n = c.recvmmsg(fd, this.#headers, capacity, flags, null);
    if (n < 0) return notReady("recvmmsg", c.saveErrno(errnoOut, errnoAt, 4));
    for (let i = 0; i < n; i++) {
      const received = words[i * headerWords + receivedAt];
      // With MSG_TRUNC it is the length of the whole message.
      vectors[i * iovWords + 2] = received < size ? received : size;
    }
    return this.#length = n;
  }

  /**
   * Sends the messages of the batch: `sendmmsg`.
   *
   * @param fd The socket.
   * @param from Which message to begin with.
   * @param flags `MSG_*`.
   */
  send(fd: number, from: number = 0, flags: number = 0): number | null {
    const count = this.#length - from;
    if (count <= 0) return 0;
    const headers = from === 0 ? this.#headers : this.#headers.subarray(from * headerWords * 4);
    const c = linux();
    const n = c.sendmmsg(fd, headers, count, flags | MSG_NOSIGNAL);
    return n >= 0 ? n : notReady("sendmmsg", c.saveErrno(errnoOut, errnoAt, 4));
  }
}

/**
 * Receives as many messages as are there and fit, at least one, in place of what the batch held.
 *
 * @param fd The socket.
 * @param batch Where to put them.
 * @param flags `MSG_*`.
 * @returns How many; `null` when it would have to wait (the batch is then empty).
 * @throws {SyscallError} It failed before the first message.
 */
export function recvmmsg(fd: number, batch: MessageBatch, flags: number = 0): number | null {
  return batch.receive(fd, flags);
}

/**
 * Sends the messages of a batch, which keeps them.
 *
 * @param fd The socket.
 * @param batch What to send.
 * @param from Which message to begin with: how many have been sent already.
 * @param flags `MSG_*`.
 * @returns How many were sent, fewer than there are when there was no room or a later one
 * failed (ask again, and it throws); `null` when not even one could be sent without waiting.
 * @throws {SyscallError} The first one failed.
 */
export function sendmmsg(
  fd: number,
  batch: MessageBatch,
  from: number = 0,
  flags: number = 0,
): number | null {
  return batch.send(fd, from, flags);
}
