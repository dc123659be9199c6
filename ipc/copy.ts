/** Bytes between this process and the pipes of a program it has started. */
import { quote } from "./checks.ts";
import type { StdinSource } from "./command_options.ts";

/** A copy under way. */
export interface Copy {
  /** Resolves at its end, rejects when it failed; its failure may be looked at late. */
  readonly done: Promise<void>;
  /** Gives it up: the source is let go of, and `done` will not reject for that. */
  stop(): void;
}

const ignoreError = () => {};

/** Makes a copy whose failure may be looked at late. */
function copying(run: () => Promise<void>, stop: () => void): Copy {
  const done = run();
  done.catch(ignoreError);
  return { done, stop };
}

/** How much to read at first, and at most: as much as a pipe holds. */
const firstRead = 1024;
const largestRead = 64 * 1024;

/**
 * Reads chunks, the larger the more there is. Left to itself the runtime makes room for 64 KiB and
 * clears it before every read, which is what short commands would spend most of their time on.
 */
function chunkReader(stream: ReadableStream<Uint8Array>) {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = stream.getReader({ mode: "byob" });
  } catch {
    return stream.getReader(); // what a program writes is a stream of bytes; others may not be
  }
  let size = firstRead;
  return {
    async read(): Promise<ReadableStreamReadResult<Uint8Array>> {
      const result = await reader.read(new Uint8Array(size));
      if (result.value?.length === size) size = Math.min(size * 4, largestRead);
      return result as ReadableStreamReadResult<Uint8Array>;
    },
    cancel: () => reader.cancel(),
  };
}

/**
 * Reads a stream to its end.
 *
 * @param stream What a program writes.
 * @param take Gets each chunk, to keep; the next is read when it has settled. When it throws, the
 * stream is cancelled, which closes the pipe.
 */
export function drain(
  stream: ReadableStream<Uint8Array>,
  take: (chunk: Uint8Array) => void | Promise<void>,
): Copy {
  const reader = chunkReader(stream);
  let stopped = false;
  const cancel = () => void reader.cancel().catch(ignoreError);
  return copying(async () => {
    try {
      for (;;) {
        const { value, done } = await reader.read();
        if (done || stopped) return;
        const taken = take(value);
        if (taken !== undefined) await taken;
      }
    } catch (error) {
      cancel();
      if (!stopped) throw error;
    }
  }, () => {
    stopped = true;
    cancel();
  });
}

/** Copies what a program writes to a stream, and closes that at the end. */
export function drainTo(
  stream: ReadableStream<Uint8Array>,
  sink: WritableStream<Uint8Array>,
): Copy {
  const writer = sink.getWriter();
  const copy = drain(stream, (chunk) => writer.write(chunk));
  const done = copy.done.then(() => writer.close(), async (error) => {
    await writer.abort(error).catch(ignoreError);
    throw error;
  }).finally(() => writer.releaseLock());
  done.catch(ignoreError);
  return { done, stop: copy.stop };
}

/** Whether a program has merely stopped reading. */
function isBrokenPipe(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.BadResource;
}

/**
 * Copies from one program's output to another's input. When the second no longer reads, the pipe of
 * the first is closed, so that it gets `SIGPIPE` as in a pipeline of the shell.
 */
export function connect(from: ReadableStream<Uint8Array>, to: WritableStream<Uint8Array>): Copy {
  const writer = to.getWriter();
  const copy = drain(from, (chunk) => writer.write(chunk));
  const done = copy.done.catch((error) => {
    if (!isBrokenPipe(error)) throw error;
  }).finally(() => void writer.close().catch(ignoreError));
  done.catch(ignoreError);
  return {
    done,
    stop() {
      copy.stop();
      writer.abort().catch(ignoreError);
    },
  };
}

/** How much to read at a time from what only reads. */
const chunkSize = 64 * 1024;

/**
 * Writes a source to a program's standard input and closes it. That the program reads less than all
 * is no failure: the rest is left, a stream is cancelled.
 *
 * @param stdin The program's end.
 * @param source What to write.
 */
export function feed(
  stdin: WritableStream<Uint8Array>,
  source: Exclude<StdinSource, null>,
): Copy {
  const writer = stdin.getWriter();
  const reader = source instanceof ReadableStream ? source.getReader() : undefined;
  let stopped = false;
  const pull = async (): Promise<Uint8Array | null> => {
    if (reader !== undefined) return (await reader.read()).value ?? null;
    const p = new Uint8Array(chunkSize);
    const n = await (source as Exclude<typeof source, ReadableStream | string | Uint8Array>).read(
      p,
    );
    if (n === null) return null;
    if (Number.isInteger(n) && n >= 0 && n <= p.length) return p.subarray(0, n);
    throw new TypeError(
      `read() of stdin must give null or up to ${p.length} bytes, as a number, got ${quote(n)}`,
    );
  };
  const run = async () => {
    if (typeof source === "string") return writer.write(new TextEncoder().encode(source));
    if (source instanceof Uint8Array) return writer.write(source);
    for (let chunk = await pull(); chunk !== null && !stopped; chunk = await pull()) {
      await writer.write(chunk);
    }
  };
  return copying(async () => {
    try {
      await run();
    } catch (error) {
      reader?.cancel(error).catch(ignoreError);
      if (!stopped && !isBrokenPipe(error)) throw error;
    } finally {
      reader?.releaseLock();
      writer.close().catch(ignoreError);
    }
  }, () => {
    stopped = true;
    reader?.cancel().catch(ignoreError);
    writer.abort().catch(ignoreError);
  });
}
