import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { isTimeout } from "../../../deadline.ts";
import { OpError } from "../../../net/errors.ts";
import { pipe } from "../../../net/pipe.ts";
import { HttpError } from "../../../http/errors.ts";
import { Request } from "../../../http/web/request.ts";
import { type ClientTrace, setTrace } from "../../../http/client/trace.ts";
import { countedSignal } from "../../support/conn_helpers.ts";
import { FakeClock, settle } from "../../support/fake_clock.ts";
import { breakable, bytesOf, Peer, Piped, rejection } from "./transport_support.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const url = "http://example.test/";

/** What happens to a request on the wire. */
type Event = "closed" | "closed in the head" | "reset" | "not written";

interface RetryRow {
  readonly reused: boolean;
  readonly method: string;
  readonly body?: "string" | "stream";
  readonly key?: string;
  readonly event: Event;
  readonly retried: boolean;
}

const row = (
  reused: boolean,
  method: string,
  event: Event,
  retried: boolean,
  more: Pick<RetryRow, "body" | "key"> = {},
): RetryRow => ({ reused, method, event, retried, ...more });

const retryRows: RetryRow[] = [
  ...["GET", "HEAD", "OPTIONS", "TRACE"].map((method) => row(true, method, "closed", true)),
  ...["GET", "HEAD", "OPTIONS", "TRACE"].map((method) => row(false, method, "closed", false)),
  ...["POST", "PUT", "PATCH", "DELETE"].map((method) => row(true, method, "closed", false)),
  row(true, "GET", "reset", true),
  row(true, "GET", "closed in the head", false),
  row(true, "POST", "closed", true, { key: "Idempotency-Key" }),
  row(true, "POST", "closed", true, { key: "X-Idempotency-Key" }),
  row(true, "POST", "closed", true, { key: "Idempotency-Key", body: "string" }),
  row(true, "POST", "closed", false, { key: "Idempotency-Key", body: "stream" }),
  row(true, "POST", "closed in the head", false, { key: "Idempotency-Key" }),
  row(false, "POST", "closed", false, { key: "Idempotency-Key" }),
  row(true, "POST", "not written", true),
  row(true, "POST", "not written", true, { body: "string" }),
  row(true, "POST", "not written", true, { body: "stream" }),
  row(true, "GET", "not written", true),
  row(false, "GET", "not written", false),
  row(false, "POST", "not written", false),
];

for (const { reused, method, body, key, event, retried } of retryRows) {
  const what = `${method}${body ? ` with a ${body}` : ""}${key ? ` and ${key}` : ""}`;
  const where = reused ? "a reused connection" : "a fresh connection";
  Deno.test(`${what} on ${where}, ${event}: ${retried ? "sent again" : "fails"}`, async () => {
    let broken = false;
    const peers: Peer[] = [];
    const dial = () => {
      const [client, server] = pipe();
      peers.push(new Peer(server));
      const first = peers.length === 1;
      return Promise.resolve(breakable(client, () => first && broken));
    };
    using piped = new Piped({ dial });
    if (reused) {
      const warming = piped.get();
      await settle();
      await peers[0].answer(ok);
      await (await warming).text();
    }
    broken = event === "not written";
    const responding = piped.send(url, {
      method,
      headers: key === undefined ? {} : { [key]: "1" },
      body: body === "string" ? "data" : body === "stream" ? new Blob(["data"]).stream() : null,
    });
    const outcome = responding.then(({ status }) => status, (error) => error);
    await settle();
    if (!broken) {
      await peers[0].expectRequest();
      if (event === "closed in the head") await peers[0].send("HTTP/1.1 2");
    }
    peers[0].close();
    await settle();
    assertEquals(peers.length, retried ? 2 : 1);
    if (retried) {
      const again = await peers[1].answer(ok);
      assertEquals(again.startsWith(`${method} / HTTP/1.1\r\n`), true);
      if (body !== undefined) assertEquals(again.includes("data"), true);
      assertEquals(await outcome, 200);
    } else assertInstanceOf(await outcome, HttpError);
    for (const peer of peers) peer.close();
  });
}

