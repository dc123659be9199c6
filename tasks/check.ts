/**
 * Checks all that can be checked without running the tests: format, lint, types, docs, a dry run
 * of publishing, and the rules of the tree. Every step runs, so that one look shows all that is
 * wrong.
 */
import { checkPage } from "./check_docs.ts";
import { checkTree, readTree } from "./check_tree.ts";
import { chooseConfig, type Config, fetchWithDeno, readConfig } from "./config.ts";

/** One step of the check: its name, and whether it passed. */
export interface Step {
  /** What the reader of the log is told. */
  name: string;
  /** Runs the step, printing what is wrong. */
  run(): boolean | Promise<boolean>;
}

/** The `deno` commands of the check. `configFile` is the one that resolves the test libraries. */
export function commands(config: Config, configFile: string): Record<string, string[]> {
  return {
    format: ["fmt", "--check"],
    lint: ["lint"],
    types: ["check", "--config", configFile, "."],
    docs: ["doc", "--lint", "--config", configFile, ...Object.values(config.exports ?? {})],
    publish: ["publish", "--dry-run", "--allow-dirty"],
  };
}

/** Runs every step and returns the names of those that failed. */
export async function runAll(steps: readonly Step[], log: (line: string) => void) {
  const failed: string[] = [];
  for (const { name, run } of steps) {
    log(`check: ${name}`);
    if (!await run()) failed.push(name);
  }
  return failed;
}

/** A step that runs `deno` in the root. */
function denoStep(root: URL, name: string, args: string[]): Step {
  return {
    name,
    async run() {
      const command = new Deno.Command(Deno.execPath(), { args, cwd: root, stdin: "null" });
      return (await command.spawn().status).success;
    },
  };
}

/** The step that looks at imports, mirrors and sizes, and at what is said of them. */
function treeStep(root: URL): Step {
  return {
    name: "tree",
    run() {
      const files = readTree(root);
      const page = "ARCHITECTURE.md";
      const text = Deno.readTextFileSync(new URL(page, root));
      const findings = [...checkTree(files), ...checkPage({ path: page, text }, files)];
      for (const { path, message } of findings) console.error(`${path}: ${message}`);
      return findings.length === 0;
    },
  };
}

if (import.meta.main) {
  const root = new URL("../", import.meta.url);
  const config = readConfig(root);
  const { file, reason } = await chooseConfig(config, fetchWithDeno(root));
  console.log(`${reason}, checking with ${file}`);
  const steps = Object.entries(commands(config, file))
    .map(([name, args]) => denoStep(root, name, args));
  const failed = await runAll([...steps, treeStep(root)], console.log);
  console.log(failed.length === 0 ? "check: all is well" : `check failed: ${failed.join(", ")}`);
  Deno.exit(failed.length === 0 ? 0 : 1);
}
