/**
 * TLS through `node:tls`, over a stream that stays ours: what the runtime's own TLS cannot do. It
 * drops a client's certificate when it begins TLS on a connection that is already there, its server
 * side has no socket options (Nagle's algorithm delays the first answer by 40 ms), and closed in
 * mid-handshake it keeps the socket open for as long as the peer likes. Where there are system
 * calls, they mend the last two.
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect, createSecureContext, rootCertificates, TLSSocket } from "node:tls";
import { isIp } from "../ip.ts";
import type { ByteStream } from "../stream.ts";
import type { KeyPair, StartTlsOptions, TlsStream } from "./tls.ts";

/** The most that is encrypted at once, so that a large write is not held in memory twice. */
const maxWrite = 64 * 1024;

/** What the transport takes from the network at once: a TLS record and its frame fit. */
const readSize = 17 * 1024;

/** The bytes below TLS: a stream of ours in the shape that `node:tls` takes. */
class Transport extends Duplex {
  readonly #inner: ByteStream;
  readonly #waiting: (() => void)[] = [];
  #closed = false;
  /** Why writing has failed. */
  failure: Error | undefined;
  /** Why reading has failed. */
  readFailure: Error | undefined;

  constructor(inner: ByteStream) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
  }

  override _read(): void {
    const p = Buffer.allocUnsafeSlow(readSize);
    this.#inner.read(p).then(
      (n) => this.push(n === null ? null : p.subarray(0, n)),
      (error) => this.destroy(this.readFailure = error),
    );
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#writeAll(chunk).then(() => {
      done();
      if (this.writableLength === 0) this.#release();
    }, (error) => {
      this.failure = error;
      done(error);
      this.#release();
    });
  }

  /** Calls back when all there is has been written, or cannot be. */
  flush(done: () => void): void {
    if (this.writableLength === 0 || this.destroyed) done();
    else this.#waiting.push(done);
  }

  #release(): void {
    for (const done of this.#waiting.splice(0)) done();
  }

  async #writeAll(chunk: Buffer): Promise<void> {
    for (let at = 0; at < chunk.length;) at += await this.#inner.write(chunk.subarray(at));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#inner.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.close();
    done(error);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inner.close();
    this.#release();
  }
}

interface Reader {
  readonly p: Uint8Array;
  readonly resolve: (n: number | null) => void;
  readonly reject: (error: unknown) => void;
}

/** How a handshake begins: a socket, and the event that says it is done. */
interface Beginning {
  readonly socket: TLSSocket;
  readonly done: "secureConnect" | "secure";
}

/** A TLS connection of `node:tls` as a byte stream, either side of it. */
export class NodeTlsStream implements TlsStream {
  readonly #inner: ByteStream;
  readonly #transport: Transport;
  readonly #socket: TLSSocket;
  readonly #handshake = Promise.withResolvers<void>();
  #reader: Reader | undefined;
  #failure: { error: Error } | undefined;
  #ended = false;
  #shaking = true;
  #wantsRef = true;
  #hasRef = true;
  alpnProtocol: string | null | undefined;

