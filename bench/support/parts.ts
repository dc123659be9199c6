/** The parts that are measured, and what of them is asked for. */

/** Each part, and the script that runs its benches. */
export const parts: Readonly<Record<string, string>> = {
  "net": "net_bench.ts",
  "http-server": "http_server_bench.ts",
  "http-client": "http_client_bench.ts",
  "ipc": "ipc_bench.ts",
};

/** A part to run. */
export interface Choice {
  /** Its name. */
  readonly part: string;
  /** Its benches to run; all of them if there are none. */
  readonly names: readonly string[];
}

/**
 * What some words of the command line ask for: names of parts, and names of benches, of these parts
 * if there are any and of all parts otherwise.
 *
 * @param words The words.
 * @param known The names of the benches of each part.
 * @throws {TypeError} A word that is neither.
 */
export function choices(
  words: readonly string[],
  known: Readonly<Record<string, readonly string[]>>,
): Choice[] {
  const all = Object.keys(known);
  const named = all.filter((part) => words.includes(part));
  const among = named.length === 0 ? all : named;
  const names = words.filter((word) => !all.includes(word));
  const unknown = names.find((name) => among.every((part) => !known[part].includes(name)));
  if (unknown !== undefined) {
    const there = among.map((part) => `${part}: ${known[part].join(", ")}`).join("; ");
    throw new TypeError(`${JSON.stringify(unknown)} is neither a part nor a bench of ${there}`);
  }
  return among
    .map((part) => ({ part, names: names.filter((name) => known[part].includes(name)) }))
    .filter((choice) => names.length === 0 || choice.names.length > 0);
}
