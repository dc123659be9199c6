import { assertEquals } from "@std/assert";
import { mediaType } from "../../../http/files/media_types.ts";

const cases: [name: string, type: string][] = [
  ["index.html", "text/html; charset=utf-8"],
  ["a/b.c/style.CSS", "text/css; charset=utf-8"],
  ["app.mjs", "text/javascript; charset=utf-8"],
  ["data.json", "application/json"],
  ["icon.svg", "image/svg+xml"],
  ["site.webmanifest", "application/manifest+json"],
  ["a.tar.gz", "application/gzip"],
  ["a.wasm", "application/wasm"],
  ["a.woff2", "font/woff2"],
  ["a.unknown", "application/octet-stream"],
  ["html", "application/octet-stream"],
  ["a.html/README", "application/octet-stream"],
  ["a.", "application/octet-stream"],
  ["", "application/octet-stream"],
];

for (const [name, type] of cases) {
  Deno.test(`mediaType() says ${type} for ${JSON.stringify(name)}`, () => {
    assertEquals(mediaType(name), type);
  });
}