Deno.test("a request is sent again over each connection that was reused", async () => {
  const peers: Peer[] = [];
  const held = Promise.withResolvers<void>();
  const dial = async () => {
    const [client, server] = pipe();
    peers.push(new Peer(server));
    if (peers.length === 3) await held.promise;
    return client;
  };
  using piped = new Piped({ dial });
  const [one, two] = [piped.get(), piped.get()];
  await settle();
  await peers[0].answer(ok);
  await (await one).text();
  const three = piped.get();
  await peers[0].expectRequest();
  peers[0].close();
  await settle();
  await peers[1].answer(ok);
  await (await two).text(); // Its connection is there before the one that is dialed.
  await peers[1].expectRequest();
  peers[1].close();
  held.resolve();
  await settle();
  await peers[2].answer(ok);
  assertEquals(await (await three).text(), "ok");
  for (const peer of peers) peer.close();
});

Deno.test("a request is not sent again over a connection that was new", async () => {
  using piped = new Piped();
  const first = await piped.warm();
  const failing = rejection(piped.get());
  await first.expectRequest();
  first.close();
  const second = await piped.peer();
  await second.expectRequest();
  second.close();
  const error = await failing as HttpError;
  assertEquals([error.phase, error.code], ["responseHeader", "ERR_HTTP_NO_RESPONSE"]);
  assertEquals(piped.dials, 2);
});

Deno.test("a request that times out is not sent again", async () => {
  const clock = new FakeClock();
  using piped = new Piped({ responseHeaderTimeout: 1_000, clock });
  const peer = await piped.warm();
  const failing = rejection(piped.get());
  await peer.expectRequest();
  await clock.advance(1_500);
  const error = await failing as HttpError;
  assertEquals([error.phase, error.timeout, isTimeout(error)], ["responseHeader", true, true]);
  assertEquals([piped.dials, piped.transport.stats()], [1, {}]);
});

const stages: [
  name: string,
  run: (piped: Piped, signal: AbortSignal) => Promise<() => Promise<unknown>>,
][] = [
  ["while it waits for the response", async (piped, signal) => {
    const responding = piped.send(url, { signal });
    const caught = rejection(responding);
    await (await piped.peer()).expectRequest();
    return () => caught;
  }],
  ["within the head", async (piped, signal) => {
    const caught = rejection(piped.send(url, { signal }));
    const peer = await piped.peer();
    await peer.answer("HTTP/1.1 200 OK\r\nA: ");
    return () => caught;
  }],
  ["while its body is written", async (piped, signal) => {
    const body = new ReadableStream<Uint8Array>();
    const caught = rejection(piped.send(url, { method: "POST", body, signal }));
    await (await piped.peer()).expectHead();
    return () => caught;
  }],
  ["while the body is read", async (piped, signal) => {
    const responding = piped.send(url, { signal });
    await (await piped.peer()).answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    const caught = rejection((await responding).text());
    await settle();
    return () => caught;
  }],
  ["before the body is read", async (piped, signal) => {
    const responding = piped.send(url, { signal });
    await (await piped.peer()).answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    const response = await responding;
    return () => rejection(response.text());
  }],
];

for (const [name, run] of stages) {
  Deno.test(`an abort ${name} gives its reason and closes the connection`, async () => {
    using piped = new Piped();
    const { controller, signal, listeners } = countedSignal();
    const outcome = await run(piped, signal);
    const reason = { why: "no error even" };
    controller.abort(reason);
    assertStrictEquals(await outcome(), reason);
    assertEquals([listeners(), piped.transport.stats()], [0, {}]);
    await piped.peers[0].expectClosed();
  });
}

Deno.test("an abort while a connection is dialed ends the dial", async () => {
  let dialSignal: AbortSignal | undefined;
  using piped = new Piped({
    dial: (_network, _address, wait) => {
      dialSignal = wait.signal;
      return new Promise(() => {});
    },
  });
  const { controller, signal, listeners } = countedSignal();
  const caught = rejection(piped.send(url, { signal }));
  const reason = new Error("enough");
  controller.abort(reason);
  assertStrictEquals(await caught, reason);
  await settle();
  assertEquals([dialSignal?.aborted, listeners(), piped.transport.stats()], [true, 0, {}]);
});

Deno.test("a request with an aborted signal is not sent", async () => {
  using piped = new Piped();
  const reason = new Error("enough");
  const caught = await rejection(piped.send(url, { signal: AbortSignal.abort(reason) }));
  assertStrictEquals(caught, reason);
  assertEquals(piped.dials, 0);
});

Deno.test("an abort after the response was read has no effect", async () => {
  using piped = new Piped();
  const { controller, signal, listeners } = countedSignal();
  const responding = piped.send(url, { signal });
  const peer = await piped.peer();
  await peer.answer(ok);
  const response = await responding;
  assertEquals(listeners(), 0);
  controller.abort();
  assertEquals(await response.text(), "ok");
  await piped.warm(peer);
  assertEquals(piped.dials, 1);
});

