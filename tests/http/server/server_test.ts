import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { errServerClosed } from "../../../http/errors.ts";
import { listenAndServe, listenAndServeTls, serve, Server } from "../../../http/server/server.ts";
import {
  type Address,
  ClosedError,
  type Conn,
  dial,
  dialTls,
  listen,
  type Listener,
  OpError,
  pipe,
} from "../../../net/mod.ts";
import { ca, server as pair } from "../../support/tls/certificates.ts";
import { bytes, Wire } from "../../support/wire.ts";
import { ask, FakeListener, get, hello, within } from "./server_support.ts";

function acceptError(temporary: boolean, code = temporary ? "EMFILE" : "EINVAL"): OpError {
  return new OpError({ op: "accept", network: "tcp", reason: "so it is", code, temporary });
}

Deno.test("serve() answers on any listener until shutdown, and says that it was closed", async () => {
  const path = `${await Deno.makeTempDir()}/socket`;
  const listeners: [Listener, () => Promise<Conn>][] = [];
  for (const [network, address] of [["tcp", "127.0.0.1:0"], ["unix", path]] as const) {
    const listener = listen(network, address);
    listeners.push([listener, () => dial(network, listener.addr.toString())]);
  }
  const remote: string[] = [];
  const server = new Server({
    handler: (_, info) => {
      remote.push(info.remoteAddr.network);
      return new Response("hello");
    },
  });
  const [client, conn] = pipe();
  const inMemory = new FakeListener(conn);
  listeners.push([inMemory, () => Promise.resolve(client)]);

  const serving = listeners.map(([listener]) => server.serve(listener));
  for (const [, connect] of listeners) assertMatch(await ask(await connect()), /hello$/);
  assertEquals(remote, ["tcp", "unix", "pipe"]);
  await server.shutdown();
  for (const ended of await Promise.all(serving)) assertStrictEquals(ended, errServerClosed);
  assert(inMemory.closed);
  await assertRejects(() => dial("unix", path), OpError);
});

Deno.test("listenAndServe() tells where it listens", async () => {
  const server = new Server({ addr: "127.0.0.1:0", handler: hello });
  const listening = Promise.withResolvers<Address>();
  const serving = server.listenAndServe({ onListen: listening.resolve });
  const addr = await listening.promise;
  assertMatch(await ask(await dial("tcp", addr.toString())), /hello$/);
  server.close();
  assertStrictEquals(await serving, errServerClosed);
});

Deno.test("listenAndServe() rejects where it cannot listen", async () => {
  using taken = listen("tcp", "127.0.0.1:0");
  const addr = taken.addr.toString();
  const error = await assertRejects(() => listenAndServe(addr, hello), OpError);
  assertEquals(error.code, "EADDRINUSE");
  const tls = await assertRejects(() => listenAndServeTls(addr, hello, pair), OpError);
  assertEquals(tls.code, "EADDRINUSE");
});

Deno.test("listenAndServeTls() serves https, and says so to the handler", async () => {
  const server = new Server({
    addr: "127.0.0.1:0",
    handler: (request, { tls }) => Response.json([request.url, tls?.alpnProtocol]),
  });
  const listening = Promise.withResolvers<Address>();
  const serving = server.listenAndServeTls({ ...pair, onListen: listening.resolve });
  const address = (await listening.promise).toString();
  const alpnProtocols = ["http/1.1"];
  const conn = await dialTls("tcp", address, { caCerts: [ca], alpnProtocols });
  assertMatch(await ask(conn), /\["https:\/\/a\/","http\/1.1"\]$/);
  await server.shutdown();
  assertStrictEquals(await serving, errServerClosed);
});

Deno.test("a failed TLS handshake ends its connection, and nothing else", async () => {
  const server = new Server({ addr: "127.0.0.1:0", handler: hello, errorLog: () => {} });
  const listening = Promise.withResolvers<Address>();
  const serving = server.listenAndServeTls({ ...pair, onListen: listening.resolve });
  const address = (await listening.promise).toString();
  using plain = await dial("tcp", address);
  await plain.write(bytes(get()));
  const p = new Uint8Array(1024);
  while (await within(plain.read(p).catch(() => null)) !== null);
  assertMatch(await ask(await dialTls("tcp", address, { caCerts: [ca] })), /hello$/);
  await server.shutdown();
  await serving;
});

