import { assert, assertEquals, assertRejects } from "@std/assert";
import { chunkSize } from "../../../http/files/file_body.ts";
import { fileResponse } from "../../../http/files/file_response.ts";
import { assertBytes, pattern } from "../../support/conn_helpers.ts";
import { expectStatus, longAgo, TempDir } from "./file_support.ts";

/** Answers with a file of this content; the tests' resources are counted, so it must be closed. */
async function respond(
  content: string | Uint8Array,
  init: RequestInit & { cacheControl?: string; modified?: Date } = {},
): Promise<Response> {
  using dir = new TempDir();
  dir.write({ a: content });
  const { modified = longAgo, cacheControl } = init;
  Deno.utimeSync(`${dir.path}/a`, modified, modified);
  const file = await Deno.open(`${dir.path}/a`);
  const meta = { type: "text/plain; charset=utf-8", cacheControl };
  return await fileResponse(new Request("http://x/a", init), file, await file.stat(), meta);
}

const range = (value: string, more?: Record<string, string>) => ({
  headers: { range: value, ...more },
});
const lastModified = "Mon, 06 May 2024 07:08:09 GMT";
const etag = `"a-${longAgo.getTime().toString(36)}"`; // ten bytes

Deno.test("a file is answered whole, with what a cache needs", async () => {
  const response = await respond("0123456789", { cacheControl: "max-age=60" });
  assertEquals([...response.headers], [
    ["accept-ranges", "bytes"],
    ["cache-control", "max-age=60"],
    ["content-length", "10"],
    ["content-type", "text/plain; charset=utf-8"],
    ["etag", etag],
    ["last-modified", lastModified],
  ]);
  assertEquals(await expectStatus(response, 200), "0123456789");
});

Deno.test("a file without a cache option has no Cache-Control", async () => {
  const response = await respond("x");
  assertEquals(response.headers.get("cache-control"), null);
  await response.body?.cancel();
});

Deno.test("a file changed just now has a weak tag", async () => {
  const response = await respond("0123456789", { modified: new Date() });
  assert(response.headers.get("etag")?.startsWith('W/"a-'));
  await response.body?.cancel();
});

for (const length of [0, 1, chunkSize, chunkSize + 1, 3 * chunkSize + 7]) {
  Deno.test(`a file of ${length} bytes arrives as it is, and is closed`, async () => {
    const content = pattern(length);
    const response = await respond(content);
    assertEquals(response.headers.get("content-length"), String(length));
    assertBytes(await response.bytes(), content);
  });

  Deno.test(`HEAD of a file of ${length} bytes says so, without them`, async () => {
    const response = await respond(pattern(length), { method: "HEAD" });
    assertEquals([response.status, response.body], [200, null]);
    assertEquals(response.headers.get("content-length"), String(length));
  });
}

Deno.test("a client that has the file already gets 304, and its validators", async () => {
  for (
    const headers of [{ "if-none-match": etag }, { "if-modified-since": lastModified }] as Record<
      string,
      string
    >[]
  ) {
    const response = await respond("0123456789", { headers, cacheControl: "no-cache" });
    assertEquals([response.status, response.body], [304, null]);
    assertEquals(response.headers.get("etag"), etag);
    assertEquals(response.headers.get("cache-control"), "no-cache");
    assertEquals(response.headers.get("content-length"), null);
  }
});

Deno.test("a client that means another version gets 412", async () => {
  await expectStatus(await respond("0123456789", { headers: { "if-match": '"x"' } }), 412);
});

Deno.test("a condition comes before a range", async () => {
  const stale = range("bytes=0-1", { "if-none-match": etag });
  await expectStatus(await respond("0123456789", stale), 304);
});

Deno.test("one range is 206 with Content-Range", async () => {
  const response = await respond("0123456789", range("bytes=2-4"));
  assertEquals(response.headers.get("content-range"), "bytes 2-4/10");
  assertEquals(response.headers.get("content-length"), "3");
  assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8");
  assertEquals(response.headers.get("etag"), etag);
  assertEquals(await expectStatus(response, 206), "234");
});

