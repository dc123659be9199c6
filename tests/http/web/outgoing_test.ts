import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { IncomingRequest } from "../../../http/web/incoming_request.ts";
import {
  outgoingRequest,
  type OutgoingResponse,
  outgoingResponse,
} from "../../../http/web/outgoing.ts";
import { Request } from "../../../http/web/request.ts";
import { incomingResponse, Response } from "../../../http/web/response.ts";
import { FakeBody } from "./fake_body.ts";

const textType = ["Content-Type", "text/plain;charset=UTF-8"];
const url = "http://a/";

/** A test for the runtime's class, and one for ours. */
function bothResponses(
  name: string,
  test: (C: typeof globalThis.Response) => void | Promise<void>,
): void {
  Deno.test(`${name} (the runtime's)`, () => test(globalThis.Response));
  Deno.test(`${name} (ours)`, () => test(Response));
}

function bothRequests(
  name: string,
  test: (C: typeof globalThis.Request) => void | Promise<void>,
): void {
  Deno.test(`${name} (the runtime's)`, () => test(globalThis.Request));
  Deno.test(`${name} (ours)`, () => test(Request as typeof globalThis.Request));
}

/** What goes out, where that must be known at once. */
function atOnce(response: globalThis.Response): OutgoingResponse {
  const outgoing = outgoingResponse(response);
  assert(!(outgoing instanceof Promise));
  return outgoing;
}

