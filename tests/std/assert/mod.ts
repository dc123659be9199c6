/** Stand-in for the part of `@std/assert` that the tests use, for machines that cannot fetch it. */
import node from "node:assert/strict";

// deno-lint-ignore no-explicit-any -- the signature of the original
type Constructor<T> = abstract new (...args: any[]) => T;

/** What a failed assertion throws. */
export class AssertionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** Throws unless `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Throws unless both are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  rethrown(() => node.deepStrictEqual(actual, expected), msg);
}

/** Throws if both are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  rethrown(() => node.notDeepStrictEqual(actual, expected), msg);
}

/** Throws unless both are the same value. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  rethrown(() => node.strictEqual(actual, expected), msg);
}

/** Throws unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(explain(`"${actual}" does not contain "${expected}"`, msg));
}

/** Throws unless `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) return;
  throw new AssertionError(explain(`"${actual}" does not match ${expected}`, msg));
}

/** Throws unless `actual` is an instance of the class. */
// deno-lint-ignore no-explicit-any -- the signature of the original
export function assertInstanceOf<T extends abstract new (...args: any[]) => any>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  const found = Deno.inspect(actual, { depth: 1 });
  throw new AssertionError(explain(`not an instance of ${expectedType.name}: ${found}`, msg));
}

/** Throws unless `fn` throws, and returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Throws unless `fn` throws such an error, and returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  // deno-lint-ignore no-explicit-any -- the signature of the original
  ErrorClass: abstract new (...args: any[]) => E,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: Constructor<Error> | string,
  includes?: string,
  msg?: string,
): unknown {
  try {
    fn();
  } catch (error) {
    return expected(error, classOrMsg, includes, msg);
  }
  throw new AssertionError(explain("the function did not throw", classOrMsg, msg));
}

/** Rejects unless the promise of `fn` rejects, and resolves to its reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Rejects unless the promise of `fn` rejects with such an error, and resolves to it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  // deno-lint-ignore no-explicit-any -- the signature of the original
  ErrorClass: abstract new (...args: any[]) => E,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: Constructor<Error> | string,
  includes?: string,
  msg?: string,
): Promise<unknown> {
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (cause) {
    const text = explain("the function threw instead of returning a promise", classOrMsg, msg);
    throw new AssertionError(text, { cause });
  }
  try {
    await promise;
  } catch (error) {
    return expected(error, classOrMsg, includes, msg);
  }
  throw new AssertionError(explain("the promise did not reject", classOrMsg, msg));
}

/** Throws, always. */
export function fail(msg?: string): never {
  throw new AssertionError(explain("failed", msg));
}

/** The thrown value, once it has been found to be of the class and to say the words. */
function expected(
  error: unknown,
  classOrMsg: Constructor<Error> | string | undefined,
  includes: string | undefined,
  msg: string | undefined,
): unknown {
  if (typeof classOrMsg !== "function") return error;
  assertInstanceOf(error, classOrMsg, msg);
  if (includes) assertStringIncludes(error.message, includes, msg);
  return error;
}

/** A problem and the caller's own words for it. */
function explain(problem: string, ...words: (Constructor<Error> | string | undefined)[]): string {
  const msg = words.find((word) => typeof word === "string" && word !== "");
  return msg === undefined ? problem : `${problem}: ${msg}`;
}

/** Runs a comparison of `node:assert`, whose report of the difference becomes our message. */
function rethrown(compare: () => void, msg?: string): void {
  try {
    compare();
  } catch (error) {
    throw new AssertionError(explain((error as Error).message, msg));
  }
}
