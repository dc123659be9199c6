/**
 * `ipc` beside the shell, raw `Deno.Command`, `node:readline`, and the calls of POSIX as C and
 * Python make them, in one run.
 *
 * ```sh
 * deno run -A --unstable-net bench/ipc_bench.ts                     # everything, within two minutes
 * deno run -A --unstable-net bench/ipc_bench.ts pipeline lines      # only these
 * deno run -A --unstable-net bench/ipc_bench.ts --quick             # a first look
 * deno run -A --unstable-net bench/ipc_bench.ts --json result.json  # for a program to read, too
 * ```
 *
 * It reports; it fails only when it cannot measure. Needs `-A`, and Linux for the calls of POSIX; C
 * (cc), Python and Node take part if they are installed.
 */
import { measure } from "./support/compare.ts";
import { ipcBenches } from "./support/ipc_benches.ts";
import { lookForPeers } from "./support/ipc_peers.ts";
import { runPart } from "./support/part.ts";
import { table } from "./support/report.ts";
import { rows } from "./support/rows.ts";

/** Milliseconds for one bench; those of a second for each operation take some more. */
const budget = 8_000;

/** The same for a first look. */
const quickBudget = 2_000;

const dir = await Deno.makeTempDir({ prefix: "bench-" });
try {
  await runPart({
    name: "ipc",
    benches: ipcBenches({ dir, there: lookForPeers() }),
    notes: [
      "time or throughput for one operation; the median of ratios, and the middle half of them",
    ],
    async run(bench, quick) {
      const result = await measure(bench, quick ? quickBudget : budget);
      return { table: table(result), rows: rows("ipc", result) };
    },
  }, Deno.args);
} finally {
  await Deno.remove(dir, { recursive: true });
}
