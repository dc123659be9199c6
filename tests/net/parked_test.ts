import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import { Parked } from "../../net/parked.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

class Closed extends Error {}

/** A source whose pulls the test answers by hand, and a note of all it was told. */
function source() {
  const clock = new FakeClock();
  const pulls: PromiseWithResolvers<string>[] = [];
  const told: string[] = [];
  const parked = new Parked<string>(() => {
    pulls.push(Promise.withResolvers());
    return pulls.at(-1)!.promise;
  }, {
    op: "accept",
    onTimeout: (cause) => new Error("too late", { cause }),
    onClosed: () => new Closed(),
    ref: () => told.push("ref"),
    unref: () => told.push("unref"),
    discard: (value) => told.push(`discard ${value}`),
    clock,
  });
  const last = () => pulls.at(-1)!;
  return { clock, parked, pulls, told, last };
}

const assertTimeout = async (take: Promise<unknown>) =>
  assert(isTimeout(await assertRejects(() => take, Error, "too late")));

Deno.test("takers are served first come, first served, by one pull at a time", async () => {
  const { parked, pulls, last, told } = source();
  const takes = [parked.take(), parked.take()];
  await settle();
  assertEquals(pulls.length, 1);
  last().resolve("a");
  assertEquals(await takes[0], "a");
  await settle();
  assertEquals(pulls.length, 2);
  last().resolve("b");
  assertEquals(await takes[1], "b");
  await settle();
  assertEquals([pulls.length, told], [2, []]); // nobody waits: nothing is pulled
});

Deno.test("a timeout ends its take alone, and the value goes to the next taker", async () => {
  const { clock, parked, pulls, last } = source();
  const first = assertTimeout(parked.take({ timeout: 10 }));
  const second = parked.take();
  await clock.advance(10);
  await first;
  last().resolve("a");
  assertEquals([await second, pulls.length, clock.timers], ["a", 1, 0]);
});

Deno.test("a value that comes while nobody waits is kept for the next take", async () => {
  const { clock, parked, pulls, last } = source();
  const first = assertTimeout(parked.take({ timeout: 10 }));
  await clock.advance(10);
  await first;
  last().resolve("a");
  await settle();
  assertEquals([await parked.take(), pulls.length], ["a", 1]);
  const next = parked.take();
  assertEquals(pulls.length, 2);
  last().resolve("b");
  assertEquals(await next, "b");
});

Deno.test("an error goes to one taker, at once or with the next take", async () => {
  const { clock, parked, last } = source();
  const failing = [assertRejects(() => parked.take(), Error, "EMFILE"), parked.take()];
  last().reject(new Error("EMFILE"));
  await failing[0];
  last().resolve("a");
  assertEquals(await failing[1], "a");

  const early = assertTimeout(parked.take({ timeout: 10 }));
  await clock.advance(10);
  await early;
  last().reject(new Error("ECONNABORTED"));
  await settle();
  await assertRejects(() => parked.take(), Error, "ECONNABORTED");
  const next = parked.take();
  last().resolve("b");
  assertEquals(await next, "b");
});

Deno.test("an abort rejects with the signal's reason, unchanged", async () => {
  const { parked, last } = source();
  const controller = new AbortController();
  const reason = { why: "enough" };
  const take = parked.take({ signal: controller.signal }).catch((e) => e);
  controller.abort(reason);
  assertStrictEquals(await take, reason);
  last().resolve("a");
  assertEquals(await parked.take(), "a");
});

Deno.test("an aborted signal comes before everything else, and pulls nothing", async () => {
  const { parked, pulls } = source();
  const signal = AbortSignal.abort("enough");
  parked.setDeadline(-1);
  assertEquals(await parked.take({ signal, timeout: -1 }).catch((e) => e), "enough");
  parked.close();
  assertEquals(await parked.take({ signal }).catch((e) => e), "enough");
  assertEquals(pulls.length, 0);
});

