/** A program at the other end: what it is told, what it says, and its end. */
import { assertEquals } from "@std/assert";

/** Milliseconds after which a test has failed: every wait in it is a peer's or a connection's. */
export const limit = 20_000;

/** A running program. It is ended with the scope it is in, or when the time is up. */
export class Peer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stdout: ReadableStreamDefaultReader<Uint8Array>;
  readonly #log: Promise<void>;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #listening = Promise.withResolvers<string>();
  #said = "";
  #unread: Uint8Array = new Uint8Array();

  constructor([program, ...args]: string[]) {
    const piped = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    this.#child = new Deno.Command(program, { args, ...piped }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#stdout = this.#child.stdout.getReader();
    this.#listening.promise.catch(() => {}); // not every test waits for it
    this.#log = this.#follow(this.#child.stderr);
    this.#timer = setTimeout(() => this.#kill(), limit);
  }

  /** The port it listens on, once it does; on a path it has none, and `""` says that it does. */
  get port(): Promise<string> {
    return this.#listening.promise;
  }

  /** Writes to its standard input. */
  async say(text: string | Uint8Array): Promise<void> {
    await this.#stdin.write(typeof text === "string" ? new TextEncoder().encode(text) : text);
  }

  /** Ends its standard input. */
  end(): Promise<void> {
    return this.#stdin.close();
  }

  /** The next `length` bytes of its standard output. */
  async hear(length: number): Promise<Uint8Array> {
    const all = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const chunk = await this.#chunk();
      if (chunk === undefined) throw new Error(`it ended after ${at} of ${length} bytes`);
      const part = chunk.subarray(0, length - at);
      all.set(part, at);
      at += part.length;
      this.#unread = chunk.subarray(part.length);
    }
    return all;
  }

  /** The next text it says, of as many bytes as `text` has. */
  async hearText(text: string): Promise<string> {
    return new TextDecoder().decode(await this.hear(new TextEncoder().encode(text).length));
  }

  /** What else it says before it ends its standard output, which may be nothing. */
  async rest(): Promise<string> {
    const decoder = new TextDecoder();
    let text = "";
    for (let chunk; (chunk = await this.#chunk()) !== undefined; this.#unread = new Uint8Array()) {
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  }

  /** Bytes that were not taken yet, or the next ones; nothing at the end. */
  async #chunk(): Promise<Uint8Array | undefined> {
    return this.#unread.length > 0 ? this.#unread : (await this.#stdout.read()).value;
  }

  /** Waits for its end, and fails unless that was a success. */
  async ended(): Promise<void> {
    const { code } = await this.#child.status;
    assertEquals(code, 0, `exit code of the peer, which said ${JSON.stringify(this.#said)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#kill();
    await this.#child.status;
    await this.#stdin.close().catch(() => {}); // ended already, or broken with the program
    await this.#stdout.cancel();
    await this.#log;
  }

  #kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
  }

  /** Waits for the line that says where it listens, and keeps the rest for a failure. */
  async #follow(stderr: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stderr.pipeThrough(new TextDecoderStream())) {
      this.#said += text;
      const line = /(?:listening|receiving) on (.*)\n/i.exec(this.#said);
      if (line !== null) this.#listening.resolve(/[ :](\d+)$/.exec(line[1])?.[1] ?? "");
    }
    this.#listening.reject(new Error(`the peer does not listen: ${this.#said}`));
  }
}
