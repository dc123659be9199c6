import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeClock, settle } from "../../support/fake_clock.ts";
import { pipe } from "../../../net/pipe.ts";
import { HttpError } from "../../../http/errors.ts";
import { breakable, Peer, Piped, rejection } from "./transport_support.ts";

/** A response on the wire, what becomes of it, and whether another request may follow. */
interface Row {
  readonly name: string;
  readonly bytes: string;
  readonly method?: string;
  /** Sent with the request. */
  readonly headers?: HeadersInit;
  /** `status body`, or the code of the error and the phase it belongs to. */
  readonly outcome: string;
  readonly reusable: boolean;
}

const refusedHead = (code: string) => `${code} responseHeader`;

const rows: Row[] = [
  {
    name: "a body of known length",
    bytes: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    outcome: "200 hello",
    reusable: true,
  },
  {
    name: "a body of no bytes",
    bytes: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    outcome: "200 ",
    reusable: true,
  },
  {
    name: "a chunked body",
    bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
    outcome: "200 hello",
    reusable: true,
  },
  {
    name: "a chunked body with an extension and a trailer",
    bytes:
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    outcome: "200 hello",
    reusable: true,
  },
  {
    name: "a chunked body of no chunks",
    bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    outcome: "200 ",
    reusable: true,
  },
  {
    name: "HTTP/1.0 with a length",
    bytes: "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    outcome: "200 hello",
    reusable: false,
  },
  {
    name: "HTTP/1.0 with keep-alive",
    bytes: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
    outcome: "200 hello",
    reusable: true,
  },
  {
    name: "Connection: close",
    bytes: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
    outcome: "200 hello",
    reusable: false,
  },
  {
    name: "Connection: close on a chunked body",
    bytes: "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    outcome: "200 ",
    reusable: false,
  },
  {
    name: "a request that says close",
    headers: { connection: "close" },
    bytes: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    outcome: "200 hello",
    reusable: false,
  },
  {
    name: "a length on a response to HEAD",
    method: "HEAD",
    bytes: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    outcome: "200 null",
    reusable: true,
  },
  {
    name: "a body behind a response to HEAD",
    method: "HEAD",
    bytes: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    outcome: "200 null",
    reusable: false,
  },
  {
    name: "204",
    bytes: "HTTP/1.1 204 No Content\r\n\r\n",
    outcome: "204 null",
    reusable: true,
  },
  {
    name: "304 with the length of what was not sent",
    bytes: "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
    outcome: "304 null",
    reusable: true,
  },
  {
    name: "205 with a body, which the web has none for",
    bytes: "HTTP/1.1 205 Reset\r\nContent-Length: 5\r\n\r\nhello",
    outcome: "205 null",
    reusable: true,
  },
  {
    name: "100 before the response",
    bytes: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    outcome: "200 ok",
    reusable: true,
  },
  {
    name: "several informational responses",
    bytes: "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" +
      "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
    outcome: "404 no",
    reusable: true,
  },
  {
    name: "informational responses without end",
    bytes: "HTTP/1.1 103 Hints\r\n\r\n".repeat(33),
    outcome: refusedHead("ERR_HTTP_INFORMATIONAL"),
    reusable: false,
  },
  {
    name: "101 that nobody asked for",
    bytes: "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    outcome: refusedHead("ERR_HTTP_UPGRADE"),
    reusable: false,
  },
  {
    name: "bytes behind a body of known length",
    bytes: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!",
    outcome: "200 hello",
    reusable: false,
  },
  {
    name: "bytes behind a chunked body",
    bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n",
    outcome: "200 ",
    reusable: false,
  },
  {
    name: "bytes behind 204",
    bytes: "HTTP/1.1 204 No Content\r\n\r\nx",
    outcome: "204 null",
    reusable: false,
  },
  {
    name: "no reason phrase",
    bytes: "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
    outcome: "200 ok",
    reusable: true,
  },
  {
    name: "a status nobody knows",
    bytes: "HTTP/1.1 999 What\r\nContent-Length: 2\r\n\r\nok",
    outcome: "999 ok",
    reusable: true,
  },
  {
    name: "two lengths",
    bytes: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    outcome: refusedHead("ERR_HTTP_CONTENT_LENGTH"),
    reusable: false,
  },
  {
    name: "a length and chunks",
    bytes: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    outcome: refusedHead("ERR_HTTP_CONTENT_LENGTH"),
    reusable: false,
  },
  {
    name: "a malformed chunk size",
    bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    outcome: "200 ERR_HTTP_CHUNK",
    reusable: false,
  },
  {
    name: "a chunk longer than it says",
    bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
    outcome: "200 ERR_HTTP_CHUNK",
    reusable: false,
  },
];

