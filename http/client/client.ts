/** The client: redirects, cookies and limits of time over a transport. */
import { maxDrain } from "./client_body.ts";
import { type Clock, CoarseClock, coarseClock, type WaitOptions } from "../../deadline.ts";
import type { StaticBody } from "../web/body.ts";
import type { CookieJar } from "./cookies.ts";
import { maskPassword } from "../errors.ts";
import type { IncomingBody } from "../incoming.ts";
import { fieldsFrom, fieldsOf, LightHeaders } from "../web/light_headers.ts";
import {
  basicAuth,
  type CheckRedirect,
  isRedirect,
  maxRedirects,
  redirectError,
  Redirects,
  useLastResponse,
  withoutUserinfo,
} from "./redirect.ts";
import {
  bodyOfRequest,
  fieldsOfRequest,
  isOurs,
  Request,
  signalOfRequest,
} from "../web/request.ts";
import { fieldsOfResponse, incomingResponse, isOurs as isOurResponse } from "../web/response.ts";
import type { Response } from "../web/response.ts";
import type { RoundTripper } from "./round_tripper.ts";
import { InformationalTrace } from "./phase_trace.ts";
import { drain, takeBody } from "./taken_body.ts";
import { TimeLimit } from "./time_limit.ts";
import { type ClientTrace, type InformationalEvent, setTrace, traceOf } from "./trace.ts";
import { defaultTransport } from "./transport.ts";

/** How a {@linkcode Client} behaves. All of it is optional. */
export interface ClientOptions {
  /** What sends the requests; `defaultTransport` by default, with its connections. */
  transport?: RoundTripper;
  /** Decides about each redirect; by default, 10 of them are followed. */
  checkRedirect?: CheckRedirect;
  /** Where cookies are kept; nowhere by default. */
  jar?: CookieJar;
  /**
   * Milliseconds for a call, redirects and the reading of the body included. No limit by default,
   * and with `0`. Negative: already expired.
   */
  timeout?: number;
  /** The clock that limits are measured by; the system's by default. */
  clock?: Clock;
}

/** What one exchange may have besides its request. */
export interface ExchangeOptions extends Omit<WaitOptions, "signal"> {
  /** Hooks to call on the way, in place of those that the request has. */
  trace?: ClientTrace;
  /** Called for each informational response, such as `103 Early Hints`. */
  informational?: (event: InformationalEvent) => void;
}

/**
 * A request's members, as `fetch` takes them, its limits of time and its hooks. A `timeout` takes
 * the place of the client's; `0` is no limit.
 */
export interface ClientInit extends RequestInit, ExchangeOptions {}

/** The fields of a form: as `URLSearchParams`, or as names with one value or several. */
export type FormValues =
  | URLSearchParams
  | Iterable<readonly [string, string]>
  | { readonly [name: string]: string | readonly string[] };

/**
 * An HTTP client. `new Client()` works as it is, and one is enough for a program: it may be used
 * for many requests at once, and its transport keeps connections for the next ones.
 *
 * - A status that is not 2xx is a response like any other.
 * - At most 10 redirects are followed, or as `checkRedirect` decides. 301, 302 and 303 turn every
 *   method but `GET` and `HEAD` into `GET` without the body. 307 and 308 keep both; a body that is
 *   a stream cannot be sent again, and the redirect is the result, as it is without a `Location`.
 *   `redirect: "manual"` makes every redirect the result, and `"error"` rejects.
 * - `Authorization`, `Cookie` and their like follow to the same host or one below it, and once
 *   left out they stay so.
 * - A name and a password in the URL become `Authorization`, unless that is set.
 * - The limits of time cover everything up to the last byte of the body, which must be read or
 *   cancelled (`await using` does that).
 *
 * It rejects with an `HttpError`, which says where it failed and whether that was a timeout; with
 * the reason of the signal, unchanged; or with a `TypeError` for an argument that is not valid. As
 * Go's `http.Client`. Needs `--allow-net`.
 *
 * ```ts
 * import { Client, Response } from "@plumb/plumb/http";
 *
 * const transport = { roundTrip: () => Promise.resolve(new Response("hello")) };
 * const client = new Client({ transport, timeout: 5_000 });
 * await using response = await client.get("http://example.com/");
 * console.log(response.status, await response.text()); // 200 hello
 * ```
 */
