/**
 * `net` beside the runtime's own sockets, `node:net` and Go, over the loopback interface, in one run.
 *
 * ```sh
 * deno task bench                     # everything, within a minute
 * deno task bench dial ping-pong      # only these
 * deno task bench --json result.json  # for a program to read, too
 * ```
 *
 * It reports; it fails only when it cannot measure. Needs `-A --unstable-net`.
 */
import { type Bench, measure, type Result } from "./support/compare.ts";
import { downloadBench, uploadBench } from "./support/net_bulk.ts";
import { dialBench, dialTimeoutBench } from "./support/net_dial.ts";
import {
  nativePingPongBench,
  pingPongBench,
  udpBench,
  unixBench,
  unixpacketBench,
} from "./support/net_ping_pong.ts";
import { udpGoBench } from "./support/net_udp_go.ts";
import { table } from "./support/report.ts";
import { type Peer, startPeer } from "./support/start_peer.ts";

/** Milliseconds for one bench. */
const budget = 4_500;

/** A bench that takes so many times its budget hangs: a datagram may get lost. */
const patience = 5;

const benches = (peer: Peer): Bench[] => [
  dialBench(peer),
  dialTimeoutBench(peer),
  pingPongBench(peer),
  downloadBench(peer, 64),
  downloadBench(peer, 256),
  uploadBench(peer, 64),
  uploadBench(peer, 256),
  udpBench(peer),
  unixBench(peer),
  nativePingPongBench(peer),
  unixpacketBench(peer),
  udpGoBench(),
];

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
  };
}

async function main(): Promise<void> {
  const { names, json } = parseArgs(Deno.args);
  await using peer = await startPeer();
  const all = benches(peer);
  const unknown = names.find((name) => all.every((bench) => bench.name !== name));
  if (unknown !== undefined) {
    const known = all.map((bench) => bench.name).join(", ");
    throw new TypeError(`no bench is named ${JSON.stringify(unknown)}, there are: ${known}`);
  }
  const { deno, v8, os, arch, cpus } = machine();
  console.log(`Deno ${deno}, V8 ${v8}, ${os} ${arch}, ${cpus} CPUs`);
  console.log("time or throughput for one operation; the median of ratios, and their min..max\n");
  const results: Result[] = [];
  for (const bench of all) {
    if (names.length > 0 && !names.includes(bench.name)) continue;
    const reason = await bench.skip?.();
    if (reason !== undefined) {
      console.log(`${bench.title}\n  skipped: ${reason}\n`);
      continue;
    }
    const watchdog = setTimeout(() => {
      console.error(`${bench.name} hangs`);
      Deno.exit(1);
    }, budget * patience);
    const result = await measure(bench, budget);
    clearTimeout(watchdog);
    results.push(result);
    console.log(table(result));
  }
  if (json !== undefined) {
    const report = { date: new Date().toISOString(), machine: machine(), results };
    await Deno.writeTextFile(json, `${JSON.stringify(report, null, 2)}\n`);
  }
}

await main();
