/** Bytes of a head to text, and the cheap question whether they are the same as last time. */
import { Buffer } from "node:buffer";

/** Eight times as fast as `TextDecoder`, whose "latin1" is windows-1252 besides. */
const latin1Slice: (this: Uint8Array, start: number, end: number) => string = Buffer.prototype
  .latin1Slice as (this: Uint8Array, start: number, end: number) => string;

/** Up to here a loop over the bytes is faster than a call into the runtime. */
const shortText = 96;

/** Bytes of the quick look: the end of the last field and the empty line. */
const shortLook = 8;

/**
 * Bytes as latin1: each byte is the character of that number.
 *
 * @param buf Where they are.
 * @param start The first.
 * @param end Behind the last.
 */
export function latin1(buf: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(buf, start, end);
}

/**
 * Whether the bytes from `start` on may be a text of latin1: a quick look at its end. Other heads
 * are mostly of other lengths, and then their ends are somewhere else.
 *
 * @param buf Where they are.
 * @param start The first.
 * @param end Behind the last byte that may be looked at.
 * @param text The text; the empty one is never found.
 */
export function mayStartWith(buf: Uint8Array, start: number, end: number, text: string): boolean {
  const length = text.length;
  if (length === 0 || end - start < length) return false;
  for (let i = Math.max(0, length - shortLook); i < length; i++) {
    if (buf[start + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** A text and, if it is short, its bytes: the same bytes are recognized without decoding them. */
export class KnownText {
  /** The text; empty at first, and then nothing matches. */
  text = "";
  readonly #bytes = new Uint8Array(shortText);

  /**
   * Remembers a text.
   *
   * @param text The text.
   * @param buf Its bytes.
   * @param start Where they begin.
   */
  set(text: string, buf: Uint8Array, start: number): void {
    this.text = text;
    const length = text.length;
    if (length > shortText) return;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) bytes[i] = buf[start + i];
  }

  /**
   * Whether the bytes from `start` on are the text.
   *
   * @param buf Where they are.
   * @param start The first.
   * @param end Behind the last byte that may be looked at.
   */
  matches(buf: Uint8Array, start: number, end: number): boolean {
    const text = this.text;
    const length = text.length;
    if (length > shortText) {
      return mayStartWith(buf, start, end, text) && latin1(buf, start, start + length) === text;
    }
    if (length === 0 || end - start < length) return false;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) {
      if (buf[start + i] !== bytes[i]) return false;
    }
    return true;
  }
}
