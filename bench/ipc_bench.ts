/**
 * `ipc` beside the shell, raw `Deno.Command`, `node:readline`, and the calls of POSIX as C and
 * Python make them, in one run.
 *
 * ```sh
 * deno run -A --unstable-net bench/ipc_bench.ts                     # everything, within two minutes
 * deno run -A --unstable-net bench/ipc_bench.ts pipeline lines      # only these
 * deno run -A --unstable-net bench/ipc_bench.ts --json result.json  # for a program to read, too
 * ```
 *
 * It reports; it fails only when it cannot measure. Needs `-A`, and Linux for the calls of POSIX; C
 * (cc), Python and Node take part if they are installed.
 */
import { type Bench, measure, type Result } from "./support/compare.ts";
import { ipcBenches } from "./support/ipc_benches.ts";
import { lookForPeers } from "./support/ipc_peers.ts";
import { table } from "./support/report.ts";

/** Milliseconds for one bench; those of a second for each operation take some more. */
const budget = 8_000;

/** The names of benches to run, and the file to write. */
function parseArgs(args: readonly string[]): { names: string[]; json: string | undefined } {
  const names: string[] = [];
  let json: string | undefined;
  for (let i = 0; i < args.length; i++) {
    if (args[i] !== "--json") names.push(args[i]);
    else if ((json = args[++i]) === undefined) throw new TypeError("--json needs a file name");
  }
  return { names, json };
}

/** Those to run, in the order they are in. */
function choose(all: readonly Bench[], names: readonly string[]): readonly Bench[] {
  const unknown = names.find((name) => all.every((bench) => bench.name !== name));
  if (unknown !== undefined) {
    const known = all.map((bench) => bench.name).join(", ");
    throw new TypeError(`no bench is named ${JSON.stringify(unknown)}, there are: ${known}`);
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

async function main(dir: string): Promise<void> {
  const { names, json } = parseArgs(Deno.args);
  const { deno, v8 } = Deno.version;
  const { os, arch } = Deno.build;
  const machine = { deno, v8, os, arch, cpus: navigator.hardwareConcurrency };
  console.log(`Deno ${deno}, V8 ${v8}, ${os} ${arch}, ${machine.cpus} CPUs`);
  const benches = choose(ipcBenches({ dir, there: lookForPeers() }), names);
  console.log("time or throughput for one operation; the median of ratios, and their min..max\n");
  const results: Result[] = [];
  for (const bench of benches) {
    const reason = await bench.skip?.();
    if (reason !== undefined) {
      console.log(`${bench.title}\n  skipped: ${reason}\n`);
      continue;
    }
    const result = await measure(bench, budget);
    results.push(result);
    console.log(table(result));
  }
  const verdicts = results.flatMap(({ scores }) => scores.flatMap(({ met }) => met ?? []));
  console.log(`${verdicts.filter((met) => met).length} of ${verdicts.length} goals met`);
  if (json !== undefined) {
    const report = { date: new Date().toISOString(), machine, results };
    await Deno.writeTextFile(json, `${JSON.stringify(report, null, 2)}\n`);
  }
}

const dir = await Deno.makeTempDir({ prefix: "bench-" });
try {
  await main(dir);
} finally {
  await Deno.remove(dir, { recursive: true });
}
