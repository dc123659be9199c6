/** What a command is told, and the checks before anything happens. */
import { Deadline, type WaitOptions } from "../deadline.ts";
import { quote } from "./checks.ts";
import { checkProgram } from "./look_path.ts";
import { checkSignal } from "./signal_names.ts";

/** Anything that reads as `Deno.FsFile` and `Conn` do. */
export interface StdinReader {
  /** Reads into `p`: how many bytes, or `null` at the end. */
  read(p: Uint8Array): Promise<number | null>;
}

/**
 * What a program reads as its standard input: a text (as UTF-8), bytes, a stream (cancelled when
 * the program is gone), a file or anything else that reads (it stays open), `Deno.stdin` itself
 * (handed on, not copied), or `null`: nothing at all.
 */
export type StdinSource = string | Uint8Array | ReadableStream<Uint8Array> | StdinReader | null;

/**
 * Where what a program writes goes: `"inherit"`, to where our own goes; a stream, which is closed
 * at the end; or `null`, nowhere.
 */
export type OutputSink = "inherit" | WritableStream<Uint8Array> | null;

/** How a program is run. */
export interface CommandOptions extends WaitOptions {
  /** The working directory; ours by default. */
  dir?: string | URL;
  /** Environment variables on top of ours. */
  env?: Readonly<Record<string, string>>;
  /** Leaves our own environment out; `false` by default. */
  clearEnv?: boolean;
  /** The standard input; `null` by default, unless `stdinPipe()` is used. */
  stdin?: StdinSource;
  /** The standard output, where nothing captures it; `null` by default. */
  stdout?: OutputSink;
  /**
   * The standard error; by default its first and last 32 KiB are kept for the error. A program in
   * the background that was given it is waited for then: see `waitDelay`, or set `null`.
   */
  stderr?: OutputSink;
  /** What asks the program to end when it is cancelled; `"SIGTERM"` by default. */
  cancelSignal?: Deno.Signal;
  /**
   * Milliseconds from there to `SIGKILL`; 5,000 by default. `0`: never. Negative: at once.
   */
  killDelay?: number;
  /**
   * Milliseconds to wait, after the program has ended, for the end of output that somebody it
   * started still holds. `0`: no limit, which is the default; 1,000 by default when the program
   * was cancelled. Negative: not at all.
   */
  waitDelay?: number;
  /**
   * Makes the program the head of a process group of its own, which is signalled as a whole.
   * `false` by default. Needs `--allow-run` without a list; not on Windows.
   */
  group?: boolean;
  /**
   * The most bytes to capture; more, and the program is killed. For `lines()` it is the longest
   * line. `0` or `undefined`: no limit.
   */
  maxOutput?: number;
}

/** A command, checked. */
export interface Spec {
  readonly name: string;
  readonly args: readonly string[];
  readonly options: Readonly<CommandOptions>;
  /** What the runtime is told. */
  readonly runtime: Deno.CommandOptions;
}

function checkDelay(name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== "number") {
    throw new TypeError(`${name} must be a number of milliseconds, got ${quote(value)}`);
  }
  if (Number.isNaN(value)) throw new RangeError(`${name} must not be NaN`);
}

/** Refuses an environment that the system cannot carry: it is texts `name=value`, ended by NUL. */
function checkEnv(env: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(env)) {
    if (name === "" || name.includes("=") || name.includes("\0")) {
      throw new TypeError(
        `an env name must not be empty nor contain "=" or NUL, got ${JSON.stringify(name)}`,
      );
    }
    if (typeof value !== "string" || value.includes("\0")) {
      throw new TypeError(`env ${name} must be a string without NUL, got ${quote(value)}`);
    }
  }
}

/** Refuses what cannot be a program's input. */
export function checkStdin(stdin: unknown): void {
  if (stdin === undefined || stdin === null || typeof stdin === "string") return;
  if (stdin instanceof Uint8Array) return;
  if (stdin instanceof ReadableStream) {
    if (stdin.locked) {
      throw new TypeError("stdin is a stream that somebody else reads: it is locked");
    }
    return;
  }
  if (typeof (stdin as Partial<StdinReader>).read === "function") return;
  throw new TypeError(
    `stdin must be a string, bytes, a stream, a file or null, got ${quote(stdin)}`,
  );
}

/** Refuses what cannot take a program's output. */
export function checkOutput(name: string, sink: unknown): void {
  if (sink === undefined || sink === null || sink === "inherit") return;
  if (sink instanceof WritableStream) {
    if (!sink.locked) return;
    throw new TypeError(`${name} is a stream that somebody else writes to: it is locked`);
  }
  throw new TypeError(`${name} must be "inherit", a stream or null, got ${quote(sink)}`);
}

/** Checks everything about a command that can be checked before it is started. */
export function checkCommand(
  name: string,
  args: readonly string[],
  options: CommandOptions,
): Spec {
  checkProgram(name);
  if (!Array.isArray(args)) throw new TypeError(`args must be an array, got ${quote(args)}`);
  for (const arg of args) {
    if (typeof arg === "string" && !arg.includes("\0")) continue;
    throw new TypeError(`an argument must be a string without NUL, got ${quote(arg)}`);
  }
  const { dir, env, clearEnv, cancelSignal, killDelay, waitDelay, group, maxOutput } = options;
  const isUrl = dir instanceof URL && dir.protocol === "file:";
  if (dir !== undefined && typeof dir !== "string" && !isUrl) {
    throw new TypeError(`dir must be a path or a file URL, got ${quote(dir)}`);
  }
  if (typeof dir === "string" && (dir === "" || dir.includes("\0"))) {
    throw new TypeError(`dir must not be empty nor contain NUL, got ${quote(dir)}`);
  }
  if (env !== undefined) checkEnv(env);
  checkStdin(options.stdin);
  checkOutput("stdout", options.stdout);
  checkOutput("stderr", options.stderr);
  if (cancelSignal !== undefined) checkSignal(cancelSignal);
  checkDelay("killDelay", killDelay);
  checkDelay("waitDelay", waitDelay);
  if (maxOutput !== undefined && !(Number.isInteger(maxOutput) && maxOutput >= 0)) {
    throw new RangeError(`maxOutput must be a whole number of bytes, got ${quote(maxOutput)}`);
  }
  new Deadline(options); // checks the limits; they count from the start
  const runtime = { args: [...args], cwd: dir, env: env && { ...env }, clearEnv, detached: group };
  return { name, args: [...args], options: { ...options }, runtime };
}
