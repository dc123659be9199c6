/** The web's `Response`, light, and with what the client knows beyond it. */
import type { Address } from "../../net/conn.ts";
import { Body, extractBody, textType } from "./body.ts";
import { defineBodyMembers } from "./body_members.ts";
import type { IncomingBody } from "../incoming.ts";
import { fieldsFrom, hasField, LightHeaders } from "./light_headers.ts";
import { makeLight } from "./light.ts";

/** What a response that came in is made of. */
export interface IncomingResponseParts {
  /** Its status code. */
  readonly status: number;
  /** Its reason phrase. */
  readonly statusText: string;
  /** Its fields, names and values in turn. */
  readonly fields: readonly string[];
  /** Its body; `null` for none. */
  readonly body: IncomingBody | null;
  /** The URL it came from. */
  readonly url: string;
  /** Whether that is not the URL that was asked for. */
  readonly redirected: boolean;
  /** The version it was sent in. */
  readonly proto: string;
  /** The fields behind the body. */
  readonly trailers: () => Promise<Headers>;
  /** The server's end of the connection. */
  readonly remoteAddr: Address | undefined;
  /** Whether its content coding was undone. */
  readonly uncompressed: boolean;
}

/** A second argument that marks the first as parts, and not as a body. */
const fromParts: ResponseInit = {};

/** Whether it is a response of this module's. */
export let isOurs: (response: globalThis.Response) => response is Response;

/** The fields of a response, as they were given. */
export let fieldsOfResponse: (response: Response) => readonly string[];

/** The body of a response. */
export let bodyOfResponse: (response: Response) => Body | null;

const noFields: readonly string[] = [];

/** The fields of a response that is a string. */
const textFields: readonly string[] = ["Content-Type", textType];

/** What a reason phrase may hold (RFC 9112 section 4). */
const reasonPhrase = /^[\t\x20-\x7e\x80-\xff]*$/;

function isNullBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

const redirects: readonly number[] = [301, 302, 303, 307, 308];

/**
 * The web's `Response`, and a little more: a client's response knows its protocol, its trailers and
 * who sent it. It goes wherever a `Response` goes, and making one costs a tenth of what the
 * runtime's own does.
 *
 * `await using` ends the interest in its body: what was not read is given up, and the connection
 * with it unless little is left. A status is 200 to 599. A header value may hold no control
 * characters but HTAB.
 *
 * ```ts
 * import { Response } from "@plumb/plumb/http";
 *
 * await using response = new Response("hello", { status: 201 });
 * console.log(response.status, await response.text()); // 201 hello
 * ```
 */
export class Response extends globalThis.Response {
  #status: number;
  #statusText: string;
  #fields: readonly string[];
  #headers: LightHeaders | undefined;
  #body: Body | null;
  /** What came in; `undefined` for a response that was made here. */
  #parts: IncomingResponseParts | undefined;
  /** A static method made it: its headers cannot be changed. */
  #sealed: boolean;
  /** The runtime's own, once the runtime has looked inside. */
  #real: globalThis.Response | undefined;

