import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import { MessageQueue, type MessageQueueOptions } from "../../ipc/message_queue.ts";
import { ClosedError, OpError } from "../../net/mod.ts";
import { countedSignal, encode, soon } from "../support/conn_helpers.ts";
import { outcome, settle } from "../support/fake_clock.ts";
import {
  assertNoFdLeak,
  assertPoolIsFree,
  freshName,
  inC,
  openFds,
  python,
  runDeno,
  testWith,
} from "./programs.ts";

const limit = { timeout: 20_000 };
const text = (p: Uint8Array) => new TextDecoder().decode(p);

/** Runs `body` with a queue of its own. */
async function withQueue(
  options: MessageQueueOptions,
  body: (queue: MessageQueue, name: string) => Promise<void>,
): Promise<void> {
  const name = freshName();
  using queue = await MessageQueue.open(name, { create: true, exclusive: true, ...options });
  try {
    await body(queue, name);
  } finally {
    await MessageQueue.unlink(name).catch(() => {});
  }
}

async function receiveText(queue: MessageQueue): Promise<[string, number]> {
  const { data, priority } = await queue.receive(limit);
  return [text(data), priority];
}

Deno.test("messages come whole, the highest priority first, in order among equals", async () => {
  await withQueue({}, async (queue) => {
    for (const word of ["one", "", "two"]) await queue.send(encode(word));
    await queue.send(encode("urgent"), { priority: 7, ...limit });
    const got = [];
    for (let i = 0; i < 4; i++) got.push(await receiveText(queue));
    assertEquals(got, [["urgent", 7], ["one", 0], ["", 0], ["two", 0]]);
  });
});

Deno.test("a message's array is the caller's: the next one does not change it", async () => {
  await withQueue({}, async (queue) => {
    await queue.send(encode("first"));
    await queue.send(encode("other"));
    const { data } = await queue.receive();
    await queue.receive();
    assertEquals(text(data), "first");
  });
});

Deno.test("attributes() tells the limits and the count; a queue that is there keeps its own", async () => {
  await withQueue({ maxMessages: 3, messageSize: 100 }, async (queue, name) => {
    await queue.send(encode("x"));
    const expected = { maxMessages: 3, messageSize: 100, currentMessages: 1 };
    assertEquals(queue.attributes(), expected);
    using again = await MessageQueue.open(name, { create: true, maxMessages: 5 });
    assertEquals(again.attributes(), expected);
    assertEquals(again.name, name);
  });
  await withQueue({ maxMessages: 2 }, (queue) => {
    const { maxMessages, messageSize } = queue.attributes();
    assertEquals([maxMessages, messageSize], [2, 8192]);
    return Promise.resolve();
  });
  await withQueue({ messageSize: 8 }, (queue) => {
    assertEquals(queue.attributes().maxMessages, 10);
    return Promise.resolve();
  });
});

Deno.test("receive() waits for a message, and send() for room", async () => {
  await withQueue({ maxMessages: 1, messageSize: 8 }, async (queue) => {
    const receiving = receiveText(queue);
    const seen = outcome(receiving);
    await settle();
    assertEquals(seen, {});
    await queue.send(encode("a"));
    assertEquals(await receiving, ["a", 0]);

    await queue.send(encode("b"));
    const sending = queue.send(encode("c"), limit);
    const sent = outcome(sending);
    await settle();
    assertEquals("value" in sent, false);
    assertEquals(await receiveText(queue), ["b", 0]);
    await sending;
    assertEquals(await receiveText(queue), ["c", 0]);
  });
});

