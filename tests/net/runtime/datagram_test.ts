import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { UnixAddress } from "../../../net/conn.ts";
import { AddressError } from "../../../net/errors.ts";
import { hostFor, isSameUnix, openUdp, openUnixgram } from "../../../net/runtime/datagram.ts";
import { netAddress, unixAddress } from "../../../net/address.ts";

const exists = (path: string) => {
  try {
    return Deno.lstatSync(path).isSocket ?? false;
  } catch {
    return false;
  }
};

const inTempDir = async (body: (dir: string) => Promise<void> | void) => {
  const dir = Deno.makeTempDirSync();
  try {
    await body(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
};

Deno.test("hostFor() tells an IPv6 socket an IPv4 host as a mapped one", () => {
  const dual = netAddress("udp", "::", 1);
  assertEquals(hostFor(dual, "127.0.0.1"), "::ffff:127.0.0.1");
  assertEquals(hostFor(dual, "::1"), "::1");
  assertEquals(hostFor(netAddress("udp", "0.0.0.0", 1), "127.0.0.1"), "127.0.0.1");
});

Deno.test("a received message has an array of its own", async () => {
  const port = openUdp({ hostname: "127.0.0.1", port: 0 });
  await port.send(Uint8Array.of(1), port.addr);
  await port.send(Uint8Array.of(2), port.addr);
  const [first] = await port.receive();
  const [second] = await port.receive();
  port.close();
  assertEquals([first, second], [Uint8Array.of(1), Uint8Array.of(2)]);
  assertEquals(first.buffer.byteLength, 1);
});

Deno.test("closing a unixgram port removes its path, whatever its mode became", async () => {
  await inTempDir((dir) => {
    const path = `${dir}/socket`;
    const port = openUnixgram(path);
    Deno.chmodSync(path, 0o666);
    assert(exists(path));
    port.close();
    assert(!exists(path));
  });
});

Deno.test("closing a unixgram port leaves a path that another socket has taken", async () => {
  await inTempDir(async (dir) => {
    const path = `${dir}/socket`;
    const old = openUnixgram(path);
    Deno.removeSync(path);
    const taken = openUnixgram(path);
    old.close();
    assert(exists(path));
    await taken.send(Uint8Array.of(7), taken.addr);
    assertEquals((await taken.receive())[0], Uint8Array.of(7));
    taken.close();
    assert(!exists(path));
  });
});

Deno.test("a unixgram port without a path has a private directory, gone with it", () => {
  const port = openUnixgram();
  const { path } = port.addr as UnixAddress;
  const dir = path.slice(0, path.lastIndexOf("/"));
  assertEquals((Deno.statSync(dir).mode ?? 0) & 0o777, 0o700);
  port.close();
  assertThrows(() => Deno.statSync(dir), Deno.errors.NotFound);
});

Deno.test({
  name: "an abstract unixgram name carries messages, and is shown with its @",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const name = `@plumb-test-${crypto.randomUUID()}`;
    const port = openUnixgram(name);
    await port.send(Uint8Array.of(7), unixAddress("unixgram", name));
    const [data, from] = await port.receive();
    port.close();
    assertEquals([data, String(from), String(port.addr)], [Uint8Array.of(7), name, name]);
  },
});

Deno.test("a unixgram send while a receive waits is not mistaken for a message", async () => {
  const [one, other] = [openUnixgram(), openUnixgram()];
  let got: unknown;
  const receiving = one.receive().then((packet) => got = packet);
  for (let i = 0; i < 5; i++) {
    await one.send(Uint8Array.of(i), other.addr);
    assertEquals((await other.receive())[0], Uint8Array.of(i));
  }
  assertEquals(got, undefined);
  await other.send(new Uint8Array(0), one.addr); // as short as the wake-up itself
  await receiving;
  assertEquals(got, [new Uint8Array(0), other.addr]);
  one.close();
  other.close();
});

Deno.test("a unixgram send fails, and never hangs, when its own path is gone", async () => {
  await inTempDir(async (dir) => {
    const [one, other] = [openUnixgram(`${dir}/one`), openUnixgram(`${dir}/other`)];
    const receiving = one.receive().catch((error) => error);
    Deno.removeSync(`${dir}/one`);
    await assertRejects(() => one.send(Uint8Array.of(1), other.addr), Deno.errors.NotFound);
    one.close();
    other.close();
    assert(await receiving instanceof Error);
  });
});

Deno.test("a unixgram send takes its own copy, and waits for room at the peer", async () => {
  const [one, other] = [openUnixgram(), openUnixgram()];
  const data = Uint8Array.of(1);
  // More than any queue holds (net.unix.max_dgram_qlen), so that some of them have to wait.
  const sends = Array.from({ length: 600 }, () => one.send(data, other.addr));
  data[0] = 2;
  for (let i = 0; i < sends.length; i++) {
    assertEquals((await other.receive())[0], Uint8Array.of(1));
  }
  assertEquals(await Promise.all(sends), sends.map(() => 1));
  one.close();
  other.close();
});

Deno.test("a path that no socket can have is an AddressError", () => {
  assertThrows(() => openUnixgram(""), AddressError);
  assertThrows(() => openUnixgram("/tmp/" + "x".repeat(200)), AddressError);
});

Deno.test("isSameUnix() knows one socket by two paths", async () => {
  await inTempDir((dir) => {
    const port = openUnixgram(`${dir}/socket`);
    const other = openUnixgram(`${dir}/other`);
    Deno.symlinkSync(`${dir}/socket`, `${dir}/link`);
    assert(isSameUnix(`${dir}/socket`, `${dir}/link`));
    assert(isSameUnix(`${dir}/./socket`, `${dir}/socket`));
    assert(!isSameUnix(`${dir}/other`, `${dir}/socket`));
    assert(!isSameUnix(`${dir}/gone`, `${dir}/lost`));
    assert(!isSameUnix("", `${dir}/socket`));
    port.close();
    other.close();
  });
});
