import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { netAddress, unixAddress } from "../../../net/address.ts";
import type { Conn, NetAddress, UnixAddress } from "../../../net/conn.ts";
import { AddressError, ClosedError, OpError } from "../../../net/errors.ts";
import { openNativeUdp, openNativeUnixgram } from "../../../net/native/datagram.ts";
import type { NativePort } from "../../../net/native/datagram_port.ts";
import { ConnectedPacketConn, UnconnectedPacketConn } from "../../../net/packet_conn.ts";
import {
  getsockopt,
  setsockopt,
  SO_RCVBUF,
  SO_SNDBUF,
  SOL_SOCKET,
  SyscallError,
} from "../../../sys/mod.ts";
import { connContract } from "../../support/conn_contract.ts";
import { encode, readText } from "../../support/conn_helpers.ts";
import { settle } from "../../support/fake_clock.ts";
import { assertNoFdLeak, deno, portOf, python, source, testWith } from "./support.ts";

const text = (data: Uint8Array) => new TextDecoder().decode(data);
const udp = (hostname: string, peer?: NetAddress) => openNativeUdp({ hostname, port: 0, peer });
const unconnected = (port: NativePort) =>
  new UnconnectedPacketConn(port.addr.network, port, (addr) => addr as NetAddress);
const connected = (port: NativePort) =>
  new ConnectedPacketConn(port.addr.network, port, port.peer!);
const tempPath = (dir: string, name: string) => `${dir}/${name}`;

/** Two UDP sockets connected to each other: one is bound first, and its port taken over. */
function udpPair(hostname: string): Promise<[Conn, Conn]> {
  const first = udp(hostname);
  const b = openNativeUdp({ hostname, port: 0, peer: first.addr as NetAddress });
  const { port } = first.addr as NetAddress;
  first.close();
  const a = openNativeUdp({ hostname, port, peer: b.addr as NetAddress });
  return Promise.resolve([connected(a), connected(b)]);
}

for (const [name, hostname] of [["udp4", "127.0.0.1"], ["udp6", "::1"]]) {
  connContract(`native ${name}`, () => udpPair(hostname), { messages: true, buffered: true });
}

connContract("native unixgram", () => {
  const server = openNativeUnixgram();
  const client = openNativeUnixgram({ peer: (server.addr as UnixAddress).path });
  const answering = new ConnectedPacketConn("unixgram", server, client.addr);
  return Promise.resolve([connected(client), answering]);
}, { messages: true, buffered: true });

Deno.test("one send is one message, an empty one too, on each family", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    using server = unconnected(udp(hostname));
    using client = unconnected(udp(hostname));
    for (const message of ["hello", "", "again"]) await client.send(encode(message), server.addr);
    for (const message of ["hello", "", "again"]) {
      const [data, from] = await server.receive();
      assertEquals([text(data), String(from)], [message, String(client.addr)]);
    }
  }
});

Deno.test("an IPv6 wildcard hears and answers IPv4, unless told not to", async () => {
  using server = unconnected(udp("::"));
  using client = unconnected(udp("127.0.0.1"));
  await client.send(encode("four"), netAddress("udp", "127.0.0.1", portOf(server)));
  const [data, from] = await server.receive();
  assertEquals([text(data), String(from)], ["four", String(client.addr)]);
  await server.send(encode("back"), from);
  assertEquals(text((await client.receive())[0]), "back");

  using alone = openNativeUdp({ hostname: "::", port: 0, ipv6Only: true });
  using other = unconnected(openNativeUdp({ hostname: "0.0.0.0", port: portOf(alone) }));
  assertEquals(portOf(other), portOf(alone));
});

Deno.test("a message that is too long fails with EMSGSIZE, and the socket works on", async () => {
  using a = unconnected(udp("127.0.0.1"));
  const error = await assertRejects(() => a.send(new Uint8Array(65_508), a.addr), OpError);
  assertEquals(error.code, "EMSGSIZE");
  const longest = new Uint8Array(65_507).fill(7);
  await a.send(longest, a.addr);
  assertEquals((await a.receive())[0], longest);

  using b = unconnected(openNativeUnixgram());
  const long = await assertRejects(() => b.send(new Uint8Array(2 ** 24), b.addr), OpError);
  assertEquals(long.code, "EMSGSIZE");
});

