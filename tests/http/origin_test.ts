import { assertEquals, assertThrows } from "@std/assert";
import { originForm, parseOrigin, pathStart } from "../../http/origin.ts";

Deno.test("parseOrigin() finds what to dial and what Host says", () => {
  const rows: [url: string, scheme: string, hostname: string, address: string, host: string][] = [
    ["http://example.test", "http", "example.test", "example.test:80", "example.test"],
    ["https://example.test", "https", "example.test", "example.test:443", "example.test"],
    ["http://example.test:8080", "http", "example.test", "example.test:8080", "example.test:8080"],
    ["http://a:b@example.test", "http", "example.test", "example.test:80", "example.test"],
    ["http://[::1]", "http", "::1", "[::1]:80", "[::1]"],
    ["https://[::1]:8443", "https", "::1", "[::1]:8443", "[::1]:8443"],
    ["http://127.0.0.1:1", "http", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:1"],
  ];
  for (const [url, scheme, hostname, address, host] of rows) {
    assertEquals({ ...parseOrigin(url) }, { scheme, hostname, address, host } as never);
  }
});

Deno.test("parseOrigin() refuses other schemes, and shows no password", () => {
  for (const url of ["ftp://a:secret@b", "ws://a:secret@b", "no url", "//a:secret@b", "blob:x"]) {
    const error = assertThrows(() => parseOrigin(url), TypeError) as TypeError;
    assertEquals(error.message.includes("secret"), false, error.message);
  }
});

Deno.test("originForm() is the path and the query, and never empty", () => {
  const rows: [url: string, target: string][] = [
    ["http://a/", "/"],
    ["http://a", "/"],
    ["http://a/b/c?d=e", "/b/c?d=e"],
    ["http://a?d=/e", "/?d=/e"],
    ["http://a/b#c?d", "/b"],
    ["http://a:1/b?c#d#e", "/b?c"],
    ["http://u:p@a//b", "//b"],
  ];
  for (const [url, target] of rows) {
    const { href } = new URL(url);
    assertEquals(originForm(href, pathStart(href)), target, url);
  }
});
