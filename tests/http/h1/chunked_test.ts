import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProtocolError } from "../../../http/errors.ts";
import { ChunkedDecoder } from "../../../http/h1/chunked.ts";
import { bytesOf, textOf } from "./drive.ts";

/** Decodes whole bytes, in as many calls as it takes. */
function decode(decoder: ChunkedDecoder, text: string): string {
  const bytes = bytesOf(text);
  let data = "";
  let at = 0;
  for (;;) {
    const what = decoder.next(bytes, at, bytes.length);
    at = decoder.position;
    if (what !== "data") return data;
    data += textOf(bytes.subarray(decoder.dataStart, at));
  }
}

function refusal(text: string): ProtocolError {
  return assertThrows(() => decode(new ChunkedDecoder(), text), ProtocolError);
}

Deno.test("a decoder consumes the message and not a byte more", () => {
  const bytes = bytesOf("--2\r\nhi\r\n0\r\nX: 1\r\n\r\nGET /");
  const decoder = new ChunkedDecoder();
  assertEquals(decoder.next(bytes, 2, bytes.length), "data");
  assertEquals([decoder.dataStart, decoder.position, decoder.remaining], [5, 7, 0]);
  assertEquals(decoder.trailers, []);
  assertEquals(decoder.next(bytes, 7, bytes.length), "end");
  assertEquals(bytes.length - decoder.position, "GET /".length);
  assertEquals(decoder.trailers, ["X", "1"]);
  assertEquals(decoder.next(bytes, decoder.position, bytes.length), "end");
  assertEquals(bytes.length - decoder.position, "GET /".length);
});

Deno.test("a decoder asks for more with everything consumed", () => {
  const bytes = bytesOf("5\r\nhel");
  const decoder = new ChunkedDecoder();
  assertEquals(decoder.next(bytes, 0, 0), "more");
  assertEquals(decoder.next(bytes, 0, 2), "more");
  assertEquals(decoder.position, 2);
  assertEquals(decoder.next(bytes, 2, 6), "data");
  assertEquals(decoder.remaining, 2);
  assertEquals(decoder.next(bytes, 6, 6), "more");
  assertEquals(decoder.position, 6);
});

Deno.test("data may be taken from elsewhere, up to the end of the chunk", () => {
  const decoder = new ChunkedDecoder();
  assertEquals(decode(decoder, "5\r\nh"), "h");
  assertEquals(decoder.remaining, 4);
  assertThrows(() => decoder.skip(5), RangeError, "skip(5): must be 0 to 4");
  assertThrows(() => decoder.skip(-1), RangeError, "skip(-1)");
  assertThrows(() => decoder.skip(NaN), RangeError, "skip(NaN)");
  decoder.skip(3);
  decoder.skip(0);
  decoder.skip(1);
  assertEquals(decoder.remaining, 0);
  assertThrows(() => decoder.skip(1), RangeError, "must be 0 to 0");
  assertEquals(decoder.next(bytesOf("\r"), 0, 1), "more");
  assertEquals(decode(decoder, "\n1\r\n!\r\n0\r\n\r\n"), "!");
  assertEquals(decoder.next(new Uint8Array(0), 0, 0), "end");
});

Deno.test("a size may be 2^53-1 and not one more", () => {
  const decoder = new ChunkedDecoder();
  assertEquals(decode(decoder, "1fffffffffffff\r\nx"), "x");
  assertEquals(decoder.remaining, 2 ** 53 - 2);
  assertEquals(refusal("20000000000000\r\n").code, "ERR_HTTP_CHUNK_SIZE");
});

Deno.test("honest chunks of one byte are accepted without end", () => {
  assertEquals(decode(new ChunkedDecoder(), "1\r\nx\r\n".repeat(100_000)).length, 100_000);
  // Some servers pad the size to four digits, to fill it in later.
  assertEquals(decode(new ChunkedDecoder(), "0001\r\nx\r\n".repeat(20_000)).length, 20_000);
});

Deno.test("extensions may run 16 KiB ahead of the data, over all chunks", () => {
  const chunk = (extension: number, data: number) =>
    `${data.toString(16)};${"e".repeat(extension)}\r\n${"x".repeat(data)}\r\n`;
  assertEquals(refusal(chunk(16_400, 1)).code, "ERR_HTTP_CHUNK_OVERHEAD");
  assertEquals(decode(new ChunkedDecoder(), chunk(16_300, 1)).length, 1);
  assertEquals(refusal(chunk(100, 1).repeat(200)).code, "ERR_HTTP_CHUNK_OVERHEAD");
  // What data has paid for is forgotten, and what it pays beyond that is not saved up.
  assertEquals(decode(new ChunkedDecoder(), chunk(100, 200).repeat(400)).length, 80_000);
  assertEquals(refusal(chunk(1, 60_000) + chunk(16_400, 1)).code, "ERR_HTTP_CHUNK_OVERHEAD");
});

Deno.test("leading zeros count as overhead", () => {
  assertEquals(refusal("0000000000000001\r\nx\r\n".repeat(2000)).code, "ERR_HTTP_CHUNK_OVERHEAD");
});

Deno.test("the trailer section has limits", () => {
  const trailers = "A: 1\r\nB: 2\r\n\r\n";
  const run = (limits: ConstructorParameters<typeof ChunkedDecoder>[0]) => {
    const decoder = new ChunkedDecoder(limits);
    decode(decoder, `0\r\n${trailers}`);
    return decoder.trailers;
  };
  const whole = ["A", "1", "B", "2"];
  assertEquals(run({ maxHeadBytes: trailers.length, maxHeaders: 2 }), whole);
  const error = assertThrows(() => run({ maxHeadBytes: trailers.length - 1 }), ProtocolError);
  assertEquals([error.code, error.status], ["ERR_HTTP_TRAILERS_TOO_LARGE", 431]);
  assertEquals(assertThrows(() => run({ maxHeaders: 1 }), ProtocolError).status, 431);
});

Deno.test("a trailer that means something for the message is refused by name", () => {
  const error = refusal("0\r\nX: 1\r\nContent-length: 5\r\n\r\n");
  assertEquals(error.code, "ERR_HTTP_TRAILER");
  assert(error.message.includes('"Content-length"'), error.message);
});
