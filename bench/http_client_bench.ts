/**
 * `http`'s client beside Deno's `fetch`, `node:http` with an agent, undici (`request` and `fetch`,
 * on Node) and Go's, in one run: each in a process of its own, all of them on one core, and the
 * server (nginx, or `Deno.serve` where that is missing) on another.
 *
 * ```sh
 * deno run -A --unstable-net bench/http_client_bench.ts                     # everything, within 3 minutes
 * deno run -A --unstable-net bench/http_client_bench.ts small post          # only these
 * deno run -A --unstable-net bench/http_client_bench.ts --json result.json  # for a program to read, too
 * ```
 *
 * It reports; it fails only when it cannot measure. Needs `-A` and Linux; Node, undici (which npm
 * installs for the run) and Go take part if they are there.
 */
import { clientBenches } from "./support/http_client_benches.ts";
import { type ClientResult, clientTable, compareClients } from "./support/http_client_compare.ts";
import { startBenchServer } from "./support/http_client_server.ts";
import { removeClients } from "./support/http_clients.ts";
import { pinning } from "./support/http_cores.ts";

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
  const unknown = names.find((name) => clientBenches.every((bench) => bench.name !== name));
  if (unknown !== undefined) {
    const known = clientBenches.map((bench) => bench.name).join(", ");
    throw new TypeError(`no bench is named ${JSON.stringify(unknown)}, there are: ${known}`);
  }
  const { deno, v8, os, arch, cpus } = machine();
  if (os !== "linux") return console.log("skipped: it reads /proc, which is Linux's");
  await using server = await startBenchServer();
  console.log(`Deno ${deno}, V8 ${v8}, ${os} ${arch}, ${cpus} CPUs; the server is ${server.name}`);
  if (!pinning) console.log("processes share the cores: taskset or a second core is missing");
  console.log("medians and min..max; the lower the better\n");
  const results: ClientResult[] = [];
  for (const bench of clientBenches) {
    if (names.length > 0 && !names.includes(bench.name)) continue;
    const result = await compareClients(bench, server.url);
    results.push(result);
    console.log(clientTable(result));
  }
  const verdicts = results.flatMap(({ goals }) => goals.map(({ met }) => met));
  console.log(`${verdicts.filter((met) => met).length} of ${verdicts.length} goals met`);
  if (json !== undefined) {
    const report = { date: new Date().toISOString(), machine: machine(), results };
    await Deno.writeTextFile(json, `${JSON.stringify(report, null, 2)}\n`);
  }
}

try {
  await main();
} finally {
  await removeClients();
}
