/** What a socket of messages does once it is open, whichever port carries it. */
import { Deadline, MovingDeadline, TimeoutError, type WaitOptions } from "../deadline.ts";
import type {
  Address,
  Conn,
  Message,
  OutgoingMessage,
  Packet,
  PacketConn,
  ReceiveBatchOptions,
} from "./conn.ts";
import { ClosedError, OpError } from "./errors.ts";
import { splitZone } from "./ip.ts";
import { Parked } from "./parked.ts";
import { type DatagramPort, isSameUnix } from "./runtime/datagram.ts";
import { opError, timeoutError } from "./runtime/errors.ts";
import { type ConnStreams, connStreams } from "./streams.ts";
import { notBytes } from "./read_half.ts";

/** What the two kinds of socket differ in. */
interface MessageSocketOptions {
  /** The network it was asked for, to be named in errors. */
  network: string;
  /** What receiving is called, and sending. */
  ops: readonly [receive: string, send: string];
  /** The only address to hear, where there is one. */
  peer?: Address;
}

/** A message to send, and where to. */
interface To {
  readonly data: Uint8Array;
  readonly addr: Address;
}

/** How a send is started. */
interface Start {
  readonly to: Address;
  /** How much of it counts as taken once it is under way. */
  readonly length: number;
  readonly signal: AbortSignal | undefined;
  readonly limit: WaitOptions | Deadline | undefined;
}

/** Deadlines, order and close for a port. */
abstract class MessageSocket implements Disposable {
  readonly #port: DatagramPort;
  readonly #network: string;
  readonly #ops: readonly [receive: string, send: string];
  readonly #peer: Address | undefined;
  readonly #inbox: Parked<Message>;
  readonly #writeDeadline: MovingDeadline;
  /** For each send under way, what makes it fail. */
  readonly #sends = new Set<(makeError: () => unknown) => void>();
  #closed = false;

