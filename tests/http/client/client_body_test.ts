import { assertEquals, assertStrictEquals } from "@std/assert";
import { WholeBody } from "../../../http/client/client_body.ts";
import { headersOf } from "../../../http/headers.ts";
import { HttpError } from "../../../http/errors.ts";
import { assertBytes, pattern } from "../../support/conn_helpers.ts";
import { FakeClock, settle } from "../../support/fake_clock.ts";
import { type Peer, Piped, rejection } from "./transport_support.ts";

const kib = 1024;

/** A response under way, its head there. */
async function respond(piped: Piped, head: string): Promise<[Response, Peer]> {
  const responding = piped.get();
  const peer = await piped.peer();
  await peer.answer(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`);
  return [await responding, peer];
}

const exact = (length: number) => `Content-Length: ${length}`;
const chunked = "Transfer-Encoding: chunked";

async function sendChunked(peer: Peer, bytes: Uint8Array, size: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    await peer.send(`${piece.length.toString(16)}\r\n`);
    await peer.send(piece);
    await peer.send("\r\n");
  }
  await peer.send("0\r\n\r\n");
}

/** How each kind of body is sent. */
const kinds: [
  name: string,
  head: (n: number) => string,
  send: (p: Peer, b: Uint8Array) => Promise<void>,
][] = [
  ["of known length", exact, (peer, bytes) => peer.send(bytes)],
  ["in one chunk", () => chunked, (peer, bytes) => sendChunked(peer, bytes, bytes.length)],
  ["in large chunks", () => chunked, (peer, bytes) => sendChunked(peer, bytes, 70_001)],
  ["in small chunks", () => chunked, (peer, bytes) => sendChunked(peer, bytes, 1_000)],
  ["until the end", () => "X: y", async (peer, bytes) => {
    await peer.send(bytes);
    peer.close();
  }],
];

for (const [name, head, send] of kinds) {
  for (const how of ["at once", "as a stream"]) {
    Deno.test(`a large body ${name} is read ${how}, every byte of it`, async () => {
      using piped = new Piped();
      const bytes = pattern(300 * kib + 17);
      const [response, peer] = await respond(piped, head(bytes.length));
      const sending = send(peer, bytes);
      let got: Uint8Array;
      if (how === "at once") got = await response.bytes();
      else {
        const pieces: Uint8Array<ArrayBuffer>[] = [];
        for await (const piece of response.body!) pieces.push(piece);
        got = new Uint8Array(await new Blob(pieces).arrayBuffer());
      }
      await sending;
      assertBytes(got, bytes);
      await settle();
      const idle = name === "until the end" ? undefined : 1;
      assertEquals(Object.values(piped.transport.stats())[0]?.idle, idle);
    });
  }
}

Deno.test("nothing is read of a body before it is asked for", async () => {
  using piped = new Piped();
  const [response, peer] = await respond(piped, exact(100));
  let sent = false;
  const sending = peer.send(new Uint8Array(100)).then(() => sent = true);
  await settle();
  assertEquals(sent, false);
  assertEquals((await response.bytes()).length, 100);
  await sending;
});

Deno.test("a stream takes no more than one piece ahead of its reader", async () => {
  using piped = new Piped();
  const [response, peer] = await respond(piped, exact(1_000 * kib));
  let sent = 0;
  const sending = (async () => {
    for (let i = 0; i < 1_000; i++) {
      await peer.send(new Uint8Array(kib));
      sent++;
    }
  })().catch(() => {});
  const reader = response.body!.getReader();
  await reader.read();
  await settle();
  assertEquals(sent <= 3, true, `${sent} pieces went out`);
  await reader.cancel();
  await sending;
});

Deno.test("an unread body is drained, so that its connection is used again", async () => {
  for (const head of [exact(200 * kib), chunked]) {
    using piped = new Piped();
    const [response, peer] = await respond(piped, head);
    await response.body!.cancel();
    const bytes = new Uint8Array(200 * kib);
    if (head === chunked) await sendChunked(peer, bytes, 50 * kib);
    else await peer.send(bytes);
    await settle();
    await piped.warm(peer);
    assertEquals(piped.dials, 1);
  }
});

Deno.test("an unread body of more than 256 KiB closes the connection", async () => {
  using piped = new Piped();
  const [response, peer] = await respond(piped, exact(256 * kib + 1));
  await response.body!.cancel();
  await peer.expectClosed();
  assertEquals(piped.transport.stats(), {});
});

Deno.test("an unread chunked body is drained up to 256 KiB, and its connection closed", async () => {
  using piped = new Piped();
  const [response, peer] = await respond(piped, chunked);
  await response.body!.cancel();
  const error = await rejection(sendChunked(peer, new Uint8Array(1_000 * kib), 10 * kib));
  assertEquals((error as { code?: string }).code, "EPIPE");
  assertEquals(piped.transport.stats(), {});
});

Deno.test("an unread body that never ends is given up after a second", async () => {
  const clock = new FakeClock();
  using piped = new Piped({ clock });
  const [response, peer] = await respond(piped, exact(100));
  await response.body!.cancel();
  await clock.advance(900);
  assertEquals(Object.values(piped.transport.stats())[0].active, 1);
  await clock.advance(400);
  await peer.expectClosed();
  assertEquals(piped.transport.stats(), {});
});

Deno.test("`await using` gives an unread body up", async () => {
  using piped = new Piped();
  const responding = piped.get();
  const peer = await piped.peer();
  await peer.answer(`HTTP/1.1 200 OK\r\n${exact(5)}\r\n\r\n`);
  {
    await using response = await responding;
    assertEquals(response.status, 200);
  }
  await peer.send("hello");
  await settle();
  await piped.warm(peer);
});

Deno.test("a body cancelled while a read is pending closes the connection", async () => {
  using piped = new Piped();
  const [response, peer] = await respond(piped, exact(5));
  const reader = response.body!.getReader();
  const reading = reader.read();
  await settle();
  await reader.cancel();
  assertEquals((await reading).done, true);
  await peer.expectClosed();
  assertEquals(piped.transport.stats(), {});
});

Deno.test("a body that was cut keeps failing, with one error", async () => {
  for (const head of [exact(10), chunked]) {
    using piped = new Piped();
    const [response, peer] = await respond(piped, head);
    const reader = response.body!.getReader();
    const sending = peer.send(head === chunked ? "5\r\nhe" : "half");
    const reading = rejection((async () => {
      while (!(await reader.read()).done);
    })());
    await sending;
    peer.close();
    const error = await reading;
    assertEquals(error instanceof HttpError && error.code, "ERR_HTTP_TRUNCATED");
    assertStrictEquals(await rejection(reader.read()), error);
    assertEquals(piped.transport.stats(), {});
  }
});

Deno.test("a length that no memory holds fails the body, and its connection goes", async () => {
  using piped = new Piped();
  const [response] = await respond(piped, exact(Number.MAX_SAFE_INTEGER));
  const error = await rejection(response.bytes());
  assertEquals(error instanceof HttpError && error.phase, "body");
  assertEquals(piped.transport.stats(), {});
});

Deno.test("WholeBody gives its bytes once, and then its end", async () => {
  const body = new WholeBody(new Uint8Array([1, 2]), 2);
  assertEquals([body.length, await body.read()], [2, new Uint8Array([1, 2])]);
  assertEquals([await body.read(), await body.readAll()], [null, new Uint8Array(0)]);
  for (const none of [null, new Uint8Array(0)]) {
    assertEquals(await new WholeBody(none, 0).read(), null);
    assertEquals(await new WholeBody(none, 0).readAll(), new Uint8Array(0));
  }
  const cancelled = new WholeBody(new Uint8Array(1), 1);
  cancelled.cancel();
  assertEquals(await cancelled.read(), null);
});

Deno.test("headersOf() keeps fields of one name apart", () => {
  const headers = headersOf(["Set-Cookie", "a=1", "set-cookie", "b=2", "X", "y"]);
  assertEquals(headers.getSetCookie(), ["a=1", "b=2"]);
  assertEquals(headers.get("x"), "y");
});
