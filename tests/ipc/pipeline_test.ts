import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import { type Cmd, command } from "../../ipc/command.ts";
import type { CommandOptions } from "../../ipc/command_options.ts";
import { CommandError, ExitError, PipelineError } from "../../ipc/errors.ts";
import { haveKernelPipes } from "../../ipc/kernel_pipe.ts";
import { pipeline, type PipelineOptions } from "../../ipc/pipeline.ts";
import { decode, encode, linux, programTest, running } from "./command_helpers.ts";

const sh = (script: string, options?: CommandOptions) => command("sh", ["-c", script], options);

/** A test of the same results over kernel pipes and through this process. */
function bothWays(
  name: string,
  body: (
    run: (cmds: Cmd[], options?: PipelineOptions) => ReturnType<typeof pipeline>,
  ) => Promise<void>,
): void {
  for (const kernelPipes of haveKernelPipes() ? [true, false] : [false]) {
    const how = kernelPipes ? "kernel pipes" : "copies";
    programTest(
      `${name} (${how})`,
      () => body((cmds, options) => pipeline(cmds, { kernelPipes, ...options })),
    );
  }
}

async function failed(promise: Promise<unknown>, index: number): Promise<PipelineError> {
  const error = await assertRejects(() => promise, PipelineError);
  assertEquals(error.index, index, error.message);
  return error;
}

bothWays("a pipeline gives the output of its last stage and the end of each", async (run) => {
  const output = await run([
    command("printf", ["b\\na\\nc\\n"]),
    sh("cat; echo note >&2"),
    command("sort"),
  ]);
  assertEquals([output.text(), decode(output.stderr)], ["a\nb\nc\n", "note\n"]);
  assertEquals([output.code, output.signal], [0, null]);
  assertEquals(
    output.stages.map(({ command, code, error }) => [command, code, error]),
    [["printf", 0, null], ["sh", 0, null], ["sort", 0, null]],
  );
});

bothWays("every byte goes through", async (run) => {
  const size = 20_000_003;
  const output = await run([
    command("head", ["-c", String(size), "/dev/zero"]),
    command("tr", ["\\0", "x"]),
    command("cat"),
    command("wc", ["-c"]),
  ]);
  assertEquals(output.text().trim(), String(size));
});

bothWays("one stage is a pipeline too", async (run) => {
  assertEquals((await run([command("echo", ["hi"])])).text(), "hi\n");
});

bothWays("the input comes from the options or the first stage", async (run) => {
  const upper = () => [command("cat"), command("tr", ["a-z", "A-Z"])];
  assertEquals((await run(upper(), { stdin: "text" })).text(), "TEXT");
  const stream = ReadableStream.from([encode("a"), encode("b")]);
  assertEquals((await run(upper(), { stdin: stream })).text(), "AB");
  const own = [command("cat", [], { stdin: "own" }), command("cat")];
  assertEquals((await run(own)).text(), "own");
});

bothWays("the output goes where the options say", async (run) => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>();
  const text = new Response(readable).text();
  const output = await run([command("echo", ["hi"]), command("cat")], { stdout: writable });
  assertEquals([await text, output.stdout.length], ["hi\n", 0]);
});

bothWays("a consumer that ends early ends the producers without an error", async (run) => {
  const output = await run([
    command("yes"),
    command("cat"),
    command("head", ["-n", "2"]),
    command("cat"),
  ]);
  assertEquals(output.text(), "y\ny\n");
  assertEquals(output.stages[0].signal, "SIGPIPE");
  assertEquals(output.stages.map(({ error }) => error), [null, null, null, null]);
});

bothWays("a shell that reports the SIGPIPE of its command has not failed either", async (run) => {
  const output = await run([sh("yes; exit $?"), command("head", ["-n", "1"])]);
  assertEquals([output.text(), output.stages[0].error], ["y\n", null]);
});

bothWays("SIGPIPE in the last stage is a failure", async (run) => {
  const error = await failed(run([command("true"), sh("kill -PIPE $$")]), 1);
  assertInstanceOf(error.cause, ExitError);
  assertEquals(error.cause.signal, "SIGPIPE");
});

bothWays("a failure is reported with its index, whichever stage it is", async (run) => {
  for (let index = 0; index < 3; index++) {
    const stages = [0, 1, 2].map((i) =>
      i === index ? sh("cat; echo bad >&2; exit 7") : command("cat")
    );
    const error = await failed(run(stages, { stdin: "data" }), index);
    assertEquals(error.message, `pipeline stage ${index}: run "sh": exit status 7: bad`);
    assertInstanceOf(error.cause, ExitError);
    assertEquals(error.stages.map(({ code }) => code), [0, 1, 2].map((i) => i === index ? 7 : 0));
    assertEquals(decode(error.stdout), "data");
  }
});

bothWays("of several failures the first stage's is reported, and all are there", async (run) => {
  const error = await failed(run([sh("exit 1"), command("cat"), sh("cat; exit 2")]), 0);
  assertEquals(error.stages.map((s) => s.error !== null), [true, false, true]);
});

bothWays("a stage that cannot be started ends those before it", async (run) => {
  const first = command("sleep", ["60"]);
  const error = await failed(run([first, command("no-such-program"), command("cat")]), 1);
  assertInstanceOf(error.cause, CommandError);
  assertEquals(error.cause.code, "ENOENT");
  assertEquals(error.stages.length, 1);
  if (linux) assert(!running(first.pid!));
});

