import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { Deadline, isTimeout, TimeoutError } from "../../deadline.ts";
import {
  AttemptsError,
  dialParallel,
  dialSerial,
  partition,
  shareOfTime,
} from "../../net/eyeballs.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

/**
 * How an address behaves: `ok` or `fail` so many milliseconds after it is tried, `hang` until it
 * is told to give up, `late` as `ok` but deaf to its deadline, or `throw` on the spot.
 */
type Plan = `${"ok" | "fail" | "late"} ${number}` | "hang" | "throw";

const abortReason = { why: "the caller had enough" };

/** A world of addresses, and what happened in it. */
class World {
  readonly clock = new FakeClock();
  /** `"<time> <address>"` for each attempt, in order. */
  readonly started: string[] = [];
  /** The same for each attempt that was told to give up. */
  readonly cancelled: string[] = [];
  readonly closed: string[] = [];
  readonly #plans: Record<string, Plan>;
  readonly #timers = new Set<number>();

  constructor(plans: Record<string, Plan>) {
    this.#plans = plans;
  }

  /** Timers that are not the world's own. */
  get strayTimers(): number {
    return this.clock.timers - this.#timers.size;
  }

  after(ms: number, callback: () => void): number {
    const timer = this.clock.setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  close = (conn: string) => void this.closed.push(conn);

  connect = (address: string, deadline: Deadline): Promise<string> => {
    this.started.push(`${this.clock.now()} ${address}`);
    const [what, ms] = this.#plans[address].split(" ");
    if (what === "throw") throw new Error(`${address} thrown`);
    return new Promise<string>((resolve, reject) => {
      const done = () => {
        unwatch();
        if (what === "fail") reject(new Error(`${address} failed`));
        else resolve(address);
      };
      const timer = ms === undefined ? undefined : this.after(Number(ms), done);
      const giveUp = (reason: unknown) => {
        this.cancelled.push(`${this.clock.now()} ${address}`);
        if (timer !== undefined) {
          this.clock.clearTimeout(timer);
          this.#timers.delete(timer);
        }
        reject(isTimeout(reason) ? new Error(`${address} timed out`, { cause: reason }) : reason);
      };
      const unwatch = what === "late" ? () => {} : deadline.watch(giveUp);
    });
  };
}

/** How a dial ended, in words: the winner, `"aborted"`, or the errors, the reported one first. */
function describe(outcome: PromiseSettledResult<string>): string {
  if (outcome.status === "fulfilled") return outcome.value;
  if (outcome.reason === abortReason) return "aborted";
  assertInstanceOf(outcome.reason, AttemptsError);
  return outcome.reason.errors.map((error) => {
    return error instanceof TimeoutError ? "deadline" : (error as Error).message;
  }).join(", ");
}

interface Row {
  name: string;
  /** Addresses beginning with `p` are primaries, with `f` fallbacks. */
  plans: Record<string, Plan>;
  delay?: number;
  timeout?: number;
  abortAt?: number;
  /** When it settles, and how. */
  at: number;
  outcome: string;
  started: string[];
  cancelled?: string[];
  closed?: string[];
}

const rows: Row[] = [
  {
    name: "both fast: the primary wins and the other family is never tried",
    plans: { p1: "ok 10", f1: "ok 10" },
    at: 10,
    outcome: "p1",
    started: ["0 p1"],
  },
  {
    name: "a slow primary: the other family starts after 300 ms and wins",
    plans: { p1: "ok 1000", f1: "ok 50" },
    at: 350,
    outcome: "f1",
    started: ["0 p1", "300 f1"],
    cancelled: ["350 p1"],
  },
  {
    name: "a slow primary still wins when it is first",
    plans: { p1: "ok 320", f1: "ok 50" },
    at: 320,
    outcome: "p1",
    started: ["0 p1", "300 f1"],
    cancelled: ["320 f1"],
  },
  {
    name: "the delay can be chosen",
    plans: { p1: "ok 1000", f1: "ok 50" },
    delay: 100,
    at: 150,
    outcome: "f1",
    started: ["0 p1", "100 f1"],
    cancelled: ["150 p1"],
  },
  {
    name: "a delay of 0 starts both at once",
    plans: { p1: "ok 100", f1: "ok 50" },
    delay: 0,
    at: 50,
    outcome: "f1",
    started: ["0 p1", "0 f1"],
    cancelled: ["50 p1"],
  },
  {
    name: "the primary fails early: the other family starts at once",
    plans: { p1: "fail 20", f1: "ok 50" },
    at: 70,
    outcome: "f1",
    started: ["0 p1", "20 f1"],
  },
  {
    name: "every primary is tried before that",
    plans: { p1: "fail 20", p2: "fail 30", f1: "ok 50" },
    at: 100,
    outcome: "f1",
    started: ["0 p1", "20 p2", "50 f1"],
  },
  {
    name: "the second primary wins",
    plans: { p1: "fail 20", p2: "ok 30", f1: "ok 50" },
    at: 50,
    outcome: "p2",
    started: ["0 p1", "20 p2"],
  },
  {
    name: "the other family fails, and the primary succeeds later",
    plans: { p1: "ok 900", f1: "fail 50" },
    at: 900,
    outcome: "p1",
    started: ["0 p1", "300 f1"],
  },
  {
    name: "the primary fails after the other family has started, which wins",
    plans: { p1: "fail 400", f1: "ok 500" },
    at: 800,
    outcome: "f1",
    started: ["0 p1", "300 f1"],
  },
  {
    name: "all fail: the primary's first error leads, the others follow",
    plans: { p1: "fail 500", p2: "fail 100", f1: "fail 50", f2: "fail 10" },
    at: 600,
    outcome: "p1 failed, p2 failed, f1 failed, f2 failed",
    started: ["0 p1", "300 f1", "350 f2", "500 p2"],
  },
  {
    name: "all fail, the primary last",
    plans: { p1: "fail 500", f1: "fail 50" },
    at: 500,
    outcome: "p1 failed, f1 failed",
    started: ["0 p1", "300 f1"],
  },
  {
    name: "all fail, the other family last",
    plans: { p1: "fail 10", f1: "fail 50" },
    at: 60,
    outcome: "p1 failed, f1 failed",
    started: ["0 p1", "10 f1"],
  },
  {
    name: "one family only, which wins",
    plans: { p1: "fail 10", p2: "ok 500" },
    at: 510,
    outcome: "p2",
    started: ["0 p1", "10 p2"],
  },
  {
    name: "one family only, which fails",
    plans: { p1: "fail 10", p2: "fail 500" },
    at: 510,
    outcome: "p1 failed, p2 failed",
    started: ["0 p1", "10 p2"],
  },
  {
    name: "one address only, which fails",
    plans: { p1: "fail 10" },
    at: 10,
    outcome: "p1 failed",
    started: ["0 p1"],
  },
  {
    name: "a negative delay: no race, one after the other",
    plans: { p1: "fail 400", f1: "ok 50" },
    delay: -1,
    at: 450,
    outcome: "f1",
    started: ["0 p1", "400 f1"],
  },
  {
    name: "a negative delay, and all fail",
    plans: { p1: "fail 400", f1: "fail 50" },
    delay: -1,
    at: 450,
    outcome: "p1 failed, f1 failed",
    started: ["0 p1", "400 f1"],
  },
  {
    name: "a connector that throws is a failed attempt",
    plans: { p1: "throw", f1: "ok 50" },
    at: 50,
    outcome: "f1",
    started: ["0 p1", "0 f1"],
  },
  {
    name: "connectors that all throw",
    plans: { p1: "throw", p2: "throw", f1: "throw" },
    at: 0,
    outcome: "p1 thrown, p2 thrown, f1 thrown",
    started: ["0 p1", "0 p2", "0 f1"],
  },
  {
    name: "a loser that opens after the race is closed",
    plans: { p1: "late 1000", f1: "ok 50" },
    at: 350,
    outcome: "f1",
    started: ["0 p1", "300 f1"],
    closed: ["p1"],
  },
  {
    name: "a connection that opens after the deadline is closed",
    plans: { p1: "late 1000" },
    timeout: 500,
    at: 500,
    outcome: "deadline",
    started: ["0 p1"],
    closed: ["p1"],
  },
  {
    name: "both open after the deadline, and both are closed",
    plans: { p1: "late 1000", f1: "late 300" },
    timeout: 500,
    at: 500,
    outcome: "deadline",
    started: ["0 p1", "300 f1"],
    closed: ["f1", "p1"],
  },
  {
    name: "a connection that opens after the abort is closed, and no other is tried",
    plans: { p1: "late 1000", p2: "ok 10", f1: "ok 10" },
    abortAt: 100,
    at: 100,
    outcome: "aborted",
    started: ["0 p1"],
    closed: ["p1"],
  },
  {
    name: "already aborted: nothing is tried",
    plans: { p1: "ok 10", f1: "ok 10" },
    abortAt: -1,
    at: 0,
    outcome: "aborted",
    started: [],
  },
  {
    name: "aborted while the primary is alone",
    plans: { p1: "hang", f1: "ok 50" },
    abortAt: 100,
    at: 100,
    outcome: "aborted",
    started: ["0 p1"],
    cancelled: ["100 p1"],
  },
  {
    name: "aborted while the second primary is tried",
    plans: { p1: "fail 50", p2: "hang", f1: "ok 50" },
    abortAt: 100,
    at: 100,
    outcome: "aborted",
    started: ["0 p1", "50 p2"],
    cancelled: ["100 p2"],
  },
  {
    name: "aborted while both are tried",
    plans: { p1: "hang", f1: "hang" },
    abortAt: 400,
    at: 400,
    outcome: "aborted",
    started: ["0 p1", "300 f1"],
    cancelled: ["400 p1", "400 f1"],
  },
  {
    name: "aborted when the primary has failed and the other family is left",
    plans: { p1: "fail 10", f1: "hang" },
    abortAt: 100,
    at: 100,
    outcome: "aborted",
    started: ["0 p1", "10 f1"],
    cancelled: ["100 f1"],
  },
  {
    name: "aborted after it settled: the connection stays",
    plans: { p1: "ok 10" },
    abortAt: 20,
    at: 10,
    outcome: "p1",
    started: ["0 p1"],
  },
  {
    name: "already expired: nothing is tried",
    plans: { p1: "ok 10", f1: "ok 10" },
    timeout: -1,
    at: 0,
    outcome: "deadline",
    started: [],
  },
  {
    name: "the time is up while the primary is alone",
    plans: { p1: "hang", f1: "ok 50" },
    timeout: 200,
    at: 200,
    outcome: "deadline",
    started: ["0 p1"],
    cancelled: ["200 p1"],
  },
  {
    name: "the time is up while both are tried",
    plans: { p1: "hang", f1: "hang" },
    timeout: 400,
    at: 400,
    outcome: "deadline",
    started: ["0 p1", "300 f1"],
    cancelled: ["400 p1", "400 f1"],
  },
  {
    name: "the time is up after the primary failed: the error says so",
    plans: { p1: "fail 10", f1: "hang" },
    timeout: 400,
    at: 400,
    outcome: "deadline, p1 failed",
    started: ["0 p1", "10 f1"],
    cancelled: ["400 f1"],
  },
  {
    name: "the time is up after the other family failed",
    plans: { p1: "hang", f1: "fail 10" },
    timeout: 400,
    at: 400,
    outcome: "deadline, f1 failed",
    started: ["0 p1", "300 f1"],
    cancelled: ["400 p1"],
  },
  {
    name: "a share is up: the next address is tried, and wins",
    plans: { p1: "hang", p2: "ok 100" },
    timeout: 10_000,
    at: 5_100,
    outcome: "p2",
    started: ["0 p1", "5000 p2"],
    cancelled: ["5000 p1"],
  },
  {
    name: "shares of both families, until the time is up",
    plans: { p1: "hang", p2: "hang", f1: "hang", f2: "hang" },
    timeout: 6_000,
    at: 6_000,
    outcome: "deadline, p1 timed out, f1 timed out",
    started: ["0 p1", "300 f1", "3000 p2", "3150 f2"],
    cancelled: ["3000 p1", "3150 f1", "6000 p2", "6000 f2"],
  },
];

for (const row of rows) {
  Deno.test(`dialParallel() ${row.name}`, async () => {
    const world = new World(row.plans);
    const { clock } = world;
    const controller = new AbortController();
    const { abortAt } = row;
    if (abortAt === -1) controller.abort(abortReason);
    else if (abortAt !== undefined) world.after(abortAt, () => controller.abort(abortReason));

    const { signal } = controller;
    const addresses = Object.keys(row.plans);
    const [primaries, fallbacks] = partition(addresses, (address) => address[0]);
    let at = NaN;
    const dial = dialParallel({
      primaries,
      fallbacks,
      fallbackDelay: row.delay,
      deadline: new Deadline({ timeout: row.timeout, signal }, { clock }),
      connect: world.connect,
      close: world.close,
      clock,
    }).finally(() => at = clock.now());
    const outcome = Promise.allSettled([dial]);

    await settle();
    while (Number.isNaN(at) && clock.now() < 60_000) await clock.advance(10);
    assertEquals(at, row.at, "settles when it should");
    assertEquals(world.strayTimers, 0, "no timer is left");
    assertEquals(describe((await outcome)[0]), row.outcome);
    await clock.advance(60_000); // whatever is late arrives now
    assertEquals(world.started, row.started);
    assertEquals(world.cancelled, row.cancelled ?? []);
    assertEquals(world.closed, row.closed ?? []);
    assertEquals(clock.timers, 0);
  });
}

Deno.test("dialParallel() calls it a timeout when the last attempt fails at the deadline", async () => {
  const clock = new FakeClock();
  const attempt = Promise.withResolvers<string>();
  // Armed first, so that it fires before the timer of the deadline does.
  clock.setTimeout(() => attempt.reject(new Error("timed out by itself")), 400);
  const dial = dialParallel({
    primaries: ["p1"],
    fallbacks: [],
    deadline: new Deadline({ timeout: 400 }, { clock }),
    connect: () => attempt.promise,
    close: () => {},
    clock,
  });
  const outcome = Promise.allSettled([dial]);
  await clock.advance(400);
  assertEquals(describe((await outcome)[0]), "deadline, timed out by itself");
  assertEquals(clock.timers, 0);
});

Deno.test("dialParallel() leaves no listener on the caller's signal", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = AbortSignal.prototype;
  Object.assign(signal, {
    addEventListener(...args: Parameters<typeof addEventListener>) {
      listeners++;
      addEventListener.apply(signal, args);
    },
    removeEventListener(...args: Parameters<typeof removeEventListener>) {
      listeners--;
      removeEventListener.apply(signal, args);
    },
  });
  const world = new World({ p1: "hang", f1: "ok 50" });
  const { clock, connect, close } = world;
  const deadline = new Deadline({ signal }, { clock });
  const dial = dialParallel({
    primaries: ["p1"],
    fallbacks: ["f1"],
    deadline,
    connect,
    close,
    clock,
  });
  await clock.advance(100);
  assert(listeners > 0, "it listens while it dials");
  await clock.advance(1_000);
  assertEquals(await dial, "f1");
  assertEquals(listeners, 0);
});

