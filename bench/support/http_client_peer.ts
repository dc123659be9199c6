/**
 * A client in a process of its own: `plumb`, which takes the engine that its permissions allow, or
 * `fetch`, for one of the workloads, against a server. Prints its process id; then, for each line
 * `<in flight> <ms>` it is sent, sends requests for so long and prints how many were answered; ends
 * with its standard input.
 */
import { Client, Transport } from "../../http/mod.ts";

const [kind, workload, base] = Deno.args;

const connections = 64;
const url = `${base}/${workload}`;
const posted = "x".repeat(1024);
const contentType = "text/plain";
const expected: Record<string, number> = { hello: 5, post: 5, large: 1024 * 1024 };

function plumb(): (url: string) => Promise<number> {
  const client = new Client({ transport: new Transport({ maxIdleConnsPerHost: connections }) });
  switch (workload) {
    case "hello":
      return async () => (await (await client.get(url)).text()).length;
    case "large":
      return async () => (await (await client.get(url)).bytes()).length;
    default:
      return async () => (await (await client.post(url, contentType, posted)).text()).length;
  }
}

function runtime(): (url: string) => Promise<number> {
  const init = { method: "POST", headers: { "content-type": contentType }, body: posted };
  switch (workload) {
    case "hello":
      return async () => (await (await fetch(url)).text()).length;
    case "large":
      return async () => (await (await fetch(url)).bytes()).length;
    default:
      return async () => (await (await fetch(url, init)).text()).length;
  }
}

const once = kind === "fetch" ? runtime() : plumb();

/** Sends one request after the other. */
async function work(end: number): Promise<number> {
  let count = 0;
  while (performance.now() < end) {
    const length = await once(url);
    if (length !== expected[workload]) throw new Error(`${url} has answered ${length} bytes`);
    count++;
  }
  return count;
}

console.log(Deno.pid);
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
for await (const line of lines) {
  const [inFlight, ms] = line.split(" ").map(Number);
  const end = performance.now() + ms;
  const counts = await Promise.all(Array.from({ length: inFlight }, () => work(end)));
  console.log(counts.reduce((sum, count) => sum + count));
}
Deno.exit();
