/** The one maker of protocol errors: they quote what was wrong, and not too much of it. */
import { ProtocolError } from "../errors.ts";

/** Characters of a peer's text that a message shows. */
const maxShown = 64;

/**
 * Refuses a message.
 *
 * @param code A stable code, `"ERR_HTTP_..."`.
 * @param message What is wrong, with the value and the rule.
 * @param status What a server answers.
 * @throws {ProtocolError} Always.
 */
export function refuse(code: string, message: string, status = 400): never {
  throw new ProtocolError(message, { code, status });
}

/**
 * A peer's text to show in a message: in quotes, control characters escaped, cut to a sane length.
 *
 * @param text The text.
 */
export function quote(text: string): string {
  const shown = text.length > maxShown ? `${text.slice(0, maxShown - 3)}...` : text;
  return JSON.stringify(shown).replace(
    /[\x7f-\x9f]/g,
    (control) => `\\u00${control.charCodeAt(0).toString(16)}`,
  );
}

/**
 * The same of bytes; of too many, the last are shown, since what is wrong is at their end.
 *
 * @param buf Where they are.
 * @param start The first.
 * @param end Behind the last.
 */
export function quoteBytes(buf: Uint8Array, start: number, end: number): string {
  const from = Math.max(start, end - maxShown + 3);
  const text = String.fromCharCode(...buf.subarray(from, end));
  return quote(from > start ? `...${text}` : text);
}
