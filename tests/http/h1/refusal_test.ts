import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../http/errors.ts";
import { quote, quoteBytes, refuse } from "../../../http/h1/refusal.ts";
import { bytesOf } from "./drive.ts";

Deno.test("refuse() throws with code and status, 400 by default", () => {
  const error = assertThrows(() => refuse("ERR_HTTP_X", "wrong"), ProtocolError, "wrong");
  assertEquals([error.code, error.status], ["ERR_HTTP_X", 400]);
  assertEquals(assertThrows(() => refuse("ERR_HTTP_X", "", 431), ProtocolError).status, 431);
});

Deno.test("quote() escapes what a terminal would obey and cuts what is long", () => {
  assertEquals(quote('a"b\r\n\x1b[2J\x7f\x9b'), '"a\\"b\\r\\n\\u001b[2J\\u007f\\u009b"');
  assertEquals(quote("x".repeat(65)), `"${"x".repeat(61)}..."`);
  assertEquals(quote("x".repeat(64)), `"${"x".repeat(64)}"`);
});

Deno.test("quoteBytes() shows the end of what is long, where the error is", () => {
  assertEquals(quoteBytes(bytesOf("..abc.."), 2, 5), '"abc"');
  assertEquals(quoteBytes(bytesOf("a".repeat(100) + "!"), 0, 101), `"...${"a".repeat(60)}!"`);
});
