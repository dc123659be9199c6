/** `dialTls` and `listenTls`: TLS over TCP, with the handshake under the dial's own deadline. */
import { Deadline, TimeoutError, type WaitOptions } from "../deadline.ts";
import { available } from "../sys/mod.ts";
import { netAddress, parseNetwork, splitHostPort } from "./address.ts";
import type { ConnectionState, Listener, NetAddress, TcpConn, TlsConn } from "./conn.ts";
import { dialError, dialTcp } from "./dial_tcp.ts";
import type { TcpNetwork } from "./dialer.ts";
import { checkDialerOptions, type DialerOptions } from "./dialer_options.ts";
import { isIp, splitZone } from "./ip.ts";
import { checkListenOptions, listen, listenAddress, type ListenOptions } from "./listener.ts";
import { hangUp } from "./native/descriptor.ts";
import { hasDatagram } from "./runtime/datagram.ts";
import { opError } from "./runtime/errors.ts";
import { checkPair, checkPem, startTls, tlsError, type TlsStream } from "./runtime/tls.ts";
import { listenRuntimeTls, type RuntimeTlsListener } from "./runtime/tls_listener.ts";
import type { TlsServerStream } from "./runtime/tls_server.ts";
import { SniffedStream } from "./runtime/tls_sniff.ts";
import { type ByteStream, StreamConn } from "./stream.ts";
import { StreamListener } from "./stream_listener.ts";
import { fire } from "./trace.ts";

/** How `dialTls` dials. As Go's `tls.Dialer` with the client's part of `tls.Config`. */
export interface DialTlsOptions extends DialerOptions, WaitOptions {
  /** Milliseconds for the whole dial: lookup, connection and handshake; no limit by default. */
  timeout?: number;
  /** When the dial must be over, at the latest: a `Date` or epoch milliseconds. */
  deadline?: Date | number;
  /**
   * The name or IP address that the server's certificate must be good for; the host of the address
   * by default (`"localhost"` where that is empty). A name is announced to the server as well.
   */
  serverName?: string;
  /** Roots to trust beside the usual ones, in PEM. */
  caCerts?: string[];
  /** Protocols to offer, the favourite first, such as `["h2", "http/1.1"]`; none by default. */
  alpnProtocols?: string[];
  /** This client's certificate and what leads to its root, in PEM; goes with `key`. */
  cert?: string;
  /** The private key of `cert`, in PEM and not encrypted. */
  key?: string;
  /** Milliseconds for the handshake alone, within the limits of the dial; no limit by default. */
  handshakeTimeout?: number;
}

/**
 * How `listenTls` listens. As Go's `net.ListenConfig` with the server's part of `tls.Config`.
 *
 * An `engine`, or `control`, is that of the TCP below; `node:tls` does the rest.
 */
export interface ListenTlsOptions extends ListenOptions {
  /** The server's certificate and what leads to its root, in PEM. */
  cert: string;
  /** The private key of `cert`, in PEM and not encrypted. */
  key: string;
  /**
   * Protocols to accept, the favourite first. A client that offers others only is refused, one
   * that offers none is not. None by default.
   */
  alpnProtocols?: string[];
  /**
   * What a client that does not speak TLS is told in plain text before its connection is closed,
   * such as a whole HTTP response; nothing by default. A few KiB at most.
   */
  plainAnswer?: Uint8Array;
}

const served: readonly TcpNetwork[] = ["tcp", "tcp4", "tcp6"];

/** A TLS connection over any engine of TLS. */
class StreamTlsConn extends StreamConn<TlsStream, NetAddress> implements TlsConn {
  readonly #serverName: string | null;

  constructor(
    inner: TlsStream,
    ends: () => [local: NetAddress, remote: NetAddress],
    serverName: string | null,
  ) {
    super(inner, "tcp", ends);
    this.#serverName = serverName;
  }

  get connectionState(): ConnectionState {
    const { alpnProtocol } = this.inner;
    return {
      handshakeComplete: alpnProtocol !== undefined,
      alpnProtocol: alpnProtocol ?? null,
      serverName: this.#serverName,
    };
  }

  async handshake(wait?: WaitOptions): Promise<ConnectionState> {
    const deadline = new Deadline(wait, { phase: "handshake" });
    if (this.inner.alpnProtocol !== undefined) return this.connectionState;
    try {
      await deadline.race(() => this.inner.handshake());
    } catch (error) {
      const aborted = wait?.signal?.aborted && error === wait.signal.reason;
      if (aborted || error instanceof TimeoutError) this.close();
      throw aborted ? error : this.fail("handshake", error);
    }
    return this.connectionState;
  }

