import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fileServer, type FileServerOptions, serveFile } from "../../../http/files/file_server.ts";
import { chunkSize } from "../../../http/files/file_body.ts";
import { pattern } from "../../support/conn_helpers.ts";
import { expectStatus, makeFifo, rawRequest, TempDir } from "./file_support.ts";

const get = (dir: TempDir, path: string, options?: FileServerOptions) =>
  fileServer(dir.path, options)(rawRequest(path));

Deno.test("fileServer() serves files by name, with their type", async () => {
  using dir = new TempDir();
  dir.write({ "a.css": "body {}", "sub/b c.json": "{}" });
  const css = await get(dir, "/a.css?v=1", { cacheControl: "immutable" });
  assertEquals(css.headers.get("content-type"), "text/css; charset=utf-8");
  assertEquals(css.headers.get("cache-control"), "immutable");
  assertEquals(await expectStatus(css, 200), "body {}");
  assertEquals(await expectStatus(await get(dir, "/sub/b%20c.json"), 200), "{}");
});

Deno.test("fileServer() answers ranges, conditions and HEAD", async () => {
  using dir = new TempDir();
  dir.write({ "a.txt": "0123456789" });
  const handler = fileServer(dir.path);
  const url = "http://x/a.txt";
  const part = await handler(new Request(url, { headers: { range: "bytes=-2" } }));
  assertEquals(await expectStatus(part, 206), "89");
  const etag = part.headers.get("etag")!;
  const same = await handler(new Request(url, { headers: { "if-none-match": etag } }));
  await expectStatus(same, 304);
  const head = await handler(new Request(url, { method: "HEAD" }));
  assertEquals([head.headers.get("content-length"), await head.text()], ["10", ""]);
});

Deno.test("fileServer() allows GET and HEAD alone", async () => {
  using dir = new TempDir();
  dir.write({ "a.txt": "x" });
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const response = await fileServer(dir.path)(new Request("http://x/a.txt", { method }));
    assertEquals(response.headers.get("allow"), "GET, HEAD");
    await expectStatus(response, 405);
  }
});

Deno.test("fileServer() takes a file: URL as its root", async () => {
  using dir = new TempDir();
  dir.write({ "a b/x.txt": "here" });
  const handler = fileServer(new URL(`file://${dir.path}/a%20b/`));
  assertEquals(await expectStatus(await handler(rawRequest("/x.txt")), 200), "here");
});

Deno.test("fileServer() refuses roots and options that cannot be right", () => {
  assertThrows(() => fileServer(""), TypeError, "path");
  assertThrows(() => fileServer("a\0b"), TypeError, "path");
  assertThrows(() => fileServer(5 as unknown as string), TypeError, "5");
  assertThrows(() => fileServer(new URL("http://x/")), TypeError, "http://x/");
  assertThrows(() => fileServer(".", { cacheControl: "a\r\nb: c" }), TypeError, "cache-control");
});

Deno.test("fileServer() answers a directory with its index.html", async () => {
  using dir = new TempDir();
  dir.write({ "index.html": "top", "sub/index.html": "below", "empty/x.txt": "" });
  assertEquals(await expectStatus(await get(dir, "/"), 200), "top");
  const sub = await get(dir, "/sub/");
  assertEquals(sub.headers.get("content-type"), "text/html; charset=utf-8");
  assertEquals(await expectStatus(sub, 200), "below");
  await expectStatus(await get(dir, "/empty/"), 404);
});

const redirects: [path: string, location: string][] = [
  ["/sub", "./sub/"],
  ["/sub?a=1", "./sub/?a=1"],
  ["/a:%20b", "./a%3A%20b/"],
  ["/sub/index.html", "./"],
  ["/sub/index.html?a=1", "./?a=1"],
  ["/file.txt/", "../file.txt"],
  ["/sub/x.txt/?a", "../x.txt?a"],
];

