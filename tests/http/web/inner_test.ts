import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  hasSignal,
  innerFields,
  innerRequestBody,
  takeInnerResponse,
} from "../../../http/web/inner.ts";

// On a runtime that keeps its objects in another way these would answer `undefined`, which is
// right but slow; the runtimes the tests run on are known.

Deno.test("the fields of the runtime's headers are read as they were given", () => {
  assertEquals(innerFields(new Headers({ "X-B": "1", A: "2" })), ["X-B", "1", "A", "2"]);
});

Deno.test("a text or bytes of a response are taken without a stream, and are used then", async () => {
  const bytes = Uint8Array.of(1, 2);
  const cases: [Response, string[], unknown][] = [
    [new Response("a"), ["Content-Type", "text/plain;charset=UTF-8"], "a"],
    [new Response(bytes, { status: 404 }), [], bytes],
    [
      Response.json(1, { headers: { a: "b" } }),
      ["a", "b", "Content-Type", "application/json"],
      "1",
    ],
  ];
  for (const [response, fields, body] of cases) {
    const inner = takeInnerResponse(response);
    assertEquals(inner?.fields, fields);
    assertEquals(inner?.body, body);
    assert(response.bodyUsed);
    assertStrictEquals(await response.text().catch((error) => error.constructor), TypeError);
    assertStrictEquals(takeInnerResponse(response)?.body, undefined);
  }
});

Deno.test("the stream of a response is left alone, and no body is none", () => {
  const response = new Response(new ReadableStream());
  assertStrictEquals(takeInnerResponse(response)?.body, undefined);
  assert(!response.bodyUsed);
  assertStrictEquals(takeInnerResponse(new Response())?.body, null);
  const text = new Response("a");
  void text.body;
  assertStrictEquals(takeInnerResponse(text)?.body, undefined);
});

Deno.test("the body of a request is seen, and used only if that is asked for", () => {
  const request = new Request("http://a", { method: "POST", body: "a" });
  assertStrictEquals(innerRequestBody(request, false), "a");
  assert(!request.bodyUsed);
  assertStrictEquals(innerRequestBody(request, true), "a");
  assert(request.bodyUsed);
  assertStrictEquals(innerRequestBody(request, false), undefined);
  assertStrictEquals(innerRequestBody(new Request("http://a"), false), null);
});

Deno.test("a request without a signal is told from one with", () => {
  const { signal } = new AbortController();
  assert(!hasSignal(new Request("http://a")));
  assert(hasSignal(new Request("http://a", { signal })));
  assert(hasSignal(new Request(new Request("http://a", { signal }))));
});

Deno.test("an object of nobody's is not read", () => {
  const strange = Object.create(Response.prototype);
  assertStrictEquals(takeInnerResponse(strange), undefined);
  assertStrictEquals(innerRequestBody(Object.create(Request.prototype), false), undefined);
  assertStrictEquals(innerFields(Object.create(Headers.prototype)), undefined);
});
