import { assertEquals, assertThrows } from "@std/assert";
import { type KeepAlive, keepAliveSeconds } from "../../../net/native/keep_alive.ts";

const usual = { idle: 15, interval: 15, count: 9 };

Deno.test("keep-alive is on by default, with Go's times", () => {
  assertEquals(keepAliveSeconds(), usual);
  assertEquals(keepAliveSeconds(true), usual);
  assertEquals(keepAliveSeconds({}), usual);
  assertEquals(keepAliveSeconds(0), usual);
});

Deno.test("false and negative numbers turn keep-alive off", () => {
  assertEquals(keepAliveSeconds(false), null);
  assertEquals(keepAliveSeconds(-1), null);
  assertEquals(keepAliveSeconds(-Infinity), null);
});

Deno.test("a number is both times", () => {
  assertEquals(keepAliveSeconds(30_000), { idle: 30, interval: 30, count: 9 });
});

Deno.test("times are rounded up to seconds", () => {
  const config = { idle: 1, interval: 1_001, count: 2 };
  assertEquals(keepAliveSeconds(config), { idle: 1, interval: 2, count: 2 });
});

Deno.test("a time or count the kernel does not take is a RangeError that names it", () => {
  for (
    const [config, name] of [
      [{ idle: 0 }, "idle"],
      [{ idle: -1 }, "idle"],
      [{ interval: 32_767_001 }, "interval"],
      [{ interval: NaN }, "interval"],
      [{ idle: "1" as unknown as number }, "idle"],
      [{ count: 0 }, "count"],
      [{ count: 1.5 }, "count"],
      [{ count: 128 }, "count"],
    ] as const
  ) {
    const error = assertThrows(() => keepAliveSeconds(config), RangeError);
    assertEquals(error.message.startsWith(`keepAlive.${name} must be`), true, error.message);
  }
});

Deno.test("another type is a TypeError", () => {
  for (const bad of ["1s", NaN, null, 1n]) {
    assertThrows(() => keepAliveSeconds(bad as unknown as KeepAlive), TypeError);
  }
});
