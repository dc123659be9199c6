/** A request made of another one that came in, with something changed on its way to a handler. */
import { BodyTooLargeError } from "../errors.ts";
import type { IncomingBody } from "../incoming.ts";
import { IncomingRequest } from "./incoming_request.ts";
import { fieldsOf } from "./light_headers.ts";
import { bodyOfRequest, fieldsOfRequest, isOurs } from "./request.ts";

/** What is to be another than in the first request. */
export interface Changes {
  /** Its URL. */
  readonly url?: string;
  /** Its signal; asked for once, and only when somebody wants it. */
  readonly signal?: () => AbortSignal;
  /** Its body. */
  readonly body?: IncomingBody;
}

/**
 * The same request but for the changes. Nothing is copied or made before it is asked for. Both have
 * one body: it is the second one's to read.
 *
 * @param request The first request, of whatever class.
 * @param changes What is different.
 */
export function deriveRequest(request: Request, changes: Changes): Request {
  return new IncomingRequest({
    method: request.method,
    url: () => changes.url ?? request.url,
    fields: isOurs(request) ? fieldsOfRequest(request) : fieldsOf(request.headers),
    body: changes.body ?? (hasBody(request) ? new PassedBody(request) : null),
    signal: changes.signal ?? (() => request.signal),
  });
}

/**
 * Whether a request has a body, without making a stream of it as a look at `request.body` does.
 *
 * @param request The request.
 */
export function hasBody(request: Request): boolean {
  return (isOurs(request) ? bodyOfRequest(request) : request.body) !== null;
}

/**
 * The length of a request's body where its connection holds the client to it, unlike a field that
 * may be left over from another form of the body.
 *
 * @param request The request.
 */
export function framedLength(request: Request): number | undefined {
  return isOurs(request) ? bodyOfRequest(request)?.length : undefined;
}

/** The body of a request, for another one. */
export class PassedBody implements IncomingBody {
  readonly length: number | undefined;
  readonly #request: Request;
  #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;

  /** @param request Has a body. */
  constructor(request: Request) {
    this.#request = request;
    this.length = framedLength(request);
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#reader === undefined) {
      if (this.#request.bodyUsed) throw new TypeError("cannot read a body that was read before");
      this.#reader = this.#request.body!.getReader();
    }
    const { done, value } = await this.#reader.read();
    if (done) return null;
    if (value.length === 0) return this.read();
    // A stream that somebody else made may keep its array.
    return isOurs(this.#request) ? value : value.slice();
  }

  readAll(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#request.bytes();
  }

  cancel(reason?: unknown): void {
    const cancelled = this.#reader === undefined
      ? this.#request.body?.cancel(reason)
      : this.#reader.cancel(reason);
    cancelled?.catch(() => {}); // it is locked, or failed by itself
  }
}

/** The body of a request, as long as it is not too long. */
export class LimitedBody extends PassedBody {
  readonly #limit: number;
  #taken = 0;
  #failure: BodyTooLargeError | undefined;

  /**
   * @param request Has a body.
   * @param limit The most bytes.
   */
  constructor(request: Request, limit: number) {
    super(request);
    this.#limit = limit;
  }

  override async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#failure !== undefined) throw this.#failure;
    const chunk = await super.read();
    this.#taken += chunk?.length ?? 0;
    if (this.#taken <= this.#limit) return chunk;
    this.#failure = new BodyTooLargeError(this.#limit);
    this.cancel(this.#failure);
    throw this.#failure;
  }

  /** By `read`, as what is too long is not to be collected first. */
  override async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for (let chunk; (chunk = await this.read()) !== null;) chunks.push(chunk);
    if (chunks.length === 1) return chunks[0];
    return await new Blob(chunks).bytes();
  }
}
