/** Heads and chunks to text, and text to bytes. Nothing that could split a message gets through. */
import { checkFieldName, checkFieldValue, isToken, mayBeTrailer } from "../headers.ts";
import { quote } from "./refusal.ts";

const encoder = new TextEncoder();

/** Up to here a loop over the characters is faster than a call into the runtime. */
const shortText = 80;

/** Names that were checked before; a program sends few, and a peer cannot make it more. */
const knownNames = new Set<string>();
const maxKnownNames = 256;

/** By status, the line of the reason it was last asked for with. */
const lines = new Map<number, { readonly reason: string; readonly line: string }>();

/**
 * The first line of a response, with its CRLF.
 *
 * @param status 100 to 999.
 * @param reason The reason phrase; the space before it stays if it is empty (RFC 9112 section 4).
 * @throws {RangeError} The status is not such a number.
 * @throws {TypeError} The reason holds a control character, or one beyond latin1.
 */
export function statusLine(status: number, reason: string): string {
  const known = lines.get(status);
  if (known !== undefined && known.reason === reason) return known.line;
  if (!Number.isInteger(status) || status < 100 || status > 999) {
    throw new RangeError(`status ${status}: must be an integer from 100 to 999`);
  }
  if (/[^\t\x20-\x7e\x80-\xff]/.test(reason)) {
    throw new TypeError(`reason ${quote(reason)}: must be latin1 without control characters`);
  }
  const line = `HTTP/1.1 ${status} ${reason}\r\n`;
  lines.set(status, { reason, line });
  return line;
}

/**
 * The head of a response, with its empty line.
 *
 * @param status 100 to 999.
 * @param reason The reason phrase.
 * @param fields The fields, flat.
 * @throws {RangeError | TypeError} Something in it must not be sent.
 */
export function responseHead(status: number, reason: string, fields: readonly string[]): string {
  return statusLine(status, reason) + fieldLines(fields) + "\r\n";
}

/**
 * The head of a request, with its empty line.
 *
 * @param method The method.
 * @param target The target: visible ASCII without `#`.
 * @param fields The fields, flat.
 * @throws {TypeError} Something in it must not be sent.
 */
export function requestHead(method: string, target: string, fields: readonly string[]): string {
  if (!isToken(method)) throw new TypeError(`method ${quote(method)}: must be a token`);
  if (!/^[!-"$-~]+$/.test(target)) {
    throw new TypeError(`target ${quote(target)}: must be visible ASCII without "#"`);
  }
  return `${method} ${target} HTTP/1.1\r\n${fieldLines(fields)}\r\n`;
}

/**
 * The line before a chunk's data; behind the data comes a CRLF.
 *
 * @param size Bytes of the data, at least one: a size of 0 would end the body.
 * @throws {RangeError} The size is no positive integer.
 */
export function chunkHead(size: number): string {
  if (!Number.isSafeInteger(size) || size <= 0) {
    throw new RangeError(`chunk size ${size}: must be a positive integer`);
  }
  return `${size.toString(16)}\r\n`;
}

/**
 * The end of a chunked body.
 *
 * @param trailers The trailer fields, flat; none by default.
 * @throws {TypeError} A field that may not be a trailer, or that must not be sent.
 */
export function lastChunk(trailers?: readonly string[]): string {
  if (trailers === undefined || trailers.length === 0) return "0\r\n\r\n";
  for (let i = 0; i < trailers.length; i += 2) {
    if (!mayBeTrailer(trailers[i])) {
      throw new TypeError(`trailer ${quote(trailers[i])}: not allowed behind the body`);
    }
  }
  return `0\r\n${fieldLines(trailers)}\r\n`;
}

/**
 * Writes text as latin1, each character a byte.
 *
 * @param target Where to.
 * @param text The text.
 * @param at The first byte.
 * @returns How many bytes were written: the length of the text.
 * @throws {RangeError} There is no room for it; some of it may be written.
 * @throws {TypeError} It holds a character beyond latin1; some of it may be written.
 */
export function writeText(target: Uint8Array, text: string, at: number): number {
  const length = text.length;
  if (length > target.length - at) {
    throw new RangeError(`no room for ${length} bytes at ${at} of ${target.length}`);
  }
  if (length > shortText) {
    const { read, written } = encoder.encodeInto(text, target.subarray(at, at + length));
    // UTF-8 is latin1 as long as each character took one byte and none was left over.
    if (written === length && read === length) return length;
  }
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    // Cut to a byte, U+010D would be a CR.
    if (code > 0xff) throw new TypeError(`text ${quote(text)}: must be latin1`);
    target[at + i] = code;
  }
  return length;
}

function fieldLines(fields: readonly string[]): string {
  let text = "";
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    const value = fields[i + 1];
    if (!knownNames.has(name)) {
      checkFieldName(name);
      if (knownNames.size < maxKnownNames) knownNames.add(name);
    }
    checkFieldValue(name, value);
    text += `${name}: ${value}\r\n`;
  }
  return text;
}
