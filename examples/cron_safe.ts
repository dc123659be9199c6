/**
 * Runs a command, but never twice at once: for jobs of cron that may take longer than the time
 * between them. The lock is flock(2)'s, so flock(1) and other programs respect it too.
 *
 *     deno run --allow-read=/tmp --allow-write=/tmp --allow-run=rsync \
 *       examples/cron_safe.ts /tmp/backup.lock 5000 rsync -a /home /backup
 *
 * It waits up to 5000 ms for the run before it to end, and else exits with 75 (EX_TEMPFAIL: try
 * again later). Otherwise its exit status is the command's. The kernel gives the lock up however
 * this process ends: a crash leaves nothing behind that somebody would have to remove.
 */
import { ipc, isTimeout } from "../mod.ts";

const [path, ms, name, ...args] = Deno.args;
const timeout = Number(ms);
if (name === undefined || !(timeout >= 0)) {
  console.error("usage: cron_safe.ts LOCK_FILE WAIT_MS COMMAND [ARGUMENT...]");
  Deno.exit(64); // EX_USAGE
}

const exTempFail = 75;

async function run(): Promise<number> {
  using context = ipc.notifyContext(["SIGINT", "SIGTERM"]);
  const { signal } = context;
  // A timeout of 0 would be no limit; not to wait at all is another call.
  using lock = timeout === 0
    ? ipc.tryLockFile(path)
    : await ipc.lockFile(path, { timeout, signal });
  if (lock === null) {
    console.error(`cron_safe: ${path} is locked`);
    return exTempFail;
  }
  const stdio = { stdin: Deno.stdin, stdout: "inherit", stderr: "inherit" } as const;
  // Told to end, we tell the command, and hold the lock until it is gone.
  await ipc.command(name, args, { ...stdio, signal }).run();
  return 0;
}

function statusOf(error: unknown): number {
  if (error instanceof ipc.ExitError) return error.code; // it has said itself what is wrong
  console.error(`cron_safe: ${error instanceof Error ? error.message : error}`);
  if (isTimeout(error)) return exTempFail;
  if (error instanceof ipc.SignalError) return error.signal === "SIGINT" ? 130 : 143; // as a shell
  return 1;
}

Deno.exit(await run().catch(statusOf));
