/** Small answers, and handlers around handlers. */
import { Deadline } from "../../deadline.ts";
import { deriveRequest, framedLength, hasBody, LimitedBody } from "../web/derived_request.ts";
import type { Handler } from "../handler.ts";
import { escapeHtml } from "../html.ts";
import { pathStart } from "../origin.ts";
import { Response } from "../web/response.ts";
import { statusText } from "../status.ts";
import { splitUrl, unescapeSegment } from "../url_path.ts";

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * An answer that sends the client elsewhere, with a line of HTML for clients that do not follow.
 * As Go's `http.Redirect`, except that a relative location stays one.
 *
 * ```ts
 * import { redirect } from "@plumb/plumb/http";
 *
 * const response = redirect("/login?from=/inbox", 303);
 * console.log(response.status, response.headers.get("location")); // 303 /login?from=/inbox
 * ```
 *
 * @param location A URL, whole or relative to the request's. What may not stand in one, such as a
 * blank or an umlaut, is escaped. It is not checked where it leads.
 * @param status 301, 302 (the default), 303, 307 or 308.
 * @returns The answer.
 * @throws {TypeError} The location is empty or holds a control character.
 * @throws {RangeError} Another status.
 */
export function redirect(location: string, status = 302): Response {
  // deno-lint-ignore no-control-regex -- they are what is refused
  if (location === "" || /[\0-\x1f\x7f]/.test(location)) {
    throw new TypeError(
      `location must not be empty or hold control characters, got ${JSON.stringify(location)}`,
    );
  }
  if (!redirects.has(status)) {
    throw new RangeError(`status must be 301, 302, 303, 307 or 308, got ${status}`);
  }
  const escaped = location.toWellFormed().replace(/[^\x21-\x7e]+/g, encodeURIComponent);
  return new Response(`<a href="${escapeHtml(escaped)}">${statusText(status)}</a>\n`, {
    status,
    headers: { "location": escaped, "content-type": "text/html; charset=utf-8" },
  });
}

/**
 * An answer that says in plain text what went wrong. As Go's `http.Error`.
 *
 * ```ts
 * import { error } from "@plumb/plumb/http";
 *
 * const response = error("the name is taken", 409);
 * console.log(response.status, await response.text()); // 409 the name is taken
 * ```
 *
 * @param message The text; a line feed is put behind it.
 * @param status 400 to 599.
 * @returns The answer, of type `text/plain; charset=utf-8`, which no browser is to guess.
 * @throws {RangeError} Another status.
 */
export function error(message: string, status: number): Response {
  if (!Number.isInteger(status) || status < 400 || status > 599) {
    throw new RangeError(`status must be 400 to 599, got ${status}`);
  }
  return new Response(`${message}\n`, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "x-content-type-options": "nosniff",
    },
  });
}

/**
 * The answer that there is nothing here: 404. As Go's `http.NotFound`.
 *
 * ```ts
 * import { notFound } from "@plumb/plumb/http";
 *
 * console.log(notFound().status); // 404
 * ```
 *
 * @returns The answer.
 */
export function notFound(): Response {
  return error("not found", 404);
}

/**
 * Takes a prefix off the path of a request before its handler sees it; a path without the prefix is
 * 404. As Go's `http.StripPrefix`, except that the prefix ends where a segment does: `"/api"` is
 * one of `/api` and `/api/x`, and not of `/apix`.
 *
 * The handler gets a new request with everything else of the old one, its body included. Escapes
 * in what is left of the path stay as they are.
 *
 * ```ts
 * import { ServeMux, stripPrefix } from "@plumb/plumb/http";
 *
 * const mux = new ServeMux();
 * mux.handle("/api/", stripPrefix("/api", (request) => new Response(request.url)));
 * // A request for /api/users?page=2 is answered with http://.../users?page=2
 * ```
 *
 * @param prefix Where the paths begin, unescaped; with or without a slash at its end.
 * @param handler Gets what is left, with a slash at its beginning.
 * @returns The handler around it.
 * @throws {TypeError} The prefix does not begin with a slash.
 */
