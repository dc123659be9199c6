import { assert, assertEquals, assertThrows } from "@std/assert";
import { MovingDeadline } from "../../deadline/moving_deadline.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A moving deadline on a clock moved by hand; `set` takes milliseconds from now. */
function setUp(options: { keepAlive?: boolean } = {}) {
  const clock = new FakeClock();
  const expired: number[] = [];
  const deadline = new MovingDeadline(() => expired.push(clock.now()), { clock, ...options });
  const set = (ms: number) => deadline.set(Date.now() + ms);
  return { clock, expired, deadline, set };
}

Deno.test("a moving deadline expires once, and only while something waits", async () => {
  const { clock, expired, deadline, set } = setUp();
  set(100);
  assertEquals([deadline.active, deadline.passed, clock.timers], [true, false, 0]);
  await clock.advance(200);
  assertEquals([deadline.active, deadline.passed, expired.length], [true, true, 0]);
  deadline.begin();
  assertEquals(expired.length, 0, "not before begin() has returned");
  await clock.advance(1_000);
  assertEquals(expired, [200]);
  deadline.begin();
  await clock.advance(1_000);
  assertEquals(expired, [200, 1_200]);
  assertEquals(clock.timers, 0);
});

Deno.test("a moving deadline that is moved while something waits is felt at its new time", async () => {
  // The moves (milliseconds from now, or null for none), made at 50 ms; when it must expire.
  const rows: [string, (number | null)[], number | undefined][] = [
    ["left alone", [], 1_000],
    ["moved earlier", [100], 150],
    ["moved later", [5_000], 5_050],
    ["moved later, then earlier", [5_000, 200], 250],
    ["moved earlier, then later", [100, 5_000], 5_050],
    ["cleared", [null], undefined],
    ["cleared, then set", [null, 300], 350],
    ["moved to the past", [-1], 50],
    ["moved far beyond one timer's reach", [2 ** 33], 2 ** 33 + 50],
  ];
  for (const [name, moves, at] of rows) {
    const { clock, expired, deadline, set } = setUp();
    const begun = Date.now();
    set(1_000);
    deadline.begin();
    await clock.advance(50);
    for (const move of moves) move === null ? deadline.set(null) : set(move);
    // The wall clock may go on between two looks at it, which brings the deadline nearer.
    const spent = Date.now() - begun;
    await clock.advance(2 ** 34);
    assertEquals(expired.length, at === undefined ? 0 : 1, name);
    if (at !== undefined) {
      assert(expired[0] <= at && expired[0] >= at - spent, `${name}: ${expired}`);
    }
    assertEquals(clock.timers, 0, name);
  }
});

Deno.test("a moving deadline in the past is felt at once by a wait under way", () => {
  for (const past of [1, -1, -Infinity, new Date(0), Date.now()]) {
    const { clock, expired, deadline } = setUp();
    deadline.begin();
    deadline.set(past);
    assertEquals([expired, clock.timers], [[0], 0], String(past));
  }
});

Deno.test("a moving deadline is none when it is null, 0 or Infinity, and must be a time", () => {
  const { clock, deadline, set } = setUp();
  for (const none of [null, 0, Infinity]) {
    set(1_000);
    deadline.begin();
    assertEquals([deadline.active, clock.timers], [true, 1]);
    deadline.set(none);
    assertEquals([deadline.active, deadline.passed, clock.timers], [false, false, 0]);
  }
  set(1_000);
  assertThrows(() => deadline.set(NaN), RangeError, "must be a valid time");
  assertThrows(() => deadline.set(new Date(NaN)), RangeError, "must be a valid time");
  assertThrows(() => deadline.set("soon" as unknown as number), TypeError, '"soon"');
  assertEquals([deadline.active, clock.timers], [true, 1], "a refused time changes nothing");
});

Deno.test("a moving deadline serves thousands of waits with one timer", async () => {
  const { clock, expired, deadline, set } = setUp();
  for (let i = 0; i < 5_000; i++) {
    set(1_000 + i);
    deadline.begin();
    deadline.end();
  }
  assertEquals([clock.armed, clock.timers], [1, 1]);
  await clock.advance(10_000);
  assertEquals([expired, clock.timers], [[], 0], "nothing waited when it passed");
});

Deno.test("a moving deadline that keeps the process alive is armed only while something waits", () => {
  const { clock, deadline, set } = setUp({ keepAlive: true });
  set(1_000);
  for (let i = 0; i < 3; i++) {
    deadline.begin();
    assertEquals(clock.timers, 1);
    deadline.end();
    assertEquals(clock.timers, 0);
  }
});

Deno.test("a stopped moving deadline is forgotten with its timer", async () => {
  const { clock, expired, deadline, set } = setUp();
  set(100);
  deadline.begin();
  deadline.stop();
  assertEquals([deadline.active, clock.timers], [false, 0]);
  await clock.advance(1_000);
  assertEquals(expired, []);
});

Deno.test("the expiry of a moving deadline may set it anew and wait again", async () => {
  const clock = new FakeClock();
  const expired: number[] = [];
  const deadline = new MovingDeadline(() => {
    expired.push(clock.now());
    if (expired.length === 3) return deadline.stop();
    deadline.set(Date.now() + 10_000);
    deadline.begin();
  }, { clock });
  deadline.begin();
  deadline.set(1);
  await clock.advance(100_000);
  assertEquals(expired.map((at) => Math.round(at / 1_000)), [0, 10, 20]);
  assertEquals(clock.timers, 0);
});
