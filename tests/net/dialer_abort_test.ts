import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Deadline, isTimeout } from "../../deadline.ts";
import { dial, Dialer } from "../../net/dialer.ts";
import { OpError } from "../../net/errors.ts";
import { listen } from "../../net/listener.ts";
import { countedSignal, encode, readText } from "../support/conn_helpers.ts";
import { settle } from "../support/fake_clock.ts";
import { deadPort, fullBacklog, noSocketLeft } from "../support/net_helpers.ts";

const onLinux = Deno.build.os === "linux";

class Why extends RangeError {}

const reasons: [what: string, reason: unknown][] = [
  ["an error", new Error("stop")],
  ["an error of a class of its own", new Why("stop")],
  ["a TypeError", new TypeError("stop")],
  ["a string", "stop"],
  ["null", null],
  ["0", 0],
  ["a symbol", Symbol("stop")],
  ["an object without a prototype", Object.create(null)],
  ["a timeout of the caller's own", new Deadline({ timeout: -1 }).signal.reason],
];

/** What `work` is rejected with; a value is a failure of the test. */
const rejection = (work: Promise<unknown>) =>
  work.then((value) => {
    throw new Error(`resolved: ${Deno.inspect(value)}`);
  }, (error) => error);

for (const [what, reason] of reasons) {
  Deno.test({
    name: `dial() aborted with ${what} rejects with just that, at every stage`,
    ignore: !onLinux,
    fn: async () => {
      using full = await fullBacklog();
      await noSocketLeft(async () => {
        // Before it begins: nothing is looked up.
        let lookups = 0;
        const counting = { lookupHost: () => (lookups++, Promise.resolve(["127.0.0.1"])) };
        const aborted = AbortSignal.abort(reason);
        const address = `host:${full.port}`;
        const before = dial("tcp", address, { signal: aborted, resolver: counting, timeout: -1 });
        assertStrictEquals(await rejection(before), reason);
        assertStrictEquals(lookups, 0);

        // While a resolver is asked that never answers.
        const abort = new AbortController();
        const asked = Promise.withResolvers<void>();
        const deaf = { lookupHost: () => (asked.resolve(), new Promise<string[]>(() => {})) };
        const { signal } = abort;
        const looking = dial("tcp", address, { signal, resolver: deaf, timeout: 60_000 });
        await asked.promise;
        abort.abort(reason);
        assertStrictEquals(await rejection(looking), reason);

        // As the lookup ends, before the first attempt.
        const between = new AbortController();
        const treacherous = {
          lookupHost: () => (between.abort(reason), Promise.resolve(["127.0.0.1", "::1"])),
        };
        const trace = { connectStart: () => assertEquals("a connect", "after the abort") };
        const started = dial("tcp", address, {
          signal: between.signal,
          resolver: treacherous,
          trace,
        });
        assertStrictEquals(await rejection(started), reason);

        // While it connects, alone and in a race of the families.
        for (const addresses of [["127.0.0.1"], ["127.0.0.1", "::1"]]) {
          const connecting = new AbortController();
          const begun = Promise.withResolvers<void>();
          const dialing = dial("tcp", address, {
            signal: connecting.signal,
            resolver: { lookupHost: () => Promise.resolve(addresses) },
            trace: { connectStart: () => begun.resolve() },
          });
          await begun.promise;
          await settle();
          connecting.abort(reason);
          assertStrictEquals(await rejection(dialing), reason);
        }

        // From a hook that hears of a failed attempt, with another to come.
        const failing = new AbortController();
        const failed = dial("tcp", `host:${deadPort()}`, {
          signal: failing.signal,
          resolver: { lookupHost: () => Promise.resolve(["127.0.0.1", "127.0.0.2"]) },
          trace: { connectDone: () => failing.abort(reason) },
        });
        assertStrictEquals(await rejection(failed), reason);
      });
    },
  });
}

Deno.test("abort() without a reason rejects with the signal's own AbortError", async () => {
  const signal = AbortSignal.abort();
  assertStrictEquals(await rejection(dial("tcp", "127.0.0.1:1", { signal })), signal.reason);
});

Deno.test("an aborted signal comes before time that is up", async () => {
  const signal = AbortSignal.abort("stop");
  const dialing = new Dialer({ timeout: -1 }).dial("tcp", "127.0.0.1:1", { signal, timeout: -1 });
  assertStrictEquals(await rejection(dialing), "stop");
});

for (const network of ["tcp", "unix"] as const) {
  Deno.test(`a signal aborted after dial() over ${network} has succeeded has no effect`, async () => {
    const dir = await Deno.makeTempDir();
    try {
      using listener = listen(network, network === "tcp" ? "127.0.0.1:0" : `${dir}/socket`);
      const { controller, signal, listeners } = countedSignal();
      using client = await dial(network, listener.addr.toString(), { signal, timeout: 60_000 });
      assertEquals(listeners(), 0);
      using server = await listener.accept();
      controller.abort(new Error("too late"));
      await settle();
      await client.write(encode("still here"));
      assertEquals(await readText(server), "still here");
      await server.write(encode("me too"));
      assertEquals(await readText(client), "me too");
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

Deno.test("a signal aborted by gotConn does not take the connection back", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  const abort = new AbortController();
  const trace = { gotConn: () => abort.abort("too late") };
  using client = await dial("tcp", listener.addr.toString(), { signal: abort.signal, trace });
  await client.write(encode("x"));
});

Deno.test("dial() lets go of the signal when it fails", async () => {
  const { signal, listeners } = countedSignal();
  const address = `127.0.0.1:${deadPort()}`;
  await assertRejects(() => dial("tcp", address, { signal, timeout: 60_000 }), OpError);
  assertEquals(listeners(), 0);
});

Deno.test("a thousand dials leave no listener on their common signal", async () => {
  const { signal, listeners } = countedSignal();
  const address = `127.0.0.1:${deadPort()}`;
  const dialer = new Dialer({ timeout: 60_000 });
  const dials = Array.from(
    { length: 1_000 },
    () => rejection(dialer.dial("tcp", address, { signal })),
  );
  for (const error of await Promise.all(dials)) assertEquals(error.code, "ECONNREFUSED");
  assertEquals(listeners(), 0);
});

Deno.test({
  name: "AbortSignal.timeout() ends a dial with its DOMException",
  ignore: !onLinux,
  fn: async () => {
    using full = await fullBacklog();
    const signal = AbortSignal.timeout(20);
    const error = await rejection(dial("tcp", full.address, { signal }));
    assertStrictEquals(error, signal.reason);
    assertEquals(isTimeout(error), true);
  },
});

Deno.test({
  name: "a dial that was given up does not come back when the listener has room again",
  ignore: !onLinux,
  fn: async () => {
    using full = await fullBacklog();
    await noSocketLeft(async () => {
      const dials = Array.from({ length: 20 }, () => dial("tcp", full.address, { timeout: 20 }));
      for (const dialing of dials) await assertRejects(() => dialing, OpError, "timed out");
    });
    await full.drain();
    using client = await dial("tcp", full.address, { timeout: 30_000 });
    assertEquals(String(client.remoteAddr), full.address);
  },
});
