/** The web streams of a connection, made from its `read` and `write`. */
import type { WaitOptions } from "../deadline.ts";

/** What the streams need of a connection; every `Conn` will do. */
export interface StreamSource {
  /** As `Conn.read`; an abandoned read must lose no byte and leave `p` alone. */
  read(p: Uint8Array, wait?: WaitOptions): Promise<number | null>;
  /** As `Conn.write`. */
  write(p: Uint8Array): Promise<number>;
  /** As `Conn.closeWrite`. */
  closeWrite(): Promise<void>;
  /** As `Conn.close`; may be called again. */
  close(): void;
}

/** The two streams of a connection. */
export interface ConnStreams {
  /** What is read. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What to write. */
  readonly writable: WritableStream<Uint8Array<ArrayBufferLike>>;
}

/** How much to offer a read whose reader brings no array of its own. */
const chunkSize = 64 * 1024;

/**
 * Makes the streams of a connection. Nothing is read before someone asks for a chunk, so `read`
 * and `readable` may be used in turn.
 *
 * - `readable` ends with the data, on an error, or when cancelled. Cancelling abandons a read
 *   under way; the bytes it waited for are left to `read`.
 * - `writable` ends when closed (`closeWrite`), when aborted (`close`, at once, even while a
 *   write is stuck), or on an error.
 * - When both have ended, the connection is closed.
 *
 * @param conn The connection to read and write.
 * @returns Its streams; a connection makes them once, on first use.
 */
export function connStreams(conn: StreamSource): ConnStreams {
  let open = 2;
  const onEnd = () => {
    if (--open === 0) conn.close();
  };
  return { readable: readableOf(conn, onEnd), writable: writableOf(conn, onEnd) };
}

function readableOf(
  conn: StreamSource,
  onEnd: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const cancelled = new AbortController();
  const wait = { signal: cancelled.signal };
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: chunkSize,
    async pull(controller) {
      // With autoAllocateChunkSize, every pull comes with an array to fill.
      const request = controller.byobRequest!;
      const { buffer, byteOffset, byteLength } = request.view!;
      const p = new Uint8Array(buffer, byteOffset, byteLength);
      try {
        // An empty datagram cannot be told in a stream of bytes.
        let n: number | null;
        do n = await conn.read(p, wait); while (n === 0);
        if (cancelled.signal.aborted) return; // cancel() has ended the stream, and its array
        if (n !== null) return request.respond(n);
        controller.close();
        request.respond(0); // settles the read that asked
      } catch (error) {
        if (cancelled.signal.aborted) return;
        controller.error(error);
      }
      onEnd();
    },
    cancel(reason) {
      cancelled.abort(reason);
      onEnd();
    },
  });
}

function writableOf(
  conn: StreamSource,
  onEnd: () => void,
): WritableStream<Uint8Array<ArrayBufferLike>> {
  return new WritableStream({
    start({ signal }) {
      // The abort() of a sink waits for the write under way, which may never end. This does not.
      signal.addEventListener("abort", () => conn.close(), { once: true });
    },
    async write(chunk) {
      try {
        await conn.write(chunk);
      } catch (error) {
        onEnd();
        throw error;
      }
    },
    close: () => conn.closeWrite().finally(onEnd),
    abort: onEnd,
  });
}
