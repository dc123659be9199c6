import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../http/errors.ts";
import { type ResponseHead, ResponseParser } from "../../../http/h1/response_head.ts";
import { bytesOf } from "./drive.ts";

function parse(parser: ResponseParser, text: string): ResponseHead {
  const bytes = bytesOf(text);
  const head = parser.parse(bytes, 0, bytes.length);
  assert(head !== null);
  return head;
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n" +
  "Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n";

Deno.test("a head tells everything a client wants to know", () => {
  const parser = new ResponseParser();
  assertEquals(parse(parser, switching), {
    minor: 1,
    status: 101,
    reason: "Switching Protocols",
    fields: [
      "Connection",
      "Upgrade",
      "Upgrade",
      "websocket",
      "Sec-WebSocket-Accept",
      "x",
    ],
    keepAlive: true,
    contentLength: undefined,
    chunked: false,
    upgrade: "websocket",
  });
  assertEquals(parser.length, switching.length);
});

Deno.test("the same bytes give the very same head, other bytes another", () => {
  const parser = new ResponseParser();
  const head = parse(parser, switching);
  assertStrictEquals(parse(parser, switching), head);
  assertEquals(parse(parser, switching.replace("101", "200")).status, 200);
  assertEquals(parse(parser, switching).status, 101);
});

Deno.test("a wrong byte is refused before the head is complete", () => {
  for (const text of ["h", "HTTP/1.1  ", "HTTP/1.1 0", "HTTP/1.1 20 ", "HTTP/1.1 200x"]) {
    const bytes = bytesOf(text);
    const parser = new ResponseParser();
    assertEquals(parser.parse(bytes, 0, bytes.length - 1), null);
    assertThrows(() => parser.parse(bytes, 0, bytes.length), ProtocolError, JSON.stringify(text));
  }
});

Deno.test("each limit refuses one byte or field beyond it, and not before", () => {
  const text = "HTTP/1.1 200 OK\r\nX: 1\r\nY: 2\r\n\r\n";
  const line = "HTTP/1.1 200 OK\r\n".length;
  parse(new ResponseParser({ maxLineBytes: line, maxHeaders: 2, maxHeadBytes: text.length }), text);
  const code = (limits: ConstructorParameters<typeof ResponseParser>[0]) => {
    const bytes = bytesOf(text);
    const parser = new ResponseParser(limits);
    return assertThrows(() => parser.parse(bytes, 0, bytes.length), ProtocolError).code;
  };
  assertEquals(code({ maxLineBytes: line - 1 }), "ERR_HTTP_STATUS_LINE_TOO_LONG");
  assertEquals(code({ maxHeaders: 1 }), "ERR_HTTP_TOO_MANY_HEADERS");
  assertEquals(code({ maxHeadBytes: text.length - 1 }), "ERR_HTTP_HEAD_TOO_LARGE");
});
