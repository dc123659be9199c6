/** Cookies that a client keeps from one request to the next (RFC 6265). */

/**
 * Where a client keeps cookies: two methods, so that any store will do. As Go's `http.CookieJar`.
 *
 * ```ts
 * import type { CookieJar } from "@plumb/plumb/http";
 *
 * const fixed: CookieJar = { cookies: () => "theme=dark", setCookies: () => {} };
 * console.log(await fixed.cookies(new URL("http://example.com/"))); // theme=dark
 * ```
 */
export interface CookieJar {
  /**
   * The cookies to send.
   *
   * @param url Where the request goes.
   * @returns The value of `Cookie`, `"a=1; b=2"`; empty for none.
   */
  cookies(url: URL): string | Promise<string>;
  /**
   * Takes the cookies of a response, or ignores them: it decides which may be set from there.
   *
   * @param url Where the response came from.
   * @param values The value of each `Set-Cookie`, in order.
   */
  setCookies(url: URL, values: readonly string[]): void | Promise<void>;
}

/**
 * A jar in memory, by the rules of RFC 6265: domains, paths, expiry, `Secure`, and no cookies for a
 * public suffix such as `co.uk`. What a server sends against the rules is ignored.
 *
 * It is the only thing in the package that comes from a registry: `npm:tough-cookie` is loaded when
 * this is called, and not before.
 *
 * ```ts
 * import { cookieJar } from "@plumb/plumb/http";
 *
 * const jar = await cookieJar();
 * await jar.setCookies(new URL("http://example.com/"), ["a=1; Path=/", "b=2; Path=/private"]);
 * console.log(await jar.cookies(new URL("http://example.com/"))); // a=1
 * ```
 *
 * @returns An empty jar, for the `jar` of a `Client`.
 */
export async function cookieJar(): Promise<CookieJar> {
  const tough = await import("npm:tough-cookie@^5");
  const jar = new tough.CookieJar(undefined, { rejectPublicSuffixes: true });
  return {
    cookies: (url) => jar.getCookieString(url.href),
    async setCookies(url, values) {
      for (const value of values) await jar.setCookie(value, url.href, { ignoreError: true });
    },
  };
}
