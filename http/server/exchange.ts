/** One request on a server's connection, and what its handler may do beside answering. */
import type { Address, Conn, ConnectionState, TlsConn } from "../../net/conn.ts";
import type { RequestHead } from "../h1/head.ts";
import type { HandlerInfo, Hijacked } from "../handler.ts";
import { checkFieldName, checkFieldValue, headersOf, mayBeTrailer } from "../headers.ts";
import type { IncomingRequestParts } from "../web/incoming_request.ts";
import type { ServerBody } from "./server_body.ts";

/** What an exchange needs of its connection. */
export interface ExchangeHost {
  /** The connection. */
  readonly conn: Conn;
  /** What its URLs begin with. */
  readonly scheme: "http" | "https";
  /** Begins to look out for the client's departure. */
  watch(): void;
  /** Sends an informational response. */
  inform(status: number, fields: readonly string[]): Promise<void>;
  /** Hands the connection over. */
  hijack(): Hijacked;
  /** Sets until when the body must have been read. */
  setReadDeadline(deadline: Date | number | null): void;
  /** Sets until when the response must be written. */
  setWriteDeadline(deadline: Date | number | null): void;
}

/** The fields to send behind a body, or what makes them. */
export type TrailerSource = readonly string[] | (() => HeadersInit | Promise<HeadersInit>);

/** How far the answer is: `waiting -> begun -> written | failed`, `waiting -> hijacked | failed`. */
export type AnswerState = "waiting" | "begun" | "written" | "failed" | "hijacked";

/** What somebody may wait for; made when first asked for. */
class Outcome<T> {
  #deferred: PromiseWithResolvers<T> | undefined;
  #settle: ((deferred: PromiseWithResolvers<T>) => void) | undefined;

  get promise(): Promise<T> {
    if (this.#deferred === undefined) {
      this.#deferred = Promise.withResolvers();
      this.#deferred.promise.catch(() => {}); // to be waited for, or not
      this.#settle?.(this.#deferred);
    }
    return this.#deferred.promise;
  }

  settle(how: (deferred: PromiseWithResolvers<T>) => void): void {
    if (this.#settle !== undefined) return;
    this.#settle = how;
    if (this.#deferred !== undefined) how(this.#deferred);
  }
}

const resolveVoid = (deferred: PromiseWithResolvers<void>) => deferred.resolve();

/** One request and its answer. */
export class Exchange implements IncomingRequestParts {
  readonly host: ExchangeHost;
  readonly head: RequestHead;
  readonly body: ServerBody | null;
  /** How far the answer is. */
  state: AnswerState = "waiting";
  /** Ends the response's body when nobody is left to read it. */
  cancel: ((reason: unknown) => void) | undefined;
  trailerSource: TrailerSource | undefined;
  #controller: AbortController | undefined;
  #gone: { reason: unknown } | undefined;
  #completed: Outcome<void> | undefined;
  #trailers: Outcome<Headers> | undefined;
  #received: readonly string[] | undefined;
  #bodyError: { error: unknown } | undefined;

  /**
   * @param host The connection.
   * @param head The request's head.
   * @param body The request's body.
   */
  constructor(host: ExchangeHost, head: RequestHead, body: ServerBody | null) {
    this.host = host;
    this.head = head;
    this.body = body;
  }

  get method(): string {
    return this.head.method;
  }

  get fields(): readonly string[] {
    return this.head.fields;
  }

  url(): string {
    const { target, host } = this.head;
    const { scheme, conn } = this.host;
    if (target[0] === "/") return `${scheme}://${host || ownHost(conn)}${target}`;
    if (!target.includes("://")) return `${scheme}://${target}/`;
    return target.replace(/^([^:]*:\/\/[^/?]*)(?=\?|$)/, "$1/");
  }

  signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#gone !== undefined) this.#controller.abort(this.#gone.reason);
      else if (!this.over) this.host.watch();
    }
    return this.#controller.signal;
  }

  /** Whether the connection is of no concern to it any more. */
  get over(): boolean {
    return this.state !== "waiting" && this.state !== "begun";
  }

  /** Whether somebody wants to know when the client goes away. */
  get watched(): boolean {
    return this.#controller !== undefined;
  }

