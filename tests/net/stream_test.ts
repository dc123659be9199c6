import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { netAddress, unixAddress } from "../../net/address.ts";
import type { Address, Conn } from "../../net/conn.ts";
import { dial } from "../../net/dialer.ts";
import { ClosedError, OpError } from "../../net/errors.ts";
import { listen } from "../../net/listener.ts";
import { pipe } from "../../net/pipe.ts";
import { type ByteStream, StreamConn } from "../../net/stream.ts";
import { assertBytes, assertTimeout, encode, kib, pattern } from "../support/conn_helpers.ts";
import { settle } from "../support/fake_clock.ts";
import { FakeSink, FakeSource } from "../support/fake_stream.ts";

/** A stream that notes what is done to it. */
class FakeStream implements ByteStream {
  readonly source = new FakeSource();
  readonly sink = new FakeSink();
  readonly log: string[] = [];
  read = (p: Uint8Array) => this.source.read(p);
  write = (p: Uint8Array) => this.sink.write(p);
  closeWrite = () => this.sink.closeWrite();
  close = () => void this.log.push("close");
  ref = () => void this.log.push("ref");
  unref = () => void this.log.push("unref");
}

const ends = (): [Address, Address] => [netAddress("tcp", "::1", 1), netAddress("tcp", "::1", 2)];

function fakeConn(addresses: () => [Address, Address] = ends) {
  const stream = new FakeStream();
  return { stream, conn: new StreamConn(stream, "tcp", addresses) };
}

/** A read that begins, waits, and gives up at once. */
async function giveUp(conn: Conn, p: Uint8Array): Promise<void> {
  const cut = assertTimeout("read", conn.read(p));
  conn.setReadDeadline(1);
  await cut;
  conn.setReadDeadline(null);
}

/**
 * Carries 64 KiB, with a read at every `step`-th offset that finds nothing and times out before
 * `send` brings more; each read asks for another length.
 */
async function throughDeadlines(
  conn: Conn,
  step: number,
  send: (piece: Uint8Array) => Promise<unknown>,
): Promise<void> {
  const data = pattern(64 * kib);
  const got = new Uint8Array(data.length);
  const spoiled = new Uint8Array(step + 3);
  for (let at = 0; at < data.length;) {
    spoiled.fill(0xee);
    await giveUp(conn, spoiled.subarray(0, 1 + at % spoiled.length));
    const sending = send(data.subarray(at, at + step));
    const end = Math.min(at + step, data.length);
    while (at < end) {
      // At times there is room for more than will come.
      const n = await conn.read(at % 3 === 0 ? got.subarray(at) : got.subarray(at, end));
      assert(n !== null && n > 0 && at + n <= end, `${n} bytes at offset ${at} of ${end}`);
      at += n;
    }
    await sending;
    assert(spoiled.every((byte) => byte === 0xee), `written to, late, before offset ${at}`);
  }
  assertBytes(got, data);
}

Deno.test("a deadline passing at each of 65,536 offsets loses and repeats nothing", async () => {
  const { stream, conn } = fakeConn();
  await throughDeadlines(conn, 1, (piece) => stream.source.give(piece));
  conn.close();
});

