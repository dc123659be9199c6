/** What all benches write down, in one shape, so that one run can be laid beside another. */
import type { Spread } from "./compare.ts";

/** What one contestant came to beside another. */
export interface Row {
  /** The part of the package: `net`, `http-server`, ... */
  readonly part: string;
  /** The bench's name. */
  readonly bench: string;
  /** The bench's title. */
  readonly title: string;
  /** What was measured. */
  readonly measure: string;
  /** Who. */
  readonly name: string;
  /** What it came to by itself: the less, the better. */
  readonly own: Spread;
  /** The unit of that. */
  readonly unit: string;
  /** Whom the ratio is to; itself, in the row of who is only there to be compared with. */
  readonly beside: string;
  /** The ratio within a round. */
  readonly ratio: Spread;
  /** Which ratio is the better one. */
  readonly better: "lower" | "higher";
  /** How often each had its turn. */
  readonly rounds: number;
  /** What was to be reached, if anything. */
  readonly limit?: number;
  /** What the limit is of. */
  readonly limitOf: "own" | "ratio";
  /** Whether it was reached; missing without a limit. */
  readonly met?: boolean;
}

/** A bench that has no rows. */
export interface Skipped {
  /** The part of the package. */
  readonly part: string;
  /** The bench's name. */
  readonly bench: string;
  /** Why. */
  readonly reason: string;
  /** Whether it began, and broke. */
  readonly failed: boolean;
}

/** What the numbers were taken on. */
export interface Machine {
  /** The version of Deno. */
  readonly deno: string;
  /** The version of V8. */
  readonly v8: string;
  /** The system. */
  readonly os: string;
  /** The architecture. */
  readonly arch: string;
  /** How many cores there are. */
  readonly cpus: number;
  /** How many processes wanted them in the minute before the run: more than a few disturb. */
  readonly load: number;
}

/** The outcome of a run. */
export interface Report {
  /** When it was, as ISO 8601 has it. */
  readonly date: string;
  /** Where it was. */
  readonly machine: Machine;
  /** What was measured. */
  readonly rows: readonly Row[];
  /** What was not. */
  readonly skipped: readonly Skipped[];
}

/** This machine, at this moment. */
export function machine(): Machine {
  const { deno, v8 } = Deno.version;
  const { os, arch } = Deno.build;
  const [load] = Deno.loadavg();
  return { deno, v8, os, arch, cpus: navigator.hardwareConcurrency, load };
}

/** A machine in a line. */
export function machineText({ deno, v8, os, arch, cpus, load }: Machine): string {
  return `Deno ${deno}, V8 ${v8}, ${os} ${arch}, ${cpus} CPUs, load before ${load.toFixed(1)}`;
}

/** Writes a report to a file. */
export async function writeReport(path: string, report: Report): Promise<void> {
  await Deno.writeTextFile(path, `${JSON.stringify(report, null, 2)}\n`);
}

/**
 * Reads what {@linkcode writeReport} wrote.
 *
 * @param text The text.
 * @param source Where it is from, for the message.
 * @throws {TypeError} It is something else.
 */
export function parseReport(text: string, source: string): Report {
  const wrong = (what: string) => new TypeError(`${JSON.stringify(source)} is no report: ${what}`);
  let report: Partial<Report> | null;
  try {
    report = JSON.parse(text);
  } catch (cause) {
    throw new TypeError(`${JSON.stringify(source)} is no report: no JSON`, { cause });
  }
  if (typeof report?.date !== "string") throw wrong("it has no date");
  if (!isMachine(report.machine)) throw wrong("it does not say on which machine");
  if (!Array.isArray(report.skipped)) throw wrong("it does not say what was skipped");
  if (!Array.isArray(report.rows)) throw wrong("it has no rows");
  const bad = report.rows.findIndex((row) => !isRow(row));
  if (bad >= 0) throw wrong(`row ${bad} is not as rows are`);
  return report as Report;
}

function isMachine({ deno, v8, os, arch, cpus, load }: Partial<Machine> = {}): boolean {
  return [deno, v8, os, arch].every((text) => typeof text === "string") &&
    [cpus, load].every((number) => typeof number === "number");
}

function isRow(row: Partial<Row> | null): boolean {
  const texts = [
    row?.part,
    row?.bench,
    row?.title,
    row?.measure,
    row?.name,
    row?.unit,
    row?.beside,
  ];
  return texts.every((text) => typeof text === "string") &&
    [row?.own, row?.ratio].every(isSpread) && typeof row?.rounds === "number" &&
    (row.better === "lower" || row.better === "higher") &&
    (row.limitOf === "own" || row.limitOf === "ratio");
}

function isSpread(spread: Partial<Spread> | undefined): boolean {
  const { min, low, median, high, max } = spread ?? {};
  return [min, low, median, high, max].every((number) => typeof number === "number");
}

/** Whether a row is only there to be compared with. */
export function isBaseline({ name, beside }: Row): boolean {
  return name === beside;
}

/** What a row is judged by: what its limit is of. */
export function judged({ limitOf, own, ratio }: Row): Spread {
  return limitOf === "own" ? own : ratio;
}

/** How many goals were met, as a line. */
export function verdicts(rows: readonly Row[]): string {
  const goals = rows.flatMap(({ met }) => met ?? []);
  return `${goals.filter((met) => met).length} of ${goals.length} goals met`;
}

/** A limit in words: `at most 0.80`, `at most 12 KiB`. */
export function limitText({ limit, limitOf, better, unit }: Row): string {
  if (limit === undefined) return "";
  if (limitOf === "own") return `at most ${limit} ${unit}`;
  return `${better === "lower" ? "at most" : "at least"} ${limit.toFixed(2)}`;
}
