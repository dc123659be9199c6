/**
 * All parts of the soak, one after another, each for its share of the time. `deno task soak` runs
 * it; its exit code is 0 only if nothing was violated.
 */
import { fuzzCase } from "../tests/support/http_fuzz.ts";
import { clientSoak } from "./client_soak.ts";
import { fuzz } from "./fuzz.ts";
import { leakChecks } from "./leaks.ts";
import { type SoakOptions, soakOptions } from "./options.ts";
import { Report } from "./report.ts";
import { responseCase } from "./response_fuzz.ts";
import { serverSoak } from "./server_soak.ts";

/** Something that runs until `end`, by `performance.now()`. */
interface Part {
  /** What part of the time it gets. */
  readonly share: number;
  run(report: Report, end: number): Promise<void>;
}

/** How much longer than it was asked to it may take, in ms, before it counts as stuck. */
const grace = 9_000;

/** How often it says how far it is, in ms. */
const progressInterval = 5_000;

function partsOf({ seed, poison }: SoakOptions): Part[] {
  return [
    {
      share: 0.4,
      run: (report, end) => clientSoak(report, { seed, poison, end }),
    },
    { share: 0.25, run: (report, end) => serverSoak(report, { seed, end }) },
    {
      share: 0.12,
      run: (report, end) =>
        fuzz(report, { name: "damaged requests", lanes: 4, run: fuzzCase }, { seed, end }),
    },
    {
      share: 0.1,
      run: (report, end) =>
        fuzz(report, { name: "damaged responses", lanes: 16, run: responseCase }, { seed, end }),
    },
    { share: 0.13, run: (report, end) => leakChecks(report, { seed, end }) },
  ];
}

async function main(options: SoakOptions): Promise<number> {
  const { minutes, seed } = options;
  console.log(`soak of ${minutes} minutes, seed ${seed}`);
  const report = new Report();
  const start = performance.now();
  const total = minutes * 60_000;
  const finish = () => {
    console.log(`\n${report}\n`);
    const n = report.violations;
    console.log(n === 0 ? "nothing was violated" : `${n} violations; repeat with --seed=${seed}`);
    return n === 0 ? 0 : 1;
  };
  const progress = setInterval(() => {
    const row = report.rows.at(-1);
    const seconds = ((performance.now() - start) / 1_000).toFixed(0);
    console.log(`${seconds} s: ${row?.name}, ${row?.count}, ${report.violations} violations`);
  }, progressInterval);
  const watchdog = setTimeout(() => {
    report.violation("other", `${report.rows.at(-1)?.name} does not come to its end`);
    Deno.exit(finish());
  }, total + grace);
  let left = 1;
  for (const { share, run } of partsOf(options)) {
    const now = performance.now();
    // A part that took longer takes it from the others.
    const end = now + Math.max(0, start + total - now) * share / left;
    left -= share;
    try {
      await run(report, end);
    } catch (error) {
      report.violation("other", `${report.rows.at(-1)?.name}: ${(error as Error).stack ?? error}`);
    }
  }
  clearInterval(progress);
  clearTimeout(watchdog);
  return finish();
}

if (import.meta.main) Deno.exit(await main(soakOptions(Deno.args)));
