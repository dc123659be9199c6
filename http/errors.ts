/** What goes wrong in `http`, one class for each thing a caller may want to tell apart. */

/** What a {@linkcode ProtocolError} is made of. */
export interface ProtocolErrorInit {
  /** A stable code, such as `"ERR_HTTP_CONTENT_LENGTH"`. */
  code: string;
  /** The status a server answers it with; 400 by default. */
  status?: number;
  /** The error behind this one. */
  cause?: unknown;
}

/**
 * A message that breaks the rules of HTTP/1.1, or a limit: the connection it came on is of no
 * further use. A server answers it with `status` and closes.
 *
 * ```ts
 * import { ProtocolError } from "@plumb/plumb/http";
 *
 * const error = new ProtocolError('header name "bad name": not a token', {
 *   code: "ERR_HTTP_HEADER_NAME",
 * });
 * console.log(error.status); // 400
 * ```
 */
export class ProtocolError extends Error {
  /** Always `"ProtocolError"`. */
  override readonly name = "ProtocolError";
  /** A stable code, such as `"ERR_HTTP_CONTENT_LENGTH"`. */
  readonly code: string;
  /** The status a server answers it with. */
  readonly status: number;

  /**
   * An error of the sender's.
   *
   * @param message What is wrong, with the value and the rule.
   * @param init The code and the status.
   */
  constructor(message: string, init: ProtocolErrorInit) {
    super(message, "cause" in init ? { cause: init.cause } : undefined);
    this.code = init.code;
    this.status = init.status ?? 400;
  }
}

/** Where in an exchange a client's request failed. */
export type Phase =
  | "request"
  | "dns"
  | "connect"
  | "proxy"
  | "tls"
  | "write"
  | "responseHeader"
  | "body";

/** What an {@linkcode HttpError} is made of. */
export interface HttpErrorInit {
  /** The method of the request, as `"GET"`. */
  op: string;
  /** The URL of the request; a password in it is masked. */
  url: string;
  /** Where it failed. */
  phase: Phase;
  /** Why it failed, in a few words. */
  reason: string;
  /** A stable code, such as `"ECONNREFUSED"` or `"ERR_HTTP_TRUNCATED"`. */
  code: string;
  /** Whether a limit of time was the reason. `false` by default. */
  timeout?: boolean;
  /** The error behind this one. */
  cause?: unknown;
}

/**
 * A request that failed, or whose response did. As Go's `url.Error`.
 *
 * ```ts
 * import { get, HttpError } from "@plumb/plumb/http";
 *
 * try {
 *   await get("http://127.0.0.1:1/");
 * } catch (error) {
 *   if (error instanceof HttpError) console.log(error.message, error.phase, error.code);
 *   // GET "http://127.0.0.1:1/": connection refused connect ECONNREFUSED
 * }
 * ```
 */
export class HttpError extends Error {
  /** Always `"HttpError"`. */
  override readonly name = "HttpError";
  /** The method of the request. */
  readonly op: string;
  /** The URL of the request, with `***` for a password. */
  readonly url: string;
  /** Where it failed. */
  readonly phase: Phase;
  /** Why it failed, in a few words. */
  readonly reason: string;
  /** A stable code. */
  readonly code: string;
  /** Whether a limit of time was the reason. */
  readonly timeout: boolean;

  /**
   * Makes the message from the parts.
   *
   * @param init The parts.
   */
  constructor(init: HttpErrorInit) {
    const url = maskPassword(init.url);
    super(
      `${init.op} ${JSON.stringify(url)}: ${init.reason}`,
      "cause" in init ? { cause: init.cause } : undefined,
    );
    this.op = init.op;
    this.url = url;
    this.phase = init.phase;
    this.reason = init.reason;
    this.code = init.code;
    this.timeout = init.timeout ?? false;
  }
}

/**
 * A URL to show: with `***` in place of a password.
 *
 * @param url The URL.
 */
export function maskPassword(url: string): string {
  if (!url.includes("@")) return url;
  const parsed = URL.parse(url);
  if (parsed === null || parsed.password === "") return url;
  parsed.password = "***";
  return parsed.href;
}

/** A body that is longer than its limit. */
export class BodyTooLargeError extends Error {
  /** Always `"BodyTooLargeError"`. */
  override readonly name = "BodyTooLargeError";
  /** Always `"ERR_HTTP_BODY_TOO_LARGE"`. */
  readonly code = "ERR_HTTP_BODY_TOO_LARGE";
  /** The limit in bytes. */
  readonly limit: number;

  /**
   * Names the limit in its message.
   *
   * @param limit The limit in bytes.
   */
  constructor(limit: number) {
    super(`body is longer than the limit of ${limit} bytes`);
    this.limit = limit;
  }
}

/** The class of {@linkcode errServerClosed}. */
class ServerClosedError extends Error {
  override readonly name = "ServerClosedError";
  readonly code = "ERR_SERVER_CLOSED";
}

/**
 * What `serve` and `listenAndServe` resolve to after `shutdown` or `close`. As Go's
 * `http.ErrServerClosed`.
 */
export const errServerClosed: Error & { readonly code: string } = new ServerClosedError(
  "the server was closed",
);
