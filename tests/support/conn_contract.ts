/** What every `Conn` promises (net/conn.ts), as tests for any engine to pass. */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Conn } from "../../net/conn.ts";
import { ClosedError } from "../../net/errors.ts";
import {
  assertTimeout,
  countedSignal,
  encode,
  far,
  kib,
  pass,
  readText,
  soon,
} from "./conn_helpers.ts";
import { streamContract } from "./stream_contract.ts";

/** What kind of connection is tested. */
export interface ConnContractOptions {
  /** Whether it carries messages (unixpacket, UDP): what belongs to byte streams is left out. */
  messages?: boolean;
  /** Whether a write may succeed before anybody reads, as with a socket's buffers. */
  buffered?: boolean;
}

/** Makes a connected pair; the contract closes both ends. */
export type MakePair = () => Promise<[Conn, Conn]>;

/**
 * Registers the contract's tests.
 *
 * @param name What is tested; the tests' names begin with it.
 * @param makePair Makes a fresh pair for each test.
 * @param options What kind of connection it is.
 */
export function connContract(
  name: string,
  makePair: MakePair,
  options: ConnContractOptions = {},
): void {
  const test = (what: string, body: (a: Conn, b: Conn) => Promise<void>) =>
    Deno.test({
      name: `${name}: ${what}`,
      sanitizeOps: true,
      sanitizeResources: true,
      fn: async () => {
        const [one, other] = await makePair();
        using a = one;
        using b = other;
        await body(a, b);
      },
    });
  commonContract(test);
  if (options.messages) messageContract(test);
  else streamContract(test, options.buffered ?? false);
}

type Test = (what: string, body: (a: Conn, b: Conn) => Promise<void>) => void;

