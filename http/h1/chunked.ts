/** The chunked transfer coding (RFC 9112 section 7.1), decoded as it comes in. */
import { mayBeTrailer } from "../headers.ts";
import { FieldScanner } from "./fields.ts";
import {
  freeChunkOverhead,
  type HeadLimits,
  maxChunkDigits,
  maxChunkOverhead,
  trailerLimits,
} from "./limits.ts";
import { quote, refuse } from "./refusal.ts";
import { CR, hexDigits, LF, SEMICOLON, SP, TAB, valueBytes } from "./tables.ts";
import { latin1 } from "./text.ts";

/** Where the decoder stands: in a chunk's size; next `inExtension` or `atSizeLf`. */
const inSize = 0;
/** In its extensions; next `atSizeLf`. */
const inExtension = 1;
/** At the LF of the size's line; next `inData`, or `atTrailers` behind the last chunk. */
const atSizeLf = 2;
/** In the data; next `atDataCr`. */
const inData = 3;
/** At the CR behind the data; next `atDataLf`. */
const atDataCr = 4;
/** At the LF behind the data; next `inSize`, of another chunk. */
const atDataLf = 5;
/** At the first byte behind the last chunk; next `inTrailers`, or `ended` without any. */
const atTrailers = 6;
/** In the trailer section; next `ended`. */
const inTrailers = 7;
/** Behind the message. */
const ended = 8;

/** Both line ends of a chunk. */
const lineEnds = 4;

const none: readonly string[] = [];

/** Decodes one chunked body. No use after an error. */
export class ChunkedDecoder {
  /** Up to where the last call consumed. */
  position = 0;
  /** Where the data of the last call begins; it ends at {@linkcode position}. */
  dataStart = 0;

  readonly #maxBytes: number;
  readonly #maxFields: number;

  #at = inSize;
  #digits = 0;
  #size = 0;
  #extension = 0;
  #lastByte = 0;
  #overhead = 0;
  #left = 0;
  #trailers = none;
  #section: TrailerSection | undefined;

  /** @param limits How large the trailer section may be; `trailerLimits` by default. */
  constructor(limits?: Partial<HeadLimits>) {
    this.#maxBytes = limits?.maxHeadBytes ?? trailerLimits.maxHeadBytes;
    this.#maxFields = limits?.maxHeaders ?? trailerLimits.maxHeaders;
  }

  /** Bytes of the present chunk's data still to come. */
  get remaining(): number {
    return this.#left;
  }

  /** The trailer fields, flat, once the body has ended; none before. */
  get trailers(): readonly string[] {
    return this.#trailers;
  }

  /**
   * Tells that bytes of the present chunk's data were taken from elsewhere.
   *
   * @param n How many, at most {@linkcode remaining}.
   * @throws {RangeError} More than that.
   */
  skip(n: number): void {
    if (!(n >= 0 && n <= this.#left)) {
      throw new RangeError(`skip(${n}): must be 0 to ${this.#left}, what the chunk has left`);
    }
    this.#left -= n;
    if (this.#left === 0 && this.#at === inData) this.#at = atDataCr;
  }

  /**
   * Goes on with the bytes from `start` on. In each case {@linkcode position} tells up to where
   * they are consumed: the next call begins there.
   *
   * @param buf The bytes.
   * @param start Where to go on.
   * @param end Behind the last byte there is.
   * @returns `"data"`: there are bytes of the body from {@linkcode dataStart} on. `"more"`: all is
   * consumed, and more is to come. `"end"`: the message has ended.
   * @throws {ProtocolError} At the first byte that is wrong.
   */
  next(buf: Uint8Array, start: number, end: number): "data" | "more" | "end" {
    let i = start;
    while (i < end) {
      switch (this.#at) {
        case inSize:
          i = this.#readSize(buf, i, end);
          break;
        case inExtension:
          i = this.#readExtension(buf, i, end);
          break;
        case atSizeLf:
          if (buf[i] !== LF) badSizeEnd(buf[i]);
          i++;
          this.#beginData();
          break;
        case inData: {
          const taken = Math.min(end - i, this.#left);
          this.#left -= taken;
          if (this.#left === 0) this.#at = atDataCr;
          this.dataStart = i;
          this.position = i + taken;
          return "data";
        }
        case atDataCr:
          if (buf[i] !== CR) badDataEnd(buf[i]);
          i++;
          this.#at = atDataLf;
          break;
        case atDataLf:
          if (buf[i] !== LF) badDataEnd(buf[i]);
          i++;
          this.#at = inSize;
          break;
        case atTrailers:
          if (buf[i] === CR && i + 1 < end && buf[i + 1] === LF) {
            i += 2;
            this.#at = ended;
            break;
          }
          this.#section = new TrailerSection(this.#maxBytes, this.#maxFields);
          this.#at = inTrailers;
          break;
        case inTrailers: {
          const section = this.#section!;
          i = section.take(buf, i, end);
          if (section.fields !== null) {
            this.#trailers = section.fields;
            this.#at = ended;
          }
          break;
        }
        default:
          this.position = i;
          return "end";
      }
    }
    this.position = i;
    return this.#at === ended ? "end" : "more";
  }

  #readSize(buf: Uint8Array, from: number, end: number): number {
    let i = from;
    let digits = this.#digits;
    let size = this.#size;
    for (; i < end; i++) {
      const digit = hexDigits[buf[i]];
      if (digit === 255) break;
      size = size * 16 + digit;
      if (++digits > maxChunkDigits || size > Number.MAX_SAFE_INTEGER) {
        refuse(
          "ERR_HTTP_CHUNK_SIZE",
          `chunk size ${quote(size.toString(16))}: at most ${maxChunkDigits} digits and 2^53-1`,
        );
      }
    }
    this.#digits = digits;
    this.#size = size;
    if (i === end) return i;
    const byte = buf[i];
    if (digits === 0 || (byte !== CR && byte !== SEMICOLON)) {
      badSize((digits === 0 ? "" : size.toString(16)) + String.fromCharCode(byte));
    }
    this.#lastByte = byte;
    this.#at = byte === CR ? atSizeLf : inExtension;
    return byte === CR ? i + 1 : i;
  }

  /** Extensions mean nothing to us (RFC 9112 section 7.1.1), but must be harmless. */
  #readExtension(buf: Uint8Array, from: number, end: number): number {
    for (let i = from; i < end; i++) {
      const byte = buf[i];
      if (valueBytes[byte] === 0) {
        const last = this.#lastByte;
        if (byte !== CR || last === SEMICOLON || last === SP || last === TAB) {
          badExtension(byte);
        }
        this.#at = atSizeLf;
        return i + 1;
      }
      this.#lastByte = byte;
      this.#extension++;
      if (this.#paid() > maxChunkOverhead) tooMuchOverhead();
    }
    return end;
  }

  /** The overhead so far, with the present chunk's. */
  #paid(): number {
    const framing = this.#digits + this.#extension + lineEnds;
    return this.#overhead + Math.max(0, framing - freeChunkOverhead);
  }

  #beginData(): void {
    const size = this.#size;
    const overhead = this.#paid();
    if (overhead > maxChunkOverhead) tooMuchOverhead();
    this.#overhead = Math.max(0, overhead - size);
    this.#left = size;
    this.#at = size === 0 ? atTrailers : inData;
    this.#digits = 0;
    this.#size = 0;
    this.#extension = 0;
  }
}

/** Collects a trailer section, which may come in pieces and is gone from the buffer by then. */
class TrailerSection {
  /** The fields, flat, once they are complete. */
  fields: readonly string[] | null = null;

