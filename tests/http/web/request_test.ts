import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Request } from "../../../http/web/request.ts";

type RequestClass = typeof globalThis.Request;

/** Runs a test on the runtime's class and on ours: both must pass it. */
function both(name: string, test: (C: RequestClass) => void | Promise<void>): void {
  Deno.test(`${name} (the runtime's)`, () => test(globalThis.Request));
  Deno.test(`${name} (ours)`, () => test(Request as RequestClass));
}

const url = "http://a/b?c";

both("a request has the web's defaults", (C) => {
  const request = new C(url);
  assert(request instanceof globalThis.Request);
  assertStrictEquals(request.method, "GET");
  assertStrictEquals(request.url, url);
  assertStrictEquals(request.body, null);
  assertStrictEquals(request.bodyUsed, false);
  assertStrictEquals(request.redirect, "follow");
  assertStrictEquals(request.cache, "default");
  assertStrictEquals(request.credentials, "same-origin");
  assertStrictEquals(request.integrity, "");
  assertStrictEquals(request.keepalive, false);
  assertStrictEquals(request.mode, "cors");
  assertStrictEquals(request.referrer, "about:client");
  assertStrictEquals(request.referrerPolicy, "");
  assertStrictEquals(request.signal.aborted, false);
  assertStrictEquals(request.signal, request.signal);
  assertEquals([...request.headers], []);
  assertStrictEquals(Object.prototype.toString.call(request), "[object Request]");
});

both("a request is what it is told to be", async (C) => {
  const request = new C(new URL("http://A/ü"), {
    method: "post",
    headers: { Host: "other", Connection: "close", Cookie: "a=1" },
    body: "x",
    redirect: "manual",
    cache: "no-store",
    credentials: "include",
    integrity: "i",
    keepalive: true,
    mode: "no-cors",
    referrer: "http://r/",
    referrerPolicy: "origin",
  });
  assertStrictEquals(request.url, "http://a/%C3%BC");
  assertStrictEquals(request.method, "POST");
  assertStrictEquals(request.redirect, "manual");
  assertStrictEquals(request.cache, "no-store");
  assertStrictEquals(request.credentials, "include");
  assertStrictEquals(request.integrity, "i");
  assertStrictEquals(request.keepalive, true);
  assertStrictEquals(request.mode, "no-cors");
  assertStrictEquals(request.referrer, "http://r/");
  assertStrictEquals(request.referrerPolicy, "origin");
  assertEquals([...request.headers], [
    ["connection", "close"],
    ["content-type", "text/plain;charset=UTF-8"],
    ["cookie", "a=1"],
    ["host", "other"],
  ]);
  const copy = new C(request, { headers: { a: "1" } });
  assertStrictEquals(copy.method, "POST");
  assertStrictEquals(copy.redirect, "manual");
  assertStrictEquals(copy.cache, "no-store");
  assertStrictEquals(copy.referrer, "http://r/");
  assertStrictEquals(copy.headers.get("host"), null);
  assertStrictEquals(await copy.text(), "x");
});

both("a method is normalized where the web does", (C) => {
  for (const method of ["delete", "get", "head", "options", "post", "put"]) {
    assertStrictEquals(new C(url, { method }).method, method.toUpperCase());
  }
  for (const method of ["PATCH", "PROPFIND", "chicken"]) {
    assertStrictEquals(new C(url, { method }).method, method);
  }
});

both("what is no request is refused", (C) => {
  for (const method of ["", "a b", "é", "GET\r\n"]) {
    assertThrows(() => new C(url, { method }), TypeError);
  }
  assertThrows(() => new C("/relative"), TypeError);
  assertThrows(() => new C(""), TypeError);
  assertThrows(() => new C(url, { body: "a" }), TypeError);
  assertThrows(() => new C(url, { method: "HEAD", body: "" }), TypeError);
  assertThrows(() => new C(url, { headers: { "a b": "1" } }), TypeError);
  assertThrows(() => new C(url, { headers: { a: "1\r\nb: 2" } }), TypeError);
  assertThrows(() => new C(url, { signal: {} as AbortSignal }), TypeError);
  assertThrows(() => new C(url, { redirect: "x" as RequestRedirect }), TypeError);
  assertThrows(() => new C(url, { cache: "x" as RequestCache }), TypeError);
  assertThrows(() => new C(url, { mode: "navigate" }), TypeError);
});

both("the signal of a request aborts with the one that was given", (C) => {
  const controller = new AbortController();
  const request = new C(url, { signal: controller.signal });
  const copies = [request.clone(), new C(request), new C(request.clone(), { method: "PUT" })];
  const without = new C(request, { signal: null });
  controller.abort("reason");
  for (const { signal } of [request, ...copies]) assertStrictEquals(signal.reason, "reason");
  assertStrictEquals(without.signal.aborted, false);
});

