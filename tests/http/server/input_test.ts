import { assert, assertEquals } from "@std/assert";
import { Input } from "../../../http/server/input.ts";

/** Gives the pieces one after the other, as far as the reader has room. */
function source(...pieces: string[]) {
  let rest = pieces.map((piece) => new TextEncoder().encode(piece));
  return {
    read(p: Uint8Array): Promise<number | null> {
      const [piece] = rest;
      if (piece === undefined) return Promise.resolve(null);
      const n = Math.min(p.length, piece.length);
      p.set(piece.subarray(0, n));
      rest = n === piece.length ? rest.slice(1) : [piece.subarray(n), ...rest.slice(1)];
      return Promise.resolve(n);
    },
  };
}

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function fill(input: Input, from: ReturnType<typeof source>): Promise<void> {
  const n = await input.fill(from); // may move the end
  input.end += n!;
}

Deno.test("an input gathers what comes in pieces", async () => {
  const input = new Input(64);
  const from = source("one ", "two");
  await fill(input, from);
  await fill(input, from);
  assertEquals(decode(input.take(100)), "one two");
  assertEquals(input.length, 0);
});

Deno.test("an input grows when one message fills it, and shrinks again after it", async () => {
  const input = new Input(64);
  const text = "x".repeat(1000);
  const from = source(text, "y");
  while (input.length < text.length) await fill(input, from);
  assert(input.buffer.length >= 1000);
  assertEquals(decode(input.take(1000)), text);
  await fill(input, from);
  assertEquals([decode(input.take(1)), input.buffer.length], ["y", 64]);
});

Deno.test("an input moves what is left to the front when that makes room", async () => {
  const input = new Input(64);
  const from = source("a".repeat(60) + "bcde", "f".repeat(50));
  await fill(input, from);
  input.take(60);
  await fill(input, from);
  assertEquals([input.buffer.length, decode(input.take(100))], [64, "bcde" + "f".repeat(50)]);
});

Deno.test("what an input gives is the taker's own", async () => {
  const input = new Input(64);
  const from = source("first", "second");
  await fill(input, from);
  const first = input.take(5);
  await fill(input, from);
  assertEquals([decode(first), decode(input.take(6))], ["first", "second"]);
});
