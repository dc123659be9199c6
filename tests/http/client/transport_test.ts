import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { HttpError } from "../../../http/errors.ts";
import { pipe } from "../../../net/pipe.ts";
import { rereadProxyEnvironment } from "../../../http/client/proxy_env.ts";
import { Request } from "../../../http/web/request.ts";
import { defaultTransport, Transport } from "../../../http/client/transport.ts";
import type { TransportOptions } from "../../../http/client/transport_options.ts";
import { FakeClock, settle } from "../../support/fake_clock.ts";
import { noSocketLeft } from "../../support/net_helpers.ts";
import { httpServer } from "./proxy_support.ts";
import { Peer, Piped, rejection, textOf } from "./transport_support.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Sends `count` requests at once and gives their bodies. */
async function storm(transport: Transport, url: string, count: number): Promise<string[]> {
  return await Promise.all(Array.from({ length: count }, async (_, i) => {
    const response = await transport.roundTrip(new Request(`${url}/${i}`));
    return await response.text();
  }));
}

Deno.test("1,000 requests at once go over no more than maxConnsPerHost connections", async () => {
  await using server = httpServer((head) => head.split(" ")[1]);
  await noSocketLeft(async () => {
    using transport = new Transport({ proxy: null, maxConnsPerHost: 10, maxIdleConnsPerHost: 10 });
    const bodies = await storm(transport, `http://${server.address}`, 1_000);
    assertEquals(bodies, bodies.map((_, i) => `/${i}`));
    assertEquals([server.peak, server.accepted], [10, 10]);
    const [stats] = Object.values(transport.stats());
    assertEquals(stats, { dialing: 0, active: 0, idle: 10, waiting: 0 });
  });
});

Deno.test("of 100 connections without a limit, maxIdleConnsPerHost stay", async () => {
  await using server = httpServer(async (head) => {
    while (server.open < 100) await settle(); // all at once
    return head.split(" ")[1];
  });
  for (const [maxIdleConnsPerHost, left] of [[undefined, 2], [7, 7]]) {
    using transport = new Transport({ proxy: null, maxIdleConnsPerHost });
    await storm(transport, `http://${server.address}`, 100);
    assertEquals(Object.values(transport.stats())[0].idle, left);
    while (server.open > left!) await settle();
    transport.close();
    while (server.open > 0) await settle();
  }
  assertEquals(server.peak, 100);
});

Deno.test("requests wait for a connection first come, first served", async () => {
  using piped = new Piped({ maxConnsPerHost: 1 });
  const done: string[] = [];
  const all = ["a", "b", "c"].map(async (name) => {
    await (await piped.send(`http://example.test/${name}`)).text();
    done.push(name);
  });
  const peer = await piped.peer();
  await settle();
  assertEquals(Object.values(piped.transport.stats()), [
    { dialing: 0, active: 1, idle: 0, waiting: 2 },
  ]);
  for (let i = 0; i < 3; i++) await peer.answer(ok);
  await Promise.all(all);
  assertEquals([done, piped.dials], [["a", "b", "c"], 1]);
});

Deno.test("a waiting request gets the place of one that was aborted", async () => {
  using piped = new Piped({ maxConnsPerHost: 1 });
  const controller = new AbortController();
  const first = rejection(piped.send("http://example.test/", { signal: controller.signal }));
  const second = piped.get();
  await (await piped.peer()).expectRequest();
  controller.abort();
  await first;
  await (await piped.peer()).answer(ok);
  assertEquals(await (await second).text(), "ok");
});

Deno.test("maxIdleConns counts over all hosts", async () => {
  using piped = new Piped({ maxIdleConns: 2 });
  for (const host of ["a", "b", "c"]) {
    const responding = piped.send(`http://${host}.test/`);
    await (await piped.peer()).answer(ok);
    await (await responding).text();
  }
  assertEquals(Object.keys(piped.transport.stats()), ["http://b.test:80", "http://c.test:80"]);
  await piped.peers[0].expectClosed();
});

Deno.test("an idle connection is closed after idleConnTimeout", async () => {
  const clock = new FakeClock();
  using piped = new Piped({ clock, idleConnTimeout: 5_000 });
  const peer = await piped.warm();
  await clock.advance(4_900);
  assertEquals(Object.values(piped.transport.stats())[0].idle, 1);
  await clock.advance(400);
  await peer.expectClosed();
  assertEquals([piped.transport.stats(), clock.timers], [{}, 0]);
});