  static {
    makeLight(this, new globalThis.Response(), (response) => response.#makeReal());
    defineBodyMembers(this, (response) => response.#body);
    isOurs = (response) => #status in response;
    bodyOfResponse = (response) => response.#body;
    fieldsOfResponse = (response) =>
      response.#headers === undefined ? response.#fields : LightHeaders.fieldsOf(response.#headers);
  }

  /**
   * Makes a response to send.
   *
   * @param body The body; `null`, the default, is none. Bytes are copied.
   * @param init Status (200 by default), reason phrase and headers.
   * @throws {RangeError} A status that is not 200 to 599.
   * @throws {TypeError} A header or a reason phrase that cannot be sent, a body that is used up, or
   *   one with a status that has none (204, 205, 304).
   */
  constructor(body?: BodyInit | null, init?: ResponseInit) {
    super();
    this.#status = 200;
    this.#statusText = "";
    this.#fields = noFields;
    this.#headers = undefined;
    this.#body = null;
    this.#parts = undefined;
    this.#sealed = false;
    this.#real = undefined;
    if (init === fromParts) {
      const parts = body as unknown as IncomingResponseParts;
      this.#status = parts.status;
      this.#statusText = parts.statusText;
      this.#fields = parts.fields;
      this.#body = parts.body === null ? null : new Body(parts.body);
      this.#parts = parts;
      this.#sealed = true;
      return;
    }
    if (init !== undefined && init !== null) this.#initialize(init);
    if (body === undefined || body === null) return;
    if (isNullBody(this.#status)) {
      throw new TypeError(`response ${this.#status}: this status has no body`);
    }
    if (typeof body === "string") {
      this.#body = new Body(body);
      this.#addType(textType);
    } else {
      const extracted = extractBody(body);
      this.#body = extracted.body;
      if (extracted.type !== null) this.#addType(extracted.type);
    }
  }

  /** The response to a request that failed: no status, no headers, no body. */
  static override error(): Response {
    const response = new Response();
    response.#status = 0;
    response.#sealed = true;
    return response;
  }

  /**
   * A response with a value as JSON.
   *
   * @param data The value.
   * @param init Status, reason phrase and headers.
   * @throws {TypeError} The value cannot be JSON.
   */
  static override json(data: unknown, init?: ResponseInit): Response {
    const text: string | undefined = JSON.stringify(data);
    if (text === undefined) throw new TypeError(`JSON of ${typeof data}: there is none`);
    const response = new Response(null, init);
    if (isNullBody(response.#status)) {
      throw new TypeError(`response ${response.#status}: this status has no body`);
    }
    response.#body = new Body(text);
    response.#addType("application/json");
    return response;
  }

  /**
   * A response that sends the client elsewhere.
   *
   * @param url Where to; absolute.
   * @param status 301, 302 (the default), 303, 307 or 308.
   * @throws {RangeError} Another status.
   * @throws {TypeError} A URL that is not absolute.
   */
  static override redirect(url: string | URL, status: number = 302): Response {
    const { href } = new URL(url);
    if (!redirects.includes(Number(status))) {
      throw new RangeError(`redirect status ${status}: must be ${redirects.join(", ")}`);
    }
    const response = new Response(null, { status });
    response.#fields = ["Location", href];
    response.#sealed = true;
    return response;
  }

  /** `"basic"` for what came in, `"error"` for {@linkcode Response.error}, else `"default"`. */
  override get type(): ResponseType {
    if (this.#parts !== undefined) return "basic";
    return this.#status === 0 ? "error" : "default";
  }

  /** The URL it came from, without a fragment; `""` when it was made here. */
  override get url(): string {
    const url = this.#parts?.url ?? "";
    const end = url.indexOf("#");
    return end < 0 ? url : url.slice(0, end);
  }

  /** Whether it came from another URL than was asked for. */
  override get redirected(): boolean {
    return this.#parts?.redirected ?? false;
  }

  /** The status code. */
  override get status(): number {
    return this.#status;
  }

  /** Whether the status is 200 to 299. */
  override get ok(): boolean {
    return this.#status >= 200 && this.#status <= 299;
  }

  /** The reason phrase. */
  override get statusText(): string {
    return this.#statusText;
  }

  /** The header fields; those of a response that came in cannot be changed. */
  override get headers(): Headers {
    return this.#headers ??= new LightHeaders(this.#fields, this.#sealed);
  }

  /** The version it was sent in, as `"HTTP/1.0"`; `"HTTP/1.1"` when it was made here. */
  get proto(): string {
    return this.#parts?.proto ?? "HTTP/1.1";
  }

  /**
   * The fields behind the body, once it was read to its end; empty where there are none. Rejects
   * when the body fails.
   */
  get trailers(): Promise<Headers> {
    return this.#parts?.trailers() ?? Promise.resolve(new LightHeaders(noFields, true));
  }

  /** The server's end of the connection; `undefined` when it was made here. */
  get remoteAddr(): Address | undefined {
    return this.#parts?.remoteAddr;
  }

  /** Whether the body was sent compressed, and is not any more. As Go's `Uncompressed`. */
  get uncompressed(): boolean {
    return this.#parts?.uncompressed ?? false;
  }

  /**
   * A second response with the same body, to be read apart from this one.
   *
   * @throws {TypeError} The body was read already.
   */
  override clone(): Response {
    const body = this.#body === null ? null : this.#body.clone();
    const copy = new Response();
    copy.#status = this.#status;
    copy.#statusText = this.#statusText;
    copy.#fields = [...fieldsOfResponse(this)];
    copy.#body = body;
    copy.#parts = this.#parts;
    copy.#sealed = this.#sealed;
    return copy;
  }

  /** Gives up what was not read of the body. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#body?.cancel();
  }

  #initialize(init: ResponseInit): void {
    const { status, statusText, headers } = init;
    if (status !== undefined) {
      // As a Web IDL `unsigned short`, which `"404"` is one for.
      const code = Math.trunc(Number(status)) & 0xffff;
      if (code < 200 || code > 599) {
        throw new RangeError(`response status ${status}: must be 200 to 599`);
      }
      this.#status = code;
    }
    if (statusText !== undefined) {
      if (!reasonPhrase.test(statusText)) {
        throw new TypeError(
          `reason phrase ${JSON.stringify(statusText)}: must be latin1 without control characters`,
        );
      }
      this.#statusText = `${statusText}`;
    }
    if (headers !== undefined) this.#fields = fieldsFrom(headers);
  }

  #addType(type: string): void {
    const fields = this.#fields;
    if (fields === noFields) {
      this.#fields = type === textType ? textFields : ["Content-Type", type];
    } else if (!hasField(fields, "content-type")) {
      (fields as string[]).push("Content-Type", type);
    }
  }

  #makeReal(): globalThis.Response {
    if (this.#real !== undefined) return this.#real;
    if (this.#status === 0) return this.#real = globalThis.Response.error();
    const headers = this.headers as LightHeaders;
    // What came in may have a status that the runtime allows nobody to make.
    const status = this.#status < 200 || this.#status > 599 ? 500 : this.#status;
    const init = { status, statusText: this.#statusText, headers };
    const make = (body: BodyInit | null) => new globalThis.Response(body, init);
    const real = this.#body === null || isNullBody(status) ? make(null) : this.#body.moveInto(make);
    if (!headers.has("content-type")) real.headers.delete("content-type");
    LightHeaders.adopt(headers, real.headers);
    return this.#real = real;
  }
}

/**
 * A response that came in.
 *
 * @param parts What it is made of.
 */
export function incomingResponse(parts: IncomingResponseParts): Response {
  return new Response(parts as unknown as BodyInit, fromParts);
}
