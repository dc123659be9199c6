import { assert, assertEquals } from "@std/assert";
import { FakeClock, settle } from "../../support/fake_clock.ts";
import { Piped } from "./transport_support.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const url = "http://example.test/";

Deno.test("a small request goes out in one write", async () => {
  using piped = new Piped();
  const responding = piped.send(url, { method: "POST", body: "x".repeat(1_000) });
  const peer = await piped.peer();
  const p = new Uint8Array(8_192);
  const n = await peer.conn.read(p);
  const text = new TextDecoder().decode(p.subarray(0, n!));
  assert(text.startsWith("POST / ") && text.endsWith("xxx"), text);
  await peer.send(ok);
  await (await responding).text();
});

Deno.test("a request longer than writeBufferSize goes out head first", async () => {
  using piped = new Piped({ writeBufferSize: 512 });
  const responding = piped.send(url, { method: "POST", body: "x".repeat(1_000) });
  const peer = await piped.peer();
  const p = new Uint8Array(8_192);
  const n = await peer.conn.read(p);
  assert(new TextDecoder().decode(p.subarray(0, n!)).endsWith("\r\n\r\n"));
  assertEquals(await peer.expectBytes(1_000), "x".repeat(1_000));
  await peer.send(ok);
  await (await responding).text();
});

const expects = { method: "POST", body: "data", headers: { Expect: "100-continue" } };

Deno.test("with Expect: 100-continue the body waits for the server's word", async () => {
  using piped = new Piped();
  const responding = piped.send(url, expects);
  const peer = await piped.peer();
  await peer.expectHead();
  await peer.expectIdle();
  await peer.send("HTTP/1.1 100 Continue\r\n\r\n");
  assertEquals(await peer.expectBytes(4), "data");
  await peer.send(ok);
  assertEquals(await (await responding).text(), "ok");
  await piped.warm(peer);
});

Deno.test("a final response ends the wait for 100 Continue: the body is not sent", async () => {
  using piped = new Piped();
  const responding = piped.send(url, expects);
  const peer = await piped.peer();
  await peer.expectHead();
  await peer.send("HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno");
  const response = await responding;
  assertEquals([response.status, await response.text()], [417, "no"]);
  await peer.expectClosed();
  assertEquals(piped.transport.stats(), {});
});

Deno.test("a body that was not wanted leaves the connection unfit, however long the response", async () => {
  using piped = new Piped();
  const responding = piped.send(url, expects);
  const peer = await piped.peer();
  await peer.expectHead();
  await peer.send("HTTP/1.1 417 No\r\nContent-Length: 4\r\n\r\nno");
  const text = (await responding).text();
  await settle();
  await peer.send("pe");
  assertEquals(await text, "nope");
  await settle();
  await peer.expectClosed();
  assertEquals(piped.transport.stats(), {});
});

Deno.test("a final response may come before the head was written: there is no wait then", async () => {
  const clock = new FakeClock();
  using piped = new Piped({ clock });
  const responding = piped.send(url, expects);
  const peer = await piped.peer();
  await peer.conn.read(new Uint8Array(5));
  await peer.send("HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno");
  assertEquals(await (await responding).text(), "no");
  await settle();
  assertEquals([clock.timers, piped.transport.stats()], [0, {}]);
});

Deno.test("100 Continue may come before the head was written", async () => {
  using piped = new Piped({ clock: new FakeClock() });
  const responding = piped.send(url, expects);
  const peer = await piped.peer();
  await peer.conn.read(new Uint8Array(5));
  await peer.send("HTTP/1.1 100 Continue\r\n\r\n");
  assert((await peer.expectHead()).endsWith("\r\n\r\n"));
  assertEquals(await peer.expectBytes(4), "data");
  await peer.send(ok);
  assertEquals(await (await responding).text(), "ok");
});

Deno.test("without a word the body follows after expectContinueTimeout", async () => {
  const clock = new FakeClock();
  using piped = new Piped({ clock, expectContinueTimeout: 2_000 });
  const responding = piped.send(url, expects);
  const peer = await piped.peer();
  await peer.expectHead();
  await clock.advance(1_999);
  await peer.expectIdle();
  await clock.advance(1);
  assertEquals(await peer.expectBytes(4), "data");
  await peer.send(ok);
  assertEquals(await (await responding).text(), "ok");
  assertEquals(clock.timers, 1); // the idle connection's
});

for (const expectContinueTimeout of [0, -1]) {
  Deno.test(`with an expectContinueTimeout of ${expectContinueTimeout} the body follows at once`, async () => {
    using piped = new Piped({ expectContinueTimeout });
    const responding = piped.send(url, expects);
    const peer = await piped.peer();
    assert((await peer.answer(ok)).endsWith("\r\n\r\ndata"));
    await (await responding).text();
  });
}
