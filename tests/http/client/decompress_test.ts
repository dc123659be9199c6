import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import * as zlib from "node:zlib";
import {
  canDecompress,
  decompress,
  type DecompressOptions,
} from "../../../http/client/decompress.ts";
import { BodyTooLargeError, ProtocolError } from "../../../http/errors.ts";
import { settle } from "../../support/fake_clock.ts";
import { FakeBody } from "./fake_transport.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const text = "hello, compressed world. ".repeat(40);
const plain = new TextEncoder().encode(text);

/** Each coding as it is named in the field, with an encoder of its own. */
const encoders: [name: string, encode: (bytes: Uint8Array) => Bytes][] = [
  ["gzip", (bytes) => new Uint8Array(zlib.gzipSync(bytes))],
  ["deflate", (bytes) => new Uint8Array(zlib.deflateSync(bytes))],
  ["deflate", (bytes) => new Uint8Array(zlib.deflateRawSync(bytes))],
  ["br", (bytes) => new Uint8Array(zlib.brotliCompressSync(bytes))],
];
const gzip = encoders[0][1];

function decode(chunks: Bytes[], encoding: string, options?: DecompressOptions) {
  const source = new FakeBody(chunks);
  return { source, body: decompress(source, encoding, options) };
}

/** Reads piece by piece, as a stream would. */
async function readPieces(body: { read(): Promise<Bytes | null> }): Promise<string> {
  const parts: Bytes[] = [];
  for (let part; (part = await body.read()) !== null;) {
    assert(part.length > 0);
    parts.push(part);
  }
  return await new Blob(parts).text();
}

function slices(bytes: Bytes, size: number): Bytes[] {
  return Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, i) => bytes.slice(i * size, (i + 1) * size),
  );
}

async function rejection(chunks: Bytes[], encoding: string): Promise<string> {
  const { source, body } = decode(chunks, encoding);
  const error = await assertRejects(() => readPieces(body), ProtocolError);
  assertEquals(error.code, "ERR_HTTP_CONTENT_ENCODING");
  assertEquals(await body.read().catch((again) => again), error); // and ever after
  assertEquals(source.cancelled?.reason, error);
  return error.message;
}

Deno.test("decompress() undoes each coding, however the bytes are cut", async () => {
  for (const [name, encode] of encoders) {
    const bytes = encode(plain);
    for (const size of [1, 2, 7, bytes.length]) {
      assertEquals(await readPieces(decode(slices(bytes, size), name).body), text, name);
      const { body } = decode(slices(bytes, size), name);
      assertEquals(new TextDecoder().decode(await body.readAll()), text, name);
      assertEquals(await body.read(), null);
    }
  }
});

Deno.test("decompress() does not alter long and random bytes", async () => {
  const random = new Uint8Array(300_000);
  for (let at = 0; at < random.length; at += 60_000) {
    crypto.getRandomValues(random.subarray(at, at + 60_000));
  }
  const mixed = await new Blob([random, new Uint8Array(700_000), random]).bytes();
  for (const [name, encode] of encoders) {
    const { body } = decode(slices(encode(mixed), 65_536), name);
    assertEquals(zlib.crc32(await body.readAll()), zlib.crc32(mixed), name);
  }
});

Deno.test("decompress() takes the names in any case, and refuses those it does not know", () => {
  for (const name of ["gzip", "GZIP", "x-gzip", "deflate", " br "]) assert(canDecompress(name));
  for (const name of ["", "identity", "zstd", "compress", "gzip, br", "constructor"]) {
    assert(!canDecompress(name));
    assertThrows(() => decode([], name), TypeError, "content coding");
  }
});

Deno.test("decompress() rejects a body that is cut anywhere, and never ends it quietly", async () => {
  const random = crypto.getRandomValues(new Uint8Array(40));
  for (const [name, encode] of encoders) {
    const bytes = encode(random);
    for (let end = 1; end < bytes.length; end++) {
      await rejection([bytes.slice(0, end)], name);
    }
  }
});

Deno.test("decompress() rejects bytes behind the end, together with it or later", async () => {
  for (const [name, encode] of encoders) {
    const bytes = encode(plain);
    for (const behind of [Uint8Array.of(0), new Uint8Array(8), Uint8Array.of(1, 2, 3)]) {
      await rejection([bytes, behind], name);
      await rejection([new Uint8Array([...bytes, ...behind])], name);
    }
  }
});

