import { assert, assertEquals, assertThrows } from "@std/assert";
import { CoarseClock, coarseClock } from "../../deadline/coarse_clock.ts";
import { FakeClock } from "../support/fake_clock.ts";

function setUp(resolution?: number) {
  const clock = new FakeClock();
  const coarse = new CoarseClock({ clock, resolution });
  const expired: [string, number][] = [];
  const timer = (name = "timer", then?: () => void) =>
    coarse.timer(() => (expired.push([name, clock.now()]), then?.()));
  return { clock, coarse, expired, timer };
}

Deno.test("a coarse timer expires between ms and ms plus 2 resolutions, whenever it starts", async () => {
  for (const resolution of [1, 10, 100]) {
    for (const ms of [0.1, 1, 10, 99, 100, 101, 250, 1_000]) {
      for (const phase of [0, 0.01, 0.5, 0.99]) {
        const { clock, expired, timer } = setUp(resolution);
        const other = timer("other");
        other.start(1e6);
        await clock.advance(resolution * (3 + phase));
        const begun = clock.now();
        const one = timer();
        one.start(ms);
        for (let i = 0; i < 5 && expired.length === 0; i++) {
          await clock.advance((ms + 2 * resolution) / 4);
        }
        const [[name, at]] = expired;
        assertEquals([name, one.active, other.active], ["timer", false, true]);
        const late = at - begun - ms;
        // A twentieth of a resolution is kept for ticks that come late themselves.
        assert(late >= 0 && late <= 2.05 * resolution, `${ms} at ${phase}: ${late} late`);
      }
    }
  }
});

Deno.test("a touch begins the same duration anew", async () => {
  const { clock, expired, timer } = setUp();
  const one = timer();
  one.start(1_000);
  for (let i = 0; i < 10; i++) {
    await clock.advance(900);
    one.touch();
  }
  assertEquals(expired, []);
  await clock.advance(999);
  assertEquals(expired, []);
  await clock.advance(201);
  assertEquals(expired.length, 1);
});

Deno.test("a touch of a stopped or expired timer does nothing", async () => {
  const { clock, expired, timer } = setUp();
  const one = timer();
  one.touch();
  assertEquals([one.active, clock.timers], [false, 0]);
  one.start(100);
  one.stop();
  one.stop();
  one.touch();
  assertEquals([one.active, clock.timers], [false, 0]);
  one.start(100);
  await clock.advance(1_000);
  one.touch();
  assertEquals([one.active, clock.timers], [false, 0]);
  await clock.advance(1_000);
  assertEquals(expired.length, 1);
});

Deno.test("a blocked event loop delays expiry and never hastens it", async () => {
  // Blocked for this long before a touch, 40 ms into a tick; the timeout is 300 ms.
  for (const blocked of [0, 55, 60, 61, 99, 100, 160, 5_000]) {
    const { clock, expired, timer } = setUp();
    const one = timer();
    one.start(300);
    await clock.advance(140);
    clock.block(blocked);
    one.touch();
    const touched = clock.now();
    await clock.advance(299);
    assertEquals(expired, [], `blocked for ${blocked}`);
    await clock.advance(211);
    assertEquals(expired.length, 1, `blocked for ${blocked}`);
    const after = expired[0][1] - touched;
    assert(after >= 300 && after <= 510, `blocked for ${blocked}: ${after}`);
  }
});

Deno.test("a block counts as one tick: an untouched timer waits the rest of its ticks", async () => {
  const { clock, expired, timer } = setUp();
  timer().start(300);
  clock.block(60_000);
  await clock.advance(0);
  assertEquals(expired, []);
  await clock.advance(300);
  assertEquals(expired.length, 0);
  await clock.advance(200);
  assertEquals(expired.length, 1);
});

Deno.test("ticks that are each a little late do not add up", async () => {
  const fake = new FakeClock();
  const late = {
    now: () => fake.now(),
    setTimeout: (callback: () => void, ms: number) => fake.setTimeout(callback, ms + 2),
    clearTimeout: (timer: unknown) => fake.clearTimeout(timer),
  };
  let expired = 0;
  const coarse = new CoarseClock({ clock: late });
  coarse.timer(() => expired = fake.now()).start(60_000);
  await fake.advance(70_000);
  assert(expired >= 60_000 && expired <= 60_205, `${expired}`);
});

Deno.test("a tick that fires early is not counted", async () => {
  const fake = new FakeClock();
  let first = true;
  const early = {
    now: () => fake.now(),
    setTimeout: (callback: () => void, ms: number) => {
      const half = first;
      first = !first;
      return fake.setTimeout(callback, half ? ms / 2 : ms);
    },
    clearTimeout: (timer: unknown) => fake.clearTimeout(timer),
  };
  let expired = 0;
  const coarse = new CoarseClock({ clock: early });
  coarse.timer(() => expired = fake.now()).start(1_000);
  await fake.advance(2_000);
  assert(expired >= 1_000 && expired <= 1_200, `${expired}`);
});

