import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Deadline } from "../../../deadline.ts";
import type { UnixAddress } from "../../../net/conn.ts";
import { AddressError, ClosedError, OpError } from "../../../net/errors.ts";
import type { StreamListener } from "../../../net/stream_listener.ts";
import {
  connectNativeUnix,
  listenNativeUnix,
  type NativeUnixConn,
  socketpair,
} from "../../../net/native/unix.ts";
import { opError } from "../../../net/runtime/errors.ts";
import { RuntimeUnixConn } from "../../../net/runtime/unix.ts";
import { close, pipe2, read, SyscallError } from "../../../sys/mod.ts";
import { connContract } from "../../support/conn_contract.ts";
import { encode, readText, soon } from "../../support/conn_helpers.ts";
import { assertNoFdLeak, listener, python, readAll, testWith } from "./support.ts";

const directory = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
let names = 0;
const freshPath = () => `${directory}/${names++}`;
const freshAbstract = () => `@plumb-${crypto.randomUUID()}`;

const listenAt = (name: string): StreamListener<unknown, NativeUnixConn> =>
  listener(listenNativeUnix({ name }));
const connectTo = (
  name: string,
  how: Partial<Parameters<typeof connectNativeUnix>[0]> = {},
): Promise<NativeUnixConn> => connectNativeUnix({ name, deadline: new Deadline(), ...how });

const exists = (path: string) =>
  Array.from(Deno.readDirSync(directory)).some(({ name }) => `${directory}/${name}` === path);

connContract("native Unix", async () => {
  const name = freshPath();
  using server = listenAt(name);
  return await Promise.all([connectTo(name), server.accept()]);
}, { buffered: true });

connContract("native socketpair", () => Promise.resolve(socketpair()), { buffered: true });

connContract("native Unix client, runtime server", async () => {
  const path = freshPath();
  using server = Deno.listen({ transport: "unix", path });
  const [a, b] = await Promise.all([connectTo(path), server.accept()]);
  return [a, new RuntimeUnixConn(b)];
}, { buffered: true });

connContract("runtime client, native Unix server", async () => {
  const path = freshPath();
  using server = listenAt(path);
  const [a, b] = await Promise.all([Deno.connect({ transport: "unix", path }), server.accept()]);
  return [new RuntimeUnixConn(a), b];
}, { buffered: true });

for (const [what, fresh] of [["path", freshPath], ["abstract name", freshAbstract]] as const) {
  Deno.test(`both ends know a listener's ${what}`, async () => {
    const name = fresh();
    using server = listenAt(name);
    const addr = server.addr as UnixAddress;
    assertEquals([addr.path, addr.transport, addr.network], [name, "unix", "unix"]);
    using client = await connectTo(name);
    using accepted = await server.accept();
    assertEquals([client.remoteAddr.path, client.localAddr.path], [name, ""]);
    assertEquals([accepted.remoteAddr.path, accepted.localAddr.path], ["", name]);
  });

  Deno.test(`localAddr, as ${what}, is the end the server sees`, async () => {
    const name = fresh();
    using server = listenAt(name);
    const localAddr = fresh();
    using client = await connectTo(name, { localAddr });
    using accepted = await server.accept();
    assertEquals(client.localAddr.path, localAddr);
    assertEquals(accepted.remoteAddr.path, localAddr);
  });
}

Deno.test("a listener's close removes its path, and ends a pending accept", async () => {
  const name = freshPath();
  const server = listenAt(name);
  assert(exists(name));
  const accepting = assertRejects(() => server.accept(), ClosedError);
  server.close();
  await accepting;
  assertEquals(exists(name), false);
});

Deno.test("a listener's close leaves a stranger's path alone", async () => {
  const name = freshPath();
  const server = listenAt(name);
  Deno.removeSync(name);
  using stranger = listenAt(name);
  server.close();
  const [a, b] = await Promise.all([connectTo(name), stranger.accept()]);
  a.close();
  b.close();
});

Deno.test("an existing path is EADDRINUSE, is left alone, and leaves no descriptor", async () => {
  const name = freshPath();
  using _server = listenAt(name);
  await assertNoFdLeak(() => {
    const error = assertThrows(() => listenNativeUnix({ name }), SyscallError);
    assertEquals([error.syscall, error.code], ["bind", "EADDRINUSE"]);
  });
  assert(exists(name));
});

Deno.test("a name that cannot be is an AddressError, before anything is opened", async () => {
  await assertNoFdLeak(async () => {
    for (const name of ["", "a\0b", "x".repeat(108)]) {
      assertThrows(() => listenNativeUnix({ name }), AddressError);
      await assertRejects(() => connectTo(name), AddressError);
    }
  });
});

Deno.test("nobody there is ENOENT or ECONNREFUSED, and leaves neither descriptor nor file", async () => {
  const left = freshPath();
  {
    // A file that a listener has left behind.
    const server = listenAt(left);
    Deno.renameSync(left, `${left}-kept`);
    server.close();
  }
  await assertNoFdLeak(async () => {
    const localAddr = freshPath();
    for (const [name, code] of [[freshPath(), "ENOENT"], [`${left}-kept`, "ECONNREFUSED"]]) {
      const error = await assertRejects(() => connectTo(name, { localAddr }), SyscallError);
      assertEquals([error.syscall, error.code], ["connect", code]);
      assertEquals(exists(localAddr), false);
    }
  });
});