Deno.test("dialParallel() cancels through the deadline's signal too, and releases it", async () => {
  const clock = new FakeClock();
  const signals: AbortSignal[] = [];
  const dial = dialParallel<string, string>({
    primaries: ["p1"],
    fallbacks: ["f1"],
    deadline: new Deadline({ timeout: 5_000 }, { clock }),
    connect: (address, deadline) => {
      signals.push(deadline.signal);
      return address === "f1" ? Promise.resolve("f1") : new Promise(() => {});
    },
    close: () => {},
    clock,
  });
  await clock.advance(300);
  assertEquals(await dial, "f1");
  assertEquals(signals.map((signal) => signal.aborted), [true, false]);
  assertEquals(signals[0].reason.name, "AbortError");
  assertEquals(clock.timers, 0);
});

Deno.test("dialSerial() gives each of 1 to 10 addresses its share of the time", async () => {
  const timeout = 12_000;
  const shares = [12_000, 6_000, 4_000, 3_000, 2_400, 2_000, 2_000, 2_000, 2_000, 2_000];
  for (const [i, share] of shares.entries()) {
    const addresses = Array.from({ length: i + 1 }, (_, n) => `a${n}`);
    const world = new World(Object.fromEntries(addresses.map((a) => [a, "hang"])));
    const { clock } = world;
    const errors: unknown[] = [];
    const deadline = new Deadline({ timeout }, { clock });
    const dial = dialSerial(addresses, deadline, world.connect, errors).catch((error) => error);
    await clock.advance(timeout);
    assert(isTimeout((await dial).errors?.[0] ?? await dial));
    // A share is at least 2 s, so that no more than six fit into 12 s.
    const tried = Math.min(addresses.length, 6);
    const starts = addresses.slice(0, tried).map((address, n) => `${n * share} ${address}`);
    assertEquals(world.started, starts);
    assertEquals(errors.length, tried);
    assertEquals(clock.timers, 0);
  }
});

