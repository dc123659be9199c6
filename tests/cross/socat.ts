/** Programs at the other end of a socket, each ended with its test. */
/** The networks of streams that every peer has. */
export type StreamNetwork = "tcp4" | "tcp6" | "unix";

const found = new Map<string, boolean>();

/** Whether a program is there; said once when it is not. */
function installed(program: string): boolean {
  let there = found.get(program);
  if (there === undefined) {
    const which = new Deno.Command("sh", { args: ["-c", `command -v ${program}`] });
    there = which.outputSync().success;
    if (!there) console.log(`${program} is not installed: its tests are skipped`);
    found.set(program, there);
  }
  return there;
}

/** A test that needs a program. */
export function whenInstalled(program: string, name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !installed(program), fn });
}

/** A running program: what it is told, and what it says. */
export class Peer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  readonly #cleanUp: () => void;
  #said = "";

  constructor(
    program: string,
    args: string[],
    from: "stdout" | "stderr" = "stdout",
    cleanUp = () => {},
  ) {
    this.#cleanUp = cleanUp;
    this.#child = new Deno.Command(program, {
      args,
      stdin: "piped",
      stdout: from === "stdout" ? "piped" : "null",
      stderr: from === "stderr" ? "piped" : "inherit",
      // One that hangs fails its test instead of holding up the run.
      signal: AbortSignal.timeout(30_000),
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child[from].getReader();
  }

  /** Writes to its standard input. */
  async say(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Ends its standard input. */
  async endInput(): Promise<void> {
    await this.#input.close();
  }

  /** The next line it prints. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#said.indexOf("\n");
      if (end >= 0) {
        const line = this.#said.slice(0, end);
        this.#said = this.#said.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`the peer ended after ${JSON.stringify(this.#said)}`);
      this.#said += this.#decoder.decode(value, { stream: true });
    }
  }

  /** What it prints until it ends. */
  async rest(): Promise<string> {
    for (;;) {
      const { value, done } = await this.#output.read();
      if (done) break;
      this.#said += this.#decoder.decode(value, { stream: true });
    }
    return this.#said;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
    await this.#child.status;
    this.#cleanUp();
  }
}

/** A path for a socket, and how to remove what is there. */
function freshPath(): { path: string; remove: () => void } {
  const dir = Deno.makeTempDirSync();
  return { path: `${dir}/socket`, remove: () => Deno.removeSync(dir, { recursive: true }) };
}

/** The "Swiss army knife" of sockets. */
export const socat = {
  /** What makes it dial an address; it waits for the answer after the end of its input. */
  target(network: StreamNetwork, address: string): string[] {
    const kind = network === "unix" ? "UNIX-CONNECT" : network.toUpperCase();
    return ["-t", "10", "-", `${kind}:${address}`];
  },

  /** A server that sends back what it gets. */
  async echoServer(network: StreamNetwork | "unixpacket"): Promise<Peer & { address: string }> {
    const { path, remove } = freshPath();
    const at = {
      tcp4: "TCP4-LISTEN:0,bind=127.0.0.1",
      tcp6: "TCP6-LISTEN:0,bind=[::1]",
      unix: `UNIX-LISTEN:${path}`,
      unixpacket: `UNIX-LISTEN:${path},type=5`, // SOCK_SEQPACKET
    }[network];
    const peer = new Peer("socat", ["-d", "-d", "-t", "10", at, "EXEC:cat"], "stderr", remove);
    for (;;) {
      const [, listening] = /listening on (.*)/.exec(await peer.line()) ?? [];
      if (listening === undefined) continue;
      const [, port] = /:(\d+)$/.exec(listening) ?? [];
      const tcp = {
        tcp4: `127.0.0.1:${port}`,
        tcp6: `[::1]:${port}`,
        unix: path,
        unixpacket: path,
      };
      const address = tcp[network];
      return Object.assign(peer, { address });
    }
  },
};
