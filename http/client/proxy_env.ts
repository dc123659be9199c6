/** Which proxy a URL is to be reached through, as the environment has it. */
import { type Cidr, type Ip, parseCidr, tryParseIp } from "../../net/ip.ts";

/** The environment: the value of a variable, if it is set. */
export type Environment = (name: string) => string | undefined;

/** An entry of `NO_PROXY`: whether it is about a host. */
type Exception = (host: string, port: string, ip: Ip | undefined) => boolean;

const defaultPorts: Record<string, string> = { "http:": "80", "https:": "443" };
const proxySchemes = ["http:", "https:", "socks5:", "socks5h:"];

/**
 * A function that says which proxy a URL is to be reached through. As Go's
 * `httpproxy.Config.ProxyFunc`.
 *
 * `HTTP_PROXY` is for `http:` and `HTTPS_PROXY` for `https:` URLs; a value without a scheme is an
 * `http:` URL. `NO_PROXY` is a list, by commas, of hosts that are reached directly: `*` for all, an
 * IP address, a CIDR block, a domain with its subdomains, or `.domain` or `*.domain` for its
 * subdomains alone; all but a block may end in `:port`. `localhost` and loopback addresses are
 * never proxied. Each name may be in lower case too; upper case comes first. Where
 * `REQUEST_METHOD` is set, as for a CGI program, `HTTP_PROXY` is the client's header `Proxy` and
 * is ignored (CVE-2016-5385).
 *
 * @param env The environment, read at once.
 * @returns The function: `null` is no proxy. It throws a `TypeError` for a URL whose proxy's own
 * URL is malformed.
 */
export function proxyFunc(env: Environment): (url: URL) => URL | null {
  const cgi = Boolean(env("REQUEST_METHOD"));
  const proxies: Record<string, () => URL | null> = {
    "http:": proxyIn("HTTP_PROXY", (!cgi && env("HTTP_PROXY")) || env("http_proxy")),
    "https:": proxyIn("HTTPS_PROXY", env("HTTPS_PROXY") || env("https_proxy")),
  };
  const exceptions = parseExceptions(env("NO_PROXY") || env("no_proxy") || "");
  return (url) => {
    const proxy = Object.hasOwn(proxies, url.protocol) ? proxies[url.protocol]() : null;
    return proxy === null || isDirect(url, exceptions) ? null : proxy;
  };
}

let cached: ((url: URL) => URL | null) | undefined;

/**
 * Which proxy the environment of this process names for a URL; read once, with the rules of
 * {@linkcode proxyFunc}. As Go's `http.ProxyFromEnvironment`, and what a transport does by default.
 * A variable that the program has no permission to read is as if it were not set; nobody is asked.
 *
 * ```ts
 * import { proxyFromEnvironment } from "@plumb/plumb/http";
 *
 * console.log(proxyFromEnvironment(new URL("http://127.0.0.1:8000/"))); // null: loopback
 * ```
 *
 * @param url The URL that is to be reached.
 * @returns The proxy's URL; `null` for none.
 * @throws {TypeError} The proxy's URL is malformed.
 */
export function proxyFromEnvironment(url: URL): URL | null {
  cached ??= proxyFunc(readVariable);
  return cached(url);
}

/** Has {@linkcode proxyFromEnvironment} read the environment anew. */
export function rereadProxyEnvironment(): void {
  cached = undefined;
}

/** What the permissions allow to be seen without a prompt. */
function readVariable(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}

/** Gives the proxy of a variable, or throws, once one is asked for. */
function proxyIn(variable: string, value: string | undefined): () => URL | null {
  if (!value) return () => null;
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`);
  if (url === null) {
    // Not quoted: what cannot be parsed may hold a password anywhere.
    return () => {
      throw new TypeError(`${variable} is not a URL`);
    };
  }
  if (proxySchemes.includes(url.protocol) && url.hostname !== "") return () => url;
  return () => {
    throw new TypeError(
      `${variable} has the scheme ${JSON.stringify(url.protocol)}: must be one of ${
        proxySchemes.join(" ")
      }`,
    );
  };
}

/** The host as the exceptions have it: no brackets, and no dot behind it. */
function bareHost(host: string): string {
  if (host.startsWith("[") && host.endsWith("]")) return host.slice(1, -1);
  return host.endsWith(".") ? host.slice(0, -1) : host;
}

function isDirect(url: URL, exceptions: readonly Exception[]): boolean {
  const host = bareHost(url.hostname);
  if (host === "localhost") return true;
  const ip = tryParseIp(host);
  if (ip?.isLoopback) return true;
  const port = url.port || defaultPorts[url.protocol];
  return exceptions.some((matches) => matches(host, port, ip));
}

function parseExceptions(list: string): Exception[] {
  const exceptions: Exception[] = [];
  for (const part of list.split(",")) {
    const entry = part.trim().toLowerCase();
    if (entry === "*") return [() => true];
    const exception = parseException(entry);
    if (exception !== undefined) exceptions.push(exception);
  }
  return exceptions;
}

function parseException(entry: string): Exception | undefined {
  const block = tryParseCidr(entry);
  if (block !== undefined) return (_host, _port, ip) => ip !== undefined && block.contains(ip);
  const { host, port } = splitPort(entry);
  const at = tryParseIp(host);
  if (at !== undefined) {
    return (_host, otherPort, ip) => ip !== undefined && at.equals(ip) && fits(port, otherPort);
  }
  const only = host.startsWith("*.") ? host.slice(1) : host;
  const itself = !only.startsWith(".");
  const name = asciiName(itself ? only : only.slice(1));
  if (name === "") return undefined;
  return (other, otherPort) =>
    fits(port, otherPort) && ((itself && other === name) || other.endsWith(`.${name}`));
}

/** Whether an entry's port, if it has one, is that of the URL. */
function fits(port: string, other: string): boolean {
  return port === "" || port === other;
}

function tryParseCidr(text: string): Cidr | undefined {
  if (!text.includes("/")) return undefined;
  try {
    return parseCidr(text);
  } catch {
    return undefined;
  }
}

/** Takes `:port` off an entry. An IPv6 address has one only behind brackets. */
function splitPort(entry: string): { host: string; port: string } {
  const { host, port } = /^(?<host>\[[^\]]*\]|[^:]*):(?<port>\d+)$/.exec(entry)?.groups ??
    { host: entry, port: "" };
  return { host: bareHost(host), port };
}

/** A name as a URL has it: international ones in ASCII. */
function asciiName(name: string): string {
  return URL.parse(`http://${name}/`)?.hostname ?? name;
}
