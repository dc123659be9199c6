/**
 * All benches in one run, each beside the peers that are found on the machine: tables as they come,
 * the report as JSON in `bench/results`, and in the end every goal as a bar.
 *
 * ```sh
 * deno task bench                      # everything, within 15 minutes
 * deno task bench net ipc              # these parts: net, http-server, http-client, ipc
 * deno task bench http-server hello    # a bench of a part
 * deno task bench --quick              # fewer rounds: a first look, not a verdict
 * deno task bench --list               # what there is
 * deno task bench --json result.json   # where to write the report
 * ```
 *
 * It reports; it fails only when it cannot measure. Needs `-A --unstable-net`.
 */
import { bars } from "./support/bars.ts";
import { benchOptions } from "./support/options.ts";
import { type Choice, choices, parts } from "./support/parts.ts";
import { machine, parseReport, type Report, verdicts, writeReport } from "./support/result.ts";

const results = new URL("./results/", import.meta.url);

/** The command that runs the benches of a part. */
function command(part: string, args: readonly string[], stdout: "inherit" | "piped") {
  const script = new URL(parts[part], import.meta.url).href;
  const flags = ["run", "-A", "--no-config", "--unstable-net"];
  return new Deno.Command(Deno.execPath(), { args: [...flags, script, ...args], stdout });
}

/** The benches of each part. */
async function known(): Promise<Record<string, readonly string[]>> {
  const lists = Object.keys(parts).map(async (part) => {
    const { success, stdout } = await command(part, ["--list"], "piped").output();
    if (!success) throw new Error(`the benches of ${part} cannot be listed`);
    return [part, new TextDecoder().decode(stdout).trim().split("\n")] as const;
  });
  return Object.fromEntries(await Promise.all(lists));
}

/** Runs benches of a part in a process of their own; `undefined` if they leave no report. */
async function run({ part, names }: Choice, quick: boolean): Promise<Report | undefined> {
  console.log(`===== ${part} =====\n`);
  const file = await Deno.makeTempFile({ prefix: "bench-", suffix: ".json" });
  try {
    const args = [...names, "--json", file, ...(quick ? ["--quick"] : [])];
    await command(part, args, "inherit").spawn().status;
    const text = await Deno.readTextFile(file);
    return text === "" ? undefined : parseReport(text, part);
  } finally {
    await Deno.remove(file);
  }
}

/** Where the report goes by default: a name for each second. */
async function freshFile(): Promise<string> {
  await Deno.mkdir(results, { recursive: true });
  const second = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  return new URL(`${second}.json`, results).pathname;
}

async function main(args: readonly string[]): Promise<number> {
  const { names, json, quick, list } = benchOptions(args);
  const there = await known();
  if (list) {
    for (const [part, benches] of Object.entries(there)) console.log(part, ...benches);
    return 0;
  }
  const here = machine();
  const reports: Report[] = [];
  const failed: string[] = [];
  for (const choice of choices(names, there)) {
    const report = await run(choice, quick);
    if (report === undefined) failed.push(choice.part);
    else reports.push(report);
  }
  const rows = reports.flatMap(({ rows }) => rows);
  const skipped = reports.flatMap(({ skipped }) => skipped);
  const file = json ?? await freshFile();
  await writeReport(file, { date: new Date().toISOString(), machine: here, rows, skipped });
  console.log("===== all =====\n");
  console.log("bars from 0 to twice the peer (of values: twice the goal); the goal is marked\n");
  console.log(bars(rows));
  for (const { part, bench, reason } of skipped) {
    console.log(`skipped: ${part} ${bench}: ${reason}`);
  }
  for (const part of failed) console.log(`FAILED: the benches of ${part}`);
  console.log(`${verdicts(rows)}; written to ${file}`);
  return failed.length > 0 || skipped.some(({ failed }) => failed) ? 1 : 0;
}

try {
  Deno.exit(await main(Deno.args));
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  console.error(error.message);
  Deno.exit(2);
}
