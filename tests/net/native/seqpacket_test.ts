import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { Deadline } from "../../../deadline.ts";
import { AddressError, ClosedError, OpError } from "../../../net/errors.ts";
import {
  connectNativeSeqpacket,
  listenNativeSeqpacket,
  seqpacketPair,
} from "../../../net/native/seqpacket.ts";
import type { NativeSeqpacketConn } from "../../../net/native/seqpacket_conn.ts";
import { close, pipe2, read, SyscallError, write } from "../../../sys/mod.ts";
import { connContract } from "../../support/conn_contract.ts";
import { assertTimeout, encode, readText, soon } from "../../support/conn_helpers.ts";
import { settle } from "../../support/fake_clock.ts";
import { assertNoFdLeak, deno, listener, Peer, python, source, testWith } from "./support.ts";

const fresh = () => `@plumb-${crypto.randomUUID()}`;
const dial = (name: string, localAddr?: string) =>
  connectNativeSeqpacket({ name, localAddr, deadline: new Deadline() });
const listen = (name: string) => listener(listenNativeSeqpacket({ name }));
/** For the scope of a test. */
const pair = () => {
  const [a, b] = seqpacketPair();
  return { a, b, [Symbol.dispose]: () => (a.close(), b.close()) };
};

connContract("native unixpacket", async () => {
  using server = listen(fresh());
  return await Promise.all([dial(String(server.addr)), server.accept()]);
}, { messages: true, buffered: true });

connContract("a unixpacket socketpair", () => Promise.resolve(seqpacketPair()), {
  messages: true,
  buffered: true,
});

Deno.test("empty messages before the end are told from the end", async () => {
  using ends = pair();
  const { a, b } = ends;
  for (const message of ["", "x", "", ""]) await a.write(encode(message));
  a.close();
  for (const message of ["", "x", "", "", null, null]) assertEquals(await readText(b), message);
});

Deno.test("a read takes one message and drops what does not fit", async () => {
  using ends = pair();
  const { a, b } = ends;
  for (const message of ["abcdef", "next", "third"]) await a.write(encode(message));
  const p = new Uint8Array(4);
  assertEquals(await b.readMessage(p), { n: 4, truncated: true });
  assertEquals(p, encode("abcd"));
  assertEquals(await b.readMessage(p), { n: 4, truncated: false });
  assertEquals(await readText(b), "third");
  assertEquals(await b.read(new Uint8Array(0)), 0);
  await a.closeWrite();
  assertEquals(await b.readMessage(p), { n: null, truncated: false });
});

Deno.test("a message that is too long fails with EMSGSIZE, and the connection works on", async () => {
  using ends = pair();
  const { a, b } = ends;
  const error = await assertRejects(() => a.write(new Uint8Array(2 ** 24)), OpError);
  assertEquals([error.code, error.bytesWritten], ["EMSGSIZE", 0]);
  const big = new Uint8Array(150_000).fill(9);
  await a.write(big);
  const p = new Uint8Array(200_000);
  assertEquals(await b.read(p), big.length);
  assertEquals(p.subarray(0, big.length), big);
});

Deno.test("closeWrite() ends one direction, after the writes before it", async () => {
  using ends = pair();
  const { a, b } = ends;
  const message = new Uint8Array(50_000);
  const writes = Array.from({ length: 20 }, () => a.write(message));
  const ending = a.closeWrite();
  assertEquals((await assertRejects(() => a.write(message), OpError)).code, "EPIPE");
  const p = new Uint8Array(60_000);
  for (let i = 0; i < 20; i++) assertEquals(await b.read(p), 50_000);
  assertEquals([await b.read(p), await b.read(p)], [null, null]);
  await Promise.all([...writes, ending]);
  await b.write(encode("back"));
  assertEquals(await readText(a), "back");
  await a.closeWrite();
});

