/** The pipes to a program that is not there yet. */
import type { Copy } from "./copy.ts";

const ignoreError = () => {};

/** What a program will write, as a stream to read before it was started. */
export class OutputPipe {
  /** For the user. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #attached = Promise.withResolvers<ReadableStreamDefaultReader<Uint8Array>>();
  readonly #ended = Promise.withResolvers<void>();
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #controller!: ReadableByteStreamController;
  #over = false;

  constructor() {
    this.#attached.promise.catch(ignoreError);
    this.readable = new ReadableStream({
      type: "bytes",
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: async (reason) => {
        this.#end();
        await this.#reader?.cancel(reason);
      },
    }, { highWaterMark: 0 });
  }

  /** Connects it to the program, which has just been started. */
  attach(source: ReadableStream<Uint8Array>): void {
    this.#reader = source.getReader();
    this.#attached.resolve(this.#reader);
    if (this.#over) this.#reader.cancel().catch(ignoreError);
  }

  /** There will be no program. */
  fail(error: unknown): void {
    this.#attached.reject(error);
    if (!this.#over) this.#controller.error(error);
    this.#end();
  }

  /**
   * What is left to do when the program is gone and waited for: let whoever is reading read on to
   * the end; close the pipe when nobody is.
   */
  rest(gone: Promise<unknown>): Copy {
    const done = gone.then(() => {
      if (!this.readable.locked) this.#close();
      return this.#ended.promise;
    });
    return { done, stop: () => this.#close() };
  }

  async #pull(): Promise<void> {
    try {
      const reader = await this.#attached.promise;
      const { value, done } = await reader.read();
      if (this.#over) return;
      if (!done) return this.#controller.enqueue(value as Uint8Array<ArrayBuffer>);
      this.#finish();
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /** Ends it for the reader, and closes the program's pipe. */
  #close(): void {
    if (this.#over) return;
    this.#finish();
    this.#reader?.cancel().catch(ignoreError);
  }

  #finish(): void {
    this.#end();
    this.#controller.close();
    this.#controller.byobRequest?.respond(0); // settles a read that brought its own array
  }

  #end(): void {
    this.#over = true;
    this.#ended.resolve();
  }
}

/** What a program will read, as a stream to write before it was started. */
export class InputPipe {
  /** For the user. */
  readonly writable: WritableStream<Uint8Array>;
  readonly #attached = Promise.withResolvers<WritableStreamDefaultWriter<Uint8Array>>();
  #controller!: WritableStreamDefaultController;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #closed = false;

  constructor() {
    this.#attached.promise.catch(ignoreError);
    this.writable = new WritableStream({
      start: (controller) => {
        this.#controller = controller;
        // The abort() of a sink waits for the write under way, which may never end.
        controller.signal.addEventListener("abort", () => this.#abort(), { once: true });
      },
      write: async (chunk) => (await this.#attached.promise).write(chunk),
      close: async () => {
        this.#closed = true;
        await (await this.#attached.promise).close();
      },
    });
  }

  /** Connects it to the program, which has just been started. */
  attach(sink: WritableStream<Uint8Array>): void {
    this.#writer = sink.getWriter();
    this.#writer.closed.catch(ignoreError);
    this.#attached.resolve(this.#writer);
    if (this.#controller.signal.aborted) this.#abort();
  }

  /** There will be no program, or it is gone: writing fails from now on. */
  fail(error: unknown): void {
    this.#attached.reject(error);
    if (this.#closed) return;
    this.#controller.error(error);
    this.#abort();
  }

  #abort(): void {
    this.#closed = true;
    this.#writer?.abort().catch(ignoreError);
  }
}
