import { assertEquals, assertStrictEquals } from "@std/assert";
import { CommandError, ExitError, PipelineError, SignalError } from "../../ipc/errors.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("ExitError says how the program ended and ends with its last words", () => {
  const error = new ExitError({
    command: "ls",
    code: 2,
    signal: null,
    pid: 7,
    stderr: encode("first\nls: no such file\n\n"),
  });
  assertEquals(error.message, 'run "ls": exit status 2: ls: no such file');
  assertEquals([error.name, error.code, error.signal, error.pid], ["ExitError", 2, null, 7]);
  assertEquals(error.stdout.length, 0);
  const killed = new ExitError({ command: "x", code: 137, signal: "SIGKILL", pid: 7 });
  assertEquals(killed.message, 'run "x": killed by SIGKILL');
});

Deno.test("ExitError cuts last words that would not end", () => {
  const stderr = encode("x".repeat(5_000));
  const error = new ExitError({ command: "c", code: 1, signal: null, pid: 1, stderr });
  assertEquals(error.message, `run "c": exit status 1: ${"x".repeat(200)}...`);
});

Deno.test("CommandError names the attempt, the program and the reason", () => {
  const cause = new Error("because");
  const error = new CommandError({
    op: "start",
    command: "a b",
    code: "ENOENT",
    reason: "not found in PATH",
    cause,
  });
  assertEquals(error.message, 'start "a b": not found in PATH');
  assertEquals([error.name, error.code, error.command], ["CommandError", "ENOENT", "a b"]);
  assertStrictEquals(error.cause, cause);
});

Deno.test("PipelineError carries the stage's own error as its cause", () => {
  const cause = new ExitError({ command: "b", code: 3, signal: null, pid: 2 });
  const stdout = new Uint8Array(0);
  const error = new PipelineError({ index: 1, command: "b", cause, stages: [], stdout });
  assertEquals(error.message, 'pipeline stage 1: run "b": exit status 3');
  assertEquals([error.code, error.index], ["ERR_PIPELINE", 1]);
  assertStrictEquals(error.cause, cause);
});

Deno.test("SignalError names the signal", () => {
  const error = new SignalError("SIGINT");
  assertEquals([error.name, error.code, error.signal], ["SignalError", "ERR_SIGNAL", "SIGINT"]);
  assertEquals(error.message, "received SIGINT");
});
