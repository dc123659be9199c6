/** Lines out of chunks of bytes. */
import { compact } from "./capture.ts";

const newline = 10;

/**
 * Cuts bytes into lines: whole batches are decoded and split at once, which no cut through a
 * character can hurt, for no byte of a longer UTF-8 sequence looks like a newline. A line ends with
 * `"\n"` or `"\r\n"`, neither of which is part of it; what follows the last end is a line too,
 * unless it is empty.
 */
export class LineSplitter {
  readonly #limit: number;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** The beginning of a line whose end has not come yet. */
  #rest: Uint8Array[] = [];
  #restLength = 0;
  #overflowed = false;

  /** @param limit The longest line, in bytes; `0`: no limit. */
  constructor(limit = 0) {
    this.#limit = limit === 0 ? Infinity : limit;
  }

  /** Whether a line is longer than the limit: it and what follows it are dropped. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  /**
   * The lines that a chunk completes, as far as none is too long.
   *
   * @param chunk The next bytes; they may be kept.
   */
  split(chunk: Uint8Array): string[] {
    if (this.#overflowed) return [];
    const end = chunk.lastIndexOf(newline);
    if (end < 0) {
      this.#keep(chunk);
      return [];
    }
    const lines = this.#decode(chunk.subarray(0, end));
    if (!this.#overflowed) this.#keep(chunk.subarray(end + 1));
    return lines;
  }

  /** The line that no newline ends. */
  end(): string[] {
    return this.#overflowed || this.#restLength === 0 ? [] : this.#decode(new Uint8Array(0));
  }

  #decode(last: Uint8Array): string[] {
    let text = "";
    if (this.#restLength > 0) {
      const first = last.indexOf(newline);
      const head = first < 0 ? last : last.subarray(0, first);
      if (this.#restLength + head.length > this.#limit) {
        this.#overflowed = true;
        return [];
      }
      for (const part of this.#rest) text += this.#decoder.decode(part, { stream: true });
      this.#rest = [];
      this.#restLength = 0;
    }
    const fits = this.#limit === Infinity ? last.length : this.#fits(last);
    if (fits < 0) return [];
    text += this.#decoder.decode(last.subarray(0, fits));
    const lines = text.split("\n");
    if (text.includes("\r")) {
      for (let i = 0; i < lines.length; i++) {
        if (lines[i].endsWith("\r")) lines[i] = lines[i].slice(0, -1);
      }
    }
    return lines;
  }

  /** Where the lines end that come before the first one that is too long; -1 when none does. */
  #fits(bytes: Uint8Array): number {
    for (let at = 0; at <= bytes.length;) {
      const next = bytes.indexOf(newline, at);
      const end = next < 0 ? bytes.length : next;
      if (end - at > this.#limit) {
        this.#overflowed = true;
        return at - 1;
      }
      at = end + 1;
    }
    return bytes.length;
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#rest.push(compact(bytes));
    this.#restLength += bytes.length;
    if (this.#restLength > this.#limit) this.#overflowed = true;
  }
}
