import { assertEquals } from "@std/assert";
import { cleanPath, redirectTarget, splitUrl, unescapeSegment } from "../../http/url_path.ts";

Deno.test("splitUrl() cuts host, path and query out of a URL, and changes nothing", () => {
  const table: [url: string, host: string, path: string, query: string][] = [
    ["http://h/a/b?c=d", "h", "/a/b", "?c=d"],
    ["http://h:80/", "h:80", "/", ""],
    ["http://h", "h", "/", ""],
    ["http://h?q", "h", "/", "?q"],
    ["http://h?q=/a", "h", "/", "?q=/a"],
    ["http://h/a//../b/.", "h", "/a//../b/.", ""],
    ["http://h//x/y", "h", "//x/y", ""],
    ["https://[::1]:443/%2F?a?b", "[::1]:443", "/%2F", "?a?b"],
    ["http://h/a#b?c/d", "h", "/a", ""],
    ["http://h?a#b?c", "h", "/", "?a"],
    ["http://h#/a", "h", "/", ""],
    ["http://u:p@h/a@b", "h", "/a@b", ""],
    ["http://h/?", "h", "/", "?"],
  ];
  for (const [url, host, path, query] of table) {
    assertEquals(splitUrl(url), { host, path, query }, url);
  }
});

Deno.test("cleanPath() leaves no empty segment and no dots, and keeps a slash at the end", () => {
  const table: [path: string, clean: string][] = [
    ["/", "/"],
    ["/a/b", "/a/b"],
    ["/a/b/", "/a/b/"],
    ["//", "/"],
    ["//a///b//", "/a/b/"],
    ["/./a/./b", "/a/b"],
    ["/a/../b", "/b"],
    ["/a/b/..", "/a"],
    ["/a/b/../", "/a/"],
    ["/a/.", "/a"],
    ["/..", "/"],
    ["/../../a", "/a"],
    ["/a/..", "/"],
    ["/a/../", "/"],
    ["/.well-known/x", "/.well-known/x"],
    ["/...", "/..."],
    ["/..a/b.", "/..a/b."],
    ["/%2e%2e/a", "/%2e%2e/a"],
  ];
  for (const [path, clean] of table) {
    assertEquals(cleanPath(path), clean, path);
    assertEquals(cleanPath(clean), clean, path);
  }
});

Deno.test("unescapeSegment() keeps what is not well-formed as it is", () => {
  const table: [segment: string, text: string][] = [
    ["a", "a"],
    ["a%2Fb", "a/b"],
    ["%C3%A9%20+", "é +"],
    ["100%25", "100%"],
    ["%252F", "%2F"],
    ["%", "%"],
    ["%zz%41", "%zz%41"],
    ["%ff", "%ff"],
  ];
  for (const [segment, text] of table) assertEquals(unescapeSegment(segment), text, segment);
});

Deno.test("redirectTarget() escapes what may not stand in a URL, and nothing else", () => {
  const table: [path: string, query: string, location: string][] = [
    ["/a%2Fb/%C3%A9", "?q=%20&r=/", "/a%2Fb/%C3%A9?q=%20&r=/"],
    ['/a b\\c"<>^`{|}', "", "/a%20b%5Cc%22%3C%3E%5E%60%7B%7C%7D"],
    ["/\\evil.example", "", "/%5Cevil.example"],
    ["/é/😀", "?é", "/%C3%A9/%F0%9F%98%80?%C3%A9"],
    ["/\r\nx: y", "?\r\nx", "/%0D%0Ax:%20y?%0D%0Ax"],
    ["/100%/%zz/%4", "?%", "/100%25/%25zz/%254?%"],
    ["/-._~!$&'()*+,;=:@", "", "/-._~!$&'()*+,;=:@"],
    ["/\ud800", "?\udc00", "/%EF%BF%BD?%EF%BF%BD"],
  ];
  for (const [path, query, location] of table) {
    assertEquals(redirectTarget(path, query), location, path);
  }
});
