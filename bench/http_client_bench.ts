/**
 * `http`'s client beside Deno's `fetch`, `node:http` with an agent, undici (`request` and `fetch`,
 * on Node) and Go's, in one run: each in a process of its own, all of them on one core, and the
 * server (nginx, or `Deno.serve` where that is missing) on another.
 *
 * ```sh
 * deno run -A --unstable-net bench/http_client_bench.ts                     # everything, within 3 minutes
 * deno run -A --unstable-net bench/http_client_bench.ts small post          # only these
 * deno run -A --unstable-net bench/http_client_bench.ts --quick             # a first look
 * deno run -A --unstable-net bench/http_client_bench.ts --json result.json  # for a program to read, too
 * ```
 *
 * It reports; it fails only when it cannot measure. Needs `-A` and Linux; Node, undici (which npm
 * installs for the run) and Go take part if they are there.
 */
import { clientBenches } from "./support/http_client_benches.ts";
import { clientTable, compareClients } from "./support/http_client_compare.ts";
import { startBenchServer } from "./support/http_client_server.ts";
import { removeClients } from "./support/http_clients.ts";
import { pinning } from "./support/http_cores.ts";
import { runPart } from "./support/part.ts";
import { clientRows } from "./support/rows.ts";

/** How often each has its turn. */
const rounds = 5;

/** The same for a first look. */
const quickRounds = 2;

const skip = () => Deno.build.os === "linux" ? undefined : "it reads /proc, which is Linux's";

await using server = await startBenchServer();
try {
  await runPart({
    name: "http-client",
    benches: clientBenches.map((bench) => ({ ...bench, skip })),
    notes: [
      `the server is ${server.name}`,
      ...(pinning ? [] : ["processes share the cores: taskset or a second core is missing"]),
      "medians and min..max; the lower the better",
    ],
    async run(bench, quick) {
      const result = await compareClients(bench, server.url, quick ? quickRounds : rounds);
      return { table: clientTable(result), rows: clientRows("http-client", result) };
    },
  }, Deno.args);
} finally {
  await removeClients();
}
