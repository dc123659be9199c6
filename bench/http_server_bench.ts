/**
 * `http`'s server beside `Deno.serve`, `node:http` (on Node and on Deno) and Go's, in one run: each
 * in a process of its own, all of them on one core, and what asks them (wrk) on another.
 *
 * ```sh
 * deno run -A --unstable-net bench/http_server_bench.ts                     # everything, within 4 minutes
 * deno run -A --unstable-net bench/http_server_bench.ts hello tls           # only these
 * deno run -A --unstable-net bench/http_server_bench.ts --quick             # a first look
 * deno run -A --unstable-net bench/http_server_bench.ts --json result.json  # for a program to read, too
 * ```
 *
 * It reports; it fails only when it cannot measure. Needs `-A --unstable-net`, Linux, and wrk;
 * Node and Go take part if they are installed.
 */
import { serverBenches } from "./support/http_benches.ts";
import { compareServers } from "./support/http_compare.ts";
import { pinning } from "./support/http_cores.ts";
import { serverTable } from "./support/http_report.ts";
import { removePrograms } from "./support/http_servers.ts";
import { runPart } from "./support/part.ts";
import { serverRows } from "./support/rows.ts";

/** How often each has its turn in a first look. */
const quickRounds = 2;

const elsewhere = () => "it reads /proc, which is Linux's";

try {
  await runPart({
    name: "http-server",
    benches: serverBenches.map((bench) =>
      Deno.build.os === "linux" ? bench : { ...bench, skip: elsewhere }
    ),
    notes: [
      ...(pinning ? [] : ["processes share the cores: taskset or a second core is missing"]),
      "medians; of ratios also min..max; the lower the better",
    ],
    async run(bench, quick) {
      const rounds = quick ? Math.min(bench.rounds, quickRounds) : bench.rounds;
      const result = await compareServers({ ...bench, rounds });
      return { table: serverTable(result), rows: serverRows("http-server", result) };
    },
  }, Deno.args);
} finally {
  await removePrograms();
}
