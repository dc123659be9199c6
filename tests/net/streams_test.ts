import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { WaitOptions } from "../../deadline.ts";
import { connStreams, type StreamSource } from "../../net/streams.ts";
import { settle } from "../support/fake_clock.ts";

type Result = number | null | Error;

/** A source whose reads and writes end as told, and which notes what is asked of it. */
class Script implements StreamSource {
  readonly asked: string[] = [];
  readonly waits: (WaitOptions | undefined)[] = [];
  readonly #reads: Result[];
  readonly #writes: Result[];

  constructor(script: { reads?: Result[]; writes?: Result[] } = {}) {
    this.#reads = script.reads ?? [];
    this.#writes = script.writes ?? [];
  }

  read(p: Uint8Array, wait?: WaitOptions): Promise<number | null> {
    this.asked.push(`read ${p.length}`);
    this.waits.push(wait);
    const result = this.#reads.shift();
    if (typeof result === "number") p.fill(result, 0, result);
    if (result !== undefined) return settled(result);
    return new Promise((_, reject) => {
      wait?.signal?.addEventListener("abort", () => reject(wait.signal?.reason), { once: true });
    });
  }

  write(p: Uint8Array): Promise<number> {
    this.asked.push(`write ${p.length}`);
    return settled(this.#writes.shift() ?? p.length) as Promise<number>;
  }

  closeWrite(): Promise<void> {
    this.asked.push("closeWrite");
    return settled(this.#writes.shift() ?? 0).then(() => {});
  }

  close(): void {
    this.asked.push("close");
  }
}

const settled = (result: Result): Promise<number | null> =>
  result instanceof Error ? Promise.reject(result) : Promise.resolve(result);

const failure = new Error("connection reset");

Deno.test("connStreams() reads nothing before a chunk is asked for", async () => {
  const source = new Script({ reads: [3] });
  const { readable } = connStreams(source);
  await settle();
  assertEquals(source.asked, []);
  const { value } = await readable.getReader().read();
  assertEquals(value, new Uint8Array([3, 3, 3]));
  assertEquals(source.asked, ["read 65536"]);
});

Deno.test("readable reads into the array that its reader brings", async () => {
  const source = new Script({ reads: [2, null] });
  const reader = connStreams(source).readable.getReader({ mode: "byob" });
  const { value } = await reader.read(new Uint8Array(10).subarray(1, 6));
  assertEquals(source.asked, ["read 5"]);
  assertEquals(value, new Uint8Array([2, 2]));
  assertEquals(value?.byteOffset, 1);
  const end = await reader.read(new Uint8Array(4));
  assertEquals([end.done, end.value?.length], [true, 0]);
});

Deno.test("readable passes over an empty message", async () => {
  const source = new Script({ reads: [0, 0, 1, null] });
  const chunks = await Array.fromAsync(connStreams(source).readable);
  assertEquals(chunks, [new Uint8Array([1])]);
  assertEquals(source.asked.length, 4);
});

Deno.test("readable fails with the error of the read", async () => {
  const source = new Script({ reads: [1, failure] });
  const reader = connStreams(source).readable.getReader();
  await reader.read();
  assertStrictEquals(await reader.read().catch((error) => error), failure);
  assertEquals(source.asked.includes("close"), false);
});

Deno.test("cancelling readable abandons the read that waits", async () => {
  const source = new Script();
  const reader = connStreams(source).readable.getReader();
  const waiting = reader.read();
  await settle(); // the stream has begun to read
  const reason = new Error("enough");
  await reader.cancel(reason);
  assertEquals((await waiting).done, true);
  assertStrictEquals(source.waits[0]?.signal?.reason, reason);
  assertEquals(source.asked, ["read 65536"]);
});

Deno.test("writable writes each chunk, and its close is closeWrite", async () => {
  const source = new Script();
  const writer = connStreams(source).writable.getWriter();
  await writer.write(new Uint8Array(3));
  await writer.write(new Uint8Array(4));
  await writer.close();
  assertEquals(source.asked, ["write 3", "write 4", "closeWrite"]);
});

Deno.test("writable fails with the error of the write", async () => {
  const source = new Script({ writes: [failure] });
  const writer = connStreams(source).writable.getWriter();
  const ended = writer.closed.catch((error) => error);
  assertStrictEquals(await writer.write(new Uint8Array(1)).catch((error) => error), failure);
  assertStrictEquals(await ended, failure);
});

Deno.test("closing writable fails when closeWrite does", async () => {
  const writer = connStreams(new Script({ writes: [failure] })).writable.getWriter();
  const ended = writer.closed.catch((error) => error);
  assertStrictEquals(await writer.close().catch((error) => error), failure);
  assertStrictEquals(await ended, failure);
});

Deno.test("aborting writable closes at once, though a write is stuck", async () => {
  const source = new Script();
  source.write = (p) => {
    source.asked.push(`write ${p.length}`);
    return new Promise(() => {});
  };
  const writer = connStreams(source).writable.getWriter();
  writer.closed.catch(() => {});
  writer.write(new Uint8Array(1)).catch(() => {});
  await settle();
  assertEquals(source.asked, ["write 1"]);
  writer.abort(new Error("enough")).catch(() => {});
  assertEquals(source.asked, ["write 1", "close"]);
});

const readableEnds: [string, Result[], (r: ReadableStream<Uint8Array>) => Promise<unknown>][] = [
  ["its end", [null], (readable) => Array.fromAsync(readable)],
  ["its error", [failure], (readable) => assertRejects(() => Array.fromAsync(readable))],
  ["being cancelled", [], (readable) => readable.cancel()],
];
const writableEnds: [string, Result[], (w: WritableStreamDefaultWriter) => Promise<unknown>][] = [
  ["its close", [], (writer) => writer.close()],
  ["its error", [failure], (writer) => assertRejects(() => writer.write(new Uint8Array(1)))],
];

for (const [readableHow, reads, endReadable] of readableEnds) {
  for (const [writableHow, writes, endWritable] of writableEnds) {
    Deno.test(`the connection closes after readable's ${readableHow} and writable's ${writableHow}`, async () => {
      for (const order of ["readable first", "writable first"]) {
        const source = new Script({ reads: [...reads], writes: [...writes] });
        const { readable, writable } = connStreams(source);
        const writer = writable.getWriter();
        writer.closed.catch(() => {});
        const ends = [() => endReadable(readable), () => endWritable(writer)];
        if (order === "writable first") ends.reverse();
        await ends[0]();
        assert(!source.asked.includes("close"), `${order}: still half open`);
        await ends[1]();
        assertEquals(source.asked.filter((what) => what === "close").length, 1, order);
      }
    });
  }
}