  /** Settles when the response is written, or was not. */
  get completed(): Promise<void> {
    return (this.#completed ??= this.#settledCompletion()).promise;
  }

  /** The fields behind the request's body. */
  get trailers(): Promise<Headers> {
    if (this.#trailers === undefined) {
      this.#trailers = new Outcome();
      this.#settleTrailers();
    }
    return this.#trailers.promise;
  }

  /** The client has gone away. */
  abort(reason: unknown): void {
    if (this.#gone !== undefined) return;
    this.#gone = { reason };
    this.#controller?.abort(reason);
  }

  /**
   * Whether the client has gone, and this is what `request.signal` said about it.
   *
   * @param error What the handler has failed with.
   */
  goneBecause(error: unknown): boolean {
    return this.#gone !== undefined && this.#gone.reason === error;
  }

  /** The connection is the handler's now: nothing more is written, so all is. */
  hijacked(): void {
    this.state = "hijacked";
    this.#completed?.settle(resolveVoid);
  }

  /** The response is written. */
  complete(): void {
    this.state = "written";
    this.#completed?.settle(resolveVoid);
  }

  /** The response cannot be written. */
  fail(error: unknown): void {
    if (this.state === "written" || this.state === "failed") return;
    this.state = "failed";
    this.#failure = error;
    this.#completed?.settle((deferred) => deferred.reject(error));
    this.cancel?.(error);
    this.cancel = undefined;
  }

  #failure: unknown;

  /** The body has ended. */
  bodyEnded(trailers: readonly string[]): void {
    this.#received = trailers;
    this.#settleTrailers();
  }

  /** The body cannot be read. */
  bodyFailed(error: unknown): void {
    this.#bodyError = { error };
    this.#settleTrailers();
  }

  #settledCompletion(): Outcome<void> {
    const outcome = new Outcome<void>();
    if (this.state === "written" || this.state === "hijacked") outcome.settle(resolveVoid);
    else if (this.state === "failed") outcome.settle(({ reject }) => reject(this.#failure));
    return outcome;
  }

  #settleTrailers(): void {
    const outcome = this.#trailers;
    if (outcome === undefined) return;
    if (this.#bodyError !== undefined) {
      const { error } = this.#bodyError;
      outcome.settle(({ reject }) => reject(error));
    } else if (this.body === null || this.#received !== undefined) {
      const headers = headersOf(this.#received ?? []);
      outcome.settle(({ resolve }) => resolve(headers));
    }
  }
}

/** What stands in a URL for a host that the client (of HTTP/1.0) has not named. */
function ownHost({ localAddr }: Conn): string {
  return "port" in localAddr ? localAddr.toString() : "localhost";
}

/** The fields of what the web takes for headers, checked. */
export function fieldsOfInit(init: HeadersInit | undefined): string[] {
  const fields: string[] = [];
  for (const [name, value] of new Headers(init)) {
    checkFieldName(name);
    checkFieldValue(name, value);
    fields.push(name, value);
  }
  return fields;
}

/** Refuses a field that may not stand behind a body (RFC 9110 section 6.5.1). */
export function checkTrailers(fields: readonly string[]): readonly string[] {
  for (let i = 0; i < fields.length; i += 2) {
    if (!mayBeTrailer(fields[i])) {
      throw new TypeError(`trailer ${JSON.stringify(fields[i])}: the field may not be a trailer`);
    }
  }
  return fields;
}

/** What a handler is told and may do beside answering. */
export class Info implements HandlerInfo {
  pattern = "";
  params: Readonly<Record<string, string>> = {};
  readonly #exchange: Exchange;

  /** @param exchange What it is about. */
  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get remoteAddr(): Address {
    return this.#exchange.host.conn.remoteAddr;
  }

  get localAddr(): Address {
    return this.#exchange.host.conn.localAddr;
  }

  get tls(): ConnectionState | null {
    return (this.#exchange.host.conn as Partial<TlsConn>).connectionState ?? null;
  }

  get proto(): "HTTP/1.0" | "HTTP/1.1" {
    return this.#exchange.head.minor === 0 ? "HTTP/1.0" : "HTTP/1.1";
  }

  get completed(): Promise<void> {
    return this.#exchange.completed;
  }

  get trailers(): Promise<Headers> {
    return this.#exchange.trailers;
  }

  async sendInformational(status: number, headers?: HeadersInit): Promise<void> {
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
      throw new RangeError(`informational status must be 100 to 199 and not 101, got ${status}`);
    }
    const fields = fieldsOfInit(headers);
    this.#require("send an informational response");
    if (this.#exchange.head.minor === 1) await this.#exchange.host.inform(status, fields);
  }

  setTrailers(trailers: HeadersInit | (() => HeadersInit | Promise<HeadersInit>)): void {
    this.#require("set trailers");
    this.#exchange.trailerSource = typeof trailers === "function"
      ? trailers
      : checkTrailers(fieldsOfInit(trailers));
  }

  hijack(): Hijacked {
    this.#require("hijack");
    return this.#exchange.host.hijack();
  }

  setReadDeadline(deadline: Date | number | null): void {
    const { body, host, over } = this.#exchange;
    if (!over && body !== null && !body.ended) host.setReadDeadline(deadline);
  }

  setWriteDeadline(deadline: Date | number | null): void {
    // Later, it would hit the requests behind this one.
    if (!this.#exchange.over) this.#exchange.host.setWriteDeadline(deadline);
  }

  #require(what: string): void {
    const { state } = this.#exchange;
    if (state === "waiting") return;
    const why = {
      begun: "the answer has begun",
      written: "the answer is written",
      failed: "the connection is gone",
      hijacked: "the connection was hijacked",
    };
    throw new TypeError(`cannot ${what}: ${why[state]}`);
  }
}
