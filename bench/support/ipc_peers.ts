/** Contestants in processes of their own, which do what they are told and take the time. */
import type { Contestant } from "./compare.ts";
import { hasProgram } from "./http_programs.ts";
import { type LineProcess, startProcess } from "./line_process.ts";

/** What the peers can do. */
export type Kind = "lock" | "semaphore" | "queue";

/** The file of this folder. */
const path = (name: string): string => new URL(name, import.meta.url).pathname;

/** A process that takes the time itself: what it is told by and answers with does not count. */
function timed(name: string, process: LineProcess): Contestant {
  let total = 0;
  return {
    name,
    async run(ops) {
      total += Number(await process.ask(`${ops}`)) / 1e3;
    },
    clock: () => Promise.resolve(total),
    close: () => process[Symbol.asyncDispose](),
  };
}

/** Compiles `ipc_peer.c` into a folder. */
async function compile(dir: string): Promise<string> {
  const program = `${dir}/ipc_peer`;
  const args = ["-O2", "-o", program, path("ipc_peer.c"), "-lrt", "-lpthread"];
  const { success, stderr } = await new Deno.Command("cc", { args }).output();
  if (!success) throw new Error(`cc cannot compile: ${new TextDecoder().decode(stderr)}`);
  return program;
}

const wanted = { cc: "C", python3: "Python", node: "Node" };

/** Which peers are here; says which are not. */
export function lookForPeers(): Set<string> {
  const there = new Set<string>();
  for (const [program, name] of Object.entries(wanted)) {
    if (hasProgram(program)) there.add(program);
    else console.log(`skipped: ${name}, for ${program} is not installed`);
  }
  return there;
}

/**
 * Starts those who make the calls of POSIX themselves: C and Python, as far as they are here.
 *
 * @param kind What they do.
 * @param there The programs that are here.
 * @param dir A folder for what they need.
 * @param place Where they do it: a path, or a name; each gets one of its own.
 */
export async function startPosixPeers(
  kind: Kind,
  there: ReadonlySet<string>,
  dir: string,
  place: string,
): Promise<Contestant[]> {
  const peers: Contestant[] = [];
  if (there.has("cc")) {
    peers.push(timed("C", startProcess(await compile(dir), [kind, `${place}-c`])));
  }
  if (there.has("python3")) {
    const args = [path("ipc_peer.py"), kind, `${place}-python`];
    peers.push(timed("Python", startProcess("python3", args)));
  }
  return peers;
}

/** Starts Node, to read the lines of a file. */
export function startNodePeer(file: string): Contestant {
  return timed("Node", startProcess("node", [path("ipc_peer_node.mjs"), file]));
}
