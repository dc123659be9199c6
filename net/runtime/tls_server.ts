/**
 * An accepted TLS connection of the runtime, with a hand on the descriptor beneath it: for what
 * the runtime cannot do itself.
 */
import {
  getsockopt,
  IPPROTO_TCP,
  MSG_PEEK,
  poller,
  recv,
  send,
  setsockopt,
  SHUT_RDWR,
  SHUT_WR,
  shutdown,
  SO_RCVLOWAT,
  SOL_SOCKET,
  SyscallError,
  TCP_USER_TIMEOUT,
} from "../../sys/mod.ts";
import type { NetAddress } from "../conn.ts";
import { connects } from "../native/descriptor.ts";
import type { TlsStream } from "./tls.ts";
import { isTls, lingerTime, type PlainAnswer, plainError } from "./tls_sniff.ts";

/** How long the first byte is looked for before TLS has the connection all the same, in ms. */
const sniffTime = 500;

/** How long the kernel tries to deliver what was written before a close, in ms. */
const flushTime = 5_000;

/** What a stream needs to know of its connection. */
export interface Accepted {
  /** This end. */
  readonly local: NetAddress;
  /** The other end. */
  readonly remote: NetAddress;
  /** The descriptor, the runtime's to close. */
  readonly fd: number;
  /** Told when the descriptor may become another's. */
  readonly release: (fd: number) => void;
  /** What a client that does not speak TLS is told. */
  readonly plainAnswer: PlainAnswer;
}

/**
 * `held` until the first byte is known: the kernel keeps the bytes from the runtime, which would
 * begin the handshake by itself. `-> shaking | plain | closed`. `shaking -> open | closed`, and
 * `plain` for a client that did not speak TLS -> `closed`.
 */
type State = "held" | "shaking" | "open" | "plain" | "closed";

/** A TLS server's end of a connection of the runtime. Needs `--allow-ffi`. */
export class TlsServerStream implements TlsStream {
  readonly #conn: Deno.TlsConn;
  readonly #accepted: Accepted;
  #state: State = "held";
  #handshake: PromiseWithResolvers<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  alpnProtocol: string | null | undefined;

  /**
   * @param conn The runtime's connection, from now on this one's alone; its listener's
   * `SO_RCVLOWAT` holds it.
   * @param accepted What is known of it.
   */
  constructor(conn: Deno.TlsConn, accepted: Accepted) {
    this.#conn = conn;
    this.#accepted = accepted;
    this.#sniff(1, 0);
  }

  /** Both ends. */
  get ends(): [local: NetAddress, remote: NetAddress] {
    return [this.#accepted.local, this.#accepted.remote];
  }

  handshake(): Promise<void> {
    if (this.#handshake !== undefined) return this.#handshake.promise;
    const { promise, resolve, reject } = this.#handshake = Promise.withResolvers<void>();
    promise.catch(() => {}); // asked for or not
    if (this.#state === "plain") {
      reject(plainError());
      return promise;
    }
    this.#conn.handshake().then(({ alpnProtocol }) => {
      this.alpnProtocol = alpnProtocol ?? null;
      if (this.#state !== "closed") this.#state = "open";
      resolve();
    }, reject);
    return promise;
  }

  read(p: Uint8Array): Promise<number | null> {
    return this.#state === "open" ? this.#conn.read(p) : this.#shaken(() => this.#conn.read(p));
  }

  write(p: Uint8Array): Promise<number> {
    return this.#state === "open" ? this.#conn.write(p) : this.#shaken(() => this.#conn.write(p));
  }

  closeWrite(): Promise<void> {
    return this.#shaken(() => this.#conn.closeWrite());
  }

  close(): void {
    if (this.#state === "closed") return;
    if (this.#state === "plain") return; // ends by itself
    this.#end();
  }

  ref(): void {
    if (this.#state !== "closed") (this.#conn as unknown as Deno.TcpConn).ref();
  }

  unref(): void {
    if (this.#state !== "closed") (this.#conn as unknown as Deno.TcpConn).unref();
  }

  async #shaken<T>(go: () => Promise<T>): Promise<T> {
    await this.handshake();
    return await go();
  }

  /** Looks at the first byte as soon as it is there: nothing tells when, as it is held. */
  #sniff(pause: number, waited: number): void {
    const { fd } = this.#accepted;
    try {
      if (getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT) === 1) return this.#letGo();
      const byte = new Uint8Array(1);
      const n = recv(fd, byte, MSG_PEEK);
      if (n === 1 && !isTls(byte[0])) return this.#tell();
      if (n !== null || waited >= sniffTime) return this.#letGo();
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      return this.#letGo(); // reset: the runtime will say so
    }
    this.#timer = setTimeout(() => this.#sniff(pause * 2, waited + pause), pause);
    Deno.unrefTimer(this.#timer);
  }

  #letGo(): void {
    this.#state = "shaking";
    this.#byDescriptor((fd) => setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, 1));
  }

  /** Tells the client, and gives it time to read: closing on unread bytes would be a reset. */
  #tell(): void {
    const { fd, plainAnswer } = this.#accepted;
    this.#state = "plain";
    this.#handshake?.reject(plainError());
    this.#byDescriptor((fd) => {
      if (plainAnswer !== undefined) send(fd, plainAnswer);
      shutdown(fd, SHUT_WR);
    });
    const end = () => {
      clearTimeout(this.#timer);
      poller.forget(fd);
      const p = new Uint8Array(4096);
      this.#byDescriptor((fd) => {
        while (recv(fd, p)); // until the end, or nothing is there
      });
      this.#end();
    };
    this.#timer = setTimeout(end, lingerTime);
    try {
      // Held as it is, it is ready when the client has closed.
      poller.watch(fd, "read", (error) => error === undefined && end());
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
    }
  }

  #end(): void {
    const shaken = this.#state === "open";
    this.#state = "closed";
    clearTimeout(this.#timer);
    this.#byDescriptor((fd) => {
      // The runtime would keep a handshake's socket until the peer closes, and likewise one with
      // a peer that does not read what is left to write.
      if (shaken) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, flushTime);
      else shutdown(fd, SHUT_RDWR);
    });
    this.#accepted.release(this.#accepted.fd);
    this.#conn.close();
  }

  /** Does something to the socket, if it is still there: a lost one's number may be another's. */
  #byDescriptor(work: (fd: number) => void): void {
    const { fd, local, remote } = this.#accepted;
    try {
      if (connects(fd, local, remote)) work(fd);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error; // reset meanwhile
    }
  }
}
