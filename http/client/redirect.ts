/** Where a redirect leads, and what of the request goes there (RFC 9110 section 15.4). */
import type { StaticBody } from "../web/body.ts";
import { HttpError, maskPassword } from "../errors.ts";
import { LightHeaders } from "../web/light_headers.ts";
import { bodyOfRequest, fieldsOfRequest, Request, signalOfRequest } from "../web/request.ts";

/**
 * What a {@linkcode CheckRedirect} gives to stop at the redirect: its response is the result, with
 * its body unread. As Go's `http.ErrUseLastResponse`.
 *
 * ```ts
 * import { Client, useLastResponse } from "@plumb/plumb/http";
 *
 * const client = new Client({ checkRedirect: () => useLastResponse });
 * client.closeIdleConnections();
 * ```
 */
export const useLastResponse: unique symbol = Symbol("useLastResponse");

/**
 * Decides about each redirect before it is followed: by giving nothing it consents, and what it
 * throws is what the call rejects with. It may change the headers of `next`.
 *
 * @param next The request that is about to be sent.
 * @param via The requests made so far, the oldest first.
 */
export type CheckRedirect = (
  next: Request,
  via: readonly Request[],
) => void | typeof useLastResponse | Promise<void | typeof useLastResponse>;

/** How many redirects are followed, where no {@linkcode CheckRedirect} decides. */
export const maxRedirects = 10;

/** Fields for one host and those below it alone. As in Go. */
const sensitive: ReadonlySet<string> = new Set([
  "authorization",
  "www-authenticate",
  "cookie",
  "cookie2",
  "proxy-authorization",
  "proxy-authenticate",
]);

/** Fields about a body (fetch standard, "request-body-header name", and those that frame one). */
const aboutBody: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-type",
  "expect",
  "trailer",
  "transfer-encoding",
]);

/**
 * Whether a status sends the client elsewhere.
 *
 * @param status The status code.
 */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/**
 * The method after a redirect. As in Go, and not as in browsers: 301 and 302 turn every method but
 * `GET` and `HEAD` into `GET`, as 303 does.
 *
 * @param status The status of the redirect.
 * @param method The method before it.
 */
export function redirectMethod(status: number, method: string): string {
  if (status === 307 || status === 308 || method === "HEAD") return method;
  return "GET";
}

/**
 * Where a `Location` leads. The fragment is that of the URL before, unless it has its own (RFC 9110
 * section 10.2.2).
 *
 * @param location The value of the field, as latin1.
 * @param base The URL that was asked for.
 * @returns The URL; `null` when there is none in it that can be asked for.
 */
export function resolveLocation(location: string, base: URL): URL | null {
  const url = URL.parse(utf8(location), base);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return null;
  if (url.hash === "" && !location.includes("#")) url.hash = base.hash;
  return url;
}

/** Raw bytes in a `Location` are UTF-8 nearly always, though RFC 3986 allows none. */
function utf8(text: string): string {
  // deno-lint-ignore no-control-regex -- the bytes that are not ASCII are what this is about
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  try {
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return text;
  }
}

/**
 * Whether the secrets for one host may be sent to another: the same one or one below it.
 *
 * @param from The `hostname` of the URL they were given for.
 * @param to That of the URL they would go to.
 */
export function mayShareSecrets(from: string, to: string): boolean {
  return to === from || to.endsWith(`.${from}`);
}

/**
 * The `Referer` after a redirect: the URL before it, without what is nobody's business, and none at
 * all where the next hop would show it in the clear (RFC 9110 section 10.1.3).
 *
 * @param last The URL before.
 * @param next The URL after.
 */
export function refererFor(last: URL, next: URL): string | undefined {
  if (last.protocol === "https:" && next.protocol === "http:") return undefined;
  return withoutUserinfo(last, true).href;
}

/**
 * The URL without a name and a password.
 *
 * @param url The URL, left as it is.
 * @param fragment Whether the fragment goes too.
 */
export function withoutUserinfo(url: URL, fragment = false): URL {
  const bare = new URL(url);
  bare.username = bare.password = "";
  if (fragment) bare.hash = "";
  return bare;
}

/**
 * `Authorization` for the name and password in a URL (RFC 7617 section 2).
 *
 * @param url The URL.
 */
export function basicAuth(url: URL): string | undefined {
  if (url.username === "" && url.password === "") return undefined;
  const bytes = new TextEncoder().encode(`${unescape(url.username)}:${unescape(url.password)}`);
  return `Basic ${bytes.toBase64()}`;
}

