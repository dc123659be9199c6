import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { lastLine, summarize } from "../../tasks/summary.ts";

const green = "ok | 12 passed (3 steps) | 0 failed | 1 ignored (40ms)";
const red = "FAILED | 12 passed | 2 failed (1 step) | 1 ignored | 4 filtered out (1s)";

Deno.test("summarize() reads the counts of a green run", () => {
  assertEquals(summarize(`running 12 tests\n\n${green}\n`, 0), {
    passed: 12,
    failed: 0,
    skipped: 1,
  });
});

Deno.test("summarize() reads the counts of a red run", () => {
  assertEquals(summarize(`${red}\n`, 1), { passed: 12, failed: 2, skipped: 1 });
});

Deno.test("summarize() sees through colours", () => {
  const painted =
    "\x1b[0m\x1b[32mok\x1b[0m | 3 passed | 0 failed \x1b[0m\x1b[38;5;245m(2ms)\x1b[0m\n";
  assertEquals(summarize(painted, 0), { passed: 3, failed: 0, skipped: 0 });
});

Deno.test("summarize() believes the last verdict, not what a test printed before it", () => {
  assertEquals(summarize(`${green}\n${red}\n`, 1).failed, 2);
  assertEquals(summarize(`${red}\n${green}\n`, 0).failed, 0);
});

Deno.test("summarize() counts a run that did not start as one failure", () => {
  const summary = summarize("", 1);
  assertEquals(lastLine(summary), "0 passed, 1 failed");
  assertStringIncludes(summary.note ?? "", "did not start");
});

Deno.test("summarize() counts a run that failed after its verdict as one failure", () => {
  const summary = summarize(`${green}\n`, 3);
  assertEquals(lastLine(summary), "12 passed, 1 failed, 1 skipped");
  assertStringIncludes(summary.note ?? "", "exit code 3");
});

Deno.test("summarize() counts a module that left before its tests as one failure", () => {
  const note = "note ./tests/b_test.ts called `Deno.exit(0)` from outside any test.";
  assertEquals(lastLine(summarize(`${note}\n${green}\n`, 0)), "12 passed, 1 failed, 1 skipped");
});

Deno.test("summarize() says so when no test ran", () => {
  const summary = summarize("ok | 0 passed | 0 failed | 9 filtered out (0ms)\n", 0);
  assertEquals(summary.note, "No test ran.");
});

Deno.test("lastLine() mentions skipped tests only where there are some", () => {
  assertEquals(lastLine({ passed: 2, failed: 1, skipped: 0 }), "2 passed, 1 failed");
  assert(lastLine({ passed: 2, failed: 1, skipped: 3 }).endsWith(", 3 skipped"));
});
