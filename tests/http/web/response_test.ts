import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  incomingResponse,
  type IncomingResponseParts,
  Response,
} from "../../../http/web/response.ts";
import { FakeBody } from "./fake_body.ts";

type ResponseClass = typeof globalThis.Response;

/** Runs a test on the runtime's class and on ours: both must pass it. */
function both(name: string, test: (C: ResponseClass) => void | Promise<void>): void {
  Deno.test(`${name} (the runtime's)`, () => test(globalThis.Response));
  Deno.test(`${name} (ours)`, () => test(Response));
}

function incoming(parts: Partial<IncomingResponseParts> = {}): Response {
  return incomingResponse({
    status: 200,
    statusText: "OK",
    fields: ["Content-Type", "text/plain", "Set-Cookie", "a=1", "set-cookie", "b=2"],
    body: null,
    url: "http://a/b",
    redirected: false,
    proto: "HTTP/1.1",
    trailers: () => Promise.resolve(new Headers({ t: "1" })),
    remoteAddr: undefined,
    uncompressed: false,
    ...parts,
  });
}

both("a response has the web's defaults", (C) => {
  const response = new C();
  assert(response instanceof globalThis.Response);
  assertStrictEquals(response.status, 200);
  assertStrictEquals(response.statusText, "");
  assertStrictEquals(response.ok, true);
  assertStrictEquals(response.type, "default");
  assertStrictEquals(response.url, "");
  assertStrictEquals(response.redirected, false);
  assertStrictEquals(response.body, null);
  assertStrictEquals(response.bodyUsed, false);
  assertEquals([...response.headers], []);
  assertStrictEquals(Object.prototype.toString.call(response), "[object Response]");
});

both("a response is what it is told to be", async (C) => {
  const response = new C("no", {
    status: 404,
    statusText: "Not\tHere \u00e9",
    headers: { "X-A": " 1 " },
  });
  assertStrictEquals(response.status, 404);
  assertStrictEquals(response.statusText, "Not\tHere \u00e9");
  assertStrictEquals(response.ok, false);
  assertEquals([...response.headers], [
    ["content-type", "text/plain;charset=UTF-8"],
    ["x-a", "1"],
  ]);
  response.headers.append("x-a", "2");
  assertStrictEquals(response.headers.get("x-a"), "1, 2");
  assertStrictEquals(await response.text(), "no");
});

both("a status may be anything that is a number from 200 to 599", (C) => {
  for (const status of [200, 599, "404", 200.9]) {
    const response = new C(null, { status: status as number });
    assertStrictEquals(response.status, Math.trunc(Number(status)));
  }
  for (const status of [0, 100, 199, 600, 999, -1, NaN, "x", null]) {
    assertThrows(() => new C(null, { status: status as number }), RangeError);
  }
});

both("a status without a body refuses one", (C) => {
  for (const status of [204, 205, 304]) {
    assertStrictEquals(new C(null, { status }).status, status);
    assertThrows(() => new C("", { status }), TypeError);
    assertThrows(() => C.json({}, { status }), TypeError);
  }
});

both("what is no header, reason phrase or URL is refused", (C) => {
  assertThrows(() => new C(null, { headers: { "a b": "1" } }), TypeError);
  assertThrows(() => new C(null, { headers: { a: "1\r\nb: 2" } }), TypeError);
  assertThrows(() => new C(null, { headers: [["a"]] }), TypeError);
  assertThrows(() => new C(null, { statusText: "a\r\nb: 2" }), TypeError);
  assertThrows(() => new C(null, { statusText: "\u0100" }), TypeError);
  assertThrows(() => C.redirect("relative"), TypeError);
  assertThrows(() => C.redirect("http://a", 200), RangeError);
  assertThrows(() => C.json(undefined), TypeError);
  assertThrows(() => C.json(1n), TypeError);
});

