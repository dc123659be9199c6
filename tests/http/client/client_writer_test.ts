import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { RequestWriter, WriteFailure, type WriteJob } from "../../../http/client/client_writer.ts";
import { HttpError } from "../../../http/errors.ts";
import { chunkedBody } from "../../../http/h1/framing.ts";
import { pipe } from "../../../net/pipe.ts";
import { settle } from "../../support/fake_clock.ts";
import { Peer, Piped, rejection } from "./transport_support.ts";

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const url = "http://example.test/";

const streamOf = (...pieces: (string | Uint8Array)[]) =>
  ReadableStream.from(
    pieces.map((piece) => typeof piece === "string" ? new TextEncoder().encode(piece) : piece),
  );

/** Sends a body and gives what arrived behind the head. */
async function post(body: BodyInit, headers?: HeadersInit): Promise<[head: string, body: string]> {
  using piped = new Piped();
  const responding = piped.send(url, { method: "POST", body, headers });
  const peer = await piped.peer();
  const request = await peer.answer(ok);
  assertEquals(await (await responding).text(), "ok");
  await settle();
  assertEquals(Object.values(piped.transport.stats())[0].idle, 1);
  const end = request.indexOf("\r\n\r\n") + 4;
  return [request.slice(0, end).toLowerCase(), request.slice(end)];
}

Deno.test("a string, bytes, a Blob and a form go out with their lengths", async () => {
  const form = new FormData();
  form.append("a", "1");
  const rows: [BodyInit, string | undefined][] = [
    ["h\u00e9llo", "h\xc3\xa9llo"],
    [new Uint8Array([65, 66]), "AB"],
    [new Blob(["blob"]), "blob"],
    [new URLSearchParams({ a: "1" }), "a=1"],
    [form, undefined],
  ];
  for (const [given, expected] of rows) {
    const [head, body] = await post(given);
    assertEquals(/content-length: (\d+)\r\n/.exec(head)?.[1], String(body.length));
    if (expected !== undefined) assertEquals(body, expected);
    else assert(body.includes('name="a"'));
  }
});

Deno.test("a large body goes out whole", async () => {
  const [head, body] = await post("y".repeat(300_000));
  assert(head.includes("content-length: 300000\r\n"));
  assertEquals(body, "y".repeat(300_000));
});

Deno.test("a stream goes out in chunks, one for each piece that is not empty", async () => {
  const large = new Uint8Array(70_000).fill(65);
  const [head, body] = await post(streamOf("one", "", "three", large));
  assert(head.includes("transfer-encoding: chunked\r\n"));
  assert(!head.includes("content-length"));
  assertEquals(body, `3\r\none\r\n5\r\nthree\r\n11170\r\n${"A".repeat(70_000)}\r\n0\r\n\r\n`);
});

Deno.test("a stream with a Content-Length of the caller's goes out as it is", async () => {
  const [head, body] = await post(streamOf("one", "two"), { "Content-Length": "6" });
  assert(head.includes("content-length: 6\r\n") && !head.includes("transfer-encoding"));
  assertEquals(body, "onetwo");
});

Deno.test("a string goes out in one chunk where the caller asks for chunks", async () => {
  const [head, body] = await post("hello", { "Transfer-Encoding": "chunked" });
  assert(head.includes("transfer-encoding: chunked\r\n"));
  assertEquals(body, "5\r\nhello\r\n0\r\n\r\n");
});

for (const [name, pieces] of [["shorter", ["on"]], ["longer", ["one", "two"]]] as const) {
  Deno.test(`a stream ${name} than its Content-Length is an error, and closes`, async () => {
    using piped = new Piped();
    const headers = { "Content-Length": "4" };
    const failing = rejection(
      piped.send(url, { method: "POST", body: streamOf(...pieces), headers }),
    );
    const peer = await piped.peer();
    await peer.expectHead();
    await peer.conn.read(new Uint8Array(16)).catch(() => {});
    await peer.conn.read(new Uint8Array(16)).catch(() => {});
    const error = await failing;
    assertInstanceOf(error, HttpError);
    assertEquals([error.phase, error.cause instanceof TypeError], ["request", true]);
    assertEquals(piped.transport.stats(), {});
  });
}

Deno.test("a stream that fails ends the request with its error", async () => {
  using piped = new Piped();
  const cause = new Error("no more data");
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(cause),
  });
  const failing = rejection(piped.send(url, { method: "POST", body }));
  const peer = await piped.peer();
  await peer.expectHead();
  const error = await failing;
  assertInstanceOf(error, HttpError);
  assertEquals(error.phase, "request");
  assertStrictEquals(error.cause, cause);
  await peer.expectClosed();
});

Deno.test("a stream of something else than bytes is refused", async () => {
  using piped = new Piped();
  const body = ReadableStream.from(["text"]);
  const failing = rejection(piped.send(url, { method: "POST", body: body as BodyInit }));
  await (await piped.peer()).expectHead();
  const error = await failing;
  assertEquals(error instanceof HttpError && error.cause instanceof TypeError, true);
});

Deno.test("a stream is read no faster than the server takes it", async () => {
  using piped = new Piped();
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (pulled++ < 100) controller.enqueue(new Uint8Array(1_000));
      else controller.close();
    },
  }, { highWaterMark: 0 });
  const responding = piped.send(url, { method: "POST", body });
  const peer = await piped.peer();
  await peer.expectHead();
  await settle();
  assertEquals(pulled, 1);
  await peer.expectBytes(100 * 1_007 + 5);
  await peer.send(ok);
  await (await responding).text();
});

/** A writer whose bytes go to the test. */
function writing(job: Partial<WriteJob>) {
  const [client, server] = pipe();
  const writer = new RequestWriter(client, {
    head: "HEAD\r\n\r\n",
    body: () => null,
    bodyLength: chunkedBody,
    bufferSize: 1_024,
    onHead: () => {},
    ...job,
  });
  return { client, writer, peer: new Peer(server) };
}

Deno.test("RequestWriter does not take a body that is not wanted", async () => {
  let taken = false;
  const { client, writer, peer } = writing({
    gate: () => Promise.resolve(false),
    body: () => {
      taken = true;
      return "data";
    },
  });
  const running = writer.run();
  await peer.expectHead();
  assertEquals([await running, taken], [false, false]);
  client.close();
});

Deno.test("RequestWriter says what failed: the connection or the body", async () => {
  const { client, writer, peer } = writing({});
  peer.close();
  const broken = await rejection(writer.run());
  assertInstanceOf(broken, WriteFailure);
  assertEquals([broken.source, broken.nothingWritten], [false, true]);
  client.close();

  const other = writing({
    body: () => {
      throw new Error("used");
    },
  });
  const running = rejection(other.writer.run());
  await other.peer.expectHead();
  assertEquals((await running as WriteFailure).source, true);
  other.client.close();
  other.peer.close();
});
