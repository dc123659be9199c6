import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { Client, type ClientInit } from "../../../http/client/client.ts";
import type { CookieJar } from "../../../http/client/cookies.ts";
import { Request } from "../../../http/web/request.ts";
import { Response } from "../../../http/web/response.ts";
import { type ClientTrace, fireTrace, traceOf } from "../../../http/client/trace.ts";
import { FakeBody, FakeTransport, respond } from "./fake_transport.ts";

function echoing(): FakeTransport {
  return new FakeTransport(({ request }) =>
    respond(request, 200, {}, request.method === "HEAD" ? null : new FakeBody(["hello"]))
  );
}

Deno.test("get() and head() send their method, whatever the init says", async () => {
  const transport = echoing();
  const client = new Client({ transport });
  await client.get("http://h/a");
  await client.get(new URL("http://h/b"), { headers: { "X-Own": "1" } });
  await client.get("http://h/c", { method: "DELETE" });
  await client.head("http://h/d");
  await client.head("http://h/e", { method: "POST", timeout: 60_000 });
  assertEquals(transport.seen.map(({ method, url }) => `${method} ${url}`), [
    "GET http://h/a",
    "GET http://h/b",
    "GET http://h/c",
    "HEAD http://h/d",
    "HEAD http://h/e",
  ]);
  assertEquals(transport.seen[1].headers["x-own"], "1");
});

Deno.test("post() sends a body as what it is said to be", async () => {
  const transport = echoing();
  const client = new Client({ transport });
  const init: ClientInit = { headers: { "Content-Type": "text/old", "X-Own": "1" } };
  await client.post("http://h/", "application/json", "[1]", init);
  await client.post("http://h/", "text/plain", null);
  const [first, second] = transport.seen;
  assertEquals([first.method, first.body], ["POST", "[1]"]);
  assertEquals(first.headers, { "content-type": "application/json", "x-own": "1" });
  assertEquals([second.method, second.body], ["POST", ""]);
  assertEquals(second.headers, { "content-type": "text/plain" });
});

Deno.test("postForm() takes a form in each of its shapes", async () => {
  const table: [Parameters<Client["postForm"]>[1], string][] = [
    [new URLSearchParams("a=1&b=%20"), "a=1&b=+"],
    [{ a: "1", b: ["2", "3"], c: "ä&=" }, "a=1&b=2&b=3&c=%C3%A4%26%3D"],
    [[["a", "1"], ["a", "2"]], "a=1&a=2"],
    [new Map([["k", "v"]]), "k=v"],
    [{}, ""],
  ];
  for (const [data, expected] of table) {
    const transport = echoing();
    await new Client({ transport }).postForm("http://h/", data);
    const [{ method, body, headers }] = transport.seen;
    assertEquals([method, body], ["POST", expected]);
    assertEquals(headers["content-type"], "application/x-www-form-urlencoded");
  }
});

Deno.test("a status that is not 2xx is a response like any other", async () => {
  for (const status of [204, 304, 400, 404, 500, 599]) {
    const transport = new FakeTransport(({ request }) => respond(request, status));
    assertEquals((await new Client({ transport }).get("http://h/")).status, status);
  }
});

Deno.test("without limits, jar and redirects the transport's own objects pass through", async () => {
  const transport = echoing();
  const request = new Request("http://h/");
  const response = await new Client({ transport }).do(request);
  assert(transport.seen[0].request === request);
  assertInstanceOf(response, Response);
});

Deno.test("do() takes the runtime's Request, and ours more than once", async () => {
  const transport = echoing();
  for (const timeout of [0, 60_000]) {
    const client = new Client({ transport, timeout });
    transport.seen.length = 0;
    const init = { method: "PUT", body: "data", headers: { "X-Own": "1" } };
    await (await client.do(new globalThis.Request("http://h/", init))).text();
    const ours = new Request("http://h/", init);
    await (await client.do(ours)).text();
    await (await client.do(ours)).text();
    assertEquals(transport.seen.map(({ method, body }) => method + body), Array(3).fill("PUTdata"));
    assertEquals(transport.seen.map(({ headers }) => headers["x-own"]), ["1", "1", "1"]);
  }
});

Deno.test("fetch is a drop-in: bound, of the web's type, with its three kinds of input", async () => {
  const transport = echoing();
  const fetch: typeof globalThis.fetch = new Client({ transport }).fetch;
  for (const input of ["http://h/", new URL("http://h/"), new globalThis.Request("http://h/")]) {
    const response = await fetch(input, { method: "POST", body: "x", headers: [["x-own", "1"]] });
    assertInstanceOf(response, globalThis.Response);
    assertEquals([response.ok, await response.text()], [true, "hello"]);
  }
  for (const seen of transport.seen) {
    assertEquals([seen.method, seen.body, seen.headers["x-own"]], ["POST", "x", "1"]);
  }
  const request = new globalThis.Request("http://h/", { method: "POST", body: "once" });
  await fetch(request);
  assert(request.bodyUsed);
  await assertRejects(() => fetch(request), TypeError);
});

Deno.test("an argument that is not valid rejects with a TypeError, and nothing is sent", async () => {
  const transport = echoing();
  const client = new Client({ transport });
  const table: (() => Promise<unknown>)[] = [
    () => client.get("/relative"),
    () => client.get("ftp://h/"),
    () => client.get("data:,x"),
    () => client.fetch("file:///etc/passwd"),
    () => client.get("http://h/", { headers: { "bad name": "x" } }),
    () => client.get("http://h/", { headers: { "X": "a\r\nb: c" } }),
    () => client.get("http://h/", { body: "x" }),
    () => client.get("http://h/", { timeout: "5" as unknown as number }),
    () => client.get("http://h/", { redirect: "never" as "error" }),
    () => client.post("http://h/", "text/plain\n\nx", "x"),
  ];
  for (const call of table) await assertRejects(call, TypeError);
  assertEquals(transport.seen.length, 0);
  assertThrows(() => new Client({ timeout: "5" as unknown as number }), TypeError);
  assertThrows(() => new Client({ timeout: NaN }), RangeError);
});

