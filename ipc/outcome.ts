/** What a run program amounts to: a failure, or none. One place makes every error of a run. */
import { Overflow } from "./capture.ts";
import type { Spec } from "./command_options.ts";
import { CommandError, ExitError } from "./errors.ts";
import type { Ending } from "./process.ts";

/** What is known of a program that has ended. */
export interface Ended {
  readonly spec: Spec;
  readonly pid: number;
  readonly ending: Ending;
  readonly stdout?: Uint8Array;
  readonly stderr?: Uint8Array;
}

/**
 * The failure of a program, the weightiest first: that it was cancelled, that its output could not
 * be taken, its own failure, and that its pipes were not closed in time.
 */
export function failureOf(ended: Ended): { error: unknown } | undefined {
  const { spec, pid, ending, stdout, stderr } = ended;
  const { status, cancelled, failed, delayed } = ending;
  const fail = (code: string, reason: string) => ({
    error: new CommandError({ op: "run", command: spec.name, code, reason, stdout, stderr }),
  });
  if (cancelled !== undefined) return { error: cancelled.reason };
  if (failed?.error instanceof Overflow) {
    return fail("ERR_MAX_OUTPUT", `killed: its output exceeds ${spec.options.maxOutput} bytes`);
  }
  if (failed !== undefined) return failed;
  if (status.code !== 0 || status.signal !== null) {
    return { error: new ExitError({ ...status, command: spec.name, pid, stdout, stderr }) };
  }
  if (delayed) {
    return fail("ERR_WAIT_DELAY", "another process still holds its output after waitDelay");
  }
  return undefined;
}

/** What a program that ended well has left. */
export interface Output {
  /** What it wrote to its standard output, or to both for `combinedOutput()`. */
  readonly stdout: Uint8Array<ArrayBuffer>;
  /** The first and the last 32 KiB that it wrote to its standard error, unless sent elsewhere. */
  readonly stderr: Uint8Array<ArrayBuffer>;
  /** Its exit status. */
  readonly code: number;
  /** The signal that killed it, or `null`. */
  readonly signal: string | null;
  /** `stdout` as text, from UTF-8. */
  text(): string;
}

/** Makes an {@linkcode Output}. */
export function makeOutput(
  parts: Pick<Output, "stdout" | "stderr" | "code" | "signal">,
): Output {
  return { ...parts, text: () => new TextDecoder().decode(parts.stdout) };
}
