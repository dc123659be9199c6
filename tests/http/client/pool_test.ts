import { assertEquals, assertStrictEquals } from "@std/assert";
import { CoarseClock } from "../../../deadline.ts";
import { type Open, Pool, type PoolConn, type PoolLimits } from "../../../http/client/pool.ts";
import { FakeClock, settle } from "../../support/fake_clock.ts";

const unlimited: PoolLimits = {
  maxIdleConns: Infinity,
  maxIdleConnsPerHost: Infinity,
  maxConnsPerHost: Infinity,
  idleConnTimeout: 0,
};

class FakeConn implements PoolConn {
  closed = false;
  reason: unknown;
  constructor(readonly name: string) {}
  close(reason?: unknown): void {
    this.closed = true;
    this.reason = reason;
  }
}

/** A pool whose dials the test settles. */
function setUp(limits: Partial<PoolLimits> = {}) {
  const clock = new FakeClock();
  const pool = new Pool<FakeConn>({ ...unlimited, ...limits }, new CoarseClock({ clock }));
  const dials: {
    resolve(conn: FakeConn): void;
    reject(error: unknown): void;
    signal: AbortSignal;
  }[] = [];
  const open: Open<FakeConn> = (signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<FakeConn>();
    signal.addEventListener("abort", () => reject(signal.reason));
    dials.push({ resolve, reject, signal });
    return promise;
  };
  const log: string[] = [];
  const wait = (name: string, key = "a") =>
    pool.wait(key, open, {
      ready: (conn, reused) => log.push(`${name} ${conn.name}${reused ? " reused" : ""}`),
      fail: (error) => log.push(`${name} failed: ${error}`),
    });
  /** A fresh connection, active. */
  const dialed = async (name: string, key = "a") => {
    wait(name, key);
    const conn = new FakeConn(name);
    dials.at(-1)!.resolve(conn);
    await settle();
    log.pop();
    return conn;
  };
  return { clock, pool, dials, log, wait, dialed };
}

Deno.test("Pool: the most recently used idle connection is taken first", async () => {
  const { pool, dialed } = setUp();
  const [one, two] = [await dialed("one"), await dialed("two")];
  assertEquals(pool.take("a"), undefined);
  assertEquals([pool.put(two), pool.put(one)], ["idle", "idle"]);
  assertStrictEquals(pool.take("a"), one);
  assertEquals(pool.take("b"), undefined);
  assertStrictEquals(pool.take("a"), two);
  assertEquals(pool.take("a"), undefined);
});

Deno.test("Pool: over maxIdleConns the least recently used of all hosts is closed", async () => {
  const { pool, dialed } = setUp({ maxIdleConns: 2 });
  const conns = [await dialed("one", "a"), await dialed("two", "b"), await dialed("three", "c")];
  assertEquals(conns.map((conn) => pool.put(conn)), ["idle", "idle", "idle"]);
  assertEquals(conns.map(({ closed }) => closed), [true, false, false]);
  assertEquals(Object.keys(pool.stats()), ["b", "c"]);
});

Deno.test("Pool: over maxIdleConnsPerHost a connection given back is closed", async () => {
  const { pool, dialed } = setUp({ maxIdleConnsPerHost: 1 });
  const [one, two, other] = [await dialed("1"), await dialed("2"), await dialed("3", "b")];
  assertEquals([pool.put(one), pool.put(two), pool.put(other)], ["idle", "closed", "idle"]);
  assertEquals([one.closed, two.closed], [false, true]);
  assertEquals(pool.stats().a, { dialing: 0, active: 0, idle: 1, waiting: 0 });
});

Deno.test("Pool: maxConnsPerHost counts idle, active and dialed ones, and others queue", async () => {
  const { pool, dials, log, wait, dialed } = setUp({ maxConnsPerHost: 2 });
  const one = await dialed("one");
  wait("first"); // dials
  wait("second");
  wait("third");
  wait("elsewhere", "b");
  assertEquals(dials.length, 3);
  assertEquals(pool.stats().a, { dialing: 1, active: 1, idle: 0, waiting: 3 });
  assertEquals(pool.put(one), "taken");
  assertEquals(log, ["first one reused"]);
  dials[1].resolve(new FakeConn("two"));
  await settle();
  assertEquals(log, ["first one reused", "second two"]);
  pool.remove(one); // its place is free
  assertEquals(dials.length, 4);
  dials[3].resolve(new FakeConn("three"));
  await settle();
  assertEquals(log.at(-1), "third three");
});

Deno.test("Pool: waiters are served first come, first served", async () => {
  const { pool, log, wait, dialed } = setUp({ maxConnsPerHost: 1 });
  const conn = await dialed("conn");
  for (const name of ["a", "b", "c"]) wait(name);
  for (let i = 0; i < 3; i++) assertEquals(pool.put(conn), "taken");
  assertEquals(log, ["a conn reused", "b conn reused", "c conn reused"]);
  assertEquals(pool.put(conn), "idle");
});

Deno.test("Pool: where no more may be opened, a waiter gets the idle one", async () => {
  const { pool, dials, log, wait, dialed } = setUp({ maxConnsPerHost: 1 });
  pool.put(await dialed("one"));
  wait("first");
  assertEquals([log, dials.length], [["first one reused"], 1]);
  assertEquals(pool.stats().a, { dialing: 0, active: 1, idle: 0, waiting: 0 });
});

