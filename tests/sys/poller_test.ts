import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Deadline, isTimeout, TimeoutError } from "../../deadline.ts";
import {
  close,
  DescriptorClosedError,
  O_RDWR,
  open,
  pipe2,
  poller,
  read,
  recv,
  send,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  socketpair,
  SyscallError,
  write,
} from "../../sys/mod.ts";
import { Poller } from "../../sys/poller.ts";
import { READ, type Readiness, WRITE } from "../../sys/readiness.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { hasPython, Python, ready, receiveText, runDeno, sysUrl, tcpPair } from "./helpers.ts";

const one = new Uint8Array(1);

/** A turn of the event loop. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Whether a promise has settled by the time others would have been told. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(() => done = true, () => done = true);
  for (let i = 0; i < 300; i++) await turn();
  return done;
}

Deno.test("wait() resolves when there is something to read, and not before", async () => {
  const [a, b] = socketpair(SOCK_STREAM);
  const wait = poller.wait(a, "read");
  assertEquals(await settled(wait), false);
  send(b, one);
  await wait;
  assertEquals(recv(a, one), 1);
  [a, b].forEach(close);
});

Deno.test("wait() resolves for what was there before, as often as it is asked", async () => {
  const [a, b] = socketpair(SOCK_DGRAM);
  for (let i = 0; i < 3; i++) send(b, one);
  for (let i = 0; i < 3; i++) {
    await poller.wait(a, "read");
    await poller.wait(a, "read");
    assertEquals(recv(a, one), 1);
  }
  assertEquals(recv(a, one), null);
  [a, b].forEach(close);
});

Deno.test("the end of a stream and an error make a descriptor ready both ways", async () => {
  const [a, b] = socketpair(SOCK_STREAM);
  const block = new Uint8Array(65536);
  while (send(a, block) !== null);
  const waits = [poller.wait(a, "read"), poller.wait(a, "write")];
  close(b);
  await Promise.all(waits);
  assertThrows(() => send(a, one), SyscallError, "EPIPE");
  close(a);
});

Deno.test("reading and writing are waited for apart", async () => {
  const [a, b] = socketpair(SOCK_STREAM);
  const block = new Uint8Array(65536);
  while (send(a, block) !== null);
  const writing = poller.wait(a, "write");
  const reading = poller.wait(a, "read");
  send(b, one);
  await reading;
  assertEquals(recv(a, one), 1);
  assertEquals(await settled(writing), false);
  const readAgain = poller.wait(a, "read");
  while (recv(b, block) !== null);
  await writing;
  assertEquals(await settled(readAgain), false);
  send(b, one);
  await readAgain;
  [a, b].forEach(close);
});

Deno.test("all who wait for the same are told", async () => {
  const [a, b] = socketpair(SOCK_SEQPACKET);
  const waits = [1, 2, 3].map(() => poller.wait(a, "read"));
  send(b, one);
  await Promise.all(waits);
  [a, b].forEach(close);
});

Deno.test("what is ready and not waited for disturbs nobody else", async () => {
  const [a, b] = socketpair(SOCK_STREAM);
  const [c, d] = socketpair(SOCK_STREAM);
  await poller.wait(a, "write");
  send(b, one);
  await poller.wait(a, "read"); // watched, ready, and left so
  for (let i = 0; i < 3; i++) {
    const wait = poller.wait(c, "read");
    assertEquals(await settled(wait), false);
    send(d, one);
    await wait;
    recv(c, one);
  }
  await poller.wait(a, "read");
  close(b);
  await poller.wait(a, "read");
  const last = poller.wait(c, "read"); // now with a hang-up that nobody waits for
  assertEquals(await settled(last), false);
  send(d, one);
  await last;
  [a, c, d].forEach(close);
});

Deno.test("a timeout ends a wait, and the next one works", async () => {
  const [a, b] = socketpair(SOCK_STREAM);
  const error = await assertRejects(() => poller.wait(a, "read", { timeout: 5 }), TimeoutError);
  assertEquals([isTimeout(error), error.message], [true, "wait: deadline exceeded"]);
  await assertRejects(() => poller.wait(a, "read", { timeout: -1 }), TimeoutError);
  const next = poller.wait(a, "read", { timeout: 10_000 });
  send(b, one);
  await next;
  await poller.idle();
  [a, b].forEach(close);
});

Deno.test("an abort ends a wait with its reason, unchanged", async () => {
  const [a, b] = socketpair(SOCK_STREAM);
  const reason = { why: "enough" };
  const controller = new AbortController();
  const wait = poller.wait(a, "read", { signal: controller.signal });
  controller.abort(reason);
  assertStrictEquals(await wait.catch((error) => error), reason);
  const again = poller.wait(a, "read", { signal: controller.signal });
  assertStrictEquals(await again.catch((error) => error), reason);
  await poller.idle();
  [a, b].forEach(close);
});

Deno.test("wait() takes a Deadline, whose other waits go on", async () => {
  const clock = new FakeClock();
  const [a, b] = socketpair(SOCK_STREAM);
  using deadline = new Deadline({ timeout: 1000 }, { clock });
  const first = poller.wait(a, "read", deadline);
  send(b, one);
  await first;
  recv(a, one);
  const second = poller.wait(a, "read", deadline);
  const third = poller.wait(a, "read", deadline);
  Promise.allSettled([second, third]);
  await clock.advance(999);
  assertEquals(await settled(second), false);
  await clock.advance(1);
  await assertRejects(() => second, TimeoutError);
  await assertRejects(() => third, TimeoutError);
  assertEquals(clock.timers, 0);
  await poller.idle();
  [a, b].forEach(close);
});

Deno.test("close() ends the waits for a descriptor", async () => {
  const [a, b] = socketpair(SOCK_STREAM);
  while (send(a, new Uint8Array(65536)) !== null);
  const waits = [poller.wait(a, "read"), poller.wait(a, "write", { timeout: 10_000 })];
  const results = Promise.allSettled(waits);
  close(a);
  for (const result of await results) {
    assertEquals(result.status, "rejected");
    const { reason } = result as PromiseRejectedResult;
    assert(reason instanceof DescriptorClosedError);
    assertEquals([reason.fd, reason.code], [a, "ERR_CLOSED"]);
  }
  await poller.idle();
  close(b);
});

Deno.test("a number that is given out again begins anew", async () => {
  for (let i = 0; i < 50; i++) {
    const [a, b] = socketpair(SOCK_STREAM);
    const wait = poller.wait(a, "read");
    send(b, one); // the event is on its way when the descriptor is closed
    wait.catch(() => {});
    close(a);
    close(b);
    const [c, d] = socketpair(SOCK_STREAM);
    assertEquals([c, d].sort(), [a, b].sort());
    const again = poller.wait(c, "read");
    await turn();
    await turn();
    assertEquals(recv(c, one), null);
    send(d, one);
    await again;
    assertEquals(recv(c, one), 1);
    [c, d].forEach(close);
  }
});

Deno.test("what cannot be waited for is refused at once", async () => {
  const badf = await assertRejects(() => poller.wait(-1, "read"), SyscallError);
  assertEquals([badf.syscall, badf.code], ["epoll_ctl", "EBADF"]);
  await assertRejects(() => poller.wait(NaN, "read"), TypeError, "got NaN");
  const path = await Deno.makeTempFile();
  const file = open(path, O_RDWR);
  await assertRejects(() => poller.wait(file, "read"), SyscallError, "EPERM");
  close(file);
  await Deno.remove(path);
});

Deno.test("watch() calls back once, and unwatch() takes the callback back", async () => {
  const [a, b] = socketpair(SOCK_STREAM);
  let calls = 0;
  const count = () => void calls++;
  poller.watch(a, "read", count);
  assertEquals([poller.unwatch(a, "write", count), poller.unwatch(a, "read", count)], [
    false,
    true,
  ]);
  assertEquals(poller.unwatch(a, "read", count), false);
  send(b, one);
  poller.watch(a, "read", count);
  assertEquals(calls, 0, "never within the call");
  await poller.wait(a, "read");
  for (let i = 0; i < 10; i++) await turn();
  assertEquals(calls, 1);
  [a, b].forEach(close);
});

Deno.test({
  name: "a slow peer is waited for without looking all the time",
  ignore: !hasPython,
  async fn() {
    const [a, b, listener] = await tcpPair();
    await using python = new Python(`
import time
for i in range(3): time.sleep(0.05); say("tick")`);
    const wait = poller.wait(a, "read");
    const before = Deno.readTextFileSync("/proc/thread-self/stat").split(") ")[1].split(" ");
    for (let i = 0; i < 3; i++) await python.line();
    const after = Deno.readTextFileSync("/proc/thread-self/stat").split(") ")[1].split(" ");
    const ticks = Number(after[11]) + Number(after[12]) - Number(before[11]) - Number(before[12]);
    assert(ticks <= 5, `${ticks * 10} ms of processor time in 150 ms`);
    send(b, one);
    await wait;
    [a, b, listener].forEach(close);
  },
});

Deno.test("with 200 waits in flight files are read and names looked up", async () => {
  const pairs = Array.from({ length: 200 }, () => socketpair(SOCK_SEQPACKET));
  const waits = Promise.all(pairs.map(([a]) => receiveText(a)));
  assertEquals(await settled(waits), false); // long enough for a thread to block
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "content");
  const work = [];
  for (let i = 0; i < 64; i++) {
    work.push(
      Deno.readFile(path),
      Deno.connect({ hostname: "localhost", port: 1 }).catch(() => {}),
    );
  }
  await Promise.all(work);
  pairs.forEach(([, b], i) => send(b, new TextEncoder().encode(`message ${i}`)));
  assertEquals(await waits, pairs.map((_, i) => `message ${i}`));
  pairs.flat().forEach(close);
  await Deno.remove(path);
});

Deno.test("a thousand messages go through each of 50 pairs at once", async () => {
  const pairs = Array.from({ length: 50 }, () => socketpair(SOCK_STREAM));
  const total = await Promise.all(pairs.map(async ([a, b], which) => {
    const p = new Uint8Array(16);
    const echo = (async () => {
      for (let i = 0; i < 1000; i++) {
        const n = await ready(b, "read", () => recv(b, p));
        await ready(b, "write", () => send(b, p.subarray(0, n)));
      }
    })();
    const q = new Uint8Array(16);
    let sum = 0;
    for (let i = 0; i < 1000; i++) {
      await ready(a, "write", () => send(a, new Uint8Array([i & 255, which])));
      assertEquals(await ready(a, "read", () => recv(a, q)), 2);
      assertEquals([q[0], q[1]], [i & 255, which]);
      sum++;
    }
    await echo;
    return sum;
  }));
  assertEquals(total, new Array(50).fill(1000));
  pairs.flat().forEach(close);
});

/** How long the child lived after it said so, in the best of three runs. */
async function msToExit(body: string): Promise<number> {
  const script = `
    const sys = await import(${JSON.stringify(sysUrl)});
    ${body}
    console.log(performance.timeOrigin + performance.now());`;
  let best = Infinity;
  for (let i = 0; i < 3 && best > 100; i++) {
    const { stdout, stderr } = await runDeno(script, "-A");
    const now = performance.timeOrigin + performance.now();
    assertEquals(stderr, "");
    best = Math.min(best, now - Number(stdout));
  }
  return best;
}

