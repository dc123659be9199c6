import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { CoarseClock, coarseClock } from "../../../deadline.ts";
import { drain, takeBody } from "../../../http/client/taken_body.ts";
import { Response } from "../../../http/web/response.ts";
import { FakeClock, outcome } from "../../support/fake_clock.ts";
import { FakeBody, respond } from "./fake_transport.ts";

const request = { url: "http://h/" };

Deno.test("takeBody() gives the very body that came in, once", () => {
  const body = new FakeBody(["hello"], 5);
  const response = respond(request, 200, {}, body);
  assertStrictEquals(takeBody(response), body);
  assert(response.bodyUsed);
  assertThrows(() => takeBody(response), TypeError);
});

Deno.test("takeBody() is null where there is no body", () => {
  assertEquals(takeBody(respond(request, 204)), null);
  assertEquals(takeBody(new Response()), null);
  assertEquals(takeBody(new globalThis.Response(null, { status: 304 })), null);
});

Deno.test("takeBody() makes one body of each kind of response", async () => {
  const makers: (() => globalThis.Response)[] = [
    () => new Response("hello"),
    () => new Response(new TextEncoder().encode("hello")),
    () => new Response(new Blob(["hello"])),
    () => new Response(new Blob(["hello"]).stream()),
    () => new globalThis.Response("hello"),
    () => new globalThis.Response(new Blob(["hello"]).stream()),
  ];
  for (const make of makers) {
    const all = takeBody(make())!;
    assertEquals(new TextDecoder().decode(await all.readAll()), "hello");
    const pieces = takeBody(make())!;
    let text = "";
    for (let part; (part = await pieces.read()) !== null;) text += new TextDecoder().decode(part);
    assertEquals(text, "hello");
    assertEquals((await pieces.readAll()).length, 0);
    takeBody(make())!.cancel("no interest");
  }
});

Deno.test("takeBody() cancels the stream behind a response", () => {
  let reason: unknown;
  const stream = new ReadableStream({ cancel: (given) => void (reason = given) });
  takeBody(new globalThis.Response(stream))!.cancel("enough");
  assertEquals(reason, "enough");
});

Deno.test("drain() reads up to its limit, and cancels what is longer", async () => {
  const table: [body: FakeBody, ended: boolean][] = [
    [new FakeBody([]), true],
    [new FakeBody(["12345"]), true],
    [new FakeBody(["123", "45"]), true],
    [new FakeBody(["123", "456", "7"]), false],
    [new FakeBody(["123456"], 6), false],
  ];
  for (const [body, ended] of table) {
    await drain(body, 5, coarseClock);
    assertEquals([body.ended, body.cancelled !== undefined], [ended, !ended]);
  }
  await drain(null, 5, coarseClock);
  await drain(new FakeBody([new Error("cut")]), 5, coarseClock);
});

Deno.test("drain() does not begin to read what says it is too long", async () => {
  const body = new FakeBody(["123456"], 6);
  await drain(body, 5, coarseClock);
  assertEquals(body.reads, 0);
});

Deno.test("drain() leaves a body that stalls", async () => {
  const clock = new FakeClock();
  const body = new FakeBody(["12", "stall"]);
  const result = outcome(drain(body, 5, new CoarseClock({ clock })));
  await clock.advance(2_000);
  assertEquals(["value" in result, body.cancelled !== undefined], [true, true]);
});
