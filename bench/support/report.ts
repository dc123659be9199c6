/** How results look on a terminal. */
import type { Result, Score } from "./compare.ts";

const columns = [22, 14, 14, 8, 18] as const;

/** A result as a small table. */
export function table(result: Result): string {
  const { title, measure, target, unit, rounds, opsPerSlice } = result;
  const baseline = result.scores[1].name;
  const wanted = target.limit === undefined ? "for information" : bound(result, target.limit);
  return [
    `${title}`,
    `  ${measure} beside ${baseline}, ${wanted}; ${rounds} rounds of ${opsPerSlice} ${unit}`,
    ...result.scores.map((score, i) => row(score, result, i === 0)),
    "",
  ].join("\n");
}

function bound({ target }: Result, limit: number): string {
  return `${target.of === "time" ? "at most" : "at least"} ${limit.toFixed(2)}`;
}

function row({ name, nsPerOp, ratio, limit, met }: Score, result: Result, subject: boolean) {
  const { unit } = result;
  const spread = `${ratio.low.toFixed(2)}..${ratio.high.toFixed(2)}`;
  const cells = [
    name.padEnd(columns[0]),
    `${duration(nsPerOp.median)}/${unit}`.padStart(columns[1]),
    rate(nsPerOp.median, unit).padStart(columns[2]),
    ratio.median.toFixed(3).padStart(columns[3]),
    spread.padStart(columns[4]),
  ];
  const verdict = met === undefined ? "" : met ? "  met" : "  not met";
  // The subject's is in the head of the table.
  const own = subject || limit === undefined ? "" : ` (${bound(result, limit)})`;
  return `    ${cells.join("")}${verdict}${own}`;
}

function duration(ns: number): string {
  return ns < 1e6 ? `${(ns / 1e3).toFixed(2)} us` : `${(ns / 1e6).toFixed(2)} ms`;
}

function rate(ns: number, unit: string): string {
  const perSecond = 1e9 / ns;
  return unit === "MiB" ? `${perSecond.toFixed(0)} MiB/s` : `${perSecond.toFixed(0)}/s`;
}
