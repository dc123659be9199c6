/** Hono apps, and handlers made for `Deno.serve`, on our server, unchanged. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Context, Hono } from "npm:hono@4";
import { basicAuth } from "npm:hono@4/basic-auth";
import { bodyLimit } from "npm:hono@4/body-limit";
import { compress } from "npm:hono@4/compress";
import {
  deleteCookie,
  getCookie,
  getSignedCookie,
  setCookie,
  setSignedCookie,
} from "npm:hono@4/cookie";
import { cors } from "npm:hono@4/cors";
import { etag } from "npm:hono@4/etag";
import { HTTPException } from "npm:hono@4/http-exception";
import { methodOverride } from "npm:hono@4/method-override";
import { proxy } from "npm:hono@4/proxy";
import { stream, streamSSE, streamText } from "npm:hono@4/streaming";
import { timeout } from "npm:hono@4/timeout";
import type { Handler, HandlerInfo } from "../../http/handler.ts";
import { digest, endless, inChunks, noise, serving } from "./peers/http_server.ts";

type Env = { Bindings: HandlerInfo };
type Ask = (path: string, init?: RequestInit) => Promise<Response>;

/** A test of an app, asked by the runtime's own client. */
function test(name: string, build: (app: Hono<Env>) => void, body: (ask: Ask) => Promise<void>) {
  Deno.test(name, async () => {
    const app = new Hono<Env>();
    build(app);
    await using at = serving(app.fetch);
    using client = Deno.createHttpClient({});
    await body((path, init) =>
      fetch(`${at.origin}${path}`, { client, redirect: "manual", ...init })
    );
    assertEquals(at.log, []);
  });
}

const text = async (response: Promise<Response>) => (await response).text();

test(
  "Hono: paths, queries, bodies and answers",
  (app) => {
    app.get("/hello/:name", (c) => c.text(`${c.req.param("name")} ${c.req.query("q")}`));
    app.get("/env", (c) => c.json([c.env.remoteAddr.network, c.env.proto, c.req.header("x-a")]));
    app.post("/json", async (c) => c.json({ got: await c.req.json() }, 201, { "x-b": "c" }));
    app.post("/text", async (c) => c.html(`<p>${await c.req.text()}`));
    app.post("/bytes", async (c) => c.body(await c.req.arrayBuffer()));
    app.post("/form", async (c) => {
      const { name, file } = await c.req.parseBody() as { name: string; file: File };
      return c.text(`${name} ${file.name} ${await digest(await file.bytes())}`);
    });
    app.post("/fields", async (c) => c.json(await c.req.parseBody({ all: true })));
    app.get("/go", (c) => c.redirect("/hello/you"));
    app.delete("/it", (c) => c.body(null, 204));
    app.notFound((c) => c.text("not here", 404));
  },
  async (ask) => {
    assertEquals(await text(ask("/hello/J%C3%BCrgen?q=a%20b")), "Jürgen a b");
    const env = await ask("/env", { headers: { "X-A": "b" } });
    assertEquals(await env.json(), ["tcp", "HTTP/1.1", "b"]);
    const json = await ask("/json", { method: "POST", body: '{"n":1}' });
    assertEquals([json.status, json.headers.get("x-b"), await json.text()], [
      ...[201, "c", '{"got":{"n":1}}'],
    ]);
    const html = await ask("/text", { method: "POST", body: "käse" });
    assertEquals(html.headers.get("content-type"), "text/html; charset=UTF-8");
    assertEquals(await html.text(), "<p>käse");
    const data = noise(700_000);
    const bytes = await ask("/bytes", { method: "POST", body: inChunks(data, 90_000) });
    assertEquals(await digest(await bytes.bytes()), await digest(data));
    const form = new FormData();
    form.set("name", "käse");
    form.set("file", new File([data], "a.bin"));
    const posted = text(ask("/form", { method: "POST", body: form }));
    assertEquals(await posted, `käse a.bin ${await digest(data)}`);
    const fields = await ask("/fields", { method: "POST", body: new URLSearchParams("a=1&a=2") });
    assertEquals(await fields.json(), { a: ["1", "2"] });
    const go = await ask("/go");
    assertEquals([go.status, go.headers.get("location"), await go.text()], [302, "/hello/you", ""]);
    const gone = await ask("/it", { method: "DELETE" });
    assertEquals([gone.status, await gone.text()], [204, ""]);
    const head = await ask("/hello/you", { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""]);
    const missing = await ask("/nowhere");
    assertEquals([missing.status, await missing.text()], [404, "not here"]);
  },
);

