import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { FdStream } from "../../../net/native/fd_stream.ts";
import { close, poller, recv, send, SOCK_STREAM, socketpair } from "../../../sys/mod.ts";
import { encode } from "../../support/conn_helpers.ts";
import { outcome, settle } from "../../support/fake_clock.ts";
import { assertNoFdLeak, deno, source } from "./support.ts";

/** A stream, and the descriptor of its other end. */
function streamAndPeer(): [FdStream, number] {
  const [a, b] = socketpair(SOCK_STREAM);
  return [new FdStream(a), b];
}

Deno.test("read() takes what is there at once, and waits for what is not", async () => {
  const [stream, peer] = streamAndPeer();
  const p = new Uint8Array(8);
  send(peer, encode("here"));
  assertEquals(await stream.read(p), 4);
  const waiting = stream.read(p);
  const seen = outcome(waiting);
  await settle();
  assertEquals(seen, {});
  send(peer, encode("later"));
  assertEquals(await waiting, 5);
  stream.close();
  close(peer);
});

Deno.test("read() gives null at the end, each time, and 0 for an empty array", async () => {
  const [stream, peer] = streamAndPeer();
  assertEquals(await stream.read(new Uint8Array(0)), 0);
  close(peer);
  for (let i = 0; i < 3; i++) assertEquals(await stream.read(new Uint8Array(8)), null);
  stream.close();
});

Deno.test("write() takes what there is room for, and waits when there is none", async () => {
  const [stream, peer] = streamAndPeer();
  const chunk = new Uint8Array(1 << 20);
  const first = await stream.write(chunk);
  assert(first > 0 && first < chunk.length, `${first} bytes`);
  const waiting = stream.write(chunk);
  const seen = outcome(waiting);
  await settle();
  assertEquals(seen, {});
  for (let left = first; left > 0;) left -= recv(peer, chunk) ?? 0;
  assert(await waiting > 0);
  stream.close();
  close(peer);
});

Deno.test("close() ends what waits with BadResource, once, and closes the descriptor", async () => {
  await assertNoFdLeak(async () => {
    const [stream, peer] = streamAndPeer();
    while (send(peer, new Uint8Array(1 << 20)) !== null);
    const chunk = new Uint8Array(1 << 20);
    while (await Promise.race([stream.write(chunk), settle().then(() => 0)]) > 0);
    const [other, end] = socketpair(SOCK_STREAM);
    const idle = new FdStream(other);
    const reading = assertRejects(() => idle.read(chunk), Deno.errors.BadResource);
    idle.close();
    idle.close();
    await reading;
    stream.close();
    await assertRejects(() => stream.read(chunk), Deno.errors.BadResource);
    await assertRejects(() => stream.write(chunk), Deno.errors.BadResource);
    await assertRejects(() => stream.closeWrite(), Deno.errors.BadResource);
    assertThrows(() => stream.fd, Deno.errors.BadResource);
    close(end);
    close(peer);
  });
});

Deno.test("close() ends a stuck write with BadResource", async () => {
  const [stream, peer] = streamAndPeer();
  const chunk = new Uint8Array(1 << 20);
  await stream.write(chunk);
  const stuck = assertRejects(() => stream.write(chunk), Deno.errors.BadResource);
  await settle();
  stream.close();
  await stuck;
  close(peer);
});

Deno.test("a descriptor closed behind the stream's back ends its waits as well", async () => {
  const [stream, peer] = streamAndPeer();
  const reading = assertRejects(() => stream.read(new Uint8Array(1)), Deno.errors.BadResource);
  poller.forget(stream.fd);
  await reading;
  stream.close();
  close(peer);
});

Deno.test("one read and one write at a time", async () => {
  const [stream, peer] = streamAndPeer();
  const reading = stream.read(new Uint8Array(8));
  await assertRejects(() => stream.read(new Uint8Array(8)), Deno.errors.Busy);
  send(peer, encode("x"));
  assertEquals(await reading, 1);
  stream.close();
  close(peer);
});

