import { assert, assertEquals } from "@std/assert";
import {
  load,
  type LoadOptions,
  newTally,
  openMany,
  Responses,
  sendAll,
  ServerChild,
  until,
} from "../../../support/http_load.ts";

const linux = { ignore: Deno.build.os !== "linux" };
const post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

const loads: Record<string, Omit<LoadOptions, "port">> = {
  "small requests": { clients: 100, request: get("/") },
  "requests that take a while": { clients: 100, request: get("/later") },
  "requests that keep the thread busy": { clients: 10, request: get("/busy") },
  "uploads": { clients: 100, request: post },
  "pipelined requests": { clients: 20, request: get("/"), pipelined: 300 },
};

for (const [name, how] of Object.entries(loads)) {
  Deno.test(`shutdown under a load of ${name} loses no answer`, linux, async () => {
    await using child = await ServerChild.start();
    const tally = newTally();
    const loading = load({ port: child.port, ...how }, tally);
    await until(() => tally.answered > how.clients * 5, "the load is on");
    assertEquals(await child.tell("shutdown"), "ServerClosedError: the server was closed");
    await loading;
    // Each connection was told, with the last answer on it.
    assertEquals([tally.last, tally.resets], [how.clients, 0]);
    assertEquals([tally.lost, tally.lostFresh], [0, 0]);
    if (how.pipelined === undefined) assertEquals(tally.answered, tally.sent);
    assertEquals((await child.stats()).log, []);
  });
}

Deno.test("shutdown answers the requests of which a part has come", linux, async () => {
  await using child = await ServerChild.start();
  const conns = await openMany(child.port, 4);
  const parts = [post.length - 2, 40, 20, 3].map((at) => [post.slice(0, at), post.slice(at)]);
  const responses = conns.map((conn) => new Responses(conn));
  for (const [i, conn] of conns.entries()) {
    await sendAll(conn, post);
    assert(typeof await responses[i].next() !== "string");
    await sendAll(conn, parts[i][0]);
  }
  await child.stats(); // it has seen them
  let done = false;
  const shutdown = child.tell("shutdown").then(() => done = true);
  // Longer than the idle ones are let wait.
  await new Promise((resolve) => setTimeout(resolve, 200));
  assertEquals(done, false);
  for (const [i, conn] of conns.entries()) {
    await sendAll(conn, parts[i][1]);
    const response = await responses[i].next();
    assert(typeof response !== "string" && response.text.endsWith("hello") && response.close);
    assertEquals(await responses[i].end(), "end");
    conn.close();
  }
  await shutdown;
});

for (const engine of ["runtime", "native"] as const) {
  Deno.test({
    name: `what stands behind the last request does not cost its answer, on the ${engine} engine`,
    ...linux,
    fn: async () => {
      await using child = await ServerChild.start({ engine });
      const [conn] = await openMany(child.port, 1);
      const responses = new Responses(conn);
      await sendAll(conn, get("/"));
      assert(typeof await responses.next() !== "string");
      await sendAll(conn, get("/later") + get("/").repeat(5_000));
      await child.tell("shutdown");
      // Only now does it read: a reset would have thrown away what waited for it.
      const response = await responses.next();
      assert(typeof response !== "string" && response.close, String(response));
      assertEquals(await responses.end(), "end");
      conn.close();
    },
  });
}