test(
  "Hono: middleware",
  (app) => {
    app.use(async (c, next) => {
      await next();
      c.header("x-before", c.req.method);
      c.res.headers.append("x-after", String(c.res.status));
    });
    app.use("/cors", cors({ origin: "http://example.test" }));
    app.use("/etag", etag());
    app.use("/zip", compress());
    app.use("/auth/*", basicAuth({ username: "me", password: "pass" }));
    app.use("/limit", bodyLimit({ maxSize: 1_000 }));
    app.use("/override", methodOverride({ app }));
    app.use("/slow", timeout(5));
    for (const path of ["/cors", "/etag", "/auth/page"]) app.get(path, (c) => c.text(path));
    app.get("/zip", (c) => c.text("again and again ".repeat(500)));
    app.post("/limit", async (c) => c.text(`${(await c.req.text()).length}`));
    app.delete("/override", (c) => c.text("deleted"));
    app.get("/slow", async (c) => {
      await new Promise((resolve) => c.req.raw.signal.addEventListener("abort", resolve));
      return c.text("never");
    });
    app.get("/throw", () => {
      throw new Error("oh");
    });
    app.get("/teapot", () => {
      throw new HTTPException(418, { message: "short and stout" });
    });
    app.onError((error, c) =>
      error instanceof HTTPException ? error.getResponse() : c.text(`caught ${error.message}`, 500)
    );
  },
  async (ask) => {
    const allowed = await ask("/cors", { headers: { origin: "http://example.test" } });
    assertEquals(await allowed.text(), "/cors");
    assertEquals(allowed.headers.get("access-control-allow-origin"), "http://example.test");
    assertEquals([allowed.headers.get("x-before"), allowed.headers.get("x-after")], ["GET", "200"]);
    const preflight = await ask("/cors", {
      method: "OPTIONS",
      headers: { origin: "http://example.test", "access-control-request-method": "PUT" },
    });
    assertEquals([preflight.status, await preflight.text()], [204, ""]);

    const first = await ask("/etag");
    assertEquals(await first.text(), "/etag");
    const again = await ask("/etag", { headers: { "if-none-match": first.headers.get("etag")! } });
    assertEquals([again.status, await again.text()], [304, ""]);

    const zipped = await ask("/zip", { headers: { "accept-encoding": "gzip" } });
    assertEquals(await zipped.text(), "again and again ".repeat(500));
    assertMatch(zipped.headers.get("vary") ?? "", /accept-encoding/i);

    const stranger = await ask("/auth/page");
    assertEquals([stranger.status, await stranger.text()], [401, "Unauthorized"]);
    const authorization = `Basic ${btoa("me:pass")}`;
    assertEquals(await text(ask("/auth/page", { headers: { authorization } })), "/auth/page");

    for (const body of [() => noise(1_001), () => inChunks(noise(9_000), 500)]) {
      const response = await ask("/limit", { method: "POST", body: body() });
      assertEquals([response.status, await response.text()], [413, "Payload Too Large"]);
    }
    const short = () => inChunks(new Uint8Array(1_000), 300);
    assertEquals(await text(ask("/limit", { method: "POST", body: short() })), "1000");

    const form = new FormData();
    form.set("_method", "DELETE");
    assertEquals(await text(ask("/override", { method: "POST", body: form })), "deleted");
    const slow = await ask("/slow");
    assertEquals([slow.status, await slow.text()], [504, "Gateway Timeout"]);
    const thrown = await ask("/throw");
    assertEquals([thrown.status, await thrown.text()], [500, "caught oh"]);
    const teapot = await ask("/teapot");
    assertEquals([teapot.status, await teapot.text()], [418, "short and stout"]);
  },
);

test(
  "Hono: cookies, several and signed",
  (app) => {
    app.get("/set", async (c) => {
      setCookie(c, "a", "1 2");
      setCookie(c, "b", "2", { httpOnly: true, maxAge: 60 });
      deleteCookie(c, "c");
      await setSignedCookie(c, "s", "mine", "secret");
      return c.text("set");
    });
    app.get(
      "/get",
      async (c) =>
        c.json([getCookie(c, "a"), getCookie(c, "b"), await getSignedCookie(c, "secret", "s")]),
    );
  },
  async (ask) => {
    const response = await ask("/set");
    assertEquals(await response.text(), "set");
    const set = response.headers.getSetCookie();
    assertEquals(set.slice(0, 3), [
      "a=1%202; Path=/",
      "b=2; Max-Age=60; Path=/; HttpOnly",
      "c=; Max-Age=0; Path=/",
    ]);
    const cookie = set.map((it) => it.split(";")[0]).join("; ");
    assertEquals(await (await ask("/get", { headers: { cookie } })).json(), ["1 2", "2", "mine"]);
  },
);

let aborted = Promise.withResolvers<void>();