async function gzip(text: string): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = await new Response(stream).bytes();
  return String.fromCharCode(...bytes);
}

/** Who asks for gzip, and what they get of a gzip response. */
const gzipRows: [name: string, init: RequestInit, disabled: boolean, decoded: boolean][] = [
  ["as it is", {}, false, true],
  ["with Accept-Encoding", { headers: { "Accept-Encoding": "gzip" } }, false, false],
  ["with Range", { headers: { Range: "bytes=0-" } }, false, false],
  ["with compression disabled", {}, true, false],
];

for (const [name, init, disableCompression, decoded] of gzipRows) {
  Deno.test(`a gzip response to a request ${name} is ${decoded ? "decoded" : "left alone"}`, async () => {
    using piped = new Piped({ disableCompression });
    const responding = piped.send(url, init);
    const peer = await piped.peer();
    const zipped = await gzip("hello ".repeat(50));
    const request = await peer.answer(
      `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${zipped.length}\r\nX: y\r\n\r\n${zipped}`,
    );
    assertEquals(/^accept-encoding: gzip\r$/im.test(request), decoded || name.includes("Accept"));
    const response = await responding;
    const { headers, uncompressed } = response;
    assertEquals(uncompressed, decoded);
    assertEquals(headers.get("x"), "y");
    assertEquals(headers.has("content-encoding"), !decoded);
    assertEquals(headers.has("content-length"), !decoded);
    const bytes = await response.bytes();
    assertEquals(bytes.length, decoded ? 300 : zipped.length);
  });
}

Deno.test("HEAD asks for no gzip", async () => {
  using piped = new Piped();
  const responding = piped.send(url, { method: "HEAD" });
  const peer = await piped.peer();
  const request = await peer.answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n");
  assertEquals(/accept-encoding/i.test(request), false);
  assertEquals((await responding).headers.get("content-encoding"), "gzip");
});

Deno.test("a gzip body that is damaged says which request it belongs to", async () => {
  using piped = new Piped();
  const responding = piped.send(url);
  await (await piped.peer()).answer(
    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
  );
  const error = await rejection((await responding).text());
  assertInstanceOf(error, HttpError);
  assertEquals([error.phase, error.url, error.code], ["body", url, "ERR_HTTP_CONTENT_ENCODING"]);
});

Deno.test("a failed dial says where and why", async () => {
  const cause = new OpError({
    op: "dial",
    network: "tcp",
    addr: "example.test:80",
    reason: "connection refused",
    code: "ECONNREFUSED",
  });
  using piped = new Piped({ dial: () => Promise.reject(cause) });
  const error = await rejection(piped.send("http://user:secret@example.test/"));
  assertInstanceOf(error, HttpError);
  assertEquals([error.op, error.phase, error.code], ["GET", "connect", "ECONNREFUSED"]);
  assertEquals(error.url, "http://user:***@example.test/");
  assertStrictEquals(error.cause, cause);
});

Deno.test("a stream that is never sent is cancelled", async () => {
  using piped = new Piped({ dial: () => Promise.reject(new Error("no")) });
  let cancelled: unknown;
  const body = new ReadableStream<Uint8Array>({
    cancel: (reason) => {
      cancelled = reason;
    },
  });
  const error = await rejection(piped.send(url, { method: "POST", body }));
  assertStrictEquals(cancelled, error);
});

Deno.test("a response says where it is from", async () => {
  using piped = new Piped();
  const responding = piped.send(`${url}path#fragment`);
  const peer = await piped.peer();
  const request = await peer.answer("HTTP/1.0 404 Not here\r\nContent-Length: 0\r\n\r\n");
  assertEquals(request.split("\r\n")[0], "GET /path HTTP/1.1");
  const response = await responding;
  const { status, statusText, proto, url: from, redirected, remoteAddr, type } = response;
  assertEquals([status, statusText, proto], [404, "Not here", "HTTP/1.0"]);
  assertEquals([from, redirected, type], [`${url}path`, false, "basic"]);
  assertEquals(remoteAddr?.toString(), "pipe");
});

