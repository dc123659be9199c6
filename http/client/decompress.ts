/** Undoes the content coding of a body that comes in (RFC 9110 section 8.4.1). */
import { BodyTooLargeError, ProtocolError } from "../errors.ts";
import type { IncomingBody } from "../incoming.ts";

/** How far a body may grow. */
export interface DecompressOptions {
  /** The most bytes that may come out; `0`, the default, is no limit. */
  maxDecompressedBytes?: number;
  /**
   * How many bytes may come out for each that went in, once more than {@linkcode freeExpansion}
   * have; {@linkcode defaultMaxExpansion} by default, `0` is no limit.
   */
  maxExpansion?: number;
}

/**
 * What `maxExpansion` is by default. Text shrinks to a tenth or, when it repeats itself, to a
 * fiftieth; what deflate shrinks to a thousandth, its utmost, was made to do harm.
 */
export const defaultMaxExpansion = 200;

/** Bytes that may come out of however few: what is harmless needs no suspicion. */
export const freeExpansion: number = 32 << 20;

/** What `node:zlib` makes: as much of its `Transform` as is used here. */
interface Engine {
  readonly bytesWritten: number;
  read(): Uint8Array<ArrayBuffer> | null;
  write(chunk: Uint8Array, done: () => void): void;
  end(): void;
  destroy(): void;
  on(event: "readable" | "end", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
}

type Coding = "gzip" | "deflate" | "br";

const codings: Record<string, Coding> = {
  "gzip": "gzip",
  "x-gzip": "gzip", // RFC 9110 section 8.4.1.3
  "deflate": "deflate",
  "br": "br",
};

/**
 * Whether {@linkcode decompress} knows a content coding.
 *
 * @param encoding The value of `Content-Encoding`.
 */
export function canDecompress(encoding: string): boolean {
  return Object.hasOwn(codings, encoding.trim().toLowerCase());
}

/**
 * A body without its content coding: `gzip`, of any number of members (RFC 1952 section 2.2),
 * `deflate`, with the zlib wrapper or, as some servers send it, without, and `br`. Nothing is read
 * before it is asked for, and no more than is asked for is decompressed.
 *
 * `read` rejects with a `ProtocolError` of the code `ERR_HTTP_CONTENT_ENCODING` for bytes that are
 * not of that coding, end too early or go on behind its end, and with a `BodyTooLargeError` when
 * the body grows too far. A body of no bytes stays one.
 *
 * @param body The body as it was sent.
 * @param encoding The content coding, in any case.
 * @param options How far it may grow.
 * @throws {TypeError} A content coding that is not known.
 */
export function decompress(
  body: IncomingBody,
  encoding: string,
  options: DecompressOptions = {},
): IncomingBody {
  if (!canDecompress(encoding)) {
    throw new TypeError(
      `content coding ${JSON.stringify(encoding)}: must be one of ${
        Object.keys(codings).join(", ")
      }`,
    );
  }
  return new DecompressedBody(body, codings[encoding.trim().toLowerCase()], options);
}

/** One byte behind a brotli stream: the engine takes it only if the stream had not ended. */
const sentinel = new Uint8Array(1);

class DecompressedBody implements IncomingBody {
  readonly length = undefined;
  readonly #body: IncomingBody;
  readonly #coding: Coding;
  readonly #maxBytes: number;
  readonly #maxExpansion: number;
  #engine: Engine | undefined;
  /** Bytes given to the engine, and got from it. */
  #fed = 0;
  #made = 0;
  /** The engine has a piece it is not through with. */
  #writing = false;
  /** No more pieces will come. */
  #drained = false;
  #engineEnded = false;
  #failure: { error: unknown } | undefined;
  #ended = false;
  #wake: () => void = () => {};

  constructor(body: IncomingBody, coding: Coding, options: DecompressOptions) {
    this.#body = body;
    this.#coding = coding;
    this.#maxBytes = options.maxDecompressedBytes || Infinity;
    this.#maxExpansion = (options.maxExpansion ?? defaultMaxExpansion) || Infinity;
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#ended) return null;
    try {
      return await this.#next();
    } catch (error) {
      if (this.#failure === undefined) {
        this.#failure = { error };
        this.#body.cancel(error);
      }
      this.#engine?.destroy();
      throw this.#failure.error;
    }
  }