const lives: [what: string, body: string][] = [
  [
    "only opened and closed sockets",
    `for (let i = 0; i < 100; i++) sys.close(sys.socket(sys.AF_INET, sys.SOCK_STREAM));`,
  ],
  [
    "waited, and is done",
    `const [a, b] = sys.socketpair(sys.SOCK_STREAM);
    setTimeout(() => sys.send(b, new Uint8Array(1)), 50);
    await sys.poller.wait(a, "read");`,
  ],
  [
    "gave up waiting while a thread did it",
    `const [a, b] = sys.socketpair(sys.SOCK_STREAM);
    await sys.poller.wait(a, "read", { timeout: 50 }).catch(() => {});`,
  ],
  [
    "closed what it waited for",
    `const [a, b] = sys.socketpair(sys.SOCK_STREAM);
    const wait = sys.poller.wait(a, "read");
    setTimeout(() => sys.close(a), 50);
    await wait.catch(() => {});`,
  ],
  [
    "only has waits that do not keep it alive",
    `const [a, b] = sys.socketpair(sys.SOCK_STREAM);
    const [c, d] = sys.socketpair(sys.SOCK_STREAM);
    sys.poller.watch(a, "read", () => {}, false);
    await sys.poller.wait(c, "read", { timeout: 50 }).catch(() => {});`,
  ],
];
for (const [what, body] of lives) {
  Deno.test(`a program that ${what} ends by itself within 100 ms`, async () => {
    const ms = await msToExit(body);
    assert(ms < 100, `it took ${ms} ms`);
  });
}

