/** What a test run came to, told by its output and exit code. */

/** The outcome of a test run. */
export interface Summary {
  /** Tests that passed, doc tests among them. */
  passed: number;
  /** Tests that failed; never 0 when the run itself failed. */
  failed: number;
  /** Tests that were left out by the code, not by a filter. */
  skipped: number;
  /** What the reader should know besides the numbers. */
  note?: string;
}

// deno-lint-ignore no-control-regex -- the escape that starts a colour
const colour = /\x1b\[[0-9;]*m/g;
const verdict = /^(?:ok|FAILED) \| (\d+) passed\b.*?\| (\d+) failed\b(?:.*?\| (\d+) ignored\b)?/gm;

/** What `deno test` says of a module that ended itself; it leaves its tests out, and stays green. */
const exited = /^note .+ called `Deno\.exit\(/gm;

/**
 * Reads the last verdict line of `deno test`, `ok | 12 passed (3 steps) | 0 failed | 1 ignored`.
 * A run that ended badly without naming a failed test (a module that did not compile, a crash)
 * counts as one failure, and so does each module that called `Deno.exit` before its tests ran.
 */
export function summarize(output: string, exitCode: number): Summary {
  const text = output.replace(colour, "");
  const counts = [...text.matchAll(verdict)].at(-1);
  const [passed, failed, skipped] = counts?.slice(1).map((n) => Number(n ?? 0)) ?? [0, 0, 0];
  const cut = text.match(exited)?.length ?? 0;
  const summary: Summary = { passed, failed: failed + cut, skipped };
  if (cut > 0) {
    summary.note = `Modules that ended before their tests ran: ${cut}, each counted as a failure.`;
  } else if (exitCode !== 0 && failed === 0) {
    summary.failed = 1;
    summary.note = counts === undefined
      ? `The run did not start or did not end (exit code ${exitCode}): counted as one failure.`
      : `The run failed outside its tests (exit code ${exitCode}): counted as one failure.`;
  } else if (passed + failed === 0) {
    summary.note = "No test ran.";
  }
  return summary;
}

/** The last line of a run: `12 passed, 0 failed`, and `, 1 skipped` where there is one. */
export function lastLine({ passed, failed, skipped }: Summary): string {
  return `${passed} passed, ${failed} failed` + (skipped > 0 ? `, ${skipped} skipped` : "");
}
