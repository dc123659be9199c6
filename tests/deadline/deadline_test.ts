import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Deadline, type WaitOptions } from "../../deadline/deadline.ts";
import { isTimeout, TimeoutError } from "../../deadline/timeout_error.ts";
import { FakeClock, outcome, settle } from "../support/fake_clock.ts";

const never = () => new Promise<never>(() => {});

Deno.test("a limit is none, over already, or the milliseconds that are left", () => {
  const rows: [WaitOptions, number][] = [
    [{}, Infinity],
    [{ timeout: undefined, deadline: undefined }, Infinity],
    [{ timeout: 0 }, Infinity],
    [{ timeout: -0 }, Infinity],
    [{ timeout: Infinity }, Infinity],
    [{ deadline: 0 }, Infinity],
    [{ deadline: Infinity }, Infinity],
    [{ timeout: 250 }, 250],
    [{ timeout: 0.5 }, 0.5],
    [{ timeout: 2 ** 40 }, 2 ** 40],
    [{ timeout: 0, deadline: Infinity }, Infinity],
    [{ timeout: -1 }, 0],
    [{ timeout: -Infinity }, 0],
    [{ timeout: 250, deadline: 1 }, 0],
    [{ deadline: -1 }, 0],
    [{ deadline: -Infinity }, 0],
    [{ deadline: new Date(0) }, 0],
  ];
  for (const [wait, remaining] of rows) {
    const clock = new FakeClock();
    const deadline = new Deadline(wait, { clock });
    assertEquals(deadline.remaining, remaining, JSON.stringify(wait));
    assertEquals(deadline.expired, remaining === 0, JSON.stringify(wait));
    assertEquals(deadline.unlimited, remaining === Infinity, JSON.stringify(wait));
    assertEquals(clock.timers, 0, "nothing is armed before something waits");
  }
});

Deno.test("an absolute deadline counts from the wall clock, whichever way it is given", () => {
  for (const wrap of [(epoch: number) => epoch, (epoch: number) => new Date(epoch)]) {
    const before = Date.now();
    const { remaining } = new Deadline({ deadline: wrap(before + 5_000) }, {
      clock: new FakeClock(),
    });
    assert(remaining <= 5_000 && remaining >= 5_000 - (Date.now() - before), `${remaining}`);
  }
});

Deno.test("a limit that is not a time is refused with the value and the rule", () => {
  const rows: [unknown, typeof TypeError | typeof RangeError, string][] = [
    [{ timeout: NaN }, RangeError, "timeout must not be NaN"],
    [{ timeout: "5" }, TypeError, 'timeout must be a number of milliseconds, got "5"'],
    [{ timeout: null }, TypeError, "timeout must be a number of milliseconds, got null"],
    [{ timeout: 5n }, TypeError, "timeout must be a number of milliseconds, got 5"],
    [{ deadline: NaN }, RangeError, "deadline must be a valid time"],
    [{ deadline: new Date(NaN) }, RangeError, "deadline must be a valid time"],
    [{ deadline: "now" }, TypeError, 'got "now"'],
    [{ signal: {} }, TypeError, "signal must be an AbortSignal"],
    [{ signal: null }, TypeError, "signal must be an AbortSignal"],
  ];
  for (const [wait, ErrorClass, message] of rows) {
    assertThrows(() => new Deadline(wait as WaitOptions), ErrorClass, message);
  }
});

Deno.test("a race gives the value that comes in time, and keeps nothing armed", async () => {
  const clock = new FakeClock();
  const deadline = new Deadline({ timeout: 100 }, { clock });
  const { promise, resolve } = Promise.withResolvers<string>();
  const race = deadline.race(() => promise, () => assert(false, "not late"));
  assertEquals(clock.timers, 1);
  resolve("value");
  assertEquals(await race, "value");
  assertEquals(clock.timers, 0);
  await clock.advance(200);
});