for (const [path, location] of redirects) {
  Deno.test(`fileServer() redirects ${path} to ${location}`, async () => {
    using dir = new TempDir();
    dir.write({ "sub/index.html": "", "sub/x.txt": "", "a: b/c": "", "file.txt": "" });
    const response = await get(dir, path);
    assertEquals(response.headers.get("location"), location);
    await expectStatus(response, 301);
    const next = rawRequest(new URL(location, `http://x${path}`).href.slice("http://x".length));
    const arrived = await fileServer(dir.path, { listing: true })(next);
    await expectStatus(arrived, 200);
  });
}

Deno.test("fileServer() never redirects to another host", async () => {
  using dir = new TempDir();
  dir.write({ "evil.com/a": "" });
  for (const path of ["//evil.com", "/\\evil.com", "//evil.com/..", "/%2fevil.com"]) {
    await expectStatus(await get(dir, path), 404);
  }
});

const outside = [
  "/../secret.txt",
  "/sub/../../secret.txt",
  "/%2e%2e/secret.txt",
  "/.%2e/secret.txt",
  "/..%2fsecret.txt",
  "/%2e%2e%2fsecret.txt",
  "/..%5csecret.txt",
  "/..\\secret.txt",
  "/sub%2f..%2f..%2fsecret.txt",
  "/%252e%252e/secret.txt",
  "//../secret.txt",
  "/a.txt%00.html",
  "/a.txt%00",
  "/%",
  "/file",
  "/dir/secret.txt",
  "/dir",
  "/dir/",
];

for (const path of outside) {
  for (const listing of [false, true]) {
    Deno.test(`fileServer() does not leave its root by ${path}, listing ${listing}`, async () => {
      using dir = new TempDir();
      dir.write({ "root/a.txt": "", "root/sub/b.txt": "", "secret.txt": "secret" });
      dir.write({ "out/secret.txt": "secret" });
      Deno.symlinkSync("../secret.txt", `${dir.path}/root/file`);
      Deno.symlinkSync(`${dir.path}/out`, `${dir.path}/root/dir`);
      const handler = fileServer(`${dir.path}/root`, { listing, dotfiles: true });
      await expectStatus(await handler(rawRequest(path)), 404);
    });
  }
}

Deno.test("fileServer() follows symbolic links within its root, and out of it if told to", async () => {
  using dir = new TempDir();
  dir.write({ "root/a.txt": "in", "out/b.txt": "out" });
  Deno.symlinkSync("a.txt", `${dir.path}/root/link`);
  Deno.symlinkSync("../out", `${dir.path}/root/dir`);
  const serve = (path: string, followSymlinks?: boolean) =>
    fileServer(`${dir.path}/root`, { followSymlinks })(rawRequest(path));
  assertEquals(await expectStatus(await serve("/link"), 200), "in");
  await expectStatus(await serve("/dir/b.txt"), 404);
  assertEquals(await expectStatus(await serve("/dir/b.txt", true), 200), "out");
  await expectStatus(await serve("/../out/b.txt", true), 404);
});

Deno.test("fileServer() has a root that may itself be a link, and lead elsewhere later", async () => {
  using dir = new TempDir();
  dir.write({ "v1/a.txt": "one", "v2/a.txt": "two" });
  const root = `${dir.path}/current`;
  const handler = fileServer(root);
  await expectStatus(await handler(rawRequest("/a.txt")), 404);
  Deno.symlinkSync("v1", root);
  assertEquals(await expectStatus(await handler(rawRequest("/a.txt")), 200), "one");
  Deno.removeSync(root);
  Deno.symlinkSync("v2", root);
  assertEquals(await expectStatus(await handler(rawRequest("/a.txt")), 200), "two");
});

Deno.test("fileServer() whose root is a file serves nothing", async () => {
  using dir = new TempDir();
  dir.write({ "a.txt": "x" });
  await expectStatus(await fileServer(`${dir.path}/a.txt`)(rawRequest("/")), 404);
});

Deno.test("fileServer() keeps names with a dot to itself unless told otherwise", async () => {
  using dir = new TempDir();
  dir.write({ ".env": "secret", ".git/config": "secret", "a.txt": "" });
  for (const path of ["/.env", "/%2eenv", "/.git/config", "/.git/", "/.git"]) {
    await expectStatus(await get(dir, path, { listing: true }), 404);
  }
  assert(!(await expectStatus(await get(dir, "/", { listing: true }), 200)).includes(".env"));
  assertEquals(await expectStatus(await get(dir, "/.env", { dotfiles: true }), 200), "secret");
});

