/** The head of a request (RFC 9112 section 3), parsed as it comes in. */
import { bareCr, bareLf, FieldScanner } from "./fields.ts";
import { chunkedBody, factsOf } from "./framing.ts";
import { type HeadLimits, requestLimits } from "./limits.ts";
import { quoteBytes, refuse } from "./refusal.ts";
import { CR, LF, SP, targetBytes, tokenBytes } from "./tables.ts";
import { hostOf, targetAuthority } from "./target.ts";
import { KnownText, latin1, mayStartWith } from "./text.ts";
import { minorVersion, versionLength } from "./version.ts";

/** What the header fields of a request say. */
interface RequestFields {
  /** Flat: name, value, name, value; names as sent, values of latin1 without blanks around. */
  readonly fields: readonly string[];
  /**
   * The authority of the target where it names one, else the value of `Host` (which may be
   * empty); `undefined` only on HTTP/1.0 without either.
   */
  readonly host: string | undefined;
  /** Bytes of the body, or `chunkedBody`; 0 if there is none. */
  readonly bodyLength: number;
  /** Whether the client means to keep the connection. */
  readonly keepAlive: boolean;
  /** The value of `Expect`, lower-cased; `"100-continue"` is the only one that is known. */
  readonly expect: string | undefined;
  /** The value of `Upgrade`, where `Connection` names it. */
  readonly upgrade: string | undefined;
}

/** The head of a request. It may be shared with an equal one of before: nothing may be changed. */
export interface RequestHead extends RequestFields {
  /** The method, case-sensitive. */
  readonly method: string;
  /** The target as sent: a path with a query, a URL, an authority (`CONNECT`), or `*`. */
  readonly target: string;
  /** The minor version. */
  readonly minor: 0 | 1;
}

/** Where the parser stands: before the method; next `inMethod`, with an empty line skipped. */
const atStart = 0;
/** In the method; next `inTarget`, behind its space. */
const inMethod = 1;
/** In the target; next `inVersion`, behind its space. */
const inTarget = 2;
/** In the version and its CRLF; next `inFields`. */
const inVersion = 3;
/** In the header fields; next `atStart`, of another head. */
const inFields = 4;

const SLASH = 0x2f;

/** Parses the requests of one connection, one after another. No use after an error. */
export class RequestParser {
  /** How many bytes the head just parsed took. */
  length = 0;

  readonly #maxHeadBytes: number;
  readonly #maxLineBytes: number;
  readonly #maxHeaders: number;

  readonly #scanner = new FieldScanner();
  #at = atStart;
  // Relative to the head's first byte, which may move between two calls.
  #position = 0;
  #lineStart = 0;
  #methodEnd = 0;
  #targetEnd = 0;
  #fieldsStart = 0;
  #minor: 0 | 1 = 1;
  #authority: string | undefined;

  // What came last: clients of a connection repeat themselves.
  readonly #last = new KnownText();
  #lastHead: RequestHead | null = null;
  #lastBlock = "";
  #lastFields: RequestFields | null = null;
  #lastMinor: 0 | 1 = 1;

  /** @param limits How large a head may be; `requestLimits` by default. */
  constructor(limits?: Partial<HeadLimits>) {
    this.#maxHeadBytes = limits?.maxHeadBytes ?? requestLimits.maxHeadBytes;
    this.#maxLineBytes = limits?.maxLineBytes ?? requestLimits.maxLineBytes;
    this.#maxHeaders = limits?.maxHeaders ?? requestLimits.maxHeaders;
  }

