/** Where a URL leads: its server, and what of it the request names. */
import { joinHostPort } from "../net/address.ts";

/** A server, as URLs name it. */
export interface Origin {
  /** Its scheme. */
  readonly scheme: "http" | "https";
  /** Its name or IP address, without brackets. */
  readonly hostname: string;
  /** `"host:port"`, to dial. */
  readonly address: string;
  /** What `Host` says: the port only where the scheme has another (RFC 9112 section 3.2). */
  readonly host: string;
}

const ports = { http: 80, https: 443 };

/**
 * Where the path of a serialized URL begins.
 *
 * @param url What `URL.href` gives.
 */
export function pathStart(url: string): number {
  const slash = url.indexOf("/", url.indexOf(":") + 3);
  return slash < 0 ? url.length : slash;
}

/**
 * The server of a URL.
 *
 * @param text The URL, or its part before the path.
 * @throws {TypeError} Not an `http` or `https` URL.
 */
export function parseOrigin(text: string): Origin {
  const url = URL.parse(text);
  const scheme = url?.protocol.slice(0, -1);
  if (url === null || (scheme !== "http" && scheme !== "https")) {
    // Its userinfo is left out.
    const shown = url === null ? text.replace(/\/\/[^/]*@/, "//") : `${url.protocol}//${url.host}`;
    throw new TypeError(`url must be http or https, got ${JSON.stringify(shown)}`);
  }
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const address = joinHostPort(hostname, url.port || ports[scheme]);
  return { scheme, hostname, address, host: url.host };
}

/**
 * The origin-form of a URL's target (RFC 9112 section 3.2.1): its path and query.
 *
 * @param url A serialized URL.
 * @param start Where its path begins.
 */
export function originForm(url: string, start: number): string {
  const hash = url.indexOf("#", start);
  const target = hash < 0 ? url.slice(start) : url.slice(start, hash);
  return target === "" || target[0] === "?" ? `/${target}` : target;
}
