import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import { Semaphore, type SemaphoreOptions } from "../../ipc/semaphore.ts";
import { ClosedError, OpError } from "../../net/mod.ts";
import { countedSignal, soon } from "../support/conn_helpers.ts";
import { outcome, settle, whileTimeFlies } from "../support/fake_clock.ts";
import { assertNoFdLeak, assertPoolIsFree, freshName, inC, runDeno, testWith } from "./programs.ts";

const limit = { timeout: 20_000 };
const most = 0x7fff_ffff;

/** Runs `body` with a semaphore of its own. */
async function withSemaphore(
  value: number,
  body: (semaphore: Semaphore, name: string) => Promise<void>,
): Promise<void> {
  const name = freshName();
  using semaphore = await Semaphore.open(name, { create: true, exclusive: true, value });
  try {
    await body(semaphore, name);
  } finally {
    await Semaphore.unlink(name).catch(() => {});
  }
}

Deno.test("acquire() takes, release() gives, and value tells how many there are", async () => {
  await withSemaphore(2, async (semaphore) => {
    await semaphore.acquire();
    await semaphore.acquire(limit);
    assertEquals([semaphore.value, semaphore.tryAcquire()], [0, false]);
    semaphore.release();
    assertEquals([semaphore.value, semaphore.tryAcquire(), semaphore.value], [1, true, 0]);
  });
});

Deno.test("acquire() waits until one is given, first come, first served", async () => {
  await withSemaphore(0, async (semaphore) => {
    const order: number[] = [];
    const waiting = [1, 2, 3].map((i) => semaphore.acquire(limit).then(() => order.push(i)));
    await settle();
    assertEquals(order, []);
    for (let i = 1; i <= 3; i++) {
      semaphore.release();
      await waiting[i - 1];
      assertEquals(order.length, i);
    }
    assertEquals([order, semaphore.value], [[1, 2, 3], 0]);
  });
});

Deno.test("what is given through another object of the same name is noticed as well", async () => {
  await withSemaphore(0, async (semaphore, name) => {
    using other = await Semaphore.open(name);
    assertEquals(other.name, name);
    const waiting = semaphore.acquire(limit);
    other.release();
    await waiting;
    assertEquals(other.value, 0);
  });
});

Deno.test("a timeout takes nothing, and leaves the place to the next", async () => {
  await withSemaphore(0, async (semaphore, name) => {
    const next = semaphore.acquire({ timeout: soon }).catch((e) => e);
    const last = semaphore.acquire(limit);
    const error = await next;
    assert(isTimeout(error) && error instanceof OpError && error.timeout);
    assertEquals(error.message, `acquire semaphore "${name}": timed out`);
    semaphore.release();
    await last;
    semaphore.release();
    await assertRejects(() => semaphore.acquire({ timeout: -1 }), OpError, "timed out");
    assertEquals(semaphore.value, 1);
  });
});

Deno.test("an abort ends it with its reason, before and while it waits, and lets go", async () => {
  await withSemaphore(0, async (semaphore) => {
    const reason = { enough: true };
    const { controller, signal, listeners } = countedSignal();
    const waiting = semaphore.acquire({ signal }).catch((e) => e);
    await settle();
    controller.abort(reason);
    assertStrictEquals(await waiting, reason);
    assertEquals(listeners(), 0);
    semaphore.release();
    assertStrictEquals(await semaphore.acquire({ signal }).catch((e) => e), reason);
    assertEquals(semaphore.value, 1);
  });
});

Deno.test("close() ends what waits, and is the end of use, but not of the semaphore", async () => {
  await withSemaphore(0, async (semaphore, name) => {
    using other = await Semaphore.open(name);
    const waiting = [1, 2].map(() => assertRejects(() => semaphore.acquire(limit), ClosedError));
    semaphore.close();
    semaphore.close();
    await Promise.all(waiting);
    await assertRejects(() => semaphore.acquire(), ClosedError);
    assertThrows(() => semaphore.tryAcquire(), ClosedError, "use of closed semaphore");
    assertThrows(() => semaphore.release(), ClosedError);
    assertThrows(() => semaphore.value, ClosedError);
    other.release();
    assertEquals(other.tryAcquire(), true);
  });
});

Deno.test("giving more than the limit fails with EOVERFLOW, and changes nothing", async () => {
  await withSemaphore(most, (semaphore, name) => {
    const error = assertThrows(() => semaphore.release(), OpError);
    assertEquals(error.code, "EOVERFLOW");
    assertEquals(
      error.message,
      `release semaphore "${name}": the count is at its limit of ${most}`,
    );
    assertEquals(semaphore.value, most);
    return Promise.resolve();
  });
});

Deno.test("unlink() removes the name; who has it open goes on with it", async () => {
  await withSemaphore(1, async (semaphore, name) => {
    await Semaphore.unlink(name);
    await semaphore.acquire();
    const gone = await assertRejects(() => Semaphore.open(name), OpError);
    assertEquals(gone.message, `open semaphore "${name}": no such file or directory`);
    assertEquals((await assertRejects(() => Semaphore.unlink(name), OpError)).code, "ENOENT");
  });
});

Deno.test("one that is there keeps its value and its mode; a new one is its owner's alone", async () => {
  await withSemaphore(3, async (_semaphore, name) => {
    using again = await Semaphore.open(name, { create: true, value: 9, mode: 0o666 });
    assertEquals(again.value, 3);
    const { mode } = await Deno.stat(`/dev/shm/sem.${name.slice(1)}`);
    assertEquals(mode! & 0o777, 0o600);
  });
});

