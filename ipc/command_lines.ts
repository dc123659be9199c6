/** A program's output, line by line. */
import { Overflow } from "./capture.ts";
import type { Copy } from "./copy.ts";
import { LineSplitter } from "./lines.ts";

/** The program behind the lines. */
export interface LineSource {
  /** Waits for its end, and throws what went wrong. */
  complete(): Promise<void>;
  /** Ends it, and waits for that. */
  end(): Promise<void>;
}

const finished: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * The lines of a program that is started with the first one. A whole batch of lines is cut and
 * decoded at once; then each is there without a wait.
 */
export class Lines implements AsyncIterableIterator<string, undefined> {
  readonly #splitter: LineSplitter;
  readonly #start: () => LineSource;
  readonly #read = Promise.withResolvers<void>();
  #source: LineSource | undefined;
  #reader!: ReadableStreamDefaultReader<Uint8Array>;
  #batch: string[] = [];
  #at = 0;
  #over = false;
  /** Calls that are not through, and the end of the last of them. */
  #queued = 0;
  #tail: Promise<unknown> = Promise.resolve();

  /**
   * @param limit The longest line, in bytes; `0`: no limit.
   * @param start Starts the program, which attaches its output.
   */
  constructor(limit: number | undefined, start: () => LineSource) {
    this.#splitter = new LineSplitter(limit);
    this.#start = start;
    this.#read.promise.catch(() => {});
  }

  /** Connects the program's output; what is left of it then is the copy's business. */
  attach(stdout: ReadableStream<Uint8Array>): Copy {
    this.#reader = stdout.getReader();
    return { done: this.#read.promise, stop: () => this.#close() };
  }

  next(): Promise<IteratorResult<string, undefined>> {
    if (this.#queued === 0 && this.#at < this.#batch.length) {
      return Promise.resolve({ done: false, value: this.#batch[this.#at++] });
    }
    return this.#queue(() => this.#next());
  }

  return(): Promise<IteratorReturnResult<undefined>> {
    return this.#queue(async () => {
      if (this.#over) return finished;
      this.#over = true;
      this.#batch = [];
      this.#close();
      await this.#source?.end();
      return finished;
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Runs one call after the other. */
  #queue<T>(call: () => Promise<T>): Promise<T> {
    this.#queued++;
    const mine = this.#tail.then(call).finally(() => void this.#queued--);
    this.#tail = mine.catch(() => {});
    return mine;
  }

  async #next(): Promise<IteratorResult<string, undefined>> {
    if (this.#over) return finished;
    try {
      this.#source ??= this.#start();
      while (this.#at === this.#batch.length) {
        if (this.#splitter.overflowed) throw new Overflow();
        const { value, done } = await this.#reader.read();
        this.#at = 0;
        this.#batch = done ? this.#splitter.end() : this.#splitter.split(value);
        if (done && this.#batch.length === 0) return await this.#finish();
      }
    } catch (error) {
      this.#over = true;
      if (this.#source === undefined) throw error;
      // Whoever waits for the process learns of it, ends that, and tells what it means.
      this.#read.reject(error);
      this.#reader.cancel().catch(() => {});
      await this.#source.complete();
      throw error;
    }
    return { done: false, value: this.#batch[this.#at++] };
  }

  async #finish(): Promise<IteratorReturnResult<undefined>> {
    this.#over = true;
    this.#read.resolve();
    await this.#source!.complete();
    return finished;
  }

  #close(): void {
    this.#read.resolve();
    this.#reader?.cancel().catch(() => {});
  }
}
