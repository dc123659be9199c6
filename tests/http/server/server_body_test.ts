import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { BodyTooLargeError, ProtocolError } from "../../../http/errors.ts";
import { chunkedBody } from "../../../http/h1/framing.ts";
import { Input } from "../../../http/server/input.ts";
import { type BodyHost, ServerBody } from "../../../http/server/server_body.ts";
import { bytes } from "../../support/wire.ts";

/** Gives a piece for each read, as far as there is room, then the end or a failure. */
class Pieces {
  /** How large an array each read was given. */
  readonly asked: number[] = [];
  readonly #pieces: Uint8Array[];
  readonly #failure: Error | undefined;

  constructor(pieces: string[], failure?: Error) {
    this.#pieces = pieces.map(bytes);
    this.#failure = failure;
  }

  /** How many bytes nobody has read. */
  get left(): number {
    return this.#pieces.reduce((sum, { length }) => sum + length, 0);
  }

  read(p: Uint8Array): Promise<number | null> {
    this.asked.push(p.length);
    const piece = this.#pieces.shift();
    if (piece === undefined) {
      return this.#failure ? Promise.reject(this.#failure) : Promise.resolve(null);
    }
    const n = Math.min(piece.length, p.length);
    p.set(piece.subarray(0, n));
    if (n < piece.length) this.#pieces.unshift(piece.subarray(n));
    return Promise.resolve(n);
  }
}

interface Setup {
  /** Its length; chunked by default. */
  length?: number;
  /** What the connection has read already. */
  there?: string;
  /** What is still to come. */
  pieces?: string[];
  /** How the connection ends behind that; with a plain end by default. */
  failure?: Error;
  limit?: number;
}

function setUp({ length = chunkedBody, there = "", pieces = [], failure, limit = 0 }: Setup) {
  const input = new Input(64);
  input.buffer.set(bytes(there));
  input.end = there.length;
  const told: unknown[] = [];
  const host: BodyHost = {
    onBodyStart: () => told.push("start"),
    onBodyEnd: (trailers) => told.push(["end", ...trailers]),
    onBodyError: (error) => told.push(error),
  };
  const source = new Pieces(pieces, failure);
  return { input, source, told, body: new ServerBody(input, source, length, limit, host) };
}

const text = (p: Uint8Array | null) => p && new TextDecoder("latin1").decode(p);

/** Reads to the end, by pieces. */
async function read(body: ServerBody): Promise<(string | null)[]> {
  const seen: (string | null)[] = [];
  for (;;) {
    const p = await body.read();
    seen.push(text(p));
    if (p === null) return seen;
  }
}

Deno.test("a body of known length is what is there, then what comes, and no byte more", async () => {
  const { body, input, source, told } = setUp({
    length: 8,
    there: "abc",
    pieces: ["de", "fghGET"],
  });
  assertEquals([body.length, body.left, told], [8, 8, []]);
  assertEquals(text(await body.read()), "abc");
  assertEquals([body.left, body.ended], [5, false]);
  assertEquals(await read(body), ["de", "fgh", null]);
  assertEquals([body.left, body.ended, body.failed], [0, true, false]);
  assertEquals([source.left, input.length], [3, 0]); // the next request
  assertEquals(told, ["start", ["end"]]);
  assertEquals(await body.read(), null);
  assertEquals((await body.readAll()).length, 0);
  assertEquals(told.length, 2);
});

Deno.test("a body of known length leaves the next request where it is", async () => {
  for (const all of [false, true]) {
    const { body, input, source } = setUp({ length: 3, there: "abcGET" });
    assertEquals(text(all ? await body.readAll() : await body.read()), "abc");
    assertEquals([body.ended, text(input.take(9)), source.asked], [true, "GET", []]);
  }
});

Deno.test("readAll() reads straight to where the body is to be", async () => {
  const { body, source, told } = setUp({ length: 8, there: "ab", pieces: ["cd", "efghGET"] });
  assertEquals(text(await body.readAll()), "abcdefgh");
  assertEquals([source.asked, source.left], [[6, 4], 3]);
  assertEquals([body.ended, told], [true, ["start", ["end"]]]);
});

Deno.test("readAll() takes no memory for what was only announced", async () => {
  const { body, source } = setUp({ length: Number.MAX_SAFE_INTEGER, pieces: ["abc"] });
  await assertRejects(() => body.readAll(), ProtocolError, "within the body");
  assert(source.asked[0] <= 16 * 1024 * 1024);
});

Deno.test("readAll() makes room for a long body as it comes", async () => {
  const mib = 1024 * 1024;
  const { body, source } = setUp({ length: 50 * mib });
  let given = 0;
  source.read = (p) => {
    p.fill(++given);
    return Promise.resolve(p.length);
  };
  const all = await body.readAll();
  assertEquals([all.length, all.buffer.byteLength, body.ended], [50 * mib, 50 * mib, true]);
  assertEquals([0, 16, 32, 50].map((at) => all[Math.max(0, at * mib - 1)]), [1, 1, 2, 3]);
});

