/** The head of a response (RFC 9112 section 4), parsed as it comes in. */
import { bareCr, bareLf, FieldScanner } from "./fields.ts";
import { factsOf } from "./framing.ts";
import { type HeadLimits, responseLimits } from "./limits.ts";
import { quoteBytes, refuse } from "./refusal.ts";
import { CR, LF, SP, valueBytes } from "./tables.ts";
import { KnownText, latin1 } from "./text.ts";
import { minorVersion, versionLength } from "./version.ts";

/** The head of a response. It may be shared with an equal one of before: nothing may be changed. */
export interface ResponseHead {
  /** The minor version. */
  readonly minor: 0 | 1;
  /** The status, 100 to 999. */
  readonly status: number;
  /** The reason phrase, which may be empty. */
  readonly reason: string;
  /** Flat: name, value, name, value; names as sent, values of latin1 without blanks around. */
  readonly fields: readonly string[];
  /** Whether the server means to keep the connection; not so where the body lasts until its end. */
  readonly keepAlive: boolean;
  /** The value of `Content-Length`; how long the body is, `responseBodyLength` tells. */
  readonly contentLength: number | undefined;
  /** Whether `Transfer-Encoding` says chunked. */
  readonly chunked: boolean;
  /** The value of `Upgrade`, where `Connection` names it. */
  readonly upgrade: string | undefined;
}

/** Where the parser stands: in version and status; next `inReason`, or `inFields` without one. */
const inStatus = 0;
/** In the reason phrase and its CRLF; next `inFields`. */
const inReason = 1;
/** In the header fields; next `inStatus`, of another head. */
const inFields = 2;

/** Bytes of `HTTP/1.1 200`. */
const statusEnd = versionLength + 4;

/** Parses the responses of one connection, one after another. No use after an error. */
export class ResponseParser {
  /** How many bytes the head just parsed took. */
  length = 0;

  readonly #maxHeadBytes: number;
  readonly #maxLineBytes: number;
  readonly #maxHeaders: number;

  readonly #scanner = new FieldScanner();
  #at = inStatus;
  // Relative to the head's first byte, which may move between two calls.
  #position = 0;
  #reasonEnd = 0;
  #minor: 0 | 1 = 1;
  #status = 0;

  // What came last: servers repeat themselves until their Date goes on.
  readonly #last = new KnownText();
  #lastHead: ResponseHead | null = null;

  /** @param limits How large a head may be; `responseLimits` by default. */
  constructor(limits?: Partial<HeadLimits>) {
    this.#maxHeadBytes = limits?.maxHeadBytes ?? responseLimits.maxHeadBytes;
    this.#maxLineBytes = limits?.maxLineBytes ?? responseLimits.maxLineBytes;
    this.#maxHeaders = limits?.maxHeaders ?? responseLimits.maxHeaders;
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
  parse(buf: Uint8Array, start: number, end: number): ResponseHead | null {
    if (this.#at === inStatus && this.#last.matches(buf, start, end)) {
      this.length = this.#last.text.length;
      return this.#lastHead;
    }
    const stop = Math.min(end, start + this.#maxHeadBytes);
    if (this.#at !== inFields && !this.#parseLine(buf, start, stop)) {
      return this.#needMore(start, end);
    }
    const length = this.#scanner.scan(buf, start, stop, this.#maxHeaders);
    if (length === -1) return this.#needMore(start, end);
    const text = latin1(buf, start, start + length);
    const fields = this.#scanner.fields(text);
    const { keepAlive, contentLength, chunked, upgrade } = factsOf(fields, this.#minor);
    const status = this.#status;
    // What calls itself bodiless and yet announces a body: nobody knows what comes next.
    const ambiguous = status === 204 && (chunked || (contentLength ?? 0) > 0);
    const head: ResponseHead = {
      minor: this.#minor,
      status,
      reason: text.slice(statusEnd + 1, this.#reasonEnd),
      fields,
      keepAlive: keepAlive && !ambiguous,
      contentLength,
      chunked,
      upgrade,
    };
    this.length = length;
    this.#last.set(text, buf, start);
    this.#lastHead = head;
    this.#at = inStatus;
    return head;
  }

  #needMore(start: number, end: number): null {
    const longestLine = this.#maxLineBytes;
    if (this.#at !== inFields && end - start >= longestLine && longestLine <= this.#maxHeadBytes) {
      refuse(
        "ERR_HTTP_STATUS_LINE_TOO_LONG",
        `status line is longer than ${this.#maxLineBytes} bytes`,
      );
    }
    if (end - start >= this.#maxHeadBytes) {
      refuse(
        "ERR_HTTP_HEAD_TOO_LARGE",
        `response head is larger than ${this.#maxHeadBytes} bytes`,
        431,
      );
    }
    return null;
  }

  /** Goes on with the status line. Returns whether it is complete. */
  #parseLine(buf: Uint8Array, base: number, headStop: number): boolean {
    const stop = Math.min(headStop, base + this.#maxLineBytes);
    if (this.#at === inStatus) {
      // So short that it is looked at again from its beginning.
      const minor = minorVersion(buf, base, base, stop);
      if (minor === -1) return false;
      const known = Math.min(stop, base + statusEnd);
      for (let i = base + versionLength; i < known; i++) checkStatusByte(buf, base, i);
      if (stop <= base + statusEnd) return false;
      const i = base + statusEnd;
      if (buf[i] !== SP && buf[i] !== CR) badStatusLine(buf, base, i);
      this.#minor = minor;
      this.#status = Number(latin1(buf, i - 3, i));
      this.#position = statusEnd + (buf[i] === SP ? 1 : 0);
      this.#at = inReason;
    }
    let i = base + this.#position;
    while (i < stop && valueBytes[buf[i]] !== 0) i++;
    this.#position = i - base;
    if (i === stop) return false;
    if (buf[i] !== CR) badStatusLine(buf, base, i);
    if (i + 1 === stop) return false;
    if (buf[i + 1] !== LF) bareCr(buf, base, i);
    this.#reasonEnd = i - base;
    this.#scanner.begin(i + 2 - base);
    this.#at = inFields;
    return true;
  }
}

/** One of the bytes of ` 200`; a status begins with 1 to 9. */
function checkStatusByte(buf: Uint8Array, lineStart: number, i: number): void {
  const byte = buf[i];
  const k = i - lineStart - versionLength;
  const right = k === 0 ? byte === SP : byte >= (k === 1 ? 0x31 : 0x30) && byte <= 0x39;
  if (!right) badStatusLine(buf, lineStart, i);
}

function badStatusLine(buf: Uint8Array, lineStart: number, i: number): never {
  if (buf[i] === LF) bareLf(buf, lineStart, i);
  refuse(
    "ERR_HTTP_STATUS_LINE",
    `status line ${quoteBytes(buf, lineStart, i + 1)}: must be version, three digits and reason, ` +
      "with one space between (RFC 9112 section 4)",
  );
}
