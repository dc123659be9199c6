import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Deadline, isTimeout } from "../../deadline.ts";
import { ClosedError, OpError } from "../../net/errors.ts";
import { lendFrom, ownBufferSize, ReadHalf } from "../../net/read_half.ts";
import {
  assertBytes,
  assertTimeout,
  countedSignal,
  encode,
  pattern,
} from "../support/conn_helpers.ts";
import { outcome, settle, whileTimeFlies } from "../support/fake_clock.ts";
import { FakeHost, FakeSource, seeded, systemError } from "../support/fake_stream.ts";

const past = () => Date.now() - 1;
const far = () => Date.now() + 60_000;

function half() {
  const source = new FakeSource();
  const host = new FakeHost();
  return { source, host, reads: new ReadHalf(source, host) };
}

/** Reads into a fresh array of that length, as text. */
const text = async (reads: ReadHalf, length = 8) => {
  const p = new Uint8Array(length);
  const n = await reads.read(p);
  return n === null ? null : new TextDecoder().decode(p.subarray(0, n));
};

/** A read that begins, waits, and gives up at once by the deadline of the connection. */
async function giveUp(reads: ReadHalf, length = 8): Promise<void> {
  const cut = assertTimeout("read", reads.read(new Uint8Array(length)));
  reads.setDeadline(past());
  await cut;
  reads.setDeadline(null);
}

Deno.test("ReadHalf serves readers first come, first served, one engine read at a time", async () => {
  const { source, reads } = half();
  const all = [text(reads), text(reads), text(reads)];
  for (const word of ["one", "two", "three"]) await source.give(word);
  assertEquals(await Promise.all(all), ["one", "two", "three"]);
  assertEquals(source.calls.length, 3);
});

Deno.test("ReadHalf gives one engine read to several readers when it brought enough", async () => {
  const { source, reads } = half();
  await giveUp(reads, 8);
  const all = [text(reads, 2), text(reads, 3), text(reads, 9)];
  await source.give("abcdefgh");
  assertEquals(await Promise.all(all), ["ab", "cde", "fgh"]);
  assertEquals(source.calls.length, 1);
});

Deno.test("ReadHalf leaves the engine's read parked when its reader times out", async () => {
  const { source, host, reads } = half();
  await giveUp(reads);
  assertEquals([reads.parked, source.pending], [true, 1]);
  const next = text(reads);
  assertEquals([reads.parked, source.calls.length], [false, 1]);
  await source.give("kept");
  assertEquals(await next, "kept");
  assertEquals(host.parks, [true, false]);
});

for (
  const [what, length, expected] of [
    ["smaller", 3, ["abc", "def", "gh"]],
    ["larger", 32, ["abcdefgh"]],
  ] as const
) {
  Deno.test(`ReadHalf gives a parked read's bytes to a next reader with a ${what} array`, async () => {
    for (const order of ["read first", "bytes first"]) {
      const { source, reads } = half();
      await giveUp(reads, 8);
      if (order === "bytes first") await source.give("abcdefgh");
      const next = text(reads, length);
      if (order === "read first") await source.give("abcdefgh");
      const got = [await next];
      while (got.join("") !== "abcdefgh") got.push(await text(reads, length));
      assertEquals([order, got], [order, expected]);
      assertEquals(source.calls.length, 1);
    }
  });
}

Deno.test("ReadHalf keeps one parked read through several timeouts in a row", async () => {
  const { source, host, reads } = half();
  for (let i = 0; i < 5; i++) await giveUp(reads, 4 + i);
  assertEquals([source.calls.length, source.call.p.length], [1, 4]);
  assertEquals(host.parks, [true, false, true, false, true, false, true, false, true]);
  await source.give("late");
  assertEquals([host.parks.at(-1), await text(reads)], [false, "late"]);
});

Deno.test("ReadHalf writes nothing into the array of a reader that has left", async () => {
  const { source, reads } = half();
  const p = new Uint8Array(8).fill(7);
  const cut = assertTimeout("read", reads.read(p));
  reads.setDeadline(past());
  await cut;
  await source.give("late");
  assert(p.every((byte) => byte === 7));
});

Deno.test("ReadHalf lends a large array to the engine when nothing limits the read", async () => {
  const { source, reads } = half();
  const p = new Uint8Array(lendFrom);
  const reading = reads.read(p);
  assertStrictEquals(source.call.p, p);
  await source.give("abc");
  assertEquals([await reading, p.subarray(0, 3)], [3, encode("abc")]);
});