Deno.test("a refused port surfaces on a connected socket, and it works on", async () => {
  const [a, b] = await udpPair("127.0.0.1");
  using conn = a;
  b.close();
  const refused = await assertRejects(async () => {
    await conn.write(encode("anyone?"));
    await conn.read(new Uint8Array(10));
  }, OpError);
  assertEquals(refused.code, "ECONNREFUSED");
  using peer = unconnected(
    openNativeUdp({ hostname: "127.0.0.1", port: (conn.remoteAddr as NetAddress).port }),
  );
  await conn.write(encode("now?"));
  const [, from] = await peer.receive();
  await peer.send(encode("yes"), from);
  assertEquals(await readText(conn), "yes");
});

Deno.test("the system drops what strangers send to a connected socket", async () => {
  using peer = unconnected(udp("127.0.0.1"));
  using stranger = unconnected(udp("127.0.0.1"));
  using conn = connected(udp("127.0.0.1", peer.addr as NetAddress));
  await stranger.send(encode("spam"), conn.localAddr);
  await peer.send(encode("mine"), conn.localAddr);
  assertEquals(await readText(conn), "mine");
});

Deno.test("a port says that a message was cut", async () => {
  using receiver = openNativeUnixgram();
  using sender = openNativeUnixgram();
  // Beyond the limit of the system, for those who may; a batch has room for less than one message.
  setsockopt(sender.fd, SOL_SOCKET, 32, /* SO_SNDBUFFORCE */ 2 ** 24);
  for (const length of [100, 2 ** 20, 2 ** 20 + 1, 2 ** 18, 2 ** 18 + 1]) {
    await sender.send(new Uint8Array(length), receiver.addr);
  }
  const got = [];
  for (let i = 0; i < 3; i++) got.push(await receiver.receiveMessage());
  got.push(...receiver.receiveMore(2));
  assertEquals(got.map(({ data }) => data.length), [100, 2 ** 20, 2 ** 20, 2 ** 18, 2 ** 18]);
  assertEquals(got.map(({ truncated }) => truncated), [false, false, true, false, true]);
});

Deno.test("64 messages go and come in one go, in order and apart", async () => {
  using server = udp("127.0.0.1");
  using client = udp("127.0.0.1");
  const messages = Array.from({ length: 64 }, (_, i) => ({
    data: new Uint8Array(i).fill(i),
    addr: server.addr,
  }));
  assertEquals(await client.sendBatch(messages), 64);
  const got = [await server.receiveMessage(), ...server.receiveMore(63)];
  assertEquals(got.map(({ data }) => data), messages.map(({ data }) => data));
  assert(got.every(({ addr, truncated }) => String(addr) === String(client.addr) && !truncated));
  assertEquals(server.receiveMore(63), []);
});

Deno.test("a batch takes no more than was asked for, and leaves the rest", async () => {
  using port = udp("127.0.0.1");
  const messages = Array.from({ length: 20 }, (_, i) => ({
    data: new Uint8Array([i]),
    addr: port.addr,
  }));
  assertEquals(await port.sendBatch(messages), 20);
  const [first] = (await port.receiveMessage()).data;
  const some = port.receiveMore(7).map(({ data }) => data[0]);
  const rest = port.receiveMore(100).map(({ data }) => data[0]);
  assertEquals([first, ...some, ...rest], messages.map((_, i) => i));
  assertEquals(some.length, 7);
});

Deno.test("a batch stops before a message that fails, which then is the first to fail", async () => {
  using port = udp("127.0.0.1");
  const messages = [10, 20, 65_508, 30].map((n) => ({ data: new Uint8Array(n), addr: port.addr }));
  assertEquals(await port.sendBatch(messages), 2);
  const error = await assertRejects(() => port.sendBatch(messages, 2), SyscallError);
  assertEquals(error.code, "EMSGSIZE");
  assertEquals(await port.sendBatch(messages, 3), 1);
  assertEquals((await port.receiveMessage()).data.length, 10);
  assertEquals(port.receiveMore(9).map(({ data }) => data.length), [20, 30]);
});

Deno.test("an error met by a batch is left to the next receive", async () => {
  const gone = udp("127.0.0.1");
  using conn = udp("127.0.0.1", gone.addr as NetAddress);
  gone.close();
  await conn.send(encode("x"), gone.addr);
  assertEquals(conn.receiveMore(8), []);
  const error = await assertRejects(() => conn.receiveMessage(), SyscallError);
  assertEquals(error.code, "ECONNREFUSED");
});

Deno.test("sends wait in order for room at the receiver of unixgrams", async () => {
  using receiver = openNativeUnixgram();
  using sender = openNativeUnixgram();
  const order: number[] = [];
  const sends = Array.from(
    { length: 200 },
    (_, i) => sender.send(new Uint8Array([i]), receiver.addr).then(() => order.push(i)),
  );
  await settle();
  const early = order.length;
  assert(early > 0 && early < 200, `${early} went at once`);
  for (let i = 0; i < 200; i++) assertEquals((await receiver.receiveMessage()).data[0], i);
  await Promise.all(sends);
  assertEquals(order, sends.map((_, i) => i));
});

