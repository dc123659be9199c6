/** Runs the benches of one part of the package: what all `*_bench.ts` have in common. */
import { benchOptions, choose } from "./options.ts";
import { machine, machineText, type Row, type Skipped, verdicts, writeReport } from "./result.ts";

/** A bench, as far as it concerns the one who runs it. */
export interface PartBench {
  /** For the command line. */
  readonly name: string;
  /** For the reader. */
  readonly title: string;
  /** Why it cannot run here, if it cannot. */
  skip?(): string | undefined | Promise<string | undefined>;
}

/** What a bench came to. */
export interface Measured {
  /** For the reader. */
  readonly table: string;
  /** For the report. */
  readonly rows: readonly Row[];
}

/** The benches of a part. */
export interface Part<B extends PartBench> {
  /** The part's name. */
  readonly name: string;
  /** Its benches. */
  readonly benches: readonly B[];
  /** What the reader of the tables has to know. */
  readonly notes: readonly string[];
  /** Runs a bench; quickly for a first look. */
  run(bench: B, quick: boolean): Promise<Measured>;
}

/**
 * Runs what the command line asks for, prints its tables, and writes the report. A bench that
 * breaks makes the process end with 1.
 *
 * @param part The part.
 * @param args The command line, as {@linkcode benchOptions} reads it.
 */
export async function runPart<B extends PartBench>(
  part: Part<B>,
  args: readonly string[],
): Promise<void> {
  const { names, json, quick, list } = benchOptions(args);
  const benches = choose(part.benches, names);
  if (list) return console.log(benches.map(({ name }) => name).join("\n"));
  const here = machine();
  console.log(machineText(here));
  console.log(`${part.notes.join("\n")}\n`);
  const rows: Row[] = [];
  const skipped: Skipped[] = [];
  for (const bench of benches) {
    const leaveOut = (reason: string, failed: boolean) => {
      console.log(`${bench.title}\n  ${failed ? "FAILED" : "skipped"}: ${reason}\n`);
      skipped.push({ part: part.name, bench: bench.name, reason, failed });
    };
    const reason = await bench.skip?.();
    if (reason !== undefined) {
      leaveOut(reason, false);
      continue;
    }
    try {
      const measured = await part.run(bench, quick);
      console.log(measured.table);
      rows.push(...measured.rows);
    } catch (error) {
      // What the others find is worth having all the same.
      leaveOut(String(error), true);
      Deno.exitCode = 1;
    }
  }
  console.log(`${verdicts(rows)}\n`);
  if (json === undefined) return;
  await writeReport(json, { date: new Date().toISOString(), machine: here, rows, skipped });
}