/** What a response is whose insides cannot be read: as a class of somebody else's. */
function closed(response: globalThis.Response): globalThis.Response {
  return new Proxy(response, {
    get(target, key) {
      if (typeof key === "symbol") return undefined;
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

bothResponses("a response goes out with its fields as they were given", (C) => {
  const init = { status: 404, statusText: "Gone", headers: { "X-B": "1", a: "2" } };
  assertEquals(atOnce(new C("x", init)), {
    status: 404,
    statusText: "Gone",
    fields: ["X-B", "1", "a", "2", ...textType],
    body: "x",
  });
  const changed = new C("x", init);
  changed.headers.delete("a");
  changed.headers.set("x-b", "3");
  assertEquals(atOnce(changed).fields, ["X-B", "3", ...textType]);
});

bothResponses("a response without a body goes out without one", (C) => {
  assertEquals(atOnce(new C()), { status: 200, statusText: "", fields: [], body: null });
  assertStrictEquals(atOnce(C.redirect("http://a/")).body, null);
});

bothResponses("a whole body goes out as it is, and is used by that", async (C) => {
  assertStrictEquals(atOnce(new C("é")).body, "é");
  assertEquals(atOnce(new C(Uint8Array.of(1))).body, Uint8Array.of(1));
  assertStrictEquals(atOnce(C.json({ a: 1 })).body, '{"a":1}');
  assertStrictEquals(atOnce(new C(new URLSearchParams({ a: "b" }))).body, "a=b");
  const response = new C("x");
  outgoingResponse(response);
  assert(response.bodyUsed);
  await assertRejects(() => response.text(), TypeError);
  assertThrows(() => outgoingResponse(response), TypeError, "cannot send");
});

bothResponses("a stream goes out as the stream it is", async (C) => {
  const stream = new Blob(["x"]).stream();
  const { body } = atOnce(new C(stream));
  assertStrictEquals(body, stream);
  const touched = new C("x");
  void touched.body;
  const { body: rest } = atOnce(touched);
  assertEquals(await Array.fromAsync(rest as ReadableStream), [Uint8Array.of(120)]);
});

bothResponses("what cannot be sent is refused", async (C) => {
  assertThrows(() => outgoingResponse(C.error()), TypeError, "error response");
  const read = new C(new Blob(["x"]).stream());
  await read.text();
  assertThrows(() => outgoingResponse(read), TypeError, "cannot send");
  const locked = new C("x");
  locked.body!.getReader();
  assertThrows(() => outgoingResponse(locked), TypeError, "cannot send");
});

Deno.test("what is no response is refused", () => {
  for (const value of [undefined, null, "x", {}, new Request(url)]) {
    assertThrows(() => outgoingResponse(value as globalThis.Response), TypeError, "no Response");
  }
});

Deno.test("a control character that only the runtime's headers allow is refused", () => {
  const headers = { a: "\x01" };
  const response = new globalThis.Response(null, { headers });
  assertThrows(() => outgoingResponse(response), TypeError, "control");
  const request = new globalThis.Request(url, { headers });
  assertThrows(() => outgoingRequest(request), TypeError, "control");
});

Deno.test("a blob and a form of ours go out as blobs, whose size is known", () => {
  const blob = new Blob(["x"]);
  assertStrictEquals(atOnce(new Response(blob)).body, blob);
  const { body, fields } = atOnce(new Response(new FormData()));
  assert(body instanceof Blob);
  assertEquals(fields, ["Content-Type", body.type]);
});

Deno.test("a response that came in goes out again, as a stream that asks for nothing", async () => {
  const incoming = new FakeBody(["a", "b"]);
  const response = incomingResponse({
    status: 200,
    statusText: "OK",
    fields: ["A", "1"],
    body: incoming,
    url,
    redirected: false,
    proto: "HTTP/1.1",
    trailers: () => Promise.resolve(new Headers()),
    remoteAddr: undefined,
    uncompressed: false,
  });
  const { body, fields } = atOnce(response);
  assertStrictEquals(incoming.reads, 0);
  assertEquals(fields, ["A", "1"]);
  assertStrictEquals(await new globalThis.Response(body as ReadableStream).text(), "ab");
});

Deno.test("a response that cannot be looked into shows a body that is there as a whole", async () => {
  const text = await outgoingResponse(closed(new globalThis.Response("x")));
  assertEquals(text.fields.map((field) => field.toLowerCase()), [
    "content-type",
    "text/plain;charset=utf-8",
  ]);
  assertEquals(text.body, Uint8Array.of(120));
  const empty = await outgoingResponse(closed(new globalThis.Response("")));
  assertEquals(empty.body, new Uint8Array());
  assertStrictEquals((await outgoingResponse(closed(new globalThis.Response()))).body, null);
});

Deno.test("a response that cannot be looked into keeps each piece of a stream", async () => {
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  const write = async () => {
    for (const piece of [1, 2, 3]) await writer.write(Uint8Array.of(piece));
    await writer.close();
  };
  const outgoing = await outgoingResponse(closed(new globalThis.Response(readable)));
  assert(outgoing.body instanceof ReadableStream);
  const [pieces] = await Promise.all([Array.fromAsync(outgoing.body), write()]);
  assertEquals(pieces, [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)]);
});

Deno.test("a stream behind a response that cannot be looked into can fail and be cancelled", async () => {
  const failure = new Error("cut short");
  const failing = new ReadableStream({ pull: () => Promise.reject(failure) });
  const { body } = await outgoingResponse(closed(new globalThis.Response(failing)));
  const reader = (body as ReadableStream).getReader();
  assertStrictEquals(await assertRejects(() => reader.read()), failure);
  let reason: unknown;
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(Uint8Array.of(1)),
    cancel: (why) => void (reason = why),
  });
  const sent = await outgoingResponse(closed(new globalThis.Response(endless)));
  await (sent.body as ReadableStream).cancel("enough");
  assertStrictEquals(reason, "enough");
});

Deno.test("a response that fetch() has decoded goes out without its coding", async () => {
  const zipped = await new globalThis.Response(
    new Blob(["x"]).stream().pipeThrough(new CompressionStream("gzip")),
  ).bytes();
  const headers = { "content-encoding": "gzip", "x-a": "1" };
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new globalThis.Response(zipped, { headers }),
  );
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
  const { fields, body } = atOnce(response);
  const sent = new globalThis.Response(body as ReadableStream, {
    headers: fields.flatMap((name, i) => i % 2 === 0 ? [[name, fields[i + 1]]] : []),
  });
  assertStrictEquals(sent.headers.get("x-a"), "1");
  assertStrictEquals(sent.headers.get("content-encoding"), null);
  assertStrictEquals(sent.headers.get("content-length"), null);
  assertStrictEquals(await sent.text(), "x");
});

Deno.test("a request that came to the runtime's server goes out", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const { method, fields, body, signal } = outgoingRequest(request);
      const text = await new globalThis.Response(body() as BodyInit).text();
      const used = request.bodyUsed;
      return globalThis.Response.json([method, fields, text.length, signal !== undefined, used]);
    },
  );
  const to = `http://127.0.0.1:${server.addr.port}/`;
  for (const length of [1, 1 << 20]) {
    const init = { method: "POST", body: "x".repeat(length), headers: { "x-a": "1" } };
    const [method, fields, ...rest] = await (await fetch(to, init)).json();
    assertStrictEquals(method, "POST");
    assertStrictEquals(fields[fields.indexOf("x-a") + 1], "1");
    assertEquals(rest, [length, true, true]);
  }
});

