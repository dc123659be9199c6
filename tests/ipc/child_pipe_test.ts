import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { InputPipe, OutputPipe } from "../../ipc/child_pipe.ts";
import { outcome, settle } from "../support/fake_clock.ts";
import { decode, encode } from "./command_helpers.ts";

/** What a program writes, and whether it was told that nobody reads. */
function program(...parts: string[]) {
  const seen = { cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of parts) controller.enqueue(encode(part));
    },
    cancel: () => void (seen.cancelled = true),
  });
  return { stream, seen };
}

Deno.test("OutputPipe gives a reader who came first what the program writes later", async () => {
  const pipe = new OutputPipe();
  const reader = pipe.readable.getReader();
  const first = reader.read();
  pipe.attach(program("hello").stream);
  assertEquals(decode((await first).value!), "hello");
  await reader.cancel();
});

Deno.test("OutputPipe cancelled before the start closes the program's pipe", async () => {
  const pipe = new OutputPipe();
  await pipe.readable.cancel();
  const { stream, seen } = program();
  pipe.attach(stream);
  await settle();
  assertEquals(seen.cancelled, true);
  await pipe.rest(Promise.resolve()).done;
});

Deno.test("OutputPipe that nobody reads is closed when the program is gone", async () => {
  const pipe = new OutputPipe();
  const { stream, seen } = program("unread");
  pipe.attach(stream);
  const gone = Promise.withResolvers<void>();
  const { done } = pipe.rest(gone.promise);
  await settle();
  assertEquals(seen.cancelled, false);
  gone.resolve();
  await done;
  await settle();
  assertEquals(seen.cancelled, true);
});

Deno.test("OutputPipe that is being read is left to its reader, unless it is stopped", async () => {
  const pipe = new OutputPipe();
  const { stream, seen } = program();
  pipe.attach(stream);
  const byob = pipe.readable.getReader({ mode: "byob" });
  const read = byob.read(new Uint8Array(8));
  const rest = pipe.rest(Promise.resolve());
  const done = outcome(rest.done);
  await settle();
  assertEquals([done, seen.cancelled], [{}, false]);
  rest.stop();
  assertEquals((await read).done, true);
  await settle();
  assertEquals(["value" in done, seen.cancelled], [true, true]);
});

Deno.test("OutputPipe and InputPipe of a program that never starts fail with its error", async () => {
  const error = new Error("no program");
  const output = new OutputPipe();
  const read = output.readable.getReader().read();
  output.fail(error);
  assertStrictEquals(await assertRejects(() => read), error);
  const input = new InputPipe();
  const write = input.writable.getWriter().write(encode("x"));
  input.fail(error);
  assertStrictEquals(await assertRejects(() => write), error);
});

Deno.test("InputPipe passes on writes that came before the start, and the end", async () => {
  const pipe = new InputPipe();
  const writer = pipe.writable.getWriter();
  const written = writer.write(encode("a"));
  const closed = writer.close();
  let text = "";
  const program = new WritableStream<Uint8Array>({
    write: (chunk) => void (text += decode(chunk)),
    close: () => void (text += "."),
  });
  pipe.attach(program);
  await Promise.all([written, closed]);
  assertEquals(text, "a.");
});

Deno.test("InputPipe that is aborted lets go of the program at once, even mid-write", async () => {
  const pipe = new InputPipe();
  let aborted = false;
  pipe.attach(
    new WritableStream({
      start: ({ signal }) => signal.addEventListener("abort", () => aborted = true),
      write: () => new Promise(() => {}),
    }),
  );
  const writer = pipe.writable.getWriter();
  writer.write(encode("stuck")).catch(() => {});
  writer.closed.catch(() => {});
  await settle();
  writer.abort().catch(() => {});
  await settle();
  assertEquals(aborted, true);
});
