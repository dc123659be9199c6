import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { ClientStream } from "../../../http/client/client_stream.ts";
import { netAddress } from "../../../net/address.ts";
import { OpError } from "../../../net/errors.ts";
import { type ByteStream, StreamConn } from "../../../net/stream.ts";
import { settle } from "../../support/fake_clock.ts";
import { FakeSink, FakeSource, systemError } from "../../support/fake_stream.ts";
import { rejection } from "./transport_support.ts";

/** What an engine can do, in the hands of the test. */
class FakeEngine implements ByteStream {
  readonly source = new FakeSource();
  readonly sink = new FakeSink();
  writeNow?: (p: Uint8Array) => number;
  readWith?: ByteStream["readWith"];
  read = (p: Uint8Array) => this.source.read(p);
  write = (p: Uint8Array) => this.sink.write(p);
  closeWrite = () => this.sink.closeWrite();
  close() {}
  ref() {}
  unref() {}
}

/** An engine that writes at once, up to `most` bytes of the first write. */
class EagerEngine extends FakeEngine {
  #most: number;

  constructor(most: number) {
    super();
    this.#most = most;
  }

  override writeNow = (p: Uint8Array) => {
    const n = Math.min(this.#most, p.length);
    this.sink.taken.push(...p.subarray(0, n));
    return n;
  };
}

function setUp(engine: FakeEngine, own = true) {
  const ends = netAddress("tcp", "127.0.0.1", 1);
  const conn = new StreamConn(engine, "tcp", () => [ends, netAddress("tcp", "127.0.0.1", 2)]);
  const stream = new ClientStream(conn, own);
  const log: unknown[] = [];
  const write = (text: string) =>
    stream.write(
      new TextEncoder().encode(text),
      () => log.push("written"),
      (error) => log.push(error),
    );
  const readWith = (p: Uint8Array) =>
    stream.readWith(p, (n) => log.push(n), (error) => log.push(stream.readError(error)));
  return { conn, stream, log, write, readWith };
}

/** The only entry of a log: a failure of the connection. */
function failureOf(log: readonly unknown[]): OpError {
  assertEquals(log.length, 1);
  assertInstanceOf(log[0], OpError);
  return log[0];
}

Deno.test("a connection of one's own is read on the engine, into the very array", async () => {
  const engine = new FakeEngine();
  const { stream, log, readWith } = setUp(engine);
  const p = new Uint8Array(8);
  readWith(p);
  assertStrictEquals(engine.source.call.p, p);
  await engine.source.give("abc");
  assertEquals(log, [3]);
  const read = stream.read(p);
  assertStrictEquals(engine.source.call.p, p);
  await engine.source.end();
  assertEquals(await read, null);
});

Deno.test("an engine that calls back is not asked for a promise", () => {
  const engine = new FakeEngine();
  engine.readWith = (_p, onRead) => onRead(5);
  const { log, readWith } = setUp(engine);
  readWith(new Uint8Array(8));
  assertEquals([log, engine.source.calls.length], [[5], 0]);
});

Deno.test("the deadlines of a connection that others know hold", async () => {
  const { conn, stream, log, readWith, write } = setUp(new FakeEngine(), false);
  conn.setDeadline(1);
  readWith(new Uint8Array(8));
  write("abc");
  await settle();
  assertEquals(log.map((error) => (error as OpError).op), ["read", "write"]);
  for (const error of log) assert((error as OpError).timeout);
  assert((await rejection(stream.read(new Uint8Array(8))) as OpError).timeout);
  conn.close();
});

Deno.test("what fits is written within the call", () => {
  const engine = new EagerEngine(100);
  const { log, write } = setUp(engine);
  write("abcde");
  assertEquals([log, engine.sink.text], [["written"], "abcde"]);
});

for (const most of [0, 2]) {
  Deno.test(`where only ${most} bytes fit at once, the rest follows`, async () => {
    const engine = new EagerEngine(most);
    const { log, write } = setUp(engine);
    write("abcde");
    await settle();
    assertEquals(log, []);
    await engine.sink.take(1);
    await engine.sink.take();
    await settle();
    assertEquals([log, engine.sink.text], [["written"], "abcde"]);
  });

  Deno.test(`a failure behind ${most} bytes that fitted at once counts all that were written`, async () => {
    const engine = new EagerEngine(most);
    const { log, write } = setUp(engine);
    write("abcde");
    await settle();
    await engine.sink.take(1);
    await engine.sink.fail(systemError("EPIPE"));
    await settle();
    const { code, bytesWritten } = failureOf(log);
    assertEquals([code, bytesWritten], ["EPIPE", most + 1]);
  });
}

Deno.test("an engine that takes a part of a write is given the rest", async () => {
  const engine = new FakeEngine();
  const { log, write } = setUp(engine);
  write("abcde");
  await engine.sink.take(2);
  assertEquals(log, []);
  await engine.sink.take();
  await settle();
  assertEquals([log, engine.sink.text], [["written"], "abcde"]);
});

Deno.test("a write that fails at once says so later, and that nothing was written", async () => {
  const engine = new FakeEngine();
  engine.writeNow = () => {
    throw systemError("EPIPE");
  };
  const { log, write } = setUp(engine);
  write("abc");
  assertEquals(log, []);
  await settle();
  const { code, bytesWritten, message } = failureOf(log);
  assertEquals([code, bytesWritten], ["EPIPE", 0]);
  assertEquals(message, 'write tcp "127.0.0.1:1" -> "127.0.0.1:2": broken pipe');
});

Deno.test("what the engine fails with is an error of the connection", async () => {
  const engine = new FakeEngine();
  const { stream, log, readWith, write } = setUp(engine);
  readWith(new Uint8Array(8));
  await engine.source.fail(systemError("ECONNRESET"));
  assertEquals(
    failureOf(log).message,
    'read tcp "127.0.0.1:1" -> "127.0.0.1:2": connection reset by peer',
  );
  const read = rejection(stream.read(new Uint8Array(8)));
  await engine.source.fail(systemError("ECONNRESET"));
  assertEquals((await read as OpError).code, "ECONNRESET");
  log.length = 0;
  write("abc");
  await engine.sink.fail(systemError("EPIPE"));
  assertEquals(failureOf(log).bytesWritten, 0);
});
