/** A process that says things line by line, and ends with its standard input. */

/** A running process. */
export interface LineProcess extends AsyncDisposable {
  /** The next line it prints. */
  line(): Promise<string>;
  /** Sends it a line, an empty one by default, and waits for the line it answers with. */
  ask(question?: string): Promise<string>;
}

const encoder = new TextEncoder();

/**
 * Starts a process; disposing of it ends it.
 *
 * @param command The program.
 * @param args What it is told.
 */
export function startProcess(command: string, args: readonly string[]): LineProcess {
  const child = new Deno.Command(command, { args: [...args], stdin: "piped", stdout: "piped" })
    .spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const input = child.stdin.getWriter();
  let text = "";
  const line = async () => {
    for (;;) {
      const end = text.indexOf("\n");
      if (end >= 0) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        return line;
      }
      const { value, done } = await output.read();
      if (done) throw new Error(`${command} has ended before its time`);
      text += value;
    }
  };
  return {
    line,
    async ask(question = "") {
      await input.write(encoder.encode(`${question}\n`));
      return line();
    },
    async [Symbol.asyncDispose]() {
      await input.close();
      await output.cancel();
      await child.status;
    },
  };
}

/** Starts a script of this folder. */
export function startScript(name: string, args: readonly string[] = []): LineProcess {
  const script = new URL(name, import.meta.url).href;
  const flags = ["run", "-A", "--no-config", "--unstable-net"];
  return startProcess(Deno.execPath(), [...flags, script, ...args]);
}
