/**
 * Lines as Node reads them: `ipc_peer_node.mjs FILE`. For each number it is told it runs `cat FILE`
 * so many times, takes its output line by line, and says how many microseconds that took.
 */
import { argv, stdin } from "node:process";
import { createInterface } from "node:readline";
import { countLines } from "./ipc_readline.mjs";

for await (const line of createInterface({ input: stdin })) {
  const begun = performance.now();
  for (let left = Number(line); left > 0; left--) await countLines(argv[2]);
  console.log((performance.now() - begun) * 1e3);
}
