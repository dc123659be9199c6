/** The four forms of a request target, and the host it is for (RFC 9112 section 3.2). */
import { quote, refuse } from "./refusal.ts";

/** `uri-host [ ":" port ]` (RFC 3986 section 3.2.2), without userinfo and not empty. */
const authority =
  /^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::[0-9]*)?$/;

/** Scheme and authority of the absolute form; any other scheme is not ours to serve. */
const absolute = /^https?:\/\/([^/?]*)/i;

/** Nearly all requests of a process name the same host. */
let lastHost = "";

/**
 * Whether a value is a host with an optional port, one that a URL can hold.
 *
 * @param value The value.
 */
export function isHost(value: string): boolean {
  if (value === lastHost) return value !== "";
  // The URL knows what no grammar does: `1.2.3.4.5`, `[1::2::3]`, `%2f`, a port of 70000.
  if (!authority.test(value) || !URL.canParse(`http://${value}/`)) return false;
  lastHost = value;
  return true;
}

/**
 * Checks the form of a target against the method (RFC 9112 section 3.2).
 *
 * @param method The method.
 * @param target The target, of which each byte has been checked.
 * @returns The authority it names, which counts instead of `Host`; `undefined` if it names none.
 * @throws {ProtocolError} The form is not one for this method.
 */
export function targetAuthority(method: string, target: string): string | undefined {
  if (method === "CONNECT") {
    if (!isHost(target) || !/:[0-9]+$/.test(target)) badTarget(target, "CONNECT takes host:port");
    return target;
  }
  if (target.startsWith("/")) return undefined;
  if (target === "*") {
    if (method !== "OPTIONS") badTarget(target, "only OPTIONS takes it");
    return undefined;
  }
  const match = absolute.exec(target);
  if (match === null) badTarget(target, "must be a path or an http URL");
  if (!isHost(match[1])) badTarget(target, "its authority is not host:port");
  return match[1];
}

/**
 * The host of a request by its `Host` fields (RFC 9112 section 3.2).
 *
 * @param hosts The values of all `Host` fields.
 * @param minor The minor version: HTTP/1.0 may have none.
 * @throws {ProtocolError} None on HTTP/1.1, several, or one that is no host.
 */
export function hostOf(hosts: readonly string[], minor: 0 | 1): string | undefined {
  if (hosts.length === 0) {
    if (minor === 1) badHost("no Host header (RFC 9112 section 3.2)");
    return undefined;
  }
  if (hosts.length > 1) badHost(`Host ${quote(hosts.join(", "))}: must be one`);
  const host = hosts[0];
  if (host !== "" && !isHost(host)) badHost(`Host ${quote(host)}: must be a host and a port`);
  return host;
}

function badTarget(target: string, rule: string): never {
  refuse("ERR_HTTP_TARGET", `target ${quote(target)}: ${rule} (RFC 9112 section 3.2)`);
}

function badHost(message: string): never {
  refuse("ERR_HTTP_HOST", message);
}
