/** What goes over the wire of a request, decided before a byte of it is sent. */
import { requestHead } from "../h1/encode.ts";
import { chunkedBody } from "../h1/framing.ts";
import { checkFieldName, checkFieldValue, isToken } from "../headers.ts";

/** What a plan needs of a request. */
export interface PlannedRequest {
  /** The method. */
  readonly method: string;
  /** Its fields, flat. */
  readonly fields: readonly string[];
  /** The length of the body; `undefined`: only its end will tell. */
  readonly length: number | undefined;
}

/** What a plan needs of the way the request takes. */
export interface PlanOptions {
  /** The target of the request line. */
  readonly target: string;
  /** `Host`, where the request does not set it. */
  readonly host: string;
  /** Fields to add where the request has no field of that name, flat; names in lower case. */
  readonly extra: readonly string[];
  /** Whether gzip may be asked for on the caller's behalf. */
  readonly compression: boolean;
  /** Whether the connection is to be closed after the exchange. */
  readonly close: boolean;
}

/** A request as it will be sent. */
export interface RequestPlan {
  /** The head, with its empty line. */
  readonly head: string;
  /** The bytes of the head, where it is sent often. */
  readonly bytes: Uint8Array | undefined;
  /** The length of the body: bytes, or `chunkedBody`. */
  readonly bodyLength: number;
  /** Whether the connection may carry another request, as far as this side says. */
  readonly keepAlive: boolean;
  /** Whether the body waits for `100 Continue`. */
  readonly expectsContinue: boolean;
  /** Whether another protocol is asked for. */
  readonly upgrades: boolean;
  /** Whether gzip was asked for on the caller's behalf, so that it is to be decoded. */
  readonly asksGzip: boolean;
  /** Whether it may be sent twice without harm (RFC 9110 section 9.2.2), body aside. */
  readonly repeatable: boolean;
}

/** What stands in `User-Agent` where the caller sets none. */
const userAgent = "plumb";

const repeatableMethods = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Methods that mean to send something: an empty body of theirs is announced, as in Go. */
const sendingMethods = new Set(["POST", "PUT", "PATCH"]);

/** What the caller's own fields say, where they say it. */
interface Own {
  host?: string;
  agent: boolean;
  encoding: boolean;
  range: boolean;
  length?: string;
  coding?: string;
  close: boolean;
  upgrade: boolean;
  expect: boolean;
  key: boolean;
}

/**
 * Plans a request.
 *
 * @param request The request.
 * @param options The way it takes.
 * @throws {TypeError} A method, name or value that is not valid, or framing fields that do not fit
 * the body.
 */
export function planRequest(request: PlannedRequest, options: PlanOptions): RequestPlan {
  const { method } = request;
  if (!isToken(method)) throw new TypeError(`method ${JSON.stringify(method)}: must be a token`);
  if (method === "CONNECT") throw new TypeError('method "CONNECT" is for proxies alone');
  const fields: string[] = ["Host", options.host];
  const own = copyFields(request.fields, fields);
  if (own.host !== undefined) fields[1] = own.host;
  if (!own.agent) fields.push("User-Agent", userAgent);
  const { extra } = options;
  for (let i = 0; i < extra.length; i += 2) {
    if (!hasField(request.fields, extra[i])) fields.push(extra[i], extra[i + 1]);
  }
  const asksGzip = options.compression && !own.encoding && !own.range && method !== "HEAD";
  if (asksGzip) fields.push("Accept-Encoding", "gzip");
  const bodyLength = frame(request, own, fields);
  if (options.close && !own.close) fields.push("Connection", "close");
  return {
    head: requestHead(method, options.target, fields),
    bytes: undefined,
    bodyLength,
    keepAlive: !options.close && !own.close,
    expectsContinue: own.expect && bodyLength !== 0,
    upgrades: own.upgrade,
    asksGzip,
    repeatable: own.key || repeatableMethods.has(method),
  };
}

/** Copies what is passed on as it is, and says what else there was. */
function copyFields(from: readonly string[], to: string[]): Own {
  const own: Own = {
    agent: false,
    encoding: false,
    range: false,
    close: false,
    upgrade: false,
    expect: false,
    key: false,
  };
  for (let i = 0; i < from.length; i += 2) {
    const name = from[i];
    const value = from[i + 1];
    checkFieldName(name);
    checkFieldValue(name, value);
    switch (name.toLowerCase()) {
      case "host":
        own.host = value;
        continue;
      case "content-length":
        own.length = own.length === undefined ? value : `${own.length}, ${value}`;
        continue;
      case "transfer-encoding":
        own.coding = own.coding === undefined ? value : `${own.coding}, ${value}`;
        continue;
      case "user-agent":
        own.agent = true;
        if (value === "") continue; // as in Go: none at all
        break;
      case "accept-encoding":
        own.encoding = true;
        break;
      case "range":
        own.range = true;
        break;
      case "connection":
        own.close ||= /(^|,)[ \t]*close[ \t]*(,|$)/i.test(value);
        own.upgrade ||= /(^|,)[ \t]*upgrade[ \t]*(,|$)/i.test(value);
        break;
      case "expect":
        own.expect ||= value.toLowerCase() === "100-continue";
        break;
      case "idempotency-key":
      case "x-idempotency-key":
        own.key = true;
        break;
    }
    to.push(name, value);
  }
  return own;
}

function hasField(fields: readonly string[], lower: string): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i].toLowerCase() === lower) return true;
  }
  return false;
}

/** Says how the body ends, and adds the field for it (RFC 9112 section 6). */
function frame(request: PlannedRequest, own: Own, fields: string[]): number {
  const { method, length } = request;
  if (own.coding !== undefined) {
    if (own.coding.toLowerCase() !== "chunked") {
      throw new TypeError(
        `header "transfer-encoding": ${JSON.stringify(own.coding)} must be "chunked"`,
      );
    }
    if (own.length !== undefined) {
      throw new TypeError('headers "transfer-encoding" and "content-length" exclude each other');
    }
    if (length === 0) return announce(method, fields);
    fields.push("Transfer-Encoding", "chunked");
    return chunkedBody;
  }
  const said = own.length === undefined ? undefined : parseLength(own.length);
  if (length === undefined) {
    if (said === undefined) {
      fields.push("Transfer-Encoding", "chunked");
      return chunkedBody;
    }
    fields.push("Content-Length", String(said));
    return said;
  }
  if (said !== undefined && said !== length) {
    throw new TypeError(`header "content-length": ${said} is not the body's length, ${length}`);
  }
  if (length === 0 && said === undefined) return announce(method, fields);
  fields.push("Content-Length", String(length));
  return length;
}

function announce(method: string, fields: string[]): number {
  if (sendingMethods.has(method)) fields.push("Content-Length", "0");
  return 0;
}

function parseLength(value: string): number {
  const length = Number(value);
  if (/^\d+$/.test(value) && Number.isSafeInteger(length)) return length;
  throw new TypeError(`header "content-length": ${JSON.stringify(value)} must be a whole number`);
}
