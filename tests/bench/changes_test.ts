import { assertEquals, assertStringIncludes } from "@std/assert";
import { changesTable, compareReports } from "../../bench/support/changes.ts";
import type { Row } from "../../bench/support/result.ts";
import { around, baseline, reportOf, row } from "./fixture.ts";

/** What becomes of one row. */
function change(before: Partial<Row>, after: Partial<Row>) {
  const { changes } = compareReports(reportOf(row(before)), reportOf(row(after)));
  assertEquals(changes.length, 1);
  return changes[0];
}

const ratio = (median: number, half?: number) => ({ ratio: around(median, half) });

Deno.test("compareReports() says by how many percent a ratio has grown", () => {
  assertEquals(Math.round(change(ratio(0.5), ratio(0.6)).percent), 20);
  assertEquals(Math.round(change(ratio(0.5), ratio(0.4)).percent), -20);
});

Deno.test("compareReports() knows which way is better", () => {
  assertEquals(change(ratio(0.5), ratio(0.4)).verdict, "better");
  assertEquals(change(ratio(0.5), ratio(0.6)).verdict, "worse");
  const higher = { better: "higher" } as const;
  assertEquals(
    change({ ...ratio(0.5), ...higher }, { ...ratio(0.6), ...higher }).verdict,
    "better",
  );
});

Deno.test("compareReports() sees no change where the middle halves of the rounds overlap", () => {
  assertEquals(change(ratio(0.5, 0.06), ratio(0.6, 0.06)).verdict, "same");
  assertEquals(change(ratio(0.5, 0.04), ratio(0.6, 0.04)).verdict, "worse");
});

Deno.test("compareReports() is unsure where there were too few rounds", () => {
  assertEquals(change({ ...ratio(0.5), rounds: 1 }, ratio(0.9)).verdict, "unsure");
});

Deno.test("compareReports() judges by the value where the goal is one", () => {
  const own = (median: number) => ({ own: around(median), limitOf: "own" }) as const;
  const { verdict, percent } = change(own(10), own(12));
  assertEquals(verdict, "worse");
  assertEquals(Math.round(percent), 20);
});

Deno.test("compareReports() tells rows apart by all their names, and leaves out baselines", () => {
  const first = reportOf(row(), baseline(), row({ beside: "node:net" }));
  const second = reportOf(row(), baseline(), row({ part: "ipc" }));
  const { changes, gone, added } = compareReports(first, second);
  assertEquals(changes.map(({ row }) => row), [row()]);
  assertEquals(gone, [row({ beside: "node:net" })]);
  assertEquals(added, [row({ part: "ipc" })]);
});

Deno.test("changesTable() puts both numbers side by side, and marks what is beyond the spread", () => {
  const text = changesTable(compareReports(
    reportOf(row(), row({ bench: "unix" }), row({ bench: "gone" })),
    reportOf(row(ratio(0.6)), row({ bench: "unix", ...ratio(0.505) }), row({ bench: "new" })),
  ));
  const lines = text.split("\n").map((line) => line.trim().replaceAll(/\s+/g, " "));
  assertEquals(lines, [
    "net",
    "dial plumb / raw 0.500 0.600 +20.0 % WORSE",
    "unix plumb / raw 0.500 0.505 +1.0 %",
    "",
    "only in the first: net gone, plumb / raw",
    "only in the second: net new, plumb / raw",
    "beyond the spread: 0 better, 1 worse, of 2",
  ]);
  assertStringIncludes(text, "0.600  +20.0 %  WORSE");
});