Deno.test("serve() alone rejects when its listener is closed", async () => {
  const listener = listen("tcp", "127.0.0.1:0");
  const serving = serve(listener, hello);
  assertMatch(await ask(await dial("tcp", listener.addr.toString())), /hello$/);
  listener.close();
  await assertRejects(() => serving, ClosedError);
});

Deno.test("a listener that fails ends its serve(), closed, and no other", async () => {
  const failing = new FakeListener(acceptError(false));
  const [client, conn] = pipe();
  const other = new FakeListener();
  const server = new Server({ handler: hello });
  const serving = server.serve(other);
  const error = await assertRejects(() => server.serve(failing), OpError);
  assertEquals([error.code, failing.closed, other.closed], ["EINVAL", true, false]);
  other.give(conn);
  assertMatch(await ask(client), /hello$/);
  server.close();
  assertStrictEquals(await serving, errServerClosed);
});

Deno.test("accept is tried again after an error that may pass, later each time, up to 1 s", async () => {
  const [client, conn] = pipe();
  const again = (n: number) => Array.from({ length: n }, () => acceptError(true));
  const waits: number[] = [];
  const long = Promise.withResolvers<void>();
  const listener = new FakeListener(...again(2), conn, ...again(9));
  const server = new Server({
    handler: hello,
    errorLog: (message, error) => {
      assertEquals((error as OpError).code, "EMFILE");
      const wait = Number(message.match(/^accept failed, trying again in (\d+) ms$/)![1]);
      if (waits.push(wait) === 11) long.resolve();
    },
  });
  const begun = performance.now();
  const serving = server.serve(listener);
  assertMatch(await ask(client), /hello$/);
  await within(long.promise);
  assert(performance.now() - begun > 1_200, "it has not waited");
  assertEquals(waits, [5, 10, 5, 10, 20, 40, 80, 160, 320, 640, 1000]);
  // The end does not wait for the next attempt.
  const closing = performance.now();
  server.close();
  assertStrictEquals(await serving, errServerClosed);
  assert(performance.now() - closing < 500);
});

Deno.test("what was ended cannot serve again", async () => {
  for (const end of ["shutdown", "close"] as const) {
    const server = new Server({ handler: hello, addr: "127.0.0.1:0" });
    await server[end]();
    const listener = new FakeListener();
    const nowhere = { onListen: () => assert(false, "it listens") };
    assertStrictEquals(await server.serve(listener), errServerClosed);
    assertStrictEquals(await server.listenAndServe(nowhere), errServerClosed);
    assertStrictEquals(await server.listenAndServeTls({ ...pair, ...nowhere }), errServerClosed);
    assert(listener.closed);
    const [client, conn] = pipe();
    server.serveConn(conn);
    assertEquals(await client.read(new Uint8Array(1)), null);
  }
});

Deno.test("connState may close a connection that is new, or throw", async () => {
  const [client, conn] = pipe();
  const server = new Server({
    handler: hello,
    connState: (conn, state) => state === "new" && conn.close(),
  });
  server.serveConn(conn);
  assertEquals(await client.read(new Uint8Array(1)), null);
  await within(server.shutdown());

  await using wire = await Wire.open({
    handler: hello,
    connState: (_, state) => {
      throw new Error(state);
    },
  });
  await wire.send(get());
  await wire.expectResponse();
  assertEquals(
    wire.log,
    ["new", "active", "idle"].map((state) => `the connState hook threw: Error: ${state}`),
  );
});

Deno.test("connState is given the connection itself", async () => {
  const [client, conn] = pipe();
  const seen = new Set<Conn>();
  const server = new Server({ handler: hello, connState: (conn) => seen.add(conn) });
  server.serveConn(conn);
  await ask(client);
  await server.shutdown();
  assertEquals([seen.size, seen.has(conn)], [1, true]);
});

Deno.test("listenAndServe() takes options of the server and of the listener", async () => {
  const handler = () => new Response();
  const listen = (options: Parameters<typeof listenAndServe>[2]) =>
    listenAndServe("127.0.0.1:0", handler, options);
  await assertRejects(() => listen({ readTimeout: -1 }), RangeError, "readTimeout");
  await assertRejects(() => listen({ backlog: 0 }), RangeError, "backlog");
});

Deno.test("an onListen that throws ends the listener, and is heard of", async () => {
  let addr = "";
  const listening = listenAndServe("127.0.0.1:0", () => new Response(), {
    onListen: (bound) => {
      addr = bound.toString();
      throw new Error("not today");
    },
  });
  await assertRejects(() => listening, Error, "not today");
  await assertRejects(() => dial("tcp", addr), OpError, "refused");
});