/** Both classes as the input of both. */
for (const From of [globalThis.Request, Request]) {
  const from = From === Request ? "ours" : "the runtime's";

  both(`a copy of ${from} takes the body over`, async (C) => {
    for (const body of ["a", Uint8Array.of(97), new Blob(["a"]), new Blob(["a"]).stream()]) {
      const request = new From(url, { method: "POST", body, headers: { a: "1" } });
      const copy = new C(request);
      assertStrictEquals(copy.method, "POST");
      assertStrictEquals(copy.url, url);
      assertStrictEquals(copy.headers.get("a"), "1");
      assert(!copy.bodyUsed);
      assertStrictEquals(await copy.text(), "a");
      await assertRejects(() => request.text(), TypeError);
      assertThrows(() => new C(request), TypeError);
    }
  });

  both(`a copy of ${from} with a body of its own leaves the other alone`, async (C) => {
    const request = new From(url, { method: "POST", body: "a", headers: { a: "1" } });
    const copy = new C(request, { body: "b", method: "PUT" });
    assertStrictEquals(copy.method, "PUT");
    assertStrictEquals(await copy.text(), "b");
    assertStrictEquals(await request.text(), "a");
    assertStrictEquals(await new C(request, { body: "c" }).text(), "c");
  });

  both(`a copy of ${from} has headers of its own`, (C) => {
    const request = new From(url, { headers: { a: "0" } });
    request.headers.set("a", "1");
    const copy = new C(request);
    request.headers.set("b", "3");
    copy.headers.set("a", "2");
    assertEquals([...copy.headers], [["a", "2"]]);
    assertEquals([...request.headers], [["a", "1"], ["b", "3"]]);
  });

  both(`a copy of ${from} is aborted with it`, (C) => {
    const controller = new AbortController();
    const copy = new C(new From(url, { signal: controller.signal }));
    controller.abort("reason");
    assertStrictEquals(copy.signal.reason, "reason");
  });

  both(`a copy of ${from} cannot have a body with GET`, (C) => {
    const request = new From(url, { method: "POST", body: "a" });
    assertThrows(() => new C(request, { method: "GET" }), TypeError);
  });

  both(`${from} serves as the init of another`, async (C) => {
    const request = new From(url, { method: "POST", body: "a", headers: { a: "1" } });
    const other = new C("http://other/", request);
    assertStrictEquals(other.url, "http://other/");
    assertStrictEquals(other.method, "POST");
    assertStrictEquals(other.headers.get("a"), "1");
    assertStrictEquals(await other.text(), "a");
  });
}

both("a clone of a request is another request", async (C) => {
  const request = new C(url, { method: "POST", body: "a", headers: { a: "1" }, cache: "reload" });
  const clone = request.clone();
  assert(clone instanceof C);
  clone.headers.set("a", "2");
  assertStrictEquals(request.headers.get("a"), "1");
  assertStrictEquals(clone.url, url);
  assertStrictEquals(clone.method, "POST");
  assertStrictEquals(clone.cache, "reload");
  assertEquals(await Promise.all([request.text(), clone.text()]), ["a", "a"]);
});

both("fetch() sends a request, once, as it is by then", async (C) => {
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (r) => {
    return Response.json([r.method, r.headers.get("x-a"), r.headers.get("cookie"), await r.text()]);
  });
  const to = `http://127.0.0.1:${server.addr.port}/`;
  const get = new C(to, { headers: { cookie: "a=1" } });
  for (const value of ["1", "2"]) {
    get.headers.set("x-a", value);
    assertEquals(await (await fetch(get)).json(), ["GET", value, "a=1", ""]);
  }
  for (const body of ["a", Uint8Array.of(97), new Blob(["a"]), new Blob(["a"]).stream()]) {
    const post = new C(to, { method: "POST", body });
    assertEquals(await (await fetch(post)).json(), ["POST", null, null, "a"]);
    assert(post.bodyUsed);
    await assertRejects(() => fetch(post), TypeError);
  }
  const put = new C(to, { method: "POST", body: "a" });
  assertEquals(await (await fetch(put, { method: "PUT", body: "b" })).json(), [
    "PUT",
    null,
    null,
    "b",
  ]);
});

both("fetch() of a request is aborted by its signal", async (C) => {
  const request = new C("http://127.0.0.1:1/", { signal: AbortSignal.abort("reason") });
  assertStrictEquals(await fetch(request).catch((error) => error), "reason");
});

both("a request shows itself in the console and goes to no other thread", (C) => {
  const request = new C(url, { method: "PUT" });
  const shown = Deno.inspect(request);
  for (const part of ['method: "PUT"', `url: "${url}"`]) assert(shown.includes(part), shown);
  assertThrows(() => structuredClone(request), DOMException);
});

Deno.test("a request of ours has the very signal that was given, and every method", () => {
  const { signal } = new AbortController();
  assertStrictEquals(new Request(url, { signal }).signal, signal);
  for (const method of ["TRACE", "CONNECT"]) {
    assertStrictEquals(new Request(url, { method }).method, method);
  }
});

Deno.test("a request of ours keeps the name and the password in its URL", () => {
  assertStrictEquals(new Request("http://u:p@a/").url, "http://u:p@a/");
});

Deno.test("a content type that was taken off does not come back", () => {
  const body = new Blob(["a"], { type: "text/x" });
  const request = new Request(url, { method: "POST", body });
  request.headers.delete("content-type");
  assertStrictEquals(new globalThis.Request(request).headers.get("content-type"), null);
});

Deno.test("a body that was used stays used when the runtime looks inside", async () => {
  const request = new Request(url, { method: "POST", body: "a" });
  await request.text();
  assertThrows(() => new globalThis.Request(request), TypeError);
  const other = new globalThis.Request(request, { body: "b" });
  assertStrictEquals(await other.text(), "b");
});

Deno.test("a URL is resolved every time it is given, wherever else it leads in between", () => {
  for (let i = 0; i < 250; i++) {
    assertStrictEquals(new Request(`HTTP://A/./${i % 120}/../x?${i}`).url, `http://a/x?${i}`);
    assertStrictEquals(new Request("http://b/../c").url, "http://b/c");
    assertThrows(() => new Request("/c"), TypeError);
  }
});
