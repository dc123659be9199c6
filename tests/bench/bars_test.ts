import { assertEquals } from "@std/assert";
import { bar, bars, shown } from "../../bench/support/bars.ts";
import { around, baseline, row } from "./fixture.ts";

const [half, full] = ["█".repeat(15), "█".repeat(30)];

Deno.test("bar() fills its share, to an eighth of a cell", () => {
  assertEquals(bar(0), " ".repeat(30));
  assertEquals(bar(0.5), half.padEnd(30));
  assertEquals(bar(0.5 + 3 / 240), `${half}▍`.padEnd(30));
  assertEquals(bar(1), full);
});

Deno.test("bar() marks the target, inside the bar and beyond its end", () => {
  assertEquals(bar(0.5, 0.75), `${half}${" ".repeat(7)}│${" ".repeat(7)}`);
  assertEquals(bar(0.5, 0.1), `███│${"█".repeat(11)}`.padEnd(30));
  assertEquals(bar(0, 1), "│".padStart(30));
});

Deno.test("bar() that is too long for its room says so, and is no longer", () => {
  assertEquals(bar(1.5), `${full.slice(1)}▶`);
  assertEquals(bar(Infinity), `${full.slice(1)}▶`);
});

Deno.test("shown() leaves out who is only there to be compared with, and who has no goal", () => {
  const peer = row({ name: "node:net", limit: undefined, met: undefined });
  assertEquals(shown([row(), baseline(), peer]), [row()]);
});

Deno.test("shown() takes the subject of a bench without goals", () => {
  const free = { bench: "unix", limit: undefined, met: undefined };
  const subject = row(free);
  const elsewhere = row({ ...free, part: "ipc" });
  const rows = [row(), baseline(), subject, baseline(free), row({ ...free, name: "node:net" })];
  assertEquals(shown([...rows, elsewhere]), [row(), subject, elsewhere]);
});

Deno.test("bars() draws a line for each row, under the name of its part", () => {
  const text = bars([
    row(),
    baseline(),
    row({ bench: "ping-pong", ratio: around(0.7), better: "higher", limit: 0.9, met: false }),
    row({
      part: "http-server",
      bench: "idle",
      own: around(6),
      limit: 12,
      limitOf: "own",
      unit: "KiB",
    }),
    row({ part: "ipc", bench: "lock", limit: undefined, met: undefined }),
  ]);
  assertEquals(
    text,
    [
      "net",
      "  dial       plumb / raw  ███████▌    │                        0.50  at most 0.80     met",
      "  ping-pong  plumb / raw  ██████████▌  │                       0.70  at least 0.90    NOT MET",
      "",
      "http-server",
      "  idle       plumb / raw  ███████▌       │                  6.0 KiB  at most 12 KiB   met",
      "",
      "ipc",
      "  lock       plumb / raw  ███████▌                             0.50                   for information",
      "",
    ].join("\n"),
  );
});