test(
  "Hono: streams, and a client that leaves one",
  (app) => {
    app.get("/text", (c) =>
      streamText(c, async (out) => {
        for (let i = 0; i < 5; i++) await out.write(`${i} `);
      }));
    app.get("/bytes", (c) =>
      stream(c, async (out) => {
        await out.pipe(inChunks(noise(500_000), 60_000));
      }));
    app.get("/events", (c) =>
      streamSSE(c, async (out) => {
        for (let i = 0; i < 3; i++) await out.writeSSE({ id: `${i}`, event: "e", data: `d${i}` });
      }));
    app.get("/endless", (c) =>
      stream(c, async (out) => {
        out.onAbort(() => aborted.resolve());
        await out.pipe(endless());
      }));
  },
  async (ask) => {
    assertEquals(await text(ask("/text")), "0 1 2 3 4 ");
    assertEquals(await digest(await (await ask("/bytes")).bytes()), await digest(noise(500_000)));
    const events = await ask("/events");
    assertEquals(events.headers.get("content-type"), "text/event-stream");
    const blocks = [0, 1, 2].map((i) => `event: e\ndata: d${i}\nid: ${i}\n\n`);
    assertEquals(await events.text(), blocks.join(""));
    aborted = Promise.withResolvers();
    await (await ask("/endless")).body!.cancel();
    await aborted.promise;
  },
);

test(
  "Hono: apps in apps, and requests made of requests",
  (app) => {
    const inner = new Hono<Env>().get("/page", (c) => c.text(`inner ${c.req.path}`));
    app.route("/route", inner);
    app.mount("/mount", async (request: Request) => {
      const { pathname } = new URL(request.url);
      return new Response(`${request.method} ${pathname} ${await request.text()}`);
    });
    app.all("/clone", async (c) => {
      const clone = c.req.raw.clone();
      return c.text(`${await clone.text()} ${await c.req.text()}`);
    });
    app.all("/copy", async (c: Context<Env>) => {
      const copy = new Request("http://other.test/", c.req.raw);
      return c.text(`${copy.method} ${copy.headers.get("x-a")} ${await copy.text()}`);
    });
    app.all("/proxy", (c) => {
      const { port } = new URL(c.req.url);
      return proxy(`http://127.0.0.1:${port}/copy`, { raw: c.req.raw });
    });
  },
  async (ask) => {
    const init = { method: "POST", body: "body", headers: { "x-a": "b" } };
    assertEquals(await text(ask("/route/page")), "inner /route/page");
    assertEquals(await text(ask("/mount/a/b", init)), "POST /a/b body");
    assertEquals(await text(ask("/clone", init)), "body body");
    assertEquals(await text(ask("/copy", init)), "POST b body");
    assertEquals(await text(ask("/proxy", init)), "POST b body");
  },
);

Deno.test("a handler made for Deno.serve answers the same here and there", async () => {
  const handler = async (request: Request, info: { remoteAddr: Deno.Addr }) => {
    assert(request instanceof Request);
    const { transport, hostname } = info.remoteAddr as Deno.NetAddr;
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/boom") throw new Error("boom");
    const body = (await request.bytes()).length;
    return Response.json(
      [request.method, pathname, [...searchParams], body, transport, hostname],
      { status: 203, headers: { "x-names": [...request.headers.keys()].sort().join() } },
    );
  };
  const answers = async (origin: string) => {
    using client = Deno.createHttpClient({});
    const seen: unknown[] = [];
    for (
      const [path, init] of [
        ["/a%20b?c=d&e"],
        ["/head", { method: "HEAD" }],
        ["/post", { method: "POST", body: noise(100_000) }],
        ["/stream", { method: "PUT", body: inChunks(noise(100_000), 30_000) }],
        ["/empty", { method: "POST" }],
        ["/boom"],
      ] as [string, RequestInit?][]
    ) {
      const response = await fetch(`${origin}${path}`, { client, ...init });
      const body = await response.text();
      const { status, headers } = response;
      seen.push([status, headers.get("content-type"), headers.get("x-names"), body]);
    }
    return seen.slice(0, -1).concat((seen.at(-1) as unknown[])[0]); // of a failure: the status
  };
  const errors: unknown[] = [];
  await using theirs = Deno.serve({
    ...{ hostname: "127.0.0.1", port: 0, onListen() {} },
    onError(error) {
      errors.push(error);
      return new Response(null, { status: 500 });
    },
  }, handler);
  await using ours = serving(handler as Handler);
  assertEquals(
    await answers(ours.origin),
    await answers(`http://127.0.0.1:${theirs.addr.port}`),
  );
  assertEquals([errors.length, ours.log.length], [1, 1]);
});
