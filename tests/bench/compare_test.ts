import { assertEquals } from "@std/assert";
import { type Bench, type Contestant, measure, spread } from "../../bench/support/compare.ts";
import { rows } from "../../bench/support/rows.ts";

Deno.test("spread() finds the middle, the quarters and the ends", () => {
  assertEquals(spread([5, 1, 4, 2, 3]), { min: 1, low: 2, median: 3, high: 4, max: 5 });
  assertEquals(spread([1, 2]), { min: 1, low: 1.25, median: 1.5, high: 1.75, max: 2 });
  assertEquals(spread([7]), { min: 7, low: 7, median: 7, high: 7, max: 7 });
});

/** Takes so many ms for an operation, by a clock of its own. */
function contestant(name: string, cost: number, limit?: number): Contestant {
  let now = 0;
  return {
    name,
    limit,
    run: (ops) => Promise.resolve(void (now += ops * cost)),
    clock: () => Promise.resolve(now),
  };
}

function bench(of: "time" | "throughput", limit?: number): Bench {
  return {
    name: "example",
    title: "an example",
    unit: "op",
    target: { of, limit },
    open: () =>
      Promise.resolve([contestant("ours", 2), contestant("peer", 4), contestant("third", 8, 1)]),
  };
}

Deno.test("rows() of a bench of time: less than the peer is good", async () => {
  const [ours, peer, third] = rows("net", await measure(bench("time", 0.6), 20));
  assertEquals(ours.ratio.median, 0.5);
  assertEquals(ours.own.median, 2000);
  assertEquals([ours.name, ours.beside, ours.better, ours.met], ["ours", "peer", "lower", true]);
  assertEquals([peer.name, peer.beside, peer.met], ["peer", "peer", undefined]);
  assertEquals([third.limit, third.met], [1, false]);
});

Deno.test("rows() of a bench of throughput: more than the peer is good", async () => {
  const [ours] = rows("net", await measure(bench("throughput", 2.5), 20));
  assertEquals(ours.ratio.median, 2);
  assertEquals([ours.better, ours.limit, ours.met], ["higher", 2.5, false]);
});
