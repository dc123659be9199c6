/** `Transport`: requests out over connections that are kept, shared and limited. */
import { ClientCall, type Way } from "./client_call.ts";
import { ClientConn } from "./client_conn.ts";
import { transportClosed } from "./client_errors.ts";
import { forwards, openConn, proxyAddress } from "./connect.ts";
import { maskPassword } from "../errors.ts";
import { writeText } from "../h1/encode.ts";
import { type Origin, originForm, parseOrigin, pathStart } from "../origin.ts";
import { type OutgoingRequest, outgoingRequest } from "../web/outgoing.ts";
import { type HostStats, Pool } from "./pool.ts";
import { proxyAuthorization } from "./proxy.ts";
import { proxyFromEnvironment } from "./proxy_env.ts";
import type { Request } from "../web/request.ts";
import { planRequest, type RequestPlan } from "./request_plan.ts";
import type { Response } from "../web/response.ts";
import type { RoundTripper } from "./round_tripper.ts";
import { traceOf } from "./trace.ts";
import {
  checkProxyUrl,
  type TransportOptions,
  type TransportSettings,
  transportSettings,
} from "./transport_options.ts";

/** How requests to one server go. */
interface Route {
  readonly origin: Origin;
  readonly way: Way;
  /** What the request line has before the path: nothing, or all of it for a proxy. */
  readonly prefix: string;
  /** Fields for a proxy. */
  readonly extra: readonly string[];
  /** The latest plan, for those who ask again and again. */
  last: Planned | undefined;
}

/** A plan, and all that it depends on besides the route. */
interface Planned {
  readonly url: string;
  readonly method: string;
  readonly fields: readonly string[];
  readonly length: number;
  plan: RequestPlan;
}

/** Routes that a transport remembers. Finding one again costs no more than a few microseconds. */
const maxRoutes = 1_000;

/** Fields, names and values, of a request whose plan is kept: to compare more is not worth it. */
const maxPlannedFields = 20;

const noFields: readonly string[] = [];

/**
 * Sends requests over connections that it opens, keeps and shares. As Go's `http.Transport`.
 *
 * - **Reuse.** A connection carries one request at a time, and another one when the response was
 *   read to its end, unless either side means to close it. What is left of an unread body is read,
 *   up to 256 KiB; else the connection is closed. Idle connections do not keep the process alive.
 * - **Retry.** A request is sent once more, over another connection, only when the connection was
 *   reused and failed before any byte of a response, and the request may be repeated: `GET`, `HEAD`,
 *   `OPTIONS`, `TRACE`, or one with an `Idempotency-Key`, whose body is no stream. Or when nothing of
 *   it was written.
 * - **Abort.** The request's signal ends it at any time, with its own reason, and its connection.
 * - **Compression.** gzip is asked for and decoded where the caller has set neither
 *   `Accept-Encoding` nor `Range`.
 *
 * It follows no redirects and keeps no cookies: that is for a `Client`. It may be shared. Needs
 * `--allow-net`, and `--allow-env` for the proxies that the environment names. With `--allow-ffi`
 * plain connections are made by system calls, which is faster.
 *
 * ```ts
 * import { Request, Server, Transport } from "@plumb/plumb/http";
 * import { listen } from "@plumb/plumb/net";
 *
 * const listener = listen("tcp", "127.0.0.1:0");
 * const server = new Server({ handler: () => new Response("hello") });
 * const serving = server.serve(listener);
 *
 * using transport = new Transport({ maxConnsPerHost: 8, responseHeaderTimeout: 5_000 });
 * const response = await transport.roundTrip(new Request(`http://${listener.addr}/`));
 * console.log(response.status, await response.text()); // 200 hello
 *
 * transport.close();
 * await server.shutdown();
 * await serving;
 * ```
 */
export class Transport implements RoundTripper, Disposable {
  readonly #settings: TransportSettings;
  readonly #pool: Pool<ClientConn>;
  readonly #routes = new Map<string, Route>();
  /** Proxies by their URLs, and how they are called in `stats()`. */
  readonly #proxies = new Map<string, string>();

  /**
   * Opens nothing yet.
   *
   * @param options How it works; the defaults are Go's.
   * @throws {TypeError | RangeError} An option that does not exist, or a value that makes no sense.
   */
  constructor(options: TransportOptions = {}) {
    this.#settings = transportSettings(options);
    this.#pool = new Pool(this.#settings, this.#settings.coarse);
  }

