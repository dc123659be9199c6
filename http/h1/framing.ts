/** What a head says about its message and its connection: the one framing decision of both roles. */
import { isToken, trimOws } from "../headers.ts";
import { quote, refuse } from "./refusal.ts";

/** As a body's length: chunked, it tells its end itself. */
export const chunkedBody = -1;
/** As a body's length: everything until the connection is closed. Only of responses. */
export const untilClose = -2;

/** What of a response's head decides how long its body is. */
export interface ResponseFraming {
  /** Its status. */
  readonly status: number;
  /** The value of `Content-Length`. */
  readonly contentLength: number | undefined;
  /** Whether the body is chunked. */
  readonly chunked: boolean;
}

/** What the fields of a head say, whichever way it goes. */
export interface Facts {
  /** Values of `Host`, in order. */
  readonly hosts: readonly string[];
  /** The value of `Content-Length`. */
  readonly contentLength: number | undefined;
  /** Whether the body is chunked. */
  readonly chunked: boolean;
  /** Whether the sender means to keep the connection. */
  readonly keepAlive: boolean;
  /** The value of `Expect`, lower-cased. */
  readonly expect: string | undefined;
  /** The value of `Upgrade`, where `Connection` names it. */
  readonly upgrade: string | undefined;
}

const noHosts: readonly string[] = [];

/**
 * Reads the fields that matter to the protocol.
 *
 * @param fields The fields, flat.
 * @param minor The minor version of the message.
 * @throws {ProtocolError} The framing is wrong, or can be understood in two ways.
 */
export function factsOf(fields: readonly string[], minor: 0 | 1): Facts {
  let hosts = noHosts;
  let length: string | undefined;
  let coding: string | undefined;
  let connection: string | undefined;
  let expect: string | undefined;
  let upgrade: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    switch (name.length) {
      case 4:
        if (isNamed(name, "Host", "host")) {
          hosts = hosts.length === 0 ? [fields[i + 1]] : [...hosts, fields[i + 1]];
        }
        break;
      case 6:
        if (isNamed(name, "Expect", "expect")) expect = joined(expect, fields[i + 1]);
        break;
      case 7:
        if (isNamed(name, "Upgrade", "upgrade")) upgrade = joined(upgrade, fields[i + 1]);
        break;
      case 10:
        if (isNamed(name, "Connection", "connection")) {
          connection = joined(connection, fields[i + 1]);
        }
        break;
      case 14:
        if (isNamed(name, "Content-Length", "content-length")) {
          if (length !== undefined) severalLengths(length, fields[i + 1]);
          length = fields[i + 1];
        }
        break;
      case 17:
        if (isNamed(name, "Transfer-Encoding", "transfer-encoding")) {
          if (coding !== undefined) severalCodings(coding, fields[i + 1]);
          coding = fields[i + 1];
        }
        break;
    }
  }
  if (coding !== undefined) {
    checkCoding(coding, minor);
    if (length !== undefined) {
      refuse(
        "ERR_HTTP_CONTENT_LENGTH",
        `Content-Length ${quote(length)} beside Transfer-Encoding (RFC 9112 section 6.1)`,
      );
    }
  }
  const options = connection === undefined ? noOptions : connectionOptions(connection);
  return {
    hosts,
    contentLength: length === undefined ? undefined : parseLength(length),
    chunked: coding !== undefined,
    keepAlive: minor === 1 ? !options.close : options.keepAlive && !options.close,
    // Neither means anything in HTTP/1.0 (RFC 9110 sections 10.1.1 and 7.8).
    expect: minor === 1 ? expect?.toLowerCase() : undefined,
    upgrade: minor === 1 && options.upgrade ? upgrade : undefined,
  };
}

/**
 * The length of a response's body (RFC 9112 section 6.3): bytes, {@linkcode chunkedBody} or
 * {@linkcode untilClose}, after which the connection cannot be used again.
 *
 * @param head The response's head.
 * @param requestMethod The method of the request it answers.
 */
export function responseBodyLength(head: ResponseFraming, requestMethod: string): number {
  const status = head.status;
  if (status === 204 || status === 304 || status < 200 || requestMethod === "HEAD") return 0;
  if (requestMethod === "CONNECT" && status < 300) return 0;
  if (head.chunked) return chunkedBody;
  return head.contentLength ?? untilClose;
}

/** Most names come in one of two spellings, so lower-casing is rare. */
function isNamed(name: string, canonical: string, lower: string): boolean {
  if (name === canonical || name === lower) return true;
  // The first letter rules out nearly all others of this length.
  return (name.charCodeAt(0) | 0x20) === lower.charCodeAt(0) && name.toLowerCase() === lower;
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}

/** What `Connection` lists. */
interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
}

const noOptions: ConnectionOptions = { close: false, keepAlive: false, upgrade: false };

const toKeep: ConnectionOptions = { close: false, keepAlive: true, upgrade: false };
const toClose: ConnectionOptions = { close: true, keepAlive: false, upgrade: false };

function connectionOptions(value: string): ConnectionOptions {
  // What nearly everybody sends, without a list.
  if (value === "keep-alive") return toKeep;
  if (value === "close") return toClose;
  const options = value.toLowerCase().split(",").map(trimOws);
  return {
    close: options.includes("close"),
    keepAlive: options.includes("keep-alive"),
    upgrade: options.includes("upgrade"),
  };
}

/** Digits alone, so not what `Number` accepts besides: signs, blanks, `0x10`, `1e3`. */
function parseLength(value: string): number {
  if (!/^[0-9]+$/.test(value)) {
    refuse(
      "ERR_HTTP_CONTENT_LENGTH",
      `Content-Length ${quote(value)}: must be digits (RFC 9110 section 8.6)`,
    );
  }
  const length = Number(value);
  if (length > Number.MAX_SAFE_INTEGER) {
    refuse("ERR_HTTP_CONTENT_LENGTH", `Content-Length ${quote(value)}: at most 2^53-1`);
  }
  return length;
}

function severalLengths(first: string, second: string): never {
  refuse(
    "ERR_HTTP_CONTENT_LENGTH",
    `Content-Length ${quote(first)} and again ${quote(second)}: must be one ` +
      "(RFC 9112 section 6.3)",
  );
}

function severalCodings(first: string, second: string): never {
  refuse(
    "ERR_HTTP_TRANSFER_ENCODING",
    `Transfer-Encoding ${quote(first)} and again ${quote(second)}: must be one`,
  );
}

function checkCoding(value: string, minor: 0 | 1): void {
  if (minor === 0) {
    refuse(
      "ERR_HTTP_TRANSFER_ENCODING",
      `Transfer-Encoding ${quote(value)} on HTTP/1.0 (RFC 9112 section 6.1)`,
    );
  }
  const lower = value.toLowerCase();
  if (lower === "chunked") return;
  const codings = lower.split(",").map(trimOws);
  // Codings we do not know are honest (501); what nobody can frame is not.
  if (codings.every(isToken)) {
    const first = codings.indexOf("chunked");
    if (first === -1 || (first === codings.length - 1 && codings.length > 1)) {
      refuse(
        "ERR_HTTP_TRANSFER_ENCODING_UNKNOWN",
        `Transfer-Encoding ${quote(value)}: only "chunked" is known (RFC 9112 section 6.1)`,
        501,
      );
    }
  }
  refuse(
    "ERR_HTTP_TRANSFER_ENCODING",
    `Transfer-Encoding ${quote(value)}: must be "chunked", once and last (RFC 9112 section 6.1)`,
  );
}
