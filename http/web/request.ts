/** The web's `Request`, light, and able to be sent again. */
import { Body, extractBody } from "./body.ts";
import { defineBodyMembers } from "./body_members.ts";
import { isToken } from "../headers.ts";
import type { IncomingBody } from "../incoming.ts";
import { hasSignal, innerRequestBody } from "./inner.ts";
import { fieldsFrom, fieldsOf, hasField, LightHeaders } from "./light_headers.ts";
import { makeLight } from "./light.ts";

/** What a request that came in is made of. */
export interface IncomingRequestParts {
  /** Its method, as it came. */
  readonly method: string;
  /** Its URL; asked for once, and only when somebody wants it. */
  readonly url: () => string;
  /** Its fields, names and values in turn. */
  readonly fields: readonly string[];
  /** Its body; `null` for none. */
  readonly body: IncomingBody | null;
  /** Its signal; asked for once, and only when somebody wants it. */
  readonly signal: () => AbortSignal;
}

/** A second argument that marks the first as parts. */
export const fromParts: RequestInit = {};

/** Whether it is a request of this module's. */
export let isOurs: (request: globalThis.Request) => request is Request;

/** The fields of a request, as they were given. */
export let fieldsOfRequest: (request: Request) => readonly string[];

/** The body of a request. */
export let bodyOfRequest: (request: Request) => Body | null;

/** The signal of a request, if it has one that can abort. */
export let signalOfRequest: (request: Request) => AbortSignal | undefined;

const noFields: readonly string[] = [];

// The global is a getter, which costs as much as the rest of a small request.
const WebRequest = globalThis.Request;

/** URLs that were parsed before, and what became of them: programs ask for few, again and again. */
const hrefs = new Map<string, string>();
const maxHrefs = 100;

/** Longer ones are not kept. */
const maxKeptUrl = 1_000;

/** What a clone begins with. */
const noParts: Partial<IncomingRequestParts> = { method: "GET", fields: noFields, body: null };

/** The methods whose case does not matter (fetch standard, "normalize a method"). */
const normalized: ReadonlySet<string> = new Set([
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "POST",
  "PUT",
]);

/** Members that mean something to a browser, and that the runtime checks and keeps for us. */
const browserMembers = [
  "cache",
  "client",
  "credentials",
  "integrity",
  "keepalive",
  "mode",
  "priority",
  "referrer",
  "referrerPolicy",
] as const;

/**
 * The web's `Request`, which remembers its body: one that is a string, bytes, a `Blob`, a form or
 * `URLSearchParams` can be sent again, on a redirect or another connection; a stream cannot.
 *
 * Every header can be set, and every method but those that are no token; a header value may hold
 * no control characters but HTAB. The URL is absolute; a name and a password in it become
 * `Authorization` when the request is sent by a `Client`. `signal` is the very signal that was
 * given.
 *
 * ```ts
 * import { Request } from "@plumb/plumb/http";
 *
 * const request = new Request("http://localhost/form", {
 *   method: "post",
 *   body: new URLSearchParams({ a: "1" }),
 * });
 * console.log(request.method, await request.text()); // POST a=1
 * ```
 */
export class Request extends globalThis.Request {
  #method: string;
  #url: string | undefined;
  #fields: readonly string[];
  #headers: LightHeaders | undefined;
  #body: Body | null;
  #signal: AbortSignal | undefined;
  #redirect: RequestRedirect;
  /** What came in; `undefined` for a request that was made here. */
  #parts: IncomingRequestParts | undefined;
  /** A request of the runtime that has the members for browsers. */
  #browser: globalThis.Request | undefined;
  /** The runtime's own, once the runtime has looked inside. */
  #real: globalThis.Request | undefined;

