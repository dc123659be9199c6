/** What a handler does too late, or while something else is done, harms no other request. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Handler, HandlerInfo } from "../../../http/handler.ts";
import { type ConnOwner, ServerConn } from "../../../http/server/server_conn.ts";
import { serverSettings } from "../../../http/server/server_options.ts";
import { type Conn, pipe } from "../../../net/mod.ts";
import { outcome, settle } from "../../support/fake_clock.ts";
import { Wire } from "../../support/wire.ts";
import { get, hello, within } from "./server_support.ts";

const ways = ["pipe", "tcp"] as const;

/** A request with a body, without that. */
const post = (path: string, framing: string, more = "") =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\n${framing}\r\n${more}\r\n`;

const ten = "Content-Length: 10";
const chunked = "Transfer-Encoding: chunked";
const late = /^cannot read the body of a request that was answered$/;

/** Each way to have a body read while the request is answered, in each framing. */
const readers: [name: string, read: (request: Request) => Promise<unknown>][] = [
  ["text()", (request) => request.text()],
  ["a reader", (request) => request.body!.getReader().read()],
  ["a clone", (request) => request.clone().text()],
];

for (const over of ways) {
  for (const [name, read] of readers) {
    Deno.test(`${name} left reading never sees the next request (${over})`, async () => {
      for (const framing of [ten, chunked]) {
        const paths: string[] = [];
        let reading: Promise<unknown> | undefined;
        await using wire = await Wire.open((request) => {
          paths.push(new URL(request.url).pathname);
          if (request.method === "POST") (reading = read(request)).catch(() => {});
          return new Response("x");
        }, over);
        await wire.send(post("/1", framing));
        await within(wire.expectResponse());
        const body = framing === ten ? "0123456789" : "a\r\n0123456789\r\n0\r\n\r\n";
        await wire.send(body + get("/2"));
        assertEquals((await within(wire.expectResponse())).status, 200);
        assertEquals(paths, ["/1", "/2"]);
        const seen = await within(reading!.catch((error) => error));
        if (seen instanceof Error) assertMatch(seen.message, late);
        else if (typeof seen === "string") assertEquals(seen, "0123456789");
        else {
          assertEquals(seen, { done: false, value: new TextEncoder().encode("0123456789") });
        }
      }
    });
  }

  Deno.test(`what is read behind the answer is an error, and not the next request (${over})`, async () => {
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    await using wire = await Wire.open((request) => {
      reader ??= request.body!.getReader();
      return new Response("x");
    }, over);
    await wire.send(post("/1", ten));
    await wire.expectResponse();
    const error = await assertRejects(() => reader!.read(), TypeError);
    assertMatch(error.message, late);
    await wire.send("0123456789" + get("/2"));
    assertEquals((await within(wire.expectResponse())).status, 200);
  });

  Deno.test(`a body left unread by the last answer is not read with holes (${over})`, async () => {
    let reading: Promise<string> | undefined;
    await using wire = await Wire.open((request) => {
      (reading = request.text()).catch(() => {});
      return new Response("x");
    }, over);
    await wire.send(post("/1", chunked, "Connection: close\r\n"));
    await wire.expectResponse();
    await wire.trySend("5\r\n01234\r\n", "5\r\n56789\r\n0\r\n\r\n");
    assertMatch((await assertRejects(() => within(reading!), TypeError)).message, late);
    await wire.expectClosed();
  });

  Deno.test(`a connection cannot be hijacked while its body is read (${over})`, async () => {
    for (const framing of [ten, chunked]) {
      const tried = Promise.withResolvers<unknown>();
      await using wire = await Wire.open(async (request, info) => {
        const text = request.text();
        try {
          tried.resolve(info.hijack());
        } catch (error) {
          tried.resolve(error);
        }
        return new Response(await text);
      }, over);
      await wire.send(post("/", framing));
      assertMatch(
        String(await tried.promise),
        /^TypeError: cannot hijack: the body .* being read$/,
      );
      await wire.send(framing === ten ? "0123456789" : "a\r\n0123456789\r\n0\r\n\r\n");
      assertEquals((await within(wire.expectResponse())).body, "0123456789");
    }
  });

  Deno.test(`the body of a hijacked request is the hijacker's, on the connection (${over})`, async () => {
    const seen = Promise.withResolvers<[unknown, number, Conn]>();
    await using wire = await Wire.open(async (request, info) => {
      const { conn, buffered } = info.hijack();
      seen.resolve([await request.text().catch((error) => error), buffered.length, conn]);
      return new Response("ignored");
    }, over);
    await wire.send(post("/", ten) + "01234");
    const [error, length, conn] = await seen.promise;
    assertMatch(String(error), /^TypeError: cannot read the body: the connection was hijacked$/);
    assert(length <= 5);
    conn.close();
  });
}