Deno.test("a coarse timer has no limit, is over at the next tick, or is refused", async () => {
  const { clock, expired, timer } = setUp();
  for (const none of [0, -0, Infinity]) {
    const one = timer();
    one.start(none);
    assertEquals([one.active, clock.timers], [false, 0]);
    one.start(100);
    one.start(none);
    assertEquals([one.active, clock.timers], [false, 0], "as stop()");
  }
  for (const past of [-1, -Infinity]) {
    const one = timer();
    one.start(past);
    assertEquals(one.active, true);
    await clock.advance(100);
    assertEquals([one.active, expired.splice(0).length], [false, 1]);
  }
  const one = timer();
  one.start(100);
  assertThrows(() => one.start(NaN), RangeError, "timeout must not be NaN");
  for (const wrong of ["5", null, undefined, 5n]) {
    assertThrows(
      () => one.start(wrong as unknown as number),
      TypeError,
      "timeout must be a number",
    );
  }
  assertEquals(one.active, true, "a refused time changes nothing");
  const far = timer();
  far.start(Number.MAX_VALUE);
  assertEquals(far.active, true);
});

Deno.test("a coarse clock has a resolution that is finite and above 0", () => {
  for (const wrong of [0, -1, NaN, Infinity, "100", null]) {
    assertThrows(
      () => new CoarseClock({ resolution: wrong as number }),
      RangeError,
      "resolution must be a finite number above 0",
    );
  }
});

Deno.test("a coarse clock has one timer for all, while any of them is active", async () => {
  const { clock, expired, timer } = setUp();
  const timers = Array.from({ length: 1_000 }, () => timer());
  assertEquals(clock.timers, 0);
  timers.forEach((one, i) => one.start(100 + i));
  assertEquals(clock.timers, 1);
  for (const one of timers.slice(0, 990)) one.stop();
  assertEquals(clock.timers, 1);
  await clock.advance(2_000);
  assertEquals([expired.length, clock.timers], [10, 0]);
  timers[0].start(100);
  assertEquals(clock.timers, 1);
  timers[0].stop();
  assertEquals(clock.timers, 0);
});

Deno.test("an expiry may start, stop and restart timers, itself too", async () => {
  // What the middle one of five does when all expire in one tick; who expires in that tick.
  type Timers = ReturnType<ReturnType<typeof setUp>["timer"]>[];
  const rows: [string, (timers: Timers) => void, number, number][] = [
    ["stops those before it", (t) => (t[0].stop(), t[1].stop()), 3, 0],
    ["stops those after it", (t) => (t[3].stop(), t[4].stop()), 5, 0],
    ["stops all", (t) => t.forEach((one) => one.stop()), 3, 0],
    ["restarts itself", (t) => t[2].start(100), 5, 1],
    ["restarts all", (t) => t.forEach((one) => one.start(100)), 3, 5],
    ["expires itself again", (t) => t[2].start(-1), 5, 1],
    ["stops all, then starts one", (t) => (t.forEach((one) => one.stop()), t[0].start(100)), 3, 1],
    ["touches those before it", (t) => (t[0].touch(), t[1].touch()), 3, 2],
  ];
  for (const [name, act, now, later] of rows) {
    const { clock, expired, timer } = setUp();
    let acted = false;
    const timers: Timers = [];
    for (let i = 0; i < 5; i++) {
      timers.push(timer(`${i}`, () => {
        if (i === 2 && !acted) (acted = true, act(timers));
      }));
    }
    for (const one of timers) one.start(-1);
    await clock.advance(100);
    // The scan runs from the last to the first.
    assertEquals(expired.length, now, name);
    await clock.advance(1_000);
    assertEquals(expired.length, now + later, name);
    assertEquals(clock.timers, 0, name);
    assert(timers.every((one) => !one.active), name);
  }
});

Deno.test("timers that start and stop at random expire once each, in time", async () => {
  const { clock, coarse } = setUp(10);
  let seed = 1;
  const random = (below: number) => (seed = seed * 48271 % 0x7fffffff) % below;
  const due = new Map<number, number>();
  const timers = Array.from({ length: 60 }, (_, i) =>
    coarse.timer(() => {
      const late = clock.now() - due.get(i)!;
      assert(late >= 0 && late <= 20.5, `timer ${i}: ${late} late`);
      due.delete(i);
      act();
    }));
  function act() {
    const i = random(timers.length);
    if (random(3) === 0) (timers[i].stop(), due.delete(i));
    else {
      const ms = 1 + random(400);
      timers[i].start(ms);
      due.set(i, clock.now() + ms);
    }
  }
  for (let step = 0; step < 1_000; step++) {
    act();
    assertEquals(timers.filter((one) => one.active).length, due.size);
    await clock.advance(1 + random(15));
  }
  for (const one of timers) one.stop();
  assertEquals(clock.timers, 0);
});

Deno.test("an expiry that throws stops neither the clock nor the other timers", async () => {
  const { clock, expired, timer } = setUp();
  const first = timer("first");
  const broken = timer("broken", () => {
    throw new Error("broken");
  });
  for (const one of [first, broken]) one.start(100);
  let thrown: unknown;
  await clock.advance(1_000).catch((error) => thrown = error);
  assertEquals([(thrown as Error).message, clock.timers], ["broken", 1]);
  await clock.advance(1_000);
  assertEquals(expired.map(([name]) => name), ["broken", "first"]);
  assertEquals(clock.timers, 0);
});

Deno.test("the shared coarse clock runs on the system's time", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const begun = performance.now();
  const timer = coarseClock.timer(resolve);
  const alive = setTimeout(() => {}, 30_000); // the clock itself would let the process end
  timer.start(30);
  await promise;
  clearTimeout(alive);
  assert(performance.now() - begun >= 30);
  assertEquals(timer.active, false);
});