  protected override fail(op: string, cause?: unknown): Error {
    return tlsError(super.fail(op, cause));
  }
}

/**
 * Connects to a TLS server: lookup, connection and handshake, all under one deadline. As Go's
 * `tls.DialWithDialer`.
 *
 * The server must prove that it is `serverName`; there is no way to switch that off. Whatever ends
 * the dial, nothing of it is left: the connection is closed, in the middle of a handshake too.
 *
 * ```ts
 * import { dialTls, OpError } from "@plumb/plumb/net";
 *
 * try {
 *   using conn = await dialTls("tcp", "localhost:443", {
 *     timeout: 5_000,
 *     alpnProtocols: ["http/1.1"],
 *   });
 *   console.log(conn.connectionState.alpnProtocol);
 * } catch (error) {
 *   if (error instanceof OpError) console.log(error.code); // ECONNREFUSED, ERR_TLS_EXPIRED, ...
 * }
 * ```
 *
 * Needs `--allow-net`. With `--allow-ffi` as well, a dial under a limit is two to three times as fast:
 * the runtime's own TLS then serves it, as its socket can be taken back by system call.
 *
 * @param network `"tcp"`, `"tcp4"` or `"tcp6"`.
 * @param address `"host:port"`; the port may be a service's name.
 * @param options How to dial, whom to trust, and limits; no limit by default.
 * @returns The connection, its handshake done.
 * @throws {OpError} The dial (`op` is `"dial"`) or the handshake (`"handshake"`) failed, or its
 * time was up (`timeout` is then `true`). The codes of TLS are `"ERR_TLS_UNKNOWN_ISSUER"`,
 * `"ERR_TLS_EXPIRED"` (or not valid yet), `"ERR_TLS_UNVERIFIED"` (one of these two: with a `cert`,
 * or under a limit without `--allow-ffi`, the engine does not say which), `"ERR_TLS_HOSTNAME"` and,
 * for the rest, `"ERR_TLS"`.
 * @throws {TypeError} An option of the wrong type, what should be PEM and is not, or `cert`
 * without `key`.
 * @throws {AddressError} The address is malformed, or has none of the network's family.
 * @throws {UnknownNetworkError} Not a network of TCP.
 */
export async function dialTls(
  network: TcpNetwork,
  address: string,
  options: DialTlsOptions = {},
): Promise<TlsConn> {
  parseNetwork(network, served);
  checkDialTlsOptions(options);
  const { signal, trace } = options;
  using deadline = new Deadline(options, { phase: "dial" });
  let conn: TlsConn;
  try {
    deadline.throwIfExpired();
    const start = await starter(options, options.serverName ?? hostOf(address), deadline);
    const tcp = await dialTcp(options, network, address, deadline);
    conn = await secure(tcp, start, { network, address, options, deadline });
  } catch (error) {
    // The caller's own reason comes first, unchanged, whatever it has broken on its way.
    if (signal?.aborted) throw signal.reason;
    throw error instanceof TypeError ? error : dialError(error, network, address);
  }
  fire(trace, "gotConn", { localAddr: conn.localAddr, remoteAddr: conn.remoteAddr });
  return conn;
}

/** How TLS is begun, whichever engine does it. */
interface Starter {
  readonly serverName: string;
  begin(tcp: Deno.TcpConn): TlsStream | Promise<TlsStream>;
  /** Ends the connection of a handshake that was given up, before it is closed. */
  abandon?(local: NetAddress, remote: NetAddress): void;
}

/** Chooses the engine, before anything is dialed. */
async function starter(
  options: DialTlsOptions,
  serverName: string,
  deadline: Deadline,
): Promise<Starter> {
  const { caCerts = [], alpnProtocols = [], cert, key, handshakeTimeout } = options;
  const how = { serverName: checkServerName(serverName), caCerts, alpnProtocols };
  const pair = cert === undefined || key === undefined ? undefined : { cert, key };
  // The runtime's own is faster, but it shows no certificate, and it holds on to the socket of a
  // handshake that was given up until the peer closes it, unless a system call ends it before.
  const limited = !deadline.unlimited || handshakeTimeout;
  if (pair === undefined && (!limited || available())) {
    return {
      serverName,
      begin: (tcp) => startTls(tcp, how),
      abandon: available() ? hangUp : undefined,
    };
  }
  // Loaded when it is needed: node's modules cost a script as much as all of `net`.
  const { nodeClient } = await import("./runtime/node_tls.ts");
  return { serverName, begin: (tcp) => nodeClient(tcp, { ...how, pair }) };
}

