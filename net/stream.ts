/** A `Conn` over any byte stream: the contract of `net/conn.ts`, kept once for every engine. */
import type { WaitOptions } from "../deadline.ts";
import type { Address, Conn } from "./conn.ts";
import { ClosedError } from "./errors.ts";
import { type ByteSource, type HalfHost, ReadHalf } from "./read_half.ts";
import { opError, timeoutError } from "./runtime/errors.ts";
import { type ConnStreams, connStreams } from "./streams.ts";
import { type ByteSink, WriteHalf } from "./write_half.ts";

/** What an engine provides: `Deno.Conn` has it all. */
export interface ByteStream extends ByteSource, ByteSink {
  /** Closes both directions; what is pending fails. */
  close(): void;
  /** As `read`, and calls back instead of making a promise; never within the call. */
  readWith?(
    p: Uint8Array,
    onRead: (n: number | null) => void,
    onError: (error: unknown) => void,
  ): void;
  /** Writes what there is room for at once, which may be nothing; no write may be pending. */
  writeNow?(p: Uint8Array): number;
  /** Lets a pending read keep the process alive. */
  ref(): void;
  /** Keeps a pending read from keeping the process alive. */
  unref(): void;
}

/** A stream connection with deadlines, write-all and an orderly close. */
export class StreamConn<S extends ByteStream = ByteStream, A extends Address = Address>
  implements Conn {
  /** The engine's stream. */
  protected readonly inner: S;
  readonly #network: string;
  readonly #describe: () => [local: A, remote: A];
  #hosting: HalfHost | undefined;
  #readHalf: ReadHalf | undefined;
  #writeHalf: WriteHalf | undefined;
  #ends: [local: A, remote: A] | undefined;
  #streams: ConnStreams | undefined;
  #closed = false;
  #wantsRef = true;

  /**
   * @param inner The engine's stream, from now on this connection's alone.
   * @param network The network, for messages.
   * @param ends Makes both addresses, when they are first asked for.
   */
  constructor(inner: S, network: string, ends: () => [local: A, remote: A]) {
    this.inner = inner;
    this.#network = network;
    this.#describe = ends;
  }

  // Made on first use, as the halves are: many a connection is only written to, or just probed.
  get #host(): HalfHost {
    return this.#hosting ??= {
      fail: (op, cause) => this.fail(op, cause),
      closed: (op) => new ClosedError(this.#context(op)),
      park: (parked) => {
        if (this.#wantsRef && !this.#closed) this.inner[parked ? "unref" : "ref"]();
      },
    };
  }

  get #reads(): ReadHalf {
    if (this.#readHalf === undefined) {
      this.#readHalf = new ReadHalf(this.inner, this.#host);
      if (this.#closed) this.#readHalf.close();
    }
    return this.#readHalf;
  }

  get #writes(): WriteHalf {
    if (this.#writeHalf === undefined) {
      this.#writeHalf = new WriteHalf(this.inner, this.#host);
      if (this.#closed) this.#writeHalf.close();
    }
    return this.#writeHalf;
  }

  get localAddr(): A {
    return (this.#ends ??= this.#describe())[0];
  }

  get remoteAddr(): A {
    return (this.#ends ??= this.#describe())[1];
  }

  read(p: Uint8Array, wait?: WaitOptions): Promise<number | null> {
    return this.#reads.read(p, wait);
  }

  write(p: Uint8Array, wait?: WaitOptions): Promise<number> {
    return this.#writes.write(p, wait);
  }

  closeWrite(): Promise<void> {
    return this.#writes.closeWrite();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#readHalf?.close();
    this.#writeHalf?.close();
    this.inner.close();
  }

  /**
   * The engine's stream beneath a connection, for a caller who alone reads and writes it, knows no
   * deadlines and counts each fraction of a microsecond; `undefined` where there is none. Reads and
   * writes of the connection itself may follow it, once none of the stream's is pending.
   *
   * @param conn The connection.
   */
  static beneath(conn: Conn): ByteStream | undefined {
    return conn instanceof StreamConn ? conn.inner : undefined;
  }

  /** Whether this side has closed it. */
  protected get closed(): boolean {
    return this.#closed;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  ref(): void {
    this.#wantsRef = true;
    if (!this.#closed && !this.#readHalf?.parked) this.inner.ref();
  }

  unref(): void {
    this.#wantsRef = false;
    if (!this.#closed) this.inner.unref();
  }

  setDeadline(deadline: Date | number | null): void {
    this.setReadDeadline(deadline);
    this.setWriteDeadline(deadline);
  }

  setReadDeadline(deadline: Date | number | null): void {
    if (this.#closed) throw this.#host.closed("set deadline");
    this.#reads.setDeadline(deadline);
  }

  setWriteDeadline(deadline: Date | number | null): void {
    if (this.#closed) throw this.#host.closed("set deadline");
    this.#writes.setDeadline(deadline);
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return (this.#streams ??= connStreams(this)).readable;
  }

  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return (this.#streams ??= connStreams(this)).writable;
  }

  /**
   * Makes the error of a failed operation.
   *
   * @param op What was being done.
   * @param cause What the engine said; a passed deadline by default.
   */
  protected fail(op: string, cause?: unknown): Error {
    const context = this.#context(op);
    return cause === undefined ? timeoutError(context) : opError(cause, context);
  }

  #context(op: string) {
    const [local, remote] = this.#ends ??= this.#describe();
    // An unnamed end (a dialled Unix socket) says nothing.
    const [source, addr] = [`${local}` || undefined, `${remote}` || undefined];
    return { op, network: this.#network, source, addr };
  }
}