export class Client {
  readonly #transport: RoundTripper;
  readonly #checkRedirect: CheckRedirect;
  readonly #jar: CookieJar | undefined;
  readonly #timeout: number;
  readonly #clock: Clock | undefined;
  readonly #coarse: CoarseClock;

  /**
   * A client; nothing is opened before it is used.
   *
   * @param options How it behaves.
   * @throws {TypeError} A `timeout` that is not a number.
   * @throws {RangeError} A `timeout` that is `NaN`.
   */
  constructor(options: ClientOptions = {}) {
    const { timeout = 0, clock } = options;
    if (typeof timeout !== "number") {
      throw new TypeError(`timeout must be a number of milliseconds, got ${String(timeout)}`);
    }
    if (Number.isNaN(timeout)) throw new RangeError("timeout must not be NaN");
    this.#transport = options.transport ?? defaultTransport;
    this.#checkRedirect = options.checkRedirect ?? stopAfterTen;
    this.#jar = options.jar;
    this.#timeout = timeout;
    this.#clock = clock;
    this.#coarse = clock === undefined ? coarseClock : new CoarseClock({ clock });
  }

  /**
   * Gets a resource.
   *
   * @param url The absolute URL.
   * @param init Headers, limits and so on; its method is not looked at.
   * @returns The response, once its head is there.
   * @throws {HttpError} It failed.
   * @throws {TypeError} An argument is not valid.
   */
  get(url: string | URL, init?: ClientInit): Promise<Response> {
    return this.#do(() => new Request(url, init && { ...init, method: "GET" }), init);
  }

  /**
   * Gets what {@linkcode Client.get} would, without the body.
   *
   * @param url The absolute URL.
   * @param init Headers, limits and so on; its method is not looked at.
   */
  head(url: string | URL, init?: ClientInit): Promise<Response> {
    return this.#do(() => new Request(url, { ...init, method: "HEAD" }), init);
  }

