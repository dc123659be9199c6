import { assert, assertEquals, assertRejects } from "@std/assert";
import { command } from "../../ipc/command.ts";
import { CommandError, ExitError } from "../../ipc/errors.ts";
import { linux, programTest, running } from "./command_helpers.ts";

const sh = (script: string) => command("sh", ["-c", script]);

/** All lines. */
async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const seen: string[] = [];
  for await (const line of lines) seen.push(line);
  return seen;
}

programTest("lines() gives every line, in order, and the end", async () => {
  assertEquals(await all(sh("printf 'a\\nb\\r\\n\\nlast'").lines()), ["a", "b", "", "last"]);
  assertEquals(await all(command("true").lines()), []);
  const many = await all(command("seq", ["50000"]).lines());
  assertEquals(many.length, 50_000);
  assert(many.every((line, i) => line === String(i + 1)));
});

programTest("lines() throws after the last line when the program failed", async () => {
  const seen: string[] = [];
  const error = await assertRejects(async () => {
    for await (const line of sh("echo one; echo bad >&2; exit 5").lines()) seen.push(line);
  }, ExitError);
  assertEquals([seen, error.code, error.message], [["one"], 5, 'run "sh": exit status 5: bad']);
});

programTest("leaving the loop early ends the program without an error", async () => {
  for (const program of ["yes", "sh"]) {
    const cmd = command(program, program === "sh" ? ["-c", "echo y; exec sleep 60"] : []);
    for await (const line of cmd.lines()) {
      assertEquals(line, "y");
      break;
    }
    if (linux) assert(!running(cmd.pid!));
  }
});

programTest("the program is started by the first call, and waits while nobody asks", async () => {
  const cmd = command("yes");
  const lines = cmd.lines();
  assertEquals(cmd.pid, undefined);
  assertEquals(await lines.next(), { done: false, value: "y" });
  assert(cmd.pid !== undefined);
  await lines.return!();
  assertEquals(await lines.next(), { done: true, value: undefined });
});

programTest("calls made at once are served in turn", async () => {
  const lines = command("seq", ["3"]).lines();
  const results = await Promise.all([1, 2, 3, 4, 5].map(() => lines.next()));
  assertEquals(results.map(({ value }) => value), ["1", "2", "3", undefined, undefined]);
});

programTest("return() before the first line starts nothing", async () => {
  const cmd = command("no-such-program");
  const lines = cmd.lines();
  await lines.return!();
  assertEquals(await lines.next(), { done: true, value: undefined });
});

programTest("a line that is too long kills the program", async () => {
  const cmd = command("cat", ["/dev/zero"], { maxOutput: 100_000 });
  const error = await assertRejects(() => all(cmd.lines()), CommandError);
  assertEquals(error.code, "ERR_MAX_OUTPUT");
  const seen: string[] = [];
  const waits = command("sh", ["-c", "echo one; printf 'too long'; exec sleep 60"], {
    maxOutput: 5,
  });
  await assertRejects(async () => {
    for await (const line of waits.lines()) seen.push(line);
  }, CommandError);
  assertEquals(seen, ["one"]);
  const fits = command("seq", ["1000"], { maxOutput: 4 });
  assertEquals((await all(fits.lines())).length, 1000);
});

programTest("a program that cannot be started fails the first line", async () => {
  const lines = command("no-such-program").lines();
  assertEquals((await assertRejects(() => lines.next(), CommandError)).code, "ENOENT");
  assertEquals(await lines.next(), { done: true, value: undefined });
});
