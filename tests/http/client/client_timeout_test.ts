import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { isTimeout } from "../../../deadline.ts";
import { Client, type ClientInit } from "../../../http/client/client.ts";
import { HttpError, type Phase } from "../../../http/errors.ts";
import type { Request } from "../../../http/web/request.ts";
import { Response } from "../../../http/web/response.ts";
import { type ClientTrace, fireTrace, traceOf } from "../../../http/client/trace.ts";
import { FakeClock, outcome, settle } from "../../support/fake_clock.ts";
import { FakeBody, FakeTransport, respond } from "./fake_transport.ts";

/** A transport that fires some hooks and then waits, until its signal aborts. */
function stalling(...hooks: (keyof ClientTrace)[]) {
  const state = { aborted: undefined as unknown, calls: 0 };
  const roundTrip = (request: Request): Promise<Response> => {
    state.calls++;
    for (const hook of hooks) fireTrace(traceOf(request), hook, { error: undefined } as never);
    return new Promise((_, reject) =>
      request.signal.addEventListener("abort", () => {
        state.aborted = request.signal.reason;
        reject(request.signal.reason);
      })
    );
  };
  return { state, transport: { roundTrip } };
}

function assertTimeout(error: unknown, phase: Phase): asserts error is HttpError {
  assertInstanceOf(error, HttpError);
  assertEquals([error.phase, error.timeout, error.code], [phase, true, "ETIMEDOUT"]);
  assert(isTimeout(error));
}

Deno.test("a timeout names the phase that it struck in", async () => {
  const untilSent: (keyof ClientTrace)[] = ["getConn", "gotConn", "wroteHeaders"];
  const table: [phase: Phase, hooks: (keyof ClientTrace)[]][] = [
    ["connect", []],
    ["connect", ["getConn"]],
    ["dns", ["getConn", "dnsStart"]],
    ["connect", ["getConn", "dnsStart", "dnsDone"]],
    ["connect", ["getConn", "dnsStart", "dnsDone", "connectStart"]],
    ["tls", ["getConn", "connectStart", "connectDone", "tlsHandshakeStart"]],
    ["write", untilSent],
    ["responseHeader", [...untilSent, "wroteRequest"]],
  ];
  for (const [phase, hooks] of table) {
    const clock = new FakeClock();
    const { state, transport } = stalling(...hooks);
    const result = outcome(new Client({ transport, clock, timeout: 100 }).get("http://u:pw@h/"));
    await clock.advance(99);
    assertEquals(result, {}, phase);
    await clock.advance(1);
    assertTimeout(result.reason, phase);
    assert(result.reason.message.startsWith('GET "http://u:***@h/": deadline exceeded'));
    assertStrictEquals(state.aborted, result.reason);
    assertEquals(clock.timers, 0);
  }
});

Deno.test("the limits of a call: the client's, the call's own, a time", async () => {
  const table: [client: number | undefined, init: ClientInit, after: number][] = [
    [100, {}, 100],
    [100, { timeout: undefined }, 100],
    [100, { timeout: 30 }, 30],
    [100, { timeout: 300 }, 300],
    [100, { timeout: 0 }, Infinity],
    [0, {}, Infinity],
    [undefined, {}, Infinity],
    [undefined, { timeout: 50 }, 50],
    [undefined, { deadline: Date.now() + 1e6, timeout: 70 }, 70],
    [100, { deadline: 1 }, 0],
    [100, { timeout: -1 }, 0],
    [-1, {}, 0],
  ];
  for (const [timeout, init, after] of table) {
    const clock = new FakeClock();
    const { state, transport } = stalling();
    const result = outcome(new Client({ transport, clock, timeout }).get("http://h/", init));
    if (after > 0) {
      await clock.advance(Math.min(after, 1000) - 1);
      assertEquals(result, {});
    }
    await clock.advance(1);
    if (after === Infinity) assertEquals(result, {});
    else assertTimeout(result.reason, "connect");
    assertEquals(state.calls, after > 0 ? 1 : 0); // expired already: nothing begins
  }
});

