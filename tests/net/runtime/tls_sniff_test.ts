import { assert, assertEquals, assertRejects } from "@std/assert";
import { pipe } from "../../../net/pipe.ts";
import { isTls, SniffedStream } from "../../../net/runtime/tls_sniff.ts";
import { encode, readText } from "../../support/conn_helpers.ts";

Deno.test("isTls() knows the record that a client begins with", () => {
  assert(isTls(0x16));
  for (const first of [..."GETP\0"].map((char) => char.charCodeAt(0))) assert(!isTls(first));
  assert(!isTls(0x80)); // SSL 2, which is none (RFC 6176)
});

Deno.test("a stream that begins as TLS does is passed on as it is", async () => {
  const [a, b] = pipe();
  using _a = a;
  const sniffed = new SniffedStream(b, encode("told"));
  const p = new Uint8Array(10);
  const written = a.write(new Uint8Array([0x16, 3, 1]));
  assertEquals([await sniffed.read(p), p[0], p[2]], [3, 0x16, 1]);
  await written;
  // Only the first byte says what it is.
  const later = a.write(encode("GET"));
  assertEquals(await sniffed.read(p), 3);
  await later;
  const answered = sniffed.write(encode("answer"));
  assertEquals(await readText(a), "answer");
  assertEquals(await answered, 6);
  await sniffed.closeWrite();
  assertEquals(await readText(a), null);
  sniffed.close();
  await assertRejects(() => b.read(p));
});

Deno.test("an end before the first byte is an end", async () => {
  const [a, b] = pipe();
  using _b = b;
  a.close();
  assertEquals(await new SniffedStream(b, encode("told")).read(new Uint8Array(1)), null);
});

Deno.test("another beginning is answered, and the client given its time to read", async () => {
  const [a, b] = pipe();
  const sniffed = new SniffedStream(b, encode("told"));
  const written = a.write(encode("GET / and quite a lot more"));
  const failed = assertRejects(() => sniffed.read(new Uint8Array(3)), Deno.errors.InvalidData);
  await failed;
  await assertRejects(() => sniffed.write(encode("in TLS")), Deno.errors.InvalidData);
  sniffed.close();
  assertEquals(await readText(a), "told");
  await written; // to the last byte
  assertEquals(await readText(a), null);
  a.close();
  await assertRejects(async () => {
    for (;;) if (await b.read(new Uint8Array(1)) === null) continue;
  });
});

Deno.test("a client that neither reads nor closes is let go of after a while", async () => {
  const [a, b] = pipe();
  using _a = a;
  const sniffed = new SniffedStream(b, undefined);
  const written = a.write(encode("GET"));
  await assertRejects(() => sniffed.read(new Uint8Array(3)), Deno.errors.InvalidData);
  await written;
  assertEquals(await readText(a), null);
  // The other end is closed without a word from this one.
  await assertRejects(async () => {
    for (;;) {
      await a.write(encode("x"));
      await new Promise((resolve) => setTimeout(resolve, 1)); // the clock's turn
    }
  });
});