Deno.test("a send that waits can be taken back, and only then", async () => {
  using receiver = openNativeUnixgram();
  const path = (receiver.addr as UnixAddress).path;
  for (const peer of [undefined, path]) {
    using sender = openNativeUnixgram({ peer });
    const sends = Array.from(
      { length: 100 },
      (_, i) => sender.send(new Uint8Array([i]), receiver.addr),
    );
    assertEquals(sender.abandon(sends[0]), false);
    const taken = [60, 99].map((i) => sender.abandon(sends[i]));
    assertEquals(taken, [true, true]);
    const got: number[] = [];
    while (got.length < 98) got.push((await receiver.receiveMessage()).data[0]);
    assertEquals(got, sends.map((_, i) => i).filter((i) => i !== 60 && i !== 99));
  }
});

Deno.test("close() ends a receive and the sends that wait, and later ones", async () => {
  using full = openNativeUnixgram();
  const port = openNativeUnixgram();
  const conn = unconnected(port);
  const receiving = assertRejects(() => conn.receive(), ClosedError);
  const sends = Array.from({ length: 100 }, () => conn.send(new Uint8Array(1), full.addr));
  const results = Promise.allSettled(sends);
  conn.close();
  await receiving;
  const last = (await results).at(-1)!;
  assert(last.status === "rejected");
  assertInstanceOf(last.reason, ClosedError);
  await assertRejects(() => port.receive(), Deno.errors.BadResource);
  await assertRejects(() => port.send(new Uint8Array(1), full.addr), Deno.errors.BadResource);
  assertThrows(() => port.setReadBuffer(1000), Deno.errors.BadResource);
  assertEquals(port.fd, -1);
});

Deno.test("a unixgram port removes its own path, and nobody else's", async () => {
  const dir = await Deno.makeTempDir();
  const path = tempPath(dir, "s");
  const first = openNativeUnixgram({ path });
  assertThrows(() => openNativeUnixgram({ path }), SyscallError, "EADDRINUSE");
  Deno.removeSync(path);
  const second = openNativeUnixgram({ path });
  first.close();
  assert(Deno.lstatSync(path).isSocket);
  second.close();
  assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);
  // A dial that fails leaves nothing behind.
  assertThrows(() => openNativeUnixgram({ path, peer: `${dir}/none` }), SyscallError, "ENOENT");
  assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);
  await Deno.remove(dir);
});

Deno.test("a unixgram peer that is not there is an error at once", () => {
  const code = (peer: string) =>
    assertThrows(() => openNativeUnixgram({ peer }), SyscallError).code;
  assertEquals(code("/nowhere/at/all"), "ENOENT");
  assertEquals(code(`@plumb-${crypto.randomUUID()}`), "ECONNREFUSED");
  assertThrows(() => openNativeUnixgram({ peer: "" }), AddressError);
});

Deno.test("control sees the socket before it is bound, with its concrete network", () => {
  const seen: string[] = [];
  const control = (network: string, address: string, { fd }: { fd: number }) => {
    seen.push(`${network} ${address} ${getsockopt(fd, SOL_SOCKET, SO_RCVBUF) > 0}`);
  };
  openNativeUdp({ hostname: "::1", port: 0, control }).close();
  openNativeUdp({ hostname: "127.0.0.1", port: 0, control }).close();
  assertEquals(seen, ["udp6 [::1]:0 true", "udp4 127.0.0.1:0 true"]);
  const stop = () => {
    throw new Error("stop");
  };
  assertThrows(() => openNativeUnixgram({ control: stop }), Error, "stop");
});

Deno.test("reusePort shares an address, reuseAddress binds it once more", () => {
  const how = { hostname: "127.0.0.1", reusePort: true };
  using one = openNativeUdp({ ...how, port: 0 });
  using two = openNativeUdp({ ...how, port: portOf(one) });
  assertEquals(String(one.addr), String(two.addr));
  const again = { hostname: "127.0.0.1", port: portOf(one) };
  assertThrows(() => openNativeUdp(again), SyscallError, "EADDRINUSE");
  using three = openNativeUdp({ hostname: "127.0.0.1", port: 0, reuseAddress: true });
  openNativeUdp({ hostname: "127.0.0.1", port: portOf(three), reuseAddress: true }).close();
});

