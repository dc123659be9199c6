/**
 * The contracts of `net`: what a connection, a listener and a packet connection promise,
 * whichever engine serves them. As Go's `net.Conn`, `net.Listener` and `net.PacketConn`, in the
 * shape of Deno's own types.
 */
import type { WaitOptions } from "../deadline.ts";

/** The nine networks. */
export type Network =
  | "tcp"
  | "tcp4"
  | "tcp6"
  | "udp"
  | "udp4"
  | "udp6"
  | "unix"
  | "unixgram"
  | "unixpacket";

/** An IP address and port, on a network. `toString()` gives Go's form, `"[::1]:80"`. */
export interface NetAddress {
  /** `"tcp"` or `"udp"`, as `Deno.NetAddr` has it. */
  readonly transport: "tcp" | "udp";
  /** The IP address, without brackets. */
  readonly hostname: string;
  /** The port, 0 to 65535. */
  readonly port: number;
  /** The network it belongs to: `"tcp"` or `"udp"`. */
  readonly network: Network;
  /** `"host:port"`, an IPv6 host in brackets. */
  toString(): string;
}

/** The name of a Unix socket. `toString()` gives the path, `"@name"` for an abstract one. */
export interface UnixAddress {
  /** As `Deno.UnixAddr` has it; `"unixpacket"` is what Deno calls datagram sockets. */
  readonly transport: "unix" | "unixpacket";
  /** The path, `"@name"` for an abstract one, empty for a socket without a name. */
  readonly path: string;
  /** The network it belongs to; `"pipe"` for an end of `pipe()`. */
  readonly network: Network | "pipe";
  /** The path. */
  toString(): string;
}

/** Either kind of address. */
export type Address = NetAddress | UnixAddress;

/** Deadlines of a connection, as Go's: absolute, for pending and future operations alike. */
export interface Deadlines {
  /**
   * Sets both deadlines.
   *
   * @param deadline A `Date`, epoch milliseconds, or `null` for none.
   */
  setDeadline(deadline: Date | number | null): void;
  /**
   * Sets when pending and future reads (accepts, receives) give up. Data that arrives later is
   * kept for the next one.
   *
   * @param deadline A `Date`, epoch milliseconds, or `null` for none.
   */
  setReadDeadline(deadline: Date | number | null): void;
  /**
   * Sets when pending and future writes (sends) give up.
   *
   * @param deadline A `Date`, epoch milliseconds, or `null` for none.
   */
  setWriteDeadline(deadline: Date | number | null): void;
}

/**
 * A connection: a `Deno.Conn` with deadlines.
 *
 * - **Order.** Reading and writing are independent. Several reads (or writes) at once are served
 *   first come, first served, and never interleave.
 * - **End.** `read` gives `null` when the other side has stopped writing, each time it is asked.
 *   On a datagram connection every message counts, an empty one too (`0`), and there is no end.
 * - **Deadlines** reject with an error for which `isTimeout` is true. The connection still works
 *   after that: no byte is lost, repeated, or written into a caller's array late.
 * - **Close** unblocks both directions with `ClosedError`; closing twice is harmless.
 */
export interface Conn extends Disposable, Deadlines {
  /** This end. */
  readonly localAddr: Address;
  /** The other end. */
  readonly remoteAddr: Address;

  /**
   * Reads into `p` what is there, waiting for the first byte. A read begun without a deadline
   * may use a large `p` (16 KiB and more) directly: should a deadline set only later, while it
   * is pending, cut it short, `p` belongs to the connection until the next read has settled.
   *
   * @param p Where to put the bytes; of length 0, the read gives `0` at once.
   * @param wait Limits for this read alone, beside the connection's deadline.
   * @returns How many bytes were read, or `null` at the end.
   * @throws {OpError} The connection failed, or the time was up (`timeout` is then `true`).
   * @throws {ClosedError} This side has closed it.
   */
  read(p: Uint8Array, wait?: WaitOptions): Promise<number | null>;

  /**
   * Writes the whole of `p`, as one message on a datagram connection. A large `p` (16 KiB and more)
   * goes out directly when there is no deadline: should one that is set only later, while the
   * write is pending, cut it short, `p` is not to be changed until the next write has settled.
   *
   * @param p What to write; not to be changed until the write has settled.
   * @param wait Limits for this write alone, beside the connection's deadline.
   * @returns The length of `p`.
   * @throws {OpError} The connection failed, or the time was up; `bytesWritten` says how much of
   * `p` the connection had taken by then.
   * @throws {ClosedError} This side has closed it.
   */
  write(p: Uint8Array, wait?: WaitOptions): Promise<number>;

  /** Says that nothing more will be written, after what is being written; reading goes on. */
  closeWrite(): Promise<void>;

  /** Closes both directions. */
  close(): void;

