/** Rows to test with. */
import type { Spread } from "../../bench/support/compare.ts";
import type { Report, Row } from "../../bench/support/result.ts";

/** The spread of rounds whose middle half lies so far to both sides of the median. */
export function around(median: number, half: number = 0.01): Spread {
  return {
    min: median - 2 * half,
    low: median - half,
    median,
    high: median + half,
    max: median + 2 * half,
  };
}

/** A row with a goal of at most 0.80 beside the peer, but for what is given. */
export function row(given: Partial<Row> = {}): Row {
  return {
    part: "net",
    bench: "dial",
    title: "dial and close",
    measure: "time",
    name: "plumb",
    own: around(50),
    unit: "us/op",
    beside: "raw",
    ratio: around(0.5),
    better: "lower",
    rounds: 5,
    limit: 0.8,
    limitOf: "ratio",
    met: true,
    ...given,
  };
}

/** The row of who is only there to be compared with. */
export function baseline(given: Partial<Row> = {}): Row {
  return row({ name: "raw", ratio: around(1, 0), limit: undefined, met: undefined, ...given });
}

/** A report of some rows. */
export function reportOf(...rows: Row[]): Report {
  const machine = { deno: "2.9.6", v8: "14", os: "linux", arch: "x86_64", cpus: 2, load: 0.1 };
  return { date: "2026-01-02T03:04:05.000Z", machine, rows, skipped: [] };
}
