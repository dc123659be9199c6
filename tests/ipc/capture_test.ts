import { assert, assertEquals, assertThrows } from "@std/assert";
import { Capture, HeadTail, Overflow } from "../../ipc/capture.ts";
import { decode, encode } from "./command_helpers.ts";

Deno.test("Capture keeps everything in order", () => {
  const capture = new Capture();
  for (const part of ["ab", "", "cde"]) capture.add(encode(part));
  assertEquals(decode(capture.bytes()), "abcde");
  assertEquals(new Capture().bytes().length, 0);
});

Deno.test("Capture keeps what fits, to the byte, and reports the rest", () => {
  const capture = new Capture(4);
  capture.add(encode("abcd"));
  assertThrows(() => capture.add(encode("e")), Overflow);
  assertEquals(decode(capture.bytes()), "abcd");
  const cut = new Capture(4);
  assertThrows(() => cut.add(encode("abcdef")), Overflow);
  assertEquals(decode(cut.bytes()), "abcd");
});

Deno.test("HeadTail keeps both ends, however the chunks fall, and counts the middle", () => {
  const text = Array.from({ length: 100 }, (_, i) => String.fromCharCode(33 + i % 90)).join("");
  for (const step of [1, 3, 7, 10, 64, 100]) {
    const kept = new HeadTail(10);
    for (let at = 0; at < text.length; at += step) kept.add(encode(text.slice(at, at + step)));
    const expected = `${text.slice(0, 10)}\n... 80 bytes left out ...\n${text.slice(-10)}`;
    assertEquals(decode(kept.bytes()), expected);
  }
});

Deno.test("HeadTail of what fits leaves nothing out", () => {
  for (const length of [0, 5, 10, 15, 20]) {
    const kept = new HeadTail(10);
    const text = "abcdefghijklmnopqrst".slice(0, length);
    for (const letter of text) kept.add(encode(letter));
    assertEquals(decode(kept.bytes()), text);
  }
});

Deno.test("a small chunk does not pin the large buffer that it is a view of", () => {
  for (const kept of [new Capture(), new HeadTail(3)]) {
    const buffer = encode("abcdefgh".repeat(100));
    for (let at = 0; at < 8; at++) kept.add(buffer.subarray(at, at + 1));
    buffer.fill(0); // what was kept is a copy, or this shows
    assert(decode(kept.bytes()).startsWith("abc"));
    assert(decode(kept.bytes()).endsWith("fgh"));
  }
});