  /**
   * @param inner The stream to begin TLS on, from now on this one's alone.
   * @param begin Begins the handshake.
   */
  constructor(inner: ByteStream, begin: (transport: Duplex) => Beginning) {
    this.#inner = inner;
    this.#transport = new Transport(inner);
    // Heard before node's own listener ends the TLS side as well.
    this.#transport.on("end", () => this.#transportEnded());
    let beginning: Beginning;
    try {
      beginning = begin(this.#transport);
    } catch (error) {
      this.#transport.close();
      throw error;
    }
    this.#socket = beginning.socket;
    this.#socket.on(beginning.done, () => this.#secured());
    this.#handshake.promise.catch(() => {}); // asked for or not
    this.#socket.on("readable", () => this.#serve());
    this.#socket.on("end", () => {
      this.#ended = true;
      this.#serve();
    });
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => {
      if (this.#ended) return;
      // Node tells nobody why its transport has failed.
      this.#fail(this.#transport.readFailure ?? new Deno.errors.Interrupted("operation canceled"));
    });
  }

  handshake(): Promise<void> {
    return this.#handshake.promise;
  }

  read(p: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#reader = { p, resolve, reject };
      this.#serve();
    });
  }

  async write(p: Uint8Array): Promise<number> {
    // Node forgets what it was to write when the handshake fails.
    if (this.#shaking) await this.#handshake.promise;
    const part = p.length > maxWrite ? p.subarray(0, maxWrite) : p;
    return await new Promise((resolve, reject) => {
      const bytes = Buffer.from(part.buffer, part.byteOffset, part.length);
      this.#socket.write(bytes, this.#written(() => resolve(part.length), reject));
    });
  }

  async closeWrite(): Promise<void> {
    if (this.#shaking) await this.#handshake.promise;
    await new Promise<void>((resolve, reject) => {
      this.#socket.end(this.#written(resolve, reject));
    });
  }

  /**
   * What `node:tls` calls when something has been written, or not. It may say so as soon as the
   * transport has room for it, or even when that is broken already.
   */
  #written(resolve: () => void, reject: (error: unknown) => void) {
    return (error?: Error | null) =>
      this.#transport.flush(() => {
        const failure = error ?? this.#transport.failure;
        // An alert read before says more than the write that it has broken.
        if (failure) reject(this.#failure?.error ?? failure);
        else resolve();
      });
  }

  close(): void {
    const close = () => {
      this.#socket.destroy();
      this.#transport.close();
    };
    if (this.alpnProtocol === undefined || this.#failure !== undefined) return close();
    // The end is announced (RFC 8446 6.1) if the kernel takes the few bytes at once: what is
    // stuck must not keep the descriptor.
    this.#socket.end();
    setImmediate(close);
  }

  ref(): void {
    this.#wantsRef = true;
    this.#syncRef();
  }

  unref(): void {
    this.#wantsRef = false;
    this.#syncRef();
  }

  /** The transport reads ahead all the time: only who waits for that may hold the process. */
  #syncRef(): void {
    const waiting = this.#reader !== undefined || this.#shaking;
    const wanted = waiting && this.#wantsRef;
    if (wanted === this.#hasRef) return;
    this.#hasRef = wanted;
    this.#inner[wanted ? "ref" : "unref"]();
  }

  #secured(): void {
    this.alpnProtocol = this.#socket.alpnProtocol || null;
    this.#shaking = false;
    this.#syncRef();
    this.#handshake.resolve();
  }

  /**
   * The network has ended. Without an end of TLS before it, somebody may have cut the data short,
   * which `node:tls` does not tell from an orderly end.
   */
  #transportEnded(): void {
    const { _readableState: state } = this.#socket as unknown as {
      _readableState: { ended: boolean };
    };
    if (state.ended) return;
    const error = new Deno.errors.UnexpectedEof("the peer closed the connection in mid-TLS");
    if (this.#shaking) this.#fail(error);
    else this.#failure ??= { error };
  }

  #fail(error: Error): void {
    this.#failure ??= { error };
    this.#shaking = false;
    this.#handshake.reject(this.#failure.error);
    this.#serve();
  }

  /** Gives the reader what is there. */
  #serve(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const { p, resolve, reject } = reader;
    const failed = this.#failure !== undefined && (this.#ended || this.#socket.destroyed);
    const n = Math.min(p.length, this.#socket.readableLength);
    // Asking for nothing lets the socket go on, up to its "end".
    const bytes: Buffer | null = this.#socket.read(n);
    if (bytes === null && !failed && !this.#ended) return this.#syncRef();
    this.#reader = undefined;
    this.#syncRef();
    if (bytes !== null) {
      p.set(bytes);
      resolve(bytes.length);
    } else if (failed) reject(this.#failure!.error);
    else resolve(null);
  }
}

/**
 * Begins TLS as a client.
 *
 * @param inner The stream, closed if this fails.
 * @param options Whom to trust, what to offer and who this is.
 */
export function nodeClient(
  inner: ByteStream,
  { serverName, caCerts, alpnProtocols, pair }: StartTlsOptions & { pair?: KeyPair },
): NodeTlsStream {
  return new NodeTlsStream(inner, (socket) => ({
    socket: connect({
      socket,
      host: serverName,
      // An IP address is checked, but not announced (RFC 6066 section 3).
      ...(isIp(serverName) === 0 && { servername: serverName }),
      // What node is given replaces its roots instead of adding to them.
      ...(caCerts.length > 0 && { ca: [...rootCertificates, ...caCerts] }),
      ...(alpnProtocols.length > 0 && { ALPNProtocols: [...alpnProtocols] }),
      ...pair,
    }),
    done: "secureConnect",
  }));
}

/**
 * Makes what begins TLS as a server.
 *
 * @param pair Who this is.
 * @param alpnProtocols Protocols to accept, the favourite first.
 */
export function nodeServer(
  pair: KeyPair,
  alpnProtocols: readonly string[],
): (inner: ByteStream) => NodeTlsStream {
  const secureContext = createSecureContext(pair);
  return (inner) =>
    new NodeTlsStream(inner, (transport) => ({
      socket: new TLSSocket(transport as unknown as Socket, {
        isServer: true,
        secureContext,
        ...(alpnProtocols.length > 0 && { ALPNProtocols: [...alpnProtocols] }),
      }),
      done: "secure",
    }));
}
