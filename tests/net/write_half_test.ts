import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Deadline, isTimeout } from "../../deadline.ts";
import { ClosedError, OpError } from "../../net/errors.ts";
import { lendFrom, ownBufferSize } from "../../net/read_half.ts";
import { WriteHalf } from "../../net/write_half.ts";
import {
  assertBytes,
  assertTimeout,
  countedSignal,
  encode,
  pattern,
} from "../support/conn_helpers.ts";
import { outcome, settle, whileTimeFlies } from "../support/fake_clock.ts";
import { FakeHost, FakeSink, seeded, systemError } from "../support/fake_stream.ts";

const past = () => Date.now() - 1;
const far = () => Date.now() + 60_000;

function half() {
  const sink = new FakeSink();
  return { sink, writes: new WriteHalf(sink, new FakeHost()) };
}

/** A write that begins, and is cut short at once by the deadline of the connection. */
async function cut(writes: WriteHalf, p: Uint8Array): Promise<number> {
  const failed = assertTimeout("write", writes.write(p));
  writes.setDeadline(past());
  writes.setDeadline(null);
  return (await failed).bytesWritten!;
}

Deno.test("WriteHalf writes first come, first served, each whole before the next", async () => {
  const { sink, writes } = half();
  const all = ["one", "two", "three"].map((word) => writes.write(encode(word)));
  while (sink.pending === 1) await sink.take(2);
  assertEquals([await Promise.all(all), sink.text], [[3, 3, 5], "onetwothree"]);
  assertEquals(sink.calls.map(({ p }) => p.length), [3, 1, 3, 1, 5, 3, 1]);
});

Deno.test("WriteHalf copies a small array, and one that is limited, in parts", async () => {
  const limits: ((writes: WriteHalf) => { timeout: number } | undefined)[] = [
    (writes) => (writes.setDeadline(far()), undefined),
    () => ({ timeout: 60_000 }),
  ];
  for (const limit of limits) {
    const { sink, writes } = half();
    const data = pattern(3 * ownBufferSize + 5);
    const writing = writes.write(data, limit(writes));
    while (sink.pending === 1) {
      assert(sink.call.p.buffer !== data.buffer && sink.call.p.length <= ownBufferSize);
      await sink.take();
    }
    assertEquals(await writing, data.length);
    assertBytes(new Uint8Array(sink.taken), data);
    assertEquals(sink.calls.length, 4);
    writes.close();
  }
  const { sink, writes } = half();
  const small = new Uint8Array(lendFrom - 1);
  const writing = writes.write(small);
  assert(sink.call.p.buffer !== small.buffer);
  await sink.take();
  assertEquals(await writing, small.length);
});

Deno.test("WriteHalf lends a large array to the engine when nothing limits the write", async () => {
  const { sink, writes } = half();
  const data = pattern(300_000);
  const writing = writes.write(data);
  assertStrictEquals(sink.call.p, data);
  await sink.take(100);
  assertEquals([sink.call.p.buffer === data.buffer, sink.call.p.byteOffset], [true, 100]);
  await sink.take();
  assertEquals(await writing, data.length);
  assertBytes(new Uint8Array(sink.taken), data);
});

Deno.test("WriteHalf counts a chunk as taken once the engine has it, and no more", async () => {
  const { sink, writes } = half();
  writes.setDeadline(far());
  const data = pattern(3 * ownBufferSize);
  const failed = assertTimeout("write", writes.write(data));
  const behind = assertTimeout("write", writes.write(encode("behind")));
  await sink.take();
  await sink.take(10);
  writes.setDeadline(past());
  assertEquals((await failed).bytesWritten, 2 * ownBufferSize);
  assertEquals((await behind).bytesWritten, 0);
  writes.setDeadline(null);
  const rest = writes.write(data.subarray(2 * ownBufferSize));
  while (sink.pending === 1) await sink.take();
  await rest;
  assertBytes(new Uint8Array(sink.taken), data);
});

Deno.test("WriteHalf finishes what it took before the next writer's turn", async () => {
  const { sink, writes } = half();
  assertEquals(await cut(writes, encode("abcdef")), 6);
  const next = writes.write(encode("ghi"));
  assertEquals(sink.calls.length, 1);
  while (sink.pending === 1) await sink.take(4);
  assertEquals([await next, sink.text], [3, "abcdefghi"]);
});

Deno.test("WriteHalf takes nothing of a write whose time was up before it began", async () => {
  const { sink, writes } = half();
  const late = { timeout: -1 };
  assertEquals((await assertTimeout("write", writes.write(encode("x"), late))).bytesWritten, 0);
  writes.setDeadline(past());
  assertEquals((await assertTimeout("write", writes.write(encode("x")))).bytesWritten, 0);
  await assertTimeout("write", writes.write(encode("x"), { timeout: 60_000 }));
  await assertTimeout("write", writes.write(new Uint8Array(0)));
  assertEquals(sink.calls.length, 0);
});

