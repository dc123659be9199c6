/** The contract of a handler: a web `Request` in, a web `Response` out, and what lies beside. */
import type { Address, Conn, ConnectionState } from "../net/conn.ts";

/**
 * Answers a request. It may be sync or async; what it throws becomes a 500 (or, once the answer
 * has begun, the end of the connection). As Go's `http.Handler`, in the shape of `Deno.serve`'s.
 */
export type Handler = (request: Request, info: HandlerInfo) => Response | Promise<Response>;

/** A connection taken over from the server. */
export interface Hijacked {
  /** The connection, from now on the caller's to close. */
  readonly conn: Conn;
  /** What the server had read of it beyond the request's head and body. */
  readonly buffered: Uint8Array<ArrayBuffer>;
}

/** What the web's `Request` does not tell, and what a handler may do beside answering. */
export interface HandlerInfo {
  /** The client's end of the connection. */
  readonly remoteAddr: Address;
  /** This end of the connection. */
  readonly localAddr: Address;
  /** What the TLS handshake settled; `null` without TLS. */
  readonly tls: ConnectionState | null;
  /** The version of the request. */
  readonly proto: "HTTP/1.0" | "HTTP/1.1";
  /** Settles when the response is fully written (resolves) or was not (rejects); `hijack` resolves it. */
  readonly completed: Promise<void>;
  /** The pattern that matched, once a `ServeMux` has chosen the handler; `""` before. */
  pattern: string;
  /** The values of the pattern's wildcards by name, unescaped. */
  params: Readonly<Record<string, string>>;
  /**
   * The fields behind a chunked body, once it was read to its end; empty where there are none.
   * Rejects when the body fails.
   */
  readonly trailers: Promise<Headers>;
  /**
   * Sends an informational response (RFC 9110 section 15.2), such as 103 with `Link` fields.
   * Does nothing on HTTP/1.0, which knows none.
   *
   * @param status 100 to 199, except 101.
   * @param headers Its fields.
   * @throws {RangeError} Another status.
   * @throws {TypeError} The answer has begun.
   */
  sendInformational(status: number, headers?: HeadersInit): Promise<void>;
  /**
   * Sets the fields to send behind the body, which is then chunked (RFC 9112 section 7.1.2); a
   * function is called at the body's end. Not sent on HTTP/1.0 and where there is no body.
   *
   * @param trailers The fields, or what makes them.
   * @throws {TypeError} A field that may not be a trailer, or the answer has begun.
   */
  setTrailers(trailers: HeadersInit | (() => HeadersInit | Promise<HeadersInit>)): void;
  /**
   * Takes the connection over, for another protocol. The server forgets it: it answers nothing,
   * and neither `shutdown` nor `close` touches it. What the handler returns is ignored. As Go's
   * `http.Hijacker`.
   *
   * `buffered` also holds what there is of a body that was not read.
   *
   * @throws {TypeError} The answer has begun, the body is just being read, or the connection was
   * hijacked already.
   */
  hijack(): Hijacked;
  /**
   * Until when the body must have been read; without effect once it was. As Go's
   * `ResponseController`.
   *
   * @param deadline A `Date`, epoch milliseconds, or `null` for none.
   */
  setReadDeadline(deadline: Date | number | null): void;
  /**
   * Until when the response must have been written.
   *
   * @param deadline A `Date`, epoch milliseconds, or `null` for none.
   */
  setWriteDeadline(deadline: Date | number | null): void;
}