for (
  const [what, length, limit] of [
    ["small", lendFrom - 1, () => undefined],
    ["a connection's deadline", lendFrom, (reads: ReadHalf) => reads.setDeadline(far())],
    ["its own timeout", lendFrom, () => ({ timeout: 60_000 })],
    ["its own deadline", lendFrom, () => ({ deadline: far() })],
    ["its own signal", lendFrom, () => ({ signal: new AbortController().signal })],
  ] as const
) {
  Deno.test(`ReadHalf does not lend an array whose read is limited: ${what}`, async () => {
    const { source, reads } = half();
    const p = new Uint8Array(length);
    const reading = reads.read(p, limit(reads) ?? undefined);
    assert(source.call.p.buffer !== p.buffer);
    await source.give("abc");
    assertEquals([await reading, p.subarray(0, 3)], [3, encode("abc")]);
    reads.close();
  });
}

Deno.test("ReadHalf asks the engine for no more than its reader, nor than its own buffer", async () => {
  const { source, reads } = half();
  reads.setDeadline(far());
  for (const [length, asked] of [[1, 1], [512, 512], [513, 513], [1 << 20, ownBufferSize]]) {
    const reading = reads.read(new Uint8Array(length));
    assertEquals(source.call.p.length, asked);
    await source.give("x");
    assertEquals(await reading, 1);
  }
  reads.close();
});

Deno.test("ReadHalf keeps what comes for a lent read that was cut short", async () => {
  for (const size of [2, lendFrom, 2 * lendFrom]) {
    const { source, reads } = half();
    const lent = new Uint8Array(lendFrom);
    const cut = assertTimeout("read", reads.read(lent));
    assertStrictEquals(source.call.p, lent);
    reads.setDeadline(past());
    await cut;
    assertEquals(reads.parked, true);
    reads.setDeadline(null);
    const data = pattern(1_000);
    const next = new Uint8Array(size);
    const reading = reads.read(next);
    await source.give(data);
    let n = (await reading)!;
    const all = [...next.subarray(0, n)];
    for (; all.length < data.length; all.push(...next.subarray(0, n))) {
      n = (await reads.read(next))!;
    }
    assertBytes(new Uint8Array(all), data);
    assertEquals(source.calls.length, 1);
  }
});

Deno.test("ReadHalf keeps what a lent read brings, whatever part of the lent array is read into", async () => {
  for (const [from, to] of [[0, 50], [50, 100], [25, 75], [10, 200], [99, 100]]) {
    const { source, reads } = half();
    const lent = new Uint8Array(lendFrom);
    const cut = assertTimeout("read", reads.read(lent));
    reads.setDeadline(past());
    await cut;
    reads.setDeadline(null);
    const data = pattern(100);
    const reading = reads.read(lent.subarray(from, to));
    await source.give(data);
    const n = (await reading)!;
    const all = [...lent.subarray(from, from + n)];
    const rest = new Uint8Array(100);
    if (n < 100) all.push(...rest.subarray(0, (await reads.read(rest))!));
    assertBytes(new Uint8Array(all), data);
  }
});

Deno.test("ReadHalf lets go of a lent array once its late bytes have come", async () => {
  const { source, reads } = half();
  const lent = new Uint8Array(lendFrom);
  const cut = assertTimeout("read", reads.read(lent));
  reads.setDeadline(past());
  await cut;
  reads.setDeadline(null);
  await source.give("late");
  lent.fill(7);
  assertEquals(await text(reads), "late");
  const next = text(reads);
  assert(source.call.p.buffer !== lent.buffer);
  await source.give("next");
  assertEquals([await next, lent.every((byte) => byte === 7)], ["next", true]);
});

Deno.test("ReadHalf loses and repeats nothing whatever deadlines pass (seeded)", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const upTo = (n: number) => 1 + Math.floor(random() * n);
    const { source, reads } = half();
    const data = pattern(40_000);
    const got = new Uint8Array(data.length);
    let sent = 0;
    let at = 0;
    while (at < data.length) {
      const size = random() < 0.3 ? lendFrom + upTo(1_000) : upTo(3_000);
      const p = new Uint8Array(size).fill(0xee);
      const limited = random() < 0.3;
      const abort = new AbortController();
      const reading = reads.read(p, limited ? { signal: abort.signal } : undefined)
        .catch((error) => error);
      if (source.pending === 1 && random() < 0.6) {
        sent += await source.give(data.subarray(sent, sent + upTo(5_000)));
      } else if (limited) abort.abort(new OpError({ op: "", network: "", reason: "", code: "" }));
      else {
        reads.setDeadline(past());
        reads.setDeadline(null);
      }
      const n = await reading;
      if (typeof n !== "number") continue;
      got.set(p.subarray(0, n), at);
      at += n;
    }
    assertBytes(got, data);
  }
});

Deno.test("ReadHalf reports a failure each time, never an end, after what had come before", async () => {
  const { source, reads } = half();
  await giveUp(reads);
  await source.give("abcdef");
  assertEquals(await text(reads, 4), "abcd");
  assertEquals(await text(reads, 4), "ef");
  const all = [text(reads), text(reads)].map((read) => assertRejects(() => read, OpError));
  await source.fail(systemError("ECONNRESET"));
  for (const error of await Promise.all(all)) {
    assertEquals([error.code, error.op, error.timeout], ["ECONNRESET", "read", false]);
  }
  await assertRejects(() => text(reads), OpError, "connection reset by peer");
  assertEquals(source.calls.length, 2);
});

