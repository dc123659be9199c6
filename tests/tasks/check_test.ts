import { assertEquals } from "@std/assert";
import { commands, runAll } from "../../tasks/check.ts";

Deno.test("commands() lints the docs of every entry point", () => {
  const { docs } = commands({ exports: { ".": "./mod.ts", "./net": "./net/mod.ts" } }, "d.json");
  assertEquals(docs, ["doc", "--lint", "--config", "d.json", "./mod.ts", "./net/mod.ts"]);
});

Deno.test("commands() checks the types of the whole tree under the chosen configuration", () => {
  const { types } = commands({}, "deno.offline.json");
  assertEquals(types, ["check", "--config", "deno.offline.json", "."]);
});

Deno.test("runAll() runs every step, and names those that failed", async () => {
  const ran: string[] = [];
  const step = (name: string, passes: boolean) => ({
    name,
    run() {
      ran.push(name);
      return Promise.resolve(passes);
    },
  });
  const log: string[] = [];
  const steps = [step("a", false), step("b", true), step("c", false)];
  assertEquals(await runAll(steps, (line) => log.push(line)), ["a", "c"]);
  assertEquals(ran, ["a", "b", "c"]);
  assertEquals(log, ["check: a", "check: b", "check: c"]);
});
