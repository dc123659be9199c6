import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  checkTimeout,
  delayUntil,
  endOfDeadline,
  endOfTimeout,
  quote,
  systemClock,
  unref,
} from "../../deadline/clock.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("the system's clock moves on while its timers wait", async () => {
  const begun = systemClock.now();
  let calls = 0;
  await new Promise<void>((resolve) => systemClock.setTimeout(() => (calls++, resolve()), 20));
  // The clock and the timer round differently, so that a millisecond may be missing.
  assert(systemClock.now() - begun >= 19);
  assertEquals(calls, 1);
});

Deno.test("a timer of the system's clock that was cleared does not fire", async () => {
  let fired = false;
  const timer = systemClock.setTimeout(() => fired = true, 1);
  systemClock.clearTimeout(timer);
  await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 10));
  assertEquals(fired, false);
});

Deno.test("a delay is whole, never short, never negative, and within a timer's reach", () => {
  const rows: [number, number, number][] = [
    [100, 0, 100],
    [100, 99.4, 1],
    [100.5, 100, 1],
    [100, 100, 0],
    [100, 200, 0],
    [-Infinity, 100, 0],
    [2 ** 31 - 1, 0, 2 ** 31 - 1],
    [2 ** 31, 0, 2 ** 31 - 1],
    [Infinity, 0, 2 ** 31 - 1],
  ];
  for (const [at, now, delay] of rows) assertEquals(delayUntil(at, now), delay, `${at} at ${now}`);
});

Deno.test("unref() lets go of the system's timers, and leaves those of another clock alone", () => {
  const { unrefTimer } = Deno;
  const released: unknown[] = [];
  Deno.unrefTimer = (id) => void released.push(id);
  try {
    unref(new FakeClock(), 1);
    unref(systemClock, 2);
  } finally {
    Deno.unrefTimer = unrefTimer;
  }
  assertEquals(released, [2]);
});

Deno.test("a timeout ends never, already, or that many milliseconds from now", () => {
  const rows: [number | undefined, number][] = [
    [undefined, Infinity],
    [0, Infinity],
    [-0, Infinity],
    [Infinity, Infinity],
    [250, 1_250],
    [0.5, 1_000.5],
    [-1, -Infinity],
    [-Infinity, -Infinity],
  ];
  for (const [timeout, at] of rows) assertEquals(endOfTimeout(timeout, 1_000), at, `${timeout}`);
});

Deno.test("an absolute deadline is never, or its distance from the wall clock", () => {
  for (const none of [undefined, null, 0, Infinity]) {
    assertEquals(endOfDeadline(none, 1_000), Infinity, String(none));
  }
  assertEquals(endOfDeadline(-Infinity, 1_000), -Infinity);
  for (const past of [1, -1, new Date(0)]) {
    assert(endOfDeadline(past, 1_000) < 1_000, String(past));
  }
  const before = Date.now();
  for (const soon of [before + 5_000, new Date(before + 5_000)]) {
    const at = endOfDeadline(soon, 1_000);
    assert(at <= 6_000 && at >= 6_000 - (Date.now() - before), `${at}`);
  }
});

Deno.test("what is no limit is refused with the value and the rule", () => {
  const time = "deadline must be a Date or a number of epoch milliseconds, got ";
  const ms = "timeout must be a number of milliseconds, got ";
  const rows: [() => void, typeof TypeError | typeof RangeError, string][] = [
    [() => checkTimeout(NaN), RangeError, "timeout must not be NaN"],
    [() => checkTimeout("5"), TypeError, `${ms}"5"`],
    [() => checkTimeout(null), TypeError, `${ms}null`],
    [() => checkTimeout(undefined), TypeError, `${ms}undefined`],
    [() => endOfTimeout(NaN, 0), RangeError, "timeout must not be NaN"],
    [() => endOfTimeout("5" as unknown as number, 0), TypeError, `${ms}"5"`],
    [() => endOfDeadline(NaN, 0), RangeError, "deadline must be a valid time, got NaN"],
    [() => endOfDeadline(new Date(NaN), 0), RangeError, "deadline must be a valid time, got NaN"],
    [() => endOfDeadline("now" as unknown as number, 0), TypeError, `${time}"now"`],
  ];
  for (const [call, ErrorClass, message] of rows) {
    assertEquals(assertThrows(call, ErrorClass).message, message);
  }
});

Deno.test("quote() tells a text from what it spells", () => {
  assertEquals([quote("5"), quote(5), quote(5n), quote(null)], ['"5"', "5", "5", "null"]);
  assertEquals(quote(Symbol("s")), "Symbol(s)");
});
