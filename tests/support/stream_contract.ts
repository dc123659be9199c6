/** The part of the contract of a `Conn` that only streams of bytes have. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import type { Conn } from "../../net/conn.ts";
import { ClosedError, OpError } from "../../net/errors.ts";
import {
  assertBytes,
  assertTimeout,
  countedSignal,
  encode,
  kib,
  mib,
  pattern,
  readFull,
  readText,
  soon,
} from "./conn_helpers.ts";
import { settle } from "./fake_clock.ts";

/**
 * Registers what holds for streams of bytes.
 *
 * @param test Registers one test, with a fresh pair.
 * @param buffered Whether a write may succeed before anybody reads.
 */
export function streamContract(
  test: (what: string, body: (a: Conn, b: Conn) => Promise<void>) => void,
  buffered: boolean,
): void {
  let data: Uint8Array | undefined;
  /** More than every buffer between the ends can take: receive buffers grow to 32 MiB. */
  const tooMuch = () => data ??= pattern(buffered ? 64 * mib : 256 * kib);

  test("a read takes what fits, and leaves the rest to the next", async (a, b) => {
    const writing = a.write(encode("abcdef"));
    assertEquals(await readFull(b, 2), encode("ab"));
    assertEquals(await readFull(b, 4), encode("cdef"));
    assertEquals(await writing, 6);
  });

  test("an empty read gives 0 at once", async (a) => {
    assertEquals(await a.read(new Uint8Array(0)), 0);
  });

  test("an empty write gives 0, and the reader sees nothing of it", async (a, b) => {
    assertEquals(await a.write(new Uint8Array(0)), 0);
    const [, text] = await Promise.all([a.write(encode("x")), readText(b)]);
    assertEquals(text, "x");
  });

  test("write() writes everything", async (a, b) => {
    const data = pattern(mib);
    const [n, got] = await Promise.all([a.write(data), readFull(b, mib)]);
    assertEquals(n, mib);
    assertBytes(got, data);
  });

  test("reading and writing at once do not disturb each other", async (a, b) => {
    const data = pattern(mib);
    const [, , gotA, gotB] = await Promise.all([
      a.write(data),
      b.write(data),
      readFull(a, mib),
      readFull(b, mib),
    ]);
    assertBytes(gotA, data);
    assertBytes(gotB, data);
  });

  test("several writes at once arrive in order, whole", async (a, b) => {
    const parts = [1, 2, 3, 4, 5].map((fill) => new Uint8Array(100_000 + fill).fill(fill));
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const [got] = await Promise.all([readFull(b, length), ...parts.map((part) => a.write(part))]);
    for (let at = 0; parts.length > 0;) {
      const part = parts.shift()!;
      assertBytes(got.subarray(at, at += part.length), part);
    }
  });

  test("after closeWrite() the peer reads the end, each time it asks", async (a, b) => {
    const [text] = await Promise.all([readText(b), a.write(encode("last"))]);
    assertEquals(text, "last");
    await a.closeWrite();
    assertEquals(await b.read(new Uint8Array(8)), null);
    assertEquals(await b.read(new Uint8Array(8)), null);
  });

  test("closeWrite() ends a read that waits", async (a, b) => {
    const waiting = b.read(new Uint8Array(8));
    await a.closeWrite();
    assertEquals(await waiting, null);
  });

  test("the peer's close() ends a read that waits", async (a, b) => {
    const waiting = a.read(new Uint8Array(8));
    b.close();
    assertEquals(await waiting, null);
  });

  test("closeWrite() leaves the other direction open", async (a, b) => {
    await a.closeWrite();
    assertEquals(await readText(b), null);
    const [, text] = await Promise.all([b.write(encode("answer")), readText(a)]);
    assertEquals(text, "answer");
    await assertRejects(() => a.write(encode("more")), OpError);
  });

  test("closeWrite() waits for the writes before it", async (a, b) => {
    const data = tooMuch();
    const writing = a.write(data);
    const closing = a.closeWrite();
    assertBytes(await readFull(b, data.length), data);
    assertEquals(await b.read(new Uint8Array(1)), null);
    assertEquals(await writing, data.length);
    await closing;
  });

  test("after the peer's close() reads give the end and writes fail", async (a, b) => {
    b.close();
    assertEquals(await readText(a), null);
    assertEquals(await readText(a), null);
    const error = await assertRejects(async () => {
      // A socket learns of it by the answer to its first write.
      do await a.write(encode("anyone?")); while (buffered);
    }, OpError);
    assertEquals(error instanceof ClosedError, false);
    if (!buffered) assertEquals(error.code, "EPIPE");
  });

  test("close() ends a write that is stuck, and a read, with ClosedError", async (a) => {
    const writing = assertRejects(() => a.write(tooMuch()), ClosedError);
    const behind = assertRejects(() => a.write(encode("queued")), ClosedError);
    const reading = assertRejects(() => a.read(new Uint8Array(8)), ClosedError);
    a.close();
    await Promise.all([writing, behind, reading]);
    await assertRejects(() => a.closeWrite(), ClosedError);
  });

  const cuts: [string, (conn: Conn, data: Uint8Array) => Promise<number>][] = [
    ["deadline set before", (conn, data) => {
      conn.setWriteDeadline(Date.now() + soon);
      return conn.write(data);
    }],
    ["deadline set while it waits", (conn, data) => {
      const writing = conn.write(data);
      conn.setWriteDeadline(Date.now() + soon);
      return writing;
    }],
    ["own timeout", (conn, data) => conn.write(data, { timeout: soon })],
  ];
  for (const [how, write] of cuts) {
    test(`a write cut short (${how}) can go on, and nothing is lost or repeated`, async (a, b) => {
      const data = tooMuch();
      const cut = assertTimeout("write", write(a, data));
      const head = await readFull(b, 1_000);
      const written = (await cut).bytesWritten!;
      // A socket may have taken the whole array; it then sees to it that it arrives.
      assert(written >= 1_000 && written <= data.length, `bytesWritten is ${written}`);
      if (!buffered) assertEquals(written, 1_000);
      a.setWriteDeadline(null);
      const [rest] = await Promise.all([
        readFull(b, data.length - 1_000),
        a.write(data.subarray(written)),
      ]);
      assertBytes(head, data.subarray(0, 1_000));
      assertBytes(rest, data.subarray(1_000));
      await a.closeWrite();
      assertEquals(await b.read(new Uint8Array(1)), null);
    });
  }

  test("a stuck write's signal ends it with its reason, and is let go", async (a) => {
    const { controller, signal, listeners } = countedSignal();
    const reason = new Error("enough");
    const caught = a.write(tooMuch(), { signal }).catch((error) => error);
    controller.abort(reason);
    assertStrictEquals(await caught, reason);
    assertEquals(listeners(), 0);
  });

  test("a write that gives up leaves its place to the next", async (a, b) => {
    const data = tooMuch();
    const first = a.write(data);
    const given = assertTimeout("write", a.write(encode("never"), { timeout: soon }));
    const third = a.write(encode("third"));
    await given;
    assertBytes(await readFull(b, data.length), data);
    assertEquals(await readFull(b, 5), encode("third"));
    assertEquals([await first, await third], [data.length, 5]);
  });

  test("readable and writable carry everything, and end the connection", async (a, b) => {
    const data = pattern(mib);
    const echo = b.readable.pipeTo(b.writable);
    const sent = new Blob([data]).stream().pipeTo(a.writable);
    const got = new Uint8Array(await new Response(a.readable).arrayBuffer());
    await Promise.all([sent, echo]);
    assertBytes(got, data);
    await assertRejects(() => a.read(new Uint8Array(1)), ClosedError);
    await assertRejects(() => b.read(new Uint8Array(1)), ClosedError);
  });

  test("iterating readable ends with the data, and leaves writing open", async (a, b) => {
    const writing = a.write(encode("some")).then(() => a.closeWrite());
    let text = "";
    for await (const chunk of b.readable) text += new TextDecoder().decode(chunk);
    await writing;
    assertEquals(text, "some");
    const [, answer] = await Promise.all([b.write(encode("answer")), readText(a)]);
    assertEquals(answer, "answer");
  });

  test("readable fills a reader's own array", async (a, b) => {
    const reader = b.readable.getReader({ mode: "byob" });
    const [, result] = await Promise.all([a.write(encode("abc")), reader.read(new Uint8Array(8))]);
    assertEquals(new TextDecoder().decode(result.value), "abc");
    const end = reader.read(new Uint8Array(8));
    await a.closeWrite();
    assertEquals((await end).done, true);
  });

  test("cancelling readable stops reading, and loses nothing", async (a, b) => {
    const reader = a.readable.getReader();
    const waiting = reader.read();
    await settle(); // the stream has begun to read
    await reader.cancel();
    assertEquals((await waiting).done, true);
    reader.releaseLock();
    const [, text] = await Promise.all([b.write(encode("kept")), readText(a)]);
    assertEquals(text, "kept");
  });

  test("read() and readable may take turns", async (a, b) => {
    const reader = b.readable.getReader();
    const [{ value }] = await Promise.all([reader.read(), a.write(encode("1"))]);
    assertEquals(new TextDecoder().decode(value), "1");
    const [text] = await Promise.all([readText(b), a.write(encode("2"))]);
    assertEquals(text, "2");
    const [last] = await Promise.all([reader.read(), a.write(encode("3"))]);
    assertEquals(new TextDecoder().decode(last.value), "3");
  });

  test("aborting writable closes at once, even while a write is stuck", async (a) => {
    const writer = a.writable.getWriter();
    const stuck = assertRejects(() => writer.write(tooMuch()));
    const ended = assertRejects(() => writer.closed);
    await settle(); // the write has begun
    await writer.abort(new Error("enough"));
    await Promise.all([stuck, ended]);
    await assertRejects(() => a.read(new Uint8Array(1)), ClosedError);
  });

  test("a failed read is the error of readable", async (a) => {
    a.setReadDeadline(Date.now() + soon);
    const reader = a.readable.getReader();
    const error = await assertRejects(() => reader.read(), OpError);
    assert(isTimeout(error));
    assertInstanceOf(await reader.closed.catch((e) => e), OpError);
  });
}
