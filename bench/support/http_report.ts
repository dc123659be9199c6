/** How a comparison of servers looks on a terminal. */
import type { ServerResult, ServerScore } from "./http_compare.ts";

const columns = { name: 24, value: 10, ratio: 8, spread: 14, rate: 12, p99: 14 };

/** A result as a small table. */
export function serverTable(result: ServerResult): string {
  const { title, measure, unit, baseline, rounds, scores } = result;
  return [
    `${title}`,
    `  ${measure} in ${unit}, its ratio to that of ${baseline}; ${
      rounds === 1 ? "one round" : `${rounds} rounds`
    }`,
    ...scores.map((score) => row(score, result)),
    "",
  ].join("\n");
}

function row({ name, value, ratio, perSecond, p99, limit, met }: ServerScore, of: ServerResult) {
  const wanted = limit === undefined
    ? ""
    : `  ${met ? "met" : "not met"} (at most ${limit}${
      of.limitOf === "value" ? ` ${of.unit}` : ""
    })`;
  const { min, max } = ratio;
  const cells = [
    name.padEnd(columns.name),
    value.median.toFixed(2).padStart(columns.value),
    ratio.median.toFixed(3).padStart(columns.ratio),
    `${min.toFixed(2)}..${max.toFixed(2)}`.padStart(columns.spread),
    perSecond === undefined ? "" : `${perSecond.toFixed(0)}/s`.padStart(columns.rate),
    p99 === undefined ? "" : `p99 ${p99.toFixed(2)} ms`.padStart(columns.p99 + 2),
  ];
  return `    ${cells.join("")}${wanted}`;
}