Deno.test("fileServer() lists a directory when told to, and prefers its index.html", async () => {
  using dir = new TempDir();
  dir.write({ "b.txt": "", "a&.txt": "", "sub/index.html": "page" });
  const page = await get(dir, "/", { listing: true });
  assertEquals(page.headers.get("content-type"), "text/html; charset=utf-8");
  const text = await expectStatus(page, 200);
  const order = ["a&amp;.txt", "b.txt", "sub/"].map((name) => text.indexOf(`>${name}<`));
  assertEquals(order, order.toSorted((a, b) => a - b));
  assert(order[0] > 0);
  assertEquals(await expectStatus(await get(dir, "/sub/", { listing: true }), 200), "page");
});

Deno.test("fileServer() does not wait for a FIFO", async () => {
  using dir = new TempDir();
  if (!makeFifo(`${dir.path}/fifo`)) return console.log("skipped: this machine has no mkfifo");
  await expectStatus(await get(dir, "/fifo"), 404);
  await expectStatus(await get(dir, "/fifo", { followSymlinks: true }), 404);
});

Deno.test("fileServer() answers 403 for a file that may not be read", async () => {
  using dir = new TempDir();
  dir.write({ "a.txt": "x" });
  const open = Deno.open;
  Deno.open = () => Promise.reject(new Deno.errors.PermissionDenied("denied")); // root may all
  try {
    await expectStatus(await get(dir, "/a.txt"), 403);
  } finally {
    Deno.open = open;
  }
});

Deno.test("fileServer() rejects with NotCapable without --allow-read", {
  permissions: { read: false },
}, async () => {
  const handler = fileServer("/srv/www");
  await assertRejects(() => handler(rawRequest("/a.txt")), Deno.errors.NotCapable, "--allow-read");
});

Deno.test("fileServer() serves one large file to many at once", async () => {
  using dir = new TempDir();
  dir.write({ "a.bin": pattern(5 * chunkSize) });
  const bodies = await Promise.all(
    Array.from({ length: 20 }, async () => (await get(dir, "/a.bin")).bytes()),
  );
  assertEquals(new Set(bodies.map(({ length }) => length)), new Set([5 * chunkSize]));
});

Deno.test("serveFile() serves one file, whatever the URL says", async () => {
  using dir = new TempDir();
  dir.write({ ".index.html": "x" });
  Deno.symlinkSync(".index.html", `${dir.path}/link.txt`);
  const request = rawRequest("/anything/../");
  for (const path of [`${dir.path}/link.txt`, new URL(`file://${dir.path}/link.txt`)]) {
    const response = await serveFile(request, path);
    assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8");
    assertEquals(await expectStatus(response, 200), "x");
  }
  const options = { contentType: "application/custom", cacheControl: "no-store" };
  const response = await serveFile(request, `${dir.path}/.index.html`, options);
  assertEquals(response.headers.get("content-type"), "application/custom");
  assertEquals(response.headers.get("cache-control"), "no-store");
  await expectStatus(response, 200);
});

Deno.test("serveFile() answers 404 for what is no file, and 405 to other methods", async () => {
  using dir = new TempDir();
  const request = new Request("http://x/");
  await expectStatus(await serveFile(request, dir.path), 404);
  await expectStatus(await serveFile(request, `${dir.path}/gone`), 404);
  const post = new Request("http://x/", { method: "POST" });
  await expectStatus(await serveFile(post, `${dir.path}/gone`), 405);
});

Deno.test("serveFile() rejects what is no path and no field value", async () => {
  const request = new Request("http://x/");
  await assertRejects(() => serveFile(request, ""), TypeError, "path");
  await assertRejects(() => serveFile(request, new URL("data:,x")), TypeError, "data:");
  const options = { contentType: "a\nb" };
  await assertRejects(() => serveFile(request, "a", options), TypeError, "content-type");
});