export function stripPrefix(prefix: string, handler: Handler): Handler {
  if (!prefix.startsWith("/")) {
    throw new TypeError(`prefix must begin with a slash, got ${JSON.stringify(prefix)}`);
  }
  const open = prefix.endsWith("/");
  const names = (open ? prefix.slice(0, -1) : prefix).split("/");
  return (request, info) => {
    const { url } = request;
    const { path, query } = splitUrl(url);
    const segments = path.split("/");
    // Unescaped one by one: an escaped slash does not end a segment.
    const has = segments.length >= (open ? names.length + 1 : names.length) &&
      names.every((name, i) => name === unescapeSegment(segments[i]));
    if (!has) return notFound();
    const rest = `/${segments.slice(names.length).join("/")}`;
    return handler(
      deriveRequest(request, { url: url.slice(0, pathStart(url)) + rest + query }),
      info,
    );
  };
}

/**
 * Answers 503 when a handler takes too long. As Go's `http.TimeoutHandler`, except that the time
 * ends with the handler's answer, not with its body.
 *
 * The handler's request has a signal that aborts with a `TimeoutError` then, and as before when
 * the client goes away. An answer that comes late is cancelled, an error that comes late dropped.
 *
 * ```ts
 * import { listenAndServe, timeoutHandler } from "@plumb/plumb/http";
 *
 * const slow = timeoutHandler(async (request) => {
 *   request.signal.throwIfAborted();
 *   return new Response(await Promise.resolve("in time"));
 * }, 5_000, "too much to do, try again");
 * const serve = () => listenAndServe("127.0.0.1:8080", slow);
 * console.log(typeof serve); // function
 * ```
 *
 * @param handler The handler.
 * @param timeout Milliseconds; 0 for no limit.
 * @param message What the answer says.
 * @returns The handler around it.
 * @throws {TypeError} The timeout is not a number.
 * @throws {RangeError} The timeout is `NaN`.
 */
export function timeoutHandler(
  handler: Handler,
  timeout: number,
  message = "this took too long",
): Handler {
  new Deadline({ timeout }); // for its checks: it arms nothing
  return async (request, info) => {
    let late: { reason: unknown } | undefined;
    let controller: AbortController | undefined;
    const signal = () => {
      controller = new AbortController();
      if (late !== undefined) controller.abort(late.reason);
      // It follows to the end, for the body may be under way when the client goes.
      else follow(request.signal, controller);
      return controller.signal;
    };
    const deadline = new Deadline({ timeout }, { phase: "handler" });
    const unwatch = deadline.watch((reason) => {
      late = { reason };
      controller?.abort(reason);
    });
    try {
      return await deadline.race(
        async () => await handler(deriveRequest(request, { signal }), info),
        (response) => void response.body?.cancel(late?.reason).catch(() => {}),
      );
    } catch (failure) {
      if (late !== undefined) return error(message, 503);
      throw failure;
    } finally {
      unwatch();
    }
  };
}

/** Aborts the controller when the signal does; both belong to one request and go with it. */
function follow(signal: AbortSignal, controller: AbortController): void {
  const abort = () => controller.abort(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
}

/**
 * Keeps a handler from reading bodies beyond a limit. A request that declares a longer one is
 * answered 413 at once; the body of any other fails with a `BodyTooLargeError` when it
 * turns out to be longer. As Go's `http.MaxBytesHandler`.
 *
 * `maxBodyBytes` of the server does the same for every handler, and costs less.
 *
 * ```ts
 * import { maxBytesHandler, ServeMux } from "@plumb/plumb/http";
 *
 * const mux = new ServeMux();
 * const upload = async (request: Request) => Response.json((await request.bytes()).length);
 * mux.handle("POST /avatar", maxBytesHandler(upload, 256 * 1024));
 * ```
 *
 * @param handler The handler.
 * @param maxBytes The most bytes a body may have.
 * @returns The handler around it.
 * @throws {RangeError} The limit is not a whole number, 0 or more.
 */
export function maxBytesHandler(handler: Handler, maxBytes: number): Handler {
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0) {
    throw new RangeError(`maxBytes must be a whole number, 0 or more, got ${maxBytes}`);
  }
  return (request, info) => {
    if (Number(request.headers.get("content-length") ?? 0) > maxBytes) {
      return error(`the body is longer than ${maxBytes} bytes`, 413);
    }
    const length = hasBody(request) ? framedLength(request) : 0;
    if (length !== undefined && length <= maxBytes) return handler(request, info);
    return handler(deriveRequest(request, { body: new LimitedBody(request, maxBytes) }), info);
  };
}
