import { assertEquals } from "@std/assert";
import { isToken } from "../../../http/headers.ts";
import { hexDigits, targetBytes, tokenBytes, valueBytes } from "../../../http/h1/tables.ts";

function members(table: Uint8Array): string {
  let text = "";
  table.forEach((member, byte) => text += member === 1 ? String.fromCharCode(byte) : "");
  return text;
}

Deno.test("the table of tokens agrees with isToken()", () => {
  for (let byte = 0; byte < 256; byte++) {
    assertEquals(tokenBytes[byte] === 1, isToken(String.fromCharCode(byte)));
  }
});

Deno.test("a value may hold a tab, what is visible, blanks and everything beyond ASCII", () => {
  const text = members(valueBytes);
  assertEquals(text.length, 1 + 95 + 128);
  assertEquals(text.slice(0, 3), "\t !");
});

Deno.test("a target may hold what is visible in ASCII, but no number sign", () => {
  const text = members(targetBytes);
  assertEquals(text.length, 93);
  assertEquals(text.slice(0, 4), '!"$%');
  assertEquals(text.at(-1), "~");
});

Deno.test("22 bytes are hexadecimal digits", () => {
  let digits = "";
  hexDigits.forEach((digit, byte) => {
    if (digit === 255) return;
    assertEquals(digit, parseInt(String.fromCharCode(byte), 16));
    digits += String.fromCharCode(byte);
  });
  assertEquals(digits, "0123456789ABCDEFabcdef");
});