  /**
   * Parses the head that begins at `start`.
   *
   * @param buf The bytes.
   * @param start Where the head begins.
   * @param end Behind the last byte there is.
   * @returns The head, whose {@linkcode length} then counts; `null` if more bytes are needed: call
   * again with the same head from its beginning, wherever it is then. The work goes on where it
   * stopped.
   * @throws {ProtocolError} At the first byte that is wrong.
   */
  parse(buf: Uint8Array, start: number, end: number): RequestHead | null {
    if (this.#at === atStart && this.#last.matches(buf, start, end)) {
      this.length = this.#last.text.length;
      return this.#lastHead;
    }
    const stop = Math.min(end, start + this.#maxHeadBytes);
    if (this.#at !== inFields) {
      if (!this.#parseLine(buf, start, stop)) {
        return this.#needMore(start, end);
      }
      const head = this.#sameFields(buf, start, stop);
      if (head !== null) return head;
      this.#scanner.begin(this.#fieldsStart);
    }
    const length = this.#scanner.scan(buf, start, stop, this.#maxHeaders);
    if (length === -1) return this.#needMore(start, end);
    const text = latin1(buf, start, start + length);
    const fields = this.#scanner.fields(text);
    const minor = this.#minor;
    const facts = factsOf(fields, minor);
    this.#lastBlock = text.slice(this.#fieldsStart);
    this.#lastMinor = minor;
    this.#lastFields = {
      fields,
      host: hostOf(facts.hosts, minor),
      bodyLength: facts.chunked ? chunkedBody : facts.contentLength ?? 0,
      keepAlive: facts.keepAlive,
      expect: facts.expect,
      upgrade: facts.upgrade,
    };
    return this.#finish(buf, start, text, this.#lastFields);
  }

