import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ClosedError, OpError } from "../../../net/errors.ts";
import { NativeUnixConn, socketpair } from "../../../net/native/unix.ts";
import {
  close,
  pipe2,
  read,
  send,
  SOCK_STREAM,
  socketpair as systemPair,
  write,
} from "../../../sys/mod.ts";
import {
  assertTimeout,
  encode,
  pass,
  readFull,
  readText,
  soon,
} from "../../support/conn_helpers.ts";
import { settle } from "../../support/fake_clock.ts";
import { assertNoFdLeak } from "./support.ts";

Deno.test("descriptors are passed, usable, and the sender's stay its own", async () => {
  await assertNoFdLeak(async () => {
    const [a, b] = socketpair();
    const [reader, writer] = pipe2();
    const [other, another] = pipe2();
    assertEquals(await a.sendFds(encode("take"), [reader, other]), 4);
    // The sender may close its own at once.
    close(reader);
    const p = new Uint8Array(16);
    const { n, fds, truncated } = await b.receiveFds(p);
    assertEquals([n, fds.length, truncated], [4, 2, false]);
    write(writer, encode("through"));
    assertEquals(read(fds[0], p), 7);
    for (const fd of [...fds, writer, other, another]) close(fd);
    a.close();
    b.close();
  });
});

Deno.test("a receive that waits gets descriptors, and bytes alone when there are none", async () => {
  const [a, b] = socketpair();
  const [reader, writer] = pipe2();
  const p = new Uint8Array(16);
  const waiting = b.receiveFds(p);
  await settle();
  await a.sendFds(encode("x"), [writer]);
  const { fds } = await waiting;
  assertEquals(fds.length, 1);
  await a.write(encode("plain"));
  assertEquals(await b.receiveFds(p), { n: 5, fds: [], truncated: false });
  a.close();
  assertEquals(await b.receiveFds(p), { n: null, fds: [], truncated: false });
  for (const fd of [reader, writer, ...fds]) close(fd);
  b.close();
});

for (const [what, first] of [["a receive", "receiveFds"], ["a read", "read"]] as const) {
  Deno.test(`${what} that gave up leaves descriptors to the next receive`, async () => {
    const [a, b] = socketpair();
    const [reader, writer] = pipe2();
    const p = new Uint8Array(16);
    await assertRejects(() => b[first](p, { timeout: soon }), OpError);
    await a.sendFds(encode("late"), [writer]);
    await pass(a, soon); // the parked read has taken it by then
    const { n, fds } = await b.receiveFds(p);
    assertEquals([n, fds.length], [4, 1]);
    for (const fd of [reader, writer, ...fds]) close(fd);
    a.close();
    b.close();
  });
}

Deno.test("descriptors that nobody takes are closed: by a plain read, and by close()", async () => {
  await assertNoFdLeak(async () => {
    const [reader, writer] = pipe2();
    const [a, b] = socketpair();
    await a.sendFds(encode("one"), [writer]);
    assertEquals(await readText(b), "one");
    // Parked, then taken by a plain read after all.
    await assertTimeout("read", b.read(new Uint8Array(8), { timeout: soon }));
    await a.sendFds(encode("two"), [writer]);
    await pass(a, soon);
    assertEquals(await readText(b), "two");
    await a.write(encode("plain"));
    assertEquals((await b.receiveFds(new Uint8Array(8))).fds, []);
    await assertTimeout("read", b.read(new Uint8Array(8), { timeout: soon }));
    await a.sendFds(encode("three"), [writer, reader]);
    await pass(a, soon);
    a.close();
    b.close();
    close(writer);
    // Nobody else holds the writing end: the pipe has ended.
    assertEquals(read(reader, new Uint8Array(1)), 0);
    close(reader);
  });
});

Deno.test("sendFds() goes after the write before it, under both deadlines", async () => {
  await assertNoFdLeak(async () => {
    const [reader, writer] = pipe2();
    const [a, b] = socketpair();
    const big = new Uint8Array(1 << 20).fill(1);
    const writing = a.write(big);
    await assertTimeout("write", a.sendFds(encode("!"), [writer], { timeout: soon }));
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await a.sendFds(encode("!"), [writer], { signal }).catch((e) => e), reason);
    const sending = a.sendFds(encode("last"), [writer]);
    close(writer);
    assertEquals((await readFull(b, big.length)).every((byte) => byte === 1), true);
    const p = new Uint8Array(16);
    const { n, fds } = await b.receiveFds(p);
    assertEquals([n, fds.length], [4, 1]);
    assertEquals([await writing, await sending], [big.length, 4]);
    for (const fd of [reader, ...fds]) close(fd);
    a.close();
    b.close();
  });
});

Deno.test("the write deadline ends a sendFds() that waits for its turn", async () => {
  const [a, b] = socketpair();
  const stuck = a.write(new Uint8Array(1 << 20)).catch(() => {});
  const sending = assertTimeout("write", a.sendFds(encode("!"), [0]));
  a.setWriteDeadline(Date.now() + soon);
  await sending;
  await stuck;
  a.close();
  b.close();
});

/** A connection whose socket is full, so that a send waits in the poller, and its peer. */
function fullPair(): [NativeUnixConn, NativeUnixConn, filled: number] {
  const unnamed = { family: "unix", path: "" } as const;
  const [x, y] = systemPair(SOCK_STREAM);
  let filled = 0;
  for (let n: number | null = 0; n !== null; filled += n ?? 0) n = send(x, new Uint8Array(4096));
  return [new NativeUnixConn(x, unnamed), new NativeUnixConn(y, unnamed), filled];
}

Deno.test("a sendFds() into a full socket gives up in time, and leaves no descriptor", async () => {
  await assertNoFdLeak(async () => {
    const [a, b] = fullPair();
    const [reader, writer] = pipe2();
    await assertTimeout("write", a.sendFds(encode("never"), [writer], { timeout: soon }));
    for (const fd of [reader, writer]) close(fd);
    a.close();
    b.close();
  });
});

Deno.test("what a sendFds() that gave up has begun is sent, with copies of what it was given", async () => {
  await assertNoFdLeak(async () => {
    const [a, b, filled] = fullPair();
    const [reader, writer] = pipe2();
    const error = await assertTimeout(
      "write",
      a.sendFds(encode("fds"), [writer], { timeout: soon }),
    );
    assertEquals(error.bytesWritten, 3);
    close(writer);
    await readFull(b, filled);
    const { n, fds } = await b.receiveFds(new Uint8Array(8));
    assertEquals([n, fds.length], [3, 1]);
    write(fds[0], encode("alive"));
    assertEquals(read(reader, new Uint8Array(8)), 5);
    for (const fd of [reader, ...fds]) close(fd);
    a.close();
    b.close();
  });
});

Deno.test("sendFds() refuses what cannot be sent, and the connection goes on", async () => {
  await assertNoFdLeak(async () => {
    const [a, b] = socketpair();
    await assertRejects(() => a.sendFds(new Uint8Array(0), [0]), RangeError);
    await assertRejects(() => a.sendFds(encode("x"), new Array(254).fill(0)), RangeError);
    const error = await assertRejects(() => a.sendFds(encode("x"), [999_999]), OpError);
    assertEquals(error.code, "EBADF");
    await a.sendFds(encode("fine"), []);
    assertEquals(await readText(b), "fine");
    b.close();
    a.close();
    await assertRejects(() => a.sendFds(encode("x"), [0]), ClosedError);
    await assertRejects(() => a.receiveFds(new Uint8Array(1)), ClosedError);
  });
});