Deno.test("the limit is one for all redirects", async () => {
  const clock = new FakeClock();
  const transport = new FakeTransport(async ({ request }, index) => {
    await new Promise<void>((done) => clock.setTimeout(done, 40));
    return respond(request, 302, { Location: `/${index + 1}` });
  });
  const result = outcome(new Client({ transport, clock, timeout: 100 }).get("http://h/0"));
  await clock.advance(99);
  assertEquals([transport.seen.length, result.reason], [3, undefined]);
  await clock.advance(1);
  assertTimeout(result.reason, "connect");
});

Deno.test("the limit covers the body of a redirect, the jar and checkRedirect", async () => {
  const never = () => new Promise<never>(() => {});
  const redirect = (body: FakeBody) =>
    new FakeTransport(({ request }, index) =>
      index === 0 ? respond(request, 302, { Location: "/1" }, body) : respond(request, 200)
    );
  const stalled = new FakeBody(["a", "stall"]);
  const unchecked = new FakeBody(["a"]);
  const plain = () => redirect(new FakeBody([]));
  const table: [what: string, options: ConstructorParameters<typeof Client>[0]][] = [
    ["body", { transport: redirect(stalled) }],
    ["check", { transport: redirect(unchecked), checkRedirect: never }],
    ["jar", { transport: plain(), jar: { cookies: never, setCookies: () => {} } }],
  ];
  for (const [what, options] of table) {
    const clock = new FakeClock();
    const result = outcome(new Client({ ...options, clock, timeout: 100 }).get("http://h/0"));
    await clock.advance(99);
    assertEquals(result, {}, what);
    await clock.advance(1);
    assertInstanceOf(result.reason, HttpError);
    assert(isTimeout(result.reason), what);
    assertEquals(clock.timers, 0, what);
  }
  assert(unchecked.cancelled !== undefined);
});

/** A response whose body is `chunks`, under a limit of 100 ms. */
async function limitedBody(clock: FakeClock, body: FakeBody, init?: ClientInit) {
  const transport = new FakeTransport(({ request }) => respond(request, 200, {}, body));
  const client = new Client({ transport, clock, timeout: 100 });
  return { response: await client.get("http://h/", init), transport };
}

Deno.test("reading the body rejects when the time is up, by every way to read it", async () => {
  const ways: [string, (response: Response) => Promise<unknown>][] = [
    ["text", (response) => response.text()],
    ["bytes", (response) => response.bytes()],
    ["json", (response) => response.json()],
    ["arrayBuffer", (response) => response.arrayBuffer()],
    ["stream", async (response) => {
      for await (const _ of response.body!);
    }],
  ];
  for (const [what, read] of ways) {
    const clock = new FakeClock();
    const body = new FakeBody(["a", "stall"]);
    const { response, transport } = await limitedBody(clock, body);
    await clock.advance(50);
    const result = outcome(read(response));
    await clock.advance(49);
    assertEquals(result, {}, what);
    await clock.advance(1);
    assertTimeout(result.reason, "body");
    assert(body.cancelled !== undefined, what);
    assert(transport.seen[0].request.signal.aborted, what);
    assertEquals(clock.timers, 0, what);
  }
});

Deno.test("no timer is left once the body has ended, failed or was cancelled", async () => {
  const table: [string, FakeBody, (response: Response) => Promise<unknown>][] = [
    ["text", new FakeBody(["a", "b"]), (response) => response.text()],
    ["stream", new FakeBody(["a", "b"]), async (response) => {
      for await (const _ of response.body!);
    }],
    [
      "failed",
      new FakeBody(["a", new Error("cut")]),
      (response) => response.text().catch(() => {}),
    ],
    ["cancel", new FakeBody(["a", "stall"]), (response) => response.body!.cancel()],
    ["half", new FakeBody(["a", "stall"]), async (response) => {
      for await (const _ of response.body!) break;
    }],
    ["dispose", new FakeBody(["stall"]), async (response) => {
      await using _ = response;
    }],
    ["no bytes", new FakeBody([], 0), () => Promise.resolve()],
  ];
  for (const [what, body, read] of table) {
    const clock = new FakeClock();
    const { response, transport } = await limitedBody(clock, body);
    await read(response);
    assertEquals(clock.timers, 0, what);
    await clock.advance(1000);
    assertEquals(transport.seen[0].request.signal.aborted, false, what);
  }
});