  static {
    makeLight(
      this,
      new globalThis.Request("http://sample.invalid"),
      (request) => request.#makeReal(),
    );
    defineBodyMembers(this, (request) => request.#body);
    isOurs = (request) => #method in request;
    bodyOfRequest = (request) => request.#body;
    signalOfRequest = (request) => request.#parts === undefined ? request.#signal : request.signal;
    fieldsOfRequest = (request) =>
      request.#headers === undefined ? request.#fields : LightHeaders.fieldsOf(request.#headers);
  }

  /**
   * Makes a request to send.
   *
   * @param input The URL, or a request to copy: its body moves over, unless `init` has one.
   * @param init Method (`"GET"` by default), headers, body, signal and so on.
   * @throws {TypeError} A URL that is not absolute, a method or header that cannot be sent, or a
   *   body that was used or goes with `GET` or `HEAD`.
   */
  constructor(input: string | URL | globalThis.Request, init?: RequestInit) {
    super(""); // Of the light class, which takes nothing.
    this.#method = "GET";
    this.#url = undefined;
    this.#fields = noFields;
    this.#headers = undefined;
    this.#body = null;
    this.#signal = undefined;
    this.#redirect = "follow";
    this.#parts = undefined;
    this.#browser = undefined;
    this.#real = undefined;
    if (init === fromParts) {
      const parts = input as unknown as IncomingRequestParts;
      this.#method = parts.method;
      this.#fields = parts.fields;
      this.#body = parts.body === null ? null : new Body(parts.body);
      this.#parts = parts;
      return;
    }
    const copied = typeof input === "object" && input instanceof WebRequest;
    if (copied) this.#copy(input);
    else this.#url = hrefOf(input as string | URL);
    if (init !== undefined && init !== null) this.#initialize(init);
    const given = init?.body;
    if (given !== undefined && given !== null) {
      this.#refuseBody();
      const { body, type } = extractBody(given);
      this.#body = body;
      if (type !== null && !hasField(this.#fields, "content-type")) {
        this.#fields = [...this.#fields, "Content-Type", type];
      }
    } else if (copied) {
      if (hasBody(input)) this.#refuseBody();
      this.#body = takeBody(input);
    }
  }

  /** The method, in the case that was given unless that does not matter. */
  override get method(): string {
    return this.#method;
  }

  /** The URL. */
  override get url(): string {
    return this.#url ??= this.#parts!.url();
  }

  /** The header fields; those of a request that came in cannot be changed. */
  override get headers(): Headers {
    return this.#headers ??= new LightHeaders(this.#fields, this.#parts !== undefined);
  }

  /**
   * The signal that was given; for a request that came in, it aborts when the client goes away, or
   * the connection is closed before the answer is written.
   */
  override get signal(): AbortSignal {
    return this.#signal ??= this.#parts?.signal() ?? new AbortController().signal;
  }

  /** What to do about redirects: `"follow"` by default. */
  override get redirect(): RequestRedirect {
    return this.#redirect;
  }

  /** For browsers: `"default"` by default. */
  override get cache(): RequestCache {
    return this.#browser?.cache ?? "default";
  }

  /** For browsers: `"same-origin"` by default. */
  override get credentials(): RequestCredentials {
    return this.#browser?.credentials ?? "same-origin";
  }

  /** For browsers: `""` by default. */
  override get integrity(): string {
    return this.#browser?.integrity ?? "";
  }

  /** For browsers: `false` by default. */
  override get keepalive(): boolean {
    return this.#browser?.keepalive ?? false;
  }

  /** For browsers: `"cors"` by default. */
  override get mode(): RequestMode {
    return this.#browser?.mode ?? "cors";
  }

  /** For browsers: `"about:client"` by default. */
  override get referrer(): string {
    return this.#browser?.referrer ?? "about:client";
  }

  /** For browsers: `""` by default. */
  override get referrerPolicy(): ReferrerPolicy {
    return this.#browser?.referrerPolicy ?? "";
  }

  /**
   * A second request with the same body, to be read or sent apart from this one.
   *
   * @throws {TypeError} The body was read already.
   */
  override clone(): Request {
    const body = this.#body === null ? null : this.#body.clone();
    const copy = new Request(noParts as never, fromParts);
    copy.#method = this.#method;
    copy.#url = this.#url;
    copy.#fields = [...fieldsOfRequest(this)];
    copy.#body = body;
    copy.#signal = this.#signal;
    copy.#redirect = this.#redirect;
    copy.#parts = this.#parts;
    copy.#browser = this.#browser;
    return copy;
  }

  #initialize(init: RequestInit): void {
    const { method, headers, signal, redirect } = init;
    if (method !== undefined) this.#method = normalizeMethod(`${method}`);
    if (headers !== undefined) this.#fields = fieldsFrom(headers);
    if (signal === null) {
      this.#signal = undefined;
    } else if (signal !== undefined) {
      if (!(signal instanceof AbortSignal)) {
        throw new TypeError(`signal ${String(signal)}: must be an AbortSignal`);
      }
      this.#signal = signal;
    }
    if (redirect !== undefined) {
      if (redirect !== "follow" && redirect !== "manual" && redirect !== "error") {
        throw new TypeError(`redirect "${redirect}": must be "follow", "manual" or "error"`);
      }
      this.#redirect = redirect;
    }
    this.#keepBrowserMembers(init as Record<string, unknown>, true);
  }

  /** Everything of another request but its body. */
  #copy(input: globalThis.Request): void {
    this.#method = input.method;
    this.#url = input.url;
    this.#redirect = input.redirect;
    if (isOurs(input)) {
      this.#fields = [...fieldsOfRequest(input)];
      this.#signal = signalOfRequest(input);
      this.#browser = input.#browser;
      return;
    }
    this.#fields = [...fieldsOf(input.headers)];
    if (hasSignal(input)) this.#signal = input.signal;
    this.#keepBrowserMembers(input as unknown as Record<string, unknown>, false);
  }

