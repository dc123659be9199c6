/** Hooks that watch an exchange go through its phases. */
import type { Address } from "../../net/conn.ts";
import type { Trace } from "../../net/trace.ts";

/** A connection is about to be looked for: an idle one, or a new one. */
export interface GetConnEvent {
  /** Where it has to lead: `"example.com:443"`; the proxy's where there is one. */
  readonly hostPort: string;
}

/** A connection was got. */
export interface GotClientConnEvent {
  /** Whether an earlier request went over it. */
  readonly reused: boolean;
  /** Milliseconds it was idle before; `0` when it is new, or went from one request to the next. */
  readonly idleTime: number;
  /** This end. */
  readonly localAddr: Address;
  /** The other end. */
  readonly remoteAddr: Address;
}

/** The request was written, or could not be. */
export interface WroteRequestEvent {
  /** Why it failed, or `undefined`. */
  readonly error: unknown;
}

/** An informational response has come. */
export interface InformationalEvent {
  /** Its status, 100 to 199. */
  readonly status: number;
  /** Its fields. */
  readonly headers: Headers;
}

/** The connection was kept for a next request, or was not. */
export interface PutIdleConnEvent {
  /** Why it was closed instead, or `undefined`. */
  readonly error: unknown;
}

/**
 * Hooks that watch an exchange, all optional. As Go's `httptrace.ClientTrace`.
 *
 * They are called synchronously, for each request that a redirect causes too, and in this order:
 * `getConn`; those of a new connection (`dnsStart`, `dnsDone`, `connectStart`, `connectDone`,
 * `tlsHandshakeStart`, `tlsHandshakeDone`); `gotConn`; `wroteHeaders`; `wait100Continue` and
 * `got100Continue`, where the request expects that; `wroteRequest`; `gotFirstResponseByte`;
 * `got1xxResponse` for each informational response; `putIdleConn`. A server that answers early may
 * be heard before `wroteRequest`, and a request sent once more begins at `getConn` again.
 *
 * A hook only watches: what it throws goes to `reportError`, and the exchange goes on.
 *
 * ```ts
 * import { Client, type ClientTrace, Response } from "@plumb/plumb/http";
 *
 * const trace: ClientTrace = {
 *   gotConn: ({ reused, idleTime }) => console.log(reused, idleTime),
 *   gotFirstResponseByte: () => console.log("the first byte"),
 * };
 * const transport = { roundTrip: () => Promise.resolve(new Response("hello")) };
 * const response = await new Client({ transport }).get("http://example.com/", { trace });
 * console.log(await response.text()); // hello
 * ```
 */
export interface ClientTrace extends Omit<Trace, "gotConn"> {
  /** A connection is about to be looked for. */
  getConn?(event: GetConnEvent): void;
  /** It is there. */
  gotConn?(event: GotClientConnEvent): void;
  /** The head of the request was written. */
  wroteHeaders?(): void;
  /** The body waits for `100 Continue`. */
  wait100Continue?(): void;
  /** `100 Continue` has come. */
  got100Continue?(): void;
  /** The request was written, body and all. */
  wroteRequest?(event: WroteRequestEvent): void;
  /** The first byte of the response has come. */
  gotFirstResponseByte?(): void;
  /** An informational response has come; `100 Continue` is one as well. */
  got1xxResponse?(event: InformationalEvent): void;
  /** The connection was kept for a next request, or closed. */
  putIdleConn?(event: PutIdleConnEvent): void;
}

/** What a hook is given: nothing, or its event. */
export type ClientTraceArguments<Name extends keyof ClientTrace> = Parameters<
  NonNullable<ClientTrace[Name]>
>;

const traces = new WeakMap<globalThis.Request, ClientTrace>();
// Most programs never trace: they are spared the look-up.
let everUsed = false;

/**
 * The hooks of a request, for those who write a {@linkcode ClientTrace}-aware transport.
 *
 * @param request The request that a transport was given.
 * @returns Its hooks, if it has any.
 */
export function traceOf(request: globalThis.Request): ClientTrace | undefined {
  return everUsed ? traces.get(request) : undefined;
}

/**
 * Attaches hooks to a request, in place of those it has.
 *
 * @param request The request.
 * @param trace The hooks.
 */
export function setTrace(request: globalThis.Request, trace: ClientTrace): void {
  everUsed = true;
  traces.set(request, trace);
}

/**
 * Calls a hook, if there is one. Never throws: a hook's error goes to `reportError`.
 *
 * @param trace The hooks, if there are any.
 * @param name Which of them.
 * @param args What it is told.
 */
export function fireTrace<Name extends keyof ClientTrace>(
  trace: ClientTrace | undefined,
  name: Name,
  ...args: ClientTraceArguments<Name>
): void {
  if (trace === undefined) return;
  try {
    // Called on the trace itself, so that a class may implement it and use `this`.
    (trace as { [hook: string]: ((...args: unknown[]) => void) | undefined })[name]?.(...args);
  } catch (error) {
    reportError(error);
  }
}
