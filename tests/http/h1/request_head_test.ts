import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../http/errors.ts";
import { chunkedBody } from "../../../http/h1/framing.ts";
import { type RequestHead, RequestParser } from "../../../http/h1/request_head.ts";
import { bytesOf } from "./drive.ts";

function parse(parser: RequestParser, text: string): RequestHead {
  const bytes = bytesOf(text);
  const head = parser.parse(bytes, 0, bytes.length);
  assert(head !== null);
  return head;
}

function refusal(parser: RequestParser, text: string): ProtocolError {
  const bytes = bytesOf(text);
  return assertThrows(() => parser.parse(bytes, 0, bytes.length), ProtocolError);
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

Deno.test("a head tells everything a server wants to know", () => {
  const text = "POST /x?y HTTP/1.1\r\nHost: a:80\r\nTransfer-Encoding: chunked\r\n" +
    "Expect: 100-Continue\r\nConnection: upgrade, close\r\nUpgrade: h2c\r\n\r\n";
  const parser = new RequestParser();
  assertEquals(parse(parser, `${text}5\r\n`), {
    method: "POST",
    target: "/x?y",
    minor: 1,
    fields: [
      "Host",
      "a:80",
      "Transfer-Encoding",
      "chunked",
      "Expect",
      "100-Continue",
      "Connection",
      "upgrade, close",
      "Upgrade",
      "h2c",
    ],
    host: "a:80",
    bodyLength: chunkedBody,
    keepAlive: false,
    expect: "100-continue",
    upgrade: "h2c",
  });
  assertEquals(parser.length, text.length);
});

Deno.test("the length of a head has the empty line that was skipped before it", () => {
  const parser = new RequestParser();
  parse(parser, `\r\n${get}`);
  assertEquals(parser.length, get.length + 2);
  parse(parser, get);
  assertEquals(parser.length, get.length);
});

for (const text of [get, get.replace("\r\n\r\n", `\r\nX: ${"v".repeat(600)}\r\n\r\n`)]) {
  Deno.test(`the same ${text.length} bytes give the very same head`, () => {
    const parser = new RequestParser();
    const head = parse(parser, text);
    assertStrictEquals(parse(parser, text), head);
    assertEquals(parser.length, text.length);
    // Where they lie does not matter, nor what follows them.
    const moved = bytesOf(`---${text}${text}`);
    assertStrictEquals(parser.parse(moved, 3, moved.length), head);
    const other = text.replace("GET / ", "GET /other ");
    assertEquals(parse(parser, other).target, "/other");
    assert(parse(parser, text) !== head);
  });
}

Deno.test("equal fields behind another line are shared, but not the host of a URL", () => {
  const parser = new RequestParser();
  const first = parse(parser, get);
  const second = parse(parser, get.replace("/", "http://b/x"));
  assertStrictEquals(second.fields, first.fields);
  assertEquals([second.host, second.target], ["b", "http://b/x"]);
  const third = parse(parser, get.replace("GET", "PUT"));
  assertStrictEquals(third.fields, first.fields);
  assertEquals([third.host, third.method], ["a", "PUT"]);
});

Deno.test("fields of the same length and end, but other in between, are not taken for equal", () => {
  const parser = new RequestParser();
  const text = get.replace("\r\n\r\n", "\r\nX: 1\r\nY: abcdefgh\r\n\r\n");
  parse(parser, text);
  const other = parse(parser, text.replace("GET / ", "GET /b ").replace("X: 1", "X: 2"));
  assertEquals(other.fields, ["Host", "a", "X", "2", "Y", "abcdefgh"]);
});

Deno.test("equal fields on another version are understood anew", () => {
  const parser = new RequestParser();
  assertEquals(parse(parser, get.replace("1.1", "1.0")).keepAlive, false);
  assertEquals(parse(parser, get).keepAlive, true);
  const chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  parse(parser, chunked);
  assertEquals(refusal(parser, chunked.replace("1.1", "1.0")).status, 400);
});

Deno.test("a head with more fields than the one before it is not taken for it", () => {
  const parser = new RequestParser();
  parse(parser, get);
  const longer = parse(parser, get.replace("\r\n\r\n", "\r\nX: 1\r\n\r\n"));
  assertEquals(longer.fields, ["Host", "a", "X", "1"]);
});

Deno.test("a wrong byte is refused before the head is complete", () => {
  const early = (text: string) => refusal(new RequestParser(), text).code;
  assertEquals(early("G("), "ERR_HTTP_METHOD");
  assertEquals(early(" "), "ERR_HTTP_METHOD");
  assertEquals(early("GET  "), "ERR_HTTP_REQUEST_LINE");
  assertEquals(early("GET /\x01"), "ERR_HTTP_TARGET");
  assertEquals(early("GET / x"), "ERR_HTTP_VERSION");
  assertEquals(early("GET / HTTP/1.1\n"), "ERR_HTTP_BARE_LF");
  assertEquals(early("GET * HTTP/1.1\r\n"), "ERR_HTTP_TARGET");
  assertEquals(early("GET / HTTP/1.1\r\nX "), "ERR_HTTP_HEADER_NAME");
  assertEquals(early("GET / HTTP/1.1\r\nX: \0"), "ERR_HTTP_HEADER_VALUE");
});

Deno.test("a TLS handshake has a code and a sentence of its own", () => {
  const error = refusal(new RequestParser(), "\x16\x03\x01\x02");
  assertEquals([error.code, error.status], ["ERR_HTTP_TLS_ON_PLAIN", 400]);
  assertEquals(error.message, "client sent an HTTPS request to an HTTP server");
  assertEquals(new RequestParser().parse(bytesOf("\x16"), 0, 1), null);
});

Deno.test("each limit refuses one byte or field beyond it, and not before", () => {
  const line = "GET / HTTP/1.1\r\n".length;
  const text = "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n";
  parse(new RequestParser({ maxLineBytes: line, maxHeaders: 2, maxHeadBytes: text.length }), text);
  const code = (limits: ConstructorParameters<typeof RequestParser>[0]) => {
    const error = refusal(new RequestParser(limits), text);
    return [error.code, error.status];
  };
  assertEquals(code({ maxLineBytes: line - 1 }), ["ERR_HTTP_REQUEST_LINE_TOO_LONG", 414]);
  assertEquals(code({ maxHeaders: 1 }), ["ERR_HTTP_TOO_MANY_HEADERS", 431]);
  assertEquals(code({ maxHeadBytes: text.length - 1 }), ["ERR_HTTP_HEAD_TOO_LARGE", 431]);
  // Within the line, the smaller of the two limits is the one that is told.
  assertEquals(code({ maxHeadBytes: 9, maxLineBytes: 12 }), ["ERR_HTTP_HEAD_TOO_LARGE", 431]);
});

Deno.test("the limit of a head counts for equal fields too", () => {
  const parser = new RequestParser({ maxHeadBytes: get.length + 3 });
  parse(parser, get);
  parse(parser, get.replace("/", "/abc"));
  assertEquals(refusal(parser, get.replace("/", "/abcd")).status, 431);
});
