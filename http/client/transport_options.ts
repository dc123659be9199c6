/** How a transport works: its options, their defaults, and what they may not be. */
import { type Clock, CoarseClock, coarseClock, type WaitOptions } from "../../deadline.ts";
import type { Conn, Network } from "../../net/conn.ts";
import { responseLimits } from "../h1/limits.ts";

/** Opens a connection for a transport: `network` is `"tcp"`, `address` is `"host:port"`. */
export type DialFunction = (
  network: Network,
  address: string,
  wait: WaitOptions,
) => Promise<Conn>;

/** Says through which proxy a URL is reached; `null`: through none. */
export type ProxyFunction = (url: URL) => URL | null;

/** Whom a transport trusts, and who it is. */
export interface TransportTlsOptions {
  /** Roots to trust beside the usual ones, in PEM. */
  caCerts?: string[];
  /** This client's certificate and what leads to its root, in PEM; goes with `key`. */
  cert?: string;
  /** The private key of `cert`, in PEM and not encrypted. */
  key?: string;
  /** The name that the server's certificate must be good for; the host of the URL by default. */
  serverName?: string;
}

/**
 * How a `Transport` works. As the fields of Go's `http.Transport`. Times are milliseconds.
 *
 * ```ts
 * import { Transport, type TransportOptions } from "@plumb/plumb/http";
 * import { dial } from "@plumb/plumb/net";
 *
 * const options: TransportOptions = {
 *   dial: (_network, _address, wait) => dial("unix", "/run/docker.sock", wait),
 *   responseHeaderTimeout: 30_000,
 *   proxy: null,
 * };
 * using transport = new Transport(options);
 * console.log(transport.stats()); // {}
 * ```
 */
export interface TransportOptions {
  /**
   * Opens connections, to a server or a proxy, instead of a `net.Dialer` with a `timeout` of
   * 30 000. A Unix socket, for one: `(_network, _address, wait) => dial("unix", path, wait)`.
   */
  dial?: DialFunction;
  /** Opens connections for `https` URLs that no proxy is used for, their handshake done. */
  dialTls?: DialFunction;
  /** Whom to trust, and who this is, on `https`. */
  tls?: TransportTlsOptions;
  /**
   * The proxy: an `http:`, `https:`, `socks5:` or `socks5h:` URL, a function that names one for
   * each URL, or `null` for none. By default `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say.
   */
  proxy?: null | string | URL | ProxyFunction;
  /** For a TLS handshake; 10 000 by default, 0: no limit. */
  tlsHandshakeTimeout?: number;
  /**
   * From the end of the request to the head of the response; no limit by default. Kept by a coarse
   * clock: it may be up to 200 ms late.
   */
  responseHeaderTimeout?: number;
  /**
   * How long a body waits for `100 Continue`, where the request expects it; 1000 by default. 0 or
   * less: the body follows at once.
   */
  expectContinueTimeout?: number;
  /** How long an idle connection is kept; 90 000 by default, 0: no limit. */
  idleConnTimeout?: number;
  /** Idle connections in all; 100 by default, 0: no limit. */
  maxIdleConns?: number;
  /** Idle connections to one host; 2 by default, 0: that default, as in Go. */
  maxIdleConnsPerHost?: number;
  /** Connections to one host, idle, active and being dialed; no limit by default. */
  maxConnsPerHost?: number;
  /** Whether each connection carries one request only; `false` by default. */
  disableKeepAlives?: boolean;
  /** Whether gzip is never asked for on the caller's behalf; `false` by default. */
  disableCompression?: boolean;
  /** Bytes of a response's head; 10 MiB by default. */
  maxResponseHeaderBytes?: number;
  /** Bytes read at once, and kept for each connection; 16 KiB by default. */
  readBufferSize?: number;
  /** Bytes up to which a request is put together to be written at once; 64 KiB by default. */
  writeBufferSize?: number;
  /** The clock of its timeouts; the system's by default. */
  clock?: Clock;
}

