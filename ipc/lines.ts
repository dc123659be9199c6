/** Lines out of chunks of bytes. */
import { compact, Overflow } from "./capture.ts";

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

  /** @param limit The longest line, in bytes; `0`: no limit. */
  constructor(limit = 0) {
    this.#limit = limit === 0 ? Infinity : limit;
  }

  /**
   * The lines that a chunk completes.
   *
   * @param chunk The next bytes; they may be kept.
   * @throws {Overflow} A line is longer than the limit.
   */
  split(chunk: Uint8Array): string[] {
    const end = chunk.lastIndexOf(newline);
    if (end < 0) {
      this.#keep(chunk);
      return [];
    }
    const lines = this.#decode(chunk.subarray(0, end));
    this.#keep(chunk.subarray(end + 1));
    return lines;
  }

  /** The line that no newline ends. */
  end(): string[] {
    return this.#restLength === 0 ? [] : this.#decode(new Uint8Array(0));
  }

  #decode(last: Uint8Array): string[] {
    let text = "";
    if (this.#restLength > 0) {
      const first = last.indexOf(newline);
      const head = first < 0 ? last : last.subarray(0, first);
      if (this.#restLength + head.length > this.#limit) throw new Overflow();
      for (const part of this.#rest) text += this.#decoder.decode(part, { stream: true });
      this.#rest = [];
      this.#restLength = 0;
    }
    text += this.#decoder.decode(last);
    const lines = text.split("\n");
    if (this.#limit !== Infinity) this.#check(last);
    if (text.includes("\r")) {
      for (let i = 0; i < lines.length; i++) {
        if (lines[i].endsWith("\r")) lines[i] = lines[i].slice(0, -1);
      }
    }
    return lines;
  }

  #check(bytes: Uint8Array): void {
    for (let at = 0; at <= bytes.length;) {
      const next = bytes.indexOf(newline, at);
      const end = next < 0 ? bytes.length : next;
      if (end - at > this.#limit) throw new Overflow();
      at = end + 1;
    }
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#rest.push(compact(bytes));
    this.#restLength += bytes.length;
    if (this.#restLength > this.#limit) throw new Overflow();
  }
}
