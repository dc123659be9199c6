import { assertEquals, assertRejects } from "@std/assert";
import { Output } from "../../../http/server/output.ts";

/** Takes writes, `most` bytes at a time, when told to. */
class FakeSink {
  readonly writes: string[] = [];
  most = Infinity;
  #pending: PromiseWithResolvers<number> | undefined;
  #length = 0;

  write(p: Uint8Array): Promise<number> {
    if (this.#pending !== undefined) throw new Error("two writes at once");
    this.#length = Math.min(p.length, this.most);
    this.writes.push(new TextDecoder("latin1").decode(p.subarray(0, this.#length)));
    this.#pending = Promise.withResolvers();
    return this.#pending.promise;
  }

  async done(): Promise<void> {
    const pending = this.#pending!;
    this.#pending = undefined;
    pending.resolve(this.#length);
    await pending.promise;
    await Promise.resolve();
  }

  async fail(error: Error): Promise<void> {
    const pending = this.#pending!;
    this.#pending = undefined;
    pending.reject(error);
    await pending.promise.catch(() => {});
    await Promise.resolve();
  }
}

function setUp() {
  const sink = new FakeSink();
  const failures: unknown[] = [];
  const output = new Output(sink, (error) => failures.push(error));
  return { sink, output, failures };
}

Deno.test("an output writes what was put in as one", async () => {
  const { sink, output } = setUp();
  output.ascii("head ");
  output.text("caf\u00e9 ", "latin1");
  output.text("\u00e9", "utf8");
  output.bytes(new Uint8Array([0x21]));
  assertEquals(sink.writes, []);
  output.flush();
  assertEquals(sink.writes, ["head caf\u00e9 \u00c3\u00a9!"]);
  assertEquals(output.pending, 13);
  await sink.done();
  assertEquals(output.pending, 0);
});

Deno.test("an output has one write under way, and gathers for the next", async () => {
  const { sink, output } = setUp();
  output.ascii("a");
  output.flush();
  output.ascii("b");
  output.flush();
  output.ascii("c");
  assertEquals(sink.writes, ["a"]);
  await sink.done();
  assertEquals(sink.writes, ["a", "bc"]);
  await sink.done();
});

Deno.test("an output goes on behind what a write has taken", async () => {
  const { sink, output } = setUp();
  sink.most = 2;
  output.ascii("abcde");
  const drained = output.drained();
  for (let i = 0; i < 3; i++) await sink.done();
  await drained;
  assertEquals(sink.writes, ["ab", "cd", "e"]);
});

Deno.test("an output keeps the order of small and large pieces", async () => {
  const { sink, output } = setUp();
  const large = "x".repeat(100_000);
  output.ascii("1");
  output.bytes(new TextEncoder().encode(large));
  output.ascii("2");
  output.ascii(large);
  for (let i = 0; i < 100; i++) output.ascii("y".repeat(1000));
  output.text(large, "utf8");
  output.ascii("3");
  const drained = output.drained();
  while (output.pending > 0) await sink.done();
  await drained;
  assertEquals(sink.writes.join(""), `1${large}2${large}${"y".repeat(100_000)}${large}3`);
});

Deno.test("flushSoon() lets what follows in the same turn go along", async () => {
  const { sink, output } = setUp();
  output.ascii("a");
  output.flushSoon(3);
  await Promise.resolve();
  output.ascii("b");
  assertEquals(sink.writes, []);
  for (let i = 0; i < 3; i++) await Promise.resolve();
  assertEquals(sink.writes, ["ab"]);
  await sink.done();
});

Deno.test("a failed write is told once, and ends every wait", async () => {
  const { sink, output, failures } = setUp();
  output.ascii("a");
  const drained = output.drained();
  const rejected = assertRejects(() => drained, Error, "broken");
  await sink.fail(new Error("broken"));
  await rejected;
  output.ascii("b");
  output.flush();
  await assertRejects(() => output.drained(), Error, "broken");
  assertEquals([sink.writes, output.pending, failures.length], [["a"], 0, 1]);
});

Deno.test("a buffer that was written is not changed by what another output gathers", async () => {
  const one = setUp();
  one.output.ascii("first");
  one.output.flush();
  const two = setUp();
  two.output.ascii("second");
  two.output.flush();
  await one.sink.done();
  await two.sink.done();
  assertEquals([one.sink.writes, two.sink.writes], [["first"], ["second"]]);
});
