import { assertEquals } from "@std/assert";
import { clientRows, serverRows } from "../../bench/support/rows.ts";
import { around } from "./fixture.ts";

Deno.test("serverRows() keep what a limit is of", () => {
  const shared = {
    name: "idle",
    title: "idle connections",
    measure: "memory",
    unit: "KiB",
    rounds: 1,
    baseline: "Deno.serve",
  };
  const score = { perSecond: undefined, p99: undefined };
  const scores = [
    { ...score, name: "plumb", value: around(6), ratio: around(0.5), limit: 12, met: true },
    {
      ...score,
      name: "Deno.serve",
      value: around(12),
      ratio: around(1),
      limit: undefined,
      met: undefined,
    },
  ];
  const [ours, peer] = serverRows("http-server", { ...shared, limitOf: "value", scores });
  assertEquals([ours.limitOf, ours.own.median, ours.limit, ours.met], ["own", 6, 12, true]);
  assertEquals([peer.name, peer.beside, peer.limit], ["Deno.serve", "Deno.serve", undefined]);
  const [beside] = serverRows("http-server", { ...shared, limitOf: "ratio", scores });
  assertEquals([beside.limitOf, beside.ratio.median], ["ratio", 0.5]);
});

Deno.test("clientRows() lay ours beside each other one, and keep what that one costs", () => {
  const found = clientRows("http-client", {
    name: "small",
    title: "a small GET",
    rounds: 5,
    scores: [
      { name: "plumb", cost: around(10), ratio: around(1) },
      { name: "fetch", cost: around(40), ratio: around(0.25) },
      { name: "Go", cost: around(20), ratio: around(0.5) },
    ],
    goals: [{ beside: "fetch", ratio: around(0.25), limit: 1 / 3, met: true }],
  });
  assertEquals(
    found.map(({ name, beside, own, ratio, limit, met }) => [
      name,
      beside,
      own.median,
      ratio.median,
      limit,
      met,
    ]),
    [
      ["plumb", "fetch", 10, 0.25, 1 / 3, true],
      ["fetch", "fetch", 40, 1, undefined, undefined],
      ["plumb", "Go", 10, 0.5, undefined, undefined],
      ["Go", "Go", 20, 1, undefined, undefined],
    ],
  );
});
