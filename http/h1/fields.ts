/** The field lines of a head or trailer section (RFC 9112 section 5), scanned byte by byte once. */
import { quoteBytes, refuse } from "./refusal.ts";
import { COLON, CR, LF, SP, TAB, tokenBytes, valueBytes } from "./tables.ts";

/** Where in a section the scanner stands: at the first byte of a line; next `inName`, or the end. */
const atLine = 0;
/** In a field name; next `inValue`, behind the colon. */
const inName = 1;
/** In a field value or the blanks around it; next `atLine`, behind its CRLF. */
const inValue = 2;

/** Numbers kept for each field: name start, name end, value start, value end. */
const marksPerField = 4;

/**
 * Finds the fields of one section at a time. It goes on where it stopped, so that a section in
 * many pieces costs no more than in one. All positions are relative to the section's message, which
 * may move in memory between two calls.
 */
export class FieldScanner {
  #at = atLine;
  #position = 0;
  #lineStart = 0;
  #marks: number[] = [];
  #used = 0;

  /** How many fields were found. */
  get count(): number {
    return this.#used / marksPerField;
  }

  /**
   * Begins a section.
   *
   * @param position Where it begins, relative to the message.
   */
  begin(position: number): void {
    this.#at = atLine;
    this.#position = position;
    this.#lineStart = position;
    this.#used = 0;
  }

  /**
   * Scans on, to the end of the section.
   *
   * @param buf The bytes.
   * @param base Where the message begins in them.
   * @param end Behind the last byte there is.
   * @param maxFields How many fields are allowed.
   * @returns The position behind the empty line, relative to the message; -1 if more is needed.
   * @throws {ProtocolError} At the first byte that is wrong.
   */
  scan(buf: Uint8Array, base: number, end: number, maxFields: number): number {
    const marks = this.#marks;
    const names = tokenBytes;
    const values = valueBytes;
    let used = this.#used;
    let i = base + this.#position;
    let lineStart = base + this.#lineStart;
    let at = this.#at;
    for (;;) {
      if (at === atLine) {
        if (i === end) break;
        lineStart = i;
        const byte = buf[i];
        if (byte === CR) {
          if (i + 1 === end) break;
          if (buf[i + 1] !== LF) bareCr(buf, lineStart, i);
          this.#used = used;
          return i + 2 - base;
        }
        if (names[byte] === 0) badLineStart(buf, lineStart, i, used > 0);
        if (used === maxFields * marksPerField) tooMany(maxFields);
        marks[used] = i - base;
        at = inName;
      }
      if (at === inName) {
        while (i < end && names[buf[i]] !== 0) i++;
        if (i === end) break;
        if (buf[i] !== COLON) badName(buf, lineStart, i);
        marks[used + 1] = i - base;
        i++;
        at = inValue;
      }
      while (i < end && values[buf[i]] !== 0) i++;
      if (i === end) break;
      if (buf[i] !== CR) badValue(buf, lineStart, i);
      if (i + 1 === end) break;
      if (buf[i + 1] !== LF) bareCr(buf, lineStart, i);
      let from = base + marks[used + 1] + 1;
      while (from < i && (buf[from] === SP || buf[from] === TAB)) from++;
      let to = i;
      while (to > from && (buf[to - 1] === SP || buf[to - 1] === TAB)) to--;
      marks[used + 2] = from - base;
      marks[used + 3] = to - base;
      used += marksPerField;
      i += 2;
      at = atLine;
    }
    this.#used = used;
    this.#position = i - base;
    this.#lineStart = lineStart - base;
    this.#at = at;
    return -1;
  }

  /**
   * The fields found, flat: name, value, name, value.
   *
   * @param text The text of the message from its beginning.
   */
  fields(text: string): string[] {
    const marks = this.#marks;
    const used = this.#used;
    const fields = new Array<string>(used / 2);
    for (let m = 0; m < used; m += 2) fields[m / 2] = text.slice(marks[m], marks[m + 1]);
    return fields;
  }
}

function badLineStart(buf: Uint8Array, lineStart: number, i: number, behindField: boolean): never {
  const byte = buf[i];
  if (byte === LF) bareLf(buf, lineStart, i);
  if (byte === SP || byte === TAB) {
    refuse(
      "ERR_HTTP_OBS_FOLD",
      behindField
        ? "header line begins with a blank: folded lines are not allowed (RFC 9112 section 5.2)"
        : "blank before the first header (RFC 9112 section 2.2)",
    );
  }
  badName(buf, lineStart, i);
}

function badName(buf: Uint8Array, lineStart: number, i: number): never {
  const byte = buf[i];
  const shown = quoteBytes(buf, lineStart, i + 1);
  if (byte === LF) bareLf(buf, lineStart, i);
  if (byte === SP || byte === TAB) {
    refuse(
      "ERR_HTTP_HEADER_NAME",
      `header name ${shown}: no blank before the colon (RFC 9112 section 5.1)`,
    );
  }
  if (byte === CR) {
    refuse("ERR_HTTP_HEADER_NAME", `header line ${shown}: no colon (RFC 9112 section 5)`);
  }
  refuse("ERR_HTTP_HEADER_NAME", `header name ${shown}: not a token (RFC 9110 section 5.1)`);
}

function badValue(buf: Uint8Array, lineStart: number, i: number): never {
  if (buf[i] === LF) bareLf(buf, lineStart, i);
  refuse(
    "ERR_HTTP_HEADER_VALUE",
    `header ${quoteBytes(buf, lineStart, i + 1)}: control character in the value ` +
      "(RFC 9110 section 5.5)",
  );
}

function tooMany(maxFields: number): never {
  refuse("ERR_HTTP_TOO_MANY_HEADERS", `more than ${maxFields} header fields`, 431);
}

/**
 * Refuses a line feed that no carriage return precedes.
 *
 * @param buf The bytes.
 * @param lineStart Where its line begins.
 * @param i Where it is.
 */
export function bareLf(buf: Uint8Array, lineStart: number, i: number): never {
  refuse(
    "ERR_HTTP_BARE_LF",
    `line ${quoteBytes(buf, lineStart, i + 1)}: LF without CR (RFC 9112 section 2.2)`,
  );
}

/**
 * Refuses a carriage return that no line feed follows.
 *
 * @param buf The bytes.
 * @param lineStart Where its line begins.
 * @param i Where it is.
 */
export function bareCr(buf: Uint8Array, lineStart: number, i: number): never {
  refuse(
    "ERR_HTTP_BARE_CR",
    `line ${quoteBytes(buf, lineStart, i + 1)}: CR without LF (RFC 9112 section 2.2)`,
  );
}