interface Dialing {
  readonly network: TcpNetwork;
  readonly address: string;
  readonly options: DialTlsOptions;
  readonly deadline: Deadline;
}

/** Makes a TLS connection of a TCP one, which is closed if that fails. */
async function secure(
  tcp: Deno.TcpConn,
  { serverName, begin, abandon }: Starter,
  { network, address, options, deadline }: Dialing,
): Promise<TlsConn> {
  const { trace, handshakeTimeout: timeout } = options;
  fire(trace, "tlsHandshakeStart", { serverName });
  using limit = deadline.child({ timeout }, { phase: "handshake" });
  let conn: TlsConn | undefined;
  const ends = (): [NetAddress, NetAddress] => [
    netAddress("tcp", tcp.localAddr.hostname, tcp.localAddr.port),
    netAddress("tcp", tcp.remoteAddr.hostname, tcp.remoteAddr.port),
  ];
  try {
    conn = new StreamTlsConn(await begin(tcp), ends, serverName);
    const state = await conn.handshake(limit.unlimited ? undefined : { signal: limit.signal });
    fire(trace, "tlsHandshakeDone", { state, error: undefined });
    return conn;
  } catch (reason) {
    if (limit.expired) abandon?.(...ends());
    conn?.close();
    const own = options.signal?.aborted || reason instanceof TypeError;
    const context = { op: "handshake", network, addr: address };
    const error = own ? reason : tlsError(opError(reason, context));
    fire(trace, "tlsHandshakeDone", { state: undefined, error });
    throw error;
  }
}

/** The name in an address; an empty host is this machine, as it is for the dial. */
function hostOf(address: string): string {
  if (typeof address !== "string") {
    throw new TypeError(`address must be a string, got ${String(address)}`);
  }
  return splitZone(splitHostPort(address).host).host || "localhost";
}

const hostName = /^(?=.{1,254}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?$/i;

function checkServerName(name: unknown): string {
  if (typeof name === "string" && (isIp(name) !== 0 || hostName.test(name))) return name;
  const got = typeof name === "string" ? JSON.stringify(name) : String(name);
  throw new TypeError(`serverName must be a host name or an IP address, got ${got}`);
}

function checkDialTlsOptions(options: DialTlsOptions): void {
  checkDialerOptions(options);
  const { serverName, caCerts, alpnProtocols, cert, key, handshakeTimeout: timeout } = options;
  try {
    new Deadline({ timeout });
  } catch (error) {
    const { message } = error as Error;
    throw new (error instanceof RangeError ? RangeError : TypeError)(
      message.replace("timeout", "handshakeTimeout"),
    );
  }
  if (serverName !== undefined) checkServerName(serverName);
  if (caCerts !== undefined && !Array.isArray(caCerts)) {
    throw new TypeError(`caCerts must be an array of PEM strings, got ${typeof caCerts}`);
  }
  caCerts?.forEach((pem, i) => checkPem(`caCerts[${i}]`, pem, "certificate"));
  checkAlpn(alpnProtocols);
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? "cert" : "key";
    throw new TypeError(`cert and key go together: ${missing} is missing`);
  }
  if (cert !== undefined && key !== undefined) checkPair({ cert, key });
}

/** A name is 1 to 255 bytes, and all of them with their lengths fit 16 bits (RFC 7301 3.1). */
function checkAlpn(protocols: unknown): void {
  if (protocols === undefined) return;
  if (!Array.isArray(protocols)) {
    throw new TypeError(`alpnProtocols must be an array of strings, got ${typeof protocols}`);
  }
  let total = 0;
  for (const protocol of protocols) {
    const length = typeof protocol === "string" ? new TextEncoder().encode(protocol).length : 0;
    if (length < 1 || length > 255) {
      const got = typeof protocol === "string" ? JSON.stringify(protocol) : String(protocol);
      throw new TypeError(`alpnProtocols must be names of 1 to 255 bytes, got ${got}`);
    }
    total += 1 + length;
  }
  if (total > 0xffff) throw new TypeError(`alpnProtocols must fit 65535 bytes, got ${total}`);
}

