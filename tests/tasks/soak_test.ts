import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { codeWithin, soakArgs } from "../../tasks/soak.ts";
import { soakOptions } from "../../soak/options.ts";
import { Report } from "../../soak/report.ts";
import { exchangeOf, kinds } from "../../soak/exchange.ts";
import { responseCase } from "../../soak/response_fuzz.ts";

const root = new URL("../../", import.meta.url);

/** Runs the soak for a few seconds, under the configuration of the offline tests. */
async function soak(...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: soakArgs("deno.offline.json", args),
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

const linux = { ignore: Deno.build.os !== "linux" };

Deno.test("a short soak runs every part, injects faults, and finds nothing", linux, async () => {
  const { code, text } = await soak("0.06", "--seed=7");
  assertEquals([code, text.match(/^nothing was violated$/m)?.length], [0, 1], text);
  for (const part of ["client", "server", "damaged requests", "damaged responses", "net and ipc"]) {
    assertMatch(text, new RegExp(`^${part} +[1-9]\\d* +\\d+\\.\\d +\\d+ -> \\d+`, "m"));
  }
  assertMatch(text, /^client: \w+ +[1-9]/m);
  assertMatch(text, /^server: \w+ +[1-9]/m);
});

Deno.test("a soak fails where a body is wrong, and says how to repeat it", linux, async () => {
  const { code, text } = await soak("0.02", "--seed=7", "--poison=5");
  assertEquals(code, 1, text);
  assertMatch(text, /^wrong body +[1-9]/m);
  assertMatch(text, /^wrong body: request \d*[05] \(\w+, seed 7\)$/m);
  assertMatch(text, /^\d+ violations; repeat with --seed=7$/m);
});

Deno.test("a process that leaves no turn to its timers is killed, and has failed", async () => {
  const child = (code: string) =>
    new Deno.Command(Deno.execPath(), { args: ["eval", code], stdin: "null" }).spawn();
  assertEquals(await codeWithin(child("for (;;);"), 500), 1);
  assertEquals(await codeWithin(child("Deno.exit(3)"), 60_000), 3);
});

Deno.test("soakOptions() reads minutes and flags, and has defaults", () => {
  const { seed, ...rest } = soakOptions([]);
  assertEquals(rest, { minutes: 2, poison: 0 });
  assert(Number.isInteger(seed));
  const all = { minutes: 0.5, seed: 1, poison: 3 };
  assertEquals(soakOptions(["0.5", "--seed=1", "--poison=3"]), all);
});

Deno.test("soakOptions() refuses what makes no sense, and quotes it", () => {
  for (const arg of ["0", "-1", "x", "Infinity", "--seed=", "--seed=1.5", "--seed=-1"]) {
    assertThrows(() => soakOptions([arg]), Error, JSON.stringify(arg));
  }
  for (const args of [["1", "2"], ["--speed=1"], ["--seed"]]) {
    assertThrows(() => soakOptions(args), TypeError, "must be minutes");
  }
});

Deno.test("the same seed gives the same faults, and all of them in time", () => {
  const list = (seed: number) => Array.from({ length: 50_000 }, (_, id) => exchangeOf(seed, id));
  const [a, b] = [list(1), list(1)];
  assertEquals(a.map(({ kind, detail }) => [kind, detail]), b.map((x) => [x.kind, x.detail]));
  assertEquals(new Set(a.map(({ kind }) => kind)), new Set(Object.keys(kinds)));
  assert(list(2).filter(({ kind }, i) => kind !== a[i].kind).length > 10_000);
});

Deno.test("the report counts each violation, shows some, and adds up", () => {
  const report = new Report();
  report.row("a").count = 5;
  for (let i = 0; i < 30; i++) report.violation("lost request", `number ${i}`);
  report.fault("a", "stall", 2);
  const text = String(report);
  assertEquals(report.violations, 30);
  assertMatch(text, /^lost request +30$/m);
  assertMatch(text, /^a: stall +2$/m);
  assertEquals(text.match(/^lost request: number/gm)?.length, 20);
});

Deno.test("damaged responses are never taken for others", async () => {
  for (let seed = 0; seed < 300; seed++) await responseCase(seed);
});