Deno.test("a full backlog is a temporary EAGAIN, and leaves no descriptor", async () => {
  const name = freshPath();
  using _server = listener(listenNativeUnix({ name, backlog: 1 }));
  const queued: NativeUnixConn[] = [];
  let failure: unknown;
  await assertNoFdLeak(async () => {
    while (failure === undefined) {
      await connectTo(name).then((conn) => queued.push(conn), (error) => failure = error);
    }
    for (const conn of queued) conn.close();
  });
  assertInstanceOf(failure, SyscallError);
  assertEquals(failure.code, "EAGAIN");
  const error = opError(failure, { op: "dial", network: "unix", addr: name }) as OpError;
  assertEquals([error.temporary, error.timeout], [true, false]);
});

Deno.test("a deadline that has passed, or an aborted signal, opens nothing", async () => {
  const name = freshPath();
  using server = listenAt(name);
  await assertNoFdLeak(async () => {
    const over = new Deadline({ timeout: -1 });
    await assertRejects(() => connectTo(name, { deadline: over }));
    const reason = { why: "no" };
    const deadline = new Deadline({ signal: AbortSignal.abort(reason) });
    assertStrictEquals(await connectTo(name, { deadline }).catch((error) => error), reason);
  });
  await assertRejects(() => server.accept({ timeout: soon }), OpError);
});

Deno.test("control sees unix and the path, on both sides", async () => {
  const seen: string[] = [];
  const control = (network: string, address: string) => seen.push(`${network} ${address}`);
  const name = freshPath();
  using server = listener(
    listenNativeUnix({ name, control: (...args) => void control(args[0], args[1]) }),
  );
  using _client = await connectTo(name, { control: (...args) => void control(args[0], args[1]) });
  using _accepted = await server.accept();
  assertEquals(seen, [`unix ${name}`, `unix ${name}`]);
});

Deno.test("2,000 connections opened and closed leave the descriptors as they were", async () => {
  await assertNoFdLeak(async () => {
    const name = freshPath();
    using server = listenAt(name);
    for (let i = 0; i < 2_000; i++) {
      using _a = await connectTo(name);
      using _b = await server.accept();
    }
  });
});

Deno.test("peerCredentials() tells this process, user and group", async () => {
  const name = freshPath();
  using server = listenAt(name);
  const [a, b] = await Promise.all([connectTo(name), server.accept()]);
  const self = { pid: Deno.pid, uid: Deno.uid()!, gid: Deno.gid()! };
  assertEquals(a.peerCredentials(), self);
  assertEquals(b.peerCredentials(), self);
  a.close();
  b.close();
  assertThrows(() => a.peerCredentials(), ClosedError);
});

testWith("python", "a Python client is served, known, and passes a descriptor", async () => {
  const name = freshPath();
  using server = listenAt(name);
  await using peer = python(
    `
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
r, w = os.pipe()
os.write(w, b"from python")
socket.send_fds(s, [b"fd"], [r])
s.shutdown(socket.SHUT_WR)
print(len(b"".join(iter(lambda: s.recv(4096), b""))), os.getpid())`,
    name,
  );
  using conn = await server.accept();
  const { n, fds } = await conn.receiveFds(new Uint8Array(8));
  assertEquals([n, fds.length], [2, 1]);
  const p = new Uint8Array(32);
  assertEquals(new TextDecoder().decode(p.subarray(0, read(fds[0], p)!)), "from python");
  close(fds[0]);
  assertEquals(await readAll(conn), "");
  await conn.write(new Uint8Array(50_000));
  const { pid } = conn.peerCredentials();
  await conn.closeWrite();
  assertEquals(await peer.line(), `50000 ${pid}`);
  await peer.ended();
});

testWith("python", "a Python server is dialled, and takes a descriptor", async () => {
  const name = freshAbstract();
  await using peer = python(
    `
import os, socket, sys
l = socket.socket(socket.AF_UNIX)
l.bind("\\0" + sys.argv[1][1:])
l.listen()
print("listening")
c, _ = l.accept()
data, fds, _, _ = socket.recv_fds(c, 100, 4)
print(data.decode(), len(fds))
os.write(fds[0], b"written by python")
c.sendall(b"done")`,
    name,
  );
  assertEquals(await peer.line(), "listening");
  using conn = await connectTo(name);
  const [reader, writer] = pipe2();
  await conn.sendFds(encode("take"), [writer]);
  close(writer);
  assertEquals(await peer.line(), "take 1");
  assertEquals(await readText(conn), "done");
  const p = new Uint8Array(32);
  assertEquals(new TextDecoder().decode(p.subarray(0, read(reader, p)!)), "written by python");
  close(reader);
  await peer.ended();
});