bothWays("one deadline ends every stage", async (run) => {
  const stages = () => [command("sleep", ["60"]), command("cat"), command("cat")];
  assert(isTimeout(await assertRejects(() => run(stages(), { timeout: 30 }))));
  const controller = new AbortController();
  const reason = new Error("enough");
  const cmds = stages();
  const done = run(cmds, { signal: controller.signal });
  queueMicrotask(() => controller.abort(reason));
  assertStrictEquals(await assertRejects(() => done), reason);
  if (linux) { for (const { pid } of cmds) assert(!running(pid!)); }
});

bothWays("a stage that ignores the polite signal is killed after its killDelay", async (run) => {
  const stubborn = sh("trap '' TERM; while :; do sleep 0.01; done", { killDelay: 50 });
  const error = await assertRejects(() => run([stubborn, command("cat")], { timeout: 30 }));
  assert(isTimeout(error));
});

bothWays("a stage's own limit is a failure of that stage", async (run) => {
  const slow = command("sleep", ["60"], { timeout: 30 });
  const error = await failed(run([slow, command("cat")]), 0);
  assert(isTimeout(error));
});

bothWays("an aborted signal starts no stage", async (run) => {
  const dir = await Deno.makeTempDir();
  try {
    const reason = new Error("before");
    const signal = AbortSignal.abort(reason);
    const touch = () => command("touch", [`${dir}/file`]);
    assertStrictEquals(
      await assertRejects(() => run([touch(), command("cat")], { signal })),
      reason,
    );
    const own = command("cat", [], { signal });
    assertStrictEquals(await assertRejects(() => run([touch(), own])), reason);
    assertEquals([...Deno.readDirSync(dir)], []);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

bothWays("too much output ends the pipeline", async (run) => {
  const error = await failed(
    run([command("yes"), command("cat", [], { maxOutput: 3 })], { timeout: 60_000 }),
    1,
  );
  assertInstanceOf(error.cause, CommandError);
  assertEquals([error.cause.code, decode(error.stdout)], ["ERR_MAX_OUTPUT", "y\ny"]);
});

programTest("what is no pipeline is refused before anything starts", async () => {
  const cat = () => command("cat");
  const refused = async (cmds: Cmd[], message: string, options?: PipelineOptions) => {
    const error = await assertRejects(() => pipeline(cmds, options), TypeError);
    assertStringIncludes(error.message, message);
    for (const { pid } of cmds) assertEquals(pid, undefined);
  };
  await refused([], "at least one command");
  await refused([{} as Cmd], "stage 0 must be made by command(), got [object Object]");
  const one = cat();
  await refused([one, one], "only one stage");
  await refused([one, command("cat", [], { stdin: "x" })], "it reads the stage before");
  await refused([command("cat", [], { stdout: "inherit" }), one], "the next stage reads it");
  const input = command("cat", [], { stdin: "x" });
  await refused([input], "the pipeline has one too", { stdin: "y" });
  await refused([one], "stdin must be", { stdin: 5 as unknown as string });
  assertEquals((await pipeline([one], { stdin: "unharmed" })).text(), "unharmed");

  const error = await assertRejects(() => pipeline([one]), CommandError, "started already");
  assertEquals(error.code, "ERR_STATE");
  const piped = cat();
  const stdout = piped.stdoutPipe();
  await assertRejects(() => pipeline([piped]), CommandError, "pipes of its own");
  await stdout.cancel();
});

programTest("leaving the scope of a stage kills it", async () => {
  let done: Promise<unknown>;
  {
    await using stage = command("sleep", ["60"]);
    done = assertRejects(() => pipeline([stage, command("cat")]), PipelineError);
    while (stage.pid === undefined) await Promise.resolve();
  }
  await done;
});

/** Runs a module under given permissions and gives what it printed. */
async function underPermissions(code: string, flags: string[]): Promise<string> {
  const ipc = new URL("../../ipc/", import.meta.url).href;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const imports = `import { command } from "${ipc}command.ts";\n` +
      `import { pipeline } from "${ipc}pipeline.ts";\n`;
    await Deno.writeTextFile(file, imports + code);
    const args = ["run", "--no-prompt", "--no-config", "--no-check", ...flags, file];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    return decode(stdout) + decode(stderr);
  } finally {
    await Deno.remove(file);
  }
}

const printed = (options: string) =>
  `await pipeline([command("echo", ["hi"]), command("cat")], ${options})
    .then((o) => console.log(o.text()), (error) => console.log(error.name, error.message));`;

programTest("without --allow-ffi the copies serve, unless kernel pipes are asked for", async () => {
  assertEquals(await underPermissions(printed("{}"), ["--allow-run=echo,cat"]), "hi\n\n");
  const refused = await underPermissions(printed("{ kernelPipes: true }"), ["--allow-run"]);
  assertStringIncludes(refused, "UnsupportedError");
  assertStringIncludes(refused, "--allow-ffi");
});

programTest("a missing permission for one stage names that stage and the flag", async () => {
  const denied = await underPermissions(printed("{}"), ["--allow-run=echo"]);
  assertStringIncludes(denied, "PipelineError pipeline stage 1");
  assertStringIncludes(denied, "--allow-run");
});
