/** A directory as a page. */
import { isWithin } from "./file_path.ts";
import { escapeHtml } from "../html.ts";

/**
 * A page with links to what a directory holds: files, directories and symbolic links, sorted by
 * name.
 *
 * @param path The directory, a real path.
 * @param root Where it must be still when it has been read; anywhere if `undefined`.
 * @param dotfiles Whether names that begin with a dot are shown.
 * @returns The page; `undefined` if it is no longer in the root.
 */
export async function listingPage(
  path: string,
  root: string | undefined,
  dotfiles: boolean,
): Promise<string | undefined> {
  const names: string[] = [];
  for await (const { name, isFile, isDirectory, isSymlink } of Deno.readDir(path)) {
    if (name.startsWith(".") && !dotfiles) continue;
    if (isFile || isSymlink) names.push(name);
    else if (isDirectory) names.push(`${name}/`);
  }
  // A directory on the way may have become a symbolic link that leads out.
  if (root !== undefined && !isWithin(await Deno.realPath(path), root)) return undefined;
  const items = names.sort().map((name) => `<li><a href="${href(name)}">${escapeHtml(name)}</a>`);
  return `<!DOCTYPE html>\n<meta charset="utf-8">\n<title>Files</title>\n` +
    `<ul>\n${items.join("\n")}\n</ul>\n`;
}

/** A link to a name in the page's own directory: relative, and nothing but a path. */
function href(name: string): string {
  const slash = name.endsWith("/") ? "/" : "";
  return `./${
    encodeURIComponent(name.slice(0, name.length - slash.length).toWellFormed())
  }${slash}`;
}
