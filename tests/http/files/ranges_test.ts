import { assertEquals } from "@std/assert";
import { type ByteRange, contentRange, multipart, parseRange } from "../../../http/files/ranges.ts";

type Pair = [start: number, end: number];
const pairs = (ranges: ByteRange[] | undefined) =>
  ranges?.map(({ start, end }): Pair => [start, end]);

const cases: [field: string, ranges: Pair[] | undefined, why: string][] = [
  ["bytes=0-0", [[0, 1]], "one byte"],
  ["bytes=10-19", [[10, 20]], "the last byte counts"],
  ["bytes=90-", [[90, 100]], "from there on"],
  ["bytes=90-1000", [[90, 100]], "no more than there is"],
  ["bytes=-10", [[90, 100]], "the last ten"],
  ["bytes=-1000", [[0, 100]], "no more than there is, from the end"],
  ["BYTES=1-2", [[1, 3]], "units in any case"],
  ["bytes= 1-2 ,, 5-6 ,", [[1, 3], [5, 7]], "blanks and empty items of a list"],
  ["bytes=50-59,10-19", [[50, 60], [10, 20]], "in the order asked for"],
  ["bytes=50-59,10-19,15-20", [[10, 21], [50, 60]], "what overlaps is joined"],
  ["bytes=0-9,10-19", [[0, 20]], "what touches is joined"],
  ["bytes=0-,0-,0-,0-", [[0, 100]], "the same again and again is once"],
  ["bytes=5-6,200-", [[5, 7]], "what is not there is left out"],
  ["bytes=100-", [], "behind the end"],
  ["bytes=-0", [], "no byte at all"],
  ["bytes=200-300,-0", [], "none of several"],
  ["bytes=99999999999999999999-", [], "a number beyond all"],
  ["bytes=2-1", undefined, "an end before the start"],
  ["bytes=-", undefined, "no number"],
  ["bytes=a-b", undefined, "no numbers"],
  ["bytes=0-1;2-3", undefined, "another separator"],
  ["bytes=+1-2", undefined, "a sign"],
  ["bytes=0x1-2", undefined, "another base"],
  ["bytes=1-2,x", undefined, "one bad item"],
  ["bytes=", undefined, "an empty list"],
  ["bytes 0-1", undefined, "no equals sign"],
  ["lines=0-1", undefined, "another unit"],
];

for (const [field, ranges, why] of cases) {
  Deno.test(`parseRange() of "${field}": ${why}`, () => {
    assertEquals(pairs(parseRange(field, 100)), ranges);
  });
}

Deno.test("parseRange() ignores the field for an empty file", () => {
  assertEquals(parseRange("bytes=0-", 0), undefined);
});

Deno.test("parseRange() takes 64 ranges and ignores more", () => {
  const field = (n: number) => `bytes=${Array.from({ length: n }, (_, i) => `${2 * i}-${2 * i}`)}`;
  assertEquals(parseRange(field(64), 1_000)?.length, 64);
  assertEquals(parseRange(field(65), 1_000), undefined);
});

Deno.test("contentRange() names the last byte, or the size alone", () => {
  assertEquals(contentRange({ start: 10, end: 20 }, 100), "bytes 10-19/100");
  assertEquals(contentRange(undefined, 100), "bytes */100");
});

Deno.test("multipart() frames the ranges and counts every byte", () => {
  const { type, pieces, length } = multipart(
    [{ start: 5, end: 7 }, { start: 0, end: 1 }],
    10,
    "text/plain; charset=utf-8",
  );
  const boundary = type.replace("multipart/byteranges; boundary=", "");
  const text = pieces.map((piece) =>
    piece instanceof Uint8Array
      ? new TextDecoder().decode(piece)
      : "0123456789".slice(piece.start, piece.end)
  ).join("");
  const part = `--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes`;
  assertEquals(
    text,
    `${part} 5-6/10\r\n\r\n56\r\n${part} 0-0/10\r\n\r\n0\r\n--${boundary}--\r\n`,
  );
  assertEquals(length, text.length);
});
