/** Which bytes a request asks for: the `Range` field (RFC 9110 section 14). */

/** A part of a file. */
export interface ByteRange {
  /** The first byte. */
  readonly start: number;
  /** The byte behind the last one. */
  readonly end: number;
}

/**
 * More ranges than this are nobody's download: the field is ignored, as RFC 9110 section 14.2
 * allows for many small ranges.
 */
const maxRanges = 64;

const rangeSpec = /^(\d*)-(\d*)$/;

/**
 * The parts of a representation that a `Range` field selects. Parts that overlap or touch become
 * one, so that the answer is never longer than the whole and its frame.
 *
 * @param field The value of the field.
 * @param size The bytes of the whole.
 * @returns The parts, as they were asked for, or in order where some were joined; none when no
 * part of the whole is meant (416); `undefined` when the field is to be ignored.
 */
export function parseRange(field: string, size: number): ByteRange[] | undefined {
  const unit = field.slice(0, 6).toLowerCase();
  // There is no Content-Range for a part of nothing, and some clients ask for `0-` always.
  if (unit !== "bytes=" || size === 0) return undefined;
  const specs = field.slice(6).split(",").map((spec) => spec.trim()).filter((spec) => spec !== "");
  if (specs.length === 0 || specs.length > maxRanges) return undefined;
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const match = rangeSpec.exec(spec);
    if (match === null || spec === "-") return undefined;
    const [, first, last] = match;
    if (first === "") {
      if (Number(last) > 0) ranges.push({ start: Math.max(size - Number(last), 0), end: size });
    } else {
      if (last !== "" && Number(last) < Number(first)) return undefined;
      const end = last === "" ? size : Math.min(Number(last) + 1, size);
      if (Number(first) < size) ranges.push({ start: Number(first), end });
    }
  }
  return joined(ranges);
}

/** The same bytes in ranges that neither overlap nor touch; unchanged when that is so already. */
function joined(ranges: ByteRange[]): ByteRange[] {
  const result: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result.length === ranges.length ? ranges : result;
}

/**
 * The value of a `Content-Range` field (RFC 9110 section 14.4).
 *
 * @param range The part, or `undefined` for the answer that none was right.
 * @param size The bytes of the whole.
 */
export function contentRange(range: ByteRange | undefined, size: number): string {
  return range === undefined ? `bytes */${size}` : `bytes ${range.start}-${range.end - 1}/${size}`;
}

/** A body of several parts: texts between ranges of bytes. */
export interface Multipart {
  /** The `Content-Type` of the whole. */
  readonly type: string;
  /** The frame as bytes, the parts as ranges, in order. */
  readonly pieces: (Uint8Array<ArrayBuffer> | ByteRange)[];
  /** The bytes of all the pieces. */
  readonly length: number;
}

/**
 * Frames ranges as `multipart/byteranges` (RFC 9110 section 14.6).
 *
 * @param ranges The parts.
 * @param size The bytes of the whole.
 * @param type The media type of the whole.
 */
export function multipart(ranges: readonly ByteRange[], size: number, type: string): Multipart {
  const boundary = crypto.randomUUID().replaceAll("-", "");
  const pieces: (Uint8Array<ArrayBuffer> | ByteRange)[] = [];
  let length = 0;
  const frame = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    pieces.push(bytes);
    length += bytes.length;
  };
  for (const [i, range] of ranges.entries()) {
    frame(
      `${i === 0 ? "" : "\r\n"}--${boundary}\r\nContent-Type: ${type}\r\n` +
        `Content-Range: ${contentRange(range, size)}\r\n\r\n`,
    );
    pieces.push(range);
    length += range.end - range.start;
  }
  frame(`\r\n--${boundary}--\r\n`);
  return { type: `multipart/byteranges; boundary=${boundary}`, pieces, length };
}
