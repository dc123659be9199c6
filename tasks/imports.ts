/** What a module imports, read off its text. */

/** A static `import` or `export ... from`, or one for side effects: always at a line's start. */
const statement = /^(?:import|export)\b[^;"]*?\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"/gm;
/** `import("x")`, as an expression or as a type. */
const expression = /\bimport\(\s*"([^"]+)"/g;
const reExport = /^export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+"[^"]+";/gm;

/**
 * The text without its comments, line by line. The formatter starts a block comment on a line of
 * its own, so this needs no parser, and a string such as `"*\/*"` is not taken for a comment.
 */
export function withoutComments(text: string): string {
  return text
    .replace(/^[ \t]*\/\*[^]*?\*\//gm, "")
    .replace(/(^|\s)\/\/.*$/gm, "$1");
}

/** The specifiers a module imports, in any way, as they are written. */
export function importsOf(text: string): string[] {
  const code = withoutComments(text);
  return [
    ...[...code.matchAll(statement)].map((match) => match[1] ?? match[2]),
    ...[...code.matchAll(expression)].map((match) => match[1]),
  ];
}

/** Whether a dynamic import hides what it loads behind an expression. */
export function hidesImport(text: string): boolean {
  return /(?<![.#\w])import\(\s*[^"\s]/.test(withoutComments(text));
}

/** Whether a module does nothing but pass on what others export. */
export function onlyReExports(text: string): boolean {
  return withoutComments(text).replace(reExport, "").trim() === "";
}

/** The path that a relative specifier means, seen from the module at `from`. */
export function resolvePath(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** A cycle among the modules (each with the paths it imports), or the empty list. */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string) => {
    if (trail.includes(path)) return void cycles.push([...trail.slice(trail.indexOf(path)), path]);
    if (done.has(path)) return;
    trail.push(path);
    for (const next of graph.get(path) ?? []) visit(next);
    trail.pop();
    done.add(path);
  };
  for (const path of graph.keys()) visit(path);
  return cycles;
}
