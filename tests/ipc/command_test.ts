import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import { Cmd, command } from "../../ipc/command.ts";
import type { CommandOptions } from "../../ipc/command_options.ts";
import { CommandError, ExitError } from "../../ipc/errors.ts";
import {
  decode,
  encode,
  installed,
  linux,
  programTest,
  running,
  until,
} from "./command_helpers.ts";

const sh = (script: string, options?: CommandOptions) => command("sh", ["-c", script], options);

async function stateError(body: () => unknown, reason: string): Promise<void> {
  const error = await assertRejects(async () => await body(), CommandError);
  assertEquals(error.code, "ERR_STATE");
  assertStringIncludes(error.message, reason);
}

/** Reads a stream to its end. */
const text = (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => new Response(stream).text();

programTest("run() ends well or with an ExitError that says everything", async () => {
  await command("true").run();
  const cmd = sh("echo out; echo one >&2; echo two >&2; exit 3");
  const error = await assertRejects(() => cmd.run(), ExitError);
  assertEquals([error.code, error.signal, error.pid, error.command], [3, null, cmd.pid!, "sh"]);
  assertEquals(error.message, 'run "sh": exit status 3: two');
  assertEquals(decode(error.stderr), "one\ntwo\n");
  const killed = await assertRejects(() => sh("kill -KILL $$").run(), ExitError);
  assertEquals([killed.code, killed.signal], [137, "SIGKILL"]);
});

programTest("output() gives what the program wrote, also when it failed", async () => {
  const output = await sh("echo out; echo err >&2").output();
  assertEquals([output.text(), decode(output.stderr)], ["out\n", "err\n"]);
  assertEquals([output.code, output.signal], [0, null]);
  const error = await assertRejects(() => sh("echo out; exit 1").output(), ExitError);
  assertEquals(decode(error.stdout), "out\n");
});

programTest("a failure carries head and tail of a long standard error", async () => {
  const error = await assertRejects(
    () => sh("seq 100000 >&2; echo the end >&2; exit 1").output(),
    ExitError,
  );
  const kept = decode(error.stderr);
  assert(kept.startsWith("1\n2\n3\n") && kept.endsWith("100000\nthe end\n"));
  assertStringIncludes(kept, "bytes left out");
  assert(error.stderr.length < 66 * 1024);
});

programTest("combinedOutput() has both streams", async () => {
  const output = await sh("echo out; sleep 0.05; echo err >&2").combinedOutput();
  assertEquals([output.text(), output.stderr.length], ["out\nerr\n", 0]);
  const error = await assertRejects(() => sh("echo x >&2; exit 2").combinedOutput(), ExitError);
  assertEquals(decode(error.stdout), "x\n");
});

programTest("dir, env and clearEnv are what the program sees", async () => {
  const dir = await Deno.realPath(await Deno.makeTempDir());
  try {
    assertEquals((await command("pwd", [], { dir }).output()).text(), `${dir}\n`);
    const env = { PLUMB_TEST: "a=b c" };
    assertEquals((await sh('echo "$PLUMB_TEST"', { env }).output()).text(), "a=b c\n");
    const bare = await command("/usr/bin/env", [], { env, clearEnv: true }).output();
    assertEquals(bare.text(), "PLUMB_TEST=a=b c\n");
  } finally {
    await Deno.remove(dir);
  }
});

programTest("stdin is a text, bytes, a stream, a file or nothing", async () => {
  const cat = async (stdin: CommandOptions["stdin"]) =>
    (await command("cat", [], { stdin }).output()).text();
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "from a file");
    using file = await Deno.open(path);
    assertEquals(await cat(file), "from a file");
    assertEquals(await file.read(new Uint8Array(1)), null); // still open
  } finally {
    await Deno.remove(path);
  }
  assertEquals(await cat("t\u00e4xt"), "t\u00e4xt");
  assertEquals(await cat(encode("bytes")), "bytes");
  assertEquals(await cat(ReadableStream.from([encode("a"), encode("b")])), "ab");
  assertEquals([await cat(""), await cat(null), await cat(undefined)], ["", "", ""]);
  const big = "0123456789".repeat(300_000);
  assertEquals(await cat(big), big);
});

