/**
 * Whether the page about the architecture tells the truth: each path it names exists, and each
 * arrow between two files is an import.
 */
import type { File, Finding } from "./check_tree.ts";
import { importsOf, resolvePath } from "./imports.ts";

/** Two files or more with arrows between them, each in backquotes. */
const chain = /`[^`\s]+\.ts`(?:\s*→\s*`[^`\s]+\.ts`)+/g;

/** A file or a folder of the tree, in backquotes. */
const path = /`((?:[\w.-]+\/)+(?:[\w.-]+\.ts)?|[\w-]+\.ts)`/g;

/**
 * Checks a page.
 *
 * @param page The page.
 * @param files The whole tree.
 */
export function checkPage(page: File, files: readonly File[]): Finding[] {
  const findings: Finding[] = [];
  const known = new Map(files.map((file) => [file.path, file.text]));
  const exists = (name: string) =>
    name.endsWith("/") ? files.some((file) => file.path.startsWith(name)) : known.has(name);
  const say = (message: string) => findings.push({ path: page.path, message });
  // A file without its folder is named where the folder is plain.
  for (const [, name] of page.text.matchAll(path)) {
    if ((name.includes("/") || known.has(name)) && !exists(name)) {
      say(`names ${name}: it is not there`);
    }
  }
  for (const [text] of page.text.matchAll(chain)) {
    const names = [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
    for (let i = 1; i < names.length; i++) {
      const [from, to] = [names[i - 1], names[i]];
      const imported = importsOf(known.get(from) ?? "").map((name) => resolvePath(from, name));
      if (!imported.includes(to)) say(`says ${from} → ${to}: that is no import`);
    }
  }
  return findings;
}
