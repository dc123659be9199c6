/** The tables of `h1`, through a whole server: what it answers, and what it never does. */
import { assert, assertEquals } from "@std/assert";
import type { Handler } from "../../../http/handler.ts";
import { Server } from "../../../http/server/server.ts";
import { type Conn, dial, listen, pipe } from "../../../net/mod.ts";
import { type RawResponse, Wire } from "../../support/wire.ts";
import { accepted, type AcceptedCase, type AcceptedRequest } from "../h1/cases/accepted.ts";
import { refused, type RefusedCase } from "../h1/cases/refused.ts";

const behind = "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n";

/** More bytes than this are cut into fewer pieces, so that the time stays sane. */
const long = 2_000;

/** Ways to cut a text: whole, byte by byte, and beside every CR and LF. */
function* cuts(text: string): Generator<readonly string[]> {
  yield [text];
  if (text.length > long) {
    yield text.match(/[^]{1,997}/g)!;
    return;
  }
  yield [...text];
  const beside = [...text.matchAll(/(?<=.)(?=[\r\n])|(?<=[\r\n])(?=.)/gs)].map(({ index }) =>
    index
  );
  yield [0, ...beside].map((at, i) => text.slice(at, beside[i]));
  for (const at of beside) yield [text.slice(0, at), text.slice(at)];
}

/** Notes what it is asked, and reads it to its end. */
function notes() {
  const seen: unknown[] = [];
  const handler: Handler = async (request, info) => {
    const { method, url } = request;
    const headers = [...request.headers];
    const body = new TextDecoder("latin1").decode(await request.arrayBuffer());
    const trailers = [...await info.trailers];
    seen.push({ method, url: new URL(url).href, headers, body, trailers });
    return new Response(`${new URL(url).pathname} ${body.length}`);
  };
  return { seen, handler };
}

const pathOf = (note: unknown) => new URL((note as { url: string }).url).pathname;

/** Sends the pieces, and reads what comes meanwhile. */
async function exchange<T>(wire: Wire, pieces: readonly string[], read: () => Promise<T>) {
  const [result] = await Promise.all([read(), wire.trySend(...pieces)]);
  return result;
}

async function refuses(row: RefusedCase, over: "pipe" | "tcp", pieces: readonly string[]) {
  const { seen, handler } = notes();
  await using wire = await Wire.open(handler, over);
  const response = await exchange(wire, pieces, () => wire.expectResponse());
  const { status, headers, body } = response;
  assertEquals([status, headers.get("connection")], [row.status, "close"]);
  assert(body.startsWith(`${status} `), "the answer does not say what it is");
  await wire.expectClosed();
  // Nothing is served behind it; a body may have failed in a handler's hands.
  assertEquals(seen, []);
  assertEquals(wire.log, []);
}

/** Names the cut that has failed. */
async function eachCut(text: string, check: (pieces: readonly string[]) => Promise<void>) {
  for (const pieces of cuts(text)) {
    try {
      await check(pieces);
    } catch (error) {
      const shown = pieces.slice(0, 8).map((piece) => JSON.stringify(piece.slice(0, 200)));
      throw new Error(`sent as ${shown.join(" + ")}`, { cause: error });
    }
  }
}

for (const row of refused) {
  Deno.test(`a server refuses ${row.name} (${row.rfc})`, async () => {
    await eachCut(row.bytes + behind, (pieces) => refuses(row, "pipe", pieces));
  });
}

Deno.test("the rows are many, and each names the rule it breaks", () => {
  assert(refused.length >= 150, `only ${refused.length} rows`);
  for (const { name, rfc } of refused) assert(/^RFC \d{4} [\d.]+$/.test(rfc), name);
  assertEquals(new Set(refused.map(({ name }) => name)).size, refused.length);
});

Deno.test("a good request before a bad one is answered, and nothing behind them", async () => {
  for (const row of refused) {
    if (row.bytes.length > long || row.name.includes("first") || row.name.includes("TLS")) continue;
    const { seen, handler } = notes();
    await using wire = await Wire.open(handler);
    const statuses = await exchange(wire, [behind + row.bytes + behind], async () => {
      const { status } = await wire.expectResponse();
      return [status, (await wire.expectResponse()).status];
    });
    assertEquals(statuses, [200, row.status], row.name);
    await wire.expectClosed();
    assertEquals(seen.map(pathOf), ["/behind"], row.name);
  }
});

