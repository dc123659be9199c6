/**
 * Runs client and server against peers that fail them in every way, the fuzzers, and whatever opens
 * descriptors, for as long as asked, and fails if anything was not as it should be.
 *
 *     deno task soak                for two minutes
 *     deno task soak 30             for half an hour
 *     deno task soak 1 --seed=7     what happened with that seed, again
 *
 * The seed decides about every fault. `--poison=N` makes each Nth answer to the client a wrong one,
 * to see that it is noticed.
 */
import { soakOptions } from "../soak/options.ts";
import { chooseConfig, fetchWithDeno, readConfig } from "./config.ts";

/**
 * The arguments for `deno`: descriptors are counted in /proc, and system calls made, which takes
 * every permission; the heap is measured after its garbage was collected.
 */
export function soakArgs(config: string, args: readonly string[]): string[] {
  return [
    ...["run", "--config", config, "--allow-all", "--unstable-net", "--v8-flags=--expose-gc"],
    ...["soak/main.ts", ...args],
  ];
}

/**
 * How much longer than it was asked to a soak may take, in ms. It ends itself before that, unless
 * something in it leaves no turn to its timers.
 */
const grace = 15_000;

/**
 * Waits for a process, and kills it when its time is up.
 *
 * @param child The process.
 * @param ms How long it may take.
 * @returns Its exit code; 1 where it was killed.
 */
export async function codeWithin(child: Deno.ChildProcess, ms: number): Promise<number> {
  let stuck = false;
  const timer = setTimeout(() => {
    stuck = true;
    child.kill("SIGKILL");
  }, ms);
  const { code } = await child.status;
  clearTimeout(timer);
  if (stuck) console.error(`stuck: no end within ${ms / 1_000} s`);
  return stuck ? 1 : code;
}

/** Runs the soak under `root` and returns the exit code. */
async function main(root: URL, args: string[]): Promise<number> {
  let minutes: number;
  try {
    minutes = soakOptions(args).minutes;
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  const { file, reason } = await chooseConfig(readConfig(root), fetchWithDeno(root));
  console.log(`${reason}, running with ${file}`);
  const command = new Deno.Command(Deno.execPath(), {
    args: soakArgs(file, args),
    cwd: root,
    stdin: "null",
  });
  return await codeWithin(command.spawn(), minutes * 60_000 + grace);
}

if (import.meta.main) Deno.exit(await main(new URL("../", import.meta.url), Deno.args));