  constructor(port: DatagramPort, { network, ops, peer }: MessageSocketOptions) {
    this.#port = port;
    this.#network = network;
    this.#ops = ops;
    this.#peer = peer;
    const [receive] = ops;
    this.#inbox = new Parked(() => this.#pull(), {
      op: receive,
      onTimeout: (cause) => timeoutError(this.#context(receive), cause),
      onClosed: () => this.closedError(receive),
      ref: () => port.ref(),
      unref: () => port.unref(),
      discard: () => {},
    });
    this.#writeDeadline = new MovingDeadline(() => {
      for (const fail of this.#sends) fail(() => this.#timeout());
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox.close();
    this.#writeDeadline.stop();
    for (const fail of this.#sends) fail(() => this.closedError(this.#ops[1]));
    this.#port.close();
  }

  ref(): void {
    this.#inbox.ref();
  }

  unref(): void {
    this.#inbox.unref();
  }

  setDeadline(deadline: Date | number | null): void {
    this.setReadDeadline(deadline);
    this.setWriteDeadline(deadline);
  }

  setReadDeadline(deadline: Date | number | null): void {
    this.#inbox.setDeadline(deadline);
  }

  setWriteDeadline(deadline: Date | number | null): void {
    if (!this.#closed) this.#writeDeadline.set(deadline);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Whether this side has closed it. */
  protected get closed(): boolean {
    return this.#closed;
  }

  /** What `use` makes of the next message. */
  protected take<T>(wait: WaitOptions | undefined, use: (message: Message) => T): Promise<T> {
    return this.#inbox.take(wait, use);
  }

  /** What else is there, without waiting; for `use`. */
  protected more(max: number): Message[] {
    return max > 0 ? this.#port.receiveMore?.(max) ?? [] : [];
  }

  /** Sends one message. */
  protected put(data: Uint8Array, to: Address, wait?: WaitOptions): Promise<number> {
    const send = () => this.#port.send(data, to);
    return this.#start(send, { to, length: data.length, signal: wait?.signal, limit: wait });
  }

  /** Sends messages. */
  protected async putAll(messages: readonly To[], wait?: WaitOptions): Promise<number> {
    const port = this.#port;
    const limit = wait && new Deadline(wait, { phase: this.#ops[1] });
    let sent = 0;
    const send = () => {
      const { data, addr } = messages[sent];
      return port.sendBatch?.(messages, sent) ?? port.send(data, addr).then(() => 1);
    };
    try {
      while (sent < messages.length) {
        const { addr: to } = messages[sent];
        sent += await this.#start(send, { to, length: 0, signal: wait?.signal, limit });
      }
    } catch (error) {
      if (error instanceof OpError) {
        error.messagesSent = sent;
        delete error.bytesWritten;
      }
      throw error;
    }
    return sent;
  }

  #start(send: () => Promise<number>, { to, length, signal, limit: wait }: Start): Promise<number> {
    return new Promise<number>((resolve, reject) => {
      const [, op] = this.#ops;
      const limit = wait && (wait instanceof Deadline ? wait : new Deadline(wait, { phase: op }));
      if (signal?.aborted) throw signal.reason;
      if (this.#closed) throw this.closedError(op);
      if (this.#writeDeadline.passed || limit?.expired) throw taken(0, this.#timeout());

      let unwatch = () => {};
      const leave = () => {
        unwatch();
        this.#sends.delete(fail);
        if (this.#sends.size === 0) this.#writeDeadline.end();
      };
      // A message under way is the system's: it goes out, or the socket fails.
      const fail = (makeError: () => unknown) => {
        leave();
        reject(taken(this.#port.abandon?.(sending) ? 0 : length, makeError()));
      };
      const sending = send();
      this.#sends.add(fail);
      this.#writeDeadline.begin();
      if (limit !== undefined) {
        unwatch = limit.watch((reason) => fail(() => signal?.aborted ? reason : this.#timeout()));
      }
      sending.then((n) => {
        leave();
        resolve(n);
      }, (error) => {
        leave();
        reject(taken(0, opError(error, this.#context(op, to))));
      });
    });
  }

  /** The error of an operation on what this side has closed. */
  protected closedError(op: string): ClosedError {
    return new ClosedError(this.#context(op));
  }

  async #pull(): Promise<Message> {
    try {
      for (;;) {
        const message = await this.#next();
        const { peer } = this.#port;
        // A port without a peer hears everyone: what strangers send is dropped here.
        if (this.#peer === undefined || peer !== undefined) return message;
        if (sameAddress(message.addr, this.#peer)) return message;
      }
    } catch (error) {
      throw opError(error, this.#context(this.#ops[0]));
    }
  }

  #next(): Promise<Message> {
    const port = this.#port;
    return port.receiveMessage?.() ??
      port.receive().then(([data, addr]) => ({ data, addr, truncated: false }));
  }

  #timeout(): OpError {
    const [, op] = this.#ops;
    const cause = new TimeoutError(`${op}: deadline exceeded`, { phase: op });
    return timeoutError(this.#context(op), cause);
  }

  #context(op: string, to = this.#peer) {
    return { op, network: this.#network, source: String(this.#port.addr), addr: to && String(to) };
  }
}

/** Notes on a failed send how much of the message was taken. */
function taken<E>(bytes: number, error: E): E {
  if (error instanceof OpError) error.bytesWritten = bytes;
  return error;
}

function sameAddress(a: Address, b: Address): boolean {
  if ("path" in a || "path" in b) return "path" in a && "path" in b && isSameUnix(a.path, b.path);
  // One side may leave out the zone of a link-local address.
  return a.port === b.port && splitZone(a.hostname).host === splitZone(b.hostname).host;
}

function checkArray(op: string, p: unknown): void {
  if (p instanceof Uint8Array) return;
  throw notBytes(op, p);
}

/** Copies as much of a message as fits; the rest is dropped, as by recvfrom(2). */
function copyInto(p: Uint8Array, data: Uint8Array): number {
  const n = Math.min(p.length, data.length);
  p.set(data.subarray(0, n));
  return n;
}

/** The part of `p` that a message fills. */
const fill = (p: Uint8Array<ArrayBuffer>, data: Uint8Array) => p.subarray(0, copyInto(p, data));

/** A socket that talks to anyone. */
export class UnconnectedPacketConn extends MessageSocket implements PacketConn {
  readonly addr: Address;
  readonly #target: (addr: Address | Deno.Addr | string) => Address;

  /**
   * @param network The network it was asked for.
   * @param port What carries the messages; closed with this.
   * @param target Checks where a message is to go.
   */
  constructor(
    network: string,
    port: DatagramPort,
    target: (addr: Address | Deno.Addr | string) => Address,
  ) {
    super(port, { network, ops: ["receive", "send"] });
    this.addr = port.addr;
    this.#target = target;
  }

  // deno-lint-ignore require-await -- async, so that what it throws is a rejection
  async receive(p?: Uint8Array<ArrayBuffer>, wait?: WaitOptions): Promise<Packet> {
    if (p !== undefined) checkArray("receive", p);
    return this.take(wait, ({ data, addr }) => [p === undefined ? data : fill(p, data), addr]);
  }

  // deno-lint-ignore require-await -- as above
  async receiveMessage(p?: Uint8Array<ArrayBuffer>, wait?: WaitOptions): Promise<Message> {
    if (p !== undefined) checkArray("receiveMessage", p);
    return this.take(wait, (message) => {
      if (p === undefined) return message;
      const { data, addr, truncated } = message;
      return { data: fill(p, data), addr, truncated: truncated || data.length > p.length };
    });
  }

  // deno-lint-ignore require-await -- as above
  async receiveBatch({ max = 64, ...wait }: ReceiveBatchOptions = {}): Promise<Message[]> {
    if (!Number.isInteger(max) || max < 1) {
      throw new RangeError(`max must be a whole number from 1, got ${max}`);
    }
    return this.take(wait, (first) => [first, ...this.more(max - 1)]);
  }

  // deno-lint-ignore require-await -- async, so that what it throws is a rejection
  async send(
    data: Uint8Array,
    addr: Address | Deno.Addr | string,
    wait?: WaitOptions,
  ): Promise<number> {
    checkArray("send", data);
    return this.put(data, this.#target(addr), wait);
  }

  // deno-lint-ignore require-await -- as above
  async sendBatch(messages: readonly OutgoingMessage[], wait?: WaitOptions): Promise<number> {
    const checked: To[] = [];
    let last: Address | Deno.Addr | string | undefined;
    let target!: Address;
    for (let i = 0; i < messages.length; i++) {
      const { data, addr } = messages[i];
      checkArray("sendBatch", data);
      if (i === 0 || addr !== last) target = this.#target(last = addr);
      checked.push({ data, addr: target });
    }
    return this.putAll(checked, wait);
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Packet> {
    for (;;) {
      try {
        yield await this.receive();
      } catch (error) {
        if (error instanceof ClosedError) return;
        throw error;
      }
    }
  }
}

/** A socket that talks to one peer and hears no one else. */
export class ConnectedPacketConn extends MessageSocket implements Conn {
  readonly localAddr: Address;
  readonly remoteAddr: Address;
  readonly #network: string;
  #streams: ConnStreams | undefined;
  #ended = false;

  /**
   * @param network The network it was asked for.
   * @param port What carries the messages; closed with this.
   * @param peer The other end.
   */
  constructor(network: string, port: DatagramPort, peer: Address) {
    super(port, { network, ops: ["read", "write"], peer });
    this.localAddr = port.addr;
    this.remoteAddr = peer;
    this.#network = network;
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return (this.#streams ??= connStreams(this)).readable;
  }

  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return (this.#streams ??= connStreams(this)).writable;
  }

  // deno-lint-ignore require-await -- async, so that what it throws is a rejection
  async read(p: Uint8Array, wait?: WaitOptions): Promise<number | null> {
    checkArray("read", p);
    if (p.length === 0 && !this.closed) return 0;
    return this.take(wait, ({ data }) => copyInto(p, data));
  }

  // deno-lint-ignore require-await -- async, so that what it throws is a rejection
  async write(p: Uint8Array, wait?: WaitOptions): Promise<number> {
    checkArray("write", p);
    if (this.#ended && !this.closed) {
      const ends = { source: String(this.localAddr), addr: String(this.remoteAddr) };
      throw taken(
        0,
        new OpError({
          op: "write",
          network: this.#network,
          ...ends,
          reason: "broken pipe",
          code: "EPIPE",
        }),
      );
    }
    return this.put(p, this.remoteAddr, wait);
  }

  /** Nothing tells a datagram peer of an end: as shutdown(2) does, this only ends our writes. */
  // deno-lint-ignore require-await -- async, so that what it throws is a rejection
  async closeWrite(): Promise<void> {
    if (this.closed) throw this.closedError("closeWrite");
    this.#ended = true;
  }
}