  /** The head, if its fields are byte for byte those of the one before. */
  #sameFields(buf: Uint8Array, start: number, stop: number): RequestHead | null {
    const block = this.#lastBlock;
    const fieldsAt = start + this.#fieldsStart;
    // The version decides what the fields mean, so it must be the same.
    if (this.#lastFields === null || this.#lastMinor !== this.#minor) return null;
    if (!mayStartWith(buf, fieldsAt, stop, block)) return null;
    const text = latin1(buf, start, fieldsAt + block.length);
    if (text.slice(this.#fieldsStart) !== block) return null;
    return this.#finish(buf, start, text, this.#lastFields);
  }

  #finish(buf: Uint8Array, start: number, text: string, known: RequestFields): RequestHead {
    const head: RequestHead = {
      method: methodOf(text, this.#lineStart, this.#methodEnd),
      target: text.slice(this.#methodEnd + 1, this.#targetEnd),
      minor: this.#minor,
      fields: known.fields,
      // RFC 9112 section 3.2.2: the authority of the target counts, and Host does not.
      host: this.#authority ?? known.host,
      bodyLength: known.bodyLength,
      keepAlive: known.keepAlive,
      expect: known.expect,
      upgrade: known.upgrade,
    };
    this.length = text.length;
    this.#last.set(text, buf, start);
    this.#lastHead = head;
    this.#at = atStart;
    this.#position = 0;
    return head;
  }

  #needMore(start: number, end: number): null {
    const longestLine = this.#lineStart + this.#maxLineBytes;
    if (this.#at !== inFields && end - start >= longestLine && longestLine <= this.#maxHeadBytes) {
      refuse(
        "ERR_HTTP_REQUEST_LINE_TOO_LONG",
        `request line is longer than ${this.#maxLineBytes} bytes`,
        414,
      );
    }
    if (end - start >= this.#maxHeadBytes) {
      refuse(
        "ERR_HTTP_HEAD_TOO_LARGE",
        `request head is larger than ${this.#maxHeadBytes} bytes`,
        431,
      );
    }
    return null;
  }

  /** Goes on with the request line. Returns whether it is complete. */
  #parseLine(buf: Uint8Array, base: number, headStop: number): boolean {
    let i = base + this.#position;
    if (this.#at === atStart) {
      const begun = this.#skipToLine(buf, base, headStop);
      if (begun === -1) return false;
      i = begun;
      this.#at = inMethod;
    }
    const lineStart = base + this.#lineStart;
    const stop = Math.min(headStop, lineStart + this.#maxLineBytes);
    if (this.#at === inMethod) {
      while (i < stop && tokenBytes[buf[i]] !== 0) i++;
      this.#position = i - base;
      if (i === stop) return false;
      if (buf[i] !== SP || i === lineStart) badMethod(buf, lineStart, i);
      this.#methodEnd = i - base;
      i++;
      this.#at = inTarget;
    }
    if (this.#at === inTarget) {
      while (i < stop && targetBytes[buf[i]] !== 0) i++;
      this.#position = i - base;
      if (i === stop) return false;
      if (buf[i] !== SP || i === base + this.#methodEnd + 1) badTargetByte(buf, lineStart, i);
      this.#targetEnd = i - base;
      i++;
      this.#position = i - base;
      this.#at = inVersion;
    }
    // A version is so short that it is looked at again from its beginning.
    const minor = minorVersion(buf, lineStart, i, stop);
    if (minor === -1) return false;
    i += versionLength;
    if (i === stop) return false;
    if (buf[i] !== CR) badLineEnd(buf, lineStart, i);
    if (i + 1 === stop) return false;
    if (buf[i + 1] !== LF) bareCr(buf, lineStart, i);
    this.#minor = minor;
    this.#authority = this.#checkTarget(buf, base);
    this.#fieldsStart = i + 2 - base;
    this.#at = inFields;
    return true;
  }

  /** Skips the one empty line that may precede a request (RFC 9112 section 2.2). */
  #skipToLine(buf: Uint8Array, base: number, stop: number): number {
    this.#lineStart = 0;
    if (base >= stop) return -1;
    if (buf[base] === CR) {
      if (base + 1 === stop) return -1;
      if (buf[base + 1] !== LF) bareCr(buf, base, base);
      if (base + 2 === stop) return -1;
      this.#lineStart = 2;
    } else if (buf[base] === 0x16) {
      // A TLS record of a handshake begins with its type and the major version, 3.
      if (base + 1 === stop) return -1;
      if (buf[base + 1] === 0x03) {
        refuse("ERR_HTTP_TLS_ON_PLAIN", "client sent an HTTPS request to an HTTP server");
      }
    }
    return base + this.#lineStart;
  }

  #checkTarget(buf: Uint8Array, base: number): string | undefined {
    const methodEnd = base + this.#methodEnd;
    const methodStart = base + this.#lineStart;
    // CONNECT is a method of seven letters; a path is right for all others.
    if (buf[methodEnd + 1] === SLASH && methodEnd - methodStart !== 7) return undefined;
    return targetAuthority(
      latin1(buf, methodStart, methodEnd),
      latin1(buf, methodEnd + 1, base + this.#targetEnd),
    );
  }
}

/** The most frequent methods without a new string. */
function methodOf(text: string, start: number, end: number): string {
  if (end - start === 3 && text.startsWith("GET", start)) return "GET";
  if (end - start === 4 && text.startsWith("POST", start)) return "POST";
  return text.slice(start, end);
}

function badMethod(buf: Uint8Array, lineStart: number, i: number): never {
  if (buf[i] === LF) bareLf(buf, lineStart, i);
  refuse(
    "ERR_HTTP_METHOD",
    `request line ${quoteBytes(buf, lineStart, i + 1)}: must begin with a method and one space ` +
      "(RFC 9112 section 3)",
  );
}

function badTargetByte(buf: Uint8Array, lineStart: number, i: number): never {
  const byte = buf[i];
  if (byte === LF) bareLf(buf, lineStart, i);
  const shown = quoteBytes(buf, lineStart, i + 1);
  if (byte === CR || byte === SP) {
    refuse(
      "ERR_HTTP_REQUEST_LINE",
      `request line ${shown}: must be method, target and version, with one space between ` +
        "(RFC 9112 section 3)",
    );
  }
  refuse(
    "ERR_HTTP_TARGET",
    `request line ${shown}: character not allowed in a target (RFC 9112 section 3.2)`,
  );
}

function badLineEnd(buf: Uint8Array, lineStart: number, i: number): never {
  if (buf[i] === LF) bareLf(buf, lineStart, i);
  refuse(
    "ERR_HTTP_REQUEST_LINE",
    `request line ${quoteBytes(buf, lineStart, i + 1)}: must end behind the version ` +
      "(RFC 9112 section 3)",
  );
}
