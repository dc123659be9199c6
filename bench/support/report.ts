/** How results look on a terminal. */
import type { Result, Score } from "./compare.ts";

const columns = [22, 14, 14, 8, 18] as const;

/** A result as a small table. */
export function table(result: Result): string {
  const { title, target, unit, rounds, opsPerSlice } = result;
  const baseline = result.scores[1].name;
  const wanted = target.limit === undefined
    ? "for information"
    : `${target.of === "time" ? "at most" : "at least"} ${target.limit.toFixed(2)}`;
  return [
    `${title}`,
    `  ${target.of} beside ${baseline}, ${wanted}; ${rounds} rounds of ${opsPerSlice} ${unit}`,
    ...result.scores.map((score, i) => row(score, result, i === 0)),
    "",
  ].join("\n");
}

function row({ name, nsPerOp, ratio }: Score, { unit, met }: Result, subject: boolean): string {
  const spread = `${ratio.min.toFixed(2)}..${ratio.max.toFixed(2)}`;
  const cells = [
    name.padEnd(columns[0]),
    `${duration(nsPerOp.median)}/${unit}`.padStart(columns[1]),
    rate(nsPerOp.median, unit).padStart(columns[2]),
    ratio.median.toFixed(3).padStart(columns[3]),
    spread.padStart(columns[4]),
  ];
  const verdict = met === undefined || !subject ? "" : met ? "  met" : "  not met";
  return `    ${cells.join("")}${verdict}`;
}

function duration(ns: number): string {
  return ns < 1e6 ? `${(ns / 1e3).toFixed(2)} us` : `${(ns / 1e6).toFixed(2)} ms`;
}

function rate(ns: number, unit: string): string {
  const perSecond = 1e9 / ns;
  return unit === "MiB" ? `${perSecond.toFixed(0)} MiB/s` : `${perSecond.toFixed(0)}/s`;
}
