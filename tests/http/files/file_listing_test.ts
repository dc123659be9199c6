import { assert, assertEquals, assertRejects } from "@std/assert";
import { listingPage } from "../../../http/files/file_listing.ts";
import { makeFifo, TempDir } from "./file_support.ts";

/** Where the page leads, and what it says. */
const links = (page: string | undefined) =>
  [...page!.matchAll(/<a href="([^"]*)">([^<]*)<\/a>/g)].map(([, href, text]) => [href, text]);

Deno.test("listingPage() links to files, directories and links, sorted by name", async () => {
  using dir = new TempDir();
  dir.write({ "b.txt": "", "a.txt": "", "sub/c.txt": "", ".hidden": "" });
  Deno.symlinkSync("a.txt", `${dir.path}/link`);
  makeFifo(`${dir.path}/fifo`);
  assertEquals(links(await listingPage(dir.path, undefined, false)), [
    ["./a.txt", "a.txt"],
    ["./b.txt", "b.txt"],
    ["./link", "link"],
    ["./sub/", "sub/"],
  ]);
});

Deno.test("listingPage() shows names with a dot when told to", async () => {
  using dir = new TempDir();
  dir.write({ ".env": "", "a": "" });
  assertEquals(links(await listingPage(dir.path, dir.path, true)), [["./.env", ".env"], [
    "./a",
    "a",
  ]]);
});

Deno.test("listingPage() escapes names, for HTML and for URLs", async () => {
  using dir = new TempDir();
  dir.write({ '<img src=x onerror="1">': "", "javascript:alert(1)": "", "a?b#c%20d&'": "" });
  const page = await listingPage(dir.path, undefined, false);
  assertEquals(links(page), [
    ["./%3Cimg%20src%3Dx%20onerror%3D%221%22%3E", "&lt;img src=x onerror=&quot;1&quot;&gt;"],
    ["./a%3Fb%23c%2520d%26'", "a?b#c%20d&amp;&#39;"],
    ["./javascript%3Aalert(1)", "javascript:alert(1)"],
  ]);
  assert(!page!.includes("<img"));
});

Deno.test("listingPage() is none when the directory turns out to lead out of the root", async () => {
  using dir = new TempDir();
  dir.write({ "root/a": "", "secret/b": "" });
  Deno.symlinkSync("../secret", `${dir.path}/root/sub`);
  assertEquals(await listingPage(`${dir.path}/root/sub`, `${dir.path}/root`, false), undefined);
});

Deno.test("listingPage() rejects when there is no such directory", async () => {
  using dir = new TempDir();
  await assertRejects(() => listingPage(`${dir.path}/x`, dir.path, false), Deno.errors.NotFound);
});