Deno.test("bad arguments are refused, with nothing made", async () => {
  await withSemaphore(0, async (_semaphore, name) => {
    const fresh = freshName();
    const open = (options: unknown, to = fresh) => () =>
      Semaphore.open(to, options as SemaphoreOptions);
    const exists = await assertRejects(open({ create: true, exclusive: true }, name), OpError);
    assertEquals(exists.code, "EEXIST");
    await assertRejects(open({}, "jobs"), TypeError, 'name must be a "/"');
    await assertRejects(open({}, "/" + "x".repeat(252)), TypeError, "at most 251 bytes");
    await assertRejects(open({ value: 1 }), TypeError, "value needs create: true");
    await assertRejects(open({ exclusive: true }), TypeError, "exclusive needs create: true");
    await assertRejects(open({ create: true, value: -1 }), RangeError, "value");
    await assertRejects(open({ create: true, value: most + 1 }), RangeError, `0 to ${most}`);
    await assertRejects(open({ create: true, value: "1" }), TypeError, "value");
    await assertRejects(open({ create: true, mode: -1 }), RangeError, "mode");
    await assertRejects(() => Semaphore.unlink("/a/b"), TypeError, 'name must be a "/"');
    assertEquals((await assertRejects(open({}), OpError)).code, "ENOENT");
    using semaphore = await Semaphore.open(name);
    await assertRejects(() => semaphore.acquire({ timeout: NaN }), RangeError);
  });
});

Deno.test("a timer has its turn beside a semaphore that is always free", async () => {
  await withSemaphore(1, async (semaphore) => {
    let fired = false;
    const timer = setTimeout(() => fired = true);
    let rounds = 0;
    for (; !fired && rounds < 200_000; rounds++) {
      await semaphore.acquire();
      semaphore.release();
    }
    clearTimeout(timer);
    assert(fired, "no timer fired");
  });
});

Deno.test("200 that wait harm nobody, and leave nothing", async () => {
  await assertNoFdLeak(async () => {
    await withSemaphore(0, async (semaphore) => {
      const controller = new AbortController();
      const { signal } = controller;
      const waiting = Array.from(
        { length: 200 },
        (_, i) => semaphore.acquire(i % 2 === 0 ? { signal } : limit).catch((e) => e),
      );
      await assertPoolIsFree();
      controller.abort("enough");
      for (let i = 0; i < 100; i++) semaphore.release();
      assertEquals(new Set(await Promise.all(waiting)), new Set(["enough", undefined]));
      assertEquals(semaphore.value, 0);
    });
  });
});

Deno.test("a wait that was given up takes nothing when its pause ends", async () => {
  await withSemaphore(0, async (semaphore, name) => {
    using other = await Semaphore.open(name);
    const controller = new AbortController();
    const seen = outcome(semaphore.acquire({ signal: controller.signal }));
    await settle();
    other.release();
    controller.abort();
    await settle();
    // Either it was quicker than the abort, or what was given is still there.
    assertEquals(other.value, "value" in seen ? 0 : 1);
  });
});

Deno.test("without --allow-ffi the error names the flag; with it nothing else is needed", async () => {
  const name = freshName();
  const script = `
    const { Semaphore } = await load("ipc/semaphore.ts");
    const name = ${JSON.stringify(name)};
    try {
      const semaphore = await Semaphore.open(name, { create: true, value: 1 });
      await semaphore.acquire();
      console.log(semaphore.value);
      await Semaphore.unlink(name);
    } catch (e) {
      show(e);
      await Semaphore.unlink(name).catch(show);
    }`;
  assertEquals(await runDeno(script, "--allow-ffi"), "0");
  const lines = (await runDeno(script)).split("\n");
  assertEquals(lines.length, 2);
  for (const line of lines) {
    assert(line.startsWith("UnsupportedError a semaphore is not supported here: "), line);
    assert(line.includes("--allow-ffi"), line);
  }
});

testWith("cc", "a program in C waits for what we give", async () => {
  await withSemaphore(0, async (semaphore, name) => {
    await using peer = await inC("sem-wait", name);
    assertEquals(await peer.line(), "waiting");
    semaphore.release();
    assertEquals(await peer.line(), "taken");
    await peer.ended();
    assertEquals(semaphore.value, 0);
  });
});

testWith("cc", "we wait for what a program in C gives, on a semaphore it made", async () => {
  const name = freshName();
  await using maker = await inC("sem-create", name, "0");
  assertEquals(await maker.line(), "made");
  using semaphore = await Semaphore.open(name);
  const waiting = semaphore.acquire(limit);
  await using peer = await inC("sem-post", name);
  await waiting;
  assertEquals(await peer.line(), "given");
  semaphore.release();
  await using reader = await inC("sem-value", name);
  assertEquals(await reader.line(), "1");
  await Semaphore.unlink(name);
});

Deno.test("an acquire() whose time is up at any moment of its beginning takes none along", async () => {
  for (let timeout = 1; timeout < 8; timeout++) {
    await withSemaphore(0, async (semaphore) => {
      const taking = whileTimeFlies(() => semaphore.acquire({ timeout }));
      const taken = taking.then(() => true, (error) => !isTimeout(error));
      const next = semaphore.acquire(limit);
      semaphore.release();
      if (await Promise.race([taken, next.then(() => false)])) semaphore.release();
      await next;
      assertEquals(semaphore.value, 0);
    });
  }
});