/** Hooks that write down their names. */
function tracing(log: string[]): ClientTrace {
  return new Proxy({}, {
    get: (_, name) => (event?: { reused?: boolean; error?: unknown; status?: number }) => {
      const { reused, error, status } = event ?? {};
      const detail = reused !== undefined ? ` ${reused ? "reused" : "new"}` : status ?? "";
      log.push(`${String(name)}${detail}${error === undefined ? "" : " failed"}`);
    },
  });
}

Deno.test("the hooks of an exchange are called in order", async () => {
  using piped = new Piped();
  for (const reused of [false, true]) {
    const log: string[] = [];
    const request = new Request(url);
    setTrace(request, tracing(log));
    const responding = piped.transport.roundTrip(request);
    const peer = reused ? piped.peers[0] : await piped.peer();
    await peer.answer(`HTTP/1.1 103 Early\r\n\r\n${ok}`);
    await (await responding).text();
    await settle();
    assertEquals(log, [
      "getConn",
      ...(reused ? [] : ["connectStart", "connectDone"]),
      `gotConn ${reused ? "reused" : "new"}`,
      "wroteHeaders",
      "wroteRequest",
      "gotFirstResponseByte",
      "got1xxResponse103",
      "putIdleConn",
    ]);
  }
});

Deno.test("the hooks of a request that waits for 100 Continue are called in order", async () => {
  using piped = new Piped();
  const log: string[] = [];
  const request = new Request(url, {
    method: "POST",
    body: "data",
    headers: { expect: "100-continue" },
  });
  setTrace(request, tracing(log));
  const responding = piped.transport.roundTrip(request);
  const peer = await piped.peer();
  await peer.expectHead();
  await peer.expectIdle();
  await peer.send("HTTP/1.1 100 Continue\r\n\r\n");
  assertEquals(await peer.expectBytes(4), "data");
  await peer.conn.write(bytesOf(ok.replace("200 OK", "500 No")));
  await (await responding).text();
  await settle();
  assertEquals(log.slice(3), [
    "gotConn new",
    "wroteHeaders",
    "wait100Continue",
    "gotFirstResponseByte",
    "got100Continue",
    "got1xxResponse100",
    "wroteRequest",
    "putIdleConn",
  ]);
});

Deno.test("a hook that throws does no harm", async () => {
  using piped = new Piped();
  const request = new Request(url);
  const errors: unknown[] = [];
  const heard = (event: ErrorEvent) => {
    event.preventDefault();
    errors.push(event.error);
  };
  addEventListener("error", heard);
  try {
    setTrace(request, {
      gotConn: () => {
        throw "broken hook";
      },
    });
    const responding = piped.transport.roundTrip(request);
    await (await piped.peer()).answer(ok);
    assertEquals(await (await responding).text(), "ok");
    assertEquals(errors, ["broken hook"]);
  } finally {
    removeEventListener("error", heard);
  }
  assert(piped.dials === 1);
});

for (const hook of ["getConn", "gotConn"] as const) {
  for (const reused of [false, true]) {
    const where = reused ? "a reused connection" : "a fresh connection";
    Deno.test(`a request that ${hook} aborts is not sent over ${where}`, async () => {
      using piped = new Piped();
      if (reused) await piped.warm();
      const aborting = new AbortController();
      const reason = new Error("enough");
      const request = new Request(url, { signal: aborting.signal });
      setTrace(request, { [hook]: () => aborting.abort(reason) });
      assertStrictEquals(await rejection(piped.transport.roundTrip(request)), reason);
      await settle();
      for (const { active, waiting } of Object.values(piped.transport.stats())) {
        assertEquals([active, waiting], [0, 0]);
      }
    });
  }
}

Deno.test("a request that a hook aborts during its dial waits no longer", async () => {
  const aborting = new AbortController();
  const dialed = Promise.withResolvers<never>();
  const dial = () => {
    aborting.abort(new Error("enough"));
    return dialed.promise;
  };
  using piped = new Piped({ dial });
  assertEquals((await rejection(piped.send(url, { signal: aborting.signal }))).message, "enough");
  await settle();
  assertEquals(piped.transport.stats(), {});
});

Deno.test("a stream that an early answer leaves unread is cancelled", async () => {
  using piped = new Piped();
  let cancelled = false;
  const body = new ReadableStream({ cancel: () => void (cancelled = true) }, { highWaterMark: 0 });
  const headers = { expect: "100-continue" };
  const responding = piped.send(url, { method: "POST", headers, body });
  const peer = await piped.peer();
  await peer.expectHead();
  await peer.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n");
  assertEquals((await responding).status, 417);
  await settle();
  assert(cancelled);
});