Deno.test("WriteHalf gives a queued write's own timeout 0 bytes, and its place to the next", async () => {
  const { sink, writes } = half();
  const first = writes.write(encode("first"));
  const queued = assertTimeout("write", writes.write(encode("never"), { timeout: 1 }));
  const third = writes.write(encode("third"));
  assertEquals((await queued).bytesWritten, 0);
  while (sink.pending === 1) await sink.take();
  assertEquals([await first, await third, sink.text], [5, 5, "firstthird"]);
});

Deno.test("WriteHalf adopts a lent array whose writer leaves", async () => {
  const { sink, writes } = half();
  const data = pattern(2 * lendFrom);
  const before = data.slice();
  assertEquals(await cut(writes, data), data.length);
  await sink.take(100); // the engine had the array itself
  data.fill(0); // its owner has it back
  assert(sink.call.p.buffer !== data.buffer);
  while (sink.pending === 1) await sink.take(5_000);
  assertBytes(new Uint8Array(sink.taken), before);
});

Deno.test("WriteHalf reports a failure each time, with what the engine had taken", async () => {
  const { sink, writes } = half();
  const all = [writes.write(pattern(100)), writes.write(pattern(5))]
    .map((write) => assertRejects(() => write, OpError));
  await sink.take(30);
  await sink.fail(systemError("EPIPE"));
  const [first, second] = await Promise.all(all);
  assertEquals([first.code, first.bytesWritten], ["EPIPE", 30]);
  assertEquals([second.code, second.bytesWritten], ["EPIPE", 0]);
  const later = await assertRejects(() => writes.write(encode("x")), OpError, "broken pipe");
  assertEquals([later.bytesWritten, later.timeout], [0, false]);
  await assertRejects(() => writes.closeWrite(), OpError, "broken pipe");
  assertEquals(sink.calls.length, 2);
});

Deno.test("WriteHalf tells the next writer of a failure after its writer had left", async () => {
  const { sink, writes } = half();
  assertEquals(await cut(writes, encode("abc")), 3);
  const next = assertRejects(() => writes.write(encode("def")), OpError, "reset by peer");
  await sink.fail(systemError("ECONNRESET"));
  assertEquals((await next).bytesWritten, 0);
});

Deno.test("WriteHalf.close() ends every writer, with what the engine had taken", async () => {
  for (const limit of [undefined, { timeout: 60_000 }]) {
    const { sink, writes } = half();
    const data = pattern(ownBufferSize + 1_000);
    const failed = assertRejects(() => writes.write(data, limit), ClosedError);
    const behind = assertRejects(() => writes.write(encode("behind"), limit), ClosedError);
    const ending = assertRejects(() => writes.closeWrite(), ClosedError);
    await sink.take(1_000);
    writes.close();
    assertEquals([(await failed).bytesWritten, (await behind).bytesWritten], [1_000, 0]);
    await ending;
    await sink.fail(new Deno.errors.Interrupted("closed"));
    const later = await assertRejects(() => writes.write(new Uint8Array(0)), ClosedError);
    assertEquals(later.op, "write");
    assertEquals(sink.calls.length, 2);
  }
});

Deno.test("WriteHalf.closeWrite() comes after the writes before it, and only once", async () => {
  const { sink, writes } = half();
  const writing = writes.write(encode("last words"));
  const closing = [writes.closeWrite(), writes.closeWrite()];
  const behind = assertRejects(() => writes.write(encode("too late")), OpError);
  await sink.take(4);
  assertEquals(sink.ended, false);
  await sink.take();
  assertEquals([await writing, sink.ended], [10, true]);
  await sink.take();
  await Promise.all(closing);
  const error = await behind;
  assertEquals([error.code, error.bytesWritten, error.timeout], ["EPIPE", 0, false]);
  assertEquals(error.message, "write fake: broken pipe");
  await assertRejects(() => writes.write(encode("more")), OpError, "broken pipe");
  await writes.closeWrite();
  assertEquals([sink.text, sink.calls.length], ["last words", 3]);
});

Deno.test("WriteHalf.closeWrite() waits for what a writer that left has had taken", async () => {
  const { sink, writes } = half();
  assertEquals(await cut(writes, encode("abcdef")), 6);
  const closing = writes.closeWrite();
  while (sink.pending === 1) await sink.take(2);
  await closing;
  assertEquals([sink.text, sink.ended], ["abcdef", true]);
});

