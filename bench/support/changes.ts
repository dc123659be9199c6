/** What has changed from one run to another. */
import type { Spread } from "./compare.ts";
import { isBaseline, judged, type Report, type Row } from "./result.ts";

/** A row of two reports. */
export interface Change {
  /** The row as it is in the second. */
  readonly row: Row;
  /** What it was judged by in the first. */
  readonly before: Spread;
  /** What it is judged by in the second. */
  readonly after: Spread;
  /** How much the median has grown, in %. */
  readonly percent: number;
  /**
   * `"better"` or `"worse"` if the middle halves of the rounds do not overlap, `"same"` if they do;
   * `"unsure"` where so few rounds have no spread to speak of.
   */
  readonly verdict: "better" | "worse" | "same" | "unsure";
}

/** Two reports, compared. */
export interface Comparison {
  /** What both have. */
  readonly changes: readonly Change[];
  /** What only the first has. */
  readonly gone: readonly Row[];
  /** What only the second has. */
  readonly added: readonly Row[];
}

/** Fewer rounds than that have no middle half. */
const fewRounds = 3;

const key = ({ part, bench, name, beside }: Row) => JSON.stringify([part, bench, name, beside]);

/** Compares two reports. */
export function compareReports(first: Report, second: Report): Comparison {
  const [before, after] = [first, second].map(({ rows }) =>
    new Map(rows.filter((row) => !isBaseline(row)).map((row) => [key(row), row]))
  );
  const missingIn = (rows: Map<string, Row>, others: Map<string, Row>) =>
    [...others].filter(([key]) => !rows.has(key)).map(([, row]) => row);
  return {
    changes: [...after].flatMap(([key, row]) => {
      const old = before.get(key);
      return old === undefined ? [] : [change(old, row)];
    }),
    gone: missingIn(after, before),
    added: missingIn(before, after),
  };
}

function change(old: Row, row: Row): Change {
  const [before, after] = [judged(old), judged(row)];
  const percent = (after.median / before.median - 1) * 100;
  return { row, before, after, percent, verdict: verdict(old, row) };
}

function verdict(old: Row, row: Row): Change["verdict"] {
  if (Math.min(old.rounds, row.rounds) < fewRounds) return "unsure";
  const [before, after] = [judged(old), judged(row)];
  if (before.low <= after.high && after.low <= before.high) return "same";
  const lowerIsBetter = row.limitOf === "own" || row.better === "lower";
  return after.median < before.median === lowerIsBetter ? "better" : "worse";
}

const columns = { bench: 20, who: 46, number: 10, percent: 9 };

const words = {
  better: "  better",
  worse: "  WORSE",
  same: "",
  unsure: "  too few rounds to tell",
};

function line({ row, before, after, percent, verdict }: Change): string {
  const digits = row.limitOf === "own" ? 1 : 3;
  return [
    "  ",
    row.bench.padEnd(columns.bench),
    `${row.name} / ${row.beside}`.padEnd(columns.who),
    before.median.toFixed(digits).padStart(columns.number),
    after.median.toFixed(digits).padStart(columns.number),
    `${percent < 0 ? "" : "+"}${percent.toFixed(1)} %`.padStart(columns.percent),
    words[verdict],
  ].join("");
}

/** A comparison for the terminal. */
export function changesTable({ changes, gone, added }: Comparison): string {
  const parts = [...new Set(changes.map(({ row }) => row.part))];
  const only = (which: string, rows: readonly Row[]) =>
    rows.map(({ part, bench, name, beside }) =>
      `only in the ${which}: ${part} ${bench}, ${name} / ${beside}`
    );
  const count = (verdict: Change["verdict"]) =>
    changes.filter((change) => change.verdict === verdict).length;
  return [
    ...parts.flatMap((name) => [
      name,
      ...changes.filter(({ row }) => row.part === name).map(line),
      "",
    ]),
    ...only("first", gone),
    ...only("second", added),
    `beyond the spread: ${count("better")} better, ${count("worse")} worse, of ${changes.length}`,
  ].join("\n");
}