Deno.test("a program that waits lives until its wait is over", async () => {
  const script = `
    const sys = await import(${JSON.stringify(sysUrl)});
    const [reader, writer] = sys.pipe2();
    new Worker("data:text/javascript," + encodeURIComponent(\`
      const sys = await import(${JSON.stringify(sysUrl)});
      setTimeout(() => { sys.write(\${writer}, new Uint8Array(1)); close() }, 200);
    \`), { type: "module" });
    await sys.poller.wait(reader, "read");
    console.log("waited");`;
  const { stdout, stderr } = await runDeno(script, "-A");
  assertEquals([stdout, stderr], ["waited\n", ""]);
});

Deno.test("a wait that does not keep the program alive is served while something else does", async () => {
  const [a, b] = socketpair(SOCK_STREAM);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  poller.watch(a, "read", resolve, false);
  send(b, one);
  const alive = setInterval(() => {}, 1000);
  assertEquals(await promise, undefined);
  clearInterval(alive);
  [a, b].forEach(close);
});

/** A kernel whose events come from the test. */
class FakeKernel implements Readiness {
  calls: string[] = [];
  polls = 0;
  events: [fd: number, ready: number][] = [];
  readonly tokens = new Map<number, number>();
  #current: [number, number][] = [];
  #block: ((count: number) => void) | undefined;
  failing: Error | undefined;

