/**
 * Compares two runs of the benches: row by row the median, how much it has grown, and whether that
 * is more than chance.
 *
 * ```sh
 * deno task bench:compare bench/results/A.json bench/results/B.json
 * deno task bench:compare A B    # the same
 * ```
 */
import { changesTable, compareReports } from "./support/changes.ts";
import { machineText, parseReport, type Report } from "./support/result.ts";

const results = new URL("./results/", import.meta.url);

/** Reads a report by its path, or by its name among the results. */
async function read(name: string): Promise<Report> {
  const places = [name, new URL(name, results), new URL(`${name}.json`, results)];
  for (const place of places) {
    try {
      return parseReport(await Deno.readTextFile(place), name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new TypeError(`no report ${JSON.stringify(name)}: it is neither a file nor a result`);
}

async function main(args: readonly string[]): Promise<void> {
  if (args.length !== 2) throw new TypeError(`expected two reports, got ${args.length}`);
  const [first, second] = await Promise.all(args.map(read));
  const told = ({ date, machine }: Report) => `${date}, ${machineText(machine)}`;
  console.log(`first:  ${told(first)}\nsecond: ${told(second)}\n`);
  console.log(changesTable(compareReports(first, second)));
}

try {
  await main(Deno.args);
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  console.error(error.message);
  Deno.exit(2);
}
