/** Memory for what a program writes: all of it, or its head and its tail. */

/** More came than the limit allows. What fits is kept. */
export class Overflow extends Error {}

/**
 * A chunk to keep: what the runtime reads is a view on 64 KiB, however little it is, and a program
 * that writes in small pieces would pin all of that for each. A view that wastes half is copied.
 */
export function compact(chunk: Uint8Array): Uint8Array {
  return chunk.length * 2 < chunk.buffer.byteLength ? chunk.slice() : chunk;
}

/** Keeps everything, up to a limit. */
export class Capture {
  readonly #limit: number;
  #chunks: Uint8Array[] = [];
  #length = 0;

  /** @param limit The most bytes to keep; `0`: no limit. */
  constructor(limit = 0) {
    this.#limit = limit === 0 ? Infinity : limit;
  }

  /** Keeps a chunk, or what fits of it. */
  add(chunk: Uint8Array): void {
    const room = this.#limit - this.#length;
    const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
    this.#chunks.push(compact(kept));
    this.#length += kept.length;
    if (kept !== chunk) throw new Overflow();
  }

  /** All of it in one array. */
  bytes(): Uint8Array<ArrayBuffer> {
    return concat(this.#chunks, this.#length);
  }
}

/** How much of a program's standard error is kept at either end, in bytes. */
export const endSize = 32 * 1024;

/** Keeps the first and the last bytes, and counts those in between. */
export class HeadTail {
  readonly #size: number;
  #head: Uint8Array[] = [];
  #headLength = 0;
  #tail: Uint8Array[] = [];
  #tailLength = 0;
  #dropped = 0;

  /** @param size How many bytes at either end. */
  constructor(size: number = endSize) {
    this.#size = size;
  }

  /** Keeps a chunk where it belongs. */
  add(chunk: Uint8Array): void {
    const room = this.#size - this.#headLength;
    if (room > 0) {
      const first = chunk.subarray(0, room);
      this.#head.push(compact(first));
      this.#headLength += first.length;
      chunk = chunk.subarray(first.length);
    }
    if (chunk.length === 0) return;
    this.#tail.push(compact(chunk));
    this.#tailLength += chunk.length;
    // Cut when there is twice too much, so that each byte is copied about once.
    if (this.#tailLength > 2 * this.#size) this.#cut();
  }

  /** What was kept; between head and tail a line says how much was not. */
  bytes(): Uint8Array<ArrayBuffer> {
    this.#cut();
    const parts = [...this.#head];
    if (this.#dropped > 0) {
      parts.push(new TextEncoder().encode(`\n... ${this.#dropped} bytes left out ...\n`));
    }
    parts.push(...this.#tail);
    return concat(parts, parts.reduce((sum, part) => sum + part.length, 0));
  }

  #cut(): void {
    const excess = this.#tailLength - this.#size;
    if (excess <= 0) return;
    this.#tail = [concat(this.#tail, this.#tailLength).slice(excess)];
    this.#tailLength = this.#size;
    this.#dropped += excess;
  }
}

function concat(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  if (chunks.length === 1 && chunks[0].byteLength === chunks[0].buffer.byteLength) {
    return chunks[0] as Uint8Array<ArrayBuffer>;
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
