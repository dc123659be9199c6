import { assertEquals, assertThrows } from "@std/assert";
import { checkCommand, type CommandOptions } from "../../ipc/command_options.ts";

/** Options as a caller without types may pass them. */
const refused = (options: Record<string, unknown>, kind: typeof Error, message: string) =>
  assertThrows(() => checkCommand("x", [], options as CommandOptions), kind, message);

Deno.test("a command is copied: what happens to the arguments later does not matter", () => {
  const args = ["a"];
  const env = { A: "1" };
  const spec = checkCommand("x", args, { env });
  args.push("b");
  env.A = "2";
  assertEquals([spec.args, spec.runtime.args, spec.runtime.env], [["a"], ["a"], { A: "1" }]);
});

Deno.test("names and arguments must be what a program can be given", () => {
  for (const name of ["", "a\0b", 5, null]) {
    assertThrows(() => checkCommand(name as string, [], {}), TypeError, "command must");
  }
  assertThrows(() => checkCommand("x", "a" as unknown as string[], {}), TypeError, "args must be");
  assertThrows(() => checkCommand("x", ["a\0"], {}), TypeError, 'without NUL, got "a\\u0000"');
  assertThrows(() => checkCommand("x", [5 as unknown as string], {}), TypeError, "got 5");
});

Deno.test("environment names and values must be what the system can carry", () => {
  for (const name of ["", "A=B", "A\0"]) {
    refused({ env: { [name]: "x" } }, TypeError, "an env name must not be empty");
  }
  refused({ env: { A: "x\0y" } }, TypeError, "env A must be a string without NUL");
  refused({ env: { A: 5 } }, TypeError, "env A must be a string without NUL, got 5");
});

Deno.test("every option says what it must be", () => {
  refused({ dir: "" }, TypeError, "dir must not be empty");
  refused({ dir: 5 }, TypeError, "dir must be a path or a file URL, got 5");
  refused({ dir: new URL("http://a/") }, TypeError, "dir must be a path or a file URL, got http:");
  refused(
    { stdin: 5 },
    TypeError,
    "stdin must be a string, bytes, a stream, a file or null, got 5",
  );
  refused(
    { stdout: "piped" },
    TypeError,
    'stdout must be "inherit", a stream or null, got "piped"',
  );
  refused({ stderr: 5 }, TypeError, "stderr must be");
  refused({ cancelSignal: "SIGFOO" }, TypeError, 'unknown signal "SIGFOO"');
  refused({ killDelay: "5" }, TypeError, 'killDelay must be a number of milliseconds, got "5"');
  refused({ waitDelay: NaN }, RangeError, "waitDelay must not be NaN");
  refused({ maxOutput: -1 }, RangeError, "maxOutput must be a whole number of bytes, got -1");
  refused({ maxOutput: 1.5 }, RangeError, "got 1.5");
  refused({ timeout: "5" }, TypeError, 'timeout must be a number of milliseconds, got "5"');
  refused({ signal: {} }, TypeError, "signal must be an AbortSignal");
});

Deno.test("a stream that somebody else uses is refused", () => {
  const readable = new ReadableStream<Uint8Array>();
  readable.getReader();
  refused({ stdin: readable }, TypeError, "it is locked");
  const writable = new WritableStream<Uint8Array>();
  writable.getWriter();
  refused({ stdout: writable }, TypeError, "it is locked");
});
