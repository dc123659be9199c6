/** What `http_peer.ts` is, on `node:http`: for Node, and for Deno's version of it. */
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import process from "node:process";

const [workload, cert, key] = process.argv.slice(2);

const event = Buffer.from(`data: ${"x".repeat(56)}\n\n`);
const eventsEach = 16;

/** Event streams under way, and how many events each still gets. */
const streams = new Map();

function broadcast() {
  for (const [response, left] of streams) {
    response.write(event);
    if (left > 1) streams.set(response, left - 1);
    else {
      streams.delete(response);
      response.end();
    }
  }
  if (streams.size > 0) setTimeout(broadcast, 0);
}

const text = { "content-type": "text/plain;charset=UTF-8" };

const handlers = {
  hello(_request, response) {
    response.writeHead(200, { ...text, "content-length": 5 });
    response.end("hello");
  },
  headers({ headers }, response) {
    const body = `hello ${headers["user-agent"].length}`;
    response.writeHead(200, {
      "content-type": "text/plain",
      "x-request-id": headers["x-request-id"],
      "cache-control": "no-store",
      "content-length": Buffer.byteLength(body),
    });
    response.end(body);
  },
  json(request, response) {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.stringify(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(200, {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
      });
      response.end(body);
    });
  },
  events(_request, response) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    if (streams.size === 0) setTimeout(broadcast, 0);
    streams.set(response, eventsEach);
    response.on("close", () => streams.delete(response));
  },
};

const handler = handlers[workload];
const server = cert === undefined
  ? http.createServer(handler)
  : https.createServer({ cert: readFileSync(cert), key: readFileSync(key) }, handler);
server.listen(
  { host: "127.0.0.1", port: 0, backlog: 4096 },
  () => process.stdout.write(`${server.address().port} ${process.pid}\n`),
);
// Idle connections are what one of the benches is about.
server.keepAliveTimeout = 0;
process.stdin.on("data", () => {
  globalThis.gc();
  process.stdout.write("collected\n");
});
process.stdin.on("end", () => process.exit());