/** What holds for streams and messages alike. */
function commonContract(test: Test): void {
  test("what one end writes, the other reads", async (a, b) => {
    const [n, text] = await Promise.all([a.write(encode("ping")), readText(b)]);
    assertEquals([n, text], [4, "ping"]);
    const [, answer] = await Promise.all([b.write(encode("pong")), readText(a)]);
    assertEquals(answer, "pong");
  });

  test("close() ends pending and later operations with ClosedError", async (a) => {
    const pending = assertRejects(() => a.read(new Uint8Array(1)), ClosedError);
    a.close();
    assertEquals((await pending).code, "ERR_CLOSED");
    await assertRejects(() => a.read(new Uint8Array(1)), ClosedError);
    await assertRejects(() => a.read(new Uint8Array(1), { timeout: far }), ClosedError);
    await assertRejects(() => a.write(encode("x")), ClosedError);
  });

  test("close() ends every one of several pending reads", async (a) => {
    const pending = [1, 2, 3].map(() =>
      assertRejects(() => a.read(new Uint8Array(1)), ClosedError)
    );
    a.close();
    await Promise.all(pending);
  });

  test("closing twice, or disposing of what is closed, does no harm", async (a) => {
    a.close();
    a.close();
    a[Symbol.dispose]();
    await assertRejects(() => a.read(new Uint8Array(1)), ClosedError);
  });

  test("leaving the scope of `using` closes", async (a) => {
    {
      using inner = a;
      assertStrictEquals(inner, a);
    }
    await assertRejects(() => a.write(encode("x")), ClosedError);
  });

  test("several reads are served first come, first served", async (a, b) => {
    const reads = [readText(a), readText(a), readText(a)];
    for (const [i, text] of ["first", "second", "third"].entries()) {
      await b.write(encode(text));
      assertEquals(await reads[i], text);
    }
  });

  test("a read that gives up leaves its place to the next", async (a, b) => {
    const first = assertTimeout("read", a.read(new Uint8Array(8), { timeout: soon }));
    const second = readText(a);
    await first;
    await Promise.all([b.write(encode("kept")), second]);
    assertEquals(await second, "kept");
  });

  for (const size of [8, 64 * kib]) {
    test(
      `a read cut short leaves its ${size} bytes alone, and the data to the next`,
      async (a, b) => {
        const p = new Uint8Array(size).fill(7);
        a.setReadDeadline(Date.now() + soon);
        await assertTimeout("read", a.read(p));
        a.setReadDeadline(null);
        const [, text] = await Promise.all([b.write(encode("late")), readText(a)]);
        assertEquals(text, "late");
        assert(p.every((byte) => byte === 7), "the array was written to, late");
      },
    );
  }

  test("a read deadline set while a read waits ends it", async (a, b) => {
    const p = new Uint8Array(8).fill(7);
    const waiting = assertTimeout("read", a.read(p));
    a.setReadDeadline(Date.now() + soon);
    await waiting;
    a.setReadDeadline(null);
    const [, text] = await Promise.all([b.write(encode("late")), readText(a)]);
    assertEquals(text, "late");
    assert(p.every((byte) => byte === 7), "the array was written to, late");
  });

  test("a read deadline moved nearer while a read waits ends it then", async (a) => {
    a.setReadDeadline(Date.now() + far);
    const waiting = assertTimeout("read", a.read(new Uint8Array(8)));
    a.setReadDeadline(new Date(Date.now() + soon));
    await waiting;
  });

  for (const [how, later] of [["moved on", far], ["cleared", null]] as const) {
    test(`a read deadline ${how} while a read waits lets it wait on`, async (a, b) => {
      a.setReadDeadline(Date.now() + soon);
      const waiting = readText(a);
      a.setReadDeadline(later === null ? null : Date.now() + later);
      await pass(b, 2 * soon);
      await Promise.all([b.write(encode("in time")), waiting]);
      assertEquals(await waiting, "in time");
    });
  }

  test("a deadline that has passed fails at once, even when data is there", async (a, b) => {
    const writing = b.write(encode("there"));
    a.setDeadline(Date.now() - 1);
    await assertTimeout("read", a.read(new Uint8Array(8)));
    const error = await assertTimeout("write", a.write(encode("never")));
    assertEquals(error.bytesWritten ?? 0, 0);
    a.setDeadline(null);
    assertEquals(await readText(a), "there");
    await Promise.all([
      writing,
      a.write(encode("again")),
      readText(b).then((text) => {
        assertEquals(text, "again");
      }),
    ]);
  });

  test("a read deadline leaves writing alone, and the reverse", async (a, b) => {
    a.setReadDeadline(Date.now() - 1);
    b.setWriteDeadline(Date.now() - 1);
    const [, text] = await Promise.all([a.write(encode("through")), readText(b)]);
    assertEquals(text, "through");
  });

  test("a read's own timeout ends that read alone", async (a, b) => {
    await assertTimeout("read", a.read(new Uint8Array(8), { timeout: soon }));
    await assertTimeout("read", a.read(new Uint8Array(8), { timeout: -1 }));
    await assertTimeout("read", a.read(new Uint8Array(8), { deadline: Date.now() - 1 }));
    const reading = readText(a);
    await Promise.all([b.write(encode("next")), reading]);
    assertEquals(await reading, "next");
  });

  test("a read's signal ends it with its reason, unchanged, and is let go", async (a, b) => {
    const { controller, signal, listeners } = countedSignal();
    const reason = { why: "not an error even" };
    const caught = a.read(new Uint8Array(8), { signal }).catch((error) => error);
    controller.abort(reason);
    assertStrictEquals(await caught, reason);
    assertEquals(listeners(), 0);
    assertStrictEquals(await a.read(new Uint8Array(8), { signal }).catch((e) => e), reason);
    const [, text] = await Promise.all([b.write(encode("kept")), readText(a)]);
    assertEquals(text, "kept");
  });

  test("a read that succeeds lets go of its signal", async (a, b) => {
    const { signal, listeners } = countedSignal();
    const reading = a.read(new Uint8Array(8), { signal, timeout: far });
    assertEquals((await Promise.all([b.write(encode("12345")), reading]))[1], 5);
    assertEquals(listeners(), 0);
  });

  test("a write with an aborted signal writes nothing", async (a, b) => {
    const reason = new Error("stop");
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await a.write(encode("never"), { signal }).catch((e) => e), reason);
    const [, text] = await Promise.all([a.write(encode("this")), readText(b)]);
    assertEquals(text, "this");
  });

  test("a limit of the wrong type is a TypeError", async (a) => {
    const wait = { timeout: "1" as unknown as number };
    await assertRejects(() => a.read(new Uint8Array(1), wait), TypeError);
    await assertRejects(() => a.write(new Uint8Array(1), wait), TypeError);
  });
}

/** What holds for messages. */
function messageContract(test: Test): void {
  test("each write is one message", async (a, b) => {
    const writing = a.write(encode("one")).then(() => a.write(encode("two")));
    assertEquals([await readText(b), await readText(b), await writing], ["one", "two", 3]);
  });

  test("an empty message is a message, not the end", async (a, b) => {
    const writing = a.write(new Uint8Array(0)).then(() => a.write(encode("next")));
    assertEquals([await readText(b), await readText(b), await writing], ["", "next", 4]);
  });
}
