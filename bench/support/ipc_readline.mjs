/** A program's output line by line, by `node:readline`: for Node, and for Deno as Node. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

function start(file) {
  const child = spawn("cat", [file], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "close").then(([code]) => {
    if (code !== 0) throw new Error(`cat has failed: ${code}`);
  });
  return { lines: createInterface({ input: child.stdout, crlfDelay: Infinity }), ended };
}

/**
 * Runs `cat`, and takes its output line by line.
 *
 * @param {string} file What to read.
 * @returns {Promise<number>} How many lines there were.
 */
export async function countLines(file) {
  const { lines, ended } = start(file);
  let count = 0;
  for await (const _ of lines) count++;
  await ended;
  return count;
}

/**
 * The same by events, which spare the promises.
 *
 * @param {string} file What to read.
 * @returns {Promise<number>} How many lines there were.
 */
export async function countLineEvents(file) {
  const { lines, ended } = start(file);
  const closed = once(lines, "close");
  let count = 0;
  lines.on("line", () => count++);
  await Promise.all([closed, ended]);
  return count;
}
