/** A port of messages over a socket of the system: UDP, Unix datagrams, raw IP. */
import type { Address, Message, Packet } from "../conn.ts";
import type { DatagramPort } from "../runtime/datagram.ts";
import {
  close,
  encodeAddress,
  MessageBatch,
  MSG_TRUNC,
  recv,
  recvfrom,
  recvmmsg,
  recvmsg,
  send,
  sendmmsg,
  sendto,
  type SocketAddress,
} from "../../sys/mod.ts";
import { setReadBuffer, setWriteBuffer } from "./options.ts";
import { badResource, SendQueue, Taker } from "./datagram_wait.ts";

/** A message to send. */
export interface OutgoingMessage {
  /** Its bytes. */
  data: Uint8Array;
  /** Where to; the peer by default, on a socket that has one. */
  addr?: Address;
}

/** How one kind of socket differs from the next. */
export interface PortKind {
  /** Where it is bound. */
  readonly addr: Address;
  /** The only peer, if the socket is connected. */
  readonly peer?: Address;
  /** How many messages of which length a batch takes. */
  readonly batch: readonly [capacity: number, size: number];
  /** An address for people. */
  toAddress(from: SocketAddress): Address;
  /** An address for the system. */
  toSockaddr(to: Address): SocketAddress | Uint8Array;
  /** Where a message begins in what is received; 0 by default. */
  start?(received: Uint8Array): number;
  /** Opens a descriptor that is writable when there is room for `to`, if the socket is not it. */
  room?(to: Address): number;
  /** Called once, before the socket is closed. */
  onClose?(): void;
}

const linux = Deno.build.os !== "darwin";

/** More than a message can have: a Unix one has at most what its sender's buffer takes. */
const maxMessage = 1024 * 1024;

/**
 * What messages are received into, for all sockets together: each is copied out at once. The
 * system gives memory only to the part that is really used.
 */
let scratch: Uint8Array<ArrayBuffer> | undefined;
const batches = new Map<string, MessageBatch>();

function batchOf(capacity: number, size: number): MessageBatch {
  const key = `${capacity}x${size}`;
  let batch = batches.get(key);
  if (batch === undefined) batches.set(key, batch = new MessageBatch(capacity, size));
  return batch;
}

/** A port over a bound or connected socket, which it closes. */
export class NativePort implements DatagramPort, Disposable {
  readonly addr: Address;
  /** The only peer: what others send, the system drops. */
  readonly peer: Address | undefined;
  readonly #kind: PortKind;
  readonly #sends: SendQueue;
  readonly #receives: Taker<Message>;
  #fd: number;
  /** What went wrong after a batch had begun; for the next receive. */
  #failure: { error: unknown } | undefined;
  /** Peers and their addresses for people: a busy socket hears the same one again and again. */
  #lastFrom: SocketAddress | undefined;
  #lastFromAddress: Address | undefined;

  /**
   * @param fd The socket.
   * @param kind What it is.
   */
  constructor(fd: number, kind: PortKind) {
    this.#fd = fd;
    this.#kind = kind;
    this.addr = kind.addr;
    this.peer = kind.peer;
    this.#sends = new SendQueue(fd);
    this.#receives = new Taker(fd, () => this.#receive());
  }

  /** The descriptor; -1 when closed. */
  get fd(): number {
    return this.#fd;
  }

  async receive(): Promise<Packet> {
    const { data, addr } = await this.receiveMessage();
    return [data, addr];
  }