Deno.test("readAll() gives what read() has left", async () => {
  const plain = setUp({ length: 5, there: "ab", pieces: ["cde"] });
  const chunked = setUp({ there: "2\r\nab\r\n", pieces: ["1\r\nc\r\n2\r\nde\r\n0\r\n\r\n"] });
  for (const { body, told } of [plain, chunked]) {
    assertEquals(text(await body.read()), "ab");
    assertEquals(text(await body.readAll()), "cde");
    assertEquals([body.ended, told], [true, ["start", ["end"]]]);
  }
});

Deno.test("a short read of a long body does not hold a long array", async () => {
  const { body } = setUp({ length: 1_000_000, pieces: ["abc", "x".repeat(60_000)] });
  assertEquals((await body.read())!.buffer.byteLength, 3);
  assertEquals((await body.read())!.length, 60_000);
});

Deno.test("a chunked body is its chunks' data, with the fields behind it", async () => {
  const { body, input, told } = setUp({
    there: "3\r\nab",
    pieces: ["c\r", "\n2\r\nde\r\n0\r\nX: 1\r", "\n\r\nGET"],
  });
  assertEquals([body.length, body.left], [undefined, Infinity]);
  assertEquals((await read(body)).join(""), "abcde");
  assertEquals([body.left, body.ended, told], [0, true, ["start", ["end", "X", "1"]]]);
  assertEquals(text(input.take(9)), "GET");
});

Deno.test("a chunked body can be had at once, in however many chunks", async () => {
  const cases: [string[], string][] = [
    [["0\r\n\r\n"], ""],
    [["3\r\nabc\r\n0\r\n\r\n"], "abc"],
    [["1\r\na\r\n", "2\r\nbc\r\n", "0\r\n\r\n"], "abc"],
    [[`400\r\n${"x".repeat(1024)}\r\n0\r\n\r\n`], "x".repeat(1024)],
  ];
  for (const [pieces, expected] of cases) {
    const { body } = setUp({ pieces });
    assertEquals(text(await body.readAll()), expected);
    assert(body.ended);
  }
});

Deno.test("what was read is the reader's own", async () => {
  for (const length of [3, chunkedBody]) {
    const there = length === 3 ? "abc" : "3\r\nabc\r\n0\r\n\r\n";
    const { body, input } = setUp({ length, there });
    const p = await body.read();
    input.buffer.fill(0);
    assertEquals(text(p), "abc");
  }
});

const cuts: [string, Setup][] = [
  ["of known length", { length: 5, there: "abc" }],
  ["that is chunked", { there: "5\r\nabc" }],
  ["that is chunked, between two chunks", { there: "3\r\nabc\r\n" }],
  ["that is chunked, before the last line", { there: "3\r\nabc\r\n0\r\n" }],
];

for (const [name, setup] of cuts) {
  Deno.test(`a body ${name} is not complete when the connection ends within`, async () => {
    for (const all of [false, true]) {
      const { body, told } = setUp(setup);
      const error = await assertRejects(
        () => all ? body.readAll() : read(body),
        ProtocolError,
        "within the body",
      );
      assertEquals([error.code, error.status], ["ERR_HTTP_TRUNCATED", 400]);
      assertEquals([body.failed, body.ended, told], [true, false, ["start", error]]);
      // And again, the same way, told once.
      for (const again of [() => body.read(), () => body.readAll()]) {
        assertStrictEquals(await again().catch((error) => error), error);
      }
      assertEquals(told.length, 2);
    }
  });
}

Deno.test("a body fails with what the connection fails with", async () => {
  const failure = new Error("reset");
  for (const setup of [{ length: 5 }, { there: "5\r\n" }]) {
    const { body, told } = setUp({ ...setup, failure });
    assertStrictEquals(await body.read().catch((error) => error), failure);
    assertEquals(told, ["start", failure]);
  }
});

Deno.test("a chunk that breaks the rules fails the body, behind what was good of it", async () => {
  const { body } = setUp({ there: "3\r\nabc\r\nzz\r\n" });
  assertEquals(text(await body.read()), "abc");
  const error = await assertRejects(() => body.read(), ProtocolError);
  assertEquals([error.status, body.failed], [400, true]);
});

Deno.test("the limit of a chunked body is told at the first byte beyond it", async () => {
  const just = setUp({ there: "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", limit: 5 });
  assertEquals(text(await just.body.readAll()), "abcde");
  for (const all of [false, true]) {
    const { body, told } = setUp({ there: "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", limit: 5 });
    const error = await assertRejects(() => all ? body.readAll() : read(body), BodyTooLargeError);
    assertEquals([error.limit, body.failed, told], [5, true, ["start", error]]);
  }
  const none = setUp({ there: "3\r\nabc\r\n0\r\n\r\n", limit: 0 });
  assertEquals(text(await none.body.readAll()), "abc");
});