Deno.test("a name and password in the URL become Authorization, unless it is set", async () => {
  const transport = echoing();
  const client = new Client({ transport });
  await client.get("http://user:p%40ss@h/");
  await client.get("http://user:p@h/", { headers: { Authorization: "Bearer t" } });
  await client.get("http://h/a@b");
  assertEquals(transport.seen.map(({ url, headers }) => [url, headers.authorization]), [
    ["http://h/", `Basic ${btoa("user:p@ss")}`],
    ["http://h/", "Bearer t"],
    ["http://h/a@b", undefined],
  ]);
});

/** A jar that keeps what it is given by host, and notes the calls. */
function fakeJar(): CookieJar & { calls: string[] } {
  const kept = new Map<string, string>();
  const calls: string[] = [];
  return {
    calls,
    cookies(url) {
      calls.push(`cookies ${url.href}`);
      return kept.get(url.hostname) ?? "";
    },
    async setCookies(url, values) {
      await Promise.resolve();
      calls.push(`setCookies ${url.href} ${values.join(" | ")}`);
      kept.set(url.hostname, values.map((value) => value.split(";")[0]).join("; "));
    },
  };
}

Deno.test("a jar is asked before each request and told after each response", async () => {
  const jar = fakeJar();
  const transport = new FakeTransport(({ request }, index) => {
    if (index === 0) {
      return respond(request, 302, { "Location": "/in", "Set-Cookie": ["a=1; Path=/", "b=2"] });
    }
    if (index === 1) return respond(request, 302, { Location: "http://other/" });
    return respond(request, 200, { "Set-Cookie": "c=3" });
  });
  await new Client({ transport, jar }).get("http://h/");
  assertEquals(transport.seen.map(({ headers }) => headers.cookie), [
    undefined,
    "a=1; b=2",
    undefined,
  ]);
  assertEquals(jar.calls, [
    "cookies http://h/",
    "setCookies http://h/ a=1; Path=/ | b=2",
    "cookies http://h/in",
    "cookies http://other/",
    "setCookies http://other/ c=3",
  ]);
});

Deno.test("the caller's own cookies go first, in one field, until the server changes them", async () => {
  const jar = fakeJar();
  await jar.setCookies(new URL("http://h/"), ["jar=1"]);
  const transport = new FakeTransport(({ request }, index) =>
    index === 0
      ? respond(request, 302, { "Location": "/in", "Set-Cookie": "own=2" })
      : respond(request, 200)
  );
  await new Client({ transport, jar }).get("http://h/", { headers: { Cookie: "own=1; x=y" } });
  assertEquals(transport.seen.map(({ headers }) => headers.cookie), [
    "own=1; x=y; jar=1",
    "x=y; own=2",
  ]);
});

Deno.test("an error of the jar is the caller's, and gives the body up", async () => {
  const body = new FakeBody(["hello"]);
  const transport = new FakeTransport(({ request }) =>
    respond(request, 200, { "Set-Cookie": "a=1" }, body)
  );
  const jar: CookieJar = {
    cookies: () => "",
    setCookies() {
      throw new Error("jar is full");
    },
  };
  await assertRejects(() => new Client({ transport, jar }).get("http://h/"), Error, "jar is full");
  assert(body.cancelled !== undefined);
});

Deno.test("the hooks of a request reach the transport on every hop, with and without limits", async () => {
  for (const timeout of [0, 60_000]) {
    const events: string[] = [];
    const trace: ClientTrace = {
      getConn: ({ hostPort }) => events.push(`getConn ${hostPort}`),
      got1xxResponse: ({ status }) => events.push(`got ${status}`),
      putIdleConn: () => events.push("putIdle"),
    };
    const transport = new FakeTransport(({ request }, index) => {
      const given = traceOf(request);
      fireTrace(given, "getConn", { hostPort: "h:80" });
      fireTrace(given, "got1xxResponse", { status: 103, headers: new Headers() });
      fireTrace(given, "putIdleConn", { error: undefined });
      return index === 0 ? respond(request, 302, { Location: "/1" }) : respond(request, 200);
    });
    const informational = ({ status }: { status: number }) => events.push(`informed ${status}`);
    const client = new Client({ transport, timeout });
    await client.do(new Request("http://h/"), { trace, informational });
    const hop = ["getConn h:80", "informed 103", "got 103", "putIdle"];
    assertEquals(events, [...hop, ...hop]);
  }
});

Deno.test("a transport may give the runtime's own Response", async () => {
  const transport = {
    roundTrip: () => Promise.resolve(new globalThis.Response("plain") as Response),
  };
  for (const timeout of [0, 60_000]) {
    const response = await new Client({ transport, timeout }).get("http://h/");
    assertInstanceOf(response, Response);
    assertEquals([response.proto, await response.text()], ["HTTP/1.1", "plain"]);
    assertEquals([...(await response.trailers)], []);
  }
});

Deno.test("closeIdleConnections() is passed on, where the transport has it", () => {
  const transport = echoing();
  new Client({ transport }).closeIdleConnections();
  assertEquals(transport.idleClosed, 1);
  new Client({ transport: { roundTrip: () => Promise.reject() } }).closeIdleConnections();
});
