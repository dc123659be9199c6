/** The errors of an exchange: where it failed, and why, in one class. */
import { isTimeout } from "../../deadline.ts";
import { DnsError, OpError } from "../../net/errors.ts";
import { HttpError, type Phase, ProtocolError } from "../errors.ts";

/** The request that an error is about. */
export interface Subject {
  /** Its method. */
  readonly method: string;
  /** Its URL. */
  readonly url: string;
}

/** Something that has gone wrong without an error behind it. */
export class Mishap {
  readonly code: string;
  readonly reason: string;
  readonly timeout: boolean;

  /**
   * @param code A stable code.
   * @param reason What has gone wrong.
   * @param timeout Whether a limit of time was the reason.
   */
  constructor(code: string, reason: string, timeout = false) {
    this.code = code;
    this.reason = reason;
    this.timeout = timeout;
  }
}

/** The connection was closed before the response began. */
export const noResponse: Mishap = new Mishap(
  "ERR_HTTP_NO_RESPONSE",
  "the connection was closed before a response came",
);

/** The connection was closed within the response's head. */
export const headCut: Mishap = new Mishap(
  "ERR_HTTP_TRUNCATED",
  "the connection was closed within the head of the response",
);

/** The connection was closed within the response's body. */
export const bodyCut: Mishap = new Mishap(
  "ERR_HTTP_TRUNCATED",
  "the connection was closed within the body of the response",
);

/** The head of the response has not come in time. */
export const headLate: Mishap = new Mishap(
  "ETIMEDOUT",
  "timed out waiting for the head of the response",
  true,
);

/** The transport was closed. */
export const transportClosed: Mishap = new Mishap("ERR_CLOSED", "the transport was closed");

/** The error of a proxy that refuses, or does not speak as one. */
export class ProxyError extends Error {
  override readonly name = "ProxyError";
  readonly code: string;

  /**
   * @param message What it said.
   * @param code A stable code.
   */
  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * The error of a request that failed.
 *
 * @param subject The request.
 * @param phase Where it failed.
 * @param cause What has gone wrong: a mishap, or another error. An `HttpError` stays as it is.
 */
export function failure(subject: Subject, phase: Phase, cause: unknown): HttpError {
  if (cause instanceof HttpError) return cause;
  const { method: op, url } = subject;
  if (cause instanceof Mishap) {
    const { code, reason, timeout } = cause;
    return new HttpError({ op, url, phase, code, reason, timeout });
  }
  return new HttpError({
    op,
    url,
    phase,
    reason: reasonOf(cause, phase),
    code: codeOf(cause),
    timeout: isTimeout(cause),
    cause,
  });
}

/**
 * The phase in which a dial failed.
 *
 * @param error The error of the dial.
 * @param proxied Whether a proxy was being reached.
 */
export function dialPhase(error: unknown, proxied: boolean): Phase {
  if (error instanceof ProxyError) return "proxy";
  if (error instanceof OpError && (error.op === "handshake" || error.code.startsWith("ERR_TLS"))) {
    return "tls";
  }
  for (let e = error; e instanceof Error; e = e.cause) {
    if (e instanceof DnsError) return "dns";
  }
  return proxied ? "proxy" : "connect";
}

function codeOf(error: unknown): string {
  for (let e = error; e instanceof Error; e = e.cause) {
    const { code } = e as { code?: unknown };
    if (typeof code === "string") return code;
  }
  return isTimeout(error) ? "ETIMEDOUT" : "ERR_HTTP";
}

function reasonOf(error: unknown, phase: Phase): string {
  if (error instanceof OpError) {
    // Else it would seem to be the server of the URL that is not there.
    const whose = phase === "proxy" && error.addr ? `proxy ${JSON.stringify(error.addr)}: ` : "";
    return whose + error.reason;
  }
  if (error instanceof ProtocolError) {
    // A body that comes from another exchange, as in a proxy, has errors of its own.
    return `malformed ${phase === "request" ? "request body" : "response"}: ${error.message}`;
  }
  return error instanceof Error ? error.message : String(error);
}