Deno.test("a write that gives up is not sent at all, and those behind it are", async () => {
  using ends = pair();
  const { a, b } = ends;
  const message = new Uint8Array(100_000);
  const first = [a.write(message), a.write(message), a.write(message)];
  const given = assertTimeout("write", a.write(encode("never"), { timeout: soon }));
  const last = a.write(encode("last"));
  assertEquals((await given).bytesWritten, 0);
  const p = new Uint8Array(200_000);
  for (const _ of first) assertEquals(await b.read(p), 100_000);
  assertEquals(await readText(b), "last");
  await Promise.all([...first, last]);
});

Deno.test("close() ends a stuck write and those behind it with ClosedError", async () => {
  using ends = pair();
  const { a } = ends;
  const writes = Promise.allSettled(
    Array.from({ length: 20 }, () => a.write(new Uint8Array(100_000))),
  );
  a.close();
  const last = (await writes).at(-1)!;
  assert(last.status === "rejected");
  assertInstanceOf(last.reason, ClosedError);
  await assertRejects(() => a.closeWrite(), ClosedError);
  assertThrows(() => a.peerCredentials(), ClosedError);
  assertThrows(() => a.setDeadline(null), ClosedError);
});

Deno.test("after the peer's close() what it wrote is read, then the reset if it left unread", async () => {
  using ends = pair();
  const { a, b } = ends;
  await b.write(encode("unread"));
  await a.write(encode("for you"));
  a.close();
  assertEquals(await readText(b), "for you");
  for (let i = 0; i < 2; i++) {
    assertEquals((await assertRejects(() => readText(b), OpError)).code, "ECONNRESET");
  }
  assertEquals((await assertRejects(() => b.write(encode("x")), OpError)).code, "EPIPE");
});

Deno.test("descriptors travel with a message, and a plain read closes them", async () => {
  await assertNoFdLeak(async () => {
    using ends = pair();
    const { a, b } = ends;
    const [reader, writer] = pipe2();
    assertEquals(await a.sendFds(encode("take"), [writer]), 4);
    await a.sendFds(encode(""), [writer, writer]);
    await a.sendFds(encode("dropped"), [writer]);
    await a.sendFds(encode("never read"), [writer]);
    close(writer);
    const p = new Uint8Array(10);
    const first = await b.receiveFds(p);
    assertEquals([first.n, first.fds.length, first.truncated], [4, 1, false]);
    write(first.fds[0], encode("through"));
    assertEquals(read(reader, p), 7);
    const second = await b.receiveFds(p);
    assertEquals([second.n, second.fds.length], [0, 2]);
    assertEquals(await readText(b), "dropped");
    for (const fd of [...first.fds, ...second.fds, reader]) close(fd);
    const error = await assertRejects(() => a.sendFds(encode("x"), [999_999]), OpError);
    assertEquals(error.code, "EBADF");
    // A message that came for a reader who has left is let go of by close().
    assertEquals(await readText(b), "never read");
    await assertTimeout("read", b.read(p, { timeout: 1 }));
    await a.sendFds(encode("parked"), [a, b].map(() => 0));
    await settle();
  });
});

Deno.test("peerCredentials() says who is at the other end", () => {
  using ends = pair();
  const { pid, uid } = ends.a.peerCredentials();
  assertEquals([pid, uid], [Deno.pid, Deno.uid()]);
});