both("a content type that is given stays", (C) => {
  const headers = { "CONTENT-TYPE": "text/html" };
  assertStrictEquals(new C("a", { headers }).headers.get("content-type"), "text/html");
  assertStrictEquals(C.json({}, { headers }).headers.get("content-type"), "text/html");
});

both("the static methods make the web's responses", async (C) => {
  const json = C.json({ a: 1 }, { status: 201 });
  assert(json instanceof C);
  assertStrictEquals(json.status, 201);
  assertStrictEquals(json.headers.get("content-type"), "application/json");
  assertEquals(await json.json(), { a: 1 });
  const redirect = C.redirect("http://a/b c", 307);
  assert(redirect instanceof C);
  assertStrictEquals(redirect.status, 307);
  assertStrictEquals(C.redirect(new URL("http://a")).status, 302);
  assertStrictEquals(redirect.headers.get("location"), "http://a/b%20c");
  assertThrows(() => redirect.headers.set("a", "b"), TypeError);
  const error = C.error();
  assert(error instanceof C);
  assertStrictEquals(error.type, "error");
  assertStrictEquals(error.status, 0);
  assertStrictEquals(error.ok, false);
});

both("a clone has its own headers, and the same of everything", async (C) => {
  const response = new C("a", { status: 201, statusText: "x", headers: { a: "1" } });
  response.headers.set("b", "2");
  const clone = response.clone();
  assert(clone instanceof C);
  clone.headers.set("a", "3");
  response.headers.set("c", "4");
  assertStrictEquals(clone.status, 201);
  assertStrictEquals(clone.statusText, "x");
  assertEquals([...clone.headers].flat().slice(0, 4), ["a", "3", "b", "2"]);
  assertStrictEquals(clone.headers.get("c"), null);
  assertStrictEquals(response.headers.get("a"), "1");
  assertEquals(await Promise.all([response.text(), clone.text()]), ["a", "a"]);
  assertThrows(() => C.redirect("http://a").clone().headers.set("a", "b"), TypeError);
});

both("a response serves as the init of another", async (C) => {
  const response = new C("a", { status: 404, statusText: "x", headers: { a: "1" } });
  const other = new globalThis.Response(response.body, response);
  assertStrictEquals(other.status, 404);
  assertStrictEquals(other.statusText, "x");
  assertStrictEquals(other.headers.get("a"), "1");
  assertStrictEquals(await other.text(), "a");
  // The runtime makes a second body of its own static ones.
  assert(C !== Response || response.bodyUsed);
});

both("the runtime's server sends a response, with what was changed on the way", async (C) => {
  let change = (_response: globalThis.Response): unknown => undefined;
  let body: BodyInit | null = "a";
  const sent: globalThis.Response[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async () => {
    const response = new C(body, { status: 201, headers: [["set-cookie", "1"]] });
    sent.push(response);
    await change(response);
    response.headers.append("set-cookie", "2");
    response.headers.set("x-a", "b");
    return response;
  });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  for (const make of [() => "a", () => new Blob(["a"]), () => new Blob(["a"]).stream()]) {
    for (
      const between of [
        () => {},
        (response: globalThis.Response) => response.body,
        (response: globalThis.Response) => void response.clone().text(),
        (response: globalThis.Response) => Deno.inspect(response),
        (response: globalThis.Response) => new globalThis.Response(null, response),
      ]
    ) {
      body = make();
      change = between;
      const got = await fetch(url);
      assertStrictEquals(got.status, 201);
      assertEquals(got.headers.getSetCookie(), ["1", "2"]);
      assertStrictEquals(got.headers.get("x-a"), "b");
      assertStrictEquals(await got.text(), "a", String(between));
    }
  }
  await server.shutdown();
  for (const response of sent) {
    assert(response.bodyUsed);
    await assertRejects(() => response.text(), TypeError);
  }
});