  async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    const before = this.#made;
    for (let part; (part = await this.read()) !== null;) parts.push(part);
    if (parts.length === 1) return parts[0];
    const all = new Uint8Array(this.#made - before);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  cancel(reason?: unknown): void {
    if (this.#ended || this.#failure !== undefined) return;
    this.#ended = true;
    this.#engine?.destroy();
    this.#wake();
    this.#body.cancel(reason);
  }

  async #next(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#engine === undefined && this.#failure === undefined) {
      if (!await this.#begin()) {
        this.#ended = true;
        return null;
      }
    }
    const engine = this.#engine;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#ended || engine === undefined) return null; // cancelled meanwhile
      const made = engine.read();
      if (made !== null) return this.#take(made);
      if (this.#engineEnded) return await this.#finish(engine);
      if (this.#writing || this.#drained) await new Promise<void>((wake) => this.#wake = wake);
      else await this.#feed(engine);
    }
  }

  /** Makes the engine once the first bytes are there; `false` if there are none at all. */
  async #begin(): Promise<boolean> {
    let first = await this.#body.read();
    if (first === null) return false;
    // Two bytes tell which kind of "deflate" it is.
    while (this.#coding === "deflate" && first.length < 2) {
      const more = await this.#body.read();
      if (more === null) break;
      first = join(first, more);
    }
    const engine = await makeEngine(this.#coding, first);
    if (this.#ended) {
      engine.destroy();
      return false;
    }
    this.#engine = engine;
    engine.on("readable", () => this.#wake());
    engine.on("end", () => {
      this.#engineEnded = true;
      this.#wake();
    });
    engine.on("error", (cause) => {
      if (!this.#ended) this.#fail(cause.message, cause);
      this.#wake();
    });
    this.#write(engine, first);
    return true;
  }

  async #feed(engine: Engine): Promise<void> {
    const chunk = await this.#body.read();
    if (this.#ended) return;
    if (chunk !== null) return this.#write(engine, chunk);
    this.#drained = true;
    // The brotli engine takes a stream that was cut for one that ended.
    if (this.#coding === "br") engine.write(sentinel, () => {});
    engine.end();
  }

  #write(engine: Engine, chunk: Uint8Array): void {
    this.#fed += chunk.length;
    this.#writing = true;
    engine.write(chunk, () => {
      this.#writing = false;
      this.#wake();
    });
  }

  #take(made: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.#made += made.length;
    const free = Math.max(freeExpansion, this.#fed * this.#maxExpansion);
    const limit = Math.min(this.#maxBytes, free);
    if (this.#made > limit) throw new BodyTooLargeError(limit);
    // The engine's pieces lie in one buffer, and the caller may give its own away.
    return new Uint8Array(made);
  }

  /** The coding's own end was reached: nothing may follow, and it must not be too early. */
  async #finish(engine: Engine): Promise<null> {
    const { bytesWritten } = engine;
    if (bytesWritten > this.#fed) this.#fail("unexpected end of file");
    else if (
      bytesWritten < this.#fed || (!this.#drained && await this.#body.read() !== null)
    ) this.#fail("bytes behind the end");
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#ended = true;
    return null;
  }

  #fail(reason: string, cause?: unknown): void {
    if (this.#failure !== undefined) return;
    const error = new ProtocolError(`${this.#coding} body: ${reason}`, {
      code: "ERR_HTTP_CONTENT_ENCODING",
      ...(cause === undefined ? undefined : { cause }),
    });
    this.#failure = { error };
    this.#body.cancel(error);
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Whether the bytes begin as RFC 1950 section 2.2 has it: method 8, and a multiple of 31. */
function hasZlibHeader(first: Uint8Array): boolean {
  return (first[0] & 0x0f) === 8 && (first[0] << 8 | first[1]) % 31 === 0;
}

/** Loads the engines when the first is needed: that takes longer than the rest of the start. */
async function makeEngine(coding: Coding, first: Uint8Array): Promise<Engine> {
  const zlib = await import("node:zlib");
  const make = coding === "gzip"
    ? zlib.createGunzip
    : coding === "br"
    ? zlib.createBrotliDecompress
    : hasZlibHeader(first)
    ? zlib.createInflate
    : zlib.createInflateRaw;
  return make() as unknown as Engine;
}
