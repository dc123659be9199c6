/** The version of a message (RFC 9112 section 2.3), in both kinds of start line. */
import { quoteBytes, refuse } from "./refusal.ts";

/** Bytes of `HTTP/1.1`. */
export const versionLength = 8;

const protocol = "HTTP/";

/**
 * Reads the version at `i`; it is case-sensitive. Any minor version but 0 is served as 1.
 *
 * @param buf The bytes.
 * @param lineStart Where its line begins, for the message.
 * @param i Where it begins.
 * @param end Behind the last byte there is.
 * @returns The minor version, or -1 if more bytes are needed.
 * @throws {ProtocolError} It is no version (400), or one of another major (505).
 */
export function minorVersion(
  buf: Uint8Array,
  lineStart: number,
  i: number,
  end: number,
): 0 | 1 | -1 {
  const stop = Math.min(end, i + versionLength);
  for (let at = i; at < stop; at++) {
    const k = at - i;
    const byte = buf[at];
    const right = k < 5
      ? byte === protocol.charCodeAt(k)
      : k === 6
      ? byte === 0x2e
      : byte >= 0x30 && byte <= 0x39;
    if (!right) {
      refuse(
        "ERR_HTTP_VERSION",
        `start line ${quoteBytes(buf, lineStart, at + 1)}: version must be HTTP/1.x ` +
          "(RFC 9112 section 2.3)",
      );
    }
  }
  if (end < i + versionLength) return -1;
  if (buf[i + 5] !== 0x31) {
    refuse(
      "ERR_HTTP_VERSION_NOT_SUPPORTED",
      `version ${quoteBytes(buf, i, i + versionLength)}: only HTTP/1.x is served`,
      505,
    );
  }
  return buf[i + 7] === 0x30 ? 0 : 1;
}
