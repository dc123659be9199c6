/** What goes wrong with commands and signals, one class for each thing a caller may want to catch. */

const decoder = new TextDecoder();
const nothing = new Uint8Array(0);

/** The last line that a program has left on its standard error, for a message. */
function lastLine(stderr: Uint8Array): string {
  const text = decoder.decode(stderr.subarray(-1024)).trimEnd();
  const line = text.slice(text.lastIndexOf("\n") + 1).trim();
  return line.length > 200 ? `${line.slice(0, 200)}...` : line;
}

/** What an {@linkcode ExitError} is made of. */
export interface ExitErrorInit {
  /** The program, as it was named. */
  command: string;
  /** The exit status; for a program that a signal killed 128 and its number, as in a shell. */
  code: number;
  /** The signal that killed it, or `null`. */
  signal: string | null;
  /** The process it was. */
  pid: number;
  /** What was captured of its standard output; nothing by default. */
  stdout?: Uint8Array;
  /** The head and tail of its standard error; nothing by default. */
  stderr?: Uint8Array;
}

/**
 * A program that ran and failed: it ended with a status other than 0, or a signal killed it. As
 * Go's `exec.ExitError`.
 *
 * ```ts
 * import { command, ExitError } from "@plumb/plumb/ipc";
 *
 * try {
 *   await command("sh", ["-c", "echo no such thing >&2; exit 3"]).run();
 * } catch (error) {
 *   // run "sh": exit status 3: no such thing
 *   if (error instanceof ExitError) console.log(error.message, error.code); // 3
 * }
 * ```
 */
export class ExitError extends Error {
  /** Always `"ExitError"`. */
  override readonly name = "ExitError";
  /** The program, as it was named. */
  readonly command: string;
  /** The exit status; for a program that a signal killed 128 and its number, as in a shell. */
  readonly code: number;
  /** The signal that killed it, such as `"SIGTERM"` or `"SIGRTMIN+6"`, or `null`. */
  readonly signal: string | null;
  /** The process it was. */
  readonly pid: number;
  /** What was captured of its standard output. */
  readonly stdout: Uint8Array;
  /** The first and the last 32 KiB of its standard error, unless that was sent elsewhere. */
  readonly stderr: Uint8Array;