/**
 * Listens for TLS on a TCP network, at once. As Go's `tls.Listen`.
 *
 * `accept` does not wait for the handshake, so that a slow client holds up nobody else: reads and
 * writes of the connection wait for it, and a failed handshake is their error; its code is
 * `"ERR_TLS_PLAIN"` when the client does not speak TLS. Limit it with `conn.handshake({ timeout })`.
 *
 * ```ts ignore
 * import { listenTls } from "@plumb/plumb/net";
 *
 * using listener = listenTls("tcp", ":443", {
 *   cert: await Deno.readTextFile("server.pem"),
 *   key: await Deno.readTextFile("server.key"),
 *   alpnProtocols: ["http/1.1"],
 * });
 * using conn = await listener.accept();
 * console.log(await conn.handshake({ timeout: 10_000 }));
 * ```
 *
 * Needs `--allow-net`. With `--allow-ffi` as well, on Linux, its connections are three times as
 * fast: the runtime's own TLS then serves them, with what that lacks done by system call.
 *
 * @param network `"tcp"`, `"tcp4"` or `"tcp6"`.
 * @param address `"host:port"`; an empty host: every address, an empty port or 0: a free one.
 * @param options The certificate, and how to listen.
 * @returns The listener.
 * @throws {OpError} The address is taken (`EADDRINUSE`), not this machine's, or not permitted.
 * @throws {TypeError} What should be PEM and is not, or a key that is not the certificate's.
 * @throws {AddressError} The address is malformed, or not of the network's family.
 * @throws {UnknownNetworkError} Not a network of TCP.
 * @throws {UnsupportedError} No engine can do what the options ask for; the message says what can.
 */
export function listenTls(
  network: TcpNetwork,
  address: string,
  options: ListenTlsOptions,
): Listener<TlsConn> {
  parseNetwork(network, served);
  const { cert, key, alpnProtocols = [], plainAnswer, ...how } = options;
  checkListenOptions(how);
  checkPair({ cert, key });
  checkAlpn(alpnProtocols);
  if (plainAnswer !== undefined && !(plainAnswer instanceof Uint8Array)) {
    throw new TypeError(`plainAnswer must be a Uint8Array, got ${typeof plainAnswer}`);
  }
  return listenByDescriptor(network, address, options) ?? listenOver(network, address, options);
}

/** The runtime's own TLS, where system calls can do what it cannot. */
function listenByDescriptor(
  network: TcpNetwork,
  address: string,
  options: ListenTlsOptions,
): Listener<TlsConn> | undefined {
  const { cert, key, alpnProtocols = [], plainAnswer, engine, control, reusePort } = options;
  const { backlog, noDelay = true, keepAlive } = options;
  if (Deno.build.os !== "linux" || engine !== undefined || control !== undefined) return undefined;
  if (reusePort && !hasDatagram() || !available()) return undefined;
  const { hostname, port } = listenAddress(network, address);
  const how = { hostname, port, cert, key, alpnProtocols, backlog, reusePort, noDelay, keepAlive };
  let listener: RuntimeTlsListener | undefined;
  try {
    listener = listenRuntimeTls({ ...how, plainAnswer, onlyIpv6: network === "tcp6" });
  } catch (error) {
    const ours = error instanceof TypeError || error instanceof RangeError;
    throw ours ? error : opError(error, { op: "listen", network, addr: address });
  }
  if (listener === undefined) return undefined;
  return new StreamListener<TlsServerStream, TlsConn>({
    addr: listener.addr,
    accept: () => listener.accept(),
    wrap: (stream) => new StreamTlsConn(stream, () => stream.ends, null),
    discard: (stream) => stream.close(),
    close: () => listener.close(),
    ref: () => listener.ref(),
    unref: () => listener.unref(),
  });
}

/** `node:tls` over a listener of ours, which can do everything. */
function listenOver(
  network: TcpNetwork,
  address: string,
  { cert, key, alpnProtocols = [], plainAnswer, ...how }: ListenTlsOptions,
): Listener<TlsConn> {
  const listener = listen(network, address, how);
  let start: ((tcp: ByteStream) => TlsStream) | undefined;
  return new StreamListener<TcpConn, TlsConn>({
    addr: listener.addr,
    accept: async () => {
      const tcp = await listener.accept();
      start ??= (await import("./runtime/node_tls.ts")).nodeServer({ cert, key }, alpnProtocols);
      return tcp;
    },
    wrap: (tcp) => {
      const ends: [NetAddress, NetAddress] = [tcp.localAddr, tcp.remoteAddr];
      return new StreamTlsConn(start!(new SniffedStream(tcp, plainAnswer)), () => ends, null);
    },
    discard: (tcp) => tcp.close(),
    close: () => listener.close(),
    ref: () => listener.ref(),
    unref: () => listener.unref(),
  });
}
