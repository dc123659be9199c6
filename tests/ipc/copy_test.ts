import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, drain, drainTo, feed } from "../../ipc/copy.ts";
import { outcome, settle } from "../support/fake_clock.ts";
import { decode, encode } from "./command_helpers.ts";

/** A stream that gives its parts, then ends, or stays open. */
function source(parts: string[], { open = false } = {}) {
  const seen = { pulled: 0, cancelled: undefined as unknown };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      seen.pulled++;
      const part = parts.shift();
      if (part !== undefined) controller.enqueue(encode(part));
      else if (!open) controller.close();
      else return new Promise(() => {});
    },
    cancel(reason) {
      seen.cancelled = reason ?? "cancelled";
    },
  }, { highWaterMark: 0 });
  return { stream, seen };
}

/** A sink that notes what it gets, and fails with an error if it has one. */
function sink(error?: () => Error | undefined) {
  const seen = { text: "", closed: false, aborted: undefined as unknown };
  const stream = new WritableStream<Uint8Array>({
    write(chunk) {
      const wrong = error?.();
      if (wrong !== undefined) throw wrong;
      seen.text += decode(chunk);
    },
    close: () => void (seen.closed = true),
    abort: (reason) => void (seen.aborted = reason ?? "aborted"),
  });
  return { stream, seen };
}

const brokenPipe = () => new Deno.errors.BrokenPipe("broken pipe");

Deno.test("drain() reads the next chunk when the last was taken", async () => {
  const { stream, seen } = source(["a", "b"]);
  const gate = Promise.withResolvers<void>();
  const got: string[] = [];
  const { done } = drain(stream, (chunk) => {
    got.push(decode(chunk));
    return gate.promise;
  });
  await settle();
  assertEquals([got, seen.pulled], [["a"], 1]);
  gate.resolve();
  await done;
  assertEquals(got, ["a", "b"]);
});

Deno.test("drain() reads little at first, and more where there is more", async () => {
  const asked: number[] = [];
  const fill = [10, Infinity, Infinity, Infinity, Infinity, 1];
  const source: UnderlyingByteSource = {
    type: "bytes",
    autoAllocateChunkSize: 1 << 20,
    pull(controller) {
      const { view } = controller.byobRequest!;
      asked.push(view!.byteLength);
      const n = Math.min(fill.shift() ?? 0, view!.byteLength);
      if (n === 0) controller.close();
      controller.byobRequest!.respond(n);
    },
  };
  const stream = new ReadableStream(source);
  const chunks: Uint8Array[] = [];
  await drain(stream, (chunk) => void chunks.push(chunk)).done;
  const kib = 1024;
  assertEquals(asked, [1, 1, 4, 16, 64, 64, 64].map((n) => n * kib));
  assertEquals(chunks.map(({ length }) => length), [10, kib, 4 * kib, 16 * kib, 64 * kib, 1]);
  assertEquals(new Set(chunks.map(({ buffer }) => buffer)).size, 6); // theirs to keep
});

Deno.test("drain() cancels what it cannot deliver, and says why", async () => {
  const { stream, seen } = source(["a"], { open: true });
  const error = new Error("full");
  const { done } = drain(stream, () => {
    throw error;
  });
  assertStrictEquals(await assertRejects(() => done), error);
  assertEquals(seen.cancelled, "cancelled");
});

Deno.test("drain() that is stopped lets go of the stream and does not fail", async () => {
  const { stream, seen } = source([], { open: true });
  const copy = drain(stream, () => {});
  await settle();
  copy.stop();
  await copy.done;
  assertEquals(seen.cancelled, "cancelled");
});

Deno.test("drainTo() closes the sink at the end, and aborts it on a failure", async () => {
  const good = sink();
  await drainTo(source(["a", "b"]).stream, good.stream).done;
  assertEquals(good.seen, { text: "ab", closed: true, aborted: undefined });
  assertEquals(good.stream.locked, false);
  const error = new Error("disk full");
  const bad = sink(() => error);
  const { stream, seen } = source(["a"], { open: true });
  assertStrictEquals(await assertRejects(() => drainTo(stream, bad.stream).done), error);
  assertEquals(seen.cancelled, "cancelled");
});

Deno.test("connect() ends the writer when the reader is gone, without an error", async () => {
  const { stream, seen } = source(["a", "b"], { open: true });
  const broken = sink(brokenPipe);
  await connect(stream, broken.stream).done;
  assertEquals(seen.cancelled, "cancelled");
  const whole = sink();
  await connect(source(["a", "b"]).stream, whole.stream).done;
  assertEquals([whole.seen.text, whole.seen.closed], ["ab", true]);
});

Deno.test("feed() writes texts, bytes, streams and readers, and closes the input", async () => {
  const parts = ["a", "b"];
  const reader = {
    read(p: Uint8Array) {
      const part = parts.shift();
      if (part === undefined) return Promise.resolve(null);
      p.set(encode(part));
      return Promise.resolve(part.length);
    },
  };
  for (const from of ["ab", encode("ab"), source(["a", "b"]).stream, reader]) {
    const { stream, seen } = sink();
    await feed(stream, from).done;
    await settle();
    assertEquals(seen, { text: "ab", closed: true, aborted: undefined });
  }
});

Deno.test("feed() takes a program that stops reading for no failure, and cancels", async () => {
  const { stream, seen } = source(["a"], { open: true });
  await feed(sink(brokenPipe).stream, stream).done;
  assertEquals(seen.cancelled instanceof Deno.errors.BrokenPipe, true);
});

Deno.test("feed() passes on that the source has failed, and closes the input", async () => {
  const error = new Error("no more");
  const { stream, seen } = sink();
  const from = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(error) });
  assertStrictEquals(await assertRejects(() => feed(stream, from).done), error);
  await settle();
  assertEquals(seen.closed, true);
});

Deno.test("feed() refuses a count of bytes that is none", async () => {
  for (const n of [undefined, -1, 1.5, 1e9, "5"]) {
    const { stream, seen } = sink();
    const read = () => Promise.resolve(n as number);
    const error = await assertRejects(() => feed(stream, { read }).done, TypeError);
    assertEquals(error.message.startsWith("read() of stdin must give"), true);
    assertEquals([seen.text, seen.closed], ["", true]);
  }
});

Deno.test("feed() that is stopped cancels its source while that has nothing to give", async () => {
  const { stream, seen } = source([], { open: true });
  const copy = feed(sink().stream, stream);
  const done = outcome(copy.done);
  await settle();
  copy.stop();
  await settle();
  assertEquals([seen.cancelled, "value" in done], ["cancelled", true]);
});
