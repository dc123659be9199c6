import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Part, type PartBench, runPart } from "../../bench/support/part.ts";
import { parseReport } from "../../bench/support/result.ts";
import { row } from "./fixture.ts";

const benches: PartBench[] = [
  { name: "well", title: "goes well" },
  { name: "never", title: "cannot run", skip: () => "no peer" },
  { name: "broken", title: "breaks" },
  { name: "last", title: "comes last" },
];

/** Runs a part of these benches; says what was printed, what was written, and how it ended. */
async function run(...args: string[]) {
  const lines: string[] = [];
  const part: Part<PartBench> = {
    name: "net",
    benches,
    notes: [],
    run({ name }, quick) {
      if (name === "broken") return Promise.reject(new Error("no answer"));
      return Promise.resolve({
        table: `table of ${name}`,
        rows: [row({ bench: name, met: quick })],
      });
    },
  };
  const { log } = console;
  const file = await Deno.makeTempFile();
  console.log = (line) => void lines.push(line);
  try {
    await runPart(part, [...args, "--json", file]);
    const text = await Deno.readTextFile(file);
    return {
      printed: lines.join("\n"),
      report: text === "" ? undefined : parseReport(text, file),
      code: Deno.exitCode,
    };
  } finally {
    console.log = log;
    Deno.exitCode = 0;
    await Deno.remove(file);
  }
}

Deno.test("runPart() goes on after a bench that broke, and fails in the end", async () => {
  const { printed, report, code } = await run();
  assertEquals(report?.rows.map(({ bench }) => bench), ["well", "last"]);
  assertEquals(report?.skipped, [
    { part: "net", bench: "never", reason: "no peer", failed: false },
    { part: "net", bench: "broken", reason: "Error: no answer", failed: true },
  ]);
  assertStringIncludes(printed, "cannot run\n  skipped: no peer");
  assertStringIncludes(printed, "breaks\n  FAILED: Error: no answer");
  assertStringIncludes(printed, "table of last");
  assertStringIncludes(printed, "0 of 2 goals met");
  assertEquals(code, 1);
});

Deno.test("runPart() runs what is named, quickly if asked", async () => {
  const { report, code } = await run("last", "--quick");
  assertEquals(report?.rows.map(({ bench, met }) => [bench, met]), [["last", true]]);
  assertEquals(code, 0);
});

Deno.test("runPart() lists without running", async () => {
  const { printed, report } = await run("--list");
  assertEquals(printed, "well\nnever\nbroken\nlast");
  assertEquals(report, undefined);
});

Deno.test("runPart() refuses a bench that there is not", async () => {
  await assertRejects(() => run("other"), TypeError, `no bench is named "other"`);
});
