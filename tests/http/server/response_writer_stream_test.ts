import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { ProtocolError } from "../../../http/errors.ts";
import { Output } from "../../../http/server/output.ts";
import { type BodyPlan, writeStream } from "../../../http/server/response_writer.ts";
import { settle } from "../../support/fake_clock.ts";
import { bytes } from "../../support/wire.ts";

/** An output, and all that was written to it. */
function sink() {
  const seen = { text: "", hold: undefined as Promise<void> | undefined };
  const output = new Output({
    async write(p) {
      await seen.hold;
      seen.text += new TextDecoder("latin1").decode(p);
      return p.length;
    },
  }, () => {});
  return { output, seen };
}

function streamOf(...chunks: unknown[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) {
        controller.enqueue((typeof chunk === "string" ? bytes(chunk) : chunk) as Uint8Array);
      }
      controller.close();
    },
  });
}

async function streamed(
  stream: ReadableStream<Uint8Array>,
  body: BodyPlan,
  length = -1,
  trailers?: () => readonly string[] | Promise<readonly string[]>,
): Promise<string> {
  const { output, seen } = sink();
  const plan = { body, length, keepAlive: true };
  try {
    await writeStream({ output, stream, plan, trailers, onStart() {} });
  } catch (error) {
    await output.drained();
    throw Object.assign(error as Error, { sent: seen.text });
  }
  await output.drained();
  return seen.text;
}

Deno.test("a stream in chunks ends with the last one, and leaves out the empty ones", async () => {
  assertEquals(
    await streamed(streamOf("a", "", "x".repeat(31)), "chunked"),
    `1\r\na\r\n1f\r\n${"x".repeat(31)}\r\n0\r\n\r\n`,
  );
  assertEquals(await streamed(streamOf(), "chunked"), "0\r\n\r\n");
});

Deno.test("a large chunk is whole, between small ones", async () => {
  const large = "x".repeat(100_000);
  assertEquals(
    await streamed(streamOf("a", large, "b"), "chunked"),
    `1\r\na\r\n${(100_000).toString(16)}\r\n${large}\r\n1\r\nb\r\n0\r\n\r\n`,
  );
});

Deno.test("trailers go behind the last chunk, made when the body has ended", async () => {
  let ended = false;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(bytes("a"));
      controller.close();
      ended = true;
    },
  }, { highWaterMark: 0 });
  const trailers = () => Promise.resolve(["x-ended", String(ended), "x-b", "\u00e9"]);
  assertEquals(
    await streamed(stream, "chunked", -1, trailers),
    "1\r\na\r\n0\r\nx-ended: true\r\nx-b: \u00e9\r\n\r\n",
  );
});

Deno.test("trailers that fail leave the body without its end", async () => {
  const failing = () => Promise.reject(new Error("no sum"));
  const error = await assertRejects(() => streamed(streamOf("a"), "chunked", -1, failing), Error);
  assertEquals([error.message, (error as Error & { sent: string }).sent], [
    "no sum",
    "1\r\na\r\n",
  ]);
});

Deno.test("a stream of known length, or up to the end, goes out bare", async () => {
  assertEquals(await streamed(streamOf("ab", "c"), "length", 3), "abc");
  assertEquals(await streamed(streamOf(), "length", 0), "");
  assertEquals(await streamed(streamOf("ab", "c"), "untilClose"), "abc");
});

Deno.test("a stream is held to its length: nothing beyond it is sent", async () => {
  let reason: unknown;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(bytes("ab")),
    cancel: (why) => void (reason = why),
  });
  const long = await assertRejects(() => streamed(endless, "length", 3), ProtocolError);
  assertEquals([long.code, (long as ProtocolError & { sent: string }).sent], [
    "ERR_HTTP_CONTENT_LENGTH",
    "ab",
  ]);
  assertStrictEquals(reason, long);
  const short = await assertRejects(() => streamed(streamOf("ab"), "length", 3), ProtocolError);
  assertMatch(short.message, /2 of the 3 bytes/);
});

Deno.test("a stream that fails, or gives something else than bytes, has no end", async () => {
  const failing = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error("no more")),
  });
  const error = await assertRejects(() => streamed(failing, "chunked"), Error, "no more");
  assertEquals((error as Error & { sent: string }).sent, "");
  for (const chunk of ["text".split(""), new ArrayBuffer(1), 1, undefined]) {
    const stream = streamOf("a", chunk);
    const wrong = await assertRejects(() => streamed(stream, "chunked"), TypeError, "Uint8Array");
    assertEquals((wrong as TypeError & { sent: string }).sent, "1\r\na\r\n");
  }
});

Deno.test("a stream is asked for no more than the connection takes", async () => {
  const { output, seen } = sink();
  const free = Promise.withResolvers<void>();
  seen.hold = free.promise;
  let given = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(6 * 1024));
      if (++given === 10) controller.close();
    },
  }, { highWaterMark: 0 });
  const plan = { body: "untilClose", length: -1, keepAlive: false } as const;
  const done = writeStream({ output, stream, plan, onStart() {} });
  await settle();
  assert(given <= 3, `${given} chunks were taken while nothing was written`);
  free.resolve();
  await done;
  await output.drained();
  assertEquals([given, seen.text.length], [10, 10 * 6 * 1024]);
});

Deno.test("a stream that waits is not waited for with what it has given", async () => {
  const { output, seen } = sink();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const plan = { body: "chunked", length: -1, keepAlive: true } as const;
  const done = writeStream({ output, stream: readable, plan, onStart() {} });
  await writer.write(bytes("a"));
  await settle();
  assertEquals(seen.text, "1\r\na\r\n");
  await writer.close();
  await done;
  await output.drained();
});

Deno.test("the way to end a stream early is there before its first chunk", async () => {
  const { output } = sink();
  let reason: unknown;
  const stream = new ReadableStream<Uint8Array>({ cancel: (why) => void (reason = why) });
  const plan = { body: "chunked", length: -1, keepAlive: true } as const;
  let cancel: ((reason: unknown) => void) | undefined;
  const done = writeStream({ output, stream, plan, onStart: (how) => cancel = how });
  const gone = new Error("gone");
  cancel!(gone);
  await done;
  assertStrictEquals(reason, gone);
});
