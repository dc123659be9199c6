/** The syntax of header and trailer fields (RFC 9110 section 5), for every part of `http`. */

/** RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** What a field value may not hold: a control other than HTAB, or what latin1 cannot say. */
const notInValue = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * The fields that mean nothing, or something dangerous, once the body has gone by: framing,
 * routing, authentication, request modifiers and content format (RFC 9110 section 6.5.1).
 */
const neverTrailers: ReadonlySet<string> = new Set([
  "authorization",
  "cache-control",
  "connection",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-range",
  "content-type",
  "cookie",
  "expect",
  "forwarded",
  "host",
  "keep-alive",
  "location",
  "max-forwards",
  "pragma",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "range",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "www-authenticate",
]);

/**
 * Whether a string is a token, as methods and field names are.
 *
 * @param s The string.
 */
export function isToken(s: string): boolean {
  return token.test(s);
}

/**
 * Refuses what is no field name, so that nothing can be smuggled into a head through one.
 *
 * @param name The name.
 * @throws {TypeError} It is not a token.
 */
export function checkFieldName(name: string): void {
  if (!token.test(name)) {
    throw new TypeError(`header name ${show(name)}: must be a token (RFC 9110 section 5.6.2)`);
  }
}

/**
 * Refuses what is no field value, so that nothing can be smuggled into a head through one.
 *
 * @param name The name of the field, for the message.
 * @param value The value.
 * @throws {TypeError} It holds a control character other than HTAB, or one beyond latin1.
 */
export function checkFieldValue(name: string, value: string): void {
  if (notInValue.test(value)) {
    throw new TypeError(
      `header ${show(name)}: value ${show(value)} must be latin1 without control characters ` +
        "(RFC 9110 section 5.5)",
    );
  }
}

/**
 * Whether a field may stand behind the body. As Go's `httpguts.ValidTrailerHeader`.
 *
 * @param name The name, in any case.
 */
export function mayBeTrailer(name: string): boolean {
  const lower = name.toLowerCase();
  return !neverTrailers.has(lower) && !lower.startsWith("if-") && isToken(lower);
}

/**
 * A value without the blanks and tabs around it (OWS, RFC 9110 section 5.6.3), and only those:
 * `String.prototype.trim` would take more away.
 *
 * @param value The value.
 */
export function trimOws(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start++;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--;
  return start === 0 && end === value.length ? value : value.slice(start, end);
}

/**
 * Fields as the web's `Headers`.
 *
 * @param fields The fields, flat.
 */
export function headersOf(fields: readonly string[]): Headers {
  const headers = new Headers();
  for (let i = 0; i < fields.length; i += 2) headers.append(fields[i], fields[i + 1]);
  return headers;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** A value to show in a message: quoted, and not longer than a line. */
function show(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
}
