import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { chunkSize, fileStream, readRange } from "../../../http/files/file_body.ts";
import { assertBytes, encode, pattern } from "../../support/conn_helpers.ts";
import { TempDir } from "./file_support.ts";

function closed(file: Deno.FsFile): boolean {
  try {
    file.statSync();
    return false;
  } catch (error) {
    assert(error instanceof Deno.errors.BadResource);
    return true;
  }
}

Deno.test("readRange() reads that part, and leaves the file open", async () => {
  using dir = new TempDir();
  dir.write({ a: "0123456789" });
  using file = await Deno.open(`${dir.path}/a`);
  assertEquals(await readRange(file, { start: 0, end: 10 }), encode("0123456789"));
  assertEquals(await readRange(file, { start: 3, end: 5 }), encode("34"));
  assertEquals(await readRange(file, { start: 0, end: 0 }), encode(""));
});

Deno.test("readRange() rejects when the file is shorter", async () => {
  using dir = new TempDir();
  dir.write({ a: "0123456789" });
  using file = await Deno.open(`${dir.path}/a`);
  await assertRejects(() => readRange(file, { start: 5, end: 11 }), Error, "became shorter");
});

Deno.test("fileStream() gives a large file in chunks of 64 KiB, and closes it", async () => {
  using dir = new TempDir();
  const content = pattern(2 * chunkSize + 100);
  dir.write({ a: content });
  const file = await Deno.open(`${dir.path}/a`);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of fileStream(file, [{ start: 0, end: content.length }])) {
    chunks.push(chunk);
  }
  assertEquals(chunks.map(({ length }) => length), [chunkSize, chunkSize, 100]);
  assertBytes(await new Blob(chunks).bytes(), content);
  assert(closed(file));
});

Deno.test("fileStream() gives pieces in order, from wherever in the file", async () => {
  using dir = new TempDir();
  dir.write({ a: "0123456789" });
  const file = await Deno.open(`${dir.path}/a`);
  const pieces = [
    encode("<"),
    { start: 7, end: 9 },
    encode("|"),
    { start: 0, end: 3 },
    { start: 3, end: 4 },
    encode(">"),
  ] as Parameters<typeof fileStream>[1];
  assertEquals(await new Response(fileStream(file, pieces)).text(), "<78|0123>");
  assert(closed(file));
});

Deno.test("fileStream() closes the file with the last byte, before the end is asked for", async () => {
  using dir = new TempDir();
  dir.write({ a: "0123456789" });
  const file = await Deno.open(`${dir.path}/a`);
  const reader = fileStream(file, [{ start: 0, end: 10 }]).getReader();
  assertEquals((await reader.read()).value, encode("0123456789"));
  assert(closed(file));
  assertEquals((await reader.read()).done, true);
});

Deno.test("fileStream() reads nothing before it is asked to", async () => {
  using dir = new TempDir();
  dir.write({ a: "0123456789" });
  const file = await Deno.open(`${dir.path}/a`);
  const stream = fileStream(file, [{ start: 2, end: 10 }]);
  await file.stat(); // time for a read to begin
  assertEquals(file.seekSync(0, Deno.SeekMode.Current), 0);
  await stream.cancel();
});

Deno.test("fileStream() closes the file when it is cancelled, before and while it is read", async () => {
  using dir = new TempDir();
  dir.write({ a: pattern(3 * chunkSize) });
  const range = { start: 0, end: 3 * chunkSize };
  const untouched = await Deno.open(`${dir.path}/a`);
  await fileStream(untouched, [range]).cancel();
  assert(closed(untouched));

  const begun = await Deno.open(`${dir.path}/a`);
  const reader = fileStream(begun, [range]).getReader();
  await reader.read();
  const pending = reader.read();
  await reader.cancel("enough");
  assert(closed(begun));
  assertEquals((await pending).done, true);
});

Deno.test("fileStream() fails when the file becomes shorter, and closes it", async () => {
  using dir = new TempDir();
  dir.write({ a: pattern(2 * chunkSize) });
  const file = await Deno.open(`${dir.path}/a`);
  const reader = fileStream(file, [{ start: 0, end: 2 * chunkSize }]).getReader();
  assertEquals((await reader.read()).value?.length, chunkSize);
  Deno.truncateSync(`${dir.path}/a`, chunkSize);
  await assertRejects(() => reader.read(), Error, "became shorter");
  assert(closed(file));
});

Deno.test("fileStream() gives no more of a file that becomes longer", async () => {
  using dir = new TempDir();
  dir.write({ a: "0123456789" });
  const file = await Deno.open(`${dir.path}/a`);
  const stream = fileStream(file, [{ start: 0, end: 10 }]);
  Deno.writeTextFileSync(`${dir.path}/a`, "more", { append: true });
  assertEquals(await new Response(stream).text(), "0123456789");
  assertThrows(() => file.statSync());
});