Deno.test("setReadBuffer() and setWriteBuffer() reach the system", () => {
  using port = udp("127.0.0.1");
  port.setReadBuffer(50_000);
  port.setWriteBuffer(60_000);
  assertEquals(getsockopt(port.fd, SOL_SOCKET, SO_RCVBUF), 100_000);
  assertEquals(getsockopt(port.fd, SOL_SOCKET, SO_SNDBUF), 120_000);
  assertThrows(() => port.setReadBuffer(0), RangeError);
});

Deno.test("a busy socket leaves timers and others their turn", async () => {
  using port = udp("127.0.0.1");
  let ticked = false;
  const timer = setTimeout(() => ticked = true, 0);
  for (let i = 0; i < 100_000 && !ticked; i++) {
    await port.send(new Uint8Array(1), port.addr);
    await port.receiveMessage();
  }
  clearTimeout(timer);
  assert(ticked);
});

Deno.test("10,000 sockets opened and closed leave no descriptor", async () => {
  await assertNoFdLeak(() => {
    for (let i = 0; i < 5_000; i++) {
      udp("127.0.0.1").close();
      openNativeUnixgram().close();
    }
  });
});

Deno.test("neither an idle socket nor a finished or unref'd wait keeps a process alive", async () => {
  await using child = deno(
    `
    import { openNativeUdp, openNativeUnixgram } from "${source("net/native/datagram.ts")}";
    import { UnconnectedPacketConn } from "${source("net/packet_conn.ts")}";
    const port = openNativeUdp({ hostname: "127.0.0.1", port: 0 });
    openNativeUnixgram();
    const conn = new UnconnectedPacketConn("udp", port, (addr) => addr);
    await conn.receive(undefined, { timeout: 10 }).catch((error) => console.log(error.code));
    await conn.send(new Uint8Array(3), conn.addr);
    console.log((await conn.receive())[0].length);
    conn.unref();
    conn.receive();
    const begun = performance.now();
    globalThis.addEventListener("unload", () => console.log(performance.now() - begun < 100));
    `,
    "-A",
  );
  assertEquals([await child.line(), await child.line()], ["ETIMEDOUT", "3"]);
  assertEquals(await child.line(), "true");
  await child.ended();
});

const pythonPeer = `
import socket, sys
family = getattr(socket, sys.argv[1])
s = socket.socket(family, socket.SOCK_DGRAM)
s.bind(sys.argv[2] if family == socket.AF_UNIX else (sys.argv[2], 0))
print(s.getsockname() if family == socket.AF_UNIX else s.getsockname()[1])
for _ in range(4):
    data, peer = s.recvfrom(70000)
    s.sendto(b"<" + data + b">" if data else data, peer)
if len(sys.argv) > 3: s.sendto(b"unasked", sys.argv[3])
`;

for (const [family, hostname] of [["AF_INET", "127.0.0.1"], ["AF_INET6", "::1"]]) {
  testWith("python", `Python's ${family} datagrams come and go`, async () => {
    await using peer = python(pythonPeer, family, hostname);
    const to = netAddress("udp", hostname, Number(await peer.line()));
    using conn = unconnected(udp(hostname));
    using dialled = connected(udp(hostname, to));
    await conn.send(encode("one"), to);
    assertEquals(text((await conn.receive())[0]), "<one>");
    await conn.send(encode(""), to);
    const [empty, from] = await conn.receive();
    assertEquals([empty.length, String(from)], [0, String(to)]);
    await dialled.write(encode("two"));
    assertEquals(await readText(dialled), "<two>");
    await dialled.write(new Uint8Array(60_000));
    assertEquals(await dialled.read(new Uint8Array(70_000)), 60_002);
    await peer.ended();
  });
}

testWith("python", "Python's AF_UNIX datagrams come and go, by path", async () => {
  const dir = await Deno.makeTempDir();
  const [path, own] = [tempPath(dir, "python"), tempPath(dir, "own")];
  {
    using conn = unconnected(openNativeUnixgram({ path: own }));
    await using peer = python(pythonPeer, "AF_UNIX", path, own);
    await peer.line();
    using dialled = connected(openNativeUnixgram({ peer: path }));
    const to = unixAddress("unixgram", path);
    await conn.send(encode("one"), to);
    const [data, from] = await conn.receive();
    assertEquals([text(data), String(from)], ["<one>", path]);
    await conn.send(encode(""), to);
    assertEquals((await conn.receive())[0].length, 0);
    await dialled.write(encode("unbound"));
    assertEquals(await readText(dialled), "<unbound>");
    await dialled.write(new Uint8Array(100_000));
    assertEquals(await dialled.read(new Uint8Array(200_000)), 70_002);
    assertEquals(text((await conn.receive())[0]), "unasked");
    await peer.ended();
  }
  await Deno.remove(dir, { recursive: true });
});
