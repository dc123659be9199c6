/**
 * The contracts of `net`: what a connection, a listener and a packet connection promise,
 * whichever engine serves them. As Go's `net.Conn`, `net.Listener` and `net.PacketConn`, in the
 * shape of Deno's own types.
 */
import type { WaitOptions } from "../deadline.ts";
import type { Credentials } from "../sys/mod.ts";
import type { KeepAliveConfig } from "./native/keep_alive.ts";

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

/**
 * Raw IP, with the protocol its packets carry: `"ip4:icmp"`, `"ip6:58"`. For root (CAP_NET_RAW)
 * with `--allow-ffi`.
 */
export type RawNetwork = `ip:${string}` | `ip4:${string}` | `ip6:${string}`;

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
  /**
   * Whether, and when, the kernel probes a silent peer (SO_KEEPALIVE). On from the start. Times
   * need `--allow-ffi`, as do the three options below.
   *
   * @param keepAlive `true` by default.
   */
  setKeepAlive(keepAlive?: boolean | KeepAliveConfig): void;
  /**
   * What close does with data that is not sent yet (SO_LINGER). As Go's `SetLinger`.
   *
   * @param seconds Waits in the background up to that long; 0 drops the data and resets the
   * connection; `null` is the system's default, which sends it.
   */
  setLinger(seconds: number | null): void;
  /**
   * Asks for a receive buffer of the kernel (SO_RCVBUF), which Linux doubles.
   *
   * @param bytes Its size.
   */
  setReadBuffer(bytes: number): void;
  /**
   * Asks for a send buffer of the kernel (SO_SNDBUF), which Linux doubles.
   *
   * @param bytes Its size.
   */
  setWriteBuffer(bytes: number): void;
}

/** What came with descriptors of another process. */
export interface ReceivedFds {
  /** How many bytes were read, or `null` at the end. */
  readonly n: number | null;
  /** The descriptors, from now on this process's to close. */
  readonly fds: number[];
  /** Whether there were more than could be taken; the system has closed the rest. */
  readonly truncated: boolean;
}

/**
 * A Unix connection, `unix` or `unixpacket`. What goes beyond a `Conn` is served by the native
 * engine: always on `unixpacket`, with `engine: "native"` on `unix`.
 */
export interface UnixConn extends Conn {
  /** This end. */
  readonly localAddr: UnixAddress;
  /** The other end. */
  readonly remoteAddr: UnixAddress;
  /**
   * Who the peer was when it connected or listened (SO_PEERCRED).
   *
   * @throws {UnsupportedError} On the runtime engine.
   */
  peerCredentials(): Credentials;
  /**
   * Writes bytes and passes descriptors along with them (SCM_RIGHTS). They are copied at once: the
   * caller may close its own.
   *
   * @param data At least one byte on a stream.
   * @param fds The descriptors.
   * @param wait Limits for this call alone.
   * @returns The length of `data`.
   * @throws {UnsupportedError} On the runtime engine.
   */
  sendFds(data: Uint8Array, fds: number[], wait?: WaitOptions): Promise<number>;
  /**
   * Reads bytes, with the descriptors that came along.
   *
   * @param p Where to put the bytes.
   * @param wait Limits for this call alone.
   * @throws {UnsupportedError} On the runtime engine.
   */
  receiveFds(p: Uint8Array, wait?: WaitOptions): Promise<ReceivedFds>;
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
  readonly addr: C["localAddr"];
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

/** A message as it was received. */
export interface Message {
  /** Its bytes. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Its sender. */
  readonly addr: Address;
  /** Whether it was longer than the room there was for it, and cut. */
  readonly truncated: boolean;
}

/** A message to send. */
export interface OutgoingMessage {
  /** Its bytes. */
  readonly data: Uint8Array;
  /** Where to: an address as `receive` gave it, a Deno address, or `"ip:port"` or a path. */
  readonly addr: Address | Deno.Addr | string;
}

/** How many messages to receive at once, and until when. */
export interface ReceiveBatchOptions extends WaitOptions {
  /** The most messages to give; 64 by default. */
  max?: number;
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
   * As `receive`, and says whether the message was cut.
   *
   * @param p Where to put it, what does not fit is dropped; a fresh array by default.
   * @param wait Limits for this receive alone, beside the read deadline.
   * @returns The message (the part of `p` it fills), its sender, and whether it was longer.
   * @throws {OpError} The socket failed, or the time was up.
   * @throws {ClosedError} This side has closed it.
   */
  receiveMessage(p?: Uint8Array<ArrayBuffer>, wait?: WaitOptions): Promise<Message>;
  /**
   * Waits for a message and takes with it those that are there already: on the native engine in
   * one system call, on the others one at a time. It takes its turn among other receives. The
   * arrays of one batch may be views of one buffer: copy one that is to be kept or transferred.
   *
   * @param options How many, and limits for this receive alone, beside the read deadline.
   * @returns The messages in the order of their arrival, at least one.
   * @throws {OpError} The socket failed, or the time was up.
   * @throws {ClosedError} This side has closed it.
   * @throws {RangeError} `max` is not a whole number from 1.
   */
  receiveBatch(options?: ReceiveBatchOptions): Promise<Message[]>;
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
  /**
   * Sends several messages, in order: on the native engine many in one system call, on the
   * others one at a time.
   *
   * @param messages What to send, and where to.
   * @param wait Limits for all of it, beside the write deadline.
   * @returns How many were sent, which is all of them.
   * @throws {OpError} Not all were sent: `messagesSent` says how many were, and the next one is
   * to blame.
   * @throws {ClosedError} This side has closed it.
   */
  sendBatch(messages: readonly OutgoingMessage[], wait?: WaitOptions): Promise<number>;
  /** Closes the socket; a pending receive rejects with `ClosedError`, iteration ends. */
  close(): void;
  /** Lets a pending receive keep the process alive (the default). */
  ref(): void;
  /** Keeps a pending receive from keeping the process alive. */
  unref(): void;
  /** Receives until the socket is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Packet>;
}