programTest("a program that reads only the head of its input is no failure", async () => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1000).fill(66)),
    cancel: () => void (cancelled = true),
  });
  const output = await command("head", ["-c", "3"], { stdin: endless }).output();
  assertEquals([output.text(), cancelled], ["BBB", true]);
  let idleCancelled = false;
  const idle = new ReadableStream<Uint8Array>({ cancel: () => void (idleCancelled = true) });
  await command("true", [], { stdin: idle }).run();
  assertEquals(idleCancelled, true);
});

programTest("a source that fails makes the run fail", async () => {
  const error = new Error("no more");
  const stdin = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(error) });
  assertStrictEquals(await assertRejects(() => command("cat", [], { stdin }).run()), error);
});

programTest("stdout and stderr may go to streams, which are closed at the end", async () => {
  const collect = () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>();
    return { writable, text: text(readable) };
  };
  const out = collect(), err = collect();
  await sh("echo out; echo err >&2", { stdout: out.writable, stderr: err.writable }).run();
  assertEquals([await out.text, await err.text], ["out\n", "err\n"]);
});

programTest("a sink that fails kills the program", async () => {
  const error = new Error("disk full");
  const stdout = new WritableStream({ write: () => Promise.reject(error) });
  assertStrictEquals(await assertRejects(() => command("yes", [], { stdout }).run()), error);
});

programTest("pipes are made before the start and read to the end before wait()", async () => {
  const cmd = sh("cat; echo done >&2");
  const stdin = cmd.stdinPipe();
  const stdout = cmd.stdoutPipe();
  const stderr = cmd.stderrPipe();
  cmd.start();
  const writer = stdin.getWriter();
  await writer.write(encode("hello"));
  await writer.close();
  assertEquals([await text(stdout), await text(stderr)], ["hello", "done\n"]);
  await cmd.wait();
});

programTest("wait() lets whoever is reading a pipe read on to its end", async () => {
  const cmd = command("head", ["-c", "3000000", "/dev/zero"]);
  const bytes = new Response(cmd.stdoutPipe()).bytes();
  cmd.start();
  await cmd.wait();
  assertEquals((await bytes).length, 3_000_000);
});

programTest("wait() closes a pipe that nobody reads", async () => {
  const cmd = sh("echo unread");
  const stdout = cmd.stdoutPipe();
  cmd.start();
  await cmd.wait();
  assertEquals(await text(stdout), "");
});

programTest("writing to a program that has ended fails", async () => {
  const cmd = command("true");
  const writer = cmd.stdinPipe().getWriter();
  cmd.start();
  await cmd.wait();
  await assertRejects(() => writer.write(encode("x")), CommandError, "it has ended");
});

programTest("a command is started once and waited for once", async () => {
  const cmd = command("true");
  await stateError(() => cmd.wait(), "not started");
  await stateError(() => cmd.kill(), "not started");
  assertEquals(cmd.pid, undefined);
  cmd.start();
  await stateError(() => cmd.start(), "started already");
  await stateError(() => cmd.run(), "started already");
  await stateError(() => cmd.output(), "started already");
  await stateError(() => cmd.lines(), "started already");
  for (const pipe of ["stdinPipe", "stdoutPipe", "stderrPipe"] as const) {
    await stateError(() => cmd[pipe](), "started already");
  }
  await cmd.wait();
  await stateError(() => cmd.wait(), "waited for already");
  assertEquals(cmd.kill(), false);
});

Deno.test("pipes and captures that exclude each other are refused before the start", async () => {
  const cmd = new Cmd("cat");
  const pipe = cmd.stdoutPipe();
  await stateError(() => cmd.stdoutPipe(), "has one already");
  await stateError(() => cmd.output(), "stdoutPipe() has its output");
  await stateError(() => cmd.combinedOutput(), "stdoutPipe() has its output");
  await stateError(() => cmd.lines(), "stdoutPipe() has its output");
  const sent = command("cat", [], { stdout: "inherit", stderr: "inherit" });
  await assertRejects(() => sent.output(), TypeError, "the option stdout has its output");
  await assertRejects(() => sent.combinedOutput(), TypeError, "the option stdout");
  assertThrows(() => sent.lines(), TypeError, "the option stdout has its output");
  assertThrows(() => command("cat", [], { stdin: "x" }).stdinPipe(), TypeError, "exclude");
  assertThrows(() => command("cat", [], { stdout: "inherit" }).stdoutPipe(), TypeError, "exclude");
  await cmd[Symbol.asyncDispose]();
  await assertRejects(() => text(pipe), CommandError, "disposed of");
  await stateError(() => cmd.start(), "started already");
});

