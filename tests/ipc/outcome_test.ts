import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Overflow } from "../../ipc/capture.ts";
import { checkCommand } from "../../ipc/command_options.ts";
import { CommandError, ExitError } from "../../ipc/errors.ts";
import { failureOf, makeOutput } from "../../ipc/outcome.ts";
import type { Ending } from "../../ipc/process.ts";

const spec = checkCommand("prog", [], { maxOutput: 5 });
const well = { code: 0, signal: null };
const badly = { code: 3, signal: null };
const failure = (ending: Partial<Ending>) =>
  failureOf({ spec, pid: 1, ending: { status: well, delayed: false, ...ending } })?.error;

Deno.test("a program that ended well has not failed", () => {
  assertEquals(failure({}), undefined);
});

Deno.test("the reason of a cancellation comes unchanged and before everything else", () => {
  const reason = { any: "thing" };
  const failed = { error: new Error("copy") };
  assertStrictEquals(failure({ cancelled: { reason }, failed, status: badly }), reason);
});

Deno.test("too much output, a failed copy, a bad status and held pipes come in this order", () => {
  const overflow = failure({ failed: { error: new Overflow() }, status: badly, delayed: true });
  assert(overflow instanceof CommandError);
  assertEquals(overflow.message, 'run "prog": killed: its output exceeds 5 bytes');
  assertEquals(overflow.code, "ERR_MAX_OUTPUT");
  const error = new Error("copy");
  assertStrictEquals(failure({ failed: { error }, status: badly, delayed: true }), error);
  const exit = failure({ status: badly, delayed: true });
  assert(exit instanceof ExitError);
  assertEquals(exit.code, 3);
  const held = failure({ delayed: true });
  assert(held instanceof CommandError);
  assertEquals(held.code, "ERR_WAIT_DELAY");
});

Deno.test("an output is bytes, and text from UTF-8", () => {
  const stdout = new TextEncoder().encode("t\u00e4xt\n");
  const output = makeOutput({ stdout, stderr: new Uint8Array(0), code: 0, signal: null });
  assertEquals([output.text(), output.code], ["t\u00e4xt\n", 0]);
  assertStrictEquals(output.stdout, stdout);
});