  /** Lets the runtime check and keep the members for browsers, where there are any. */
  #keepBrowserMembers(from: Record<string, unknown>, given: boolean): void {
    let members: Record<string, unknown> | undefined;
    for (const name of browserMembers) {
      const value = from[name];
      if (value === undefined || !given && value === Reflect.get(this, name)) continue;
      (members ??= {})[name] = value;
    }
    if (members === undefined) return;
    this.#browser = new globalThis.Request(this.#browser ?? this.url, members);
  }

  #refuseBody(): void {
    if (this.#method === "GET" || this.#method === "HEAD") {
      throw new TypeError(`request ${this.#method}: this method has no body`);
    }
  }

  #makeReal(): globalThis.Request {
    if (this.#real !== undefined) return this.#real;
    const headers = this.headers as LightHeaders;
    const make = (body: BodyInit | null) =>
      new globalThis.Request(this.#browser ?? this.url, {
        method: this.#method,
        headers,
        body,
        redirect: this.#redirect,
        signal: signalOfRequest(this),
      });
    // The web's requests to get something have no body; what came in may.
    const without = this.#body === null || this.#method === "GET" || this.#method === "HEAD";
    const real = without ? make(null) : this.#body!.moveInto(make);
    if (!headers.has("content-type")) real.headers.delete("content-type");
    LightHeaders.adopt(headers, real.headers);
    return this.#real = real;
  }
}

function hrefOf(input: string | URL): string {
  if (typeof input !== "string") return new URL(input).href;
  let href = hrefs.get(input);
  if (href !== undefined) return href;
  href = new URL(input).href;
  if (hrefs.size >= maxHrefs) hrefs.clear();
  if (input.length <= maxKeptUrl) hrefs.set(input, href);
  return href;
}

function normalizeMethod(method: string): string {
  if (normalized.has(method)) return method;
  if (!isToken(method)) {
    throw new TypeError(`method ${JSON.stringify(method)}: must be a token (RFC 9110 section 9.1)`);
  }
  const upper = method.toUpperCase();
  return normalized.has(upper) ? upper : method;
}

function hasBody(request: globalThis.Request): boolean {
  if (isOurs(request)) return bodyOfRequest(request) !== null;
  // Not `request.body` first: that makes a stream of what is there as a whole.
  const whole = innerRequestBody(request, false);
  return whole === undefined ? request.body !== null : whole !== null;
}

/** Takes the body of a request away, so that it counts as used there. */
function takeBody(request: globalThis.Request): Body | null {
  if (isOurs(request)) {
    const body = bodyOfRequest(request);
    if (body === null) return null;
    const taken = body.take("copy");
    return taken instanceof ReadableStream ? extractBody(taken).body : new Body(taken);
  }
  const whole = innerRequestBody(request, true);
  if (whole !== undefined) return whole === null ? null : new Body(whole);
  // The runtime moves it, or says that it was used.
  return request.body === null ? null : Body.heldBy(new globalThis.Request(request));
}