programTest("a command that cannot be started fails its pipes too", async () => {
  const cmd = command("no-such-program");
  const stdout = text(cmd.stdoutPipe());
  assertEquals(assertThrows(() => cmd.start(), CommandError).code, "ENOENT");
  await assertRejects(() => stdout, CommandError, "not found in PATH");
  await stateError(() => cmd.wait(), "not started");
});

programTest("an aborted signal never starts the program", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const reason = new Error("before");
    const signal = AbortSignal.abort(reason);
    const touch = () => command("touch", [`${dir}/file`], { signal });
    assertStrictEquals(await assertRejects(() => touch().run()), reason);
    assertStrictEquals(await assertRejects(() => touch().output()), reason);
    assertStrictEquals(await assertRejects(() => touch().lines().next()), reason);
    assertStrictEquals(assertThrows(() => touch().start()), reason);
    const late = command("touch", [`${dir}/file`], { timeout: -1 });
    assert(isTimeout(await assertRejects(() => late.run())));
    assertEquals([...Deno.readDirSync(dir)], []);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

programTest("an abort ends the program at every stage, with the reason unchanged", async () => {
  const reason = new Error("enough");
  const stages: [string, (cmd: Cmd) => Promise<unknown>, string][] = [
    ["run", (cmd) => cmd.run(), "exec sleep 60"],
    ["output", (cmd) => cmd.output(), "echo x; exec sleep 60"],
    ["combinedOutput", (cmd) => cmd.combinedOutput(), "exec sleep 60"],
    ["lines", async (cmd) => {
      for await (const _ of cmd.lines());
    }, "echo x; exec sleep 60"],
    ["start and wait", (cmd) => (cmd.start(), cmd.wait()), "exec sleep 60"],
    ["a pipe", (cmd) => {
      const read = text(cmd.stdoutPipe());
      cmd.start();
      return Promise.all([read, cmd.wait()]);
    }, "exec sleep 60"],
  ];
  for (const [name, use, script] of stages) {
    const controller = new AbortController();
    const cmd = sh(script, { signal: controller.signal });
    const done = assertRejects(() => use(cmd), name);
    await until(() => cmd.pid !== undefined);
    controller.abort(reason);
    assertStrictEquals(await done, reason, name);
    if (linux) assert(!running(cmd.pid!), name);
  }
});

programTest("a timeout ends the program with an error that is one", async () => {
  const cmd = command("sleep", ["60"], { timeout: 20 });
  const error = await assertRejects(() => cmd.run());
  assert(isTimeout(error));
  assertStringIncludes((error as Error).message, "run");
});

programTest("a program that ignores the polite signal is killed after killDelay", async () => {
  const controller = new AbortController();
  const cmd = sh("trap '' TERM; echo ready; while :; do sleep 0.01; done", {
    signal: controller.signal,
    killDelay: 50,
  });
  const lines = cmd.lines();
  assertEquals(await lines.next(), { done: false, value: "ready" });
  const reason = new Error("enough");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => lines.next()), reason);
});

programTest("cancelSignal is what the program gets first", async () => {
  const controller = new AbortController();
  const cmd = sh("trap 'echo caught; exit' USR1; echo ready; while :; do sleep 0.01; done", {
    signal: controller.signal,
    cancelSignal: "SIGUSR1",
    killDelay: 0,
  });
  const seen: string[] = [];
  await assertRejects(async () => {
    for await (const line of cmd.lines()) {
      seen.push(line);
      if (line === "ready") controller.abort();
    }
  });
  assertEquals(seen, ["ready", "caught"]);
});

programTest(
  "a grandchild that holds the output is waited for no longer than waitDelay",
  async () => {
    const error = await assertRejects(
      () => sh("sleep 30 & echo $!", { waitDelay: 50 }).output(),
      CommandError,
    );
    assertEquals(error.code, "ERR_WAIT_DELAY");
    const grandchild = Number(decode(error.stdout));
    assert(grandchild > 0);
    Deno.kill(grandchild, "SIGKILL");
    const failing = sh("sleep 30 & echo $!; exit 4", { waitDelay: 50 });
    const exit = await assertRejects(() => failing.output(), ExitError);
    assertEquals(exit.code, 4);
    Deno.kill(Number(decode(exit.stdout)), "SIGKILL");
  },
);

