/** What a soak is told on the command line. */

/** How to run. */
export interface SoakOptions {
  /** For how long. */
  readonly minutes: number;
  /** What decides about everything that happens by chance. */
  readonly seed: number;
  /** Each so many answers get a wrong body, which must be noticed; none by default. */
  readonly poison: number;
}

const defaultMinutes = 2;

const flags = ["seed", "poison"];

/**
 * Reads the command line: `[minutes] [--seed=N] [--poison=N]`.
 *
 * @throws {TypeError} An argument that there is not.
 * @throws {RangeError} Minutes that are no number above 0, or a flag's value that is no whole one.
 */
export function soakOptions(args: readonly string[]): SoakOptions {
  const given: Record<string, number> = {};
  for (const arg of args) {
    const flag = arg.match(/^--(\w+)=(.*)$/);
    const name = flag === null ? "minutes" : flag[1];
    const value = Number(flag === null ? arg : flag[2] || NaN);
    if (flag !== null ? !flags.includes(name) : arg.startsWith("-") || "minutes" in given) {
      throw new TypeError(`argument ${JSON.stringify(arg)}: must be minutes, --seed=N, ...`);
    }
    const right = flag === null ? value > 0 && value < Infinity : Number.isInteger(value);
    if (!right || value < 0) {
      const rule = flag === null ? "a number above 0" : "a whole number from 0";
      throw new RangeError(`${name} must be ${rule}, got ${JSON.stringify(arg)}`);
    }
    given[name] = value;
  }
  return {
    minutes: given.minutes ?? defaultMinutes,
    seed: given.seed ?? Date.now() % 2 ** 31,
    poison: given.poison ?? 0,
  };
}
