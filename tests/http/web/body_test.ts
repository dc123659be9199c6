import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Body, decodeText, extractBody } from "../../../http/web/body.ts";
import { FakeBody } from "./fake_body.ts";

Deno.test("an incoming body is read at once, with no stream, by the fast ways", async () => {
  const incoming = new FakeBody(["a", "b"]);
  const body = new Body(incoming);
  assert(!body.used);
  const text = body.text();
  assert(body.used);
  assertStrictEquals(await text, "ab");
  assertStrictEquals(incoming.readAlls, 1);
});

Deno.test("the stream of an incoming body asks for one piece when one is wanted", async () => {
  const incoming = new FakeBody(["a", "b"]);
  const body = new Body(incoming);
  const stream = body.stream();
  await new Promise((resolve) => setTimeout(resolve));
  assertStrictEquals(incoming.reads, 0);
  assert(!body.used);
  const reader = stream.getReader();
  assert(body.unusable);
  assert(!body.used);
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve));
  assertStrictEquals(incoming.reads, 1);
  assert(body.used);
  await reader.read();
  assertStrictEquals((await reader.read()).done, true);
  assertStrictEquals(incoming.reads, 3);
  assertStrictEquals(body.stream(), stream);
});

Deno.test("the stream of a body serves readers with a buffer of their own, to its end", async () => {
  for (const source of [new FakeBody(["abc", "d"]), "abcd", Uint8Array.from([97, 98, 99, 100])]) {
    const reader = new Body(source).stream().getReader({ mode: "byob" });
    let text = "";
    for (let buffer = new Uint8Array(2);;) {
      const { done, value } = await reader.read(buffer);
      if (done) break;
      text += new TextDecoder().decode(value);
      buffer = new Uint8Array(value.buffer);
    }
    assertStrictEquals(text, "abcd");
  }
});

Deno.test("a body cut short fails each way of reading with the reason", async () => {
  const failure = new Error("cut short");
  const make = () => new Body(new FakeBody(["a"], failure));
  assertStrictEquals(await assertRejects(() => make().text()), failure);
  assertStrictEquals(await assertRejects(() => make().bytes()), failure);
  const reader = make().stream().getReader();
  await reader.read();
  assertStrictEquals(await assertRejects(() => reader.read()), failure);
});

Deno.test("cancelling a body tells its source once, whether there is a stream or not", async () => {
  for (const withStream of [false, true]) {
    const incoming = new FakeBody(["a"]);
    const body = new Body(incoming);
    if (withStream) body.stream();
    await body.cancel("enough");
    await body.cancel("again");
    assertEquals(incoming.cancelled, ["enough"]);
    assert(body.used);
    await assertRejects(() => body.text(), TypeError);
  }
});

Deno.test("cancelling a body that was read, or is being read, does nothing", async () => {
  const read = new FakeBody(["a"]);
  const one = new Body(read);
  await one.text();
  await one.cancel();
  assertEquals(read.cancelled, []);
  const reading = new FakeBody(["a"]);
  const other = new Body(reading);
  const reader = other.stream().getReader();
  await other.cancel();
  assertEquals(reading.cancelled, []);
  await reader.cancel();
});

Deno.test("a body is used once, whichever way comes first", async () => {
  const ways: ((body: Body) => unknown)[] = [
    (body) => body.text(),
    (body) => body.json(),
    (body) => body.bytes(),
    (body) => body.arrayBuffer(),
    (body) => body.blob(null),
    (body) => body.formData("application/x-www-form-urlencoded"),
    (body) => new Response(body.stream()).text(),
    (body) => body.send(),
    (body) => body.take("copy"),
    (body) => body.cancel(),
  ];
  for (const first of ways) {
    for (const source of ["1", Uint8Array.of(49), new Blob(["1"]), new FakeBody(["1"])]) {
      const body = new Body(source);
      const got = await first(body);
      if (got instanceof ReadableStream) await got.cancel();
      assert(body.used && body.unusable, String(first));
      for (const second of ways.slice(0, 6)) await assertRejects(async () => await second(body));
      assertThrows(() => body.send(), TypeError);
      assertThrows(() => body.clone(), TypeError);
      assertThrows(() => body.take("copy"), TypeError, "cannot copy");
      assertThrows(() => body.textStream(), TypeError);
      assertStrictEquals(body.whole, undefined);
    }
  }
});

