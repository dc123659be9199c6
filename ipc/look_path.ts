/** Where a program is. */
import { describeErrno, errnoNumber } from "../sys/errno.ts";
import { quote } from "./checks.ts";
import { CommandError } from "./errors.ts";
import { systemCode } from "./op_error.ts";

/** How {@linkcode lookPath} searches. */
export interface LookPathOptions {
  /** The directories, as in `PATH`; the environment's by default, which needs `--allow-env=PATH`. */
  path?: string;
}

const windows = Deno.build.os === "windows";

/** What is wrong with a file as a program, or nothing. */
async function refusal(file: string): Promise<{ code: string; reason: string } | undefined> {
  try {
    const { isDirectory, mode } = await Deno.stat(file);
    if (isDirectory) return { code: "EISDIR", reason: "is a directory" };
    // Whether it is ours to execute only the start can tell; that nobody may is certain.
    if (!windows && mode !== null && (mode & 0o111) === 0) {
      return { code: "EACCES", reason: "is not executable" };
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return { code: "ENOENT", reason: "no such file" };
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      return { code: "EACCES", reason: "permission denied" };
    }
    const code = systemCode(error);
    if (code === undefined) throw error; // NotCapable names the flag
    return { code, reason: describeErrno(errnoNumber(code)) };
  }
}

/** The names under which a program may be found: on Windows with each extension of `PATHEXT`. */
function candidates(name: string): string[] {
  if (!windows || /\.[^\\/.]+$/.test(name)) return [name];
  const extensions = Deno.env.get("PATHEXT") ?? ".COM;.EXE;.BAT;.CMD";
  return extensions.split(";").filter((extension) => extension !== "").map((e) => name + e);
}

/**
 * Finds the program that a name stands for. A name with a slash is a path and not searched for. A
 * program that `PATH` finds only by way of the current directory is refused. Needs `--allow-read`
 * for the directories and `--allow-env=PATH`. As Go's `exec.LookPath`.
 *
 * ```ts
 * import { lookPath } from "@plumb/plumb/ipc";
 *
 * console.log(await lookPath("sh")); // /bin/sh, or where it is here
 * ```
 *
 * @param name The name, or a path.
 * @param options Where to search.
 * @returns The path.
 * @throws {CommandError} `"ENOENT"`: not found; `"EACCES"`: found, but not executable; `"EISDIR"`:
 * it is a directory; `"ERR_DOT"`: found in the current directory only; for a path other codes of
 * the system as they are.
 * @throws {TypeError} An empty name, or one with NUL.
 * @throws {Deno.errors.NotCapable} A permission is missing; the message names the flag.
 */
export async function lookPath(name: string, options: LookPathOptions = {}): Promise<string> {
  checkProgram(name);
  const failure = (code: string, reason: string) =>
    new CommandError({ op: "look up", command: name, code, reason });
  const separator = windows ? /[\\/:]/ : /\//;
  if (separator.test(name)) {
    let first: { code: string; reason: string } | undefined;
    for (const file of candidates(name)) {
      const refused = await refusal(file);
      if (refused === undefined) return file;
      first ??= refused;
    }
    throw failure(first!.code, first!.reason);
  }
  const path = options.path ?? Deno.env.get("PATH") ?? "";
  let found: CommandError | undefined;
  for (const directory of path.split(windows ? ";" : ":")) {
    const relative = !(windows ? /^([a-z]:)?[\\/]/i : /^\//).test(directory);
    for (const candidate of candidates(name)) {
      const file = directory === "" ? candidate : `${directory.replace(/\/+$/, "")}/${candidate}`;
      const refused = await refusal(file);
      if (refused === undefined && !relative) return file;
      if (refused === undefined) {
        found ??= failure("ERR_DOT", `found only as ${JSON.stringify(file)}, relative to here`);
      } else if (refused.code === "EACCES") {
        found ??= failure("EACCES", `${file} ${refused.reason}`);
      }
    }
  }
  throw found ?? failure("ENOENT", "not found in PATH");
}

/** Refuses what cannot be the name of a program. */
export function checkProgram(name: unknown): asserts name is string {
  if (typeof name !== "string" || name === "") {
    throw new TypeError(`command must be a program's name or path, got ${quote(name)}`);
  }
  if (name.includes("\0")) {
    throw new TypeError(`command must not contain NUL, got ${JSON.stringify(name)}`);
  }
}
