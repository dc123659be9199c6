/** Runs the cases of a fuzzer, each by a seed of its own. */
import type { Report } from "./report.ts";
import { compare, resources } from "./resources.ts";

/** After so many cases everything else has its turn. */
const yieldEvery = 50;

/** A fuzzer. */
export interface Fuzzer {
  readonly name: string;
  /** How many cases run at the same time. */
  readonly lanes: number;
  /** Runs the case of a seed, and throws where something is not as it should be. */
  run(seed: number): Promise<void>;
}

/**
 * Runs cases until the time is up.
 *
 * @param report Where findings go.
 * @param fuzzer What runs them.
 * @param options The first case's seed, from which the others count on, and until when, by
 * `performance.now()`.
 */
export async function fuzz(
  report: Report,
  fuzzer: Fuzzer,
  { seed, end }: { seed: number; end: number },
): Promise<void> {
  const row = report.row(fuzzer.name);
  const start = performance.now();
  const lane = async (until: number) => {
    do {
      // What happens in memory alone leaves no turn to the timers.
      if (row.count % yieldEvery === 0) await new Promise((resolve) => setTimeout(resolve));
      try {
        await fuzzer.run(seed + row.count++);
      } catch (error) {
        report.violation("other", `${fuzzer.name}: ${error}`);
      }
    } while (performance.now() < until);
  };
  const run = (until: number) =>
    Promise.all(Array.from({ length: fuzzer.lanes }, () => lane(until)));
  await run(start + (end - start) / 4);
  const before = await resources();
  await run(end);
  await compare(report, row, before);
  row.seconds = (performance.now() - start) / 1_000;
}
