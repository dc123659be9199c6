/** What stays behind after a wait, in this process and in ones that should end by themselves. */
import { assert, assertEquals } from "@std/assert";
import { Deadline } from "../../deadline.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A controller whose signal counts its abort listeners: those it has, and the most it had. */
function counted() {
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = new Set<unknown>();
  const counts = { now: 0, most: 0 };
  const count = () => counts.most = Math.max(counts.most, counts.now = listeners.size);
  signal.addEventListener = (...args: Parameters<AbortSignal["addEventListener"]>) => {
    if (args[0] === "abort") listeners.add(args[1]);
    count();
    EventTarget.prototype.addEventListener.apply(signal, args as never);
  };
  signal.removeEventListener = (...args: Parameters<AbortSignal["removeEventListener"]>) => {
    if (args[0] === "abort") listeners.delete(args[1]);
    count();
    EventTarget.prototype.removeEventListener.apply(signal, args as never);
  };
  return { controller, signal, counts };
}

/** Runs a script that sees the exports of deadline.ts; a process that is pinned is killed. */
async function run(script: string, flags: string[] = []) {
  const from = JSON.stringify(new URL("../../deadline.ts", import.meta.url).href);
  const names = "{ CoarseClock, coarseClock, Deadline, MovingDeadline, isTimeout }";
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--no-lock", ...flags, "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`import ${names} from ${from};\n${script}`));
  await writer.close();
  let pinned = false;
  const timer = setTimeout(() => (pinned = true, child.kill("SIGKILL")), 20_000);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  assert(!pinned, "the process did not end by itself");
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("100,000 waits on one signal leave no timer and no listener on it", async () => {
  const { signal, counts } = counted();
  const clock = new FakeClock();
  const root = new Deadline({ signal }, { clock });
  for (let i = 0; i < 25_000; i++) {
    await new Deadline({ signal, timeout: 60_000 }, { clock }).race(Promise.resolve(i));
    await root.child({ timeout: 60_000 }).race(() => Promise.reject(i)).catch(() => {});
    new Deadline({ signal, timeout: 60_000 }, { clock }).watch(() => {})();
    using held = root.child();
    held.signal;
  }
  assertEquals([counts, clock.timers], [{ now: 0, most: 1 }, 0]);
});

Deno.test("10,000 races at once on one signal share one listener", async () => {
  const { controller, signal, counts } = counted();
  const clock = new FakeClock();
  const races = Array.from(
    { length: 10_000 },
    () => new Deadline({ signal, timeout: 60_000 }, { clock }).race(new Promise<never>(() => {})),
  );
  assertEquals([counts, clock.timers], [{ now: 1, most: 1 }, 10_000]);
  controller.abort("stop");
  for (const { status, ...rest } of await Promise.allSettled(races)) {
    assertEquals([status, rest], ["rejected", { reason: "stop" }]);
  }
  assertEquals([counts.now, clock.timers], [0, 0]);
});

Deno.test("100,000 waits on one long-lived signal do not make the heap grow", async () => {
  const output = await run(
    `
    const { signal } = new AbortController();
    const wait = async (n) => {
      for (let i = 0; i < n; i++) {
        await new Deadline({ signal, timeout: 60_000 }).race(Promise.resolve(i));
        using deadline = new Deadline({ signal });
        deadline.signal;
      }
      gc();
      await new Promise((resolve) => setTimeout(resolve, 1));
      gc();
      return Deno.memoryUsage().heapUsed;
    };
    await wait(10_000);
    const before = await wait(1_000);
    console.log(await wait(100_000) - before);
    `,
    ["--v8-flags=--expose-gc"],
  );
  // One closure kept for each wait would be 6 MB.
  assert(Number(output) < 2_000_000, `${output} bytes`);
});

Deno.test("the process ends after a wait that settled, long before its limit", async () => {
  const rows: [string, string][] = [
    ["a race", `await new Deadline({ timeout: 60_000 }).race(Promise.resolve());`],
    [
      "an aborted race",
      `const c = new AbortController();
       const race = new Deadline({ timeout: 60_000, signal: c.signal }).race(new Promise(() => {}));
       c.abort("stop");
       await race.catch(() => {});`,
    ],
    [
      "a race against AbortSignal.timeout()",
      `const signal = AbortSignal.timeout(10);
       await new Deadline({ timeout: 60_000, signal }).race(new Promise(() => {})).catch(() => {});`,
    ],
    ["a watch", `new Deadline({ timeout: 60_000 }).watch(() => {})();`],
    [
      "a derived signal",
      `{ using deadline = new Deadline({ timeout: 60_000 }); deadline.signal; }`,
    ],
    [
      "a moving deadline, waiting or not",
      `for (const deadline of [1, 2].map(() => new MovingDeadline(() => {}))) {
         deadline.begin();
         deadline.set(Date.now() + 60_000);
       }
       const kept = new MovingDeadline(() => {}, { keepAlive: true });
       kept.set(Date.now() + 60_000);
       kept.begin();
       kept.end();`,
    ],
    [
      "coarse timers",
      `coarseClock.timer(() => {}).start(60_000);
       new CoarseClock({ resolution: 60_000 }).timer(() => {}).start(1);
       const ticking = coarseClock.timer(() => ticking.start(1));
       ticking.start(1);
       await new Promise((resolve) => setTimeout(resolve, 250));`,
    ],
  ];
  await Promise.all(rows.map(async ([name, script]) => {
    assertEquals(await run(`${script}\nconsole.log("done");`), "done", name);
  }));
});

Deno.test("a wait with nothing else to do keeps the process alive until its end", async () => {
  const rows: [string, string][] = [
    [
      "a race",
      `new Deadline({ timeout: 300 }).race(new Promise(() => {}))
         .catch((error) => console.log(isTimeout(error)));`,
    ],
    ["a watch", `new Deadline({ timeout: 300 }).watch((error) => console.log(isTimeout(error)));`],
    [
      "a derived signal",
      `new Deadline({ timeout: 300 }).signal.onabort = (e) => console.log(e.target.aborted);`,
    ],
    [
      "a moving deadline that is to",
      `const deadline = new MovingDeadline(() => console.log(true), { keepAlive: true });
       deadline.begin();
       deadline.set(Date.now() + 300);`,
    ],
  ];
  await Promise.all(rows.map(async ([name, script]) => {
    assertEquals(await run(script), "true", name);
  }));
});

Deno.test("a wait on a signal that nobody else refers to survives garbage collection", async () => {
  const output = await run(
    `
    const controller = new AbortController();
    const seen = [];
    (() => {
      const signal = AbortSignal.any([controller.signal]);
      new Deadline({ signal }).race(new Promise(() => {})).catch((reason) => seen.push(reason));
      new Deadline({ signal: AbortSignal.timeout(100) }).race(new Promise(() => {}))
        .catch((error) => seen.push(isTimeout(error)));
    })();
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      gc();
    }
    controller.abort("stop");
    await new Promise((resolve) => setTimeout(resolve));
    console.log(seen.join());
    `,
    ["--v8-flags=--expose-gc"],
  );
  assertEquals(output, "true,stop");
});