Deno.test("with disableKeepAlives each connection carries one request, and says so", async () => {
  using piped = new Piped({ disableKeepAlives: true });
  for (let i = 1; i <= 2; i++) {
    const responding = piped.get();
    const peer = await piped.peer();
    assert((await peer.answer(ok)).includes("\r\nConnection: close\r\n"));
    await (await responding).text();
    await peer.expectClosed();
    assertEquals(piped.dials, i);
  }
});

Deno.test("a response's head must come within responseHeaderTimeout of the request", async () => {
  const clock = new FakeClock();
  using piped = new Piped({ clock, responseHeaderTimeout: 1_000 });
  const slow = new ReadableStream<Uint8Array>({
    start: (controller) => {
      clock.setTimeout(() => controller.close(), 5_000);
    },
  });
  const failing = rejection(piped.send("http://example.test/", { method: "POST", body: slow }));
  const peer = await piped.peer();
  await peer.expectHead();
  await clock.advance(4_900); // the request is not written yet
  await peer.expectIdle();
  await clock.advance(100);
  await peer.expectBytes(5);
  await clock.advance(900);
  await peer.expectIdle();
  await clock.advance(400);
  const error = await failing;
  assertInstanceOf(error, HttpError);
  assertEquals([error.phase, error.timeout, error.code], ["responseHeader", true, "ETIMEDOUT"]);
  await peer.expectClosed();
});

Deno.test("responseHeaderTimeout does not limit the body", async () => {
  const clock = new FakeClock();
  using piped = new Piped({ clock, responseHeaderTimeout: 1_000 });
  const responding = piped.get();
  const peer = await piped.peer();
  await peer.answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  const text = (await responding).text();
  await clock.advance(10_000);
  await peer.send("hello");
  assertEquals(await text, "hello");
});

Deno.test("a response's head may not be longer than maxResponseHeaderBytes", async () => {
  const head = `HTTP/1.1 200 OK\r\nA: ${"b".repeat(1_000)}\r\nContent-Length: 0\r\n\r\n`;
  for (const [maxResponseHeaderBytes, fits] of [[head.length, true], [500, false]] as const) {
    using piped = new Piped({ maxResponseHeaderBytes });
    const responding = piped.get();
    const outcome = responding.then(({ status }) => status, (error: HttpError) => error.phase);
    const peer = await piped.peer();
    await peer.expectRequest();
    await peer.send(head).catch(() => {});
    assertEquals(await outcome, fits ? 200 : "responseHeader");
  }
});

Deno.test("readBufferSize is what is read at once", async () => {
  for (const [readBufferSize, most] of [[100, 100], [undefined, 16 * 1024]] as const) {
    const sizes: number[] = [];
    const dial = () => {
      const [client, server] = pipe();
      const peer = new Peer(server);
      piped.peers.push(peer);
      const read = client.read.bind(client);
      return Promise.resolve(
        Object.assign(client, { read: (p: Uint8Array) => (sizes.push(p.length), read(p)) }),
      );
    };
    using piped = new Piped({ readBufferSize, dial });
    const responding = piped.get();
    await settle();
    await piped.peers[0].answer(ok);
    await (await responding).text();
    assertEquals(sizes, [most, most]);
  }
});

Deno.test("closeIdleConnections() closes what is idle, and nothing else", async () => {
  using piped = new Piped({ maxIdleConnsPerHost: 5 });
  const idle = await piped.warm();
  const first = piped.get();
  await idle.expectRequest();
  const second = piped.get();
  const other = await piped.peer();
  await other.answer(ok);
  await (await second).text();
  piped.transport.closeIdleConnections();
  await other.expectClosed();
  await idle.send(ok);
  assertEquals(await (await first).text(), "ok");
  await piped.warm(idle);
});

Deno.test("close() ends requests at every stage, and those to come", async () => {
  using piped = new Piped({ maxConnsPerHost: 3 });
  const waiting = rejection(piped.get());
  const streaming = piped.get();
  const uploading = rejection(
    piped.send("http://example.test/", { method: "POST", body: new ReadableStream() }),
  );
  const queued = rejection(piped.get());
  await (await piped.peer()).expectRequest();
  await (await piped.peer()).answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  await (await piped.peer()).expectHead();
  const response = await streaming;
  const reading = rejection(response.text());
  await settle();
  piped.transport.close();
  piped.transport.close();
  const phases = ["responseHeader", "body", "responseHeader", "connect"];
  for (const [i, failing] of [waiting, reading, uploading, queued].entries()) {
    const error = await failing;
    assertInstanceOf(error, HttpError);
    assertEquals([error.code, error.phase], ["ERR_CLOSED", phases[i]]);
  }
  assertEquals((await rejection(piped.get()) as HttpError).code, "ERR_CLOSED");
  assertEquals([piped.transport.stats(), piped.dials], [{}, 3]);
  for (const peer of piped.peers) await peer.expectClosed();
});

