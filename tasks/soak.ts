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

/** Runs the soak under `root` and returns the exit code. */
async function main(root: URL, args: string[]): Promise<number> {
  try {
    soakOptions(args);
  } catch (error) {
    console.error(`${(error as Error).message}`);
    return 2;
  }
  const { file, reason } = await chooseConfig(readConfig(root), fetchWithDeno(root));
  console.log(`${reason}, running with ${file}`);
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: soakArgs(file, args),
    cwd: root,
    stdin: "null",
  }).spawn().status;
  return code;
}

if (import.meta.main) Deno.exit(await main(new URL("../", import.meta.url), Deno.args));
