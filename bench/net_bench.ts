/**
 * `net` beside the runtime's own sockets, `node:net` and Go, over the loopback interface, in one run.
 *
 * ```sh
 * deno run -A --unstable-net bench/net_bench.ts                     # everything, within a minute
 * deno run -A --unstable-net bench/net_bench.ts dial ping-pong      # only these
 * deno run -A --unstable-net bench/net_bench.ts --quick             # a first look
 * deno run -A --unstable-net bench/net_bench.ts --json result.json  # for a program to read, too
 * ```
 *
 * It reports; it fails only when it cannot measure. Needs `-A --unstable-net`.
 */
import { type Bench, measure } from "./support/compare.ts";
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
import { runPart } from "./support/part.ts";
import { table } from "./support/report.ts";
import { rows } from "./support/rows.ts";
import { type Peer, startPeer } from "./support/start_peer.ts";

/** Milliseconds for one bench. */
const budget = 4_500;

/** The same for a first look. */
const quickBudget = 1_200;

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

await using peer = await startPeer();
await runPart({
  name: "net",
  benches: benches(peer),
  notes: [
    "time or throughput for one operation; the median of ratios, and the middle half of them",
  ],
  async run(bench, quick) {
    const watchdog = setTimeout(() => {
      console.error(`${bench.name} hangs`);
      Deno.exit(1);
    }, budget * patience);
    const result = await measure(bench, quick ? quickBudget : budget);
    clearTimeout(watchdog);
    return { table: table(result), rows: rows("net", result) };
  },
}, Deno.args);
