import { assertEquals, assertThrows } from "@std/assert";
import { limitText, parseReport, verdicts, writeReport } from "../../bench/support/result.ts";
import { reportOf, row } from "./fixture.ts";

Deno.test("parseReport() reads what writeReport() wrote", async () => {
  const path = await Deno.makeTempFile();
  try {
    const report = reportOf(row(), row({ name: "other", limit: undefined, met: undefined }));
    await writeReport(path, report);
    const read = parseReport(await Deno.readTextFile(path), path);
    assertEquals(JSON.stringify(read), JSON.stringify(report));
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("parseReport() says what is wrong, and with which file", () => {
  const wrong = (change: Record<string, unknown>) =>
    JSON.stringify({ ...reportOf(row()), ...change });
  const cases: [string, string][] = [
    ["{", "no JSON"],
    ["null", "it has no date"],
    [wrong({ date: 5 }), "it has no date"],
    [wrong({ machine: {} }), "it does not say on which machine"],
    [wrong({ skipped: undefined }), "it does not say what was skipped"],
    [wrong({ rows: undefined }), "it has no rows"],
    [wrong({ rows: [row(), null] }), "row 1 is not as rows are"],
    [wrong({ rows: [{ ...row(), ratio: { median: 1 } }] }), "row 0 is not as rows are"],
    [wrong({ rows: [{ ...row(), better: "left" }] }), "row 0 is not as rows are"],
  ];
  for (const [text, problem] of cases) {
    assertThrows(() => parseReport(text, "a.json"), TypeError, `"a.json" is no report: ${problem}`);
  }
});

Deno.test("limitText() says which side of the limit is the right one", () => {
  assertEquals(limitText(row()), "at most 0.80");
  assertEquals(limitText(row({ better: "higher" })), "at least 0.80");
  assertEquals(limitText(row({ limitOf: "own", limit: 12, unit: "KiB" })), "at most 12 KiB");
  assertEquals(limitText(row({ limit: undefined })), "");
});

Deno.test("verdicts() counts goals, not rows", () => {
  const rows = [row(), row({ met: false }), row({ limit: undefined, met: undefined })];
  assertEquals(verdicts(rows), "1 of 2 goals met");
});
