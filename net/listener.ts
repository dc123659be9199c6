/** `listen`: stream listeners with deadlines. */
import type { WaitOptions } from "../deadline.ts";
import { familyOf, netAddress, parseNetwork, splitHostPort, unixAddress } from "./address.ts";
import type { Address, Conn, Listener, NetAddress, Network, TcpConn } from "./conn.ts";
import { checkKeepAlive, keepAliveWanted } from "./dialer_options.ts";
import type { TcpNetwork } from "./dialer.ts";
import { AddressError, ClosedError, UnsupportedError } from "./errors.ts";
import { isIp } from "./ip.ts";
import { Parked } from "./parked.ts";
import { hasDatagram } from "./runtime/datagram.ts";
import { opError, timeoutError } from "./runtime/errors.ts";
import { acceptTcp, listenTcp, prepareTcp, RuntimeTcpConn } from "./runtime/tcp.ts";
import { listenUnix, RuntimeUnixConn } from "./runtime/unix.ts";
import { portIn } from "./targets.ts";

/** How to listen. As Go's `net.ListenConfig`. */
export interface ListenOptions {
  /** How many connections the kernel queues before they are accepted; the runtime's default. */
  backlog?: number;
  /** Whether several processes may listen on one TCP port; needs `--unstable-net`. */
  reusePort?: boolean;
  /** Whether the kernel probes silent TCP peers; `true` by default, `false` or negative: no. */
  keepAlive?: boolean | number;
  /** Whether small TCP writes go out at once; `true` by default. */
  noDelay?: boolean;
}

const served: readonly Network[] = ["tcp", "tcp4", "tcp6", "unix", "unixpacket"];

/** What an engine's listener is made of. */
export interface ListenerParts<Raw, C extends Conn> {
  /** The address listened on. */
  readonly addr: Address;
  /** Waits for the next raw connection. */
  accept(): Promise<Raw>;
  /** Makes a connection of a raw one, which is closed if that fails. */
  wrap(raw: Raw): C;
  /** Closes a raw connection that nobody takes. */
  discard(raw: Raw): void;
  /** Closes the listener. */
  close(): void;
  /** Lets a pending accept keep the process alive. */
  ref(): void;
  /** Keeps a pending accept from keeping the process alive. */
  unref(): void;
}

/** The contract of `Listener`, kept once for every engine. */
export class StreamListener<Raw, C extends Conn> implements Listener<C> {
  readonly addr: Address;
  readonly #parts: ListenerParts<Raw, C>;
  readonly #accepts: Parked<Raw>;
  #closed = false;

  /** @param parts The engine's listener. */
  constructor(parts: ListenerParts<Raw, C>) {
    this.addr = parts.addr;
    this.#parts = parts;
    this.#accepts = new Parked(() => parts.accept(), {
      op: "accept",
      onTimeout: (cause) => timeoutError(this.#context("accept"), cause),
      onClosed: () => new ClosedError(this.#context("accept")),
      ref: () => parts.ref(),
      unref: () => parts.unref(),
      discard: (raw) => parts.discard(raw),
    });
  }

