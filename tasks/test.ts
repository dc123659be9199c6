/**
 * Runs the tests, and the examples in the docs as tests.
 *
 *     deno task test                        everything
 *     deno task test tests/net              what is under a path
 *     deno task test --filter "late"        any flag of `deno test`
 *
 * The last line is `N passed, N failed`, and the exit code that of `deno test`: 0 only if none failed.
 */
import { chooseConfig, fetchWithDeno, readConfig } from "./config.ts";
import { lastLine, summarize } from "./summary.ts";

/** Where tests and examples live; what does not exist is left out. */
const everything = [
  ...["tests", "mod.ts", "deadline.ts", "deadline", "sys", "net", "http", "ipc", "README.md"],
];

/**
 * The tests count descriptors in /proc and make system calls, which takes every permission. What a
 * user's program needs is shown by tests that run a child with just that.
 */
const permissions = ["--allow-all", "--unstable-net"];

/** Run before each module: a library that a test is the first to load looks like a leak of it. */
const preload = "tests/support/preload.ts";

/** Flags of `deno test` whose value is the next argument. */
const flagsWithValue = new Set([
  ...["-c", "--cert", "--config", "--coverage-threshold", "--ext", "--filter", "--import-map"],
  ...["--junit-path", "--location", "--reporter", "--retry"],
]);

/** Whether any of the arguments names a file or folder to test. */
export function hasPath(args: readonly string[]): boolean {
  const own = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  return own.some((arg, i) => !arg.startsWith("-") && !flagsWithValue.has(own[i - 1]));
}

/** The arguments for `deno`: paths come first, so that a `--` of the user stays last. */
export function testArgs(
  config: string,
  args: readonly string[],
  everything: readonly string[],
  preloaded: readonly string[] = [],
): string[] {
  return [
    ...["test", "--config", config, "--doc", "--sanitize-ops", "--sanitize-resources"],
    ...permissions,
    ...preloaded.flatMap((path) => ["--preload", path]),
    ...(hasPath(args) ? [] : everything),
    ...args,
  ];
}

/** Copies a stream to standard output as it comes, and returns its text. */
async function tee(stream: ReadableStream<Uint8Array>, keep: (text: string) => void) {
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    keep(decoder.decode(chunk, { stream: true }));
    for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await Deno.stdout.write(rest));
  }
}

/** Runs the tests under `root` and returns the exit code. */
async function main(root: URL, args: string[]): Promise<number> {
  const { file, reason } = await chooseConfig(readConfig(root), fetchWithDeno(root));
  console.log(`${reason}, testing with ${file}`);

  const existing = (paths: string[]) => paths.filter((path) => exists(new URL(path, root)));
  const child = new Deno.Command(Deno.execPath(), {
    args: testArgs(file, args, existing(everything), existing([preload])),
    cwd: root,
    stdin: "null",
    stdout: "piped",
    // A pipe is not a terminal: whether ours is decides about colours.
    env: Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" },
  }).spawn();
  let output = "";
  const copied = tee(child.stdout, (text) => output += text);
  const { code } = await child.status;
  // A process that a test left behind may hold the pipe open: what it would say is no test result.
  await Promise.race([copied, new Promise((resolve) => setTimeout(resolve, 1000))]);

  const summary = summarize(output, code);
  if (summary.note !== undefined) console.log(summary.note);
  console.log(lastLine(summary));
  return summary.failed > 0 ? code || 1 : code;
}

function exists(url: URL): boolean {
  try {
    return Deno.statSync(url) !== undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) Deno.exit(await main(new URL("../", import.meta.url), Deno.args));