Deno.test("a race ends with a timeout at its time and not before", async () => {
  for (const timeout of [100, 0.5, 2 ** 31 - 1, 2 ** 31, 2 ** 33 + 0.25]) {
    const clock = new FakeClock();
    const seen = outcome(
      new Deadline({ timeout }, { clock, phase: "connect" }).race(never()),
    );
    await clock.advance(Math.ceil(timeout) - 1);
    assertEquals(seen, {}, `${timeout}`);
    await clock.advance(1);
    assertInstanceOf(seen.reason, TimeoutError);
    assertEquals([seen.reason.code, seen.reason.phase], ["ETIMEDOUT", "connect"]);
    assertStringIncludes(seen.reason.message, "connect: deadline exceeded");
    assertEquals(clock.timers, 0);
  }
});

Deno.test("a timer that fires early is set again", async () => {
  let now = 0;
  const delays: number[] = [];
  const fire: (() => void)[] = [];
  const clock = {
    now: () => now,
    setTimeout: (callback: () => void, ms: number) => (delays.push(ms), fire.push(callback)),
    clearTimeout: () => {},
  };
  const seen = outcome(new Deadline({ timeout: 100 }, { clock }).race(never()));
  now = 99.4;
  fire[0]();
  await settle();
  assertEquals(seen, {});
  now = 100.4;
  fire[1]();
  await settle();
  assert(isTimeout(seen.reason));
  assertEquals(delays, [100, 1]);
});

Deno.test("an abort rejects with the reason, unchanged", async () => {
  for (const reason of [new Error("mine"), "text", 0, null, false, "", NaN, Symbol("s")]) {
    const controller = new AbortController();
    const deadline = new Deadline({ signal: controller.signal, timeout: 60_000 });
    const seen = outcome(deadline.race(never()));
    const derived = deadline.signal;
    controller.abort(reason);
    await settle();
    assertEquals(Object.keys(seen), ["reason"]);
    assert(Object.is(seen.reason, reason), String(reason));
    assert(Object.is(derived.reason, reason), String(reason));
    try {
      deadline.throwIfExpired();
      assert(false, "not reached");
    } catch (error) {
      assert(Object.is(error, reason), String(reason));
    }
  }
  const controller = new AbortController();
  const race = new Deadline({ signal: controller.signal }).race(never());
  controller.abort(undefined);
  assertStrictEquals(await assertRejects(() => race), controller.signal.reason);
  assertEquals(controller.signal.reason.name, "AbortError");
});

Deno.test("work is not started when the deadline has ended already", async () => {
  for (const wait of [{ signal: AbortSignal.abort("stop") }, { timeout: -1 }, { deadline: 1 }]) {
    let started = 0;
    const race = new Deadline(wait).race(() => Promise.resolve(++started));
    await race.then(() => assert(false), () => {});
    assertEquals(started, 0);
  }
});

Deno.test("a late value goes to onLate exactly once, and a late failure nowhere", async () => {
  const controller = new AbortController();
  const ended = new Deadline({ signal: AbortSignal.abort("stop") });
  const running = new Deadline({ signal: controller.signal });
  for (const deadline of [running, ended]) {
    for (const asFunction of deadline === running ? [true, false] : [false]) {
      const late: string[] = [];
      const { promise, resolve } = Promise.withResolvers<string>();
      const race = deadline.race(asFunction ? () => promise : promise, (v) => late.push(v));
      const failing = Promise.withResolvers<string>();
      const lost = deadline.race(failing.promise, (v) => late.push(v));
      queueMicrotask(() => controller.abort("stop"));
      for (const p of [race, lost]) assertEquals(await p.catch((reason) => reason), "stop");
      assertEquals(late, []);
      resolve("opened");
      failing.reject(new Error("never seen"));
      await settle();
      assertEquals(late, ["opened"]);
    }
  }
});

Deno.test("without limits a race is the work itself", async () => {
  const clock = new FakeClock();
  const deadline = new Deadline({ timeout: 0 }, { clock });
  const promise = Promise.resolve(1);
  assertStrictEquals(deadline.race(promise), promise);
  assertEquals(await deadline.race(() => promise), 1);
  await assertRejects(
    () =>
      deadline.race(() => {
        throw new TypeError("no");
      }),
    TypeError,
  );
  assertEquals(clock.armed, 0);
});