  /**
   * Sends something.
   *
   * @param url The absolute URL.
   * @param contentType What the body is, such as `"application/json"`.
   * @param body The body; `null` for none.
   * @param init Headers, limits and so on; its method and body are not looked at.
   */
  post(
    url: string | URL,
    contentType: string,
    body: BodyInit | null,
    init?: ClientInit,
  ): Promise<Response> {
    return this.#do(() => {
      const headers = new LightHeaders(fieldsFrom(init?.headers ?? []), false);
      headers.set("content-type", contentType);
      return new Request(url, { ...init, method: "POST", body, headers });
    }, init);
  }

  /**
   * Sends a form, as `application/x-www-form-urlencoded`.
   *
   * @param url The absolute URL.
   * @param data The fields of the form.
   * @param init Headers, limits and so on; its method and body are not looked at.
   */
  async postForm(url: string | URL, data: FormValues, init?: ClientInit): Promise<Response> {
    const form = formOf(data).toString();
    return await this.post(url, "application/x-www-form-urlencoded", form, init);
  }

  /**
   * The `fetch` of this client, for whatever takes one; bound, so that it can be passed on. Unlike
   * the web's it rejects with an `HttpError` when the network fails, `redirect: "manual"` gives the
   * redirect itself, and every header can be set.
   */
  readonly fetch = (
    input: string | URL | globalThis.Request,
    init?: ClientInit,
  ): Promise<Response> => this.#do(() => new Request(input, init), init);

  /**
   * Sends a request. As Go's `Client.Do`. Its body is used up, unless it is there as a whole
   * and the request is a `Request` of this package: that can be sent again.
   *
   * @param request The request, of this package or the runtime's.
   * @param options Its limits of time and its hooks.
   */
  do(request: globalThis.Request, options?: ExchangeOptions): Promise<Response> {
    return this.#do(() => isOurs(request) ? request : new Request(request), options);
  }

  // With as few promises as may be: on the way to a connection that is idle there is no other wait.
  #do(make: () => Request, options: ExchangeOptions = noOptions): Promise<Response> {
    try {
      return this.#begin(make(), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #begin(first: Request, options: ExchangeOptions): Promise<Response> {
    checkScheme(first.url);
    const trace = traceFor(first, options);
    const timeout = options.timeout ?? this.#timeout;
    const { deadline } = options;
    if (timeout === 0 && deadline === undefined) return this.#follow(first, trace, undefined);
    const { method: op, url } = first;
    const limit = new TimeLimit({
      wait: { timeout, deadline, signal: signalOfRequest(first) },
      op,
      url,
      trace,
      clock: this.#clock,
      coarse: this.#coarse,
    });
    return this.#follow(first, limit.trace, limit);
  }

  /** Lets go of the connections that wait for a next request. */
  closeIdleConnections(): void {
    this.#transport.closeIdleConnections?.();
  }

  /** Sends the request, and then the ones that redirects lead to. */
  async #follow(
    first: Request,
    trace: ClientTrace | undefined,
    limit: TimeLimit | undefined,
  ): Promise<Response> {
    const body = bodyOfRequest(first)?.whole; // before it may be used up
    const via: Request[] = [];
    let redirects: Redirects | undefined;
    for (let request = first;;) {
      const response = await this.#send(request, body, trace, limit);
      const location = redirectOf(response, request);
      if (location === null) return finish(response, via.length > 0, limit);
      const content = takeBody(response);
      const stop = () => finish(response, via.length > 0, limit, content);
      let next: Request | undefined;
      try {
        if (request.redirect === "error") {
          throw redirectError(request, `redirected to ${JSON.stringify(maskPassword(location))}`);
        }
        redirects ??= new Redirects(first, body);
        if (this.#jar !== undefined) redirects.forgetCookies(response.headers.getSetCookie());
        next = redirects.next(request, response.status, location);
        if (next === undefined) return stop();
        via.push(request);
        if (await this.#within(limit, () => this.#check(next!, via)) === useLastResponse) {
          via.pop();
          return stop();
        }
      } catch (error) {
        content?.cancel(error);
        throw error;
      }
      await this.#within(limit, () => drain(content, maxDrain, this.#coarse, limit?.signal));
      request = next;
    }
  }

  async #check(next: Request, via: readonly Request[]): Promise<void | typeof useLastResponse> {
    return await this.#checkRedirect(next, via);
  }

  /** One exchange. */
  #send(
    request: Request,
    body: StaticBody | undefined,
    trace: ClientTrace | undefined,
    limit: TimeLimit | undefined,
  ): Promise<Response> {
    if (this.#jar !== undefined || limit !== undefined || request.url.includes("@")) {
      return this.#sendDressed(request, body, trace, limit);
    }
    if (trace !== undefined) setTrace(request, trace);
    return this.#transport.roundTrip(request);
  }

  /** One exchange, with the cookies of the jar, what the URL says, and within its limits. */
  async #sendDressed(
    request: Request,
    body: StaticBody | undefined,
    trace: ClientTrace | undefined,
    limit: TimeLimit | undefined,
  ): Promise<Response> {
    const jar = this.#jar;
    const cookies = jar &&
      await this.#within(limit, async () => await jar.cookies(new URL(request.url)));
    const sent = dressed(request, { cookies, body, signal: limit?.signal });
    if (trace !== undefined) setTrace(sent, trace);
    const response = await this.#within(
      limit,
      () => this.#transport.roundTrip(sent),
      (late) => takeBody(late)?.cancel(),
    );
    if (jar === undefined) return response;
    const values = response.headers.getSetCookie();
    if (values.length > 0) {
      try {
        await this.#within(limit, async () => await jar.setCookies(new URL(request.url), values));
      } catch (error) {
        takeBody(response)?.cancel(error);
        throw error;
      }
    }
    return response;
  }

  #within<T>(
    limit: TimeLimit | undefined,
    work: () => Promise<T>,
    onLate?: (value: T) => void,
  ): Promise<T> {
    return limit === undefined ? work() : limit.race(work, onLate);
  }
}