bothRequests("a request goes out as it was given", (C) => {
  const { signal } = new AbortController();
  const request = new C("http://u:p@a/?b#c", {
    method: "PUT",
    headers: { "X-B": "1", Host: "other" },
    body: "é",
    redirect: "manual",
    signal,
  });
  const outgoing = outgoingRequest(request);
  assertStrictEquals(outgoing.method, "PUT");
  assertStrictEquals(outgoing.url, "http://u:p@a/?b#c");
  assertEquals(outgoing.fields, ["X-B", "1", "Host", "other", ...textType]);
  assertStrictEquals(outgoing.redirect, "manual");
  assertStrictEquals(outgoing.signal, request.signal);
});

bothRequests("a request without a signal cannot be aborted", (C) => {
  assertStrictEquals(outgoingRequest(new C(url)).signal, undefined);
});

bothRequests("a request without a body has one of length 0, as often as is wanted", (C) => {
  const { length, replayable, body } = outgoingRequest(new C(url));
  assertStrictEquals(length, 0);
  assertStrictEquals(replayable, true);
  assertStrictEquals(body(), null);
  assertStrictEquals(body(), null);
});

bothRequests("a whole body of a request can be sent again", (C) => {
  for (const body of ["é", Uint8Array.of(0xc3, 0xa9)]) {
    const outgoing = outgoingRequest(new C(url, { method: "POST", body }));
    assertStrictEquals(outgoing.replayable, true);
    assertStrictEquals(outgoing.length, 2);
    for (let i = 0; i < 2; i++) assertEquals(outgoing.body(), body);
  }
});

bothRequests("a stream of a request can be sent once", async (C) => {
  const request = new C(url, { method: "POST", body: new Blob(["x"]).stream() });
  const outgoing = outgoingRequest(request);
  assertStrictEquals(outgoing.replayable, false);
  assertStrictEquals(outgoing.length, undefined);
  assertEquals(await Array.fromAsync(outgoing.body() as ReadableStream), [Uint8Array.of(120)]);
  assertThrows(() => outgoing.body(), TypeError, "cannot send");
  assert(request.bodyUsed);
});

bothRequests("a request whose body was used is refused", async (C) => {
  for (const body of ["x", new Blob(["x"]).stream()]) {
    const read = new C(url, { method: "POST", body });
    await read.text();
    assertThrows(() => outgoingRequest(read), TypeError, "cannot send");
  }
  const locked = new C(url, { method: "POST", body: "x" });
  locked.body!.getReader();
  assertThrows(() => outgoingRequest(locked), TypeError, "cannot send");
});

Deno.test("a change of the headers comes too late for a request that is on its way", () => {
  for (const C of [globalThis.Request, Request]) {
    const request = new C(url, { headers: { a: "0" } });
    request.headers.set("a", "1");
    const { fields } = outgoingRequest(request);
    request.headers.set("a", "2");
    request.headers.set("b", "3");
    assertEquals(fields, ["a", "1"]);
  }
});

Deno.test("sending a request of ours leaves a body that can be sent again", async () => {
  const form = new FormData();
  form.append("a", "1");
  for (const body of ["x", Uint8Array.of(120), new Blob(["x"]), form]) {
    const request = new Request(url, { method: "POST", body });
    for (let i = 0; i < 2; i++) {
      const outgoing = outgoingRequest(request);
      assert(outgoing.replayable);
      const sent = await new globalThis.Response(outgoing.body() as BodyInit).bytes();
      assertStrictEquals(sent.length, outgoing.length);
    }
    assert(!request.bodyUsed);
    assert((await request.text()).length > 0);
  }
});

Deno.test("sending a request of the runtime's uses its body up when it is asked for", () => {
  const request = new globalThis.Request(url, { method: "POST", body: "x" });
  const { body } = outgoingRequest(request);
  assert(!request.bodyUsed);
  body();
  assert(request.bodyUsed);
});

Deno.test("a request that came in goes out with the length it came with", async () => {
  const { signal } = new AbortController();
  const request = new IncomingRequest({
    method: "GET",
    url: () => url,
    fields: ["A", "1"],
    body: new FakeBody(["a", "b"], undefined, 2),
    signal: () => signal,
  });
  const outgoing = outgoingRequest(request);
  assertStrictEquals(outgoing.length, 2);
  assertStrictEquals(outgoing.replayable, false);
  assertStrictEquals(outgoing.signal, signal);
  assertEquals(outgoing.fields, ["A", "1"]);
  const body = outgoing.body() as ReadableStream<Uint8Array>;
  assertStrictEquals(await new globalThis.Response(body).text(), "ab");
});