const places: [what: string, network: "tcp" | "unix", address: string, step: number][] = [
  ["TCP", "tcp", "127.0.0.1:0", 1],
  ["TCP over IPv6", "tcp", "[::1]:0", 1_021],
  ["a Unix socket", "unix", "socket", 1],
];
for (const [what, network, name, step] of places) {
  const where = step === 1 ? "each offset" : `every ${step}th offset`;
  Deno.test(`over ${what}, a deadline passing at ${where} of 64 KiB loses and repeats nothing`, async () => {
    const dir = await Deno.makeTempDir();
    try {
      using listener = listen(network, network === "unix" ? `${dir}/${name}` : name);
      using peer = await dial(network, listener.addr.toString());
      using conn = await listener.accept();
      await throughDeadlines(conn, step, (piece) => peer.write(piece));
      await peer.closeWrite();
      assertEquals(await conn.read(new Uint8Array(1)), null);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

Deno.test("StreamConn makes its addresses once, when they are asked for", () => {
  let made = 0;
  const { conn } = fakeConn(() => (made++, ends()));
  assertEquals(made, 0);
  assertEquals([String(conn.localAddr), String(conn.remoteAddr)], ["[::1]:1", "[::1]:2"]);
  assertStrictEquals(conn.localAddr, conn.localAddr);
  assertEquals(made, 1);
});

Deno.test("StreamConn's errors name both ends, and leave out one without a name", async () => {
  const { stream, conn } = fakeConn();
  const reading = assertRejects(() => conn.read(new Uint8Array(1)), OpError);
  await stream.source.fail(Object.assign(new Error("gone"), { code: "ECONNRESET" }));
  assertEquals(
    (await reading).message,
    'read tcp "[::1]:1" -> "[::1]:2": connection reset by peer',
  );

  const unnamed = () => [unixAddress("unix", ""), unixAddress("unix", "@x")] as [Address, Address];
  const other = new StreamConn(new FakeStream(), "unix", unnamed);
  const error = await assertRejects(
    () => other.write(new Uint8Array(1), { timeout: -1 }),
    OpError,
  );
  assertEquals(error.message, 'write unix "@x": timed out');
  assertEquals([error.source, error.addr, error.bytesWritten], [undefined, "@x", 0]);
});

Deno.test("StreamConn.close() closes the engine's stream once, after which deadlines are refused", async () => {
  const { stream, conn } = fakeConn();
  conn.close();
  conn[Symbol.dispose]();
  conn.ref();
  conn.unref();
  assertEquals(stream.log, ["close"]);
  for (const set of ["setDeadline", "setReadDeadline", "setWriteDeadline"] as const) {
    assertThrows(() => conn[set](null), ClosedError, "use of closed connection");
  }
  await assertRejects(() => conn.closeWrite(), ClosedError);
});

Deno.test("StreamConn keeps the process from waiting for a parked read, and only for that", async () => {
  const { stream, conn } = fakeConn();
  const p = new Uint8Array(4);
  await giveUp(conn, p);
  assertEquals(stream.log, ["unref"]);
  const next = conn.read(p);
  assertEquals(stream.log, ["unref", "ref"]);
  await stream.source.give("data");
  assertEquals([await next, stream.log.length], [4, 2]);
  await giveUp(conn, p);
  await stream.source.give("late");
  assertEquals(stream.log.slice(2), ["unref", "ref"]);
});

Deno.test("StreamConn.unref() holds whatever is parked meanwhile, until ref()", async () => {
  const { stream, conn } = fakeConn();
  const p = new Uint8Array(4);
  conn.unref();
  await giveUp(conn, p);
  const next = conn.read(p);
  await stream.source.give("data");
  await next;
  assertEquals(stream.log, ["unref"]);
  conn.ref();
  assertEquals(stream.log, ["unref", "ref"]);
  await giveUp(conn, p);
  conn.unref();
  conn.ref(); // not while a read is parked
  assertEquals(stream.log.slice(2), ["unref", "unref"]);
  const last = conn.read(p);
  assertEquals(stream.log.at(-1), "ref");
  await stream.source.give("last");
  assertEquals(await last, 4);
});

Deno.test("StreamConn.setDeadline() is felt by a read and a write under way", async () => {
  const { stream, conn } = fakeConn();
  const reading = assertTimeout("read", conn.read(new Uint8Array(4)));
  const writing = assertTimeout("write", conn.write(encode("taken")));
  conn.setDeadline(Date.now() - 1);
  await reading;
  assertEquals((await writing).bytesWritten, 5);
  conn.setDeadline(null);
  assertEquals([stream.source.pending, stream.sink.pending], [1, 1]);
  conn.close();
});

Deno.test("StreamConn refuses what is no deadline", () => {
  const { conn } = fakeConn();
  assertThrows(() => conn.setDeadline("soon" as unknown as number), TypeError, '"soon"');
  assertThrows(() => conn.setReadDeadline(NaN), RangeError, "NaN");
  assertThrows(() => conn.setWriteDeadline(new Date(NaN)), RangeError, "NaN");
});

Deno.test("StreamConn makes its web streams once", async () => {
  const { stream, conn } = fakeConn();
  assertStrictEquals(conn.readable, conn.readable);
  assertStrictEquals(conn.writable, conn.writable);
  const reading = new Response(conn.readable).text();
  await settle();
  await stream.source.give("streamed");
  await settle();
  await stream.source.end();
  assertEquals(await reading, "streamed");
  conn.close();
});

Deno.test("the engine's stream beneath a connection can be had, where there is one", () => {
  const engine = new FakeStream();
  const [a, b] = pipe();
  const conn = new StreamConn(engine, "tcp", () => [a.localAddr, a.remoteAddr]);
  assertEquals([StreamConn.beneath(conn) === engine, StreamConn.beneath(a)], [true, undefined]);
  a.close();
  b.close();
});