Deno.test("Pool: a dial that finishes after its waiter was served becomes idle", async () => {
  const { pool, dials, log, wait, dialed } = setUp();
  const one = await dialed("one");
  wait("waiter");
  assertEquals(pool.put(one), "taken");
  const two = new FakeConn("two");
  dials[1].resolve(two);
  await settle();
  assertEquals(log, ["waiter one reused"]);
  assertStrictEquals(pool.take("a"), two);
});

Deno.test("Pool: a dial that finishes after its waiter was served goes to the next one", async () => {
  const { pool, dials, log, wait, dialed } = setUp();
  const one = await dialed("one");
  wait("first");
  pool.put(one);
  wait("second");
  dials[1].resolve(new FakeConn("two"));
  await settle();
  assertEquals(log, ["first one reused", "second two"]);
});

Deno.test("Pool: a failed dial fails its own waiter and no other", async () => {
  const { pool, dials, log, wait } = setUp();
  wait("first");
  wait("second");
  dials[0].reject("no luck");
  await settle();
  assertEquals(log, ["first failed: no luck"]);
  assertEquals(pool.stats().a, { dialing: 1, active: 0, idle: 0, waiting: 1 });
  dials[1].resolve(new FakeConn("two"));
  await settle();
  assertEquals(log.at(-1), "second two");
});

Deno.test("Pool: an open that throws is a failed dial", async () => {
  const { pool, log } = setUp();
  const open = () => {
    throw "at once";
  };
  const fail = (error: unknown) => log.push(String(error));
  pool.wait("a", open, { ready: () => log.push("ready"), fail });
  await settle();
  assertEquals(log, ["at once"]);
  assertEquals(pool.stats(), {});
});

Deno.test("Pool: the place of a failed dial goes to the next in the queue", async () => {
  const { dials, log, wait } = setUp({ maxConnsPerHost: 1 });
  wait("first");
  wait("second");
  assertEquals(dials.length, 1);
  dials[0].reject("refused");
  await settle();
  assertEquals([dials.length, log.length], [2, 1]);
});

Deno.test("Pool: who stops waiting ends a dial that nobody else needs", async () => {
  const { pool, dials, log, wait } = setUp();
  const leave = wait("first");
  leave();
  await settle();
  assertEquals([dials[0].signal.aborted, log, pool.stats()], [true, [], {}]);
  leave(); // harmless
});

Deno.test("Pool: who stops waiting leaves a dial to the others", async () => {
  const { dials, log, wait } = setUp({ maxConnsPerHost: 1 });
  const leave = wait("first");
  wait("second");
  leave();
  assertEquals(dials[0].signal.aborted, false);
  dials[0].resolve(new FakeConn("one"));
  await settle();
  assertEquals(log, ["second one"]);
});

Deno.test("Pool: an idle connection that ends is forgotten, and makes room", async () => {
  const { pool, dials, log, wait, dialed } = setUp({ maxConnsPerHost: 1 });
  const one = await dialed("one");
  pool.put(one);
  pool.remove(one);
  pool.remove(one);
  assertEquals([pool.take("a"), pool.stats()], [undefined, {}]);
  wait("next");
  dials[1].resolve(new FakeConn("two"));
  await settle();
  assertEquals(log, ["next two"]);
});

Deno.test("Pool: a connection idle for longer than idleConnTimeout is closed", async () => {
  const { clock, pool, dialed } = setUp({ idleConnTimeout: 1_000 });
  const conn = await dialed("one");
  pool.put(conn);
  await clock.advance(900);
  assertEquals(conn.closed, false);
  await clock.advance(400);
  assertEquals([conn.closed, pool.stats(), clock.timers], [true, {}, 0]);
});

Deno.test("Pool: idleness is counted from the end of the latest request", async () => {
  const { clock, pool, dialed } = setUp({ idleConnTimeout: 1_000 });
  const conn = await dialed("one");
  pool.put(conn);
  await clock.advance(800);
  pool.take("a");
  await clock.advance(5_000); // busy
  assertEquals(conn.closed, false);
  pool.put(conn);
  await clock.advance(900);
  assertEquals(conn.closed, false);
  await clock.advance(400);
  assertEquals(conn.closed, true);
});

Deno.test("Pool: closeIdle() closes idle connections and leaves active ones alone", async () => {
  const { pool, dialed } = setUp();
  const [one, two] = [await dialed("one"), await dialed("two")];
  pool.put(one);
  pool.closeIdle();
  assertEquals([one.closed, two.closed], [true, false]);
  assertEquals(pool.put(two), "idle");
});

Deno.test("Pool: close() ends connections, dials and waits, and refuses what comes later", async () => {
  const { pool, dials, log, wait, dialed } = setUp();
  const [one, two] = [await dialed("one"), await dialed("two")];
  pool.put(one);
  wait("first", "b");
  pool.close("closed");
  pool.close("twice");
  assertEquals([one.closed, two.closed, two.reason], [true, true, "closed"]);
  assertEquals([log, dials[2].signal.aborted], [["first failed: closed"], true]);
  wait("late");
  assertEquals(log.at(-1), "late failed: closed");
  await settle();
  assertEquals(pool.stats(), {});
  const late = new FakeConn("late");
  assertEquals([pool.put(late), late.closed], ["closed", true]);
});

Deno.test("Pool: a connection that is opened after close() is closed", async () => {
  const { pool, log } = setUp();
  const { promise, resolve } = Promise.withResolvers<FakeConn>();
  const fail = (error: unknown) => log.push(String(error));
  pool.wait("a", () => promise, { ready: () => log.push("ready"), fail });
  pool.close("over");
  const conn = new FakeConn("late");
  resolve(conn);
  await settle();
  assertEquals([log, conn.closed, pool.stats()], [["over"], true, {}]);
});