Deno.test("several that wait at once each get one", async () => {
  await withQueue({ maxMessages: 2 }, async (queue) => {
    const receiving = Array.from({ length: 20 }, () => receiveText(queue));
    const sending = Array.from({ length: 20 }, (_, i) => queue.send(encode(`${i}`), limit));
    await Promise.all(sending);
    const got = (await Promise.all(receiving)).map(([word]) => Number(word));
    assertEquals(got.sort((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i));
  });
});

Deno.test("a timeout takes no message and sends none", async () => {
  await withQueue({ maxMessages: 1 }, async (queue, name) => {
    const error = await assertRejects(() => queue.receive({ timeout: soon }), OpError);
    assert(isTimeout(error) && error.timeout);
    assertEquals(error.message, `receive mqueue "${name}": timed out`);
    await queue.send(encode("kept"));
    await assertRejects(() => queue.receive({ timeout: -1 }), OpError, "timed out");
    await assertRejects(() => queue.send(encode("x"), { timeout: soon }), OpError, "send mqueue");
    await assertRejects(() => queue.send(encode("x"), { deadline: 1 }), OpError, "timed out");
    assertEquals(await receiveText(queue), ["kept", 0]);
    assertEquals(queue.attributes().currentMessages, 0);
  });
});

Deno.test("an abort ends it with its reason, before and while it waits, and lets go", async () => {
  await withQueue({ maxMessages: 1 }, async (queue) => {
    const reason = { enough: true };
    const { controller, signal, listeners } = countedSignal();
    const receiving = queue.receive({ signal }).catch((e) => e);
    await settle();
    controller.abort(reason);
    assertStrictEquals(await receiving, reason);
    assertEquals(listeners(), 0);
    assertStrictEquals(await queue.send(encode("x"), { signal }).catch((e) => e), reason);
    assertEquals(queue.attributes().currentMessages, 0);
  });
});

Deno.test("close() ends what waits, and is the end of use, but not of the queue", async () => {
  await assertNoFdLeak(async () => {
    await withQueue({ maxMessages: 1 }, async (queue, name) => {
      using other = await MessageQueue.open(name);
      await other.send(encode("kept"));
      const waiting = [queue.send(encode("x")), other.receive(), other.receive(limit)];
      const ended = waiting.map((wait) => outcome(wait));
      await Promise.resolve();
      queue.close();
      queue.close();
      await settle();
      assertEquals(ended[0].reason instanceof ClosedError, true);
      await assertRejects(() => queue.receive(), ClosedError);
      await assertRejects(() => queue.send(encode("x")), ClosedError);
      await assertRejects(() => queue.send(new Uint8Array(10_000)), ClosedError);
      assertThrows(() => queue.attributes(), ClosedError, "use of closed mqueue");
      await other.send(encode("more"), limit);
      await Promise.all(waiting.slice(1));
    });
  });
});

Deno.test("unlink() removes the name; who has the queue open goes on with it", async () => {
  await withQueue({}, async (queue, name) => {
    await MessageQueue.unlink(name);
    await queue.send(encode("still"));
    assertEquals(await receiveText(queue), ["still", 0]);
    const gone = await assertRejects(() => MessageQueue.open(name), OpError);
    assertEquals(gone.code, "ENOENT");
    assertEquals(gone.message, `open mqueue "${name}": no such file or directory`);
    const again = await assertRejects(() => MessageQueue.unlink(name), OpError);
    assertEquals([again.op, again.code], ["unlink", "ENOENT"]);
  });
});

Deno.test("bad arguments are refused, with nothing changed", async () => {
  await withQueue({ messageSize: 8 }, async (queue, name) => {
    const open = (options: unknown, to = freshName()) => () =>
      MessageQueue.open(to, options as MessageQueueOptions);
    const exists = await assertRejects(open({ create: true, exclusive: true }, name), OpError);
    assertEquals(exists.code, "EEXIST");
    await assertRejects(open({}, "jobs"), TypeError, 'name must be a "/"');
    await assertRejects(open({}, "/a/b"), TypeError, 'name must be a "/"');
    await assertRejects(open({}, "/" + "x".repeat(256)), TypeError, "at most 255 bytes");
    await assertRejects(open({ maxMessages: 5 }), TypeError, "maxMessages needs create: true");
    await assertRejects(open({ exclusive: true }), TypeError, "exclusive needs create: true");
    await assertRejects(open({ create: true, maxMessages: 0 }), RangeError, "maxMessages");
    await assertRejects(open({ create: true, messageSize: 1.5 }), RangeError, "messageSize");
    await assertRejects(open({ create: true, mode: 0o7777 }), RangeError, "mode");
    await assertRejects(() => MessageQueue.unlink("x"), TypeError, 'name must be a "/"');

    const long = await assertRejects(() => queue.send(new Uint8Array(9)), OpError);
    assertEquals(long.code, "EMSGSIZE");
    assert(long.message.endsWith("message of 9 bytes, the queue takes up to 8"));
    for (const priority of [-1, 32_768, 0.5, NaN]) {
      await assertRejects(
        () => queue.send(new Uint8Array(1), { priority }),
        RangeError,
        "priority",
      );
    }
    await assertRejects(() => queue.send("x" as unknown as Uint8Array), TypeError, "Uint8Array");
    await assertRejects(() => queue.receive({ timeout: NaN }), RangeError);
    assertEquals(queue.attributes().currentMessages, 0);
  });
});

Deno.test("a timer has its turn beside a queue that is always ready", async () => {
  await withQueue({}, async (queue) => {
    let fired = false;
    const timer = setTimeout(() => fired = true);
    let rounds = 0;
    for (; !fired && rounds < 200_000; rounds++) {
      await queue.send(encode("x"));
      await queue.receive();
    }
    clearTimeout(timer);
    assert(fired, "no timer fired");
  });
});

Deno.test("200 that wait harm nobody, and an abort leaves nothing", async () => {
  await withQueue({}, async (queue) => {
    const before = openFds();
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = Array.from({ length: 200 }, () => queue.receive({ signal }).catch((e) => e));
    await assertPoolIsFree();
    controller.abort("enough");
    assertEquals(new Set(await Promise.all(waiting)), new Set(["enough"]));
    assertEquals(openFds(), before);
  });
});

testWith(
  "setpriv",
  "more than the system lets a user have is explained with the limit",
  async () => {
    const url = new URL("../../ipc/message_queue.ts", import.meta.url).href;
    // root may go past the limits, until it gives that right up.
    const script = `
    import { MessageQueue } from ${JSON.stringify(url)};
    const show = (e) => console.log(e.code, e.message);
    const name = ${JSON.stringify(freshName())};
    await MessageQueue.open(name, { create: true, maxMessages: 60_000 }).catch(show);
    await MessageQueue.open(name, { create: true, messageSize: 9_000_000 }).catch(show);
    await MessageQueue.unlink(name).catch(show);`;
    const dir = await Deno.makeTempDir();
    try {
      await Deno.chmod(dir, 0o755);
      await Deno.writeTextFile(`${dir}/script.ts`, script);
      const args = ["run", "--no-prompt", "--no-config", "--no-check", "-A", `${dir}/script.ts`];
      const root = Deno.uid() === 0;
      const [program, head] = root
        ? ["setpriv", ["--bounding-set=-sys_resource", "--inh-caps=-sys_resource", Deno.execPath()]]
        : [Deno.execPath(), []];
      const { stdout, stderr } = await new Deno.Command(program, { args: [...head, ...args] })
        .output();
      const lines = text(stdout).trim().split("\n");
      assertEquals(lines.length, 3, text(stderr));
      assert(/^EINVAL .*maxMessages 60000 is over the system's limit of \d+, see/.test(lines[0]));
      assert(/^EINVAL .*messageSize 9000000 is over the system's limit of \d+/.test(lines[1]));
      assert(lines[2].startsWith("ENOENT"), "nothing was made");
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);

Deno.test("without --allow-ffi the error names the flag; with it nothing else is needed", async () => {
  const name = freshName();
  const script = `
    const { MessageQueue } = await load("ipc/message_queue.ts");
    const name = ${JSON.stringify(name)};
    try {
      const queue = await MessageQueue.open(name, { create: true });
      await queue.send(new Uint8Array(3));
      console.log((await queue.receive({ timeout: 5_000 })).data.length);
      await MessageQueue.unlink(name);
    } catch (e) {
      show(e);
      await MessageQueue.unlink(name).catch(show);
    }`;
  assertEquals(await runDeno(script, "--allow-ffi"), "3");
  const lines = (await runDeno(script)).split("\n");
  assertEquals(lines.length, 2);
  for (const line of lines) {
    assert(line.startsWith("UnsupportedError a message queue is not supported here: "), line);
    assert(line.includes("--allow-ffi"), line);
  }
});

testWith("cc", "a program in C receives what we send, in order of priority", async () => {
  await withQueue({}, async (queue, name) => {
    await queue.send(encode("low"), { priority: 1 });
    await queue.send(encode("high"), { priority: 9 });
    await using peer = await inC("mq-receive", name, "3");
    assertEquals(await peer.line(), "ready");
    assertEquals([await peer.line(), await peer.line()], ["9 4 high", "1 3 low"]);
    await queue.send(new Uint8Array(0), { priority: 32_767 });
    assertEquals(await peer.line(), "32767 0 ");
    await peer.ended();
  });
});

testWith("cc", "we receive what a program in C sends, from a queue it made", async () => {
  const name = freshName();
  await using maker = await inC("mq-create", name, "2", "32");
  assertEquals(await maker.line(), "made");
  using queue = await MessageQueue.open(name);
  assertEquals(queue.attributes(), { maxMessages: 2, messageSize: 32, currentMessages: 0 });
  const waiting = receiveText(queue);
  await using peer = await inC("mq-send", name, "5", "one", "two", "three");
  const got = [await waiting, await receiveText(queue), await receiveText(queue)];
  assertEquals(got, [["one", 5], ["two", 5], ["three", 5]]);
  await peer.ended();
  await MessageQueue.unlink(name);
});

testWith("python3", "Python sees our queue by the same name", async () => {
  await withQueue({ maxMessages: 4, messageSize: 64 }, async (queue, name) => {
    const script = `
import ctypes, os, sys
try: rt = ctypes.CDLL("librt.so.1")
except OSError: rt = ctypes.CDLL(None)
q = rt.mq_open(sys.argv[1].encode(), os.O_RDWR)
buffer = ctypes.create_string_buffer(64)
n = rt.mq_receive(q, buffer, 64, None)
print(n, buffer.raw[:n].decode())
rt.mq_send(q, b"from python", 11, 3)`;
    await queue.send(encode("to python"));
    await using peer = python(script, name);
    assertEquals(await peer.line(), "9 to python");
    assertEquals(await receiveText(queue), ["from python", 3]);
    await peer.ended();
  });
});
