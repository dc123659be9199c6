/** Requests with conditions (RFC 9110 section 13): whether what a client has is still right. */

/** What tells one version of a representation from another. */
export interface Validators {
  /** The entity tag, quotes and all; `undefined` without one. */
  readonly etag: string | undefined;
  /** When it was last changed, epoch milliseconds in whole seconds; `undefined` if not known. */
  readonly lastModified: number | undefined;
}

/**
 * How long after a change a file may change again unseen: file systems count time in steps of up
 * to two seconds. Within them its validators are weak (RFC 9110 section 8.8.1).
 */
const unsettled = 2_000;

/**
 * The validators of a file.
 *
 * @param size Its bytes.
 * @param modified When it was last changed; `null` if not known.
 * @param now The time now, epoch milliseconds.
 */
export function fileValidators(size: number, modified: Date | null, now: number): Validators {
  if (modified === null) return { etag: undefined, lastModified: undefined };
  const time = modified.getTime();
  const weak = now - time < unsettled ? "W/" : "";
  return {
    etag: `${weak}"${size.toString(36)}-${time.toString(36)}"`,
    // Not later than the answer itself (RFC 9110 section 8.8.2.1).
    lastModified: Math.floor(Math.min(time, now) / 1000) * 1000,
  };
}

/**
 * Judges the conditions of a `GET` or `HEAD` request, in the order of RFC 9110 section 13.2.2.
 *
 * @param headers The fields of the request.
 * @param validators Those of what is there now.
 * @returns The status to answer with: 200 when nothing speaks against it, 304 or 412.
 */
export function checkConditions(headers: Headers, validators: Validators): 200 | 304 | 412 {
  const { etag, lastModified } = validators;
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null) {
    if (!matches(ifMatch, etag, strongMatch)) return 412;
  } else {
    const since = dateIn(headers, "if-unmodified-since");
    if (since !== undefined && lastModified !== undefined && lastModified > since) return 412;
  }
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) return matches(ifNoneMatch, etag, weakMatch) ? 304 : 200;
  const since = dateIn(headers, "if-modified-since");
  return since !== undefined && lastModified !== undefined && lastModified <= since ? 304 : 200;
}

/**
 * Whether `If-Range` allows a part to be sent: the client has the rest of the same version (RFC
 * 9110 section 13.1.5). So it does without the field.
 *
 * @param headers The fields of the request.
 * @param validators Those of what is there now.
 */
export function rangeAllowed(headers: Headers, validators: Validators): boolean {
  const field = headers.get("if-range");
  if (field === null) return true;
  const { etag, lastModified } = validators;
  if (etag === undefined || isWeak(etag)) return false;
  if (field.endsWith('"')) return strongMatch(field, etag);
  return lastModified !== undefined && parseHttpDate(field) === lastModified;
}

type Comparison = (a: string, b: string) => boolean;

/** RFC 9110 section 8.8.3.2. */
const strongMatch: Comparison = (a, b) => a === b && !isWeak(a);
const weakMatch: Comparison = (a, b) => opaque(a) === opaque(b);

function isWeak(etag: string): boolean {
  return etag.startsWith("W/");
}

function opaque(etag: string): string {
  return isWeak(etag) ? etag.slice(2) : etag;
}

const entityTag = /[\t ]*(?:,[\t ]*)*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")[\t ]*(?=,|$)/y;

/** Whether a list of entity tags, or `*`, has this one. What follows a malformed one is not seen. */
function matches(list: string, etag: string | undefined, same: Comparison): boolean {
  if (list.trim() === "*") return true;
  if (etag === undefined) return false;
  entityTag.lastIndex = 0;
  for (let match; (match = entityTag.exec(list)) !== null;) {
    if (same(match[1], etag)) return true;
  }
  return false;
}

function dateIn(headers: Headers, name: string): number | undefined {
  const field = headers.get(name);
  return field === null ? undefined : parseHttpDate(field);
}

const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const day = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const month = `(?<month>${months.join("|")})`;
const time = "(?<h>\\d\\d):(?<m>\\d\\d):(?<s>\\d\\d)";
const forms = [
  new RegExp(`^${day}, (?<date>\\d\\d) ${month} (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(`^[A-Z][a-z]+day, (?<date>\\d\\d)-${month}-(?<year>\\d\\d) ${time} GMT$`),
  new RegExp(`^${day} ${month} (?<date>[\\d ]\\d) ${time} (?<year>\\d{4})$`),
];

/**
 * The time that an HTTP date names, in any of the three forms of RFC 9110 section 5.6.7.
 *
 * @param text The date.
 * @returns Epoch milliseconds; `undefined` for what is no such date.
 */
export function parseHttpDate(text: string): number | undefined {
  for (const form of forms) {
    const parts = form.exec(text)?.groups;
    if (parts === undefined) continue;
    const [date, h, m, s] = [parts.date, parts.h, parts.m, parts.s].map(Number);
    const year = fullYear(parts.year);
    const month = months.indexOf(parts.month);
    if (h > 23 || m > 59 || s > 60) return undefined;
    const midnight = new Date(0);
    midnight.setUTCFullYear(year, month, date);
    // A date that is not in the calendar has become another one.
    if (midnight.getUTCDate() !== date || midnight.getUTCMonth() !== month) return undefined;
    return midnight.getTime() + ((h * 60 + m) * 60 + s) * 1000;
  }
  return undefined;
}

/** Two digits are the year in this century, or the last if that is over 50 years ahead. */
function fullYear(digits: string): number {
  if (digits.length === 4) return Number(digits);
  const now = new Date().getUTCFullYear();
  const year = now - now % 100 + Number(digits);
  return year > now + 50 ? year - 100 : year;
}