Deno.test("`using` closes", async () => {
  let peer;
  {
    using piped = new Piped();
    peer = await piped.warm();
  }
  await peer.expectClosed();
});

Deno.test("stats() says what there is, by host, and never a password", async () => {
  using piped = new Piped({ proxy: (url) => url.hostname === "b.test" ? proxy : null });
  const proxy = new URL("http://user:secret@proxy.test:3128");
  assertEquals(piped.transport.stats(), {});
  const one = piped.send("http://a.test/");
  const two = piped.send("http://b.test/");
  await settle();
  assertEquals(piped.transport.stats(), {
    "http://a.test:80": { dialing: 0, active: 1, idle: 0, waiting: 0 },
    "http via http://user:***@proxy.test:3128/": { dialing: 0, active: 1, idle: 0, waiting: 0 },
  });
  for (const peer of piped.peers) await peer.answer(ok);
  await (await one).text();
  await (await two).text();
});

Deno.test("plain requests to all servers share the connections to an HTTP proxy", async () => {
  using piped = new Piped({ proxy: "http://proxy.test" });
  for (const host of ["a", "b"]) {
    const responding = piped.send(`http://${host}.test/`);
    const peer = piped.peers[0] ?? await piped.peer();
    assert((await peer.answer(ok)).startsWith(`GET http://${host}.test/ HTTP/1.1\r\n`));
    await (await responding).text();
  }
  assertEquals(piped.dials, 1);
});

Deno.test("proxies with different passwords share no connections", async () => {
  let n = 0;
  using piped = new Piped({ proxy: () => new URL(`http://u:p${n++}@proxy.test`) });
  for (let i = 0; i < 2; i++) {
    const responding = piped.get();
    await (await piped.peer()).answer(ok);
    await (await responding).text();
  }
  assertEquals([piped.dials, Object.keys(piped.transport.stats()).length], [2, 2]);
});

Deno.test("a proxy function is asked for each URL", async () => {
  const asked: string[] = [];
  using piped = new Piped({ proxy: (url) => (asked.push(url.href), null) });
  for (const path of ["a", "b"]) {
    const responding = piped.send(`http://example.test/${path}`);
    const peer = piped.peers[0] ?? await piped.peer();
    await peer.answer(ok);
    await (await responding).text();
  }
  assertEquals(asked, ["http://example.test/a", "http://example.test/b"]);
});

Deno.test("a proxy function that throws, or names no proxy, fails the request", async () => {
  const error = new Error("no idea");
  const rows: [proxy: TransportOptions["proxy"], check: (e: Error) => void][] = [
    [() => {
      throw error;
    }, (e) => assertStrictEquals(e, error)],
    [() => new URL("ftp://a"), (e) => assertInstanceOf(e, TypeError)],
    [() => "http://a" as unknown as URL, (e) => assertInstanceOf(e, TypeError)],
  ];
  for (const [proxy, check] of rows) {
    using piped = new Piped({ proxy });
    check(await rejection(piped.get()));
    assertEquals(piped.dials, 0);
  }
});

Deno.test("the environment names the proxy, unless `proxy` is null", async () => {
  const before = Deno.env.get("http_proxy");
  Deno.env.set("http_proxy", "http://proxy.test:3128");
  rereadProxyEnvironment();
  try {
    for (const [proxy, target] of [[undefined, "http://example.test/"], [null, "/"]] as const) {
      using piped = new Piped({ proxy });
      const responding = piped.get();
      assert((await (await piped.peer()).answer(ok)).startsWith(`GET ${target} HTTP/1.1\r\n`));
      await (await responding).text();
    }
  } finally {
    if (before === undefined) Deno.env.delete("http_proxy");
    else Deno.env.set("http_proxy", before);
    rereadProxyEnvironment();
  }
});

Deno.test("a request that cannot be sent is refused before anything is dialed", async () => {
  using piped = new Piped();
  const rows: (() => Promise<unknown>)[] = [
    () => piped.send("ftp://example.test/"),
    () =>
      piped.send("http://example.test/", {
        method: "POST",
        body: "x",
        headers: { "content-length": "9" },
      }),
    () => piped.transport.roundTrip(new Request("http://example.test/", { method: "CONNECT" })),
  ];
  for (const send of rows) assertInstanceOf(await rejection(Promise.try(send)), TypeError);
  const used = new Request("http://example.test/", {
    method: "POST",
    body: new Blob(["x"]).stream(),
  });
  await used.text();
  assertInstanceOf(await rejection(piped.transport.roundTrip(used)), TypeError);
  assertEquals(piped.dials, 0);
});