const noOptions: ExchangeOptions = {};

function stopAfterTen(next: Request, via: readonly Request[]): void {
  if (via.length > maxRedirects) {
    throw redirectError(next, `stopped after ${maxRedirects} redirects`);
  }
}

/** Nothing else is spoken here. */
function checkScheme(url: string): void {
  if (url.startsWith("http:") || url.startsWith("https:")) return;
  throw new TypeError(`URL ${JSON.stringify(url)}: must be http: or https:`);
}

/** The hooks of an exchange: those given with it, or those the request has. */
function traceFor(request: Request, options: ExchangeOptions): ClientTrace | undefined {
  const { trace = traceOf(request), informational } = options;
  if (informational === undefined) return trace;
  return new InformationalTrace(trace, informational);
}

/** Where the response redirects the request to; `null` where it is the result. */
function redirectOf(response: Response, request: Request): string | null {
  if (!isRedirect(response.status) || request.redirect === "manual") return null;
  return response.headers.get("location");
}

/** What a request gets on its way to the transport. */
interface Dress {
  readonly cookies: string | undefined;
  readonly body: StaticBody | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The request as it is sent: what is the caller's stays as it is. */
function dressed(request: Request, { cookies, body, signal }: Dress): Request {
  const headers = new LightHeaders(fieldsOfRequest(request), false);
  if (cookies) {
    // One field, however many cookies (RFC 6265 section 5.4).
    const own = headers.get("cookie");
    headers.set("Cookie", own === null ? cookies : `${own}; ${cookies}`);
  }
  let { url } = request;
  if (url.includes("@")) {
    const parsed = new URL(url);
    const authorization = basicAuth(parsed);
    if (authorization !== undefined && !headers.has("authorization")) {
      headers.set("Authorization", authorization);
    }
    url = withoutUserinfo(parsed).href;
  }
  const own = bodyOfRequest(request);
  const sent = new Request(url, {
    method: request.method,
    headers,
    body: own === null ? null : body ?? request.body,
    signal: signal ?? signalOfRequest(request) ?? null,
    redirect: request.redirect,
  });
  // A type that the caller has taken away stays away.
  if (own !== null && !headers.has("content-type")) sent.headers.delete("content-type");
  return sent;
}

/** The response as the caller gets it. */
function finish(
  response: Response,
  redirected: boolean,
  limit: TimeLimit | undefined,
  taken?: IncomingBody | null,
): Response {
  const ours = isOurResponse(response);
  if (ours && !redirected && limit === undefined && taken === undefined) return response;
  const body = taken === undefined ? takeBody(response) : taken;
  return incomingResponse({
    status: response.status,
    statusText: response.statusText,
    fields: ours ? fieldsOfResponse(response) : fieldsOf((response as Response).headers),
    body: limit === undefined ? body : limit.body(body),
    url: response.url,
    redirected: redirected || response.redirected,
    proto: response.proto ?? "HTTP/1.1",
    trailers: () => response.trailers ?? Promise.resolve(new Headers()),
    remoteAddr: response.remoteAddr,
    uncompressed: response.uncompressed ?? false,
  });
}

function formOf(data: FormValues): URLSearchParams {
  if (data instanceof URLSearchParams) return data;
  const form = new URLSearchParams();
  const pairs = Symbol.iterator in data
    ? data as Iterable<readonly [string, string]>
    : Object.entries(data);
  for (const [name, value] of pairs) {
    if (typeof value === "string") form.append(name, value);
    else for (const each of value) form.append(name, each);
  }
  return form;
}