both("a response shows itself in the console and goes to no other thread", (C) => {
  const response = new C("a", { status: 404 });
  const shown = Deno.inspect(response);
  for (const part of ["status: 404", "bodyUsed: false", 'url: ""']) assert(shown.includes(part));
  assertThrows(() => structuredClone(response), DOMException);
  assert(!response.bodyUsed);
});

Deno.test("a response that was made here has come from nowhere", async () => {
  const response = new Response("a");
  assertStrictEquals(response.proto, "HTTP/1.1");
  assertEquals([...await response.trailers], []);
  assertStrictEquals(response.remoteAddr, undefined);
  assertStrictEquals(response.uncompressed, false);
});

Deno.test("a response that came in tells what it is made of", async () => {
  const response = incoming({
    url: "http://a/b?c#d",
    redirected: true,
    proto: "HTTP/1.0",
    uncompressed: true,
    body: new FakeBody(["a", "b"]),
  });
  assert(response instanceof Response);
  assertStrictEquals(response.url, "http://a/b?c");
  assertStrictEquals(response.redirected, true);
  assertStrictEquals(response.proto, "HTTP/1.0");
  assertStrictEquals(response.uncompressed, true);
  assertStrictEquals(response.type, "basic");
  assertStrictEquals((await response.trailers).get("t"), "1");
  assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assertThrows(() => response.headers.set("a", "b"), TypeError);
  assertStrictEquals(await response.text(), "ab");
});

Deno.test("a response that came in with any status can be shown, cloned and sent on", async () => {
  for (const status of [100, 101, 204, 205, 304, 600, 999]) {
    const response = incoming({ status, statusText: "x", body: new FakeBody(["a"]) });
    assertStrictEquals(response.status, status);
    const clone = response.clone();
    assertStrictEquals(clone.status, status);
    globalThis.Response.prototype.clone.call(response);
    assert(Deno.inspect(response).includes(`status: ${status}`));
    const other = new globalThis.Response(null, { headers: response.headers });
    assertStrictEquals(other.headers.get("content-type"), "text/plain");
    assertStrictEquals(await clone.text(), "a");
    assertStrictEquals(await response.text(), "a");
  }
});

Deno.test("a clone of what came in shares its origin", async () => {
  const response = incoming({ body: new FakeBody(["a", "b"]) });
  const clone = response.clone();
  assertStrictEquals(clone.url, "http://a/b");
  assertStrictEquals((await clone.trailers).get("t"), "1");
  assertThrows(() => clone.headers.set("a", "b"), TypeError);
  assertEquals(await Promise.all([response.text(), clone.text()]), ["ab", "ab"]);
});

Deno.test("a dispose gives up the body that was not read, and nothing else", async () => {
  const unread = new FakeBody(["a"]);
  {
    await using response = incoming({ body: unread });
    assertStrictEquals(response.status, 200);
  }
  assertEquals(unread.cancelled.length, 1);
  const read = new FakeBody(["a"]);
  {
    await using response = incoming({ body: read });
    await response.text();
  }
  assertEquals(read.cancelled, []);
  await using _none = incoming();
});

Deno.test("the headers of a response stay one with those of the runtime's", async () => {
  const response = new Response("a", { headers: { a: "1" } });
  const { headers } = response;
  globalThis.Response.prototype.clone.call(response);
  headers.set("a", "2");
  response.headers.append("b", "3");
  assertStrictEquals(response.headers, headers);
  const clone = globalThis.Response.prototype.clone.call(response);
  assertEquals([...clone.headers].slice(0, 2), [["a", "2"], ["b", "3"]]);
  assertStrictEquals(await clone.text(), "a");
  assertStrictEquals(await response.text(), "a");
});

Deno.test("a content type that was taken off does not come back", () => {
  const response = new Response(new Blob(["a"], { type: "text/x" }));
  response.headers.delete("content-type");
  const clone = globalThis.Response.prototype.clone.call(response);
  assertStrictEquals(clone.headers.get("content-type"), null);
});
