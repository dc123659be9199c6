/** How a server is set up: options, their defaults, and what they may be. */
import type { Conn } from "../../net/conn.ts";
import type { Handler } from "../handler.ts";

/**
 * What a connection is up to. As Go's `http.ConnState`.
 *
 * - `"new"`: accepted, nothing received yet; next `"active"` or `"closed"`.
 * - `"active"`: a request is being read or answered; next `"idle"`, `"hijacked"` or `"closed"`.
 * - `"idle"`: waits for another request; next `"active"` or `"closed"`.
 * - `"hijacked"`: a handler has taken it over; nothing follows.
 * - `"closed"`: nothing follows.
 */
export type ConnState = "new" | "active" | "idle" | "hijacked" | "closed";

/** How a server serves. Durations are milliseconds, 0 for no limit. */
export interface ServerOptions {
  /** Answers the requests. */
  handler: Handler;
  /** Where `listenAndServe` listens: `"host:port"`; `":http"` by default (`":https"` with TLS). */
  addr?: string;
  /** For a request to be read, head and body; 0 by default. */
  readTimeout?: number;
  /** For the head of a request, from its first byte (at first, from accept); 60 000 by default. */
  readHeaderTimeout?: number;
  /** From the end of a request's head until its response is written; 0 by default. */
  writeTimeout?: number;
  /** For the next request to begin on a connection; 120 000 by default. */
  idleTimeout?: number;
  /** The most bytes a request's head may have; 1 MiB by default. */
  maxHeaderBytes?: number;
  /** The most fields a request's head may have; 500 by default. */
  maxHeaders?: number;
  /** The most bytes a request's body may have; 0, the default, for no limit. Beyond it: 413. */
  maxBodyBytes?: number;
  /**
   * How many bytes are read at once for heads and small bodies; 1024 by default. It is what an idle
   * connection holds; one whose requests are larger gets a larger buffer. 64 bytes to 16 MiB.
   */
  readBufferSize?: number;
  /** Sees each change of a connection's state. What it throws goes to `errorLog`. */
  connState?: (conn: Conn, state: ConnState) => void;
  /**
   * Answers for a handler that threw, before its answer has begun; a plain 500 by default, as
   * when it returns nothing.
   */
  onError?: (error: unknown, request: Request) => Response | void | Promise<Response | void>;
  /** Told of what no caller sees: failing handlers, accepts and hooks; `console.error` by default. */
  errorLog?: (message: string, error?: unknown) => void;
}

/** The options of a server, checked and complete. */
export interface Settings {
  readonly handler: Handler;
  readonly addr: string | undefined;
  readonly readTimeout: number;
  readonly readHeaderTimeout: number;
  readonly writeTimeout: number;
  readonly idleTimeout: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxBodyBytes: number;
  readonly readBufferSize: number;
  readonly connState: ((conn: Conn, state: ConnState) => void) | undefined;
  readonly onError: NonNullable<ServerOptions["onError"]> | undefined;
  readonly errorLog: (message: string, error?: unknown) => void;
}

type NumberOption =
  | "readTimeout"
  | "readHeaderTimeout"
  | "writeTimeout"
  | "idleTimeout"
  | "maxHeaderBytes"
  | "maxHeaders"
  | "maxBodyBytes"
  | "readBufferSize";

const numbers: Record<NumberOption, { fallback: number; least: number; most?: number }> = {
  readTimeout: { fallback: 0, least: 0 },
  readHeaderTimeout: { fallback: 60_000, least: 0 },
  writeTimeout: { fallback: 0, least: 0 },
  idleTimeout: { fallback: 120_000, least: 0 },
  maxHeaderBytes: { fallback: 1024 * 1024, least: 16 },
  maxHeaders: { fallback: 500, least: 1 },
  maxBodyBytes: { fallback: 0, least: 0 },
  readBufferSize: { fallback: 1024, least: 64, most: 16 * 1024 * 1024 },
};

/** The names of all options but the two that are arguments elsewhere. */
export function isServerOption(name: string): name is keyof ServerOptions {
  return name in numbers || (functions as readonly string[]).includes(name);
}

const functions = ["connState", "onError", "errorLog"] as const;

/**
 * Checks options and fills in the defaults.
 *
 * @param options What the caller gave.
 * @throws {TypeError} An option of the wrong type, or one there is none of.
 * @throws {RangeError} A number that is negative, `NaN`, too small or too large.
 */
export function serverSettings(options: ServerOptions): Settings {
  if (options === null || typeof options !== "object") {
    throw new TypeError(`server options must be an object, got ${String(options)}`);
  }
  const known = new Set<string>(["handler", "addr", ...functions, ...Object.keys(numbers)]);
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw new TypeError(`unknown server option ${JSON.stringify(name)}`);
  }
  const { handler, addr } = options;
  if (typeof handler !== "function") {
    throw new TypeError(`handler must be a function, got ${String(handler)}`);
  }
  if (addr !== undefined && typeof addr !== "string") {
    throw new TypeError(`addr must be a string, got ${String(addr)}`);
  }
  for (const name of functions) {
    if (options[name] !== undefined && typeof options[name] !== "function") {
      throw new TypeError(`${name} must be a function, got ${String(options[name])}`);
    }
  }
  const number = (name: NumberOption): number => {
    const { fallback, least, most = Infinity } = numbers[name];
    const value = options[name] ?? fallback;
    if (typeof value !== "number") {
      throw new TypeError(`${name} must be a number, got ${String(value)}`);
    }
    if (!(value >= least && value <= most)) {
      const rule = most === Infinity ? `at least ${least}` : `${least} to ${most}`;
      throw new RangeError(`${name} must be ${rule}, got ${value}`);
    }
    return value;
  };
  return {
    handler,
    addr,
    readTimeout: number("readTimeout"),
    readHeaderTimeout: number("readHeaderTimeout"),
    writeTimeout: number("writeTimeout"),
    idleTimeout: number("idleTimeout"),
    maxHeaderBytes: number("maxHeaderBytes"),
    maxHeaders: number("maxHeaders"),
    maxBodyBytes: number("maxBodyBytes"),
    readBufferSize: number("readBufferSize"),
    connState: options.connState,
    onError: options.onError,
    errorLog: options.errorLog ?? ((message, error) => console.error(message, error ?? "")),
  };
}
