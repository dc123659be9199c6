/** Checks of arguments that several parts of `ipc` take. */

/** A value as an error message shows it: a text in quotes, so that `"5"` is not taken for 5. */
export function quote(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/**
 * Refuses what is no whole number within its limits.
 *
 * @param what The name of the argument.
 * @param value What was given.
 * @param min The least it may be.
 * @param max The most.
 * @throws {TypeError} No number.
 * @throws {RangeError} Not a whole one, or out of range.
 */
export function checkWhole(what: string, value: unknown, min: number, max: number): void {
  if (typeof value !== "number") {
    throw new TypeError(`${what} must be a number, got ${quote(value)}`);
  }
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${what} must be a whole number from ${min} to ${max}, got ${value}`);
}

/** The permissions of what is made unless told otherwise: its owner's alone. */
export const ownerOnly = 0o600;

/**
 * Refuses what are no permission bits.
 *
 * @throws {TypeError} No number.
 * @throws {RangeError} Not within `0o777`.
 */
export function checkMode(mode: unknown): void {
  if (typeof mode !== "number") throw new TypeError(`mode must be a number, got ${quote(mode)}`);
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0o777) return;
  const got = Number.isInteger(mode) && mode > 0 ? `0o${mode.toString(8)}` : mode;
  throw new RangeError(`mode must be permission bits from 0 to 0o777, got ${got}`);
}

/**
 * Refuses what is no path.
 *
 * @throws {TypeError} No string, empty, or with a NUL in it.
 */
export function checkPath(path: unknown): asserts path is string {
  if (typeof path === "string" && path !== "" && !path.includes("\0")) return;
  throw new TypeError(`path must be a string that is not empty, without NUL, got ${quote(path)}`);
}

/**
 * Refuses what is no name of a POSIX message queue or semaphore, which is a slash and then a name
 * without one (mq_overview(7), sem_overview(7)).
 *
 * @param name What was given.
 * @param maxBytes How long the system lets the part after the slash be.
 * @throws {TypeError} Of another form, or too long.
 */
export function checkName(name: unknown, maxBytes: number): asserts name is string {
  if (typeof name !== "string" || !/^\/[^/\0]+$/.test(name) || /^\/\.\.?$/.test(name)) {
    throw new TypeError(
      `name must be a "/" and then a name without slashes, as "/jobs", got ${quote(name)}`,
    );
  }
  const length = new TextEncoder().encode(name).length - 1;
  if (length <= maxBytes) return;
  throw new TypeError(
    `name must have at most ${maxBytes} bytes after the "/", got ${length}: ${quote(name)}`,
  );
}

/**
 * Refuses options that say how to make something, when nothing is to be made.
 *
 * @param options What was given.
 * @param names The options that belong to `create`.
 * @throws {TypeError} One of them is there without `create`.
 */
export function checkCreate<O extends { create?: boolean }>(
  options: O,
  names: readonly (keyof O & string)[],
): void {
  if (options.create) return;
  const stray = names.find((name) => options[name] !== undefined && options[name] !== false);
  if (stray !== undefined) throw new TypeError(`${stray} needs create: true`);
}
