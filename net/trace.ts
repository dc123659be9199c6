/** Hooks that watch a dial go through its phases. */
import type { Address, ConnectionState } from "./conn.ts";

/** A name is about to be looked up. Not fired for an IP literal, which needs no lookup. */
export interface DnsStartEvent {
  /** The name, without the port. */
  readonly host: string;
}

/** A lookup has ended. */
export interface DnsDoneEvent {
  /** The name, without the port. */
  readonly host: string;
  /** The IP addresses found, in the order they will be tried; empty when it failed. */
  readonly addrs: readonly string[];
  /** Why it failed, or `undefined`. */
  readonly error: unknown;
}

/** A connection to one address is about to be tried. */
export interface ConnectStartEvent {
  /** The concrete network: `"tcp4"` or `"tcp6"` rather than `"tcp"`. */
  readonly network: string;
  /** The address, `"192.0.2.1:80"` or a path. */
  readonly addr: string;
}

/** An attempt to connect to one address has ended. */
export interface ConnectDoneEvent extends ConnectStartEvent {
  /** Why it failed or was given up, or `undefined`. */
  readonly error: unknown;
}

/** A TLS handshake is about to begin. */
export interface TlsHandshakeStartEvent {
  /** The name the certificate must be good for. */
  readonly serverName: string;
}

/** A TLS handshake has ended. */
export interface TlsHandshakeDoneEvent {
  /** What was settled, or `undefined` when it failed. */
  readonly state: ConnectionState | undefined;
  /** Why it failed, or `undefined`. */
  readonly error: unknown;
}

/** The connection is ready and about to be handed over. */
export interface GotConnEvent {
  /** This end. */
  readonly localAddr: Address;
  /** The other end. */
  readonly remoteAddr: Address;
}

/**
 * Hooks that watch a dial, all optional, as Go's `httptrace.ClientTrace`.
 *
 * They are called synchronously, and in this order:
 *
 * 1. `dnsStart`, `dnsDone`, unless the host is an IP literal or the network has no names;
 * 2. `connectStart` and `connectDone` around each attempt. The attempts of the two address
 *    families may interleave, and those that lost the race end with an error, perhaps after
 *    `gotConn`;
 * 3. `tlsHandshakeStart`, `tlsHandshakeDone`, when the dial makes a TLS connection;
 * 4. `gotConn`, only when the dial succeeds.
 *
 * A hook only watches: what it throws goes to `reportError`, and the dial goes on.
 *
 * ```ts
 * import { dial, listen, type Trace } from "@plumb/plumb/net";
 *
 * const phases: string[] = [];
 * const trace: Trace = {
 *   connectDone: ({ network }) => phases.push(`connected over ${network}`),
 *   gotConn: () => phases.push("ready"),
 * };
 * using listener = listen("tcp", "127.0.0.1:0");
 * using conn = await dial("tcp", listener.addr.toString(), { trace });
 * console.log(conn.remoteAddr.toString() === listener.addr.toString(), phases.join(", "));
 * // true connected over tcp4, ready
 * ```
 */
export interface Trace {
  /** A name is about to be looked up. */
  dnsStart?(event: DnsStartEvent): void;
  /** The lookup has ended. */
  dnsDone?(event: DnsDoneEvent): void;
  /** One address is about to be tried. */
  connectStart?(event: ConnectStartEvent): void;
  /** That attempt has ended. */
  connectDone?(event: ConnectDoneEvent): void;
  /** A TLS handshake is about to begin. */
  tlsHandshakeStart?(event: TlsHandshakeStartEvent): void;
  /** The handshake has ended. */
  tlsHandshakeDone?(event: TlsHandshakeDoneEvent): void;
  /** The connection is ready. */
  gotConn?(event: GotConnEvent): void;
}

/** The event that each hook gets. */
export type TraceEvent<Name extends keyof Trace> = Parameters<NonNullable<Trace[Name]>>[0];

/**
 * Calls a hook, if there is one. Never throws: a hook's error goes to `reportError`, so that a
 * mistake in it cannot leak the connection it was told about.
 *
 * @param trace The hooks, if the caller gave any.
 * @param name Which of them.
 * @param event What it is told.
 */
export function fire<Name extends keyof Trace>(
  trace: Trace | undefined,
  name: Name,
  event: TraceEvent<Name>,
): void {
  try {
    // Called on the trace itself, so that a class may implement it and use `this`.
    (trace as { [hook: string]: ((event: unknown) => void) | undefined } | undefined)
      ?.[name]?.(event);
  } catch (error) {
    reportError(error);
  }
}