function unescape(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a "%" that escapes nothing, or bytes that are not UTF-8
  }
}

/**
 * The redirects of one request: what was lost on the way, the body or a secret, stays lost, even
 * where a later redirect leads back.
 */
export class Redirects {
  readonly #first: Request;
  readonly #body: StaticBody | undefined;
  /** What of the first request's fields is still passed on. */
  #fields: readonly string[];
  #hasBody: boolean;

  /**
   * Begins at the first request.
   *
   * @param first The request that was made.
   * @param body Its body, where it can be sent again.
   */
  constructor(first: Request, body: StaticBody | undefined) {
    this.#first = first;
    this.#body = body;
    this.#fields = fieldsOfRequest(first);
    this.#hasBody = bodyOfRequest(first) !== null;
  }

  /**
   * The request after a redirect.
   *
   * @param last The request before it.
   * @param status The status of the redirect.
   * @param location Its `Location`.
   * @returns The request; `undefined` when the body would have to be sent again and cannot be.
   * @throws {HttpError} A location that leads nowhere.
   */
  next(last: Request, status: number, location: string): Request | undefined {
    const base = new URL(last.url);
    const url = resolveLocation(location, base);
    if (url === null) {
      throw redirectError(
        last,
        `redirect to ${JSON.stringify(maskPassword(location))}, which is no HTTP URL`,
      );
    }
    const keepsBody = status === 307 || status === 308;
    if (keepsBody && this.#hasBody && this.#body === undefined) return undefined;
    const method = redirectMethod(status, last.method);
    if (!keepsBody && (this.#hasBody || method !== last.method)) this.#dropBody();
    const shares = mayShareSecrets(new URL(this.#first.url).hostname, url.hostname);
    if (!shares) this.#keep((name) => !sensitive.has(name));
    // A `Host` of the caller's is about the first server, not about where that sends us.
    if (url.origin !== base.origin) this.#keep((name) => name !== "host");
    const headers = new LightHeaders(withReferer(this.#fields, base, url), false);
    const next = new Request(url, {
      method,
      headers,
      body: this.#hasBody ? this.#body : null,
      signal: signalOfRequest(this.#first) ?? null,
      redirect: this.#first.redirect,
    });
    // A type that the caller has taken away stays away.
    if (this.#hasBody && !headers.has("content-type")) next.headers.delete("content-type");
    return next;
  }

  /**
   * A jar has these from now on: the first request's own cookies of these names are outdated.
   *
   * @param values The value of each `Set-Cookie` of a response.
   */
  forgetCookies(values: readonly string[]): void {
    if (values.length === 0) return;
    const names = new Set(values.map(cookieName));
    const fields: string[] = [];
    for (let i = 0; i < this.#fields.length; i += 2) {
      let value = this.#fields[i + 1];
      if (this.#fields[i].toLowerCase() === "cookie") {
        value = value.split(";").map((pair) => pair.trim())
          .filter((pair) => !names.has(cookieName(pair))).join("; ");
        if (value === "") continue;
      }
      fields.push(this.#fields[i], value);
    }
    this.#fields = fields;
  }

  #dropBody(): void {
    this.#hasBody = false;
    this.#keep((name) => !aboutBody.has(name));
  }

  #keep(wanted: (lowerName: string) => boolean): void {
    this.#fields = filterFields(this.#fields, wanted);
  }
}

/**
 * The error of a redirect that is not followed.
 *
 * @param request The request that was redirected.
 * @param reason Why it is not followed.
 */
export function redirectError(request: Request, reason: string): HttpError {
  return new HttpError({
    op: request.method,
    url: request.url,
    phase: "responseHeader",
    reason,
    code: "ERR_HTTP_REDIRECT",
  });
}

/**
 * The fields whose names are wanted.
 *
 * @param fields Names and values in turn.
 * @param wanted Says so of a name in lower case.
 */
export function filterFields(
  fields: readonly string[],
  wanted: (lowerName: string) => boolean,
): string[] {
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    if (wanted(fields[i].toLowerCase())) kept.push(fields[i], fields[i + 1]);
  }
  return kept;
}

/** A caller's own `Referer` stays what it is, but is not shown in the clear either. */
function withReferer(fields: readonly string[], last: URL, next: URL): readonly string[] {
  const referer = refererFor(last, next);
  if (referer === undefined) return filterFields(fields, (name) => name !== "referer");
  const own = filterFields(fields, (name) => name === "referer");
  return own.length > 0 ? fields : [...fields, "Referer", referer];
}

function cookieName(pair: string): string {
  return pair.split(/[=;]/, 1)[0].trim();
}
