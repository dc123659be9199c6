/** The servers that are compared, each in a process of its own. */
import { pinned, serverCore } from "./http_cores.ts";
import { hasProgram } from "./http_programs.ts";
import { startProcess } from "./line_process.ts";

/** What a server answers with: see `http_peer.ts`. */
export type Workload = "hello" | "headers" | "json" | "events";

/** A kind of server. */
export interface ServerKind {
  /** As the table names it. */
  readonly name: string;
  /** Its program, if that may be missing. */
  readonly needs?: string;
  /** The command line that starts it, but for the workload. */
  readonly command: readonly string[] | (() => Promise<readonly string[]>);
}

/** A running server. */
export interface RunningServer extends AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
  /** The processor time it has used so far, in ms. */
  cpuTime(): number;
  /** The memory it has in use, in KiB, its garbage collected. */
  memory(): Promise<number>;
}

const here = (file: string) => new URL(file, import.meta.url).pathname;
const tls = (file: string) => here(`../../tests/support/tls/${file}`);

const deno = [Deno.execPath(), "run", "-A", "--no-config", "--v8-flags=--expose-gc"];
const peer = (kind: string) => [...deno, here("http_peer.ts"), kind];
const nodePeer = here("http_peer_node.mjs");

/** Our server, on the engine that the network has by default. */
export const plumb: ServerKind = { name: "plumb", command: peer("plumb") };

/** Our server, on the native engine. */
export const plumbNative: ServerKind = {
  name: "plumb, native engine",
  command: peer("plumb-native"),
};

/** Our server, without system calls. */
export const plumbRuntime: ServerKind = {
  name: "plumb, runtime engine",
  command: peer("plumb-runtime"),
};

/** Our server, given the runtime's own `Response`. */
export const plumbGlobal: ServerKind = {
  name: "plumb, global Response",
  command: peer("global"),
};

/** The server that ours is measured by. */
export const denoServe: ServerKind = { name: "Deno.serve", command: peer("deno") };

/** `node:http` where it is at home. */
export const node: ServerKind = {
  name: "node:http on Node",
  needs: "node",
  command: ["node", "--expose-gc", nodePeer],
};

/** `node:http` as Deno has it. */
export const nodeOnDeno: ServerKind = {
  name: "node:http on Deno",
  command: [...deno, nodePeer],
};

let goProgram: Promise<string> | undefined;

async function buildGo(): Promise<string> {
  const program = `${await Deno.makeTempDir({ prefix: "bench-" })}/http_peer`;
  const args = ["build", "-o", program, here("http_peer.go")];
  const { success } = await new Deno.Command("go", { args, stdout: "inherit" }).output();
  if (!success) throw new Error("go cannot compile http_peer.go");
  return program;
}

/** Go's `net/http`. */
export const go: ServerKind = {
  name: "Go net/http",
  needs: "go",
  command: async () => [await (goProgram ??= buildGo())],
};

/** Removes what was compiled. */
export async function removePrograms(): Promise<void> {
  if (goProgram === undefined) return;
  await Deno.remove((await goProgram).replace(/\/[^/]*$/, ""), { recursive: true });
}

const found = new Map<string, boolean>();

/** The servers that can run here. Of each missing program it is said once. */
export function installed(kinds: readonly ServerKind[]): ServerKind[] {
  return kinds.filter(({ needs }) => {
    if (needs === undefined) return true;
    let there = found.get(needs);
    if (there === undefined) {
      found.set(needs, there = hasProgram(needs));
      if (!there) console.log(`${needs} is not installed: its rows are skipped\n`);
    }
    return there;
  });
}

/**
 * Starts a server; disposing of it ends its process.
 *
 * @param kind Which.
 * @param workload What it shall answer with.
 * @param secure Whether over TLS.
 */
export async function startServer(
  kind: ServerKind,
  workload: Workload,
  secure = false,
): Promise<RunningServer> {
  const command = typeof kind.command === "function" ? await kind.command() : kind.command;
  const keys = secure ? [tls("server.pem"), tls("server.key")] : [];
  const [program, ...args] = pinned(serverCore, [...command, workload, ...keys]);
  const child = startProcess(program, args);
  const [port, pid] = (await child.line()).split(" ").map(Number);
  return {
    port,
    cpuTime: () => cpuTime(pid),
    async memory() {
      await child.ask();
      return memory(pid);
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** A tick of the kernel's clock, in ms: on Linux, what is told to programs is always in these. */
const tick = 10;

/** User and system time of all threads of a process: see proc_pid_stat(5). */
export function cpuTime(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The name of the program comes second, in parentheses, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [utime, stime] = fields.slice(11, 13).map(Number);
  return (utime + stime) * tick;
}

function memory(pid: number): number {
  const [, kibibytes] = /^VmRSS:\s*(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))!;
  return Number(kibibytes);
}