Deno.test("WriteHalf.closeWrite() that failed is what later writes fail with", async () => {
  const { sink, writes } = half();
  const closing = assertRejects(() => writes.closeWrite(), OpError, "not connected");
  await sink.fail(systemError("ENOTCONN"));
  await closing;
  await assertRejects(() => writes.write(encode("x")), OpError, "not connected");
});

Deno.test("WriteHalf resumed from bytesWritten gives each byte to the engine once (seeded)", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const upTo = (n: number) => 1 + Math.floor(random() * n);
    const { sink, writes } = half();
    const data = pattern(150_000);
    for (let at = 0; at < data.length;) {
      const size = random() < 0.5 ? upTo(3_000) : upTo(100_000);
      // A copy that is spoiled as soon as the write has settled and the engine has moved on.
      const p = data.slice(at, at + size);
      const limited = random() < 0.3;
      if (limited) writes.setDeadline(far());
      const writing = writes.write(p).catch((error) => error);
      for (let i = upTo(5); i > 0 && sink.pending === 1; i--) {
        await sink.take(random() < 0.5 ? upTo(2_000) : Infinity);
      }
      if (sink.pending === 1) writes.setDeadline(past());
      writes.setDeadline(null);
      const result = await writing;
      at += typeof result === "number" ? result : (result as OpError).bytesWritten!;
      if (sink.pending === 1 && sink.call.p.buffer === p.buffer) await sink.take(upTo(2_000));
      p.fill(0xee);
    }
    while (sink.pending === 1) await sink.take();
    assertBytes(new Uint8Array(sink.taken), data);
  }
});

Deno.test("WriteHalf lets go of a write's signal, however the write ends", async () => {
  const { signal, listeners } = countedSignal();
  const { sink, writes } = half();
  const wait = { signal, timeout: 60_000 };
  const ok = writes.write(encode("good"), wait);
  assertEquals(listeners(), 1);
  await sink.take();
  assertEquals([await ok, listeners()], [4, 0]);

  const short = assertTimeout("write", writes.write(encode("cut"), wait));
  writes.setDeadline(past());
  await short;
  writes.setDeadline(null);
  assertEquals(listeners(), 0);
  await sink.take();

  const failed = assertRejects(() => writes.write(encode("x"), wait), OpError);
  await sink.fail(systemError("EPIPE"));
  await failed;
  assertEquals(listeners(), 0);

  const other = half();
  const closed = assertRejects(() => other.writes.write(encode("x"), wait), ClosedError);
  other.writes.close();
  await closed;
  assertEquals(listeners(), 0);
});

Deno.test("WriteHalf rejects an aborted write with its reason, unchanged, and what it took arrives", async () => {
  const { reason: ofDeadline } = new Deadline({ timeout: -1 }).signal;
  assert(isTimeout(ofDeadline));
  for (const reason of ["stop", null, ofDeadline]) {
    const { sink, writes } = half();
    const abort = new AbortController();
    const seen = outcome(writes.write(encode("taken"), { signal: abort.signal }));
    abort.abort(reason);
    await settle();
    assertStrictEquals(seen.reason, reason);
    const again = outcome(writes.write(encode("never"), { signal: abort.signal, timeout: -1 }));
    await settle();
    assertStrictEquals(again.reason, reason);
    const next = writes.write(encode("!"));
    while (sink.pending === 1) await sink.take(2);
    assertEquals([await next, sink.text], [1, "taken!"]);
  }
});

Deno.test("WriteHalf rejects, and does not throw, when a limit is of the wrong type", async () => {
  const { sink, writes } = half();
  const wait = { timeout: "1" as unknown as number };
  await assertRejects(() => writes.write(new Uint8Array(1), wait), TypeError, '"1"');
  await assertRejects(() => writes.write(new Uint8Array(1), { timeout: NaN }), RangeError);
  assertEquals(sink.calls.length, 0);
});

Deno.test("WriteHalf gives an empty write 0 without the engine", async () => {
  const { sink, writes } = half();
  assertEquals(await writes.write(new Uint8Array(0)), 0);
  assertEquals(await writes.write(new Uint8Array(0), { timeout: 60_000 }), 0);
  assertEquals(sink.calls.length, 0);
});

Deno.test("a write whose time is up at any moment of its beginning is written or not", async () => {
  for (let timeout = 1; timeout < 8; timeout++) {
    const { sink, writes } = half();
    const write = whileTimeFlies(() => writes.write(encode("ab"), { timeout }));
    const failed = write.then(() => false, isTimeout);
    await settle();
    if (sink.pending > 0) await sink.take();
    assertEquals(sink.text, await failed ? "" : "ab", `${timeout}`);
  }
});
