import { assertEquals, assertStrictEquals } from "@std/assert";
import { Status, statusText } from "../../http/status.ts";

Deno.test("statusText() gives Go's words", () => {
  const known: [number, string][] = [
    [100, "Continue"],
    [200, "OK"],
    [203, "Non-Authoritative Information"],
    [207, "Multi-Status"],
    [226, "IM Used"],
    [404, "Not Found"],
    [407, "Proxy Authentication Required"],
    [413, "Request Entity Too Large"],
    [414, "Request URI Too Long"],
    [418, "I'm a teapot"],
    [431, "Request Header Fields Too Large"],
    [500, "Internal Server Error"],
    [505, "HTTP Version Not Supported"],
    [511, "Network Authentication Required"],
  ];
  for (const [status, text] of known) assertStrictEquals(statusText(status), text);
});

Deno.test("statusText() of an unknown status is empty", () => {
  for (const status of [0, 99, 299, 306, 999, -1, NaN]) assertStrictEquals(statusText(status), "");
});

Deno.test("Status names each code once, and each has a text", () => {
  const codes: number[] = Object.values(Status);
  assertEquals(new Set(codes).size, codes.length);
  for (const code of codes) assertEquals(statusText(code) === "", false, `${code}`);
  assertStrictEquals(Status.NotFound, 404);
});