/** What a malformed message is refused with is for http/h1 to say, to the letter. */
const refusals: [name: string, bytes: string][] = [
  ["no HTTP at all", "SSH-2.0-OpenSSH_9.2\r\n"],
  ["another major version", "HTTP/2.0 200 OK\r\n\r\n"],
  ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n"],
  ["a folded field", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"],
  ["a blank before the colon", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n"],
  ["a bare LF", "HTTP/1.1 200 OK\nA: b\n\n"],
  ["a bare CR in a value", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n"],
  ["a NUL in a value", "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n"],
  ["a field without a name", "HTTP/1.1 200 OK\r\n: b\r\n\r\n"],
  ["a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"],
  ["another transfer coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"],
];

/** Sends a response and says what became of it. */
async function exchange(row: Omit<Row, "outcome" | "reusable">, pieces: string[]) {
  using piped = new Piped();
  const responding = piped.send("http://example.test/", {
    method: row.method ?? "GET",
    headers: row.headers,
  });
  responding.catch(() => {}); // it may fail before all is sent
  const peer = await piped.peer();
  await peer.expectRequest();
  const sending = (async () => {
    for (const piece of pieces) await peer.send(piece);
  })().catch(() => {}); // the client may close before
  const outcome = await outcomeOf(responding);
  await sending;
  await settle();
  const [host] = Object.values(piped.transport.stats());
  return { ...outcome, reusable: host?.idle === 1 };
}

async function outcomeOf(responding: Promise<Response>): Promise<{ outcome: string }> {
  let status = "";
  try {
    const response = await responding;
    status = `${response.status} `;
    const body = response.body === null ? "null" : await response.text();
    return { outcome: status + body };
  } catch (error) {
    assert(error instanceof HttpError, `${error}`);
    assertEquals(error.phase, status === "" ? "responseHeader" : "body");
    const phase = status === "" ? " responseHeader" : "";
    return { outcome: `${status}${error.code}${phase}` };
  }
}

for (const row of rows) {
  const { name, bytes, outcome, reusable } = row;
  for (const [how, pieces] of [["whole", [bytes]], ["byte by byte", [...bytes]]] as const) {
    Deno.test(`a response with ${name}, ${how}`, async () => {
      const result = await exchange(row, [...pieces]);
      if (outcome.startsWith("200 ERR")) {
        assertStringIncludes(result.outcome, outcome);
        assertEquals(result.reusable, reusable);
      } else assertEquals(result, { outcome, reusable });
    });
  }
}

for (const [name, bytes] of refusals) {
  Deno.test(`${name} is refused, and the connection closed`, async () => {
    for (const pieces of [[bytes], [...bytes]]) {
      const { outcome, reusable } = await exchange({ name, bytes }, pieces);
      assert(/^ERR_HTTP_\w+ responseHeader$/.test(outcome), outcome);
      assertEquals(reusable, false);
    }
  });
}

for (
  const [name, head, body] of [
    ["of known length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "hello"],
    ["chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"],
  ]
) {
  Deno.test(`a response ${name} that is cut at any byte never passes for complete`, async () => {
    const whole = head + body;
    for (let length = 0; length < whole.length; length++) {
      using piped = new Piped();
      const responding = piped.get();
      const peer = await piped.peer();
      await peer.expectRequest();
      if (length > 0) await peer.send(whole.slice(0, length));
      const outcome = outcomeOf(responding);
      peer.close();
      const expected = length === 0
        ? "ERR_HTTP_NO_RESPONSE responseHeader"
        : length < head.length
        ? "ERR_HTTP_TRUNCATED responseHeader"
        : "200 ERR_HTTP_TRUNCATED";
      assertEquals(await outcome, { outcome: expected }, `cut at ${length}`);
      assertEquals(piped.transport.stats(), {});
    }
  });
}

Deno.test("a body without a length ends with the connection, which is not reused", async () => {
  using piped = new Piped();
  const responding = piped.get();
  const peer = await piped.peer();
  await peer.answer("HTTP/1.1 200 OK\r\n\r\nhello ");
  const text = (await responding).text();
  await peer.send("world");
  peer.close();
  assertEquals(await text, "hello world");
  assertEquals(piped.transport.stats(), {});
});

Deno.test("a head longer than the read buffer is read whole", async () => {
  using piped = new Piped({ readBufferSize: 64 });
  const responding = piped.get();
  const peer = await piped.peer();
  const value = "v".repeat(1_000);
  await peer.expectRequest();
  const early = "HTTP/1.1 103 Early Hints\r\n\r\n";
  await peer.send(`${early}HTTP/1.1 200 OK\r\nA: ${value}\r\nContent-Length: 2\r\n\r\nok`);
  const response = await responding;
  assertEquals([response.headers.get("a"), await response.text()], [value, "ok"]);
  await piped.warm(peer);
});

Deno.test("several requests go over one connection, one after the other", async () => {
  using piped = new Piped();
  const peer = await piped.warm();
  for (let i = 0; i < 5; i++) await piped.warm(peer);
  assertEquals(piped.dials, 1);
});

Deno.test("the trailers of a chunked body come with its end", async () => {
  for (const pieces of [1, 1_000]) {
    using piped = new Piped();
    const responding = piped.get();
    const peer = await piped.peer();
    await peer.expectRequest();
    const bytes =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";
    const size = Math.ceil(bytes.length / pieces);
    const sending = (async () => {
      for (let at = 0; at < bytes.length; at += size) await peer.send(bytes.slice(at, at + size));
    })();
    const response = await responding;
    const trailers = response.trailers;
    assertEquals(await response.text(), "hello");
    assertEquals((await trailers).get("x-sum"), "1");
    await sending;
  }
});

Deno.test("the trailers of a body that was cut reject", async () => {
  using piped = new Piped();
  const responding = piped.get();
  const peer = await piped.peer();
  await peer.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe");
  const response = await responding;
  const trailers = rejection(response.trailers);
  peer.close();
  const error = await rejection(response.text());
  assertEquals((error as HttpError).code, "ERR_HTTP_TRUNCATED");
  assertEquals(await trailers, error);
});

Deno.test("an idle connection that the server closes is dropped before it is used again", async () => {
  using piped = new Piped();
  const peer = await piped.warm();
  peer.close();
  await settle();
  assertEquals(piped.transport.stats(), {});
  await piped.warm();
  assertEquals(piped.dials, 2);
});

Deno.test("an idle connection that sends what nobody asked for is dropped", async () => {
  using piped = new Piped();
  const peer = await piped.warm();
  await peer.send("HTTP/1.1 408 Request Timeout\r\n\r\n");
  await settle();
  assertEquals(piped.transport.stats(), {});
  await peer.expectClosed();
});

Deno.test("an upgrade that was asked for gives the rest of the connection as the body", async () => {
  using piped = new Piped();
  const headers = { connection: "Upgrade", upgrade: "chat" };
  const responding = piped.send("http://example.test/", { headers });
  const peer = await piped.peer();
  await peer.answer("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhi ");
  const response = await responding;
  assertEquals(response.status, 101);
  const text = response.text();
  await peer.send("there");
  peer.close();
  assertEquals(await text, "hi there");
});

Deno.test("the server's word counts when it answers and stops reading", async () => {
  using piped = new Piped();
  const body = new Uint8Array(200_000);
  const responding = piped.send("http://example.test/", { method: "POST", body });
  const peer = await piped.peer();
  await peer.expectHead();
  await peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
  const response = await responding;
  peer.close();
  assertEquals([response.status, await response.text()], [413, "big"]);
  await settle();
  assertEquals(piped.transport.stats(), {});
});

Deno.test("a stream whose answer came early is told, and its connection is not reused", async () => {
  using piped = new Piped();
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(10)),
    cancel: () => {
      cancelled = true;
    },
  });
  const responding = piped.send("http://example.test/", { method: "POST", body });
  const peer = await piped.peer();
  await peer.expectHead();
  await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  assertEquals(await (await responding).text(), "ok");
  await settle();
  assertEquals([cancelled, piped.transport.stats()], [true, {}]);
});

Deno.test("a body that ends after its answer leaves the connection fit for reuse", async () => {
  using piped = new Piped();
  const responding = piped.send("http://example.test/", { method: "POST", body: "x".repeat(99) });
  const peer: Peer = await piped.peer();
  // All but the last byte: the write is still under way when the answer comes.
  await peer.conn.read(new Uint8Array(64));
  await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  assertEquals(await (await responding).text(), "ok");
  await settle();
  assertEquals(Object.values(piped.transport.stats())[0].active, 1);
  await peer.conn.read(new Uint8Array(1024));
  await settle();
  assertEquals(Object.values(piped.transport.stats())[0].idle, 1);
});

/** A request whose write fails in its middle. */
function halfWritten(code?: string) {
  const clock = new FakeClock();
  const [client, server] = pipe();
  const dial = () => Promise.resolve(breakable(client, () => true, 5, code));
  const piped = new Piped({ clock, dial });
  piped.peers.push(new Peer(server));
  return { clock, piped, responding: piped.get(), peer: piped.peers[0] };
}

Deno.test("what the server says comes before a write that failed", async () => {
  const { piped, responding, peer } = halfWritten();
  using _ = piped;
  await settle();
  await peer.send("HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno");
  const response = await responding;
  assertEquals([response.status, await response.text()], [400, "no"]);
  assertEquals(piped.transport.stats(), {});
});

Deno.test("a reset that only the write was told of is no end of a body", async () => {
  for (const [code, outcome] of [["ECONNRESET", "ERR_HTTP_TRUNCATED"], ["EPIPE", "half"]]) {
    const { piped, responding, peer } = halfWritten(code);
    using _ = piped;
    await settle();
    await peer.send("HTTP/1.1 200 OK\r\n\r\nhalf");
    const text = (await responding).text();
    peer.close();
    assertEquals(await text.catch((error: HttpError) => error.code), outcome);
  }
});

Deno.test("an end of a body waits for a write that may be told of a reset", async () => {
  const clock = new FakeClock();
  const [client, server] = pipe();
  const writing = Promise.withResolvers<number>();
  const held = new Proxy(client, {
    get(target, key) {
      if (key === "write") return () => writing.promise;
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  using piped = new Piped({ clock, dial: () => Promise.resolve(held) });
  const responding = piped.get();
  const peer = new Peer(server);
  await settle();
  await peer.send("HTTP/1.1 200 OK\r\n\r\nhalf");
  const outcome = rejection((await responding).text());
  peer.close();
  await settle();
  writing.reject(Object.assign(new Error("reset"), { code: "ECONNRESET" }));
  assertEquals((await outcome as HttpError).code, "ERR_HTTP_TRUNCATED");
});

Deno.test("a write that failed is the error where the server says nothing", async () => {
  for (const how of ["silent", "closed"]) {
    const { clock, piped, responding, peer } = halfWritten();
    using _ = piped;
    const outcome = rejection(responding);
    await settle();
    if (how === "closed") peer.close();
    else {
      await clock.advance(900);
      assertEquals(Object.values(piped.transport.stats())[0].active, 1);
      await clock.advance(400);
    }
    const error = await outcome as HttpError;
    assertEquals([error.phase, error.code], ["write", "EPIPE"]);
    assertEquals(piped.transport.stats(), {});
  }
});

Deno.test("a request whose end is never taken is given up after its response", async () => {
  const clock = new FakeClock();
  using piped = new Piped({ clock });
  const responding = piped.send("http://example.test/", { method: "POST", body: "x".repeat(99) });
  const peer = await piped.peer();
  await peer.conn.read(new Uint8Array(64));
  await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  assertEquals(await (await responding).text(), "ok");
  await clock.advance(300);
  assertEquals(piped.transport.stats(), {});
});
