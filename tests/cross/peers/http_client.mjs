// Node's HTTP client against a server of ours. It takes a port (or a path: a Unix socket), goes
// through its requests, and prints what the server has not done right: nothing is good.
import { createHash, randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";

const [, , address, ...tests] = process.argv;
const where = address.startsWith("/")
  ? { socketPath: address }
  : { host: "127.0.0.1", port: Number(address) };

function check(good, ...what) {
  if (good) return;
  process.exitCode = 1;
  console.log(...what);
}

/** Sends a request; `write` writes its body. */
function ask(agent, method, path, headers = {}, write = (req) => req.end()) {
  return new Promise((resolve, reject) => {
    const req = request({ ...where, agent, method, path, headers }, async (res) => {
      try {
        resolve({ res, req, body: await text(res.setEncoding("latin1")) });
      } catch (error) {
        reject(error);
      }
    });
    req.on("error", reject);
    write(req);
  });
}

const sum = (data) => `${data.length} ${createHash("sha256").update(data).digest("hex")}`;

const all = {
  async keepAlive() {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set();
    for (let i = 0; i < 50; i++) {
      const data = randomBytes(i * 999);
      const { res, req, body } = await ask(agent, "POST", "/digest", {}, (req) => req.end(data));
      ports.add(req.socket.localPort);
      check(body === sum(data), "digest", i, body);
      check(i === 0 || req.reusedSocket, "not reused", i);
      check(res.httpVersion === "1.1" && res.complete, "incomplete", i);
      const empty = await ask(agent, "DELETE", "/empty");
      check(empty.res.statusCode === 204 && empty.body === "", "empty", empty.body);
    }
    check(ports.size === 1, "connections", ports.size);
    agent.destroy();
  },

  async trailers() {
    const { res, body } = await ask(
      undefined,
      "POST",
      "/trailers",
      { trailer: "x-mine" },
      (req) => {
        req.write("bo");
        req.addTrailers({ "x-mine": "from Node" });
        req.end("dy");
      },
    );
    check(body === "body" && res.trailers["x-yours"] === "from Node", "trailers", res.trailers);
  },

  async expect() {
    const data = randomBytes(2_000_000);
    let continued = 0;
    const post = (path) =>
      ask(
        undefined,
        "POST",
        path,
        { expect: "100-continue", "content-length": data.length },
        (req) => {
          req.flushHeaders();
          req.on("continue", () => {
            continued++;
            req.end(data);
          });
          req.on("response", () => req.end());
        },
      );
    const { body } = await post("/digest");
    check(body === sum(data) && continued === 1, "expect", body, continued);
    const refused = await post("/refuse").catch((error) => error);
    check(refused.res?.statusCode === 403 && continued === 1, "refused", refused, continued);
  },

  async informational() {
    const early = [];
    const { body } = await ask(undefined, "GET", "/early", {}, (req) => {
      req.on("information", ({ statusCode, headers }) => early.push(statusCode, headers.link));
      req.end();
    });
    check(body === "late", "early", body);
    check(early.join() === "103,</style.css>; rel=preload", "early", early);
  },

  /** What is written comes back before more is. */
  async duplex() {
    const seen = await new Promise((resolve, reject) => {
      const req = request({ ...where, method: "POST", path: "/echo" }, async (res) => {
        const seen = [];
        for await (const chunk of res) {
          seen.push(String(chunk));
          if (seen.length < 20) req.write(String(seen.length));
          else req.end();
        }
        resolve(seen);
      });
      req.on("error", reject);
      req.write("0");
    });
    check(seen.join() === Array.from({ length: 20 }, (_, i) => i).join(), "duplex", seen);
  },

  async concurrent() {
    const agent = new Agent({ keepAlive: true, maxSockets: 50 });
    await Promise.all(Array.from({ length: 500 }, async (_, i) => {
      const data = randomBytes((i * 7919) % 100_000);
      const { body } = await ask(agent, "POST", "/digest", {}, (req) => req.end(data));
      check(body === sum(data), "concurrent", i, body);
    }));
    agent.destroy();
  },

  async upgrade() {
    const heard = await new Promise((resolve, reject) => {
      const headers = { connection: "upgrade", upgrade: "echo" };
      const req = request({ ...where, path: "/upgrade", headers }, reject);
      req.on("error", reject);
      req.on("upgrade", async (_, socket, head) => {
        socket.end("hello");
        resolve(head + await text(socket));
      });
      req.end();
    });
    check(heard === "welcome hello", "upgrade", heard);
  },

  async cancel() {
    const req = request({ ...where, path: "/endless" }, (res) => {
      res.on("error", () => {});
      res.once("data", () => req.destroy());
    });
    req.on("error", () => {});
    req.end();
    const { body } = await ask(undefined, "GET", "/gone");
    check(body === "gone", "cancel", body);
  },

  async cut() {
    const outcome = await ask(undefined, "GET", "/cut").then(
      ({ body }) => body,
      ({ code }) => code,
    );
    check(outcome === "ECONNRESET", "cut", outcome);
  },
};

const late = pause(15_000, undefined, { ref: false }).then(() => {
  throw new Error("it takes too long");
});
for (const name of tests) await Promise.race([all[name](), late]);
process.exit();