/** What the handler must see of a request. */
function noted({ method, target, host, fields, body, trailers }: AcceptedRequest): unknown {
  const url = target.startsWith("/")
    ? `http://${host || "localhost"}${target}`
    : target.includes("://")
    ? target
    : `http://${target}/`;
  return {
    method,
    url: new URL(url).href,
    headers: [...new Headers(pairs(fields))],
    body,
    trailers: [...new Headers(pairs(trailers))],
  };
}

function pairs(fields: readonly string[]): [string, string][] {
  return Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i], fields[2 * i + 1]]);
}

/** Whether another request may follow; behind a CONNECT that is answered comes no HTTP. */
const mayGoOn = ({ method, keepAlive }: AcceptedRequest) => keepAlive && method !== "CONNECT";

async function serves(row: AcceptedCase, over: "pipe" | "tcp", pieces: readonly string[]) {
  const { seen, handler } = notes();
  await using wire = await Wire.open(handler, over);
  const { requests } = row;
  const goesOn = mayGoOn(requests.at(-1)!);
  const responses = await exchange(wire, pieces, async () => {
    const responses: RawResponse[] = [];
    for (const { method } of requests) responses.push(await wire.expectResponse(method));
    if (goesOn) responses.push(await wire.expectResponse());
    return responses;
  });
  assertEquals(responses.map(({ status }) => status), responses.map(() => 200));
  if (!goesOn) await wire.expectClosed();
  const expected = requests.filter(({ target }) => target !== "*").map(noted);
  assertEquals(seen.slice(0, expected.length), expected);
  assertEquals(seen.slice(expected.length).map(pathOf), goesOn ? ["/behind"] : []);
  assertEquals(responses.at(-1)!.headers.get("connection") === "close", !goesOn);
  assertEquals(wire.log, []);
}

for (const row of accepted) {
  Deno.test(`a server understands ${row.name} (${row.rfc})`, async () => {
    await eachCut(row.bytes + behind, (pieces) => serves(row, "pipe", pieces));
  });
}

Deno.test("over TCP it is the same", async () => {
  // Where nothing is behind the last request, no reset can take the answer away.
  for (let i = 0; i < refused.length; i += 7) {
    const row = refused[i];
    const text = row.bytes.length > long ? row.bytes : row.bytes + behind;
    await refuses(row, "tcp", [text]);
    if (text.length < 200) await refuses(row, "tcp", [...text]);
  }
  for (let i = 0; i < accepted.length; i += 7) {
    const row = accepted[i];
    const goesOn = mayGoOn(row.requests.at(-1)!);
    await serves(row, "tcp", [row.bytes + (goesOn ? behind : "")]);
  }
});

// The end of the stream

Deno.test("a client that ends its side behind its requests gets every answer", async () => {
  for (const over of ["pipe", "tcp"] as const) {
    for (const rest of ["", "GE", "POST / HTTP/1.1\r\n"]) {
      const { seen, handler } = notes();
      await using wire = await Wire.open(handler, over);
      const sent = (async () => {
        await wire.send(behind + behind + rest);
        await wire.conn.closeWrite();
      })();
      for (let i = 0; i < 2; i++) assertEquals((await wire.expectResponse()).status, 200);
      await wire.expectClosed();
      await sent;
      assertEquals(seen.length, 2);
    }
  }
});

Deno.test("an answer that was made at once is not lost to the client's end either", async () => {
  for (const rest of ["", "GE"]) {
    await using wire = await Wire.open(() => new Response("x".repeat(10_000)));
    await wire.send(behind + rest);
    await wire.conn.closeWrite();
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals((await wire.expectResponse()).body.length, 10_000);
    await wire.expectClosed();
  }
});

Deno.test("a request that the client has not finished is never answered as if it had", async () => {
  const messages = [
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
  ];
  for (const message of messages) {
    const { seen, handler } = notes();
    await using wire = await Wire.open(handler);
    await wire.send(message);
    await wire.conn.closeWrite();
    const text = await wire.rest();
    assert(text === "" || text.startsWith("HTTP/1.1 400 "), text);
    assertEquals(seen, []);
  }
});

Deno.test("nothing at all, or an empty line, is no request and gets no answer", async () => {
  for (const start of ["", "\r", "\r\n", "G", "GET / HTTP/1.1\r\nHost: a\r\n"]) {
    const { seen, handler } = notes();
    await using wire = await Wire.open(handler);
    await wire.send(start);
    await wire.conn.closeWrite();
    await wire.expectClosed();
    assertEquals([seen, wire.log], [[], []]);
  }
});