Deno.test("ReadHalf keeps a failure that met a parked read for the next reader", async () => {
  const { source, host, reads } = half();
  await giveUp(reads);
  await source.fail(systemError("ECONNRESET"));
  assertEquals(host.parks, [true, false]);
  await assertRejects(() => text(reads), OpError, "connection reset by peer");
  await assertTimeout("read", reads.read(new Uint8Array(1), { timeout: -1 }));
});

Deno.test("ReadHalf asks the engine again after the end, which says so each time", async () => {
  const { source, reads } = half();
  for (let i = 0; i < 3; i++) {
    const reading = text(reads);
    await source.end();
    assertEquals(await reading, null);
  }
  await giveUp(reads);
  await source.end(); // nobody waits
  const last = text(reads);
  await source.end();
  assertEquals(await last, null);
});

Deno.test("ReadHalf.close() ends every reader, and drops what comes later", async () => {
  const { source, host, reads } = half();
  const all = [1, 2].map(() => assertRejects(() => text(reads), ClosedError));
  reads.close();
  await Promise.all(all);
  await source.fail(new Deno.errors.Interrupted("closed"));
  await assertRejects(() => reads.read(new Uint8Array(0)), ClosedError);
  assertEquals(host.parks, []);
});

Deno.test("ReadHalf gives an empty read 0 without the engine, unless its time was up", async () => {
  const { source, reads } = half();
  const empty = new Uint8Array(0);
  assertEquals(await reads.read(empty), 0);
  assertEquals(await reads.read(empty, { timeout: 60_000 }), 0);
  await assertTimeout("read", reads.read(empty, { timeout: -1 }));
  reads.setDeadline(past());
  await assertTimeout("read", reads.read(empty));
  await assertTimeout("read", reads.read(empty, { timeout: 60_000 }));
  assertEquals(source.calls.length, 0);
});

Deno.test("ReadHalf lets go of a read's signal, however the read ends", async () => {
  const { controller, signal, listeners } = countedSignal();
  const { source, reads } = half();
  const wait = { signal, timeout: 60_000 };
  const p = new Uint8Array(4);
  const ok = reads.read(p, wait);
  assertEquals(listeners(), 1);
  await source.give("good");
  assertEquals([await ok, listeners()], [4, 0]);

  const cut = assertTimeout("read", reads.read(p, wait));
  reads.setDeadline(past());
  await cut;
  reads.setDeadline(null);
  assertEquals(listeners(), 0);

  const failed = assertRejects(() => reads.read(p, wait), OpError);
  await source.fail(systemError("ECONNRESET"));
  await failed;
  assertEquals(listeners(), 0);

  const other = half();
  const closed = assertRejects(() => other.reads.read(p, wait), ClosedError);
  other.reads.close();
  await closed;
  assertEquals(listeners(), 0);
  controller.abort();
});

for (
  const [what, reason] of [
    ["a string", "stop"],
    ["null", null],
    ["a timeout of the caller's own", timeoutReason()],
  ] as const
) {
  Deno.test(`ReadHalf rejects an aborted read with its reason, unchanged: ${what}`, async () => {
    const { source, reads } = half();
    const abort = new AbortController();
    const seen = outcome(reads.read(new Uint8Array(4), { signal: abort.signal }));
    abort.abort(reason);
    await settle();
    assertStrictEquals(seen.reason, reason);
    const again = outcome(reads.read(new Uint8Array(4), { signal: abort.signal, timeout: -1 }));
    await settle();
    assertStrictEquals(again.reason, reason);
    assertEquals([reads.parked, source.calls.length], [true, 1]);
  });
}

function timeoutReason(): unknown {
  const { reason } = new Deadline({ timeout: -1 }).signal;
  assert(isTimeout(reason));
  return reason;
}

Deno.test("ReadHalf rejects, and does not throw, when a limit is of the wrong type", async () => {
  const { source, reads } = half();
  const wait = { timeout: "1" as unknown as number };
  await assertRejects(() => reads.read(new Uint8Array(1), wait), TypeError, '"1"');
  await assertRejects(() => reads.read(new Uint8Array(1), { timeout: NaN }), RangeError);
  assertEquals(source.calls.length, 0);
});

Deno.test("a read whose time is up at any moment of its beginning takes no bytes along", async () => {
  for (let timeout = 1; timeout < 8; timeout++) {
    const { source, reads } = half();
    await giveUp(reads);
    await source.give("ab");
    const p = new Uint8Array(1);
    const read = whileTimeFlies(() => reads.read(p, { timeout }));
    const n = await read.catch((error) => isTimeout(error) ? 0 : Promise.reject(error));
    assertEquals(await text(reads), n === 0 ? "ab" : "b", `${timeout}`);
  }
});