/**
 * Idle connections to one host, unless told otherwise. As Go's `DefaultMaxIdleConnsPerHost`.
 *
 * ```ts
 * import { defaultMaxIdleConnsPerHost, Transport } from "@plumb/plumb/http";
 *
 * using transport = new Transport({ maxIdleConnsPerHost: 4 * defaultMaxIdleConnsPerHost });
 * console.log(transport.stats()); // {}
 * ```
 */
export const defaultMaxIdleConnsPerHost: number = 2;

/** Bytes that a connection reads at once by default: what `net` lends to the engine, uncopied. */
const defaultReadBufferSize = 16 * 1024;

const defaultWriteBufferSize = 64 * 1024;

/** Options with the defaults filled in; 0 is "no limit" throughout, but for the two sizes. */
export interface TransportSettings {
  readonly dial: DialFunction | undefined;
  readonly dialTls: DialFunction | undefined;
  readonly tls: TransportTlsOptions;
  /** `undefined`: as the environment says. */
  readonly proxy: null | URL | ProxyFunction | undefined;
  readonly tlsHandshakeTimeout: number;
  readonly responseHeaderTimeout: number;
  readonly expectContinueTimeout: number;
  readonly idleConnTimeout: number;
  readonly maxIdleConns: number;
  readonly maxIdleConnsPerHost: number;
  readonly maxConnsPerHost: number;
  readonly disableKeepAlives: boolean;
  readonly disableCompression: boolean;
  readonly maxResponseHeaderBytes: number;
  readonly readBufferSize: number;
  readonly writeBufferSize: number;
  readonly clock: Clock | undefined;
  readonly coarse: CoarseClock;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @param options What the caller gave.
 * @throws {TypeError | RangeError} An option that does not exist, or a value that makes no sense.
 */
export function transportSettings(options: TransportOptions): TransportSettings {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`transport options must be an object, got ${show(options)}`);
  }
  refuseUnknown("transport", options, known);
  const time = (name: TimeOption, preset: number) => duration(name, or(options[name], preset));
  const count = (name: CountOption, preset: number) => whole(name, or(options[name], preset));
  const size = (name: SizeOption, preset: number) => whole(name, or(options[name], preset), 1);
  const { clock } = options;
  return {
    dial: functionOption("dial", options.dial),
    dialTls: functionOption("dialTls", options.dialTls),
    tls: tlsOption(options.tls),
    proxy: proxyOption(options.proxy),
    tlsHandshakeTimeout: time("tlsHandshakeTimeout", 10_000),
    responseHeaderTimeout: time("responseHeaderTimeout", 0),
    expectContinueTimeout: number(
      "expectContinueTimeout",
      or(options.expectContinueTimeout, 1_000),
    ),
    idleConnTimeout: time("idleConnTimeout", 90_000),
    maxIdleConns: count("maxIdleConns", 100) || Infinity,
    maxIdleConnsPerHost: count("maxIdleConnsPerHost", 0) || defaultMaxIdleConnsPerHost,
    maxConnsPerHost: count("maxConnsPerHost", 0) || Infinity,
    disableKeepAlives: flag("disableKeepAlives", options.disableKeepAlives),
    disableCompression: flag("disableCompression", options.disableCompression),
    maxResponseHeaderBytes: size("maxResponseHeaderBytes", responseLimits.maxHeadBytes),
    readBufferSize: size("readBufferSize", defaultReadBufferSize),
    writeBufferSize: size("writeBufferSize", defaultWriteBufferSize),
    clock,
    coarse: clock === undefined ? coarseClock : new CoarseClock({ clock }),
  };
}

