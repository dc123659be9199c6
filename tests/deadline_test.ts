import { assertEquals } from "@std/assert";
import * as entry from "../deadline.ts";

Deno.test("the entry exports the deadlines, the clocks and the timeout, and no helper", () => {
  assertEquals(Object.keys(entry).sort(), [
    "CoarseClock",
    "Deadline",
    "MovingDeadline",
    "TimeoutError",
    "coarseClock",
    "isTimeout",
    "systemClock",
  ]);
});

Deno.test("the entry exports the options and the interfaces, and no other type", async () => {
  // The compiler holds the keys to be types of the entry; its text tells whether there are more.
  const types: { [Name in keyof Types]: true } = {
    Clock: true,
    CoarseClockOptions: true,
    CoarseTimer: true,
    DeadlineOptions: true,
    MovingDeadlineOptions: true,
    WaitOptions: true,
  };
  const text = await Deno.readTextFile(new URL("../deadline.ts", import.meta.url));
  const exports = [...text.matchAll(/^export [^]*?;$/gm)].join("\n");
  const names = [...exports.matchAll(/\btype (\w+)/g)].map(([, name]) => name);
  assertEquals(names.sort(), Object.keys(types));
});

interface Types {
  Clock: entry.Clock;
  CoarseClockOptions: entry.CoarseClockOptions;
  CoarseTimer: entry.CoarseTimer;
  DeadlineOptions: entry.DeadlineOptions;
  MovingDeadlineOptions: entry.MovingDeadlineOptions;
  WaitOptions: entry.WaitOptions;
}