  async accept(wait?: WaitOptions): Promise<C> {
    const raw = await this.#accepts.take(wait).catch((error) => {
      const aborted = wait?.signal?.aborted && error === wait.signal.reason;
      const misused = error instanceof TypeError || error instanceof RangeError;
      throw aborted || misused ? error : opError(error, this.#context("accept"));
    });
    try {
      return this.#parts.wrap(raw);
    } catch (error) {
      throw opError(error, this.#context("accept"));
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#accepts.close();
    this.#parts.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  setDeadline(deadline: Date | number | null): void {
    if (this.#closed) throw new ClosedError(this.#context("set deadline"));
    this.#accepts.setDeadline(deadline);
  }

  ref(): void {
    this.#accepts.ref();
  }

  unref(): void {
    this.#accepts.unref();
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<C> {
    try {
      for (;;) yield await this.accept();
    } catch (error) {
      if (!(error instanceof ClosedError)) throw error;
    }
  }

  #context(op: string) {
    return { op, network: this.addr.network, addr: this.addr.toString() };
  }
}

/** Where a TCP listener binds. */
export interface ListenAddress {
  /** The address to bind; `undefined` for all of them. */
  readonly hostname: string | undefined;
  /** The port; 0 for a free one. */
  readonly port: number;
}

/**
 * Reads the address of a TCP listener.
 *
 * @throws {AddressError} Malformed, or not of the network's family.
 */
export function listenAddress(network: Network, address: string): ListenAddress {
  if (typeof address !== "string") {
    throw new TypeError(`address must be a string, got ${String(address)}`);
  }
  const { host, port: service } = splitHostPort(address);
  const port = portIn(address, network, service);
  const family = familyOf(network);
  if (host === "") {
    const all = { 4: "0.0.0.0", 6: "::" };
    return { hostname: family && all[family], port };
  }
  // A listener has one address: this machine's name means IPv4 unless IPv6 is asked for, as in Go.
  if (host.toLowerCase() === "localhost") {
    return { hostname: family === 6 ? "::1" : "127.0.0.1", port };
  }
  const given = isIp(host);
  if (family !== undefined && given !== family) {
    const reason = given === 0 ? "a tcp4 or tcp6 listener needs an IP address" : undefined;
    throw new AddressError(address, reason ?? "no suitable address");
  }
  return { hostname: host, port };
}

/** Refuses listen options that make no sense. */
export function checkListenOptions(options: ListenOptions): void {
  const { backlog, reusePort, keepAlive, noDelay } = options;
  checkKeepAlive(keepAlive);
  for (const [name, value] of Object.entries({ reusePort, noDelay })) {
    if (value !== undefined && typeof value !== "boolean") {
      throw new TypeError(`${name} must be a boolean, got ${String(value)}`);
    }
  }
  if (backlog !== undefined && (!Number.isInteger(backlog) || backlog < 1)) {
    throw new RangeError(`backlog must be a whole number from 1, got ${String(backlog)}`);
  }
  if (reusePort && !hasDatagram()) {
    throw new UnsupportedError("reusePort", "it needs --unstable-net");
  }
}

function listenOnTcp(
  network: Network,
  address: string,
  options: ListenOptions,
): StreamListener<Deno.TcpConn, TcpConn> {
  const { hostname, port } = listenAddress(network, address);
  const listener = listenTcp(hostname, port, options);
  const prepare = { noDelay: options.noDelay ?? true, keepAlive: keepAliveWanted(options) };
  return new StreamListener({
    addr: boundAddress(listener.addr),
    accept: () => acceptTcp(listener, familyOf(network)),
    wrap: (raw) => new RuntimeTcpConn(prepareTcp(raw, prepare)),
    discard: (raw) => raw.close(),
    close: () => listener.close(),
    ref: () => listener.ref(),
    unref: () => listener.unref(),
  });
}

/** The address a listener got. */
export function boundAddress({ hostname, port }: Deno.NetAddr): NetAddress {
  return netAddress("tcp", hostname, port);
}

function listenOnUnix(address: string): StreamListener<Deno.UnixConn, Conn> {
  const { listener, close } = listenUnix(address);
  return new StreamListener({
    addr: unixAddress("unix", address),
    accept: () => listener.accept(),
    wrap: (raw) => new RuntimeUnixConn(raw),
    discard: (raw) => raw.close(),
    close,
    ref: () => listener.ref(),
    unref: () => listener.unref(),
  });
}

/**
 * Listens on a TCP network.
 *
 * @param network `"tcp"`, `"tcp4"` or `"tcp6"`.
 * @param address `"host:port"`; an empty host: every address, an empty port or 0: a free one.
 * @param options How.
 * @returns The listener.
 */
export function listen(
  network: TcpNetwork,
  address: string,
  options?: ListenOptions,
): Listener<TcpConn>;
/**
 * Listens on a stream network. As Go's `net.Listen`; like `Deno.listen` it returns at once.
 *
 * `listen("tcp", ":0")` takes IPv4 and IPv6 on a free port. A Unix listener removes its path when
 * it is closed, unless another socket has taken the path since; an existing path is never removed
 * for you, but fails with `EADDRINUSE`.
 *
 * ```ts
 * import { dial, listen } from "@plumb/plumb/net";
 *
 * using listener = listen("tcp", "127.0.0.1:0");
 * using client = await dial("tcp", listener.addr.toString());
 * using server = await listener.accept({ timeout: 1_000 });
 * console.log(server.remoteAddr.toString() === client.localAddr.toString()); // true
 * ```
 *
 * Needs `--allow-net` for TCP, and `--allow-net --allow-read --allow-write` for Unix sockets.
 *
 * @param network `"tcp"`, `"tcp4"`, `"tcp6"`, `"unix"` or `"unixpacket"`.
 * @param address `"host:port"`, or a path (`"@name"`: an abstract one, Linux).
 * @param options How.
 * @returns The listener.
 * @throws {OpError} The address is taken (`EADDRINUSE`), not this machine's, or not permitted.
 * @throws {AddressError} The address is malformed, or not of the network's family.
 * @throws {UnknownNetworkError} Not a stream network.
 * @throws {UnsupportedError} This engine cannot serve the network; the message says what can.
 */
export function listen(network: Network, address: string, options?: ListenOptions): Listener;
export function listen(network: Network, address: string, options: ListenOptions = {}): Listener {
  parseNetwork(network, served);
  checkListenOptions(options);
  try {
    switch (network) {
      case "unix":
        return listenOnUnix(address);
      case "unixpacket":
        throw new UnsupportedError(
          "listen unixpacket",
          "the runtime has no SOCK_SEQPACKET sockets, they need system calls",
        );
      default:
        return listenOnTcp(network, address, options);
    }
  } catch (error) {
    const ours = error instanceof TypeError || error instanceof RangeError;
    throw ours ? error : opError(error, { op: "listen", network, addr: address });
  }
}