Deno.test("decompress() rejects what is not of the coding", async () => {
  for (const [name] of encoders) await rejection([new TextEncoder().encode("<html></html>")], name);
  const bad = gzip(plain);
  bad[bad.length - 6] ^= 1; // the checksum
  await rejection([bad], "gzip");
  await rejection([Uint8Array.of(0x78)], "deflate");
});

Deno.test("decompress() reads gzip of several members", async () => {
  const [one, two] = [
    gzip(new TextEncoder().encode("one ")),
    gzip(new TextEncoder().encode("two")),
  ];
  assertEquals(await readPieces(decode([one, two], "gzip").body), "one two");
  assertEquals(
    await readPieces(decode([new Uint8Array([...one, ...two])], "gzip").body),
    "one two",
  );
  await rejection([one, two.slice(0, -1)], "gzip");
});

Deno.test("decompress() of no bytes is no bytes, and of an empty body too", async () => {
  for (const [name, encode] of encoders) {
    assertEquals(await readPieces(decode([], name).body), "");
    assertEquals((await decode([encode(new Uint8Array())], name).body.readAll()).length, 0);
  }
});

Deno.test("decompress() ends a body that grows too far, before it has grown further", async () => {
  const bomb = slices(gzip(new Uint8Array(64 << 20)), 1024);
  const big = 32 << 20;
  const table: [DecompressOptions, limit: number | undefined][] = [
    [{}, big],
    [{ maxDecompressedBytes: 1_000_000 }, 1_000_000],
    [{ maxDecompressedBytes: 1_000_000, maxExpansion: 0 }, 1_000_000],
    [{ maxExpansion: 2000 }, undefined],
    [{ maxExpansion: 0 }, undefined],
  ];
  for (const [options, limit] of table) {
    const { source, body } = decode(bomb, "gzip", options);
    let got = 0;
    const error = await (async () => {
      for (let part; (part = await body.read()) !== null;) got += part.length;
    })().catch((error) => error);
    if (limit === undefined) {
      assertEquals([error, got], [undefined, 64 << 20]);
    } else {
      assertInstanceOf(error, BodyTooLargeError);
      assertEquals(error.limit, limit);
      assert(got <= limit);
      assert(source.reads < bomb.length);
      assert(source.cancelled !== undefined);
    }
  }
});

Deno.test("decompress() lets plain text grow as it will", async () => {
  const text = new TextEncoder().encode(
    "to be or not to be, that is the question. ".repeat(1 << 20),
  );
  const noisy = text.map((byte, i) => i % 97 === 0 ? i >> 3 : byte);
  const { body } = decode(slices(gzip(noisy), 65_536), "gzip");
  assertEquals((await body.readAll()).length, noisy.length);
});

Deno.test("decompress() reads no more than is asked for", async () => {
  const source = new FakeBody(slices(gzip(new Uint8Array(8 << 20)), 512));
  const body = decompress(source, "gzip");
  assertEquals(source.reads, 0);
  await body.read();
  assert(source.reads <= 2, `${source.reads} reads`);
  body.cancel("enough");
  assertEquals(source.cancelled?.reason, "enough");
  assertEquals(await body.read(), null);
});

Deno.test("decompress() cancelled while it waits lets go of the reader", async () => {
  for (const first of [[], [gzip(plain).slice(0, 20)]]) {
    const source = new FakeBody([...first, "stall"]);
    const body = decompress(source, "gzip");
    const pending = body.read();
    await settle();
    body.cancel();
    assert(source.cancelled !== undefined);
    void pending.catch(() => {});
  }
});

Deno.test("decompress() passes on how its source fails", async () => {
  const mine = new Error("connection reset");
  const body = decompress(new FakeBody([gzip(plain).slice(0, 20), mine]), "gzip");
  for (let i = 0; i < 2; i++) {
    assertEquals(await body.readAll().catch((error) => error), mine);
  }
});

Deno.test("decompress() gives arrays of the caller's own", async () => {
  const { body } = decode([gzip(crypto.getRandomValues(new Uint8Array(60_000)))], "gzip");
  const buffers = new Set<ArrayBuffer>();
  let parts = 0;
  for (let part; (part = await body.read()) !== null; parts++) {
    assertEquals([part.byteOffset, part.byteLength], [0, part.buffer.byteLength]);
    buffers.add(part.buffer);
  }
  assertEquals(buffers.size, parts);
});
