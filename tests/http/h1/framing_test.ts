import { assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../http/errors.ts";
import { chunkedBody, factsOf, responseBodyLength, untilClose } from "../../../http/h1/framing.ts";

Deno.test("factsOf() finds what matters in any case, and nothing that only looks like it", () => {
  const facts = factsOf([
    "hosT",
    "a",
    "Hosted",
    "x",
    "CONTENT-LENGTH",
    "5",
    "Content-Lengths",
    "x",
    "eXpect",
    "100-Continue",
    "uPGRADE",
    "websocket",
    "connectioN",
    "Upgrade",
  ], 1);
  assertEquals(facts, {
    hosts: ["a"],
    contentLength: 5,
    chunked: false,
    keepAlive: true,
    expect: "100-continue",
    upgrade: "websocket",
  });
});

Deno.test("Upgrade counts only where Connection names it", () => {
  assertEquals(factsOf(["Upgrade", "h2c"], 1).upgrade, undefined);
  assertEquals(factsOf(["Upgrade", "h2c", "Connection", "keep-alive, UPGRADE"], 1).upgrade, "h2c");
  assertEquals(
    factsOf(["Upgrade", "a", "Connection", "x", "Connection", "upgrade", "Upgrade", "b"], 1)
      .upgrade,
    "a, b",
  );
});

Deno.test("HTTP/1.0 knows neither Expect nor Upgrade", () => {
  const facts = factsOf(
    ["Upgrade", "h2c", "Connection", "upgrade, keep-alive", "Expect", "100-continue"],
    0,
  );
  assertEquals([facts.upgrade, facts.expect, facts.keepAlive], [undefined, undefined, true]);
});

Deno.test("several Expect fields are one list, which nobody knows", () => {
  assertEquals(
    factsOf(["Expect", "100-continue", "Expect", "100-continue"], 1).expect,
    "100-continue, 100-continue",
  );
});

Deno.test("the connection is kept by version and Connection", () => {
  const kept = (minor: 0 | 1, ...values: string[]) =>
    factsOf(values.flatMap((value) => ["Connection", value]), minor).keepAlive;
  assertEquals([kept(1), kept(0)], [true, false]);
  assertEquals([kept(1, "close"), kept(0, "keep-alive")], [false, true]);
  assertEquals([kept(1, "Close"), kept(0, "Keep-Alive")], [false, true]);
  assertEquals([kept(1, "keep-alive", "close"), kept(0, "keep-alive", "close")], [false, false]);
  // A no-break space is no blank, so this is another option.
  assertEquals(kept(1, "close\xa0"), true);
});

Deno.test("Content-Length takes digits up to 2^53-1", () => {
  assertEquals(factsOf(["Content-Length", "9007199254740991"], 1).contentLength, 2 ** 53 - 1);
  assertEquals(factsOf(["Content-Length", "0"], 1).contentLength, 0);
  const error = assertThrows(
    () => factsOf(["Content-Length", "9007199254740992"], 1),
    ProtocolError,
    '"9007199254740992"',
  );
  assertEquals(error.code, "ERR_HTTP_CONTENT_LENGTH");
});

Deno.test("a coding that is not known is told from one that is wrong", () => {
  const status = (...values: string[]) =>
    assertThrows(
      () => factsOf(values.flatMap((value) => ["Transfer-Encoding", value]), 1),
      ProtocolError,
    ).status;
  assertEquals(["gzip", "gzip, chunked", "x,y", "identity"].map((v) => status(v)), [
    501,
    501,
    501,
    501,
  ]);
  assertEquals(["", "chunked,", "chunked, gzip", "a b", "chunked;a"].map((v) => status(v)), [
    400,
    400,
    400,
    400,
    400,
  ]);
  assertEquals(status("gzip", "chunked"), 400);
});

Deno.test("responseBodyLength() follows the order of RFC 9112 section 6.3", () => {
  const length = (status: number, method: string, contentLength?: number, chunked = false) =>
    responseBodyLength({ status, contentLength, chunked }, method);
  for (const status of [100, 103, 199, 204, 304]) assertEquals(length(status, "GET", 5), 0);
  assertEquals(length(200, "HEAD", 5), 0);
  assertEquals(length(404, "HEAD", undefined, true), 0);
  assertEquals(length(200, "CONNECT", 5), 0);
  assertEquals(length(299, "CONNECT"), 0);
  assertEquals(length(407, "CONNECT", 5), 5);
  assertEquals(length(200, "GET", undefined, true), chunkedBody);
  assertEquals(length(200, "GET", 0), 0);
  assertEquals(length(205, "POST", 7), 7);
  assertEquals(length(200, "GET"), untilClose);
});