Deno.test("both clones of a body give all its bytes", async () => {
  for (const source of ["ab", Uint8Array.of(97, 98), new Blob(["ab"]), new FakeBody(["a", "b"])]) {
    const body = new Body(source);
    const clone = body.clone();
    const third = clone.clone();
    assertEquals(await Promise.all([body.text(), clone.text(), third.text()]), ["ab", "ab", "ab"]);
  }
});

Deno.test("a clone does not share its bytes", async () => {
  const body = new Body(Uint8Array.of(1));
  const clone = body.clone();
  (await body.bytes()).fill(9);
  assertEquals(await clone.bytes(), Uint8Array.of(1));
});

Deno.test("a stream that gave its bytes away leaves those alone that are being sent", async () => {
  const body = new Body(Uint8Array.of(1));
  const sent = body.whole;
  await Array.fromAsync(body.stream());
  assertEquals(sent, Uint8Array.of(1));
});

Deno.test("an array buffer holds the body and nothing else", async () => {
  const source = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
  const buffer = await new Body(source).arrayBuffer();
  assertEquals(new Uint8Array(buffer), Uint8Array.of(2, 3));
});

Deno.test("text is UTF-8 without its byte order mark, whatever it came from", async () => {
  const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0xc3, 0xa9, 0xff);
  assertStrictEquals(await new Body(bytes).text(), "é\ufffd");
  assertStrictEquals(await new Body("\ufeffé\ud800").text(), "é\ufffd");
  const pieces = new Body(new FakeBody(["\ufeffé"])).textStream();
  assertStrictEquals((await Array.fromAsync(pieces)).join(""), "é");
});

Deno.test("a body and the runtime's object that it moved into are one", async () => {
  const make = (body: BodyInit) => new globalThis.Response(body);
  for (const source of ["ab", Uint8Array.of(97, 98), new Blob(["ab"]), new FakeBody(["a", "b"])]) {
    const body = new Body(source);
    const real = body.moveInto(make);
    assert(!body.used && !real.bodyUsed);
    assertStrictEquals(real.body, body.stream());
    assertStrictEquals(await body.text(), "ab");
    assert(real.bodyUsed);
  }
  const streamed = new Body(new FakeBody(["a"]));
  const stream = streamed.stream();
  const real = streamed.moveInto(make);
  assertStrictEquals(real.body, stream);
  assertStrictEquals(await real.text(), "a");
  assert(streamed.used);
  const used = new Body("a");
  await used.text();
  assert(used.moveInto(make).bodyUsed);
});

Deno.test("a body knows its length and whether it is there as a whole", () => {
  assertStrictEquals(new Body(new FakeBody(["a"], undefined, 1)).length, 1);
  assertStrictEquals(new Body(new FakeBody(["a"])).length, undefined);
  assertStrictEquals(new Body(new FakeBody(["a"])).whole, undefined);
  assertStrictEquals(new Body("a").whole, "a");
});

Deno.test("extractBody() copies bytes, so that a later change is not sent", async () => {
  const bytes = Uint8Array.of(0, 1, 2, 3);
  const view = bytes.subarray(1, 3);
  const inits = [view, new DataView(bytes.buffer, 1, 2), bytes.buffer.slice(1, 3)];
  const bodies = inits.map((init) => extractBody(init).body);
  bytes.fill(9);
  new Uint8Array(inits[2] as ArrayBuffer).fill(9);
  for (const body of bodies) assertEquals(await body.bytes(), Uint8Array.of(1, 2));
});

Deno.test("extractBody() refuses a stream that is locked", () => {
  const stream = new ReadableStream<Uint8Array>();
  stream.getReader();
  assertThrows(() => extractBody(stream), TypeError);
});

Deno.test("extractBody() takes iterables of bytes, which become a stream", async () => {
  const { body, type } = extractBody((function* () {
    yield Uint8Array.of(97);
    yield Uint8Array.of(98);
  })());
  assertStrictEquals(type, null);
  assertStrictEquals(await body.text(), "ab");
});

Deno.test("text is decoded as UTF-8, however short it is", () => {
  for (const length of [0, 1, 199, 200, 201, 1_000]) {
    const ascii = "~".repeat(length);
    for (const text of [ascii, `${ascii}\u00e9`, `\u00e9${ascii}`, `${ascii}\u{1f600}`]) {
      assertStrictEquals(decodeText(new TextEncoder().encode(text)), text);
    }
    const bytes = new TextEncoder().encode(ascii);
    assertStrictEquals(decodeText(Uint8Array.of(0xef, 0xbb, 0xbf, ...bytes)), ascii);
    assertStrictEquals(decodeText(Uint8Array.of(...bytes, 0xff)), `${ascii}\ufffd`);
  }
});