  /**
   * Sends one request and waits for the head of its response.
   *
   * @param request The request, ours or the web's; its body may be taken.
   * @returns The response, whatever its status; its body is still to be read or cancelled.
   * @throws {HttpError} There is no response; `phase` says how far it went.
   * @throws {TypeError} The request cannot be sent: its URL is not `http` or `https`, a header is
   * not valid, the body was used.
   * @throws The reason of the request's signal.
   */
  roundTrip(request: Request | globalThis.Request): Promise<Response> {
    let call: ClientCall;
    try {
      const outgoing = outgoingRequest(request);
      const start = pathStart(outgoing.url);
      const route = this.#routeOf(outgoing.url, start);
      const plan = this.#plan(outgoing, route, start);
      call = new ClientCall(outgoing, plan, route.way, this.#pool, traceOf(request));
    } catch (error) {
      return Promise.reject(error);
    }
    return call.run();
  }

  /** Closes the connections that are idle now; those that carry a request are left alone. */
  closeIdleConnections(): void {
    this.#pool.closeIdle();
  }

  /**
   * How many connections there are, and requests that wait for one.
   *
   * @returns The counts by host (`"http://127.0.0.1:8080"`, with its proxy if it has one); a host
   * without any is left out.
   */
  stats(): Record<string, HostStats> {
    return this.#pool.stats();
  }

  /**
   * Closes every connection at once. Requests under way, and later ones, fail with an `HttpError`
   * of the code `"ERR_CLOSED"`.
   */
  close(): void {
    this.#pool.close(transportClosed);
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #plan(outgoing: OutgoingRequest, route: Route, start: number): RequestPlan {
    const { last } = route;
    if (last !== undefined && isPlanned(last, outgoing)) {
      if (last.plan.bytes === undefined) last.plan = withBytes(last.plan);
      return last.plan;
    }
    const { url, method, fields, length } = outgoing;
    const { disableCompression, disableKeepAlives } = this.#settings;
    const plan = planRequest(outgoing, {
      target: route.prefix + originForm(url, start),
      host: route.origin.host,
      extra: route.extra,
      compression: !disableCompression,
      close: disableKeepAlives,
    });
    const few = length !== undefined && fields.length <= maxPlannedFields;
    if (few) route.last = { url, method, fields: [...fields], length, plan };
    return plan;
  }

  #routeOf(url: string, start: number): Route {
    const { proxy } = this.#settings;
    const server = url.slice(0, start);
    if (typeof proxy === "function") {
      const chosen = proxy(new URL(url));
      if (chosen === null) return this.#route(server, server, null);
      checkProxyUrl(chosen);
      return this.#route(`${chosen.href} ${server}`, server, chosen);
    }
    const known = this.#routes.get(server);
    if (known !== undefined) return known;
    const chosen = proxy === undefined ? proxyFromEnvironment(new URL(server)) : proxy;
    return this.#route(server, server, chosen && checkProxyUrl(chosen));
  }

  #route(key: string, server: string, proxy: URL | null): Route {
    const known = this.#routes.get(key);
    if (known !== undefined) return known;
    const route = this.#makeRoute(parseOrigin(server), proxy);
    if (this.#routes.size >= maxRoutes) this.#routes.clear();
    this.#routes.set(key, route);
    return route;
  }

  #makeRoute(origin: Origin, proxy: URL | null): Route {
    const settings = this.#settings;
    const server = `${origin.scheme}://${origin.address}`;
    const forwarded = proxy !== null && forwards(origin, proxy);
    const via = proxy === null ? "" : this.#nameOf(proxy);
    const way: Way = {
      // A proxy that gets the requests themselves takes those to all servers over one connection.
      key: proxy === null ? server : forwarded ? `http via ${via}` : `${server} via ${via}`,
      hostPort: proxy === null ? origin.address : proxyAddress(proxy),
      proxied: proxy !== null,
      open: async (signal, trace) => {
        const conn = await openConn(settings, origin, proxy, signal, trace);
        return new ClientConn(conn, settings, this.#pool);
      },
    };
    const authorization = forwarded ? proxyAuthorization(proxy) : undefined;
    return {
      origin,
      way,
      prefix: forwarded ? `http://${origin.host}` : "",
      extra: authorization === undefined ? noFields : ["proxy-authorization", authorization],
      last: undefined,
    };
  }

  /** A proxy's name, without its password but different from all others'. */
  #nameOf(proxy: URL): string {
    let name = this.#proxies.get(proxy.href);
    if (name === undefined) {
      name = maskPassword(proxy.href);
      const taken = [...this.#proxies.values()];
      for (let i = 2; taken.includes(name); i++) name = `${maskPassword(proxy.href)} (${i})`;
      this.#proxies.set(proxy.href, name);
    }
    return name;
  }
}

function isPlanned(last: Planned, { url, method, fields, length }: OutgoingRequest): boolean {
  if (last.url !== url || last.method !== method || last.length !== length) return false;
  if (last.fields.length !== fields.length) return false;
  for (let i = 0; i < fields.length; i++) if (last.fields[i] !== fields[i]) return false;
  return true;
}

function withBytes(plan: RequestPlan): RequestPlan {
  const bytes = new Uint8Array(plan.head.length);
  writeText(bytes, plan.head, 0);
  return { ...plan, bytes };
}

/**
 * The transport of the default client, which all of a program may share. As Go's
 * `http.DefaultTransport`.
 *
 * ```ts
 * import { defaultTransport } from "@plumb/plumb/http";
 *
 * console.log(defaultTransport.stats()); // {}
 * defaultTransport.closeIdleConnections();
 * ```
 */
export const defaultTransport: Transport = new Transport();