  watch(fd: number, token: number, from: number, to: number): void {
    this.calls.push(`${fd}: ${from} -> ${to}`);
    this.tokens.set(fd, token);
  }
  poll(): number {
    this.polls++;
    if (this.failing) throw this.failing;
    this.#current = this.events;
    this.events = [];
    return this.#current.length;
  }
  block(): Promise<number> {
    this.calls.push("block");
    return new Promise((resolve) => this.#block = resolve);
  }
  get blocked(): boolean {
    return this.#block !== undefined;
  }
  wake(): void {
    this.calls.push("wake");
    this.unblock([[-1, 0]]);
  }
  unblock(events: [number, number][]): void {
    this.#current = events;
    const resolve = this.#block!;
    this.#block = undefined;
    resolve(events.length);
  }
  fd(i: number): number {
    return this.#current[i][0];
  }
  token(i: number): number {
    return this.tokens.get(this.fd(i)) ?? 0;
  }
  ready(i: number): number {
    return this.#current[i][1];
  }
}

/** Lets the poller look until a thread blocks. */
async function untilBlocked(kernel: FakeKernel): Promise<void> {
  while (!kernel.blocked) await turn();
}

Deno.test("a hot descriptor is registered once, whoever waits and how often", async () => {
  const kernel = new FakeKernel();
  const mine = new Poller(kernel);
  for (let i = 0; i < 100; i++) {
    const wait = mine.wait(7, "read");
    kernel.events.push([7, READ]);
    await wait;
  }
  assertEquals(kernel.calls, ["7: 0 -> 1"]);
});

Deno.test("a wait in the other direction costs one change, an event nobody wants another", async () => {
  const kernel = new FakeKernel();
  const mine = new Poller(kernel);
  const reading = mine.wait(7, "read");
  const writing = mine.wait(7, "write");
  kernel.events.push([7, WRITE]);
  await writing;
  kernel.events.push([7, WRITE]);
  await turn();
  await turn();
  kernel.events.push([7, READ]);
  await reading;
  const other = mine.wait(8, "read");
  kernel.events.push([7, READ]);
  await turn();
  await turn();
  kernel.events.push([8, READ]);
  await other;
  assertEquals(kernel.calls, ["7: 0 -> 1", "7: 1 -> 3", "7: 3 -> 1", "8: 0 -> 1", "7: 1 -> 0"]);
});

Deno.test("looking ends in one blocked thread, and less of it where it did not help", async () => {
  const kernel = new FakeKernel();
  const mine = new Poller(kernel);
  const looks: number[] = [];
  for (let i = 0; i < 4; i++) {
    const before = kernel.polls;
    const wait = mine.wait(7, "read");
    await untilBlocked(kernel);
    looks.push(kernel.polls - before);
    const start = performance.now();
    while (performance.now() - start < 1); // a block that was no short one
    kernel.unblock([[7, READ]]);
    await wait;
    await turn();
  }
  assertEquals(looks, [64, 32, 16, 8]);
  assertEquals(kernel.calls.filter((call) => call === "block").length, 4);
  const wait = mine.wait(7, "read");
  kernel.events.push([7, READ]);
  await wait;
  const before = kernel.polls;
  const slow = mine.wait(7, "read");
  await untilBlocked(kernel);
  assertEquals(kernel.polls - before, 64, "it helped again");
  kernel.unblock([[7, READ]]);
  await slow;
});

Deno.test("further waits do not block further threads, and the last to leave wakes the one", async () => {
  const kernel = new FakeKernel();
  const mine = new Poller(kernel);
  const controller = new AbortController();
  const waits = [7, 8, 9].map((fd) => mine.wait(fd, "read", { signal: controller.signal }));
  await untilBlocked(kernel);
  waits.push(mine.wait(10, "read", { signal: controller.signal }));
  for (let i = 0; i < 100; i++) await turn();
  assertEquals(kernel.calls.slice(3), ["block", "10: 0 -> 1"]);
  controller.abort("enough");
  for (const { status } of await Promise.allSettled(waits)) assertEquals(status, "rejected");
  assertEquals(kernel.calls.slice(5), ["wake"]);
  const polls = kernel.polls;
  for (let i = 0; i < 100; i++) await turn();
  assertEquals(kernel.polls, polls, "nobody waits, nobody looks");
});

Deno.test("idle() waits for the thread that blocks, and for nothing else", async () => {
  const kernel = new FakeKernel();
  const mine = new Poller(kernel);
  await mine.idle();
  const wait = mine.wait(7, "read");
  await mine.idle(); // looking takes no thread
  await untilBlocked(kernel);
  const idle = mine.idle();
  assertEquals(await settled(idle), false);
  mine.forget(7);
  await Promise.all([idle, assertRejects(() => wait, DescriptorClosedError)]);
  await mine.idle();
});

Deno.test("an event of a descriptor that was forgotten meanwhile reaches nobody", async () => {
  const kernel = new FakeKernel();
  const mine = new Poller(kernel);
  const first = mine.wait(7, "read");
  await untilBlocked(kernel);
  const stale = kernel.tokens.get(7)!;
  mine.forget(7);
  await assertRejects(() => first, DescriptorClosedError);
  const again = mine.wait(7, "read");
  const current = kernel.tokens.get(7)!;
  assert(current !== stale);
  kernel.tokens.set(7, stale);
  kernel.events.push([7, READ]);
  assertEquals(await settled(again), false);
  if (kernel.blocked) kernel.unblock([[7, READ]]);
  assertEquals(await settled(again), false);
  kernel.tokens.set(7, current);
  if (kernel.blocked) kernel.unblock([[7, READ]]);
  else kernel.events.push([7, READ]);
  await again;
});

Deno.test("when the kernel fails, those who wait hear of it", async () => {
  const kernel = new FakeKernel();
  const mine = new Poller(kernel);
  const waits = [mine.wait(7, "read"), mine.wait(8, "write")];
  const results = Promise.allSettled(waits);
  kernel.failing = new Error("no more events");
  for (const result of await results) {
    assertStrictEquals((result as PromiseRejectedResult).reason, kernel.failing);
  }
});

Deno.test("callbacks may wait again, stop waiting and forget, for themselves and others", async () => {
  const kernel = new FakeKernel();
  const mine = new Poller(kernel);
  const order: string[] = [];
  const other = () => order.push("other");
  const done = Promise.withResolvers<void>();
  mine.watch(7, "read", () => {
    order.push("first");
    mine.unwatch(8, "read", other);
    mine.forget(9);
    mine.watch(7, "read", () => {
      order.push("again");
      done.resolve();
    });
  });
  mine.watch(8, "read", other);
  mine.watch(9, "read", (error) => order.push(String(error instanceof DescriptorClosedError)));
  kernel.events.push([7, READ], [8, READ], [9, READ]);
  await turn();
  await turn();
  assertEquals(order, ["first", "true"]);
  kernel.events.push([7, READ]);
  await done.promise;
  assertEquals(order, ["first", "true", "again"]);
});

Deno.test("pipes are waited for too, their end included", async () => {
  const [reader, writer] = pipe2();
  const p = new Uint8Array(4);
  const first = ready(reader, "read", () => read(reader, p));
  write(writer, new Uint8Array(2));
  assertEquals(await first, 2);
  const end = ready(reader, "read", () => read(reader, p));
  assertEquals(await settled(end), false);
  close(writer);
  assertEquals(await end, 0);
  close(reader);
});
