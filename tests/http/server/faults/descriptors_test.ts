import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  ask,
  load,
  openMany,
  Responses,
  sendAll,
  ServerChild,
} from "../../../support/http_load.ts";

const linux = { ignore: Deno.build.os !== "linux" };
const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

Deno.test(
  "a server without a free descriptor waits, and serves again with one",
  linux,
  async () => {
    await using child = await ServerChild.start({}, "ulimit -n 64");
    assert((await ask(child.port, get)).endsWith("hello"));
    using busy = (await openMany(child.port, 1))[0];
    const responses = new Responses(busy);
    await sendAll(busy, get);
    await responses.next();
    assert(await child.tell("hold") as number > 0);
    // The kernel connects them; the server cannot.
    const waiting = await openMany(child.port, 20);
    await Promise.all(waiting.map((conn) => sendAll(conn, get)));
    for (let i = 0; i < 10; i++) {
      // Who is connected is served meanwhile.
      await sendAll(busy, get);
      assert(typeof await responses.next() !== "string");
    }
    await child.tell("free");
    for (const conn of waiting) {
      const response = await new Responses(conn).next();
      assert(typeof response !== "string" && response.text.endsWith("hello"));
      conn.close();
    }
    const { log } = await child.stats();
    assert(log.length > 0 && log.length < 50, `${log.length} lines`);
    for (const line of log) {
      assertMatch(line, /^accept failed, trying again in \d+ ms: OpError: .*too many open files/);
    }
  },
);

/** How many connections come and go; `PLUMB_CHURN` for more. */
const most = Number(Deno.env.get("PLUMB_CHURN") ?? 100_000);

Deno.test(
  `${most} connections that come and go leave descriptors and heap flat`,
  linux,
  async () => {
    await using child = await ServerChild.start();
    const options = { port: child.port, clients: 200, request: get, perConn: 1 };
    await load({ ...options, most: most / 4 });
    const before = await settled(child);
    const { sent, answered, lost, lostFresh } = await load({ ...options, most: most * 3 / 4 });
    assertEquals([answered, lost, lostFresh], [sent, 0, 0]);
    assert(sent >= most * 3 / 4, `only ${sent} connections were made`);
    const after = await settled(child);
    assertEquals(after.fds, before.fds);
    // A single number kept for each would be more.
    const grown = after.heapUsed - before.heapUsed;
    assert(grown < Math.max(most * 4, 256 * 1024), `the heap has grown by ${grown} bytes`);
    assertEquals(after.log, []);
  },
);

/** What the child has in use once it has noticed that all have gone. */
async function settled(child: ServerChild) {
  let stats = await child.stats();
  for (let i = 0; i < 100; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const next = await child.stats();
    if (next.fds === stats.fds && i > 5) return next;
    stats = next;
  }
  return stats;
}