programTest(
  "with group the whole tree goes, the grandchild that holds the output too",
  async () => {
    const controller = new AbortController();
    const cmd = sh("sleep 60 & echo $!; wait", {
      group: true,
      signal: controller.signal,
      killDelay: 50,
    });
    const lines = cmd.lines();
    const grandchild = Number((await lines.next()).value);
    assert(!linux || running(grandchild));
    controller.abort();
    await assertRejects(() => lines.next(), DOMException);
    if (linux) await until(() => !running(grandchild));
  },
);

programTest("too much output kills the program and leaves what fits", async () => {
  const error = await assertRejects(() => command("yes", [], { maxOutput: 5 }).output());
  assertInstanceOf(error, CommandError);
  assertEquals([error.code, decode(error.stdout)], ["ERR_MAX_OUTPUT", "y\ny\ny"]);
  const both = await assertRejects(() => sh("yes >&2", { maxOutput: 5 }).combinedOutput());
  assertInstanceOf(both, CommandError);
  assertEquals(decode(both.stdout), "y\ny\ny");
  const exact = await command("printf", ["12345"], { maxOutput: 5 }).output();
  assertEquals(exact.text(), "12345");
});

programTest("leaving the scope kills what still runs", async () => {
  let pid: number;
  {
    await using cmd = command("sleep", ["60"]);
    cmd.start();
    pid = cmd.pid!;
  }
  if (linux) assert(!running(pid));
  {
    await using cmd = sh("sleep 60 & exec sleep 60", { group: true });
    cmd.stdoutPipe();
    cmd.start();
  }
  await using _unused = command("true");
});

programTest("kill() sends a signal to the program", async () => {
  const cmd = command("sleep", ["60"]);
  cmd.start();
  assertEquals(cmd.kill("SIGINT"), true);
  assertEquals((await assertRejects(() => cmd.wait(), ExitError)).signal, "SIGINT");
  assertThrows(() => cmd.kill("SIGFOO" as Deno.Signal), TypeError, "unknown signal");
});

programTest("no listener stays on a long-lived signal", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  await command("true", [], { signal }).run();
  await command("echo", [], { signal }).output();
  for await (const _ of command("echo", ["x"], { signal }).lines());
  assertEquals(listeners, 0);
});

programTest("a program in Python gets its signal and tells", async () => {
  if (!installed("python3", "-V")) return;
  const script = [
    "import signal, sys, time",
    "def on(number, frame):",
    "    print('got', signal.Signals(number).name, flush=True)",
    "    sys.exit(7)",
    "signal.signal(signal.SIGTERM, on)",
    "print('ready', flush=True)",
    "while True: time.sleep(1)",
  ].join("\n");
  const cmd = command("python3", ["-c", script]);
  const seen: string[] = [];
  const error = await assertRejects(async () => {
    for await (const line of cmd.lines()) {
      seen.push(line);
      if (line === "ready") cmd.kill();
    }
  }, ExitError);
  assertEquals([seen, error.code], [["ready", "got SIGTERM"], 7]);
});

/** Runs a module under given permissions and gives what it printed. */
async function underPermissions(code: string, flags: string[]): Promise<string> {
  const module = new URL("../../ipc/command.ts", import.meta.url).href;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, `import { command } from "${module}";\n${code}`);
    const args = ["run", "--no-prompt", "--no-config", "--no-check", ...flags, file];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    return decode(stdout) + decode(stderr);
  } finally {
    await Deno.remove(file);
  }
}

programTest("a missing permission names its flag", async () => {
  const run = `await command("echo", ["hi"]).output().then((o) => console.log(o.text()), ` +
    `(error) => console.log(error.name, error.message));`;
  const denied = await underPermissions(run, []);
  assertStringIncludes(denied, "NotCapable");
  assertStringIncludes(denied, "--allow-run");
  assertEquals(await underPermissions(run, ["--allow-run=echo"]), "hi\n\n");
  const group = `try { command("sleep", ["9"], { group: true }).start(); } ` +
    `catch (error) { console.log(error.name, error.message); }`;
  const partial = await underPermissions(group, ["--allow-run=sleep"]);
  assertStringIncludes(partial, "UnsupportedError");
  assertStringIncludes(partial, "--allow-run without a list");
});
