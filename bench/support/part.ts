/** Runs the benches of one part of the package: what all `*_bench.ts` have in common. */
import { benchOptions, choose } from "./options.ts";
import { report, type Row, type Skipped, verdicts, writeReport } from "./result.ts";

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
 * Runs what the command line asks for, prints its tables, and writes the report.
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
  const { deno, v8 } = Deno.version;
  const { os, arch } = Deno.build;
  console.log(`Deno ${deno}, V8 ${v8}, ${os} ${arch}, ${navigator.hardwareConcurrency} CPUs`);
  console.log(`${part.notes.join("\n")}\n`);
  const rows: Row[] = [];
  const skipped: Skipped[] = [];
  for (const bench of benches) {
    const reason = await bench.skip?.();
    if (reason !== undefined) {
      console.log(`${bench.title}\n  skipped: ${reason}\n`);
      skipped.push({ part: part.name, bench: bench.name, reason });
      continue;
    }
    const measured = await part.run(bench, quick);
    console.log(measured.table);
    rows.push(...measured.rows);
  }
  console.log(`${verdicts(rows)}\n`);
  if (json !== undefined) await writeReport(json, report(rows, skipped));
}