Deno.test("what a hijacker throws is logged", async () => {
  await using wire = await Wire.open((_, info) => {
    info.hijack().conn.close();
    throw new Error("afterwards");
  });
  await wire.send(get());
  await wire.expectClosed();
  assertEquals(wire.log, ["GET http://a/: the handler failed: Error: afterwards"]);
});

Deno.test("a read deadline ends with the body it was set for", async () => {
  await using wire = await Wire.open(async (request, info) => {
    if (request.url.endsWith("/1")) info.setReadDeadline(Date.now() + 40);
    return new Response(await request.text());
  });
  await wire.send(post("/1", "Content-Length: 1") + "1");
  assertEquals((await wire.expectResponse()).body, "1");
  await new Promise((resolve) => setTimeout(resolve, 60)); // past the deadline
  await wire.send(post("/2", "Content-Length: 2") + "2");
  await settle();
  await wire.send("2");
  assertEquals((await wire.expectResponse()).body, "22");
});

Deno.test("a read deadline does not take the silence of a client for its departure", async () => {
  await using wire = await Wire.open(async ({ signal }, info) => {
    info.setReadDeadline(Date.now() + 20); // there is no body
    await new Promise((resolve) => setTimeout(resolve, 60));
    return new Response(String(signal.aborted));
  });
  await wire.send(get());
  assertEquals((await wire.expectResponse()).body, "false");
});

Deno.test("a write deadline set behind the answer hits no other request", async () => {
  let first: HandlerInfo | undefined;
  await using wire = await Wire.open(async (_, info) => {
    first ??= info;
    if (first !== info) await new Promise((resolve) => setTimeout(resolve, 60));
    return new Response("x");
  });
  await wire.send(get("/1"));
  await wire.expectResponse();
  first!.setWriteDeadline(Date.now() + 20);
  await wire.send(get("/2"));
  assertEquals((await wire.expectResponse()).body, "x");
});

Deno.test("request.signal aborts when the server is closed: nobody can be answered", async () => {
  const started = Promise.withResolvers<AbortSignal>();
  const handler: Handler = ({ signal }) => {
    started.resolve(signal);
    return new Promise<never>(() => {});
  };
  await using wire = await Wire.open(handler);
  await wire.send(get());
  const signal = await started.promise;
  wire.server.close();
  assertEquals((signal.reason as DOMException).name, "AbortError");
});

Deno.test("what makes trailers is not asked when the body was cut short", async () => {
  let asked = 0;
  const cancelled = Promise.withResolvers<void>();
  await using wire = await Wire.open((_, info) => {
    info.setTrailers(() => ({ "X-Asked": `${++asked}` }));
    return new Response(new ReadableStream({ cancel: () => cancelled.resolve() }));
  });
  await wire.send(get());
  await settle();
  wire.conn.close();
  await cancelled.promise;
  await settle();
  assertEquals(asked, 0);
});

for (const state of ["new", "active", "idle"]) {
  Deno.test(`a hook may close the connection when it becomes ${state}`, async () => {
    await using wire = await Wire.open({
      handler: async (request) => new Response(await request.text()),
      connState: (conn, now) => {
        if (now === state) conn.close();
      },
      readTimeout: 5_000,
      writeTimeout: 5_000,
    }, "tcp");
    await wire.trySend(post("/", "Content-Length: 2") + "01");
    const rest = await within(wire.rest());
    assertEquals(/^HTTP.1.1 200 /.test(rest), state === "idle");
  });
}

Deno.test("the time for a head runs on while others have their turn", async () => {
  const [client, conn] = pipe();
  let released = false;
  const owner: ConnOwner = {
    settings: serverSettings({ handler: hello, readHeaderTimeout: 100 }),
    closing: false,
    admit: () => false,
    defer: (go) => queueMicrotask(go),
    release: () => released = true,
  };
  new ServerConn(conn, owner).start();
  await client.write(new TextEncoder().encode("G"));
  let sent = 0;
  for (; !released && sent < 40; sent++) {
    await client.write(new TextEncoder().encode("G")).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert(released, `it has taken ${sent} bytes`);
  client.close();
});

Deno.test("a request that waits for its turn is answered, and shutdown waits for it", async () => {
  const [client, conn] = pipe();
  let go: (() => void) | undefined;
  const owner: ConnOwner = {
    settings: serverSettings({ handler: hello }),
    closing: false,
    admit: () => false,
    defer: (later) => go = later,
    release: () => {},
  };
  const served = new ServerConn(conn, owner);
  served.start();
  await client.write(new TextEncoder().encode(get()));
  owner.closing = true;
  served.finish();
  const answer = new Response(client.readable).text();
  const seen = outcome(answer);
  await settle();
  assertEquals(seen, {});
  go!();
  assertMatch(await answer, /^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n\r\nhello$/);
  client.close();
  await settle();
});
