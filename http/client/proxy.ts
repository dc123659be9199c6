/** What is said to a proxy before a connection leads to the server: CONNECT and SOCKS 5. */
import { Buffer } from "node:buffer";
import { joinHostPort, splitHostPort } from "../../net/address.ts";
import type { Conn } from "../../net/conn.ts";
import { tryParseIp } from "../../net/ip.ts";
import { ProxyError } from "./client_errors.ts";
import { requestHead } from "../h1/encode.ts";
import { responseLimits } from "../h1/limits.ts";
import { type ResponseHead, ResponseParser } from "../h1/response_head.ts";

/** Bytes of a proxy's answer to CONNECT. */
const maxAnswer = 64 * 1024;

/**
 * `Proxy-Authorization` for the userinfo of a proxy's URL.
 *
 * @param proxy The proxy.
 * @returns The value, `undefined` where the URL has no userinfo.
 */
export function proxyAuthorization(proxy: URL): string | undefined {
  const { username, password } = credentials(proxy);
  if (username === "" && password === "") return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function credentials({ username, password }: URL): { username: string; password: string } {
  return { username: decode(username), password: decode(password) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A `%` that stands for itself.
  }
}

/**
 * Asks an HTTP proxy for a tunnel (RFC 9110 section 9.3.6).
 *
 * @param conn The connection to the proxy, from then on to the server.
 * @param address The server, `"host:port"`.
 * @param proxy The proxy.
 * @throws {ProxyError} It refuses, or its answer makes no sense.
 */
export async function connectTunnel(conn: Conn, address: string, proxy: URL): Promise<void> {
  const fields = ["Host", address, "User-Agent", "plumb"];
  const authorization = proxyAuthorization(proxy);
  if (authorization !== undefined) fields.push("Proxy-Authorization", authorization);
  await conn.write(Buffer.from(requestHead("CONNECT", address, fields), "latin1"));
  const { status, reason } = await readAnswer(conn, proxy);
  if (status >= 200 && status < 300) return;
  const said = reason === "" ? `${status}` : `${status} ${reason}`;
  const code = status === 407 ? "ERR_PROXY_AUTH" : "ERR_PROXY_REFUSED";
  throw proxyError(proxy, `refused to connect to ${JSON.stringify(address)}: ${said}`, code);
}

async function readAnswer(conn: Conn, proxy: URL): Promise<ResponseHead> {
  const parser = new ResponseParser({ ...responseLimits, maxHeadBytes: maxAnswer });
  const buffer = new Uint8Array(maxAnswer);
  let start = 0;
  let end = 0;
  for (;;) {
    let head: ResponseHead | null;
    try {
      head = parser.parse(buffer, start, end);
    } catch (cause) {
      const { message } = cause as Error;
      throw proxyError(proxy, `answered CONNECT with nonsense: ${message}`, undefined, cause);
    }
    if (head === null) {
      const n = await conn.read(buffer.subarray(end));
      if (n === null || n === 0) throw proxyError(proxy, "closed the connection");
      end += n;
      continue;
    }
    start += parser.length;
    if (head.status < 200) continue;
    // Nobody has spoken to the server yet, so that it can have said nothing.
    if (head.status < 300 && start < end) throw proxyError(proxy, "sent bytes behind its answer");
    return head;
  }
}

/** What a SOCKS proxy may say (RFC 1928 section 6). */
const socksReplies = [
  "",
  "general failure",
  "not allowed by its rules",
  "network unreachable",
  "host unreachable",
  "connection refused",
  "TTL expired",
  "command not supported",
  "address type not supported",
];

/**
 * Asks a SOCKS 5 proxy for a connection (RFC 1928, RFC 1929). It looks names up itself.
 *
 * @param conn The connection to the proxy, from then on to the server.
 * @param address The server, `"host:port"`.
 * @param proxy The proxy.
 * @throws {ProxyError} It refuses, or its answer makes no sense.
 */
export async function connectSocks(conn: Conn, address: string, proxy: URL): Promise<void> {
  const { username, password } = credentials(proxy);
  const known = username !== "" || password !== "";
  await conn.write(Uint8Array.from(known ? [5, 2, 0, 2] : [5, 1, 0]));
  const [version, method] = await readExactly(conn, 2, proxy);
  if (version !== 5) throw proxyError(proxy, "does not speak SOCKS 5");
  if (method === 2 && known) await signIn(conn, username, password, proxy);
  else if (method !== 0) throw proxyError(proxy, "wants another authentication", "ERR_PROXY_AUTH");
  const { host, port } = splitHostPort(address);
  const number = Number(port);
  await conn.write(Uint8Array.from([5, 1, 0, ...socksHost(host), number >> 8, number & 0xff]));
  const [version2, reply, , type] = await readExactly(conn, 4, proxy);
  if (version2 !== 5) throw proxyError(proxy, "does not speak SOCKS 5");
  if (reply !== 0) {
    const why = socksReplies[reply] ?? `reply ${reply}`;
    throw proxyError(
      proxy,
      `refused to connect to ${JSON.stringify(address)}: ${why}`,
      "ERR_PROXY_REFUSED",
    );
  }
  const lengths: Record<number, number> = { 1: 4, 4: 16 };
  const length = type === 3 ? (await readExactly(conn, 1, proxy))[0] : lengths[type];
  if (length === undefined) throw proxyError(proxy, `answered with address type ${type}`);
  await readExactly(conn, length + 2, proxy);
}

/** RFC 1929. */
async function signIn(conn: Conn, username: string, password: string, proxy: URL): Promise<void> {
  const name = Buffer.from(username);
  const word = Buffer.from(password);
  if (name.length > 255 || word.length > 255) {
    throw new TypeError("a SOCKS name or password must be at most 255 bytes");
  }
  await conn.write(Uint8Array.from([1, name.length, ...name, word.length, ...word]));
  const [, status] = await readExactly(conn, 2, proxy);
  if (status !== 0) throw proxyError(proxy, "refused the name or password", "ERR_PROXY_AUTH");
}

function socksHost(host: string): number[] {
  const ip = tryParseIp(host);
  if (ip !== undefined) return [ip.family === 4 ? 1 : 4, ...ip.bytes];
  const name = Buffer.from(host);
  if (name.length > 255) throw new TypeError(`host ${JSON.stringify(host)}: longer than 255 bytes`);
  return [3, name.length, ...name];
}

async function readExactly(conn: Conn, length: number, proxy: URL): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const n = await conn.read(bytes.subarray(at));
    if (n === null) throw proxyError(proxy, "closed the connection");
    at += n;
  }
  return bytes;
}

function proxyError(proxy: URL, what: string, code = "ERR_PROXY", cause?: unknown): ProxyError {
  const host = proxy.host === "" ? joinHostPort(proxy.hostname, proxy.port) : proxy.host;
  const name = JSON.stringify(`${proxy.protocol}//${host}`);
  return new ProxyError(`proxy ${name} ${what}`, code, cause === undefined ? undefined : { cause });
}
