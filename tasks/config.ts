/**
 * The configuration a task runs under: `deno.json`, or `deno.offline.json` on a machine that
 * cannot reach JSR. The two differ only in `links`, which put stand-ins from `tests/std` in the
 * place of the test libraries.
 */

/** What the tasks read of a `deno.json`. */
export interface Config {
  /** The entry points: the name a user imports, and the file behind it. */
  exports?: Record<string, string>;
  /** The names mapped to something else. */
  imports?: Record<string, string>;
}

/** The configuration that was chosen. */
export interface Choice {
  /** The file's name, relative to the root. */
  file: "deno.json" | "deno.offline.json";
  /** Why, in one line for the reader of the log. */
  reason: string;
}

/** Fetches modules into Deno's cache; resolves to false if that failed or was given up. */
export type Fetch = (specifiers: string[], signal: AbortSignal) => Promise<boolean>;

/** How long JSR may take to answer, in milliseconds, before it counts as out of reach. */
const patience = 5000;

/** Reads the `deno.json` of the root. */
export function readConfig(root: URL): Config {
  return JSON.parse(Deno.readTextFileSync(new URL("deno.json", root)));
}

/** The packages of JSR that the configuration maps. */
export function jsrSpecifiers(config: Config): string[] {
  return Object.values(config.imports ?? {}).filter((target) => target.startsWith("jsr:"));
}

/**
 * Finds out, in a bounded time, which configuration works here. Modules that are already in the
 * cache count as an answer, as the run will find them there too.
 */
export async function chooseConfig(
  config: Config,
  fetch: Fetch,
  wait: number = patience,
): Promise<Choice> {
  const specifiers = jsrSpecifiers(config);
  if (specifiers.length === 0) return { file: "deno.json", reason: "nothing to fetch from JSR" };
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), wait);
  try {
    if (await fetch(specifiers, giveUp.signal)) return { file: "deno.json", reason: "JSR answers" };
    const failure = giveUp.signal.aborted ? `no answer within ${wait / 1000} s` : "out of reach";
    return { file: "deno.offline.json", reason: `JSR: ${failure}` };
  } finally {
    clearTimeout(timer);
  }
}

/** The {@linkcode Fetch} that asks Deno itself, in a process that is killed when time is up. */
export function fetchWithDeno(root: URL): Fetch {
  return async (specifiers, signal) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["cache", "--quiet", ...specifiers],
      cwd: root,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const kill = () => {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        // It ended by itself in this very moment: its status says how.
        if (!(error instanceof TypeError)) throw error;
      }
    };
    signal.addEventListener("abort", kill, { once: true });
    const { success } = await child.status;
    signal.removeEventListener("abort", kill);
    return success;
  };
}