Deno.test("the standing deadline ends every take, and can be moved while they wait", async () => {
  const { clock, parked, last } = source();
  parked.setDeadline(Date.now() + 10_000);
  const takes = [assertTimeout(parked.take()), assertTimeout(parked.take())];
  await clock.advance(9_000);
  parked.setDeadline(Date.now() + 5_000); // on the wall clock, which has not moved
  await clock.advance(4_000);
  const third = assertTimeout(parked.take());
  await clock.advance(1_100);
  await Promise.all([...takes, third]);
  parked.setDeadline(null);
  last().resolve("a");
  assertEquals(await parked.take(), "a");
});

Deno.test("a deadline that has passed ends a take even when a value is there", async () => {
  const { clock, parked, pulls, last } = source();
  const first = assertTimeout(parked.take({ timeout: 1 }));
  await clock.advance(1);
  await first;
  last().resolve("a");
  await settle();
  parked.setDeadline(Date.now() - 1);
  await assertTimeout(parked.take());
  parked.setDeadline(null);
  await assertTimeout(parked.take({ timeout: -1 }));
  assertEquals([await parked.take(), pulls.length], ["a", 1]);
});

Deno.test("takes in a row under a standing deadline share one timer", async () => {
  const { clock, parked, last } = source();
  parked.setDeadline(Date.now() + 10_000);
  let armed = 0;
  const { setTimeout } = clock;
  clock.setTimeout = (...args) => (armed++, setTimeout.apply(clock, args));
  for (let i = 0; i < 5; i++) {
    const take = parked.take();
    last().resolve("a");
    await take;
  }
  assertEquals(armed, 1);
  parked.close();
  assertEquals(clock.timers, 0);
});

Deno.test("a parked pull does not hold the process, a wanted one does", async () => {
  const { clock, parked, told, last } = source();
  const first = assertTimeout(parked.take({ timeout: 10 }));
  assertEquals(told, []);
  await clock.advance(10);
  await first;
  assertEquals(told, ["unref"]);
  const second = parked.take();
  assertEquals(told, ["unref", "ref"]);
  last().resolve("a");
  await second;
  assertEquals(told, ["unref", "ref"]);
});

Deno.test("the user's unref() outlasts every take, until ref()", async () => {
  const { clock, parked, told, last } = source();
  parked.unref();
  const first = assertTimeout(parked.take({ timeout: 10 }));
  await clock.advance(10);
  await first;
  const second = parked.take();
  assertEquals(told, ["unref"]);
  parked.ref();
  assertEquals(told, ["unref", "ref"]);
  last().resolve("a");
  await second;
});

Deno.test("close() ends every take and discards a value that comes late", async () => {
  const { parked, told, last } = source();
  const takes = [1, 2].map(() => assertRejects(() => parked.take(), Closed));
  parked.close();
  parked.close();
  await Promise.all(takes);
  last().resolve("late");
  await settle();
  assertEquals(told, ["discard late"]);
  await assertRejects(() => parked.take({ timeout: -1 }), Closed);
});

Deno.test("close() discards the value that was kept", async () => {
  const { clock, parked, told, last } = source();
  const first = assertTimeout(parked.take({ timeout: 10 }));
  await clock.advance(10);
  await first;
  last().resolve("kept");
  await settle();
  parked.close();
  assertEquals(told.at(-1), "discard kept");
});

Deno.test("close() swallows the error of the pull it interrupted", async () => {
  const { parked, last } = source();
  const take = assertRejects(() => parked.take(), Closed);
  parked.close();
  last().reject(new Error("interrupted"));
  await take;
  await settle();
});

Deno.test("a taker whose time is up at any moment of its beginning takes no value along", async () => {
  for (let timeout = 1; timeout < 8; timeout++) {
    const pulls = [Promise.resolve("a")]; // and no more
    let flies = 0;
    const clock = new FakeClock();
    const flying = { now: () => clock.now() + flies++, setTimeout: () => 0, clearTimeout() {} };
    const parked = new Parked<string>(() => pulls.shift() ?? new Promise(() => {}), {
      op: "accept",
      onTimeout: (cause) => new Error("too late", { cause }),
      onClosed: () => new Closed(),
      ref() {},
      unref() {},
      discard() {},
      clock: flying,
    });
    const taken = parked.take({ timeout }).catch((error) => {
      assert(isTimeout(error));
      return undefined;
    });
    const next = parked.take();
    assertEquals(await taken ?? await next, "a", `${timeout}`);
  }
});
