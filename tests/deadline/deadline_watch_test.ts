import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { Deadline } from "../../deadline/deadline.ts";
import { isTimeout, TimeoutError } from "../../deadline/timeout_error.ts";
import { FakeClock, outcome, settle } from "../support/fake_clock.ts";

const never = () => new Promise<never>(() => {});

Deno.test("watch() calls once at the end, at once after it, and not after it was stopped", async () => {
  const clock = new FakeClock();
  const deadline = new Deadline({ timeout: 100 }, { clock });
  const calls: string[] = [];
  const stop = deadline.watch(() => calls.push("stopped"));
  deadline.watch((reason) => calls.push(`end ${isTimeout(reason)}`));
  stop();
  stop();
  await clock.advance(100);
  assertEquals(calls, ["end true"]);
  deadline.watch(() => calls.push("after"))();
  assertEquals(calls, ["end true", "after"]);
  assertEquals(clock.timers, 0);
  new Deadline().watch(() => calls.push("unlimited"))();
  assertEquals(calls.length, 2);
});

Deno.test("a watcher may stop another at the end, on the same or another deadline", () => {
  const controller = new AbortController();
  const one = new Deadline({ signal: controller.signal });
  const two = new Deadline({ signal: controller.signal });
  const calls: string[] = [];
  one.watch(() => (calls.push("first"), stop(), two[Symbol.dispose]()));
  const stop = one.watch(() => calls.push("second"));
  const derived = two.signal;
  controller.abort();
  assertEquals(calls, ["first"]);
  assertEquals(derived.aborted, false);
});

Deno.test("a watcher may start another wait on the deadline that ends", async () => {
  const clock = new FakeClock();
  const deadline = new Deadline({ timeout: 100 }, { clock });
  let started = false;
  let inner: Promise<unknown> | undefined;
  deadline.watch(() => {
    inner = deadline.race(() => (started = true, never())).catch((error) => error);
    deadline.watch((reason) => assert(isTimeout(reason)));
  });
  await clock.advance(100);
  assert(isTimeout(await inner));
  assertEquals([started, clock.timers], [false, 0]);
});

Deno.test("a watcher that throws is reported and keeps the end from nobody else", async () => {
  const broken = new Error("broken");
  const reported: unknown[] = [];
  const listen = (event: ErrorEvent) => (event.preventDefault(), reported.push(event.error));
  addEventListener("error", listen);
  try {
    const controller = new AbortController();
    const { signal } = controller;
    const one = new Deadline({ signal });
    one.watch(() => {
      throw broken;
    });
    const seen = [one, new Deadline({ signal })].map((deadline) => outcome(deadline.race(never())));
    controller.abort("stop");
    await settle();
    assertEquals(seen, [{ reason: "stop" }, { reason: "stop" }]);
    assertEquals(reported, [broken]);
  } finally {
    removeEventListener("error", listen);
  }
});

Deno.test("an abort event that is no abort ends nothing and doubles no timer", async () => {
  const controller = new AbortController();
  const clock = new FakeClock();
  const deadline = new Deadline({ signal: controller.signal, timeout: 100 }, { clock });
  const seen = outcome(deadline.race(never()));
  controller.signal.dispatchEvent(new Event("abort"));
  await settle();
  assertEquals([seen, clock.timers], [{}, 1]);
  controller.abort("stop");
  await settle();
  assertEquals([seen, clock.timers], [{ reason: "stop" }, 0]);
});

Deno.test("the derived signal holds a timer from the first look until dispose", async () => {
  const clock = new FakeClock();
  const deadline = new Deadline({ timeout: 100 }, { clock });
  const { signal } = deadline;
  assertEquals(clock.timers, 1);
  assertEquals(await deadline.race(Promise.resolve(1)), 1);
  assertEquals(clock.timers, 1);
  deadline[Symbol.dispose]();
  deadline[Symbol.dispose]();
  assertEquals(clock.timers, 0);
  await clock.advance(100);
  assertEquals(signal.aborted, false);
  assert(isTimeout(deadline.signal.reason), "a look after the end shows the end");
  assertStrictEquals(deadline.signal, signal);
});

Deno.test("a look at the signal after dispose holds it anew", async () => {
  const clock = new FakeClock();
  const deadline = new Deadline({ timeout: 100 }, { clock });
  deadline.signal;
  deadline[Symbol.dispose]();
  const { signal } = deadline;
  await clock.advance(100);
  assert(isTimeout(signal.reason));
  assertEquals(clock.timers, 0);
});

Deno.test("dispose does not disturb a race that is running", async () => {
  const clock = new FakeClock();
  function dial() {
    using deadline = new Deadline({ timeout: 100 }, { clock });
    return { race: outcome(deadline.race(never())), signal: deadline.signal };
  }
  const { race, signal } = dial();
  assertEquals(clock.timers, 1);
  await clock.advance(100);
  assert(isTimeout(race.reason));
  assertStrictEquals(signal.reason, race.reason);
});

Deno.test("a child ends with its parent or earlier, and names its own phase", async () => {
  const controller = new AbortController();
  const clock = new FakeClock();
  const parent = new Deadline({ timeout: 100, signal: controller.signal }, {
    clock,
    phase: "dial",
  });
  const rows: [Deadline, number, string][] = [
    [parent.child(), 100, "dial"],
    [parent.child({ timeout: 50 }, { phase: "dns" }), 50, "dns"],
    [parent.child({ timeout: 500 }, { phase: "tls" }), 100, "tls"],
    [parent.child({ timeout: 0 }), 100, "dial"],
    [parent.child({ timeout: 500 }).child({ timeout: 70 }), 70, "dial"],
    [new Deadline({ timeout: 500 }, { parent, clock: new FakeClock() }), 100, "dial"],
  ];
  const seen = rows.map(([child]) => outcome(child.race(never())));
  for (const [child, at] of rows) assertEquals(child.remaining, at);
  await clock.advance(100);
  seen.forEach(({ reason }, i) => {
    assertInstanceOf(reason, TimeoutError);
    assertEquals(reason.phase, rows[i][2]);
  });
  const open = new Deadline({ signal: controller.signal });
  const own = new AbortController();
  const byParent = outcome(open.child().race(never()));
  const byParentDespiteOwn = outcome(
    open.child({ signal: new AbortController().signal }).race(never()),
  );
  const byBoth = outcome(open.child({ signal: controller.signal }).race(never()));
  const byOwn = outcome(open.child({ signal: own.signal }).race(never()));
  own.abort("own");
  controller.abort("parent");
  await settle();
  assertEquals(
    [byOwn, byParent, byParentDespiteOwn, byBoth].map(({ reason }) => reason),
    ["own", "parent", "parent", "parent"],
  );
  assertEquals(open.child().expired, true);
});
