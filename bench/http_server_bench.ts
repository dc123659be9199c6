/**
 * `http`'s server beside `Deno.serve`, `node:http` (on Node and on Deno) and Go's, in one run: each
 * in a process of its own, all of them on one core, and what asks them (wrk) on another.
 *
 * ```sh
 * deno run -A --unstable-net bench/http_server_bench.ts                     # everything, within 4 minutes
 * deno run -A --unstable-net bench/http_server_bench.ts hello tls           # only these
 * deno run -A --unstable-net bench/http_server_bench.ts --json result.json  # for a program to read, too
 * ```
 *
 * It reports; it fails only when it cannot measure. Needs `-A --unstable-net`, Linux, and wrk;
 * Node and Go take part if they are installed.
 */
import { serverBenches } from "./support/http_benches.ts";
import { compareServers, type ServerResult } from "./support/http_compare.ts";
import { pinning } from "./support/http_cores.ts";
import { serverTable } from "./support/http_report.ts";
import { removePrograms } from "./support/http_servers.ts";

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

/** What the numbers were taken on. */
function machine() {
  return {
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    os: Deno.build.os,
    arch: Deno.build.arch,
    cpus: navigator.hardwareConcurrency,
    pinning,
  };
}

async function main(): Promise<void> {
  const { names, json } = parseArgs(Deno.args);
  const unknown = names.find((name) => serverBenches.every((bench) => bench.name !== name));
  if (unknown !== undefined) {
    const known = serverBenches.map((bench) => bench.name).join(", ");
    throw new TypeError(`no bench is named ${JSON.stringify(unknown)}, there are: ${known}`);
  }
  const { deno, v8, os, arch, cpus } = machine();
  console.log(`Deno ${deno}, V8 ${v8}, ${os} ${arch}, ${cpus} CPUs`);
  if (!pinning) console.log("processes share the cores: taskset or a second core is missing");
  console.log("medians; of ratios also min..max; the lower the better\n");
  const results: ServerResult[] = [];
  for (const bench of serverBenches) {
    if (names.length > 0 && !names.includes(bench.name)) continue;
    const reason = os === "linux" ? bench.skip?.() : "it reads /proc, which is Linux's";
    if (reason !== undefined) {
      console.log(`${bench.title}\n  skipped: ${reason}\n`);
      continue;
    }
    const result = await compareServers(bench);
    results.push(result);
    console.log(serverTable(result));
  }
  const verdicts = results.flatMap(({ scores }) => scores.flatMap(({ met }) => met ?? []));
  const met = verdicts.filter((met) => met).length;
  console.log(`${met} of ${verdicts.length} goals met`);
  if (json !== undefined) {
    const report = { date: new Date().toISOString(), machine: machine(), results };
    await Deno.writeTextFile(json, `${JSON.stringify(report, null, 2)}\n`);
  }
}

try {
  await main();
} finally {
  await removePrograms();
}
