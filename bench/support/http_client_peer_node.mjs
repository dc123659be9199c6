/** What `http_client_peer.ts` is, on Node: `node` (`node:http`), `request` or `fetch` (of undici). */
import http from "node:http";
import { createRequire } from "node:module";
import process from "node:process";
import { createInterface } from "node:readline";

const [kind, workload, base, modules] = process.argv.slice(2);

const connections = 64;
const url = `${base}/${workload}`;
const posted = "x".repeat(1024);
const headers = { "content-type": "text/plain" };
const expected = { hello: 5, post: 5, large: 1024 * 1024 };

function viaNode() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const method = workload === "post" ? "POST" : "GET";
  const options = workload === "post"
    ? { agent, method, headers: { ...headers, "content-length": posted.length } }
    : { agent, method };
  return () =>
    new Promise((resolve, reject) => {
      const request = http.request(url, options, (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const bytes = Buffer.concat(chunks);
          resolve(workload === "large" ? bytes.length : bytes.toString().length);
        });
      });
      request.on("error", reject);
      request.end(workload === "post" ? posted : undefined);
    });
}

function viaUndici() {
  const { Agent, fetch, request } = createRequire(`${modules}/`)("undici");
  const dispatcher = new Agent({ connections });
  const init = workload === "post"
    ? { dispatcher, method: "POST", headers, body: posted }
    : { dispatcher };
  const ask = kind === "fetch"
    ? () => fetch(url, init)
    : async () => (await request(url, init)).body;
  return workload === "large"
    ? async () => (await (await ask()).arrayBuffer()).byteLength
    : async () => (await (await ask()).text()).length;
}

const once = kind === "node" ? viaNode() : viaUndici();

async function work(end) {
  let count = 0;
  while (performance.now() < end) {
    const length = await once();
    if (length !== expected[workload]) throw new Error(`${url} has answered ${length} bytes`);
    count++;
  }
  return count;
}

process.stdout.write(`${process.pid}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const [inFlight, ms] = line.split(" ").map(Number);
  const end = performance.now() + ms;
  const counts = await Promise.all(Array.from({ length: inFlight }, () => work(end)));
  process.stdout.write(`${counts.reduce((sum, count) => sum + count)}\n`);
}
process.exit();
