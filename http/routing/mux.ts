/** Which handler serves a request, by its method, host and path. */
import type { Handler, HandlerInfo } from "../handler.ts";
import { conflict, hostKey, parsePattern, type Pattern } from "./pattern.ts";
import { Response } from "../web/response.ts";
import { noParams, paramsOf, RoutingTree } from "./routing_tree.ts";
import { cleanPath, redirectTarget, splitUrl } from "../url_path.ts";

/** What {@linkcode ServeMux.match} finds. */
export interface Match {
  /** Who serves the request: one of the handlers, or what answers 307, 404 or 405. */
  readonly handler: Handler;
  /** The pattern as it was registered; `""` where no pattern's handler serves. */
  readonly pattern: string;
  /** The values of the pattern's wildcards by name, unescaped. */
  readonly params: Readonly<Record<string, string>>;
}

/** As Go's `http.Error`: the browser is not to guess what the text may be. */
function plain(status: number, text: string, headers?: Record<string, string>): Match {
  const handler = () =>
    new Response(`${text}\n`, {
      status,
      headers: {
        "content-type": "text/plain; charset=utf-8",
        "x-content-type-options": "nosniff",
        ...headers,
      },
    });
  return { handler, pattern: "", params: noParams };
}

const notFound = plain(404, "404 page not found");

/** As Go 1.26: 307 keeps the method, and nothing keeps it beyond a change of the patterns. */
function redirect(path: string, query: string): Match {
  const location = redirectTarget(path, query);
  const handler = () => new Response(null, { status: 307, headers: { location } });
  return { handler, pattern: "", params: noParams };
}

/**
 * Chooses the handler by the request's method, host and path. As Go's `http.ServeMux`, with the
 * patterns of Go 1.22: `[METHOD ][HOST]/path`.
 *
 * - `/about` is that path and no other; `/images/` is every path that begins so; `/{$}` is only
 *   the slash.
 * - `{name}` is any one segment, and `{name...}`, at the end, all that is left. Their values are
 *   in `info.params`. Segments are unescaped one by one, so that an escaped slash stays in one.
 * - Without a method, a pattern is for all; `GET` is for `HEAD` too. Without a host, it is for
 *   all; case and port of the request's host do not count.
 * - Of the patterns that match, the most specific one is chosen, in whatever order they came; one
 *   with a host comes before those without.
 *
 * The mux itself answers 404 where nothing matches; 405 with `Allow` where only the method does
 * not; and 307 where the path is not clean (`//`, `/./`, `/../`), or lacks the slash at the end
 * of a registered one. It redirects to a path on the same host, with the query kept. For `CONNECT`
 * the path is not cleaned, and the host has its port.
 *
 * ```ts
 * import { ServeMux } from "@plumb/plumb/http";
 *
 * const mux = new ServeMux()
 *   .handle("GET /users/{id}", (_request, info) => new Response(`user ${info.params.id}`))
 *   .handle("/static/{path...}", (_request, info) => new Response(info.params.path));
 * const { pattern, params } = mux.match(new Request("http://localhost/users/7"));
 * console.log(pattern, params.id); // GET /users/{id} 7
 * ```
 */
export class ServeMux {
  readonly #tree: RoutingTree = new RoutingTree();
  /** By host: patterns of two hosts never conflict. */
  readonly #patterns: Map<string, Pattern[]> = new Map();

  /**
   * The mux as a handler: pass it to a server, or to another mux. It sets `info.pattern` and
   * `info.params`, and calls the handler it has chosen with the same request and info.
   */
  readonly handler: Handler = (request: Request, info: HandlerInfo) => {
    const { handler, pattern, params } = this.match(request);
    if (pattern !== "") {
      info.pattern = pattern;
      info.params = params;
    }
    return handler(request, info);
  };

  /**
   * Registers a handler. It may be done while the mux serves.
   *
   * @param pattern Which requests it is for.
   * @param handler Who serves them.
   * @returns The mux itself.
   * @throws {TypeError} It is not a pattern; or it conflicts with one that is there: a request
   * matches both, and neither is more specific. Such a request is in the message.
   */
  handle(pattern: string, handler: Handler): this {
    if (typeof handler !== "function") {
      throw new TypeError(`handler of ${JSON.stringify(pattern)}: must be a function`);
    }
    const added = parsePattern(pattern);
    const others = this.#patterns.get(added.host) ?? [];
    for (const other of others) {
      const error = conflict(added, other);
      if (error !== null) throw error;
    }
    this.#patterns.set(added.host, others);
    others.push(added);
    this.#tree.add({ pattern: added, handler });
    return this;
  }

  /**
   * What {@linkcode ServeMux.handler} would do with a request, without doing it.
   *
   * @param request The request; its body is not touched.
   * @returns The handler that would serve it: always one.
   */
  match(request: Request): Match {
    const { method } = request;
    const { host, path, query } = splitUrl(request.url);
    const connect = method === "CONNECT";
    const key = this.#tree.hasHosts ? hostKey(host, connect) : "";
    const clean = connect ? path : cleanPath(path);
    const route = this.#tree.find(key, method, clean);
    if (!clean.endsWith("/") && this.#tree.lacksSlash(key, method, clean, route)) {
      return redirect(`${clean}/`, query);
    }
    if (clean !== path) return redirect(clean, query);
    if (route !== undefined) {
      const { pattern, handler } = route;
      return { handler, pattern: pattern.text, params: paramsOf(pattern, clean) };
    }
    return this.#refuse(key, clean);
  }

  /** Tells a method that is not served from a path that is not (RFC 9110 section 15.5.6). */
  #refuse(host: string, path: string): Match {
    const allowed = new Set<string>();
    this.#tree.methods(host, path, allowed);
    // With that method the path would be redirected, which is an answer too.
    if (!path.endsWith("/")) this.#tree.methods(host, `${path}/`, allowed);
    if (allowed.size === 0) return notFound;
    return plain(405, "Method Not Allowed", { allow: [...allowed].sort().join(", ") });
  }
}