Deno.test("a Request of the web's own is sent as well", async () => {
  using piped = new Piped();
  const request = new globalThis.Request("http://example.test/x?y#z", {
    method: "PUT",
    headers: { a: "b" },
    body: "data",
  });
  const responding = piped.transport.roundTrip(request);
  const sent = await (await piped.peer()).answer(ok);
  assert(sent.startsWith("PUT /x?y HTTP/1.1\r\nHost: example.test\r\n"), sent);
  assert(/\r\na: b\r\n/i.test(sent) && sent.includes("data"), sent);
  assertEquals(await (await responding).text(), "ok");
});

Deno.test("a URL's userinfo stays out of the request", async () => {
  using piped = new Piped();
  const responding = piped.send("http://user:secret@example.test/");
  const sent = await (await piped.peer()).answer(ok);
  assert(sent.startsWith("GET / HTTP/1.1\r\nHost: example.test\r\n"), sent);
  assertEquals(/secret|user:/.test(sent), false);
  await (await responding).text();
});

Deno.test("the same request again, and another one, go out as they are", async () => {
  using piped = new Piped();
  const peer = await piped.warm();
  for (const path of ["a", "a", "a", "b", "a"]) {
    const responding = piped.send(`http://example.test/${path}`);
    const sent = await peer.answer(ok);
    assertEquals(
      sent,
      [
        `GET /${path} HTTP/1.1`,
        "Host: example.test",
        "User-Agent: plumb",
        "Accept-Encoding: gzip",
        "\r\n",
      ].join("\r\n"),
    );
    await (await responding).text();
  }
  const responding = piped.send("http://example.test/a", { headers: { x: "y" } });
  assert(/\r\nx: y\r\n/i.test(await peer.answer(ok)));
  await (await responding).text();
});

Deno.test("what differs in anything from the request before goes out as it is", async () => {
  using piped = new Piped();
  const peer = await piped.warm();
  const rows: [method: string, body: string, headers: string[][]][] = [
    ["POST", "one", [["x-a", "1"]]],
    ["POST", "one", [["x-a", "1"]]],
    ["POST", "two", [["x-a", "1"]]],
    ["POST", "two", [["x-a", "1"]]],
    ["POST", "three", [["x-a", "1"]]],
    ["PUT", "three", [["x-a", "1"]]],
    ["PUT", "three", [["x-a", "2"]]],
    ["PUT", "three", [["x-b", "2"]]],
    ["PUT", "three", []],
    ["PUT", "three", [["x-b", "2"], ["x-a", "1"]]],
    ["PUT", "thr\u00e9", [["x-b", "2"], ["x-a", "1"]]],
  ];
  for (const [method, body, headers] of rows) {
    const responding = piped.send("http://example.test/a", { method, body, headers });
    const sent = await peer.answer(ok);
    const length = new TextEncoder().encode(body).length;
    const lines = [
      `${method} /a HTTP/1.1`,
      "Host: example.test",
      ...headers.map(([name, value]) => `${name}: ${value}`),
      "Content-Type: text/plain;charset=UTF-8",
      "User-Agent: plumb",
      "Accept-Encoding: gzip",
      `Content-Length: ${length}`,
    ];
    assertEquals(sent, `${lines.join("\r\n")}\r\n\r\n${textOf(new TextEncoder().encode(body))}`);
    await (await responding).text();
  }
});

Deno.test("headers that have changed since the last time go out as they are now", async () => {
  using piped = new Piped();
  const peer = await piped.warm();
  const request = new Request("http://example.test/", { headers: { "x-a": "0" } });
  for (const value of ["1", "2", "2", "3"]) {
    request.headers.set("x-a", value);
    const responding = piped.transport.roundTrip(request);
    assertMatch(await peer.answer(ok), new RegExp(`\r\nx-a: ${value}\r\n`));
    await (await responding).text();
  }
});

Deno.test("an option that does not exist is refused", () => {
  assertThrows(() => new Transport({ maxIdle: 1 } as TransportOptions), TypeError);
});

Deno.test("defaultTransport is one, and has no connections yet", () => {
  assertInstanceOf(defaultTransport, Transport);
  assertEquals(defaultTransport.stats(), {});
});
