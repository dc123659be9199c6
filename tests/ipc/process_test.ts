import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { Deadline } from "../../deadline.ts";
import { checkCommand, type CommandOptions } from "../../ipc/command_options.ts";
import { CommandError } from "../../ipc/errors.ts";
import { Process } from "../../ipc/process.ts";
import { FakeClock, outcome, settle } from "../support/fake_clock.ts";
import { linux, programTest, running, until } from "./command_helpers.ts";

const silent = { stdin: "null", stdout: "null", stderr: "null" } as const;

function start(script: string, options: CommandOptions = {}, clock?: FakeClock): Process {
  const spec = checkCommand("sh", ["-c", script], options);
  return new Process(spec, silent, new Deadline(options), clock);
}

/** The number in a file, as soon as it is there. */
async function writtenPid(file: string): Promise<number> {
  let text = "";
  await until(() => {
    try {
      return (text = Deno.readTextFileSync(file)).endsWith("\n");
    } catch {
      return false;
    }
  });
  return Number(text);
}

programTest("a process ends with its status, or with the signal that killed it", async () => {
  assertEquals(await start("exit 3").exited, { code: 3, signal: null });
  assertEquals(await start("kill -TERM $$").exited, { code: 143, signal: "SIGTERM" });
});

Deno.test({
  name: "a real-time signal that killed a process is named too",
  ignore: !linux,
  sanitizeResources: false, // the runtime fails to take its status, and keeps its handle
  async fn() {
    assertEquals(await start("kill -40 $$").exited, { code: 168, signal: "SIGRTMIN+6" });
  },
});

programTest("signal() says whether somebody was there to get it", async () => {
  const process = start("exec sleep 60");
  assertEquals([process.alive(), process.signal("SIGTERM")], [true, true]);
  await process.exited;
  assertEquals([process.alive(), process.signal("SIGTERM")], [false, false]);
});

programTest("a group is signalled as a whole", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const process = start(`sleep 60 & echo $! >${dir}/pid; wait`, { group: true });
    const member = await writtenPid(`${dir}/pid`);
    assert(!linux || running(member));
    process.signal("SIGKILL");
    await process.exited;
    if (linux) await until(() => !running(member));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

programTest("settle() gives pipes waitDelay after the end, and no more", async () => {
  const clock = new FakeClock();
  const process = start("exit 0", { waitDelay: 500 }, clock);
  let stopped = false;
  const copy = { done: new Promise<void>(() => {}), stop: () => void (stopped = true) };
  const settled = process.settle([copy]);
  const seen = outcome(settled);
  await process.exited;
  while (clock.timers === 0) await settle();
  await clock.advance(499);
  assertEquals([seen, stopped], [{}, false]);
  await clock.advance(1);
  assertEquals([(await settled).delayed, stopped, clock.timers], [true, true, 0]);
});

programTest("what a group's head has left behind may end as politely as the head", async () => {
  const clock = new FakeClock();
  const ac = new AbortController();
  const dir = await Deno.makeTempDir();
  try {
    // The head is gone when the member is ready; the member ends in its own time.
    const script = `(trap 'until [ -e ${dir}/go ]; do sleep 0.01; done; echo > ${dir}/end; exit' ` +
      `TERM; echo > ${dir}/ready; while :; do sleep 0.01; done) &`;
    const process = start(script, { group: true, signal: ac.signal, killDelay: 5_000 }, clock);
    const settled = process.settle([{ done: new Promise(() => {}), stop() {} }]);
    const seen = outcome(settled);
    const there = (name: string) => {
      try {
        return Deno.statSync(`${dir}/${name}`).isFile;
      } catch {
        return false;
      }
    };
    await process.exited;
    await until(() => there("ready"));
    ac.abort("enough");
    await clock.advance(4_999);
    assertEquals(seen, {});
    await Deno.writeTextFile(`${dir}/go`, "");
    await until(() => there("end"));
    while (seen.value === undefined) await clock.advance(1);
    assertEquals([(await settled).cancelled, clock.timers], [{ reason: "enough" }, 0]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test({
  name: "a group that was killed is not waited for, whoever does not reap its members",
  ignore: !linux,
  async fn() {
    const dir = await Deno.makeTempDir();
    // The one in between leaves the group, and never asks how its child in the group has ended.
    const lazy = `exec setsid sh -c 'echo $$ >${dir}/pid; exec sleep 60'`;
    const process = start(`(sleep 60 & ${lazy}) & exec sleep 60`, { group: true });
    const parent = await writtenPid(`${dir}/pid`);
    try {
      process.signal("SIGKILL");
      await process.exited;
      assertEquals(process.alive(), false);
    } finally {
      Deno.kill(parent, "SIGKILL");
      await Deno.remove(dir, { recursive: true });
    }
  },
});

programTest("settle() kills the process when a copy fails", async () => {
  const process = start("exec sleep 60");
  const error = new Error("disk full");
  const ending = await process.settle([{ done: Promise.reject(error), stop() {} }]);
  assertEquals(ending.failed, { error });
  assertEquals(ending.status.signal, "SIGKILL");
});

programTest("abandon() ends the wait for copies too", async () => {
  const process = start("exec sleep 60");
  const settled = process.settle([{ done: new Promise(() => {}), stop() {} }]);
  process.abandon();
  const { status, delayed } = await settled;
  assertEquals([status.signal, delayed], ["SIGKILL", true]);
});

programTest("what cannot be started is refused with the reason", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/text`, "hello", { mode: 0o644 });
    await Deno.writeTextFile(`${dir}/script`, "#!/no/such/shell\n", { mode: 0o755 });
    const refused = (name: string, options: CommandOptions, code: string, reason: string) => {
      const spec = checkCommand(name, [], options);
      const error = assertThrows(() => new Process(spec, silent, new Deadline()), CommandError);
      assertEquals([error.code, error.message], [code, `start ${JSON.stringify(name)}: ${reason}`]);
      assertInstanceOf(error.cause, Error);
    };
    refused("no-such-program", {}, "ENOENT", "not found in PATH");
    refused(`${dir}/none`, {}, "ENOENT", "no such file");
    refused(dir, {}, "EISDIR", "is a directory");
    refused(`${dir}/text`, {}, "EACCES", "permission denied: it is not executable by us");
    refused(
      `${dir}/text`,
      { dir },
      "EACCES",
      `permission denied: it is not executable by us, or "${dir}" not to be entered`,
    );
    refused(
      `${dir}/script`,
      {},
      "ENOENT",
      "the interpreter that its first line names is missing",
    );
    refused("true", { dir: "/no/such/dir" }, "ENOENT", 'no directory "/no/such/dir"');
    refused("true", { dir: `${dir}/text` }, "ENOTDIR", `"${dir}/text" is not a directory`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

programTest("a working directory that was removed is not taken for a missing program", async () => {
  const before = Deno.cwd();
  const dir = await Deno.makeTempDir();
  Deno.chdir(dir);
  try {
    await Deno.remove(dir);
    assertThrows(() => start("exit 0"), CommandError, "directory of this process has been removed");
  } finally {
    Deno.chdir(before);
  }
});

programTest("a limit that is over starts nothing", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const spec = checkCommand("touch", [`${dir}/file`], {});
    const reason = new Error("before");
    const deadline = new Deadline({ signal: AbortSignal.abort(reason) });
    assertEquals(assertThrows(() => new Process(spec, silent, deadline)), reason);
    assertEquals([...Deno.readDirSync(dir)], []);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