Deno.test("a listener removes its own path, and nobody else's", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/s`;
  const first = listen(path);
  assertThrows(() => listen(path), SyscallError, "EADDRINUSE");
  Deno.removeSync(path);
  const second = listen(path);
  first.close();
  {
    using conn = await dial(path);
    using accepted = await second.accept();
    assertEquals([String(conn.remoteAddr), String(accepted.localAddr)], [path, path]);
    assertEquals([conn.remoteAddr.network, conn.localAddr.path], ["unixpacket", ""]);
  }
  const waiting = assertRejects(() => second.accept(), ClosedError);
  second.close();
  await waiting;
  assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);
  const missing = await assertRejects(() => dial(path, `${dir}/local`), SyscallError);
  assertEquals(missing.code, "ENOENT");
  assertThrows(() => Deno.lstatSync(`${dir}/local`), Deno.errors.NotFound);
  await assertRejects(() => dial(""), AddressError);
  await Deno.remove(dir);
});

Deno.test("a dialled connection may have a name of its own", async () => {
  using server = listen(fresh());
  const name = fresh();
  using client = await dial(String(server.addr), name);
  using accepted = await server.accept();
  assertEquals([String(client.localAddr), String(accepted.remoteAddr)], [name, name]);
});

Deno.test("a stream listener is not a unixpacket one", async () => {
  const dir = await Deno.makeTempDir();
  {
    using _stream = Deno.listen({ transport: "unix", path: `${dir}/s` });
    assertEquals((await assertRejects(() => dial(`${dir}/s`), SyscallError)).code, "EPROTOTYPE");
  }
  await Deno.remove(dir, { recursive: true });
});

Deno.test("10,000 connections opened and closed leave no descriptor", async () => {
  await assertNoFdLeak(() => {
    for (let i = 0; i < 5_000; i++) seqpacketPair().forEach((end) => end.close());
  });
});

Deno.test("idle connections, listeners and finished waits keep no process alive", async () => {
  await using child = deno(
    `
    import { listenNativeSeqpacket, seqpacketPair } from "${source("net/native/seqpacket.ts")}";
    listenNativeSeqpacket({ name: "${fresh()}" });
    const [a, b] = seqpacketPair();
    await a.read(new Uint8Array(1), { timeout: 10 }).catch((error) => console.log(error.code));
    await b.write(new Uint8Array(1));
    console.log(await a.read(new Uint8Array(1)));
    const begun = performance.now();
    globalThis.addEventListener("unload", () => console.log(performance.now() - begun < 100));
    `,
    "-A",
  );
  assertEquals([await child.line(), await child.line()], ["ETIMEDOUT", "1"]);
  assertEquals(await child.line(), "true");
  await child.ended();
});

async function exchange(conn: NativeSeqpacketConn): Promise<void> {
  for (const message of ["hello", "", "x".repeat(1000)]) {
    await conn.write(encode(message));
    assertEquals(await readText(conn), message);
  }
  await conn.closeWrite();
  assertEquals(await readText(conn), "bye");
  assertEquals(await readText(conn), null);
}

const echo = `
for n in (5, 0, 1000):
    data = c.recv(70000)
    assert len(data) == n
    c.send(data)
assert c.recv(100) == b""
c.send(b"bye")
c.close()
`;

testWith("python", "Python's SOCK_SEQPACKET serves us", async () => {
  const name = fresh();
  await using peer = python(
    `
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind("\\0${name.slice(1)}")
s.listen()
print("ready")
c, _ = s.accept()
` + echo,
  );
  await peer.line();
  using conn = await dial(name);
  await exchange(conn);
  assertEquals(conn.peerCredentials().pid > 0, true);
  await peer.ended();
});

testWith("python", "Python's SOCK_SEQPACKET is served by us", async () => {
  const name = fresh();
  using server = listen(name);
  await using peer = python(
    `
import socket
c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
c.connect("\\0${name.slice(1)}")
` + echo,
  );
  using conn = await server.accept();
  await exchange(conn as NativeSeqpacketConn);
  await peer.ended();
});

const socat = (() => {
  try {
    return new Deno.Command("socat", { args: ["-V"], stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
})();

Deno.test({
  name: `socat's SEQPACKET echoes what we write${socat ? "" : " (skipped: no socat here)"}`,
  ignore: !socat,
  fn: async () => {
    const name = fresh();
    using server = listen(name);
    await using peer = new Peer("socat", [
      `ABSTRACT-CONNECT:${name.slice(1)},socktype=5`,
      "EXEC:cat",
    ]);
    using conn = await server.accept();
    await conn.write(encode("round"));
    assertEquals(await readText(conn), "round");
    await conn.closeWrite();
    assertEquals(await readText(conn), null);
    await peer.ended();
  },
});
