import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hasPath, testArgs } from "../../tasks/test.ts";

const tasks = new URL("../../tasks/", import.meta.url);

/** Runs the task in a package of its own that holds the given test modules. */
async function run(modules: Record<string, string>, ...args: string[]) {
  const root = await Deno.makeTempDir();
  try {
    for (const folder of ["tasks", "tests", "deadline"]) await Deno.mkdir(`${root}/${folder}`);
    for (const name of ["test.ts", "config.ts", "summary.ts"]) {
      await Deno.copyFile(new URL(name, tasks), `${root}/tasks/${name}`);
    }
    await Deno.writeTextFile(`${root}/deno.json`, "{}");
    for (const [name, text] of Object.entries(modules)) {
      await Deno.writeTextFile(`${root}/${name}`, text);
    }
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-read", "--allow-run", `${root}/tasks/test.ts`, ...args],
      cwd: root,
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, out, err, last: out.trimEnd().split("\n").at(-1) };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const passing = `Deno.test("adds", () => {});\nDeno.test.ignore("later", () => {});\n`;
const failing = `Deno.test("breaks", () => { throw new Error("broken"); });\n`;
const documented = `/**
 * One.
 *
 * @example
 * \`\`\`ts
 * if (1 + 1 !== 2) throw new Error("wrong");
 * \`\`\`
 */
export const one: number = 1;
`;

Deno.test("hasPath() tells a path from a flag and from the value of a flag", () => {
  assert(hasPath(["tests/net"]));
  assert(hasPath(["--filter", "late", "tests/net"]));
  assert(hasPath(["--filter=late", "tests/net"]));
  assert(!hasPath([]));
  assert(!hasPath(["--filter", "late"]));
  assert(!hasPath(["--fail-fast"]));
  assert(!hasPath(["--", "tests/net"]));
});

Deno.test("testArgs() adds everything only where no path was given", () => {
  const all = testArgs("deno.json", ["--filter", "late"], ["tests", "README.md"]);
  assertEquals(all.slice(-4), ["tests", "README.md", "--filter", "late"]);
  const one = testArgs("deno.json", ["tests/net"], ["tests", "README.md"]);
  assertEquals(one.at(-1), "tests/net");
  assert(!one.includes("README.md"));
});

Deno.test("testArgs() turns the sanitizers on, and types are checked", () => {
  const args = testArgs("deno.json", [], []);
  for (const flag of ["--sanitize-ops", "--sanitize-resources", "--doc"]) {
    assert(args.includes(flag), flag);
  }
  assert(!args.includes("--no-check"));
});

Deno.test("the task ends a green run with its counts, doc tests among them", async () => {
  const { code, last, out } = await run({
    "tests/a_test.ts": passing,
    "deadline.ts": documented,
    "deadline/clock.ts": documented,
  });
  assertEquals([code, last], [0, "3 passed, 0 failed, 1 skipped"], out);
});

Deno.test("the task ends a red run with its counts and the exit code of the run", async () => {
  const { code, last, out } = await run({ "tests/a_test.ts": passing, "tests/b_test.ts": failing });
  assertEquals([code, last], [1, "1 passed, 1 failed, 1 skipped"], out);
  assertStringIncludes(out, "broken");
});

Deno.test("the task counts a module that does not compile as a failure", async () => {
  const { code, last, out, err } = await run({
    "tests/a_test.ts": `${passing}const one: string = 1;\n`,
  });
  assertEquals([code, last], [1, "0 passed, 1 failed"], out);
  assertStringIncludes(err, "TS2322");
});

Deno.test("the task counts a module that throws or exits as a failure", async () => {
  for (const crash of ["Deno.exit(0);\n", 'throw new Error("crashed");\n']) {
    const modules = { "tests/a_test.ts": passing, "tests/b_test.ts": crash };
    const { code, last, out } = await run(modules);
    assertEquals([code, last], [1, "1 passed, 1 failed, 1 skipped"], out);
  }
});

Deno.test("the task runs only what is under the given path", async () => {
  const modules = { "tests/a_test.ts": passing, "tests/b_test.ts": failing };
  const { code, last } = await run(modules, "tests/a_test.ts");
  assertEquals([code, last], [0, "1 passed, 0 failed, 1 skipped"]);
});

Deno.test("the task says so when a filter matches nothing", async () => {
  const { code, last, out } = await run({ "tests/a_test.ts": passing }, "--filter", "nothing");
  assertEquals([code, last], [0, "0 passed, 0 failed"], out);
  assertStringIncludes(out, "No test ran.");
});
