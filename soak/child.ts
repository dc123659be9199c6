/** A module in a process of its own, told what to do by lines, and answering in lines of JSON. */

const encoder = new TextEncoder();

/** A child process. */
export class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;

  /**
   * Starts a module of this folder.
   *
   * @param file Its name.
   * @param args What it gets, as JSON.
   */
  constructor(file: string, args: unknown) {
    const path = new URL(file, import.meta.url).pathname;
    const run = ["run", "-A", "--no-config", "--no-check", "--unstable-net", path];
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [...run, JSON.stringify(args)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#lines = linesOf(this.#process.stdout);
  }

  /** What it says next. */
  async hear(): Promise<unknown> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error("a child process has ended too early");
    return JSON.parse(value);
  }

  /** Tells it something, and gives what it says. */
  async tell(line: string): Promise<unknown> {
    await this.#input.write(encoder.encode(`${line}\n`));
    return await this.hear();
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    const late = setTimeout(() => this.#process.kill("SIGKILL"), 5_000);
    for (let rest = await this.#lines.next(); !rest.done; rest = await this.#lines.next());
    await this.#process.status;
    clearTimeout(late);
  }
}

/** The lines of a stream. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

/** Says something to the parent. */
export function say(value: unknown): void {
  console.log(JSON.stringify(value ?? null));
}
