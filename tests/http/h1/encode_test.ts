import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  chunkHead,
  lastChunk,
  requestHead,
  responseHead,
  statusLine,
  writeText,
} from "../../../http/h1/encode.ts";
import { RequestParser } from "../../../http/h1/request_head.ts";
import { ResponseParser } from "../../../http/h1/response_head.ts";
import { bytesOf, driveResponse, textOf } from "./drive.ts";

Deno.test("statusLine() keeps the space before an empty reason", () => {
  assertEquals(statusLine(200, "OK"), "HTTP/1.1 200 OK\r\n");
  assertEquals(statusLine(200, ""), "HTTP/1.1 200 \r\n");
  assertEquals(statusLine(200, "Fine"), "HTTP/1.1 200 Fine\r\n");
  assertEquals(statusLine(200, "OK"), "HTTP/1.1 200 OK\r\n");
});

Deno.test("statusLine() refuses what is no status and no reason", () => {
  for (const status of [0, 99, 1000, 200.5, NaN]) {
    assertThrows(() => statusLine(status, "OK"), RangeError, String(status));
  }
  for (const reason of ["a\r\nb", "\0", "\u010d"]) {
    assertThrows(() => statusLine(200, reason), TypeError, "reason");
  }
});

Deno.test("a head that was encoded is parsed as it was", () => {
  const fields = ["Host", "a", "X-Tab", "a\tb", "x-latin", "\xe9", "Empty", ""];
  const request = bytesOf(requestHead("POST", "/x?y", fields));
  const parsed = new RequestParser().parse(request, 0, request.length);
  assertEquals([parsed?.method, parsed?.target, parsed?.fields], ["POST", "/x?y", fields]);
  const response = bytesOf(responseHead(404, "Not Found", fields));
  const answer = new ResponseParser().parse(response, 0, response.length);
  assertEquals([answer?.status, answer?.reason, answer?.fields], [404, "Not Found", fields]);
});

Deno.test("nothing that would split a head gets into one", () => {
  const evil = ["a\r\nB: c", "a\nB: c", "a\rB", "a\0", "a\u010d\u010aB: c"];
  for (const text of evil) {
    for (let again = 0; again < 2; again++) {
      assertThrows(() => responseHead(200, "OK", ["X", text]), TypeError, 'header "X"');
      assertThrows(() => responseHead(200, "OK", [text, "1"]), TypeError, "header name");
      assertThrows(() => requestHead("GET", "/", [text, "1"]), TypeError, "header name");
    }
    assertThrows(() => requestHead("GET", `/${text}`, []), TypeError, "target");
    assertThrows(() => requestHead(text, "/", []), TypeError, "method");
    assertThrows(() => lastChunk(["X", text]), TypeError, 'header "X"');
  }
  for (const target of ["", "/a b", "/#", "/\xe9"]) {
    assertThrows(() => requestHead("GET", target, []), TypeError, "target");
  }
});

Deno.test("chunks that were encoded are decoded as they were", () => {
  const body = chunkHead(31) + "x".repeat(31) + "\r\n" + lastChunk(["X-Sum", "1"]);
  assertEquals(body.slice(0, 4), "1f\r\n");
  const head = responseHead(200, "OK", ["Transfer-Encoding", "chunked"]);
  assertEquals(driveResponse([bytesOf(head + body)], "GET"), {
    outcome: "response",
    status: 200,
    reason: "OK",
    body: "x".repeat(31),
    trailers: ["X-Sum", "1"],
    reusable: true,
  });
  assertEquals(lastChunk(), "0\r\n\r\n");
  assertEquals(lastChunk([]), "0\r\n\r\n");
});

Deno.test("chunkHead() refuses a size that would end the body, or is none", () => {
  for (const size of [0, -1, 1.5, NaN, 2 ** 53]) {
    assertThrows(() => chunkHead(size), RangeError, `chunk size ${size}`);
  }
});

Deno.test("lastChunk() refuses a field that may not be a trailer", () => {
  assertThrows(() => lastChunk(["Content-Length", "5"]), TypeError, '"Content-Length"');
});

for (const length of [0, 5, 80, 81, 3000]) {
  Deno.test(`writeText() writes ${length} characters as as many bytes`, () => {
    for (const text of ["x".repeat(length), "\xe9x\xff".repeat(length).slice(0, length)]) {
      const target = new Uint8Array(length + 4).fill(0x2d);
      assertEquals(writeText(target, text, 2), length);
      assertEquals(textOf(target), `--${text}--`);
    }
  });

  Deno.test(`writeText() refuses ${length} characters and one beyond latin1`, () => {
    const text = `${"x".repeat(length)}\u010d`;
    assertThrows(() => writeText(new Uint8Array(8000), text, 0), TypeError, "latin1");
  });
}

Deno.test("writeText() writes nothing where there is no room", () => {
  for (const text of ["hello", "x".repeat(500)]) {
    const target = new Uint8Array(text.length + 2);
    assertThrows(() => writeText(target, text, 3), RangeError, "no room");
    assert(target.every((byte) => byte === 0));
  }
});
