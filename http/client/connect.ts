/** Opens the connections of a transport: to a server, through a proxy, with or without TLS. */
import { Deadline } from "../../deadline.ts";
import { joinHostPort } from "../../net/address.ts";
import type { Conn, ConnectionState } from "../../net/conn.ts";
import { Dialer } from "../../net/dialer.ts";
import { available } from "../../sys/mod.ts";
import { dialTls } from "../../net/tls.ts";
import type { Trace } from "../../net/trace.ts";
import type { Origin } from "../origin.ts";
import { connectSocks, connectTunnel } from "./proxy.ts";
import { tlsOver } from "./tls_over.ts";
import { type ClientTrace, fireTrace } from "./trace.ts";
import type { DialFunction, TransportSettings } from "./transport_options.ts";

/** Milliseconds for a connection, and for what a proxy is asked. As Go's `DefaultTransport`. */
const dialTimeout = 30_000;

const keepAlive = 30_000;

const proxyPorts: Record<string, number> = {
  "http:": 80,
  "https:": 443,
  "socks5:": 1080,
  "socks5h:": 1080,
};

/**
 * Where a proxy listens.
 *
 * @param proxy Its URL.
 * @returns `"host:port"`.
 */
export function proxyAddress(proxy: URL): string {
  return joinHostPort(bare(proxy.hostname), proxy.port || proxyPorts[proxy.protocol]);
}

/**
 * Whether a proxy gets the request itself, and not only a tunnel: plain HTTP over an HTTP proxy.
 *
 * @param origin The server.
 * @param proxy The proxy.
 */
export function forwards(origin: Origin, proxy: URL): boolean {
  return origin.scheme === "http" && /^https?:$/.test(proxy.protocol);
}

/** One connection to be opened. */
interface Opening {
  readonly settings: TransportSettings;
  readonly signal: AbortSignal;
  readonly trace: ClientTrace | undefined;
}

/**
 * Opens a connection that requests to a server can be sent over.
 *
 * @param settings How.
 * @param origin The server.
 * @param proxy The proxy; `null` for none.
 * @param signal Ends it.
 * @param trace Who watches.
 * @returns The connection, its handshakes done.
 */
export async function openConn(
  settings: TransportSettings,
  origin: Origin,
  proxy: URL | null,
  signal: AbortSignal,
  trace: ClientTrace | undefined,
): Promise<Conn> {
  const opening: Opening = { settings, signal, trace };
  if (proxy !== null) return await throughProxy(opening, origin, proxy);
  const { address } = origin;
  if (origin.scheme === "http") return await plain(opening, address);
  if (settings.dialTls !== undefined) return await custom(settings.dialTls, address, opening);
  if (settings.dial !== undefined) {
    return await secured(opening, await plain(opening, address), serverName(settings, origin));
  }
  const { tls, tlsHandshakeTimeout: handshakeTimeout } = settings;
  return await dialTls("tcp", address, {
    ...tls,
    signal,
    keepAlive,
    handshakeTimeout,
    timeout: handshakeTimeout === 0 ? 0 : dialTimeout + handshakeTimeout,
    alpnProtocols: ["http/1.1"],
    trace: trace && netTrace(trace),
  });
}

async function throughProxy(opening: Opening, origin: Origin, proxy: URL): Promise<Conn> {
  const { settings, signal } = opening;
  let conn = await plain(opening, proxyAddress(proxy));
  if (proxy.protocol === "https:") conn = await secured(opening, conn, bare(proxy.hostname));
  if (forwards(origin, proxy)) return conn;
  const ask = proxy.protocol.startsWith("socks") ? connectSocks : connectTunnel;
  using deadline = new Deadline({ signal, timeout: dialTimeout }, {
    phase: "proxy",
    clock: settings.clock,
  });
  try {
    await deadline.race(ask(conn, origin.address, proxy));
  } catch (error) {
    conn.close();
    throw error;
  }
  if (origin.scheme === "http") return conn;
  return await secured(opening, conn, serverName(settings, origin));
}

/** A connection to an address, without TLS. */
function plain(opening: Opening, address: string): Promise<Conn> {
  const { settings, signal, trace } = opening;
  if (settings.dial !== undefined) return custom(settings.dial, address, opening);
  // Where system calls are allowed, a small request costs less by them.
  const engine = available() ? "native" : undefined;
  const traced = trace && netTrace(trace);
  return new Dialer({ timeout: dialTimeout, keepAlive, engine, trace: traced }).dial(
    "tcp",
    address,
    { signal },
  );
}

/** The caller's own dial. One that ignores the signal is not waited for. */
async function custom(
  dial: DialFunction,
  addr: string,
  { settings, signal, trace }: Opening,
): Promise<Conn> {
  const event = { network: "tcp", addr };
  fireTrace(trace, "connectStart", event);
  using deadline = new Deadline({ signal, timeout: dialTimeout }, {
    phase: "dial",
    clock: settings.clock,
  });
  try {
    const wait = { signal: deadline.signal };
    const conn = await deadline.race(
      () => Promise.resolve(dial("tcp", addr, wait)),
      (late) => late.close(),
    );
    fireTrace(trace, "connectDone", { ...event, error: undefined });
    return conn;
  } catch (error) {
    fireTrace(trace, "connectDone", { ...event, error });
    throw error;
  }
}

/** TLS over a connection. */
async function secured(opening: Opening, conn: Conn, serverName: string): Promise<Conn> {
  const { settings, signal, trace } = opening;
  const { tls, tlsHandshakeTimeout: timeout, clock } = settings;
  fireTrace(trace, "tlsHandshakeStart", { serverName });
  using deadline = new Deadline({ signal, timeout }, { phase: "handshake", clock });
  let state: ConnectionState | undefined;
  let failure: unknown;
  try {
    [conn, state] = await tlsOver(conn, { tls, serverName, deadline });
    return conn;
  } catch (error) {
    throw failure = error;
  } finally {
    fireTrace(trace, "tlsHandshakeDone", { state, error: failure });
  }
}

function serverName({ tls }: TransportSettings, origin: Origin): string {
  return tls.serverName ?? origin.hostname;
}

/** The hooks of a dial that are the exchange's too; `gotConn` is another there. */
function netTrace(trace: ClientTrace): Trace {
  return {
    dnsStart: (event) => fireTrace(trace, "dnsStart", event),
    dnsDone: (event) => fireTrace(trace, "dnsDone", event),
    connectStart: (event) => fireTrace(trace, "connectStart", event),
    connectDone: (event) => fireTrace(trace, "connectDone", event),
    tlsHandshakeStart: (event) => fireTrace(trace, "tlsHandshakeStart", event),
    tlsHandshakeDone: (event) => fireTrace(trace, "tlsHandshakeDone", event),
  };
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}
