import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Deadline, TimeoutError } from "../../deadline.ts";
import { Backoff, retry } from "../../ipc/backoff.ts";
import { countedSignal } from "../support/conn_helpers.ts";
import { FakeClock, outcome, settle } from "../support/fake_clock.ts";

Deno.test("retry() looks after 1 ms, then ever later, up to every 20 ms", async () => {
  const clock = new FakeClock();
  const looks: number[] = [];
  const found = retry(
    () => looks.push(clock.now()) < 9 ? null : "found",
    new Deadline(),
    new Backoff({ clock }),
  );
  await clock.advance(200);
  assertEquals(await found, "found");
  assertEquals(looks, [0, 1, 3, 7, 15, 31, 51, 71, 91]);
  assertEquals(clock.timers, 0);
});

Deno.test("retry() ends with the deadline, and leaves no timer", async () => {
  const clock = new FakeClock();
  const deadline = new Deadline({ timeout: 10 }, { clock });
  const seen = outcome(retry(() => null, deadline, new Backoff({ clock })));
  await clock.advance(9);
  assertEquals(seen, {});
  await clock.advance(1);
  assertEquals(seen.reason instanceof TimeoutError, true);
  assertEquals(clock.timers, 0);
});

Deno.test("retry() ends with its signal's reason, and lets go of signal and timer", async () => {
  const clock = new FakeClock();
  const { controller, signal, listeners } = countedSignal();
  const reason = { enough: true };
  const seen = outcome(
    retry(() => null, new Deadline({ signal }, { clock }), new Backoff({ clock })),
  );
  await settle();
  controller.abort(reason);
  await settle();
  assertStrictEquals(seen.reason, reason);
  assertEquals([clock.timers, listeners()], [0, 0]);
});

Deno.test("retry() does not even try when the deadline has passed", async () => {
  const never = () => {
    throw new Error("tried");
  };
  await assertRejects(() => retry(never, new Deadline({ timeout: -1 })), TimeoutError);
});

Deno.test("retry() passes on what a try throws", async () => {
  const failing = () => {
    throw new RangeError("as it is");
  };
  await assertRejects(() => retry(failing, new Deadline()), RangeError, "as it is");
});

Deno.test("turns come before the first pause", async () => {
  const clock = new FakeClock();
  const backoff = new Backoff({ turns: 2, clock });
  let looks = 0;
  const found = retry(() => ++looks < 3 ? null : looks, new Deadline(), backoff);
  assertEquals([await found, clock.armed], [3, 0]);
});

Deno.test("wake() ends a pause at once, cancel() drops it, reset() begins again", async () => {
  const clock = new FakeClock();
  const backoff = new Backoff({ clock });
  const ended: string[] = [];
  backoff.begin(() => ended.push("woken"));
  backoff.wake();
  backoff.wake();
  backoff.begin(() => ended.push("never"));
  backoff.cancel();
  await clock.advance(100);
  assertEquals([ended, clock.timers], [["woken"], 0]);
  backoff.reset();
  backoff.begin(() => ended.push("passed"));
  await clock.advance(1);
  assertEquals(ended, ["woken", "passed"]);
});

Deno.test("a pause that is not to keep the process alive does not", async () => {
  const url = new URL("../../ipc/backoff.ts", import.meta.url).href;
  const script = `
    import { Backoff } from ${JSON.stringify(url)};
    const [before, during] = [new Backoff(), new Backoff()];
    before.keepAlive = false;
    const again = () => during.begin(again);
    for (const b of [before, during]) {
      const again = () => b.begin(again);
      again();
    }
    during.keepAlive = false;
    console.log("done");`;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", "--ext=ts", script],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "done\n"]);
});

Deno.test("the longest pause can be another", async () => {
  const clock = new FakeClock();
  const looks: number[] = [];
  const backoff = new Backoff({ clock, longest: 5 });
  const found = retry(() => looks.push(clock.now()) < 6 ? null : "", new Deadline(), backoff);
  await clock.advance(30);
  await found;
  assertEquals(looks, [0, 1, 3, 7, 12, 17]);
});