Deno.test("closeWrite() is the end for the peer, and harmless after it has gone", async () => {
  const [stream, peer] = streamAndPeer();
  await stream.closeWrite();
  assertEquals(recv(peer, new Uint8Array(1)), 0);
  close(peer);
  await stream.closeWrite();
  stream.close();
});

Deno.test("a peer that is always ready leaves timers their turn", async () => {
  const [stream, peer] = streamAndPeer();
  const p = new Uint8Array(1);
  let fired = false;
  const timer = setTimeout(() => fired = true);
  let reads = 0;
  // Without turns of the event loop this would go on until the limit.
  for (; !fired && reads < 200_000; reads++) {
    send(peer, p);
    await stream.read(p);
  }
  clearTimeout(timer);
  assert(fired, "no timer fired");
  stream.close();
  close(peer);
});

const keeping = (what: string) => `
  import { FdStream } from ${JSON.stringify(source("net/native/fd_stream.ts"))};
  import { SOCK_STREAM, socketpair } from ${JSON.stringify(source("sys/mod.ts"))};
  const [a, b] = socketpair(SOCK_STREAM);
  const stream = new FdStream(a);
  ${what}
  console.log("waiting");`;

for (
  const [how, script] of [
    ["unref before", "stream.unref(); stream.read(new Uint8Array(1));"],
    ["unref after", "stream.read(new Uint8Array(1)); stream.unref();"],
  ]
) {
  Deno.test(`an unreferenced read (${how}) lets the process end`, async () => {
    await using child = deno(keeping(script), "--allow-ffi");
    assertEquals(await child.line(), "waiting");
    await child.ended();
  });
}

for (
  const [how, script] of [
    ["as it is", "stream.read(new Uint8Array(1));"],
    ["ref again", "stream.unref(); stream.read(new Uint8Array(1)); stream.ref();"],
    [
      "a write, whatever the reads",
      "stream.unref(); stuck(); async function stuck() { for (;;) await stream.write(new Uint8Array(1 << 20)); }",
    ],
  ]
) {
  Deno.test(`a pending operation (${how}) keeps the process alive`, async () => {
    const answer = `setTimeout(() => { console.log("still here"); Deno.exit(); }, 150);`;
    await using child = deno(
      keeping(`${script}\nDeno.unrefTimer(${answer.slice(0, -1)});`),
      "--allow-ffi",
    );
    assertEquals(await child.line(), "waiting");
    assertEquals(await child.line(), "still here");
  });
}

Deno.test("readWith() calls back with what comes, with the end, and with a failure", async () => {
  const [stream, peer] = streamAndPeer();
  const p = new Uint8Array(8);
  const next = () =>
    new Promise<number | null>((resolve, reject) => {
      let within = true;
      stream.readWith(p, (n) => within ? reject(new Error("within the call")) : resolve(n), reject);
      within = false;
    });
  send(peer, encode("a"));
  assertEquals(await next(), 1); // there at once
  const waiting = next();
  await settle();
  send(peer, encode("bc"));
  assertEquals(await waiting, 2); // through the poller
  send(peer, encode("12345678"));
  assertEquals([await next(), p], [8, encode("12345678")]);
  close(peer);
  assertEquals([await next(), await next()], [null, null]);
  const cut = next();
  stream.close();
  await assertRejects(() => cut.then(() => next()), Deno.errors.BadResource);
});

Deno.test("writeNow() takes what there is room for, and nothing when there is none", () => {
  const [stream, peer] = streamAndPeer();
  const chunk = new Uint8Array(1 << 20);
  const first = stream.writeNow(chunk);
  assert(first > 0 && first < chunk.length, `${first} bytes`);
  assertEquals(stream.writeNow(chunk), 0);
  close(peer);
  assertThrows(() => stream.writeNow(chunk));
  stream.close();
  assertThrows(() => stream.writeNow(chunk), Deno.errors.BadResource);
});
