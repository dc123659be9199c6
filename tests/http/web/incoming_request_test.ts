import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { IncomingRequest, type IncomingRequestParts } from "../../../http/web/incoming_request.ts";
import { Request } from "../../../http/web/request.ts";
import { FakeBody } from "./fake_body.ts";

function incoming(parts: Partial<IncomingRequestParts> = {}): IncomingRequest {
  return new IncomingRequest({
    method: "POST",
    url: () => "http://a/b",
    fields: ["Host", "a", "X-A", "1", "x-a", "2"],
    body: null,
    signal: () => new AbortController().signal,
    ...parts,
  });
}

Deno.test("a request that came in tells what it is made of", async () => {
  const request = incoming({ body: new FakeBody(["a", "b"]) });
  assert(request instanceof globalThis.Request);
  assert(request instanceof Request);
  assertStrictEquals(request.method, "POST");
  assertStrictEquals(request.url, "http://a/b");
  assertEquals([...request.headers], [["host", "a"], ["x-a", "1, 2"]]);
  assertStrictEquals(request.redirect, "follow");
  assertStrictEquals(await request.text(), "ab");
});

Deno.test("the URL and the signal are asked for when they are wanted, and once", () => {
  const asked: string[] = [];
  const { signal } = new AbortController();
  const request = incoming({
    url: () => (asked.push("url"), "http://a/"),
    signal: () => (asked.push("signal"), signal),
  });
  void request.method;
  void request.headers.get("host");
  assertEquals(asked, []);
  assertStrictEquals(request.url, request.url);
  assertEquals(asked, ["url"]);
  assertStrictEquals(request.signal, signal);
  assertStrictEquals(request.signal, signal);
  assertEquals(asked, ["url", "signal"]);
});

Deno.test("the headers that came in cannot be changed, not even in a clone", () => {
  const request = incoming();
  assertThrows(() => request.headers.set("a", "b"), TypeError, "came in");
  assertThrows(() => request.clone().headers.delete("host"), TypeError, "came in");
});

Deno.test("a request that came in can be copied, cloned and read on either side", async () => {
  const { signal } = new AbortController();
  const parts = () => ({ body: new FakeBody(["a", "b"]), signal: () => signal });
  const clone = incoming(parts()).clone();
  assertStrictEquals(clone.url, "http://a/b");
  assertStrictEquals(clone.signal, signal);
  assertStrictEquals(await clone.text(), "ab");
  for (const C of [globalThis.Request, Request]) {
    const request = incoming(parts());
    const copy = new C(request, { headers: { "x-b": "3" } });
    assertStrictEquals(copy.method, "POST");
    assertStrictEquals(copy.url, "http://a/b");
    assertStrictEquals(copy.headers.get("x-b"), "3");
    assertStrictEquals(await copy.text(), "ab");
    assert(request.bodyUsed);
    copy.headers.set("a", "b");
    const elsewhere = new C("http://c/", incoming(parts()));
    assertStrictEquals(elsewhere.headers.get("x-a"), "1, 2");
    assertStrictEquals(await elsewhere.text(), "ab");
  }
});

Deno.test("a copy aborts when the client goes away", () => {
  const controller = new AbortController();
  const request = incoming({ signal: () => controller.signal });
  const copies = [new globalThis.Request(request), new Request(request), request.clone()];
  controller.abort("gone");
  for (const { signal } of copies) assertStrictEquals(signal.reason, "gone");
});

Deno.test("fetch() sends a request that came in on", async () => {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (r) => {
    return Response.json([r.method, r.headers.get("x-a"), await r.text()]);
  });
  const url = () => `http://127.0.0.1:${server.addr.port}/`;
  const fields = ["X-A", "1"];
  const post = await fetch(incoming({ url, fields, body: new FakeBody(["a", "b"]) }));
  assertEquals(await post.json(), ["POST", "1", "ab"]);
  const get = await fetch(incoming({ url, fields, method: "GET" }));
  assertEquals(await get.json(), ["GET", "1", ""]);
});

Deno.test("the body of a GET that came in can be read, though the web knows none", async () => {
  const request = incoming({ method: "GET", body: new FakeBody(["a"]) });
  assertStrictEquals(new globalThis.Request(request).body, null);
  assertStrictEquals(await request.text(), "a");
});
