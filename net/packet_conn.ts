/** What a socket of messages does once it is open, whichever port carries it. */
import { Deadline, MovingDeadline, TimeoutError, type WaitOptions } from "../deadline.ts";
import type { Address, Conn, Packet, PacketConn } from "./conn.ts";
import { ClosedError, OpError } from "./errors.ts";
import { splitZone } from "./ip.ts";
import { Parked } from "./parked.ts";
import { type DatagramPort, isSameUnix } from "./runtime/datagram.ts";
import { opError, timeoutError } from "./runtime/errors.ts";
import { type ConnStreams, connStreams } from "./streams.ts";

/** What the two kinds of socket differ in. */
interface MessageSocketOptions {
  /** The network it was asked for, to be named in errors. */
  network: string;
  /** What receiving is called, and sending. */
  ops: readonly [receive: string, send: string];
  /** The only address to hear, where there is one. */
  peer?: Address;
}

/** Deadlines, order and close for a port. */
abstract class MessageSocket implements Disposable {
  readonly #port: DatagramPort;
  readonly #network: string;
  readonly #ops: readonly [receive: string, send: string];
  readonly #peer: Address | undefined;
  readonly #inbox: Parked<Packet>;
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

  /** The next message. */
  protected take(wait?: WaitOptions): Promise<Packet> {
    return this.#inbox.take(wait);
  }

  /** Sends one message. */
  protected put(data: Uint8Array, to: Address, wait?: WaitOptions): Promise<number> {
    return new Promise<number>((resolve, reject) => {
      const [, op] = this.#ops;
      const limit = wait && new Deadline(wait, { phase: op });
      if (wait?.signal?.aborted) throw wait.signal.reason;
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
        reject(taken(data.length, makeError()));
      };
      this.#sends.add(fail);
      this.#writeDeadline.begin();
      if (limit !== undefined) {
        unwatch = limit.watch((reason) =>
          fail(() => wait?.signal?.aborted ? reason : this.#timeout())
        );
      }
      this.#port.send(data, to).then((n) => {
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

  async #pull(): Promise<Packet> {
    try {
      for (;;) {
        const packet = await this.#port.receive();
        // The port is not connected, as far as the system knows: what strangers send is dropped.
        if (this.#peer === undefined || sameAddress(packet[1], this.#peer)) return packet;
      }
    } catch (error) {
      throw opError(error, this.#context(this.#ops[0]));
    }
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
  throw new TypeError(`${op} needs a Uint8Array, got ${Object.prototype.toString.call(p)}`);
}

/** Copies as much of a message as fits; the rest is dropped, as by recvfrom(2). */
function copyInto(p: Uint8Array, data: Uint8Array): number {
  const n = Math.min(p.length, data.length);
  p.set(data.subarray(0, n));
  return n;
}

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

  async receive(p?: Uint8Array<ArrayBuffer>, wait?: WaitOptions): Promise<Packet> {
    if (p !== undefined) checkArray("receive", p);
    const packet = await this.take(wait);
    return p === undefined ? packet : [p.subarray(0, copyInto(p, packet[0])), packet[1]];
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

  async *[Symbol.asyncIterator](): AsyncIterableIterator<Packet> {
    for (;;) {
      try {
        yield await this.take();
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

  async read(p: Uint8Array, wait?: WaitOptions): Promise<number | null> {
    checkArray("read", p);
    if (p.length === 0 && !this.closed) return 0;
    const [data] = await this.take(wait);
    return copyInto(p, data);
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
