/** The contract between a connection, which reads a body, and the web types, which show it. */

/**
 * A body as it comes in: of a request on the server, of a response on the client. It is read by
 * one consumer, once, and calls do not overlap.
 */
export interface IncomingBody {
  /** Its length in bytes where the head tells it, else `undefined`. */
  readonly length: number | undefined;
  /**
   * The next bytes, at least one, as an array of the caller's own; `null` at the end, and again
   * after it. Rejects when the body is cut short or its time is up, and again after that.
   */
  read(): Promise<Uint8Array<ArrayBuffer> | null>;
  /**
   * All that is left, in one array of the caller's own: the fast way. Rejects as `read` does.
   */
  readAll(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * All that is left as text, from UTF-8 and without a byte order mark, where the body can do that
   * without an array of its own. Rejects as `read` does.
   */
  readText?(): Promise<string>;
  /** The consumer has no interest in the rest: what `read` gives after that does not matter. */
  cancel(reason?: unknown): void;
}
