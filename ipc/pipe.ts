/** A pipe of the kernel without a name. */
import type { WaitOptions } from "../deadline.ts";
import { available, pipe2, UnsupportedError } from "../sys/mod.ts";
import { PolledDescriptor } from "./descriptor.ts";
import { opError } from "./op_error.ts";
import { PipeConn, PipeStream } from "./pipe_conn.ts";

/** The end of a pipe to read from: the reading half of a `Conn`. */
export interface PipeReader extends Disposable {
  /**
   * The descriptor, to be passed to another process. It is non-blocking and close-on-exec.
   *
   * @throws {ClosedError} This end was closed: the number may be another's by now.
   */
  readonly fd: number;
  /**
   * Reads into `p` what is there, waiting for the first byte.
   *
   * @param p Where to put the bytes.
   * @param wait Limits for this read alone, beside the deadline.
   * @returns How many bytes were read, or `null` when every writer has closed.
   * @throws {OpError} It failed, or the time was up (`timeout` is then `true`).
   * @throws {ClosedError} This end was closed here.
   */
  read(p: Uint8Array, wait?: WaitOptions): Promise<number | null>;
  /**
   * Sets when pending and future reads give up. What arrives later is kept for the next one.
   *
   * @param deadline A `Date`, epoch milliseconds, or `null` for none.
   */
  setReadDeadline(deadline: Date | number | null): void;
  /** What is read, as a byte stream. When it has ended, or is cancelled, this end is closed. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Closes this end: writing at the other fails with `EPIPE`. Closing again does no harm. */
  close(): void;
  /** Lets a pending read keep the process alive (the default). */
  ref(): void;
  /** Keeps a pending read from keeping the process alive. */
  unref(): void;
}

/** The end of a pipe to write to: the writing half of a `Conn`. */
export interface PipeWriter extends Disposable {
  /**
   * The descriptor, to be passed to another process. It is non-blocking and close-on-exec.
   *
   * @throws {ClosedError} This end was closed: the number may be another's by now.
   */
  readonly fd: number;
  /**
   * Writes the whole of `p`, waiting for room. Up to 4096 bytes (512 on macOS) arrive in one
   * piece, even when others write as well.
   *
   * @param p What to write; not to be changed until the write has settled.
   * @param wait Limits for this write alone, beside the deadline.
   * @returns The length of `p`.
   * @throws {OpError} Nobody reads any more (code `"EPIPE"`), or the time was up; `bytesWritten`
   * says how much of `p` was taken by then.
   * @throws {ClosedError} This end was closed here.
   */
  write(p: Uint8Array, wait?: WaitOptions): Promise<number>;
  /**
   * Sets when pending and future writes give up.
   *
   * @param deadline A `Date`, epoch milliseconds, or `null` for none.
   */
  setWriteDeadline(deadline: Date | number | null): void;
  /** What to write, as a stream. When it is closed or aborted, this end is closed. */
  readonly writable: WritableStream<Uint8Array<ArrayBufferLike>>;
  /** Closes this end: the reader reads what is left, and the end. Closing again does no harm. */
  close(): void;
}

/** Both ends of a pipe. */
export interface Pipe {
  /** The end to read from. */
  readonly reader: PipeReader;
  /** The end to write to. */
  readonly writer: PipeWriter;
}

/**
 * Makes a pipe of the kernel (pipe(2)), with deadlines on both ends: to hand one of them to
 * another process, or between parts of this one. It holds 64 KiB, then writers wait.
 *
 * Needs `--allow-ffi`: the runtime itself makes none. Linux and macOS. As Go's `os.Pipe`.
 *
 * ```ts
 * import { pipe } from "@plumb/plumb/ipc";
 *
 * const { reader, writer } = pipe();
 * await writer.write(new TextEncoder().encode("through the kernel"));
 * writer.close();
 * console.log(await new Response(reader.readable).text()); // through the kernel
 * ```
 *
 * @returns Both ends, each to be closed.
 * @throws {UnsupportedError} Without `--allow-ffi`, or on another platform.
 * @throws {OpError} Code `"EMFILE"`: too many open files.
 */
export function pipe(): Pipe {
  if (!available()) {
    const missing = Deno.build.os === "windows"
      ? "it is for Linux and macOS"
      : "it needs --allow-ffi";
    throw new UnsupportedError("a pipe of the kernel", missing);
  }
  try {
    const [reader, writer] = pipe2();
    return { reader: end(reader, "r"), writer: end(writer, "w") };
  } catch (error) {
    throw opError(error, { op: "open", network: "pipe" });
  }
}

const end = (fd: number, mode: "r" | "w") =>
  new PipeConn(new PipeStream(new PolledDescriptor(fd), mode), "pipe", mode);