Deno.test("a large range is streamed from its start", async () => {
  const content = pattern(4 * chunkSize);
  const response = await respond(content, range(`bytes=100-${2 * chunkSize + 200}`));
  assertEquals(response.headers.get("content-length"), String(2 * chunkSize + 101));
  assertBytes(await response.bytes(), content.subarray(100, 2 * chunkSize + 201));
});

Deno.test("several ranges are 206 in parts, each with its Content-Range", async () => {
  const response = await respond("0123456789", range("bytes=7-8,0-1"));
  const type = response.headers.get("content-type")!;
  const boundary = /^multipart\/byteranges; boundary=([0-9a-f]{32})$/.exec(type)?.[1];
  assert(boundary, type);
  assertEquals(response.headers.get("content-range"), null);
  const length = Number(response.headers.get("content-length"));
  const text = await expectStatus(response, 206);
  assertEquals(text.length, length);
  assertEquals(text.split(`--${boundary}`).map((part) => part.trim().split("\r\n")), [
    [""],
    ["Content-Type: text/plain; charset=utf-8", "Content-Range: bytes 7-8/10", "", "78"],
    ["Content-Type: text/plain; charset=utf-8", "Content-Range: bytes 0-1/10", "", "01"],
    ["--"],
  ]);
});

Deno.test("ranges that overlap cost no more than the file", async () => {
  const many = Array.from({ length: 60 }, (_, i) => `${i}-`).join();
  const response = await respond(pattern(chunkSize), range(`bytes=${many}`));
  assertEquals(response.headers.get("content-range"), `bytes 0-65535/65536`);
  assertEquals((await response.bytes()).length, chunkSize);
});

Deno.test("a range that is not there is 416, which names the size", async () => {
  const response = await respond("0123456789", range("bytes=10-"));
  assertEquals(response.headers.get("content-range"), "bytes */10");
  await expectStatus(response, 416);
});

for (
  const [why, init] of [
    ["is malformed", range("bytes=x")],
    ["comes with HEAD", { method: "HEAD", ...range("bytes=0-1") }],
    ["is of another version, by tag", range("bytes=0-1", { "if-range": '"other"' })],
    ["is of another version, by date", range("bytes=0-1", { "if-range": "Mon, 06 May 2024" })],
  ] as [string, RequestInit][]
) {
  Deno.test(`a range that ${why} is ignored`, async () => {
    const response = await respond("0123456789", init);
    assertEquals([response.status, response.headers.get("content-length")], [200, "10"]);
    await response.body?.cancel();
  });
}

Deno.test("a range of the version that the client has is sent", async () => {
  for (const version of [etag, lastModified]) {
    const init = range("bytes=0-1", { "if-range": version });
    assertEquals(await expectStatus(await respond("0123456789", init), 206), "01");
  }
});

Deno.test("a body that nobody wants closes its file", async () => {
  await (await respond(pattern(2 * chunkSize))).body!.cancel();
  await (await respond(pattern(2 * chunkSize), range("bytes=0-1,5-6"))).body!.cancel();
});

Deno.test("a large file is read as its body is, and fails when it became shorter", async () => {
  using dir = new TempDir();
  dir.write({ a: pattern(chunkSize + 1) });
  const file = await Deno.open(`${dir.path}/a`);
  const meta = { type: "text/plain", cacheControl: undefined };
  const response = await fileResponse(new Request("http://x/"), file, await file.stat(), meta);
  Deno.truncateSync(`${dir.path}/a`, chunkSize);
  await assertRejects(() => response.bytes(), Error, "became shorter");
});

Deno.test("a small file that became shorter is an error, not a short answer", async () => {
  using dir = new TempDir();
  dir.write({ a: "0123456789" });
  const file = await Deno.open(`${dir.path}/a`);
  const info = await file.stat();
  Deno.truncateSync(`${dir.path}/a`, 5);
  const meta = { type: "text/plain", cacheControl: undefined };
  await assertRejects(
    () => fileResponse(new Request("http://x/"), file, info, meta),
    Error,
    "became shorter",
  );
});