const known: Readonly<Record<keyof TransportOptions, true>> = {
  dial: true,
  dialTls: true,
  tls: true,
  proxy: true,
  tlsHandshakeTimeout: true,
  responseHeaderTimeout: true,
  expectContinueTimeout: true,
  idleConnTimeout: true,
  maxIdleConns: true,
  maxIdleConnsPerHost: true,
  maxConnsPerHost: true,
  disableKeepAlives: true,
  disableCompression: true,
  maxResponseHeaderBytes: true,
  readBufferSize: true,
  writeBufferSize: true,
  clock: true,
};

const knownTls: Readonly<Record<keyof TransportTlsOptions, true>> = {
  caCerts: true,
  cert: true,
  key: true,
  serverName: true,
};

type TimeOption = "tlsHandshakeTimeout" | "responseHeaderTimeout" | "idleConnTimeout";
type CountOption = "maxIdleConns" | "maxIdleConnsPerHost" | "maxConnsPerHost";
type SizeOption = "maxResponseHeaderBytes" | "readBufferSize" | "writeBufferSize";

/** Only what is left out has a default: `null` is a mistake. */
function or(value: unknown, preset: number): unknown {
  return value === undefined ? preset : value;
}

/** A misspelt option would be a default that nobody notices. */
function refuseUnknown(whose: string, options: object, names: Record<string, true>): void {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(names, name)) throw new TypeError(`${whose} has no option ${show(name)}`);
  }
}

function number(name: string, value: unknown): number {
  if (typeof value !== "number") {
    throw new TypeError(`${name} must be a number, got ${show(value)}`);
  }
  if (Number.isNaN(value)) throw new RangeError(`${name} must not be NaN`);
  return value;
}

function duration(name: string, value: unknown): number {
  const ms = number(name, value);
  if (ms < 0) throw new RangeError(`${name} must not be negative, got ${ms}`);
  return ms;
}

function whole(name: string, value: unknown, least = 0): number {
  const count = number(name, value);
  if (count === Infinity) return count;
  if (!Number.isInteger(count) || count < least) {
    throw new RangeError(`${name} must be a whole number from ${least}, got ${count}`);
  }
  return count;
}

function flag(name: string, value: unknown): boolean {
  if (value !== undefined && typeof value !== "boolean") {
    throw new TypeError(`${name} must be a boolean, got ${show(value)}`);
  }
  return value === true;
}

function functionOption<F>(name: string, value: F | undefined): F | undefined {
  if (value !== undefined && typeof value !== "function") {
    throw new TypeError(`${name} must be a function, got ${show(value)}`);
  }
  return value;
}

function tlsOption(value: TransportTlsOptions | undefined): TransportTlsOptions {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null) {
    throw new TypeError(`tls must be an object, got ${show(value)}`);
  }
  refuseUnknown("tls", value, knownTls);
  if ((value.cert === undefined) !== (value.key === undefined)) {
    throw new TypeError("tls: cert and key go together");
  }
  return { ...value };
}

function proxyOption(value: unknown): null | URL | ProxyFunction | undefined {
  if (value === undefined || value === null) return value;
  if (typeof value === "function") return value as ProxyFunction;
  const url = typeof value === "string" ? URL.parse(value) : value;
  if (!(url instanceof URL)) {
    throw new TypeError(`proxy must be null, a URL or a function, got ${show(value)}`);
  }
  return checkProxyUrl(url);
}

const proxySchemes = ["http:", "https:", "socks5:", "socks5h:"];

/**
 * Refuses a proxy that cannot be used.
 *
 * @param url The proxy's URL.
 * @throws {TypeError} Its scheme is not one of a proxy, or it has no host.
 */
export function checkProxyUrl(url: URL): URL {
  if (!(url instanceof URL)) throw new TypeError(`proxy must be a URL, got ${show(url)}`);
  if (proxySchemes.includes(url.protocol) && url.hostname !== "") return url;
  const shown = `${url.protocol}//${url.host}`; // without its userinfo
  throw new TypeError(`proxy must be http:, https: or socks5: with a host, got ${show(shown)}`);
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