  /**
   * Makes the message from the parts; the last line of `stderr` is its end.
   *
   * @param init The parts.
   */
  constructor(init: ExitErrorInit) {
    const { command, code, signal, pid, stdout = nothing, stderr = nothing } = init;
    const how = signal === null ? `exit status ${code}` : `killed by ${signal}`;
    const why = lastLine(stderr);
    super(`run ${JSON.stringify(command)}: ${how}${why === "" ? "" : `: ${why}`}`);
    this.command = command;
    this.code = code;
    this.signal = signal;
    this.pid = pid;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

/** What a {@linkcode CommandError} is made of. */
export interface CommandErrorInit {
  /** What was attempted: `"start"`, `"run"`, `"look up"`. */
  op: string;
  /** The program, as it was named. */
  command: string;
  /** A stable code. */
  code: string;
  /** Why it failed, in a few words. */
  reason: string;
  /** What was captured of its standard output before; nothing by default. */
  stdout?: Uint8Array;
  /** The head and tail of its standard error before; nothing by default. */
  stderr?: Uint8Array;
  /** The error behind this one. */
  cause?: unknown;
}

/**
 * A program that could not be started or was not run to its end. As Go's `exec.Error`, with
 * `exec.ErrNotFound`, `exec.ErrWaitDelay` and the like as codes:
 *
 * - `"ENOENT"`: there is no such program, or no such directory to run it in; `"EACCES"`: it may
 *   not be executed; `"EISDIR"`: it is a directory; other codes of the system as they are.
 * - `"ERR_DOT"`: `PATH` leads to it only by way of the current directory.
 * - `"ERR_MAX_OUTPUT"`: it was killed for it wrote more than `maxOutput`; `stdout` has the rest.
 * - `"ERR_WAIT_DELAY"`: it ended well, but somebody else still held its output `waitDelay` later.
 *
 * ```ts
 * import { command, CommandError } from "@plumb/plumb/ipc";
 *
 * try {
 *   await command("no-such-program").run();
 * } catch (error) {
 *   // start "no-such-program": not found in PATH
 *   if (error instanceof CommandError) console.log(error.message, error.code); // ENOENT
 * }
 * ```
 */
export class CommandError extends Error {
  /** Always `"CommandError"`. */
  override readonly name = "CommandError";
  /** The program, as it was named. */
  readonly command: string;
  /** A stable code, such as `"ENOENT"`. */
  readonly code: string;
  /** Why it failed, in a few words. */
  readonly reason: string;
  /** What was captured of its standard output before. */
  readonly stdout: Uint8Array;
  /** The head and tail of its standard error before. */
  readonly stderr: Uint8Array;

  /**
   * Makes the message from the parts.
   *
   * @param init The parts.
   */
  constructor(init: CommandErrorInit) {
    const { op, command, code, reason, stdout = nothing, stderr = nothing } = init;
    super(
      `${op} ${JSON.stringify(command)}: ${reason}`,
      "cause" in init ? { cause: init.cause } : undefined,
    );
    this.command = command;
    this.code = code;
    this.reason = reason;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

/**
 * A signal that came, as the reason of the `AbortSignal` of `notifyContext()`.
 *
 * ```ts
 * import { SignalError } from "@plumb/plumb/ipc";
 *
 * console.log(new SignalError("SIGTERM").message); // received SIGTERM
 * ```
 */
export class SignalError extends Error {
  /** Always `"SignalError"`. */
  override readonly name = "SignalError";
  /** Always `"ERR_SIGNAL"`. */
  readonly code = "ERR_SIGNAL";
  /** The signal. */
  readonly signal: Deno.Signal;

  /**
   * Names the signal.
   *
   * @param signal The signal that came.
   */
  constructor(signal: Deno.Signal) {
    super(`received ${signal}`);
    this.signal = signal;
  }
}

/** How one stage of a pipeline has ended. */
export interface StageResult {
  /** The program, as it was named. */
  readonly command: string;
  /** The process it was. */
  readonly pid: number;
  /** Its exit status; 128 and the signal's number for one that a signal killed. */
  readonly code: number;
  /** The signal that killed it, or `null`. */
  readonly signal: string | null;
  /** The first and the last 32 KiB of its standard error, unless that was sent elsewhere. */
  readonly stderr: Uint8Array;
  /**
   * What is wrong with it, or `null`. A stage whose reader went away first (`SIGPIPE`, or the 141
   * by which a shell reports it) has not failed.
   */
  readonly error: Error | null;
}

/** What a {@linkcode PipelineError} is made of. */
export interface PipelineErrorInit {
  /** Which stage failed, counted from 0. */
  index: number;
  /** The program of that stage. */
  command: string;
  /** What is wrong with it. */
  cause: unknown;
  /** Every stage that was started. */
  stages: readonly StageResult[];
  /** What was captured of the last stage's standard output. */
  stdout: Uint8Array;
}

/**
 * A pipeline with a stage that failed: the first such stage, with its own error as the `cause`.
 *
 * ```ts
 * import { command, pipeline, PipelineError } from "@plumb/plumb/ipc";
 *
 * try {
 *   await pipeline([command("echo", ["hi"]), command("sh", ["-c", "exit 3"]), command("cat")]);
 * } catch (error) {
 *   // pipeline stage 1: run "sh": exit status 3
 *   if (error instanceof PipelineError) console.log(error.message, error.index); // 1
 * }
 * ```
 */
export class PipelineError extends Error {
  /** Always `"PipelineError"`. */
  override readonly name = "PipelineError";
  /** Always `"ERR_PIPELINE"`. */
  readonly code = "ERR_PIPELINE";
  /** Which stage failed, counted from 0. */
  readonly index: number;
  /** The program of that stage. */
  readonly command: string;
  /** Every stage that was started, in order. */
  readonly stages: readonly StageResult[];
  /** What was captured of the last stage's standard output. */
  readonly stdout: Uint8Array;

  /**
   * Makes the message from the stage's own.
   *
   * @param init The parts.
   */
  constructor(init: PipelineErrorInit) {
    const { index, command, cause, stages, stdout } = init;
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`pipeline stage ${index}: ${why}`, { cause });
    this.index = index;
    this.command = command;
    this.stages = stages;
    this.stdout = stdout;
  }
}
