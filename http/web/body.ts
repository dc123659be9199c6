/** The body of a request or a response: what it was made of, until somebody wants a stream. */
import type { IncomingBody } from "../incoming.ts";
import { formDataToBlob } from "./form_data.ts";
import { latin1 } from "../h1/text.ts";

/** A body that is there as a whole, and can be sent again. */
export type StaticBody = string | Uint8Array<ArrayBuffer> | Blob;

/** The runtime's object that has the stream, and with it the say over what was used. */
type Holder = globalThis.Request | globalThis.Response;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * One body. It begins with its source, and the fast ways (`text` and the like) use that up. Once a
 * stream is made of it, an object of the runtime holds that stream, and answers from then on: only
 * the runtime knows whether a stream was touched.
 */
export class Body {
  /** What it is made of; `undefined` when it was used, or a holder has it. */
  #source: StaticBody | IncomingBody | undefined;
  #holder: Holder | undefined;

  /** @param source What it is made of. */
  constructor(source: StaticBody | IncomingBody | undefined) {
    this.#source = source;
    this.#holder = undefined;
  }

  /**
   * The body around a stream.
   *
   * @param holder What holds the stream.
   */
  static heldBy(holder: Holder): Body {
    const body = new Body(undefined);
    body.#holder = holder;
    return body;
  }

  /** Whether some of it was read, or it was cancelled. */
  get used(): boolean {
    return this.#holder === undefined ? this.#source === undefined : this.#holder.bodyUsed;
  }

