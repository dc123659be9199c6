import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import { pipe } from "../../ipc/pipe.ts";
import { ClosedError, OpError, socketpair } from "../../net/mod.ts";
import { assertBytes, encode, mib, pattern, soon } from "../support/conn_helpers.ts";
import { assertNoFdLeak, runDeno, sh, testWith } from "./programs.ts";

const text = (p: Uint8Array) => new TextDecoder().decode(p);

Deno.test("what is written is read, up to the end", async () => {
  await assertNoFdLeak(async () => {
    const { reader, writer } = pipe();
    const data = pattern(mib);
    const [n, got] = await Promise.all([
      writer.write(data).finally(() => writer.close()),
      new Response(reader.readable).bytes(),
    ]);
    assertEquals(n, mib);
    assertBytes(got, data);
  });
});

Deno.test("deadlines end reads and writes, which lose nothing", async () => {
  const { reader, writer } = pipe();
  using _reader = reader;
  using _writer = writer;
  reader.setReadDeadline(Date.now() + soon);
  const late = await assertRejects(() => reader.read(new Uint8Array(8)), OpError);
  assert(isTimeout(late));
  assertEquals(late.message, "read pipe: timed out");
  reader.setReadDeadline(null);

  writer.setWriteDeadline(Date.now() + soon);
  const data = pattern(200_000);
  const stuck = await assertRejects(() => writer.write(data), OpError);
  assert(isTimeout(stuck) && stuck.bytesWritten! >= 65_536, `${stuck.bytesWritten} bytes`);
  writer.setWriteDeadline(null);
  const rest = writer.write(data.subarray(stuck.bytesWritten)).finally(() => writer.close());
  assertBytes(await new Response(reader.readable).bytes(), data);
  await rest;
});

Deno.test("a read's own timeout or signal ends that read alone", async () => {
  const { reader, writer } = pipe();
  const p = new Uint8Array(8);
  await assertRejects(() => reader.read(p, { timeout: soon }), OpError, "timed out");
  const reason = { enough: true };
  const signal = AbortSignal.abort(reason);
  assertStrictEquals(await reader.read(p, { signal }).catch((e) => e), reason);
  assertStrictEquals(await writer.write(p, { signal }).catch((e) => e), reason);
  await writer.write(encode("kept"));
  assertEquals(text(p.subarray(0, (await reader.read(p))!)), "kept");
  reader.close();
  writer.close();
});

Deno.test("writing when nobody reads any more fails with EPIPE", async () => {
  const { reader, writer } = pipe();
  reader.close();
  const error = await assertRejects(() => writer.write(encode("x")), OpError);
  assertEquals([error.code, error.message], ["EPIPE", "write pipe: broken pipe"]);
  writer.close();
});

Deno.test("after close() both ends refuse, and do not tell their descriptor", async () => {
  const { reader, writer } = pipe();
  const reading = assertRejects(() => reader.read(new Uint8Array(1)), ClosedError);
  for (const end of [reader, writer]) {
    end.close();
    end.close();
    assertThrows(() => end.fd, ClosedError);
  }
  await reading;
  await assertRejects(() => writer.write(encode("x")), ClosedError);
});

Deno.test("an end can be passed to another process", async () => {
  const { reader, writer } = pipe();
  const [here, there] = socketpair();
  await here.sendFds(encode("x"), [writer.fd]);
  writer.close();
  const { fds: [fd] } = await there.receiveFds(new Uint8Array(1));
  await using peer = sh(`echo from afar > /proc/${Deno.pid}/fd/${fd}`);
  const p = new Uint8Array(20);
  assertEquals(text(p.subarray(0, (await reader.read(p, { timeout: 20_000 }))!)), "from afar\n");
  await peer.ended();
  for (const end of [here, there, reader]) end.close();
  const { close } = await import("../../sys/mod.ts");
  close(fd);
});

Deno.test("without --allow-ffi the error names the flag", async () => {
  const script = `
    const { pipe } = await load("ipc/pipe.ts");
    try { pipe().reader.close() } catch (e) { show(e) }`;
  const said = "UnsupportedError a pipe of the kernel is not supported here: it needs --allow-ffi";
  assertEquals(await runDeno(script), said);
  assertEquals(await runDeno(script, "--allow-ffi"), "");
});

testWith("sh", "a pending read that was given up does not keep the process alive", async () => {
  const script = `
    const { pipe } = await load("ipc/pipe.ts");
    const { reader, writer } = pipe();
    await reader.read(new Uint8Array(1), { timeout: 10 }).catch(show);
    reader.unref();
    reader.read(new Uint8Array(1));
    globalThis.keep = writer;`;
  assertEquals(await runDeno(script, "--allow-ffi"), "OpError read pipe: timed out");
});
