/** TCP through the runtime's own sockets. */
import type { Deadline } from "../../deadline.ts";
import { netAddress } from "../address.ts";
import type { NetAddress, TcpConn } from "../conn.ts";
import { ClosedError } from "../errors.ts";
import { isIp } from "../ip.ts";
import { tcpOption } from "../native/descriptor.ts";
import type { KeepAliveConfig } from "../native/keep_alive.ts";
import { setKeepAlive, setLinger, setReadBuffer, setWriteBuffer } from "../native/options.ts";
import { StreamConn } from "../stream.ts";

/** What a fresh connection is given unless asked otherwise. */
export interface TcpOptions {
  /** TCP_NODELAY. */
  readonly noDelay: boolean;
  /** SO_KEEPALIVE. */
  readonly keepAlive: boolean;
}

const ends = (conn: Deno.Conn<Deno.NetAddr>): [NetAddress, NetAddress] => {
  const { localAddr, remoteAddr } = conn;
  return [
    netAddress("tcp", localAddr.hostname, localAddr.port),
    netAddress("tcp", remoteAddr.hostname, remoteAddr.port),
  ];
};

/** A TCP connection of the runtime. */
export class RuntimeTcpConn extends StreamConn<Deno.TcpConn, NetAddress> implements TcpConn {
  /** @param conn The runtime's connection, from now on this one's alone. */
  constructor(conn: Deno.TcpConn) {
    super(conn, "tcp", () => ends(conn));
  }

  setNoDelay(noDelay = true): void {
    this.#set("set no delay", () => this.inner.setNoDelay(noDelay));
  }

  setKeepAlive(keepAlive: boolean | KeepAliveConfig = true): void {
    if (typeof keepAlive === "object") {
      return this.#option("set keep-alive", (fd) => setKeepAlive(fd, keepAlive));
    }
    this.#set("set keep-alive", () => this.inner.setKeepAlive(keepAlive));
  }

  setLinger(seconds: number | null): void {
    this.#option("set linger", (fd) => setLinger(fd, seconds));
  }

  setReadBuffer(bytes: number): void {
    this.#option("set read buffer", (fd) => setReadBuffer(fd, bytes));
  }

  setWriteBuffer(bytes: number): void {
    this.#option("set write buffer", (fd) => setWriteBuffer(fd, bytes));
  }

  /** Sets what the runtime cannot, on the descriptor beneath. */
  #option(op: string, set: (fd: number) => void): void {
    this.#set(op, () => {
      if (this.closed) throw new Deno.errors.BadResource("the connection was closed");
      tcpOption(op, this, set);
    });
  }

  #set(op: string, set: () => void): void {
    try {
      set();
    } catch (error) {
      const ours = error instanceof TypeError || error instanceof RangeError;
      throw ours ? error : this.fail(op, error);
    }
  }
}

/** Sets the options of a fresh connection, which is closed if that fails. */
export function prepareTcp(conn: Deno.TcpConn, options: TcpOptions): Deno.TcpConn {
  try {
    if (options.noDelay) conn.setNoDelay(true);
    if (options.keepAlive) conn.setKeepAlive(true);
    return conn;
  } catch (error) {
    conn.close();
    throw error;
  }
}

/**
 * Connects to one address.
 *
 * @param hostname An IP address, or a name for the runtime to look up.
 * @param port The port.
 * @param deadline When to give up: the attempt is then cancelled, not left behind. It is for the
 * caller to dispose of.
 */
export function connectTcp(
  hostname: string,
  port: number,
  deadline: Deadline,
): Promise<Deno.TcpConn> {
  if (deadline.unlimited) return Deno.connect({ hostname, port });
  return Deno.connect({ hostname, port, signal: deadline.signal });
}

/**
 * Whether the permissions allow connecting to a host without asking the user.
 *
 * @param hostname A name or an IP address.
 * @param port The port.
 */
export function mayConnect(hostname: string, port: number): boolean {
  const host = isIp(hostname) === 6 ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  try {
    return Deno.permissions.querySync({ name: "net", host }).state === "granted";
  } catch {
    return false; // What is no host (`a b`) cannot be allowed either.
  }
}

/** What the runtime's TCP listener takes. */
export interface ListenTcpOptions {
  /** How many connections the kernel queues; 511 by default. */
  readonly backlog?: number;
  /** Whether several processes may listen on one port; needs `--unstable-net`. */
  readonly reusePort?: boolean;
}

/**
 * Listens on TCP.
 *
 * @param hostname The address to bind; `undefined` for all, IPv6 and IPv4.
 * @param port The port; 0 for a free one.
 */
export function listenTcp(
  hostname: string | undefined,
  port: number,
  options: ListenTcpOptions,
): Deno.TcpListener {
  const { backlog: tcpBacklog, reusePort } = options;
  const rest = { port, ...(tcpBacklog && { tcpBacklog }), ...(reusePort && { reusePort }) };
  return onEveryAddress(hostname, (hostname) => Deno.listen({ hostname, ...rest }));
}

/**
 * Listens on one address, or on all that the machine has.
 *
 * @param hostname The address; `undefined` for all, IPv6 and IPv4.
 * @param listen Listens on it.
 */
export function onEveryAddress<L>(
  hostname: string | undefined,
  listen: (hostname: string) => L,
): L {
  if (hostname !== undefined) return listen(hostname);
  try {
    return listen("::");
  } catch (error) {
    // A machine without IPv6 still has the rest.
    const code = error instanceof Error ? (error as { code?: string }).code : undefined;
    if (code !== "EAFNOSUPPORT" && code !== "EADDRNOTAVAIL") throw error;
    return listen("0.0.0.0");
  }
}

/**
 * Accepts from a listener of one family: the runtime's IPv6 socket takes IPv4 too, which a
 * `tcp6` listener turns away.
 */
export async function acceptTcp(
  listener: Deno.TcpListener,
  family: 4 | 6 | undefined,
): Promise<Deno.TcpConn> {
  for (;;) {
    const conn = await acceptLiving(listener);
    const mapped = conn.remoteAddr.hostname.toLowerCase().startsWith("::ffff:");
    if (family !== 6 || !mapped) return conn;
    conn.close();
  }
}

/**
 * Accepts, past connections that were reset while they waited: the runtime cannot tell where those
 * come from (`ENOTCONN`), has closed them itself, and the next one is as good as any.
 *
 * @param listener A listener of the runtime.
 */
export async function acceptLiving<C>(listener: { accept(): Promise<C> }): Promise<C> {
  for (;;) {
    try {
      return await listener.accept();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotConnected)) throw error;
    }
  }
}

/** Whether an error says that this side has closed the listener. */
export function isClosed(error: unknown): boolean {
  return error instanceof ClosedError || error instanceof Deno.errors.BadResource;
}
