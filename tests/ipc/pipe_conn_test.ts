import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Descriptor, OnReady } from "../../ipc/descriptor.ts";
import { PipeConn, type PipeMode, PipeStream } from "../../ipc/pipe_conn.ts";
import { ClosedError, OpError } from "../../net/mod.ts";
import { encode, readText } from "../support/conn_helpers.ts";
import { outcome, settle } from "../support/fake_clock.ts";

/** A descriptor that does as the test says. */
class FakeDescriptor implements Descriptor {
  readonly fd = 7;
  readonly exact: boolean;
  closed = 0;
  /** What reads give, one after the other; `null` when there is none. */
  readonly incoming: (string | 0 | Error)[] = [];
  readonly written: number[] = [];
  room = Infinity;
  readonly watching = new Map<string, { onReady: OnReady; keepAlive: boolean }>();

  constructor(exact = true) {
    this.exact = exact;
  }

  read(p: Uint8Array): number | null {
    const next = this.incoming.shift();
    if (next === undefined) return null;
    if (next instanceof Error) throw next;
    if (next === 0) return 0;
    return new TextEncoder().encodeInto(next, p).written;
  }

  write(p: Uint8Array): number | null {
    const n = Math.min(p.length, this.room);
    if (n === 0) return null;
    this.room -= n;
    this.written.push(n);
    return n;
  }

  watch(direction: string, onReady: OnReady, keepAlive: boolean): void {
    assert(!this.watching.has(direction), "one wait in each direction");
    this.watching.set(direction, { onReady, keepAlive });
  }

  unwatch(direction: string): void {
    this.watching.delete(direction);
  }

  ready(direction: string, error?: unknown): void {
    const { onReady } = this.watching.get(direction)!;
    this.watching.delete(direction);
    onReady(error);
  }

  close(): void {
    this.closed++;
  }
}

const conn = (d: Descriptor, mode: PipeMode, start = { met: true }) =>
  new PipeConn(new PipeStream(d, mode, start), "fifo", mode, "/tmp/x");

Deno.test("a read waits until the descriptor is ready", async () => {
  const d = new FakeDescriptor();
  using pipe = conn(d, "r");
  const reading = readText(pipe);
  await settle();
  d.ready("read"); // by mistake: waits on
  d.incoming.push("late");
  d.ready("read");
  assertEquals(await reading, "late");
});

Deno.test("nothing to read is no end before somebody has been there", async () => {
  const d = new FakeDescriptor();
  using pipe = conn(d, "r", { met: false });
  d.incoming.push(0);
  const reading = readText(pipe);
  const seen = outcome(reading);
  await settle();
  assertEquals(seen, {});
  d.incoming.push(0); // ready with nothing: somebody has come and gone
  d.ready("read");
  assertEquals(await reading, null);
});

Deno.test("a timer's callback is no sign of somebody; having to wait is", async () => {
  const d = new FakeDescriptor(false);
  using pipe = conn(d, "r", { met: false });
  d.incoming.push(0);
  const reading = readText(pipe);
  const seen = outcome(reading);
  d.incoming.push(0);
  d.ready("read");
  await settle();
  assertEquals(seen, {});
  d.ready("read"); // would have to wait: a writer is there
  d.incoming.push(0);
  d.ready("read");
  assertEquals(await reading, null);
});

Deno.test("what was read before the stream began comes first", async () => {
  const d = new FakeDescriptor();
  const start = { met: true, first: encode("ab") };
  using pipe = new PipeConn(new PipeStream(d, "r", start), "fifo", "r");
  d.incoming.push("cd");
  const p = new Uint8Array(1);
  await pipe.read(p);
  assertEquals([p[0], await readText(pipe)], [97, "bcd"]);
});

Deno.test("a write goes on where the descriptor had no more room", async () => {
  const d = new FakeDescriptor();
  using pipe = conn(d, "w");
  d.room = 3;
  const writing = pipe.write(new Uint8Array(10));
  await settle();
  d.room = 7;
  d.ready("write");
  assertEquals([await writing, d.written], [10, [3, 7]]);
});

Deno.test("reading what was opened to write, and the reverse, fails with EBADF", async () => {
  const d = new FakeDescriptor();
  using writer = conn(d, "w");
  using reader = conn(d, "r");
  const read = await assertRejects(() => writer.read(new Uint8Array(1)), OpError);
  assertEquals(read.code, "EBADF");
  assertEquals(read.message, 'read fifo "/tmp/x": it was opened for writing only');
  const write = await assertRejects(() => reader.write(new Uint8Array(1)), OpError);
  assertEquals([write.code, d.written], ["EBADF", []]);
});

Deno.test("what the descriptor throws, or its wait ends with, is the operation's failure", async () => {
  const d = new FakeDescriptor();
  using pipe = conn(d, "r");
  const reading = assertRejects(() => readText(pipe), OpError);
  await settle();
  d.ready("read", Object.assign(new Error("x"), { code: "EIO" }));
  assertEquals((await reading).code, "EIO");
});

Deno.test("close() ends what waits, and closes the descriptor once", async () => {
  const d = new FakeDescriptor();
  const pipe = conn(d, "rw");
  d.room = 0;
  const waiting = [pipe.read(new Uint8Array(1)), pipe.write(new Uint8Array(1))];
  const ended = waiting.map((work) => assertRejects(() => work, ClosedError));
  await settle();
  assertEquals(pipe.fd, 7);
  pipe.close();
  pipe.close();
  await Promise.all(ended);
  assertEquals([d.closed, d.watching.size], [1, 0]);
  assertEquals(outcome(Promise.resolve().then(() => pipe.fd)).value, undefined);
});

Deno.test("closeWrite() closes what was opened to write, after what is being written", async () => {
  const d = new FakeDescriptor();
  using pipe = conn(d, "w");
  d.room = 0;
  const writing = pipe.write(new Uint8Array(5));
  const ending = pipe.closeWrite();
  await settle();
  assertEquals(d.closed, 0);
  d.room = 5;
  d.ready("write");
  await Promise.all([writing, ending]);
  assertEquals([d.closed, d.written], [1, [5]]);
  await assertRejects(() => pipe.write(new Uint8Array(1)), OpError, "broken pipe");
});

Deno.test("the one stream there is closes the pipe with its end", async () => {
  const readable = new FakeDescriptor();
  readable.incoming.push("all", 0);
  assertEquals(await new Response(conn(readable, "r").readable).text(), "all");
  const cancelled = new FakeDescriptor();
  await conn(cancelled, "r").readable.cancel();
  const writable = new FakeDescriptor();
  const writer = conn(writable, "w").writable.getWriter();
  await writer.write(encode("all"));
  await writer.close();
  const aborted = new FakeDescriptor();
  await conn(aborted, "w").writable.abort();
  await settle();
  assertEquals([readable, cancelled, writable, aborted].map((d) => d.closed), [1, 1, 1, 1]);
  assertEquals(writable.written, [3]);
});

Deno.test("unref() and ref() move the pending read along", async () => {
  const d = new FakeDescriptor();
  using pipe = conn(d, "r");
  pipe.unref();
  const reading = readText(pipe);
  await settle();
  assertEquals(d.watching.get("read")!.keepAlive, false);
  pipe.ref();
  assertEquals(d.watching.get("read")!.keepAlive, true);
  d.incoming.push("x");
  d.ready("read");
  assertEquals(await reading, "x");
});