Deno.test("drain() drops the rest, without asking for it", async () => {
  for (const length of [6, chunkedBody]) {
    const pieces = length === 6 ? ["abc", "def"] : ["3\r\nabc\r\n", "3\r\ndef\r\n0\r\n\r\n"];
    const { body, told } = setUp({ length, pieces });
    assertEquals(await body.drain(6), true);
    assertEquals([body.ended, told], [true, [["end"]]]);
    assertEquals(await body.drain(6), true);
  }
});

Deno.test("drain() goes on behind what was read", async () => {
  const { body, told } = setUp({ length: 6, pieces: ["abc", "def"] });
  await body.read();
  assertEquals([await body.drain(3), told], [true, ["start", ["end"]]]);
});

Deno.test("drain() does not begin with what is known to be too long", async () => {
  const { body, source } = setUp({ length: 7, pieces: ["abc", "defg"] });
  assertEquals([await body.drain(6), source.asked, body.ended], [false, [], false]);
});

Deno.test("drain() gives up when chunks have been too long", async () => {
  const { body } = setUp({ pieces: ["3\r\nabc\r\n", "3\r\ndef\r\n", "0\r\n\r\n"] });
  assertEquals([await body.drain(5), body.ended, body.failed], [false, false, false]);
});

Deno.test("drain() rejects when the rest cannot be read", async () => {
  const cut = setUp({ length: 5, pieces: ["abc"] });
  await assertRejects(() => cut.body.drain(10), ProtocolError, "within the body");
  const over = setUp({ there: "3\r\nabc\r\n0\r\n\r\n", limit: 2 });
  await assertRejects(() => over.body.drain(10), BodyTooLargeError);
  assertEquals(await over.body.drain(10), false);
});

Deno.test("fail() ends a body that is not over, and no other", async () => {
  const gone = new Error("gone");
  const fresh = setUp({ length: 5 });
  fresh.body.fail(gone);
  assertStrictEquals(await fresh.body.read().catch((error) => error), gone);
  assertEquals(fresh.told, [gone]);

  const over = setUp({ length: 1, there: "a" });
  await over.body.read();
  over.body.fail(gone);
  assertEquals([over.body.failed, await over.body.read()], [false, null]);

  const failed = setUp({ length: 5 });
  const first = await failed.body.read().catch((error) => error);
  failed.body.fail(gone);
  assertStrictEquals(await failed.body.read().catch((error) => error), first);
});

Deno.test("a read that was under way when the body failed rejects with the first reason", async () => {
  const { body, source } = setUp({ length: 5 });
  const pending = Promise.withResolvers<number | null>();
  source.read = () => pending.promise;
  const reading = body.readAll();
  body.fail(new Error("gone"));
  pending.resolve(null);
  await assertRejects(() => reading, Error, "gone");
});

Deno.test("cancel() leaves the rest to be drained", async () => {
  const { body } = setUp({ length: 3, there: "abc" });
  body.cancel();
  assertEquals([body.ended, await body.drain(3)], [false, true]);
});

Deno.test("drain() lets a read that is under way have its bytes, and nobody else", async () => {
  for (const all of [true, false]) {
    const { source, body } = setUp({ length: 6, pieces: ["abc", "def", "next"] });
    const reading = all ? body.readAll() : body.read();
    assert(body.busy);
    const drained = body.drain(100);
    assertEquals(text(await reading), all ? "abcdef" : "abc");
    const next = body.read();
    if (all) assertEquals(await next, null);
    else await assertRejects(() => next, TypeError, "was answered");
    assertEquals(await drained, true);
    assertEquals([body.ended, body.busy, source.left], [true, false, 4]);
  }
});

Deno.test("what was dropped does not read as an end", async () => {
  const { body } = setUp({ length: 3, pieces: ["abc"] });
  assertEquals(await body.drain(100), true);
  for (const read of [() => body.read(), () => body.readAll(), () => body.readText()]) {
    await assertRejects(read, TypeError, "was answered");
  }
});

Deno.test("bytes that come when the body has failed are nobody's", async () => {
  for (const length of [5, chunkedBody]) {
    const come = Promise.withResolvers<number>();
    const input = new Input(64);
    const host = { onBodyStart() {}, onBodyEnd() {}, onBodyError() {} };
    const body = new ServerBody(input, { read: () => come.promise }, length, 0, host);
    const reading = body.read();
    body.fail(new Error("closed"));
    input.free();
    come.resolve(5);
    await assertRejects(() => reading, Error, "closed");
    assertEquals(input.length, 0);
  }
});