  /** Whether nobody else may read it: it was used, or somebody is reading. */
  get unusable(): boolean {
    if (this.#holder === undefined) return this.#source === undefined;
    return this.#holder.bodyUsed || (this.#holder.body?.locked ?? false);
  }

  /** What it is made of, where that is there as a whole and still untouched. */
  get whole(): StaticBody | undefined {
    return isStatic(this.#source) ? this.#source : undefined;
  }

  /** Its length in bytes where it comes in and says so. */
  get length(): number | undefined {
    const source = this.#source;
    return source === undefined || isStatic(source) ? undefined : source.length;
  }

  /** The body as a stream, always the same. */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    if (this.#holder === undefined) {
      this.#holder = this.#source === undefined
        ? usedUp(new globalThis.Response(""))
        : new globalThis.Response(streamOf(this.#source));
      this.#source = undefined;
    }
    return this.#holder.body!;
  }

  /** All of it as text, from UTF-8; a byte order mark is left out. */
  text(): Promise<string> {
    if (this.#holder !== undefined) return this.#holder.text();
    const source = this.#source;
    if (source !== undefined && !isStatic(source) && source.readText !== undefined) {
      this.#source = undefined;
      return source.readText();
    }
    if (typeof source !== "string") return this.bytes().then(decodeText);
    this.#source = undefined;
    return Promise.resolve(
      (source.charCodeAt(0) === 0xfeff ? source.slice(1) : source).toWellFormed(),
    );
  }

  /** All of it, parsed. */
  json(): Promise<unknown> {
    return this.text().then(JSON.parse);
  }

  /** All of it. */
  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#holder !== undefined) return this.#holder.bytes();
    const source = this.#source;
    this.#source = undefined;
    if (source === undefined) return Promise.reject(unusableError("read"));
    if (typeof source === "string") return Promise.resolve(encoder.encode(source));
    if (source instanceof Uint8Array) return Promise.resolve(source);
    return source instanceof Blob ? source.bytes() : source.readAll();
  }

  /** All of it, in a buffer that holds nothing else. */
  arrayBuffer(): Promise<ArrayBuffer> {
    return this.bytes().then(({ buffer, byteOffset, byteLength }) =>
      byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)
    );
  }

  /**
   * All of it as a blob.
   *
   * @param contentType Of the message.
   */
  async blob(contentType: string | null): Promise<Blob> {
    return (await this.#typed(contentType)).blob();
  }

  /**
   * All of it, parsed as a form.
   *
   * @param contentType Of the message, which names the kind of form.
   */
  async formData(contentType: string | null): Promise<FormData> {
    return (await this.#typed(contentType)).formData();
  }

  /** All of it as a stream of text, from UTF-8. */
  textStream(): ReadableStream<string> {
    if (this.unusable) throw unusableError("read");
    return this.stream().pipeThrough(new TextDecoderStream());
  }

  /** A second body with the same bytes, to be read apart from this one. */
  clone(): Body {
    if (this.unusable) throw unusableError("clone");
    const source = this.#source;
    if (source instanceof Uint8Array) return new Body(source.slice());
    if (isStatic(source)) return new Body(source);
    this.stream();
    return Body.heldBy(this.#holder!.clone());
  }

  /**
   * Uses the body up and gives what it is made of, for another body to be made of it.
   *
   * @param purpose What for, as in "cannot <purpose> it".
   * @throws {TypeError} It was used, or somebody reads it.
   */
  take(purpose: string): StaticBody | IncomingBody | ReadableStream<Uint8Array<ArrayBuffer>> {
    if (this.unusable) throw unusableError(purpose);
    if (this.#holder !== undefined) return this.#holder.body!;
    const source = this.#source!;
    this.#source = undefined;
    return source;
  }

  /**
   * Uses the body up and gives it as it can be sent.
   *
   * @throws {TypeError} It was used, or somebody reads it.
   */
  send(): StaticBody | ReadableStream<Uint8Array<ArrayBuffer>> {
    if (this.unusable) throw unusableError("send");
    if (!isStatic(this.#source)) return this.stream();
    const source = this.#source;
    this.#source = undefined;
    return source;
  }

  /**
   * Moves the body into an object of the runtime that is being made, so that both have one body.
   *
   * @param make Makes the object around a body.
   */
  moveInto<T extends Holder>(make: (body: BodyInit) => T): T {
    if (this.unusable) return usedUp(make(""));
    const source = this.#source;
    const real = make(
      source === undefined
        ? this.#holder!.body!
        : typeof source === "string"
        ? encoder.encode(source)
        : isStatic(source)
        ? source
        : streamOf(source),
    );
    this.#source = undefined;
    this.#holder = real;
    return real;
  }

  /**
   * Ends the interest in a body that was not read; does nothing when somebody reads it or has.
   *
   * @param reason For the source.
   */
  async cancel(reason?: unknown): Promise<void> {
    const source = this.#source;
    if (this.#holder === undefined) {
      this.#source = undefined;
      if (source !== undefined && !isStatic(source)) source.cancel(reason);
    } else if (!this.#holder.body!.locked) {
      await this.#holder.body!.cancel(reason);
    }
  }

  async #typed(contentType: string | null): Promise<globalThis.Response> {
    const bytes = await this.bytes();
    return new globalThis.Response(
      bytes,
      contentType === null ? undefined : { headers: [["content-type", contentType]] },
    );
  }
}

/** What a message gets from a `BodyInit`. */
export interface ExtractedBody {
  /** The body. */
  readonly body: Body;
  /** The content type it gives the message. */
  readonly type: string | null;
}

/**
 * The body for what a user gave as one; bytes are copied.
 *
 * @param init What was given.
 * @throws {TypeError} A stream that is locked or was read.
 */
export function extractBody(init: BodyInit): ExtractedBody {
  if (typeof init === "string") return { body: new Body(init), type: textType };
  if (init instanceof Uint8Array) return { body: new Body(new Uint8Array(init)), type: null };
  if (init instanceof ArrayBuffer) {
    return { body: new Body(new Uint8Array(init.slice())), type: null };
  }
  if (ArrayBuffer.isView(init)) {
    const bytes = new Uint8Array(init.buffer, init.byteOffset, init.byteLength);
    return { body: new Body(new Uint8Array(bytes)), type: null };
  }
  if (init instanceof Blob) return { body: new Body(init), type: init.type || null };
  if (init instanceof URLSearchParams) {
    const type = "application/x-www-form-urlencoded;charset=UTF-8";
    return { body: new Body(init.toString()), type };
  }
  if (init instanceof FormData) {
    const blob = formDataToBlob(init);
    return { body: new Body(blob), type: blob.type };
  }
  // A stream, an iterable, or what becomes a string: the runtime knows.
  const holder = new globalThis.Response(init);
  return { body: Body.heldBy(holder), type: holder.headers.get("content-type") };
}

/** The content type that a string gives. */
export const textType = "text/plain;charset=UTF-8";

function isStatic(source: StaticBody | IncomingBody | undefined): source is StaticBody {
  return typeof source === "string" || source instanceof Uint8Array || source instanceof Blob;
}

/** Up to here a look at each byte costs less than the decoder. */
const shortText = 200;

/**
 * Bytes as text, from UTF-8 and without a byte order mark.
 *
 * @param bytes The bytes.
 */
export function decodeText(bytes: Uint8Array): string {
  const { length } = bytes;
  if (length > shortText) return decoder.decode(bytes);
  for (let i = 0; i < length; i++) if (bytes[i] > 0x7f) return decoder.decode(bytes);
  return latin1(bytes, 0, length);
}

/**
 * Pieces put together; a single one is given as it is.
 *
 * @param pieces The pieces.
 * @param length How long they are together.
 */
export function concat(pieces: Uint8Array<ArrayBuffer>[], length: number): Uint8Array<ArrayBuffer> {
  if (pieces.length === 1) return pieces[0];
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** A stream that asks for nothing before somebody reads it, and then for one piece at a time. */
function streamOf(source: StaticBody | IncomingBody): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (source instanceof Blob) return source.stream();
  if (isStatic(source)) {
    // A copy, since the stream gives its buffer away.
    const bytes = typeof source === "string" ? encoder.encode(source) : source.slice();
    return byteStream(() => Promise.resolve(bytes), true, () => {});
  }
  return byteStream(() => source.read(), false, (reason) => source.cancel(reason));
}

function byteStream(
  read: () => Promise<Uint8Array<ArrayBuffer> | null>,
  once: boolean,
  cancel: (reason: unknown) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const chunk = await read();
      const some = chunk !== null && chunk.length > 0;
      if (some) controller.enqueue(chunk); // This takes its buffer away, and with that its length.
      if (some && !once) return;
      controller.close();
      // A reader with a buffer of its own gets that buffer back.
      controller.byobRequest?.respond(0);
    },
    cancel,
  }, { highWaterMark: 0 });
}

/** An object whose body was read. */
function usedUp<T extends Holder>(holder: T): T {
  void holder.bytes();
  return holder;
}

function unusableError(purpose: string): TypeError {
  return new TypeError(`cannot ${purpose} a body that was read, or is being read`);
}
