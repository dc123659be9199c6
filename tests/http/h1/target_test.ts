import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../http/errors.ts";
import { hostOf, isHost, targetAuthority } from "../../../http/h1/target.ts";

Deno.test("isHost() takes hosts a URL can hold, with or without a port", () => {
  for (const host of ["a", "a:", "a:0", "a:65535", "1.2.3.4", "[::1]:80", "a-b_c.d.", "%61"]) {
    assert(isHost(host), host);
    assert(isHost(host), `${host} once more`);
  }
});

Deno.test("isHost() refuses the rest, and has no memory of it", () => {
  for (const host of ["", ":80", "a:65536", "1.2.3.4.5", "[1::2::3]", "a/b", "u@a", "%2f", "a b"]) {
    assert(!isHost(host), host);
    assert(!isHost(host), `${host} once more`);
  }
});

Deno.test("targetAuthority() is what the target names", () => {
  assertEquals(targetAuthority("GET", "/x"), undefined);
  assertEquals(targetAuthority("OPTIONS", "*"), undefined);
  assertEquals(targetAuthority("GET", "http://B:80/x"), "B:80");
  assertEquals(targetAuthority("GET", "https://b?x"), "b");
  assertEquals(targetAuthority("CONNECT", "b:443"), "b:443");
});

Deno.test("targetAuthority() refuses a form that is not the method's, and quotes it", () => {
  for (
    const [method, target] of [
      ["GET", "*"],
      ["GET", "b:443"],
      ["CONNECT", "/x"],
      ["CONNECT", "b"],
      ["GET", "http://"],
      ["GET", "ws://b/"],
      ["GET", "http://u@b/"],
    ]
  ) {
    const error = assertThrows(() => targetAuthority(method, target), ProtocolError, `"${target}"`);
    assertEquals([error.code, error.status], ["ERR_HTTP_TARGET", 400]);
  }
});

Deno.test("hostOf() wants one Host on HTTP/1.1 and at most one on HTTP/1.0", () => {
  assertEquals(hostOf(["a:80"], 1), "a:80");
  assertEquals(hostOf([""], 1), "");
  assertEquals(hostOf([], 0), undefined);
  assertThrows(() => hostOf([], 1), ProtocolError, "no Host");
  assertThrows(() => hostOf(["a", "a"], 1), ProtocolError, '"a, a": must be one');
  assertThrows(() => hostOf(["a", "b"], 0), ProtocolError, "must be one");
  assertThrows(() => hostOf(["a/b"], 1), ProtocolError, '"a/b"');
});
