import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../http/errors.ts";
import { minorVersion } from "../../../http/h1/version.ts";
import { bytesOf } from "./drive.ts";

const read = (text: string) => minorVersion(bytesOf(text), 0, 0, text.length);

Deno.test("minorVersion() serves every minor version but 0 as 1", () => {
  assertEquals(["HTTP/1.0", "HTTP/1.1", "HTTP/1.2", "HTTP/1.9"].map(read), [0, 1, 1, 1]);
});

Deno.test("minorVersion() waits for more while nothing is wrong", () => {
  const version = "HTTP/1.1";
  for (let length = 0; length < version.length; length++) {
    assertEquals(read(version.slice(0, length)), -1);
  }
  assertEquals(read("HTTP/2."), -1);
});

Deno.test("minorVersion() refuses the first byte that is wrong", () => {
  for (const text of ["h", "HX", "HTTP ", "HTTP/x", "HTTP/11", "HTTP/1.x"]) {
    const error = assertThrows(() => read(text), ProtocolError, JSON.stringify(text));
    assertEquals([error.code, error.status], ["ERR_HTTP_VERSION", 400]);
  }
});

Deno.test("minorVersion() refuses another major version with 505", () => {
  const error = assertThrows(() => read("HTTP/2.0"), ProtocolError, '"HTTP/2.0"');
  assertEquals([error.code, error.status], ["ERR_HTTP_VERSION_NOT_SUPPORTED", 505]);
});