// Expect

const expecting = (method: string, target: string, body: string) =>
  `${method} ${target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n` +
  `Content-Length: ${body.length}\r\n\r\n`;

Deno.test("a client is told to go on only where its body is wanted (RFC 9110 10.1.1)", async () => {
  const { handler } = notes();
  await using wire = await Wire.open(handler);
  await wire.send(expecting("POST", "/", "abc"));
  assertEquals((await wire.expectResponse()).status, 100);
  await wire.send("abc");
  assertEquals((await wire.expectResponse()).status, 200);
  // Nobody reads this one: what the client sends next may be the body, or may be a request.
  await wire.send(expecting("OPTIONS", "*", "abc"));
  const { status, headers } = await wire.expectResponse();
  assertEquals([status, headers.get("connection")], [200, "close"]);
  await wire.expectClosed();
});

Deno.test("HTTP/1.0 is not told to go on (RFC 9110 15.2)", async () => {
  const { handler } = notes();
  await using wire = await Wire.open(handler);
  await wire.send(expecting("POST", "/", "abc").replace("1.1", "1.0") + "abc");
  assertEquals((await wire.expectResponse()).status, 200);
  await wire.expectClosed();
});

Deno.test("an expectation without a body is fulfilled (RFC 9110 10.1.1)", async () => {
  const { handler } = notes();
  await using wire = await Wire.open(handler);
  await wire.send("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n" + behind);
  for (const path of ["/ 0", "/behind 0"]) {
    assertEquals((await wire.expectResponse()).body, path);
  }
});

Deno.test("a refusal of HEAD has no body either (RFC 9110 9.3.2)", async () => {
  const messages = ["Expect: more\r\n\r\n", "Content-Length: 11\r\n\r\nhello hello"];
  for (const message of messages) {
    await using wire = await Wire.open({ handler: notes().handler, maxBodyBytes: 10 });
    const text = await exchange(
      wire,
      [`HEAD / HTTP/1.1\r\nHost: a\r\n${message}`],
      wire.rest.bind(wire),
    );
    assert(/^HTTP\/1\.1 41[37] /.test(text), text);
    assert(text.endsWith("\r\n\r\n"), text);
  }
});

// Many at once

Deno.test("a hundred pipelined requests of every kind are answered in order", async () => {
  const { seen, handler } = notes();
  await using wire = await Wire.open(handler);
  const kinds = [
    (i: number) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`,
    (i: number) => `HEAD /${i} HTTP/1.1\r\nHost: a\r\n\r\n`,
    (i: number) => `PUT /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`,
    (i: number) =>
      `PUT /${i} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
  ];
  const all = Array.from({ length: 100 }, (_, i) => kinds[i % 4](i)).join("");
  await exchange(wire, all.match(/[^]{1,61}/g)!, async () => {
    for (let i = 0; i < 100; i++) {
      const { body } = await wire.expectResponse(i % 4 === 1 ? "HEAD" : "GET");
      if (i % 4 !== 1) assertEquals(body, `/${i} ${i % 4 > 1 ? 3 : 0}`);
    }
  });
  assertEquals(seen.map(pathOf), Array.from({ length: 100 }, (_, i) => `/${i}`));
  await wire.expectIdle();
});

Deno.test("what one connection sends wrong does not touch another", async () => {
  const server = new Server({ handler: () => new Response("ok"), errorLog: () => {} });
  const listener = listen("tcp", "127.0.0.1:0");
  const serving = server.serve(listener);
  const open = (): Promise<Conn> => dial("tcp", listener.addr.toString());
  const good = await open();
  const text = new TextDecoder();
  const p = new Uint8Array(1024);
  for (const { bytes } of refused.slice(0, 20)) {
    using bad = await open();
    await bad.write(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
    assert(text.decode(p.subarray(0, (await bad.read(p))!)).startsWith("HTTP/1.1 "));
    await good.write(new TextEncoder().encode(behind));
    assert(text.decode(p.subarray(0, (await good.read(p))!)).startsWith("HTTP/1.1 200 "));
  }
  good.close();
  const [client, conn] = pipe();
  server.serveConn(conn);
  client.close();
  await server.shutdown();
  await serving;
});