  /** Lets pending operations keep the process alive (the default). */
  ref(): void;

  /** Keeps pending operations from keeping the process alive. */
  unref(): void;

  /**
   * What is read, as a byte stream. Cancelling it stops reading; when both streams have ended,
   * the connection is closed.
   */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;

  /** What to write, as a stream: closing it is `closeWrite`, aborting it is `close`. */
  readonly writable: WritableStream<Uint8Array<ArrayBufferLike>>;
}

/** A TCP connection. */
export interface TcpConn extends Conn {
  /** This end. */
  readonly localAddr: NetAddress;
  /** The other end. */
  readonly remoteAddr: NetAddress;
  /** Whether small writes go out at once (TCP_NODELAY). On from the start. */
  setNoDelay(noDelay?: boolean): void;
  /** Whether the kernel probes a silent peer (SO_KEEPALIVE). On from the start. */
  setKeepAlive(keepAlive?: boolean): void;
}

/** What a TLS handshake has settled, as far as the runtime tells. */
export interface ConnectionState {
  /** Whether the handshake is done. */
  readonly handshakeComplete: boolean;
  /** The application protocol agreed on, such as `"http/1.1"`; `null` when none was. */
  readonly alpnProtocol: string | null;
  /** The name the server's certificate was checked against; `null` on the server's side. */
  readonly serverName: string | null;
}

/** A TLS connection. */
export interface TlsConn extends Conn {
  /** This end. */
  readonly localAddr: NetAddress;
  /** The other end. */
  readonly remoteAddr: NetAddress;
  /** What the handshake has settled. */
  readonly connectionState: ConnectionState;
  /**
   * Completes the handshake. `dialTls` has done it; on a server's side the first read or write
   * does it too.
   *
   * @param wait Limits; when they end it, the connection is closed.
   */
  handshake(wait?: WaitOptions): Promise<ConnectionState>;
}

/**
 * A stream listener: a `Deno.Listener` with deadlines.
 *
 * Several accepts at once are served first come, first served. A connection that arrives after
 * an accept gave up waits for the next accept; `close` closes it.
 */
export interface Listener<C extends Conn = Conn> extends AsyncIterable<C>, Disposable {
  /** The address listened on, with the port that was chosen. */
  readonly addr: Address;
  /**
   * Waits for the next connection.
   *
   * @param wait Limits for this accept alone, beside the listener's deadline.
   * @throws {OpError} `temporary` (EMFILE, ECONNABORTED, ...): the listener still works.
   * @throws {ClosedError} The listener was closed.
   */
  accept(wait?: WaitOptions): Promise<C>;
  /** Stops listening; a pending accept rejects with `ClosedError`, iteration ends. */
  close(): void;
  /**
   * Sets when pending and future accepts give up.
   *
   * @param deadline A `Date`, epoch milliseconds, or `null` for none.
   */
  setDeadline(deadline: Date | number | null): void;
  /** Lets a pending accept keep the process alive (the default). */
  ref(): void;
  /** Keeps a pending accept from keeping the process alive. */
  unref(): void;
  /** Accepts until the listener is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<C>;
}

/** A message and where it came from. */
export type Packet = [data: Uint8Array<ArrayBuffer>, addr: Address];

/**
 * A socket of messages: a `Deno.DatagramConn` with deadlines. One `send` is one message; an
 * empty one is a message too.
 */
export interface PacketConn extends AsyncIterable<Packet>, Disposable, Deadlines {
  /** The address messages arrive at. */
  readonly addr: Address;
  /**
   * Waits for the next message.
   *
   * @param p Where to put it, what does not fit is dropped; a fresh array by default.
   * @param wait Limits for this receive alone, beside the read deadline.
   * @returns The message (the part of `p` it fills) and its sender.
   * @throws {OpError} The socket failed, or the time was up.
   * @throws {ClosedError} This side has closed it.
   */
  receive(p?: Uint8Array<ArrayBuffer>, wait?: WaitOptions): Promise<Packet>;
  /**
   * Sends one message.
   *
   * @param data The message.
   * @param addr Where to: an address as `receive` gave it, a Deno address, or `"ip:port"` or a path.
   * @param wait Limits for this send alone, beside the write deadline.
   * @returns The length of `data`.
   * @throws {OpError} Not sent; code `"EMSGSIZE"` when `data` is too large for one message.
   * @throws {ClosedError} This side has closed it.
   */
  send(data: Uint8Array, addr: Address | Deno.Addr | string, wait?: WaitOptions): Promise<number>;
  /** Closes the socket; a pending receive rejects with `ClosedError`, iteration ends. */
  close(): void;
  /** Lets a pending receive keep the process alive (the default). */
  ref(): void;
  /** Keeps a pending receive from keeping the process alive. */
  unref(): void;
  /** Receives until the socket is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Packet>;
}