Deno.test("dialSerial() gives the time that a failure has saved to the rest", async () => {
  const world = new World({ a: "fail 0", b: "hang", c: "ok 10" });
  const { clock } = world;
  const deadline = new Deadline({ timeout: 10_000 }, { clock });
  const dial = dialSerial(["a", "b", "c"], deadline, world.connect);
  await clock.advance(10_000);
  assertEquals(await dial, "c");
  assertEquals(world.started, ["0 a", "0 b", "5000 c"]);
});

Deno.test("dialSerial() without a time limit gives each address all the time it wants", async () => {
  const world = new World({ a: "fail 600000", b: "ok 10" });
  const dial = dialSerial(["a", "b"], new Deadline(), world.connect);
  await world.clock.advance(600_010);
  assertEquals(await dial, "b");
});

Deno.test("dialSerial() stops at an abort with its reason, unchanged", async () => {
  const world = new World({ a: "hang", b: "ok 10" });
  const controller = new AbortController();
  const deadline = new Deadline({ signal: controller.signal }, { clock: world.clock });
  const dial = dialSerial(["a", "b"], deadline, world.connect).catch((error) => error);
  controller.abort(abortReason);
  assertStrictEquals(await dial, abortReason);
  assertEquals(world.started, ["0 a"]);
});

