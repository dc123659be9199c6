import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { isTimeout } from "../../../deadline.ts";
import { errServerClosed } from "../../../http/errors.ts";
import { Server } from "../../../http/server/server.ts";
import { type Conn, pipe } from "../../../net/mod.ts";
import { settle } from "../../support/fake_clock.ts";
import { bytes, Wire } from "../../support/wire.ts";
import { active, FakeListener, get, hello, within } from "./server_support.ts";

Deno.test("shutdown() closes what is idle", async () => {
  await using wire = await Wire.open(hello);
  await wire.send(get());
  await wire.expectResponse();
  await within(wire.server.shutdown());
  await wire.expectClosed();
  assertEquals(wire.states, ["new", "active", "idle", "closed"]);
});

Deno.test("shutdown() waits for a request, which is the last of its connection", async () => {
  const { wire, answer } = await active();
  await using _ = wire;
  let over = false;
  const ending = wire.server.shutdown().then(() => over = true);
  await new Promise((resolve) => setTimeout(resolve, 100)); // longer than it waits for the idle
  assertEquals(over, false);
  answer.resolve(new Response("at last"));
  const { body, headers } = await wire.expectResponse();
  assertEquals([body, headers.get("connection")], ["at last", "close"]);
  await wire.expectClosed();
  await within(ending);
});

Deno.test("shutdown() lets an answer that has begun come to its end", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  await using wire = await Wire.open(() => new Response(readable));
  await wire.send(get());
  const [response] = await Promise.all([
    wire.expectResponse(),
    (async () => {
      await writer.write(bytes("be"));
      const ending = wire.server.shutdown();
      await new Promise((resolve) => setTimeout(resolve, 100));
      await writer.write(bytes("gun"));
      await writer.close();
      await within(ending);
    })(),
  ]);
  assertEquals(response.body, "begun");
  await wire.expectClosed();
});

Deno.test("shutdown() does not cut an answer that the client has still to read", async () => {
  await using wire = await Wire.open(() => new Response("x".repeat(10_000)));
  await wire.send(get());
  await settle();
  const ending = wire.server.shutdown();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assertEquals((await wire.expectResponse()).body.length, 10_000);
  await wire.expectClosed();
  await within(ending);
});

Deno.test("shutdown() that takes too long rejects, and close() ends what is left", async () => {
  const { wire, info } = await active();
  await using _ = wire;
  const error = await wire.server.shutdown({ timeout: 20 }).catch((error) => error);
  assert(isTimeout(error));
  assertEquals(wire.states.at(-1), "active");
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  assertStrictEquals(await wire.server.shutdown({ signal }).catch((error) => error), reason);
  wire.server.close();
  await wire.expectClosed();
  await assertRejects(() => info.completed);
  await within(wire.server.shutdown());
});

Deno.test("shutdown() waits for a connection on which nothing has come yet", async () => {
  await using wire = await Wire.open(hello);
  assert(isTimeout(await wire.server.shutdown({ timeout: 200 }).catch((error) => error)));
  assertEquals(wire.states, ["new"]);
  // Its request is answered.
  await wire.send(get());
  const { body, headers } = await wire.expectResponse();
  assertEquals([body, headers.get("connection")], ["hello", "close"]);
  await wire.expectClosed();
});

Deno.test("shutdown() answers a request that is still coming", async () => {
  for (const before of [false, true]) {
    await using wire = await Wire.open(hello);
    if (before) await wire.send("GET / HT");
    const ending = wire.server.shutdown();
    if (!before) await wire.send("GET / HT");
    await new Promise((resolve) => setTimeout(resolve, 100));
    await wire.send("TP/1.1\r\nHost: a\r\n\r\n");
    const { body, headers } = await wire.expectResponse();
    assertEquals([body, headers.get("connection")], ["hello", "close"]);
    await wire.expectClosed();
    await within(ending);
  }
});

Deno.test("several shutdowns at once all end", async () => {
  const { wire, answer } = await active();
  await using _ = wire;
  const endings = [wire.server.shutdown(), wire.server.shutdown(), wire.server.shutdown()];
  await settle();
  answer.resolve(new Response("x"));
  await wire.expectResponse();
  await within(Promise.all(endings));
  await within(wire.server.shutdown());
});

Deno.test("close() ends a shutdown that waits", async () => {
  const { wire } = await active();
  await using _ = wire;
  const ending = wire.server.shutdown();
  await settle();
  wire.server.close();
  await within(ending);
});

Deno.test("close() ends everything at once, but what was hijacked", async () => {
  const { wire, info } = await active();
  await using _ = wire;
  const other = pipe();
  const taken = Promise.withResolvers<Conn>();
  const server = new Server({
    handler: (_, info) => {
      taken.resolve(info.hijack().conn);
      return new Response();
    },
  });
  server.serveConn(other[1]);
  await other[0].write(bytes(get()));
  const conn = await taken.promise;
  server.close();
  await server.shutdown();
  const p = new Uint8Array(4);
  await Promise.all([conn.write(bytes("ping")), other[0].read(p)]);
  assertEquals(p, bytes("ping"));
  conn.close();
  other[0].close();

  wire.server.close();
  await wire.expectClosed();
  await assertRejects(() => info.completed);
});

Deno.test("registerOnShutdown() hooks run once each, and may fail", async () => {
  const log: string[] = [];
  const ran: number[] = [];
  const server = new Server({
    handler: hello,
    errorLog: (message, error) => log.push(`${message}: ${(error as Error).message}`),
  });
  server.registerOnShutdown(() => ran.push(1));
  server.registerOnShutdown(() => {
    throw new Error("two");
  });
  server.registerOnShutdown(() => Promise.reject(new Error("three")));
  server.registerOnShutdown(() => ran.push(4));
  await server.shutdown();
  await server.shutdown();
  await settle();
  assertEquals(ran, [1, 4]);
  assertEquals(log, ["a shutdown hook failed: two", "a shutdown hook failed: three"]);
});

Deno.test("a server is shut down where its scope ends", async () => {
  const listener = new FakeListener();
  let serving: Promise<Error>;
  {
    await using server = new Server({ handler: hello });
    serving = server.serve(listener);
  }
  assertStrictEquals(await serving, errServerClosed);
});
