/** The bytes of an open file as the body of a response, and the file closed whatever happens. */
import type { ByteRange } from "./ranges.ts";

/** How much is read at once; a body that is no longer is read before its response is made. */
export const chunkSize = 64 * 1024;

/**
 * Reads a part of a file into one array. The file stays open.
 *
 * @param file The file.
 * @param range The part.
 * @throws {Error} The file has become shorter.
 */
export async function readRange(
  file: Deno.FsFile,
  range: ByteRange,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(range.end - range.start);
  if (range.start > 0) file.seekSync(range.start, Deno.SeekMode.Start);
  for (let at = 0; at < bytes.length;) {
    const n = await file.read(bytes.subarray(at));
    if (n === null) throw shrunk(range.start + at, range.end);
    at += n;
  }
  return bytes;
}

/**
 * Streams parts of a file, and what stands between them. Nothing is read before it is asked for.
 * The file is closed with the last byte, on an error, and when the stream is cancelled; one that
 * has become shorter is an error, as a body that ends early must not look complete.
 *
 * @param file The file, from now on the stream's.
 * @param pieces Bytes to send as they are, and parts of the file that are not empty.
 */
export function fileStream(
  file: Deno.FsFile,
  pieces: readonly (Uint8Array<ArrayBuffer> | ByteRange)[],
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const source = new FileSource(file, pieces);
  return new ReadableStream(source, { highWaterMark: 0 });
}

class FileSource implements UnderlyingDefaultSource<Uint8Array<ArrayBuffer>> {
  readonly #file: Deno.FsFile;
  readonly #pieces: readonly (Uint8Array<ArrayBuffer> | ByteRange)[];
  #index = 0;
  /** Where in the file the present part goes on; `undefined` before its beginning. */
  #at: number | undefined;
  #open = true;

  constructor(file: Deno.FsFile, pieces: readonly (Uint8Array<ArrayBuffer> | ByteRange)[]) {
    this.#file = file;
    this.#pieces = pieces;
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>): Promise<void> {
    try {
      const piece = this.#pieces[this.#index];
      const bytes = piece instanceof Uint8Array ? piece : await this.#read(piece);
      if (piece === bytes || this.#at === undefined) this.#index++;
      controller.enqueue(bytes);
      if (this.#index < this.#pieces.length) return;
      this.cancel();
      controller.close();
    } catch (error) {
      this.cancel();
      throw error; // to nobody, if the stream was cancelled meanwhile
    }
  }

  cancel(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#file.close();
  }

  async #read({ start, end }: ByteRange): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#at === undefined) {
      this.#at = start;
      this.#file.seekSync(start, Deno.SeekMode.Start);
    }
    const chunk = new Uint8Array(Math.min(chunkSize, end - this.#at));
    const n = await this.#file.read(chunk);
    if (n === null) throw shrunk(this.#at, end);
    this.#at += n;
    if (this.#at === end) this.#at = undefined;
    return n === chunk.length ? chunk : chunk.subarray(0, n);
  }
}

function shrunk(at: number, end: number): Error {
  return new Error(`the file became shorter while it was sent: it ends at ${at}, not at ${end}`);
}