  /** The next message. Not to be called again before it has settled. It never throws. */
  receiveMessage(): Promise<Message> {
    if (this.#fd < 0) return Promise.reject(badResource());
    const failure = this.#failure;
    if (failure === undefined) return this.#receives.take();
    this.#failure = undefined;
    return Promise.reject(failure.error);
  }

  /**
   * What else is there, without waiting; never throws: an error is left to the next receive.
   *
   * @param max How many messages at most.
   */
  receiveMore(max: number): Message[] {
    const messages: Message[] = [];
    try {
      while (messages.length < max && this.#fd >= 0 && this.#failure === undefined) {
        if (!this.#receiveSome(messages, max)) break;
      }
    } catch (error) {
      this.#failure = { error };
    }
    return messages;
  }

  send(data: Uint8Array, addr: Address): Promise<number> {
    if (this.#fd < 0) return Promise.reject(badResource());
    return this.#sends.run(() => this.#send(data, addr), this.#roomFor(addr));
  }

  /**
   * Sends some messages, at least one, in order. It never throws but rejects, when the first
   * cannot be sent.
   *
   * @param messages What to send; not to be changed until it has settled.
   * @param from Which one to begin with.
   * @returns How many were sent: fewer than there are when there was no room for more, or when
   * the next one fails.
   */
  sendBatch(messages: readonly OutgoingMessage[], from: number = 0): Promise<number> {
    if (this.#fd < 0) return Promise.reject(badResource());
    if (from >= messages.length) return Promise.resolve(0);
    const { addr } = messages[from];
    return this.#sends.run(() => this.#sendSome(messages, from), addr && this.#roomFor(addr));
  }

  /**
   * Takes back a send that waits for room: nothing of it goes out.
   *
   * @param sent The promise of `send` or `sendBatch`; it never settles if this gives `true`.
   * @returns Whether it still waited.
   */
  abandon(sent: Promise<number>): boolean {
    return this.#sends.abandon(sent);
  }

  /**
   * Asks for room for what was received and not taken yet (SO_RCVBUF).
   *
   * @param bytes How much; the system has limits of its own.
   * @throws {RangeError} Not a whole number from 1.
   */
  setReadBuffer(bytes: number): void {
    setReadBuffer(this.#open(), bytes);
  }

  /**
   * Asks for room for what is under way (SO_SNDBUF).
   *
   * @param bytes How much; the system has limits of its own.
   * @throws {RangeError} Not a whole number from 1.
   */
  setWriteBuffer(bytes: number): void {
    setWriteBuffer(this.#open(), bytes);
  }

  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    this.#kind.onClose?.();
    this.#sends.close();
    close(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  ref(): void {
    this.#receives.ref();
  }

  unref(): void {
    this.#receives.unref();
  }

  #open(): number {
    if (this.#fd < 0) throw badResource();
    return this.#fd;
  }

  #roomFor(addr: Address): (() => number) | undefined {
    const { room } = this.#kind;
    return room === undefined || this.peer !== undefined ? undefined : () => room(addr);
  }

  #receive(): Message | null {
    const { peer } = this;
    const p = scratch ??= new Uint8Array(maxMessage);
    if (peer !== undefined && linux) {
      const length = recv(this.#fd, p, MSG_TRUNC);
      return length === null ? null : this.#message(p, length, peer, length > p.length);
    }
    if (linux) {
      const got = recvfrom(this.#fd, p, MSG_TRUNC);
      if (got === null) return null;
      return this.#message(p, got.length, this.#from(got.address), got.length > p.length);
    }
    const got = recvmsg(this.#fd, p);
    if (got === null) return null;
    return this.#message(p, got.length, peer ?? this.#from(got.address), got.truncated);
  }

  #message(p: Uint8Array<ArrayBuffer>, end: number, addr: Address, truncated: boolean): Message {
    const start = this.#kind.start?.(p.subarray(0, end)) ?? 0;
    return { data: p.slice(start, end), addr, truncated };
  }

  /** Appends what is there; gives whether there may be more. */
  #receiveSome(messages: Message[], max: number): boolean {
    const room = max - messages.length;
    if (!linux || room === 1) {
      const message = this.#receive();
      if (message === null) return false;
      messages.push(message);
      return true;
    }
    // A batch takes as many as it has room for: there is one for each power of two.
    const [most, size] = this.#kind.batch;
    const batch = batchOf(Math.min(most, 2 ** Math.floor(Math.log2(room))), size);
    const n = recvmmsg(this.#fd, batch);
    if (n === null) return false;
    // One array for all of them: to make one takes longer than to receive a message.
    let length = 0;
    const received: Uint8Array<ArrayBuffer>[] = [];
    for (let i = 0; i < n; i++) {
      const p = batch.data(i);
      const start = this.#kind.start?.(p) ?? 0;
      received.push(start === 0 ? p : p.subarray(start));
      length += received[i].length;
    }
    const all = new Uint8Array(length);
    for (let i = 0, at = 0; i < n; i++) {
      const data = all.subarray(at, at += received[i].length);
      data.set(received[i]);
      const addr = this.peer ?? this.#from(batch.address(i));
      messages.push({ data, addr, truncated: batch.truncated(i) });
    }
    return n === batch.capacity;
  }

  #from(address: SocketAddress): Address {
    if (address === this.#lastFrom) return this.#lastFromAddress!;
    this.#lastFrom = address;
    return this.#lastFromAddress = this.#kind.toAddress(address);
  }

  #send(data: Uint8Array, addr: Address): number | null {
    if (this.peer !== undefined) return send(this.#fd, data);
    return sendto(this.#fd, data, this.#kind.toSockaddr(addr));
  }

  #sendSome(messages: readonly OutgoingMessage[], from: number): number | null {
    if (linux && messages.length - from > 1) {
      const batch = batchOf(...this.#kind.batch);
      batch.clear();
      for (let i = from; i < messages.length; i++) {
        const { data, addr } = messages[i];
        if (data.length > batch.size || batch.length === batch.capacity) break;
        batch.push(data, this.#to(addr));
      }
      if (batch.length > 0) return sendmmsg(this.#fd, batch);
    }
    // One by itself, or one that a batch has no room for: the system says whether it is too long.
    const { data, addr } = messages[from];
    const to = this.#to(addr);
    const n = to === undefined ? send(this.#fd, data) : sendto(this.#fd, data, to);
    return n === null ? null : 1;
  }

  #to(addr: Address | undefined): SocketAddress | Uint8Array | undefined {
    return this.peer !== undefined || addr === undefined ? undefined : this.#kind.toSockaddr(addr);
  }
}

/** Keeps the bytes of the address used last: most sockets talk to one peer at a time. */
export function remembering(
  encode: (to: Address) => SocketAddress,
): (to: Address) => Uint8Array {
  let last: Address | undefined;
  let lastKey = "";
  let bytes: Uint8Array | undefined;
  return (to) => {
    if (bytes !== undefined && to === last) return bytes;
    const key = to.toString();
    last = to;
    if (bytes !== undefined && key === lastKey) return bytes;
    lastKey = key;
    return bytes = encodeAddress(encode(to));
  };
}