Deno.test("dialSerial() fails with every error, the first one first", async () => {
  const world = new World({ a: "throw", b: "fail 10" });
  const dial = dialSerial(["a", "b"], new Deadline(), world.connect).catch((error) => error);
  await world.clock.advance(10);
  const error = await dial;
  assertInstanceOf(error, AttemptsError);
  assertInstanceOf(error, AggregateError);
  assertEquals(error.errors.map((e) => (e as Error).message), ["a thrown", "b failed"]);
});

Deno.test("shareOfTime() is an equal share, at least 2 s, at most all", () => {
  const shares: [remaining: number, left: number, share: number][] = [
    [30_000, 1, 30_000],
    [30_000, 2, 15_000],
    [30_000, 10, 3_000],
    [30_000, 15, 2_000],
    [30_000, 16, 2_000],
    [4_000, 3, 2_000],
    [2_000, 2, 2_000],
    [1_999, 2, 1_999],
    [1, 10, 1],
    [0, 3, 0],
    [Infinity, 1, Infinity],
    [Infinity, 10, Infinity],
  ];
  for (const [remaining, left, share] of shares) {
    assertEquals(shareOfTime(remaining, left), share, `shareOfTime(${remaining}, ${left})`);
  }
});

Deno.test("partition() puts the family of the first address first, each in order", () => {
  const familyOf = (address: string) => address.includes(":") ? 6 : 4;
  assertEquals(partition(["::1", "127.0.0.1", "::2", "127.0.0.2"], familyOf), [
    ["::1", "::2"],
    ["127.0.0.1", "127.0.0.2"],
  ]);
  assertEquals(partition(["127.0.0.1", "::1"], familyOf), [["127.0.0.1"], ["::1"]]);
  assertEquals(partition(["::1", "::2"], familyOf), [["::1", "::2"], []]);
  assertEquals(partition([], familyOf), [[], []]);
});
