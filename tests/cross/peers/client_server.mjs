// Node's HTTP server, for a client of ours. It takes how long a connection may be idle, in
// milliseconds, and where to serve: nothing, a path (a Unix socket), or a certificate and its key.
// It says where it listens.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";

const [, , idle, ...rest] = process.argv;

/** A promise that is made anew once it was waited for. */
function signal() {
  let it = Promise.withResolvers();
  return {
    give: () => it.resolve(),
    async wait() {
      await it.promise;
      it = Promise.withResolvers();
    },
  };
}
Promise.withResolvers ??= () => {
  const it = {};
  it.promise = new Promise((resolve, reject) => Object.assign(it, { resolve, reject }));
  return it;
};

const goOn = signal();
const gone = signal();
/** How often each tag has come. */
const seen = new Map();

const routes = {
  "/small": (_, res) => res.setHeader("content-length", 5).end("small"),
  "/empty": (_, res) => res.writeHead(204).end(),
  "/unchanged": (_, res) => res.writeHead(304, { etag: '"1"' }).end(),
  "/last": (_, res) => res.setHeader("connection", "close").end("last"),
  async "/digest"(req, res) {
    const data = await buffer(req);
    res.end(`${data.length} ${createHash("sha256").update(data).digest("hex")}`);
  },
  "/whole": async (req, res) => res.end(await buffer(req)),
  "/chunks": (req, res) => req.pipe(res),
  async "/pieces"(_, res) {
    res.write("one ");
    await goOn.wait();
    res.end("two");
  },
  "/go-on"(_, res) {
    goOn.give();
    res.end();
  },
  "/gzip"(req, res) {
    const text = "again and again ".repeat(10000);
    res.setHeader("content-type", "text/plain");
    if (!/gzip/.test(req.headers["accept-encoding"])) return res.end(text);
    res.setHeader("content-encoding", "gzip").end(gzipSync(text));
  },
  "/trailers"(_, res) {
    res.setHeader("trailer", "x-sum").write("body");
    res.addTrailers({ "x-sum": "4", "x-late": "unannounced" });
    res.end();
  },
  "/early"(_, res) {
    res.writeEarlyHints({ link: "</style.css>; rel=preload" });
    res.writeProcessing();
    res.end("late");
  },
  "/refuse": (_, res) => res.writeHead(403).end("no"),
  "/cut": (req, res) => res.write("0123456789", () => req.socket.destroy()),
  "/cut-length": (req, res) =>
    res.writeHead(200, { "content-length": 100 }).write("0123456789", () => req.socket.destroy()),
  "/reset": (req, res) => res.write("0123456789", () => req.socket.resetAndDestroy()),
  "/vanish": (req) => req.socket.destroy(),
  "/dying": (req, res) => res.end("ok", () => setImmediate(() => req.socket.destroy())),
  "/seen": (_, res) => res.end(`${Math.max(0, ...seen.values())}`),
  "/endless"(_, res) {
    const more = () => {
      while (res.write(Buffer.alloc(10_000)));
    };
    res.on("drain", more).on("close", gone.give);
    more();
  },
  async "/gone"(_, res) {
    await gone.wait();
    res.end("gone");
  },
};

function handle(req, res) {
  const { pathname, search } = new URL(req.url, "http://localhost");
  if (search !== "") seen.set(search, (seen.get(search) ?? 0) + 1);
  const route = routes[pathname];
  if (route === undefined) return res.writeHead(404).end();
  Promise.resolve(route(req, res)).catch(() => res.destroy());
}

const server = rest.length === 2
  ? createSecureServer({ cert: readFileSync(rest[0]), key: readFileSync(rest[1]) }, handle)
  : createServer(handle);
server.keepAliveTimeout = Number(idle);
server.on("checkContinue", (req, res) => {
  if (!req.url.startsWith("/refuse")) res.writeContinue();
  handle(req, res);
});
server.listen(rest.length === 1 ? { path: rest[0] } : { port: 0, host: "127.0.0.1" }, () => {
  const address = server.address();
  console.log("listening at", rest.length === 1 ? address : `127.0.0.1:${address.port}`);
});
