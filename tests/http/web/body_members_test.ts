import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Request } from "../../../http/web/request.ts";
import { Response } from "../../../http/web/response.ts";

type Message = globalThis.Request | globalThis.Response;
type MakeMessage = (body: BodyInit | null, type?: string) => Message;

const makers: [string, MakeMessage][] = [
  ["the runtime's Response", (body, type) => new globalThis.Response(body, init(type))],
  ["our Response", (body, type) => new Response(body, init(type))],
  [
    "the runtime's Request",
    (body, type) => new globalThis.Request("http://a", { method: "POST", body, ...init(type) }),
  ],
  [
    "our Request",
    (body, type) => new Request("http://a", { method: "POST", body, ...init(type) }),
  ],
  ["our Response, cloned", (body, type) => new Response(body, init(type)).clone()],
  ["our Response that the runtime looked inside", (body, type) => {
    const response = new Response(body, init(type));
    globalThis.Response.prototype.clone.call(response);
    return response;
  }],
];

function init(type?: string): { headers?: HeadersInit } {
  return type === undefined ? {} : { headers: { "content-type": type } };
}

/** Runs a test on the runtime's messages and on ours: all must pass it. */
function all(name: string, test: (make: MakeMessage) => void | Promise<void>): void {
  for (const [which, make] of makers) Deno.test(`${name} (${which})`, () => test(make));
}

const form = new FormData();
form.append("a", "1");

const bodies: [string, () => BodyInit, string, string | null][] = [
  ["a string", () => "a=é", "a=é", "text/plain;charset=UTF-8"],
  ["an empty string", () => "", "", "text/plain;charset=UTF-8"],
  ["bytes", () => Uint8Array.of(97, 98), "ab", null],
  ["a buffer", () => Uint8Array.of(97, 98).buffer, "ab", null],
  ["a view", () => new DataView(Uint8Array.of(97, 98).buffer, 1), "b", null],
  ["a blob", () => new Blob(["ab"], { type: "text/x" }), "ab", "text/x"],
  ["a blob without a type", () => new Blob(["ab"]), "ab", null],
  [
    "search params",
    () => new URLSearchParams({ a: "é" }),
    "a=%C3%A9",
    "application/x-www-form-urlencoded;charset=UTF-8",
  ],
  ["a stream", () => new Blob(["ab"]).stream(), "ab", null],
];
for (const [name, make, text, type] of bodies) {
  all(`${name} as a body is read in every way`, async (message) => {
    const bytes = new TextEncoder().encode(text);
    assertStrictEquals(message(make()).headers.get("content-type"), type);
    assertStrictEquals(message(make(), "x/y").headers.get("content-type"), "x/y");
    assertStrictEquals(await message(make()).text(), text);
    assertEquals(await message(make()).bytes(), bytes);
    assertEquals(new Uint8Array(await message(make()).arrayBuffer()), bytes);
    const blob = await message(make(), "x/y").blob();
    assertStrictEquals(blob.type, "x/y");
    assertStrictEquals(await blob.text(), text);
    const pieces = await Array.fromAsync(message(make()).body!);
    assertEquals(await new Blob(pieces).bytes(), bytes);
    assertStrictEquals((await Array.fromAsync(message(make()).textStream())).join(""), text);
  });
}

all("no body is null, and reads as nothing, again and again", async (make) => {
  const message = make(null);
  assertStrictEquals(message.body, null);
  for (let i = 0; i < 2; i++) {
    assertStrictEquals(await message.text(), "");
    assertEquals(await message.bytes(), new Uint8Array());
    assertStrictEquals((await message.arrayBuffer()).byteLength, 0);
    assertStrictEquals((await message.blob()).size, 0);
    await assertRejects(() => message.json(), SyntaxError);
    assert(!message.bodyUsed);
  }
});

all("a body can be used once", async (make) => {
  const message = make("1");
  assert(!message.bodyUsed);
  assertStrictEquals(await message.json(), 1);
  assert(message.bodyUsed);
  await assertRejects(() => message.text(), TypeError);
  await assertRejects(() => message.json(), TypeError);
  await assertRejects(() => message.bytes(), TypeError);
  await assertRejects(() => message.arrayBuffer(), TypeError);
  await assertRejects(() => message.blob(), TypeError);
  await assertRejects(() => message.formData(), TypeError);
  assertThrows(() => message.clone(), TypeError);
});

all("a body in a reader's hands is not used, and nobody else's", async (make) => {
  const message = make("1");
  assertStrictEquals(message.body, message.body);
  const reader = message.body!.getReader();
  assert(!message.bodyUsed);
  await assertRejects(() => message.text(), TypeError);
  assertThrows(() => message.clone(), TypeError);
  reader.releaseLock();
  assertStrictEquals(await message.text(), "1");
});

all("what is no JSON is a SyntaxError", async (make) => {
  await assertRejects(() => make("{").json(), SyntaxError);
  assertEquals(await make('{"a":[1]}').json(), { a: [1] });
});

all("a form is parsed, in both kinds", async (make) => {
  assertEquals([...await make(form).formData()], [["a", "1"]]);
  assertEquals([...await make(new URLSearchParams({ b: "é" })).formData()], [["b", "é"]]);
  await assertRejects(() => make("a").formData(), TypeError);
});

all("the type of a form names its boundary", async (make) => {
  const message = make(form);
  const type = message.headers.get("content-type")!;
  const [, boundary] = /^multipart\/form-data; ?boundary=(\S+)$/.exec(type)!;
  assert((await message.text()).startsWith(`--${boundary}\r\n`));
});

all("both sides of a clone give the body", async (make) => {
  for (const body of ["ab", new Blob(["ab"]), new Blob(["ab"]).stream()]) {
    const message = make(body);
    const clone = message.clone();
    assertStrictEquals(await clone.text(), "ab");
    assert(!message.bodyUsed);
    assertStrictEquals(await message.text(), "ab");
  }
});

all("a stream that was read is refused as a body", async (make) => {
  const stream = new Blob(["a"]).stream();
  await new globalThis.Response(stream).text();
  assertThrows(() => make(stream), TypeError);
});
