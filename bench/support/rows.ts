/** What the different ways to measure find, as rows of one shape. */
import type { Result, Spread } from "./compare.ts";
import type { ClientResult } from "./http_client_compare.ts";
import type { ServerResult } from "./http_compare.ts";
import type { Row } from "./result.ts";

/** The rows of what took turns in one process; the second is who the others are beside. */
export function rows(part: string, result: Result): Row[] {
  const { name: bench, title, measure, target, unit, rounds, scores } = result;
  const beside = scores[1].name;
  return scores.map(({ name, nsPerOp, ratio, limit, met }): Row => ({
    part,
    bench,
    title,
    measure,
    name,
    own: scaled(nsPerOp, 1e-3),
    unit: `us/${unit}`,
    beside,
    ratio,
    better: target.of === "time" ? "lower" : "higher",
    rounds,
    limit,
    limitOf: "ratio",
    met,
  }));
}

/** The rows of servers that took turns. */
export function serverRows(part: string, result: ServerResult): Row[] {
  const { name: bench, title, measure, unit, baseline: beside, limitOf, rounds, scores } = result;
  return scores.map(({ name, value, ratio, limit, met }): Row => ({
    part,
    bench,
    title,
    measure,
    name,
    own: value,
    unit,
    beside,
    ratio,
    better: "lower",
    rounds,
    limit,
    limitOf: limitOf === "value" ? "own" : "ratio",
    met,
  }));
}

/** The rows of clients that took turns: ours beside each other one, and each by itself. */
export function clientRows(part: string, result: ClientResult): Row[] {
  const { name: bench, title, rounds, scores: [ours, ...others], goals } = result;
  const shared = {
    part,
    bench,
    title,
    measure: "processor time of the client for each request",
    unit: "us",
    better: "lower",
    rounds,
    limitOf: "ratio",
  } as const;
  return others.flatMap(({ name, cost, ratio }): Row[] => {
    const goal = goals.find(({ beside }) => beside === name);
    const { limit, met } = goal ?? {};
    return [
      { ...shared, name: ours.name, own: ours.cost, beside: name, ratio, limit, met },
      { ...shared, name, own: cost, beside: name, ratio: scaled(cost, 1 / cost.median) },
    ];
  });
}

function scaled({ min, low, median, high, max }: Spread, factor: number): Spread {
  return {
    min: min * factor,
    low: low * factor,
    median: median * factor,
    high: high * factor,
    max: max * factor,
  };
}
