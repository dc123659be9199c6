/**
 * What a client's connection reads and writes through: the engine's stream where that can be had,
 * since the connection above it costs a promise and a copy of each small message.
 */
import type { Conn } from "../../net/conn.ts";
import { OpError } from "../../net/errors.ts";
import { opError } from "../../net/runtime/errors.ts";
import { type ByteStream, StreamConn } from "../../net/stream.ts";

/** The bytes of a connection; its failures are those of the connection. */
export class ClientStream {
  readonly #conn: Conn;
  readonly #engine: ByteStream | undefined;
  readonly #onTaken: (n: number) => void;
  readonly #onFailed: (error: unknown) => void;
  /** The write under way. */
  #bytes: Uint8Array | undefined;
  #onWritten!: () => void;
  #onError!: (error: unknown) => void;

  /**
   * @param conn The connection.
   * @param own Whether nobody else knows it, so that nobody sets it a deadline.
   */
  constructor(conn: Conn, own: boolean) {
    this.#conn = conn;
    this.#engine = own ? StreamConn.beneath(conn) : undefined;
    this.#onTaken = (n) => this.#taken(n);
    this.#onFailed = (error) => {
      this.#bytes = undefined;
      this.#onError(this.#writeError(error));
    };
  }

  /** As `Conn.read`. */
  read(p: Uint8Array): Promise<number | null> {
    if (this.#engine === undefined) return this.#conn.read(p);
    return this.#engine.read(p).catch((error) => {
      throw this.readError(error);
    });
  }

  /**
   * As `Conn.read`, and calls back; perhaps never within the call.
   *
   * @param p Where to.
   * @param onRead Called with the number of bytes, or `null` at the end.
   * @param onError Called with what `readError` makes an error of the connection.
   */
  readWith(
    p: Uint8Array,
    onRead: (n: number | null) => void,
    onError: (error: unknown) => void,
  ): void {
    const engine = this.#engine;
    if (engine === undefined) this.#conn.read(p).then(onRead, onError);
    else if (engine.readWith === undefined) engine.read(p).then(onRead, onError);
    else engine.readWith(p, onRead, onError);
  }

  /**
   * As `Conn.write`, and calls back; perhaps within the call. One at a time.
   *
   * @param p What to write; not to be changed until it is written.
   * @param onWritten Called when all of it was written.
   * @param onError Called when that has failed; never within the call.
   */
  write(p: Uint8Array, onWritten: () => void, onError: (error: unknown) => void): void {
    const engine = this.#engine;
    if (engine === undefined) return void this.#conn.write(p).then(onWritten, onError);
    this.#onWritten = onWritten;
    this.#onError = onError;
    this.#bytes = p;
    if (engine.writeNow === undefined) {
      return void engine.write(p).then(this.#onTaken, this.#onFailed);
    }
    let n: number;
    try {
      n = engine.writeNow(p);
    } catch (error) {
      return void Promise.reject(error).catch(this.#onFailed);
    }
    this.#taken(n);
  }

  /** The engine has taken so many bytes; the connection sees to the rest. */
  #taken(n: number): void {
    const bytes = this.#bytes!;
    this.#bytes = undefined;
    if (n === bytes.length) return this.#onWritten();
    this.#conn.write(bytes.subarray(n)).then(this.#onWritten, (error) => {
      if (error instanceof OpError) error.bytesWritten = (error.bytesWritten ?? 0) + n;
      this.#onError(error);
    });
  }

  /**
   * What `readWith` has failed with, as an error of the connection.
   *
   * @param error What it gave.
   */
  readError(error: unknown): unknown {
    return this.#engine === undefined ? error : this.#error("read", error);
  }

  #writeError(error: unknown): unknown {
    const failure = this.#error("write", error);
    if (failure instanceof OpError) failure.bytesWritten = 0;
    return failure;
  }

  #error(op: string, error: unknown): Error {
    const { localAddr, remoteAddr } = this.#conn;
    const [source, addr] = [`${localAddr}` || undefined, `${remoteAddr}` || undefined];
    return opError(error, { op, network: localAddr.network, source, addr });
  }
}
