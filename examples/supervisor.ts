/**
 * Keeps programs running: starts again what ends, ever later if it keeps failing; on SIGTERM or
 * SIGINT ends them all, with whatever they have started, and kills what does not.
 *
 *     deno run --allow-run examples/supervisor.ts [-k KILL_AFTER_MS] COMMAND...
 *     deno run --allow-run examples/supervisor.ts "node web.js" "python3 worker.py"
 *
 * Each COMMAND is for the shell. --allow-run has no list because signals to groups need it so.
 */
import { Deadline, ipc } from "../mod.ts";

/** What a program that has ended waits for its next start, in ms: doubled each time, up to... */
const firstPause = 100;
const longestPause = 10_000;
/** ...and the first one again after a run of so many ms. */
const goodRun = 10_000;

const note = (text: string) => console.error(`supervisor: ${text}`);

/** Waits, unless it is over before. */
async function rest(ms: number, signal: AbortSignal): Promise<void> {
  using limit = new Deadline({ timeout: ms, signal });
  await limit.race(new Promise<never>(() => {})).catch(() => {});
}

/** Runs a program once, and says how it has ended. */
async function run(line: string, killDelay: number, signal: AbortSignal): Promise<string> {
  try {
    await ipc.command("sh", ["-c", line], {
      // A group of its own: signals reach what it has started too, and Ctrl-C reaches only us.
      group: true,
      signal, // at its abort: SIGTERM, and SIGKILL later
      killDelay,
      stdout: "inherit",
      stderr: "inherit",
    }).run();
    return "exit status 0";
  } catch (error) {
    if (error instanceof ipc.ExitError) return error.message.replace(/^run "sh": /, "");
    if (signal.aborted) return "stopped";
    throw error; // it cannot be started at all
  }
}

async function keepRunning(line: string, killDelay: number, signal: AbortSignal): Promise<void> {
  for (let pause = firstPause; !signal.aborted;) {
    const start = performance.now();
    const how = await run(line, killDelay, signal);
    if (signal.aborted) return note(`${line}: ${how}`);
    if (performance.now() - start >= goodRun) pause = firstPause;
    note(`${line}: ${how}, again in ${pause} ms`);
    await rest(pause, signal);
    pause = Math.min(2 * pause, longestPause);
  }
}

const lines = [...Deno.args];
const killDelay = lines[0] === "-k" ? Number(lines.splice(0, 2)[1]) : 5_000;
if (lines.length === 0 || !(killDelay >= 0)) {
  note("usage: supervisor.ts [-k KILL_AFTER_MS] COMMAND...");
  Deno.exit(2);
}
// Not stopped before the end: a second signal changes nothing, the programs would outlive us.
using context = ipc.notifyContext(["SIGTERM", "SIGINT"]);
context.signal.addEventListener("abort", () => note(context.signal.reason.message));
try {
  await Promise.all(lines.map((line) => keepRunning(line, killDelay, context.signal)));
} catch (error) {
  note((error as Error).message); // such as: start "sh": ...
  Deno.exitCode = 1;
}
