/** What tests of dialing and listening need of the machine. */
import { assert } from "@std/assert";
import { getAvailablePort } from "@std/net";

/** A listener's address at which connecting hangs: its queue is full, so SYNs are dropped. */
export interface FullBacklog extends Disposable {
  /** `"127.0.0.1:port"`. */
  readonly address: string;
  readonly port: number;
  /** Accepts what waits, so that who hangs gets through with the next SYN. */
  drain(): Promise<void>;
}

/** Listens on a port of 127.0.0.1 and fills the queue of connections; Linux only. */
export async function fullBacklog(hostname = "127.0.0.1"): Promise<FullBacklog> {
  const listener = Deno.listen({ hostname, port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  // A queue of n has room for n + 1.
  const open: Deno.Conn[] = await Promise.all([1, 2].map(() => Deno.connect({ hostname, port })));
  return {
    address: `${hostname}:${port}`,
    port,
    drain: async () => {
      for (const _ of [1, 2]) open.push(await listener.accept());
    },
    [Symbol.dispose]: () => {
      for (const conn of open) conn.close();
      listener.close();
    },
  };
}

/** A port of 127.0.0.1 where nobody listens. */
export const deadPort = (): number => getAvailablePort();

/** How many sockets this process has open; Linux only. */
export function openSockets(): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("socket:")) count++;
    } catch {
      // The descriptor of the directory itself.
    }
  }
  return count;
}

/** Runs `body`, and fails unless as many sockets are open after it as before. */
export async function noSocketLeft(body: () => Promise<void>): Promise<void> {
  const before = openSockets();
  await body();
  // The runtime closes what it has cancelled in a task of its own.
  for (let i = 0; i < 1_000 && openSockets() > before; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert(openSockets() <= before, `${openSockets() - before} sockets are left open`);
}

/** What a child process has said. */
export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const root = new URL("../../", import.meta.url).href;

/**
 * Runs a module that has all of `net` in scope, and waits until it ends by itself.
 *
 * @param code The module's text, after `import * as net`.
 * @param flags Permissions and the like.
 * @param shell Shell commands to run before it in the same shell, such as `ulimit -n 40`.
 */
export async function runChild(code: string, flags: string[] = ["-A"], shell = ""): Promise<Said> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, `import * as net from "${root}net/mod.ts";\n${code}\n`);
    const args = ["run", "--no-prompt", "--no-config", "--no-check", ...flags, file];
    const under = ["-c", `${shell}; exec "$@"`, "sh", Deno.execPath(), ...args];
    const command = shell === ""
      ? new Deno.Command(Deno.execPath(), { args })
      : new Deno.Command("/bin/sh", { args: under });
    const { code: status, stdout, stderr } = await command.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
    return { code: status, stdout: text(stdout), stderr: text(stderr) };
  } finally {
    await Deno.remove(file);
  }
}
