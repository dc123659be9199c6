/** What a bench is told on the command line. */

/** How to run. */
export interface BenchOptions {
  /** What to run; everything if there are none. */
  readonly names: readonly string[];
  /** The file to write the report to, if any. */
  readonly json: string | undefined;
  /** Fewer rounds: a first look, not a verdict. */
  readonly quick: boolean;
  /** Say which benches there are, and run none. */
  readonly list: boolean;
}

/**
 * Reads the command line: `[name...] [--json FILE] [--quick] [--list]`.
 *
 * @throws {TypeError} A flag that there is not, or `--json` without a file.
 */
export function benchOptions(args: readonly string[]): BenchOptions {
  const names: string[] = [];
  let [json, quick, list]: [string | undefined, boolean, boolean] = [undefined, false, false];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === "--quick") quick = true;
    else if (arg === "--list") list = true;
    else if (arg === "--json") {
      json = args[++i];
      if (json === undefined) throw new TypeError("--json needs a file name");
    } else if (arg.startsWith("-")) {
      throw new TypeError(`flag ${JSON.stringify(arg)}: must be --json FILE, --quick or --list`);
    } else names.push(arg);
  }
  return { names, json, quick, list };
}

/**
 * Those that are named, in the order they are in; all of them if no name is given.
 *
 * @throws {TypeError} A name that nothing has.
 */
export function choose<T extends { readonly name: string }>(
  all: readonly T[],
  names: readonly string[],
): readonly T[] {
  const unknown = names.find((name) => all.every((bench) => bench.name !== name));
  if (unknown !== undefined) {
    const known = all.map(({ name }) => name).join(", ");
    throw new TypeError(`no bench is named ${JSON.stringify(unknown)}, there are: ${known}`);
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}