Deno.test("a response without a body leaves no timer", async () => {
  const clock = new FakeClock();
  const transport = new FakeTransport(({ request }) => respond(request, 204));
  const response = await new Client({ transport, clock, timeout: 100 }).get("http://h/");
  assertEquals([clock.timers, response.body], [0, null]);
});

Deno.test("a body that nobody reads is given up when the time is up", async () => {
  const clock = new FakeClock();
  const body = new FakeBody(["a", "b"]);
  const { response, transport } = await limitedBody(clock, body);
  await clock.advance(99);
  assertEquals(body.cancelled, undefined);
  await clock.advance(301); // the coarse clock may be late by two of its ticks
  assert(body.cancelled !== undefined);
  assert(transport.seen[0].request.signal.aborted);
  assertEquals(clock.timers, 0);
  assertTimeout(await response.text().catch((error) => error), "body");
});

Deno.test("an abort rejects with the signal's reason, unchanged, at every stage", async () => {
  const mine = { mine: true };
  const clock = new FakeClock();
  const never = () => new Promise<never>(() => {});
  for (const transport of [stalling().transport, { roundTrip: never }]) {
    const controller = new AbortController();
    const result = outcome(
      new Client({ transport, clock, timeout: 100 }).get("http://h/", {
        signal: controller.signal,
      }),
    );
    await settle();
    controller.abort(mine);
    await settle();
    assertStrictEquals(result.reason, mine);
    assertEquals(clock.timers, 0);
  }
  const controller = new AbortController();
  const body = new FakeBody(["a", "stall"]);
  const { response, transport } = await limitedBody(clock, body, { signal: controller.signal });
  const result = outcome(response.text());
  await settle();
  controller.abort(mine);
  await settle();
  assertStrictEquals(result.reason, mine);
  assertStrictEquals(transport.seen[0].request.signal.reason, mine);
  assertStrictEquals(body.cancelled?.reason, mine);
  assertEquals(clock.timers, 0);
});

Deno.test("an abort ends a body that nobody is reading", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const body = new FakeBody(["a"]);
  const { response, transport } = await limitedBody(clock, body, { signal: controller.signal });
  controller.abort("enough");
  assertEquals(body.cancelled?.reason, "enough");
  assertEquals(transport.seen[0].request.signal.reason, "enough");
  assertEquals(await response.text().catch((error) => error), "enough");
});

Deno.test("a signal that is a timeout of the caller's is passed on as it is", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const reason = new DOMException("too slow", "TimeoutError");
  const result = outcome(
    new Client({ transport: stalling().transport, clock, timeout: 100 })
      .get("http://h/", { signal: controller.signal }),
  );
  controller.abort(reason);
  await settle();
  assertStrictEquals(result.reason, reason);
});

Deno.test("a response that comes after the time was up is given up", async () => {
  const clock = new FakeClock();
  const body = new FakeBody(["late"]);
  const late = Promise.withResolvers<Response>();
  const transport = { roundTrip: () => late.promise };
  const result = outcome(new Client({ transport, clock, timeout: 100 }).get("http://h/"));
  await clock.advance(100);
  assertTimeout(result.reason, "connect");
  late.resolve(respond({ url: "http://h/" }, 200, {}, body));
  await settle();
  assert(body.cancelled !== undefined);
});

Deno.test("without a limit of time there is no timer, and the caller's signal is passed on", async () => {
  const clock = new FakeClock();
  const transport = new FakeTransport(({ request }) => respond(request, 200));
  const { signal } = new AbortController();
  await new Client({ transport, clock }).get("http://h/", { signal });
  assertStrictEquals(transport.seen[0].request.signal, signal);
  assertEquals(clock.armed, 0);
});

Deno.test("an error of the transport under a limit is passed on as it is", async () => {
  const mine = new HttpError({
    op: "GET",
    url: "http://h/",
    phase: "connect",
    reason: "connection refused",
    code: "ECONNREFUSED",
  });
  const transport = { roundTrip: () => Promise.reject(mine) };
  const clock = new FakeClock();
  const error = await new Client({ transport, clock, timeout: 100 }).get("http://h/")
    .catch((error) => error);
  assertStrictEquals(error, mine);
  assertEquals(clock.timers, 0);
});
