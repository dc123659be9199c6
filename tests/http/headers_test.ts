import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  checkFieldName,
  checkFieldValue,
  isToken,
  mayBeTrailer,
  trimOws,
} from "../../http/headers.ts";

const allBytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));

Deno.test("isToken() knows the 77 characters of a token and no other", () => {
  assertEquals(
    allBytes.filter(isToken).join(""),
    "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~",
  );
  assert(!isToken(""));
  assert(!isToken("a\n"));
  assert(!isToken("\u0130"));
});

Deno.test("checkFieldName() refuses what could split a head, and quotes it", () => {
  checkFieldName("x-A.1");
  for (const name of ["", "a b", "a:", "a\r\nb", "a\0", "\xe9", "a\u010d"]) {
    const error = assertThrows(() => checkFieldName(name), TypeError, "must be a token");
    assert(error.message.includes(JSON.stringify(name)), error.message);
  }
});

Deno.test("checkFieldValue() takes tabs and latin1, and no other control character", () => {
  const taken = allBytes.filter((value) => {
    try {
      checkFieldValue("x", value);
      return true;
    } catch {
      return false;
    }
  });
  assertEquals(taken.length, 256 - 33 + 1);
  assert(taken.includes("\t") && taken.includes("\xff"));
  checkFieldValue("x", "");
  // Cut to a byte, these would be CR and LF.
  for (const value of ["a\u010d\u010ab", "a\r\nb: c", "\u20ac"]) {
    assertThrows(() => checkFieldValue("x", value), TypeError, 'header "x"');
  }
});

Deno.test("checkFieldValue() cuts what it quotes", () => {
  const error = assertThrows(() => checkFieldValue("x", "\n".repeat(10_000)), TypeError);
  assert(error.message.length < 400);
});

Deno.test("mayBeTrailer() refuses framing, routing and authentication in any case", () => {
  const refused = [
    "Content-Length",
    "TRANSFER-ENCODING",
    "host",
    "Authorization",
    "If-None-Match",
    "Set-Cookie",
    "a b",
    "",
  ];
  for (const name of refused) assert(!mayBeTrailer(name), name);
  for (const name of ["Content-Digest", "ETag", "Server-Timing", "grpc-status"]) {
    assert(mayBeTrailer(name), name);
  }
});

Deno.test("trimOws() takes blanks and tabs away, and nothing else", () => {
  assertEquals(trimOws(" \t a \t b\t "), "a \t b");
  assertEquals(trimOws(" \t "), "");
  assertEquals(trimOws("a"), "a");
  assertEquals(trimOws("\xa0a\v"), "\xa0a\v");
});
