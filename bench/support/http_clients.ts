/** The clients that are compared, each in a process of its own. */
import { loadCore, pinned } from "./http_cores.ts";
import { hasProgram } from "./http_programs.ts";
import { cpuTime } from "./http_servers.ts";
import { startProcess } from "./line_process.ts";

/** What a client asks for: see `http_client_server.ts`. */
export type ClientWorkload = "hello" | "large" | "post";

/** A kind of client. */
export interface ClientKind {
  /** As the table names it. */
  readonly name: string;
  /** The command line that starts it; `undefined`, having said why, if it cannot run here. */
  command(workload: ClientWorkload, url: string): Promise<readonly string[] | undefined>;
}

/** A running client. */
export interface RunningClient extends AsyncDisposable {
  /** Sends requests for so many ms. Returns the processor time of each that was answered, in us. */
  turn(inFlight: number, ms: number): Promise<number>;
}

const here = (file: string) => new URL(file, import.meta.url).pathname;

/** A client that `http_client_peer.ts` is. */
const onDeno = (name: string, kind: string, permissions = ["-A"]): ClientKind => ({
  name,
  command(workload, url) {
    const script = [here("http_client_peer.ts"), kind, workload, url];
    return Promise.resolve([Deno.execPath(), "run", ...permissions, "--no-config", ...script]);
  },
});

/** Ours, with system calls. */
export const plumb: ClientKind = onDeno("plumb", "plumb");

/** Ours, without. */
export const plumbRuntime: ClientKind = onDeno("plumb, no --allow-ffi", "plumb", [
  "--allow-net",
  "--allow-env",
]);

/** The runtime's own. */
export const denoFetch: ClientKind = onDeno("fetch on Deno", "fetch");

/** What was made for the benches, and is removed after them. */
const made: string[] = [];

async function makeDir(): Promise<string> {
  const dir = await Deno.makeTempDir({ prefix: "bench-" });
  made.push(dir);
  return dir;
}

/** Removes what was compiled or installed. */
export async function removeClients(): Promise<void> {
  for (const dir of made.splice(0)) await Deno.remove(dir, { recursive: true });
}

/** Makes something once, and says once if that is not possible. */
function once<T>(missing: () => string | undefined, make: () => Promise<T>) {
  let result: Promise<T | undefined> | undefined;
  const attempt = async () => {
    const reason = missing();
    if (reason === undefined) return await make();
    console.log(`${reason}: its rows are skipped\n`);
  };
  return () => result ??= attempt();
}

const lacks = (program: string) => hasProgram(program) ? undefined : `${program} is not installed`;

const goProgram = once(() => lacks("go"), async () => {
  const program = `${await makeDir()}/http_client_peer`;
  const args = ["build", "-o", program, here("http_client_peer.go")];
  const { success } = await new Deno.Command("go", { args, stdout: "inherit" }).output();
  if (!success) throw new Error("go cannot compile http_client_peer.go");
  return program;
});

/** Go's `net/http`. */
export const go: ClientKind = {
  name: "Go net/http",
  async command(workload, url) {
    const program = await goProgram();
    return program === undefined ? undefined : [program, workload, url];
  },
};

const node = once(() => lacks("node"), () => Promise.resolve("node"));

/** `node:http` with an agent, where it is at home. */
export const nodeHttp: ClientKind = {
  name: "node:http on Node",
  async command(workload, url) {
    const program = await node();
    return program === undefined
      ? undefined
      : [program, here("http_client_peer_node.mjs"), "node", workload, url];
  },
};

/** The version of undici that Node 18 and all later ones run. */
const undiciVersion = "6";

const undici = once(() => lacks("node") ?? lacks("npm"), async () => {
  const dir = await makeDir();
  const args = ["install", "--silent", "--no-save", "--prefix", dir, `undici@${undiciVersion}`];
  const { success } = await new Deno.Command("npm", { args, stdout: "null" }).output();
  if (success) return dir;
  console.log("npm cannot install undici: its rows are skipped\n");
});

const viaUndici = (name: string, kind: string): ClientKind => ({
  name,
  async command(workload, url) {
    const dir = await undici();
    return dir === undefined
      ? undefined
      : ["node", here("http_client_peer_node.mjs"), kind, workload, url, dir];
  },
});

/** undici's `request`. */
export const undiciRequest: ClientKind = viaUndici("undici request on Node", "request");

/** undici's `fetch`. */
export const undiciFetch: ClientKind = viaUndici("undici fetch on Node", "fetch");

/**
 * Starts a client; disposing of it ends its process.
 *
 * @param kind Which.
 * @param workload What it shall ask for.
 * @param url The server.
 * @returns `undefined` when it cannot run here.
 */
export async function startClient(
  kind: ClientKind,
  workload: ClientWorkload,
  url: string,
): Promise<RunningClient | undefined> {
  const command = await kind.command(workload, url);
  if (command === undefined) return undefined;
  const [program, ...args] = pinned(loadCore, command);
  const child = startProcess(program, args);
  const pid = Number(await child.line());
  return {
    async turn(inFlight, ms) {
      const before = cpuTime(pid);
      const count = Number(await child.ask(`${inFlight} ${ms}`));
      return (cpuTime(pid) - before) * 1e3 / count;
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