Deno.test("work that throws, rejects or is a broken thenable leaves nothing armed", async () => {
  const boom = new Error("boom");
  const thenable = (then: unknown) => ({ then }) as PromiseLike<unknown>;
  const throwing = () => {
    throw boom;
  };
  const rows: (PromiseLike<unknown> | (() => PromiseLike<unknown>))[] = [
    throwing,
    () => Promise.reject(boom),
    Promise.reject(boom),
    thenable(throwing),
    () => thenable(throwing),
    Object.defineProperty({}, "then", { get: throwing }) as PromiseLike<unknown>,
    thenable((_: unknown, reject: (error: unknown) => void) => reject(boom)),
  ];
  for (const [i, work] of rows.entries()) {
    const clock = new FakeClock();
    const race = new Deadline({ timeout: 100 }, { clock }).race(work);
    assertStrictEquals(await race.then(() => "resolved", (error) => error), boom, `row ${i}`);
    assertEquals(clock.timers, 0, `row ${i}`);
  }
  for (const work of [thenable(throwing), Promise.reject(boom)]) {
    const race = new Deadline({ timeout: -1 }).race(work);
    assert(isTimeout(await race.catch((error) => error)));
  }
});

Deno.test("a thenable that answers twice is heard once", async () => {
  const late: number[] = [];
  const deadline = new Deadline({ timeout: 100 }, { clock: new FakeClock() });
  const twice = {
    then(resolve: (value: number) => void) {
      resolve(1);
      resolve(2);
    },
  } as PromiseLike<number>;
  assertEquals(await deadline.race(twice, (value) => late.push(value)), 1);
  await settle();
  assertEquals(late, []);
});

Deno.test("work that aborts the signal while it starts does not wait for ever", async () => {
  const controller = new AbortController();
  const clock = new FakeClock();
  const deadline = new Deadline({ signal: controller.signal, timeout: 100 }, { clock });
  const { promise, resolve } = Promise.withResolvers<string>();
  const late: string[] = [];
  const seen = outcome(deadline.race(() => {
    controller.abort("mine");
    return promise;
  }, (value) => late.push(value)));
  await settle();
  assertEquals(seen, { reason: "mine" });
  assertEquals(clock.timers, 0);
  resolve("opened");
  await settle();
  assertEquals(late, ["opened"]);
});

Deno.test("the first end is the end: later ones change neither reason nor error", async () => {
  const controller = new AbortController();
  const clock = new FakeClock();
  const deadline = new Deadline({ signal: controller.signal, timeout: 100 }, { clock });
  const seen = outcome(deadline.race(never()));
  await clock.advance(100);
  controller.abort("too late to matter");
  assertStrictEquals(
    await deadline.race(never()).catch((error) => error),
    seen.reason,
  );
  assertStrictEquals(assertThrows(() => deadline.throwIfExpired(), TimeoutError), seen.reason);
  assertStrictEquals(deadline.signal.reason, seen.reason);
});

Deno.test("many waits share one timer, and settle independently", async () => {
  const clock = new FakeClock();
  const deadline = new Deadline({ timeout: 100 }, { clock });
  const first = Promise.withResolvers<number>();
  const seen = [outcome(deadline.race(first.promise)), outcome(deadline.race(never()))];
  assertEquals(clock.timers, 1);
  first.resolve(1);
  await settle();
  assertEquals(seen, [{ value: 1 }, {}]);
  assertEquals(clock.timers, 1);
  await clock.advance(100);
  assert(isTimeout(seen[1].reason));
});

Deno.test("the timeout of a caller's own AbortSignal is a timeout too", async () => {
  const signal = AbortSignal.timeout(1);
  const error = await new Deadline({ signal }).race(never()).catch((reason) => reason);
  assert(isTimeout(error));
  assertStrictEquals(error, signal.reason);
});
