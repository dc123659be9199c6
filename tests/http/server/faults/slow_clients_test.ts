import { assert, assertEquals } from "@std/assert";
import { isTimeout } from "../../../../deadline.ts";
import { openSockets } from "../../../support/net_helpers.ts";
import {
  affordable,
  ask,
  type Here,
  openMany,
  Responses,
  sendAll,
  serveHere,
  socketsBack,
  until,
} from "../../../support/http_load.ts";

/** How many clients hang at the same time. */
const many = affordable(2_000);

/** How long the server has patience with each, in ms. */
const patience = 1_500;

/** How long one thread may take to end all of them, beside the patience. */
const slack = 5_000;

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n`;
const linux = { ignore: Deno.build.os !== "linux" };

/** Lets many clients hang, and sees whether others are served and they are thrown out. */
async function hang(
  here: Here,
  begin: (conn: Deno.Conn) => Promise<unknown>,
  goOn: (conn: Deno.Conn) => Promise<unknown>,
): Promise<void> {
  const { port } = here;
  const conns = await openMany(port, many);
  await Promise.all(conns.map(begin));
  const began = performance.now();
  let ended = 0;
  const ends = conns.map(async (conn) => {
    await new Responses(conn).end();
    ended++;
  });
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    await ask(port, get("/normal") + "\r\n");
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  assert(times[2] < 500, `a normal request took ${times[2]} ms`);
  if (performance.now() - began < patience / 2) assertEquals(ended, 0);
  // A byte now and then makes no difference.
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    await Promise.all(conns.map(goOn));
  }
  await until(() => ended === many, "all are thrown out", patience + slack);
  await Promise.all(ends);
  for (const conn of conns) conn.close();
}

Deno.test("clients that never end the head of a request keep nobody out", linux, async () => {
  const before = openSockets();
  const asked: string[] = [];
  {
    await using here = serveHere({
      handler: ({ url }) => {
        asked.push(new URL(url).pathname);
        return new Response("hello");
      },
      readHeaderTimeout: patience,
    });
    const byte = (conn: Deno.Conn) => sendAll(conn, "a");
    await hang(here, (conn) => sendAll(conn, get("/slow") + "X-Slow: a"), byte);
    assertEquals(asked, Array(5).fill("/normal"));
    assertEquals(here.log, []);
  }
  await socketsBack(before);
});

Deno.test("clients that never end the body of a request keep nobody out", linux, async () => {
  const before = openSockets();
  let timeouts = 0;
  {
    await using here = serveHere({
      handler: async (request) => {
        try {
          return new Response(await request.text());
        } catch (error) {
          if (isTimeout(error)) timeouts++;
          throw error;
        }
      },
      readTimeout: patience,
    });
    const head = "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n";
    await hang(here, (conn) => sendAll(conn, head), (conn) => sendAll(conn, "a"));
    assertEquals(timeouts, many);
    assertEquals(here.log, []);
  }
  await socketsBack(before);
});

Deno.test("clients that never read a response keep nobody out", linux, async () => {
  const before = openSockets();
  const chunk = new Uint8Array(64 * 1024);
  let cancelled = 0;
  {
    await using here = serveHere({
      handler: ({ url }) => {
        if (url.endsWith("/normal")) return new Response("hello");
        return new Response(
          new ReadableStream<Uint8Array<ArrayBuffer>>({
            pull: (controller) => controller.enqueue(chunk),
            cancel: (reason) => void (cancelled += isTimeout(reason) ? 1 : 0),
          }),
        );
      },
      writeTimeout: patience,
    }, 4096);
    const conns = await openMany(here.port, many);
    await Promise.all(conns.map((conn) => sendAll(conn, get("/slow") + "\r\n")));
    const start = performance.now();
    await ask(here.port, get("/normal") + "\r\n");
    assert(performance.now() - start < 500);
    await until(() => cancelled === many, "all are thrown out", patience + slack);
    assertEquals(here.log, []);
    for (const conn of conns) conn.close();
  }
  await socketsBack(before);
});

Deno.test("a body that does not come in time is 408, and no failure of the handler", async () => {
  await using here = serveHere({
    handler: async (request) => new Response(await request.text()),
    onError: () => new Response("not asked"),
    readTimeout: 50,
  });
  using conn = await Deno.connect({ port: here.port });
  await sendAll(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe");
  const responses = new Responses(conn);
  const response = await responses.next();
  assert(typeof response !== "string" && response.close);
  assertEquals(response.text.split("\r\n")[0], "HTTP/1.1 408 Request Timeout");
  assertEquals(await responses.end(), "end");
  assertEquals(here.log, []);
});
