import { assertEquals } from "@std/assert";
import { defaultKillDelay, type Target, terminate } from "../../ipc/terminate.ts";
import { FakeClock, outcome, settle } from "../support/fake_clock.ts";

/** A process that notes its signals and dies of those it is told to. */
class FakeTarget implements Target {
  readonly sent: string[] = [];
  readonly #exited = Promise.withResolvers<void>();
  readonly exited = this.#exited.promise;
  members = 0;
  gone = false;

  constructor(readonly group: boolean, readonly deadly: readonly string[]) {}

  signal(name: Deno.Signal): boolean {
    if (this.gone && this.members === 0) return false;
    this.sent.push(name);
    if (name === "SIGKILL") this.members = 0;
    if (this.deadly.includes(name)) this.exit();
    return true;
  }

  alive(): boolean {
    return !this.gone || this.members > 0;
  }

  exit(): void {
    this.gone = true;
    this.#exited.resolve();
  }
}

Deno.test("terminate() of a process that obeys sends one signal and leaves no timer", async () => {
  const clock = new FakeClock();
  const target = new FakeTarget(false, ["SIGTERM"]);
  await terminate(target, { clock });
  assertEquals([target.sent, clock.timers], [["SIGTERM"], 0]);
});

Deno.test("terminate() kills after the delay, by default after five seconds", async () => {
  for (const killDelay of [undefined, 300]) {
    const clock = new FakeClock();
    const target = new FakeTarget(false, ["SIGKILL"]);
    const done = outcome(terminate(target, { clock, killDelay, signal: "SIGINT" }));
    await clock.advance((killDelay ?? defaultKillDelay) - 1);
    assertEquals([target.sent, done], [["SIGINT"], {}]);
    await clock.advance(1);
    assertEquals([target.sent, clock.timers], [["SIGINT", "SIGKILL"], 0]);
    assertEquals("value" in done, true);
  }
});

Deno.test("terminate() with killDelay 0 never kills, with a negative one at once", async () => {
  const clock = new FakeClock();
  const patient = new FakeTarget(false, ["SIGKILL"]);
  const done = outcome(terminate(patient, { clock, killDelay: 0 }));
  await clock.advance(1e9);
  assertEquals([patient.sent, done], [["SIGTERM"], {}]);
  patient.exit();
  await settle();
  assertEquals("value" in done, true);

  const hasty = new FakeTarget(false, ["SIGKILL"]);
  await terminate(hasty, { clock, killDelay: -1 });
  assertEquals(hasty.sent, ["SIGTERM", "SIGKILL"]);
});

Deno.test("terminate() of what is gone already does nothing", async () => {
  const clock = new FakeClock();
  const target = new FakeTarget(false, []);
  target.exit();
  await terminate(target, { clock });
  assertEquals([target.sent, clock.armed], [[], 0]);
});

Deno.test("terminate() waits for the rest of a group, and kills it after the delay", async () => {
  const clock = new FakeClock();
  const target = new FakeTarget(true, ["SIGTERM"]);
  target.members = 2;
  const done = outcome(terminate(target, { clock, killDelay: 1_000 }));
  await clock.advance(999);
  assertEquals([target.sent, done], [["SIGTERM"], {}]);
  await clock.advance(1);
  assertEquals([target.sent, "value" in done, clock.timers], [["SIGTERM", "SIGKILL"], true, 0]);

  const obedient = new FakeTarget(true, ["SIGTERM"]);
  obedient.members = 2;
  const ended = outcome(terminate(obedient, { clock, killDelay: 1_000 }));
  await clock.advance(100);
  obedient.members = 0;
  await clock.advance(50);
  assertEquals([obedient.sent, "value" in ended, clock.timers], [["SIGTERM"], true, 0]);
});
