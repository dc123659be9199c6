import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { CoarseClock, isTimeout, TimeoutError, type WaitOptions } from "../../../deadline.ts";
import { HttpError, type Phase } from "../../../http/errors.ts";
import type { IncomingBody } from "../../../http/incoming.ts";
import { TimeLimit } from "../../../http/client/time_limit.ts";
import { fireTrace } from "../../../http/client/trace.ts";
import { FakeClock, outcome, settle } from "../../support/fake_clock.ts";
import { FakeBody } from "./fake_transport.ts";

function limitOf(clock: FakeClock, wait: WaitOptions): TimeLimit {
  const coarse = new CoarseClock({ clock });
  return new TimeLimit({ wait, op: "GET", url: "http://h/", trace: undefined, clock, coarse });
}

const never = () => new Promise<never>(() => {});

Deno.test("TimeLimit gives what comes in time, and arms nothing between waits", async () => {
  const clock = new FakeClock();
  const limit = limitOf(clock, { timeout: 100 });
  assertEquals(clock.timers, 0);
  assertEquals(await limit.race(() => Promise.resolve(1)), 1);
  assertEquals(clock.timers, 0);
  const mine = new Error("mine");
  assertStrictEquals(await limit.race(() => Promise.reject(mine)).catch((e) => e), mine);
  assertEquals([clock.timers, limit.signal.aborted], [0, false]);
});

Deno.test("TimeLimit aborts its signal with the error it rejects with, and keeps to it", async () => {
  const clock = new FakeClock();
  const limit = limitOf(clock, { timeout: 100 });
  fireTrace(limit.trace, "dnsStart", { host: "h" });
  const result = outcome(limit.race(never));
  await clock.advance(100);
  const { reason } = result;
  assertInstanceOf(reason, HttpError);
  assertEquals(reason.message, 'GET "http://h/": deadline exceeded while the name was looked up');
  assertEquals([reason.phase, reason.code], ["dns", "ETIMEDOUT"]);
  assertInstanceOf(reason.cause, TimeoutError);
  assertStrictEquals(limit.signal.reason, reason);
  let begun = false;
  const begin = () => {
    begun = true;
    return never();
  };
  assertStrictEquals(await limit.race(begin).catch((error) => error), reason);
  assertEquals(begun, false);
});

Deno.test("TimeLimit says what was being done in each phase", async () => {
  const phases: [Parameters<typeof fireTrace>[1] | undefined, Phase, string][] = [
    [undefined, "connect", "while waiting for a connection"],
    ["dnsStart", "dns", "while the name was looked up"],
    ["tlsHandshakeStart", "tls", "during the TLS handshake"],
    ["gotConn", "write", "while the request was written"],
    ["wroteRequest", "responseHeader", "while waiting for the response"],
  ];
  for (const [hook, phase, words] of phases) {
    const limit = limitOf(new FakeClock(), { timeout: -1 });
    if (hook !== undefined) fireTrace(limit.trace, hook, {} as never);
    const error = await limit.race(never).catch((error) => error);
    assertEquals([error.phase, error.reason], [phase, `deadline exceeded ${words}`]);
    assert(isTimeout(error));
  }
});

Deno.test("TimeLimit gives a late value to who closes it", async () => {
  const clock = new FakeClock();
  const late = Promise.withResolvers<string>();
  const closed: string[] = [];
  const result = outcome(
    limitOf(clock, { timeout: 100 }).race(() => late.promise, (value) => closed.push(value)),
  );
  await clock.advance(100);
  assertInstanceOf(result.reason, HttpError);
  late.resolve("response");
  await settle();
  assertEquals(closed, ["response"]);
});

Deno.test("TimeLimit tells the caller's reason from its own, even a TimeoutError", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const reason = new TimeoutError("the caller's");
  const limit = limitOf(clock, { timeout: 100, signal: controller.signal });
  const result = outcome(limit.race(never));
  controller.abort(reason);
  await settle();
  assertStrictEquals(result.reason, reason);
  assertStrictEquals(limit.signal.reason, reason);
});

Deno.test("a body that says it is empty, or is none, holds nothing", () => {
  const clock = new FakeClock();
  const limit = limitOf(clock, { timeout: 100 });
  const empty = new FakeBody([], 0);
  assertEquals(limit.body(null), null);
  assertStrictEquals(limit.body(empty), empty);
  assertEquals(clock.timers, 0);
});

Deno.test("a limited body gives its bytes and its length, and null again and again", async () => {
  const clock = new FakeClock();
  const body = limitOf(clock, { timeout: 100 }).body(new FakeBody(["ab", "c"], 3))!;
  assertEquals(body.length, 3);
  assertEquals(new TextDecoder().decode((await body.read())!), "ab");
  assertEquals(clock.timers, 1); // the one that lets the process end
  assertEquals(new TextDecoder().decode(await body.readAll()), "c");
  assertEquals(clock.timers, 0);
  await clock.advance(1000);
  assertEquals([await body.read(), (await body.readAll()).length], [null, 0]);
});

Deno.test("a limited body rejects with one error, again and again, and ends what is below", async () => {
  const clock = new FakeClock();
  const source = new FakeBody(["ab", "stall"]);
  const limit = limitOf(clock, { timeout: 100 });
  const body = limit.body(source)!;
  await body.read();
  const result = outcome(body.read());
  await clock.advance(100);
  assertInstanceOf(result.reason, HttpError);
  assertEquals(result.reason.phase, "body");
  assertStrictEquals(await body.read().catch((error) => error), result.reason);
  assertStrictEquals(await body.readAll().catch((error) => error), result.reason);
  assertStrictEquals(source.cancelled?.reason, result.reason);
  assertStrictEquals(limit.signal.reason, result.reason);
});

Deno.test("an unread body is not ended early by a long limit", async () => {
  const clock = new FakeClock();
  const source = new FakeBody(["ab"]);
  limitOf(clock, { deadline: Date.now() + 60_000 }).body(source);
  await clock.advance(59_000);
  assertEquals(source.cancelled, undefined);
  await clock.advance(1_500);
  assert(source.cancelled !== undefined);
  assertEquals(clock.timers, 0);
});

Deno.test("a body that has ended no longer listens to the caller's signal", async () => {
  const ends: ((body: IncomingBody) => unknown)[] = [
    (body) => body.readAll(),
    (body) => body.cancel(),
  ];
  for (const end of ends) {
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: unknown[]) => {
      listeners++;
      addEventListener.apply(signal, args as never);
    };
    signal.removeEventListener = (...args: unknown[]) => {
      listeners--;
      removeEventListener.apply(signal, args as never);
    };
    const limit = limitOf(new FakeClock(), { timeout: 100, signal });
    const body = limit.body(new FakeBody(["ab"]))!;
    assertEquals(listeners, 1);
    await end(body);
    assertEquals(listeners, 0);
    controller.abort();
    assertEquals(limit.signal.aborted, false);
  }
});
