/** An example, run as a reader would run it: a process with just the permissions it names. */
import { assertEquals } from "@std/assert";

export const root: URL = new URL("../../", import.meta.url);

/** Milliseconds after which an example is ended, and its test has failed. */
const limit = 20_000;

/** How an example has ended. */
export interface Ending {
  readonly code: number;
  readonly signal: string | null;
  /** What it has printed since the last `says`. */
  readonly stdout: string;
  readonly stderr: string;
}

/** A stream of text, to be waited on. */
export class Transcript {
  readonly done: Promise<void>;
  text = "";
  #ended = false;
  #wake: () => void = () => {};

  constructor(stream: ReadableStream<Uint8Array>) {
    this.done = this.#listen(stream);
  }

  async #listen(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.text += decoder.decode(chunk, { stream: true });
      this.#wake();
    }
    this.#ended = true;
    this.#wake();
  }

  /** Waits for it to come, and forgets what there was up to there. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.text);
      if (found !== null) {
        this.text = this.text.slice(found.index + found[0].length);
        return found;
      }
      if (this.#ended) throw new Error(`never said ${pattern}, only:\n${this.text}`);
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** A running example; killed, if need be, at the end of its scope. */
export class Example implements AsyncDisposable {
  readonly stdout: Transcript;
  readonly stderr: Transcript;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(file: string, flags: string[], args: string[] = []) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-config", ...flags, `examples/${file}`, ...args],
      cwd: root,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.stdout = new Transcript(this.#child.stdout);
    this.stderr = new Transcript(this.#child.stderr);
    this.#stdin = this.#child.stdin.getWriter();
    this.#timer = setTimeout(() => this.kill("SIGKILL"), limit);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Waits until it has printed this. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    try {
      return await this.stdout.says(pattern);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.stderr.text}`);
    }
  }

  /** Types something on its standard input. */
  async types(text: string): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(text));
  }

  /** Ends its standard input. */
  async typesEnd(): Promise<void> {
    await this.#stdin.close();
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  }

  /** Waits for its end. */
  async end(): Promise<Ending> {
    const { code, signal } = await this.#child.status;
    await Promise.all([this.stdout.done, this.stderr.done]);
    return { code, signal, stdout: this.stdout.text, stderr: this.stderr.text };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    clearTimeout(this.#timer);
    await this.#stdin.close().catch(() => {});
    await this.end();
  }
}

/** Runs an example to its end. */
export async function run(file: string, flags: string[], args: string[] = []): Promise<Ending> {
  await using example = new Example(file, flags, args);
  return await example.end();
}

/** Runs an example that is to do well, and gives what it has printed. */
export async function output(file: string, flags: string[], args: string[] = []): Promise<string> {
  const { code, stdout, stderr } = await run(file, flags, args);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

/** A folder for the sockets and files of an example; gone with its scope. */
export class Folder implements Disposable {
  readonly path: string = Deno.makeTempDirSync();
  /** The permission to use it as a Unix socket needs. */
  readonly flags: string[] = [`--allow-read=${this.path}`, `--allow-write=${this.path}`];

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
