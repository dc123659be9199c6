import { assertEquals } from "@std/assert";
import { LineSplitter } from "../../ipc/lines.ts";
import { encode } from "./command_helpers.ts";

/** The lines, and `"TOO LONG"` in the place of one that is. */
function split(text: string, step: number, limit?: number): string[] {
  const splitter = new LineSplitter(limit);
  const bytes = encode(text);
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += step) {
    lines.push(...splitter.split(bytes.slice(at, at + step)));
  }
  lines.push(...splitter.end());
  return splitter.overflowed ? [...lines, "TOO LONG"] : lines;
}

Deno.test("lines are the same, wherever the chunks are cut", () => {
  const text = "one\n\ntwo\r\n\u{feff}h\u00e9llo \u{1f600}\nlone \r inside\n\r\nlast";
  const lines = ["one", "", "two", "\u{feff}h\u00e9llo \u{1f600}", "lone \r inside", "", "last"];
  for (let step = 1; step <= 50; step++) assertEquals(split(text, step), lines, `step ${step}`);
});

Deno.test("a last newline begins no line", () => {
  assertEquals(split("a\nb\n", 100), ["a", "b"]);
  assertEquals(split("\n", 1), [""]);
  assertEquals(split("", 1), []);
  assertEquals(split("a\r", 1), ["a"]);
});

Deno.test("a line may be as long as the limit and no longer, wherever it is", () => {
  for (const step of [1, 3, 100]) {
    assertEquals(split("abcd\nefgh\nijkl", step, 4), ["abcd", "efgh", "ijkl"]);
    assertEquals(split("abcde\nx", step, 4), ["TOO LONG"]);
  }
});

Deno.test("the lines before one that is too long are there, wherever the chunks are cut", () => {
  for (const step of [1, 3, 5, 100]) {
    for (const text of ["x\n\nabcde\ny", "x\n\nabcde", "x\n\nabcdefgh\ny\n"]) {
      assertEquals(split(text, step, 4), ["x", "", "TOO LONG"], `${text} by ${step}`);
    }
    assertEquals(split("\nabcde\n", step, 4), ["", "TOO LONG"]);
  }
});
