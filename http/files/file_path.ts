/** From a request's path to a file below a root, and no further. */
import { sep } from "node:path";

/**
 * The names that a URL's path goes through, unescaped one by one.
 *
 * @param path The path, escaped, from its slash.
 * @param dotfiles Whether a name may begin with a dot.
 * @returns The names; `undefined` when the path can name no file: it is not well escaped, or holds
 * an empty name, `.`, `..`, or what the file system would take for more than a name.
 */
export function fileNames(path: string, dotfiles: boolean): string[] | undefined {
  const segments = path.split("/").slice(1);
  if (segments.at(-1) === "") segments.pop();
  const names: string[] = [];
  for (const segment of segments) {
    const name = unescaped(segment);
    if (name === undefined || !isFileName(name)) return undefined;
    if (name.startsWith(".") && !dotfiles) return undefined;
    names.push(name);
  }
  return names;
}

function unescaped(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

// A backslash separates names on Windows, and a colon names a drive or a stream there; a path ends
// at NUL.
const unsafe = sep === "\\" ? /[/\\:\0]/ : /[/\\\0]/;

function isFileName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !unsafe.test(name);
}

/**
 * Whether a path is the root or below it. Both are real: absolute, and free of symbolic links.
 *
 * @param path The path.
 * @param root The root.
 */
export function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}
