import { assert, assertEquals } from "@std/assert";
import { KnownText, latin1, mayStartWith } from "../../../http/h1/text.ts";
import { bytesOf } from "./drive.ts";

Deno.test("latin1() makes each byte the character of its number", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const text = latin1(bytes, 0, 256);
  assertEquals([...text].map((character) => character.charCodeAt(0)), [...bytes]);
  assertEquals(latin1(bytes.subarray(0x60), 1, 4), "abc");
});

for (const length of [1, 20, 95, 96, 97, 600]) {
  Deno.test(`a known text of ${length} bytes matches the same bytes and no others`, () => {
    const text = "abcdefg\xe9".repeat(80).slice(0, length);
    const bytes = bytesOf(`--${text}--`);
    const known = new KnownText();
    assert(!known.matches(bytes, 2, bytes.length));
    known.set(text, bytes, 2);
    assert(known.matches(bytes, 2, bytes.length));
    assert(known.matches(bytes, 2, length + 2));
    assert(!known.matches(bytes, 2, length + 1));
    assert(!known.matches(bytes, 1, bytes.length));
    for (const at of new Set([0, length >> 1, length - 1])) {
      const other = bytes.slice();
      other[2 + at] ^= 1;
      assert(!known.matches(other, 2, other.length), `byte ${at}`);
    }
  });
}

Deno.test("a known text does not change with the buffer it came from", () => {
  const bytes = bytesOf("hello");
  const known = new KnownText();
  known.set("hello", bytes, 0);
  bytes[0] = 0x48;
  assert(!known.matches(bytes, 0, 5));
  assert(known.matches(bytesOf("hello"), 0, 5));
});

Deno.test("mayStartWith() looks at the end alone", () => {
  assert(mayStartWith(bytesOf("XXXX5678abcd"), 0, 12, "12345678abcd"));
  assert(!mayStartWith(bytesOf("12345678abcX"), 0, 12, "12345678abcd"));
  assert(!mayStartWith(bytesOf("12345678abcd"), 0, 11, "12345678abcd"));
  assert(!mayStartWith(bytesOf("abc"), 0, 3, ""));
  assert(mayStartWith(bytesOf("abc"), 1, 3, "bc"));
});