  readonly #maxBytes: number;
  readonly #maxFields: number;
  readonly #scanner = new FieldScanner();
  #bytes = new Uint8Array(256);
  #used = 0;

  constructor(maxBytes: number, maxFields: number) {
    this.#maxBytes = maxBytes;
    this.#maxFields = maxFields;
    this.#scanner.begin(0);
  }

  /** Takes bytes up to the end of the section. Returns up to where. */
  take(buf: Uint8Array, start: number, end: number): number {
    const before = this.#used;
    const taken = Math.min(end - start, this.#maxBytes - before);
    this.#reserve(before + taken);
    this.#bytes.set(buf.subarray(start, start + taken), before);
    this.#used = before + taken;
    const length = this.#scanner.scan(this.#bytes, 0, this.#used, this.#maxFields);
    if (length === -1) {
      if (this.#used === this.#maxBytes) {
        refuse(
          "ERR_HTTP_TRAILERS_TOO_LARGE",
          `trailer section is larger than ${this.#maxBytes} bytes`,
          431,
        );
      }
      return start + taken;
    }
    const fields = this.#scanner.fields(latin1(this.#bytes, 0, length));
    for (let i = 0; i < fields.length; i += 2) {
      if (!mayBeTrailer(fields[i])) {
        refuse(
          "ERR_HTTP_TRAILER",
          `trailer ${quote(fields[i])}: not allowed behind the body (RFC 9110 section 6.5.1)`,
        );
      }
    }
    this.fields = fields;
    return start + length - before;
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const larger = new Uint8Array(
      Math.min(this.#maxBytes, Math.max(length, this.#bytes.length * 2)),
    );
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }
}

// What a chunk's line held before may be gone by now, so these show the byte alone.

function badSize(line: string): never {
  refuse(
    "ERR_HTTP_CHUNK_SIZE",
    `chunk size ${quote(line)}: must be hexadecimal digits and CRLF (RFC 9112 section 7.1)`,
  );
}

function badSizeEnd(byte: number): never {
  refuse(
    "ERR_HTTP_BARE_CR",
    `CR and ${quoteByte(byte)} behind a chunk size: must be CRLF (RFC 9112 section 2.2)`,
  );
}

function badExtension(byte: number): never {
  refuse(
    "ERR_HTTP_CHUNK_EXTENSION",
    `${quoteByte(byte)} ends a chunk extension: must be name=value and CRLF ` +
      "(RFC 9112 section 7.1.1)",
  );
}

function badDataEnd(byte: number): never {
  refuse(
    "ERR_HTTP_CHUNK_DATA",
    `${quoteByte(byte)} behind a chunk's data: must be CRLF (RFC 9112 section 7.1)`,
  );
}

function quoteByte(byte: number): string {
  return quote(String.fromCharCode(byte));
}

function tooMuchOverhead(): never {
  refuse(
    "ERR_HTTP_CHUNK_OVERHEAD",
    `chunk extensions and leading zeros run ${maxChunkOverhead} bytes ahead of the data`,
  );
}
