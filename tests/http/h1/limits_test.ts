import { assertEquals } from "@std/assert";
import { requestLimits, responseLimits, trailerLimits } from "../../../http/h1/limits.ts";
import { RequestParser } from "../../../http/h1/request_head.ts";
import { bytesOf } from "./drive.ts";

Deno.test("a client trusts its server with more than a server its clients", () => {
  assertEquals(requestLimits.maxHeadBytes, 1024 * 1024);
  assertEquals(responseLimits.maxHeadBytes, 10 * 1024 * 1024);
  assertEquals([requestLimits, responseLimits, trailerLimits].map((l) => l.maxHeaders), [
    500,
    500,
    500,
  ]);
});

Deno.test("a limit that is left undefined has its default", () => {
  const parser = new RequestParser({ maxHeaders: undefined, maxHeadBytes: undefined });
  const bytes = bytesOf("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assertEquals(parser.parse(bytes, 0, bytes.length)?.host, "a");
});
