import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  ClosedError,
  dial,
  listen,
  listenPacket,
  netAddress,
  OpError,
  type TcpConn,
  UnsupportedError,
} from "../../net/mod.ts";
import {
  getsockopt,
  getsockoptLinger,
  IPPROTO_TCP,
  poller,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
} from "../../sys/mod.ts";
import { findDescriptor } from "../../net/native/descriptor.ts";
import { connContract } from "../support/conn_contract.ts";
import { encode, readText } from "../support/conn_helpers.ts";
import { noSocketLeft } from "../support/net_helpers.ts";

Deno.test.afterEach(() => poller.idle());

const dir = Deno.makeTempDirSync();
let names = 0;
globalThis.addEventListener("unload", () => Deno.removeSync(dir, { recursive: true }));
const path = () => `${dir}/${++names}`;

const engine = "native";

for (const [network, address] of [["tcp", "127.0.0.1:0"], ["tcp6", "[::1]:0"]] as const) {
  connContract(`${network} by system call`, async () => {
    using listener = listen(network, address, { engine });
    const client = dial(network, listener.addr.toString(), { engine });
    return await Promise.all([client, listener.accept()]);
  }, { buffered: true });
}

connContract("unix by system call", async () => {
  using listener = listen("unix", path(), { engine });
  return await Promise.all([dial("unix", `${listener.addr}`, { engine }), listener.accept()]);
}, { buffered: true });

connContract("unixpacket", async () => {
  using listener = listen("unixpacket", path());
  return await Promise.all([dial("unixpacket", `${listener.addr}`), listener.accept()]);
}, { messages: true, buffered: true });

Deno.test("dial() binds the local end, and the listener sees it", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  using conn = await dial("tcp", `${listener.addr}`, { localAddr: "127.0.0.3:0" });
  using accepted = await listener.accept();
  assertEquals(accepted.remoteAddr.hostname, "127.0.0.3");
  assertEquals(`${conn.localAddr}`, `${accepted.remoteAddr}`);
});

Deno.test("dial() from an address tries the targets of its family alone", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  const { port } = listener.addr as ReturnType<typeof netAddress>;
  const resolver = { lookupHost: () => Promise.resolve(["::1", "127.0.0.1"]) };
  const localAddr = netAddress("tcp", "127.0.0.1", 0);
  using conn = await dial("tcp", `two.example:${port}`, { localAddr, resolver });
  assertEquals(conn.remoteAddr.hostname, "127.0.0.1");
});

/** What the kernel has for a connection, whichever engine made it. */
function keepAliveOf(conn: TcpConn): number[] {
  const fd = findDescriptor(conn.localAddr, conn.remoteAddr)!;
  return [TCP_KEEPIDLE, TCP_KEEPCNT].map((option) => getsockopt(fd, IPPROTO_TCP, option));
}

Deno.test("keep-alive times reach the kernel at both ends, also later on a runtime connection", async () => {
  const keepAlive = { idle: 7_000, interval: 3_000, count: 4 };
  using listener = listen("tcp", "127.0.0.1:0", { keepAlive });
  using conn = await dial("tcp", `${listener.addr}`, { keepAlive });
  using accepted = await listener.accept();
  assertEquals([keepAliveOf(conn), keepAliveOf(accepted)], [[7, 4], [7, 4]]);

  using plain = await dial("tcp", `${listener.addr}`);
  using other = await listener.accept();
  plain.setKeepAlive({ idle: 9_000, count: 2 });
  assertEquals([keepAliveOf(plain), keepAliveOf(other)], [[9, 2], [7, 4]]);
  plain.setLinger(3);
  const fd = findDescriptor(plain.localAddr, plain.remoteAddr)!;
  assertEquals(getsockoptLinger(fd), 3);
  plain.close();
  assertThrows(() => plain.setLinger(0), ClosedError);
});

Deno.test("setLinger(0) makes close a reset", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  const conn = await dial("tcp", `${listener.addr}`, { engine });
  using accepted = await listener.accept();
  conn.setLinger(0);
  conn.close();
  const error = await assertRejects(() => accepted.read(new Uint8Array(1)), OpError);
  assertEquals(error.code, "ECONNRESET");
});

Deno.test("control sees each socket with its concrete network, before it is bound", async () => {
  const seen: string[] = [];
  const control = (network: string, address: string, socket: { fd: number }) => {
    seen.push(`${network} ${address} ${socket.fd > 2}`);
  };
  using listener = listen("tcp", "127.0.0.1:0", { control });
  using _conn = await dial("tcp", `${listener.addr}`, { control });
  using _accepted = await listener.accept();
  using udp = listenPacket("udp", "127.0.0.1:0", { control });
  assertEquals(seen, [
    "tcp4 127.0.0.1:0 true",
    `tcp4 ${listener.addr} true`,
    "udp4 127.0.0.1:0 true",
  ]);
  assert(udp.addr.toString() !== "");
});

Deno.test("a control that throws fails the dial, and leaves nothing open", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  const control = () => {
    throw new Error("not this one");
  };
  const error = await assertRejects(() => dial("tcp", `${listener.addr}`, { control }), OpError);
  assert(error.message.includes("not this one"));
  listener.close();
  await noSocketLeft(async () => {
    await dial("tcp", `${listener.addr}`, { control }).catch(() => {});
  });
});

Deno.test("a dialed UDP peer that is not there refuses", async () => {
  const gone = listenPacket("udp", "127.0.0.1:0");
  gone.close();
  using conn = await dial("udp", `${gone.addr}`);
  await conn.write(encode("anyone?"));
  const error = await assertRejects(() => conn.read(new Uint8Array(16)), OpError);
  assertEquals(error.code, "ECONNREFUSED");
});

Deno.test("unixgram needs no unstable flag with system calls, and answers find the way back", async () => {
  using server = listenPacket("unixgram", path());
  using conn = await dial("unixgram", `${server.addr}`);
  await conn.write(encode("ping"));
  const [data, from] = await server.receive();
  await server.send(data, from);
  assertEquals(await readText(conn), "ping");
});

Deno.test("a batch of messages goes and comes in few calls", async () => {
  using a = listenPacket("udp", "127.0.0.1:0");
  using b = listenPacket("udp", "127.0.0.1:0");
  const messages = Array.from({ length: 20 }, (_, i) => ({ data: Uint8Array.of(i), addr: b.addr }));
  assertEquals(await a.sendBatch(messages), 20);
  const got: number[] = [];
  while (got.length < 20) {
    for (const { data } of await b.receiveBatch({ timeout: 5_000 })) got.push(data[0]);
  }
  assertEquals(got, messages.map(({ data }) => data[0]));
});

Deno.test({
  name: "a raw socket hears its own echo request answered",
  ignore: Deno.uid() !== 0,
  async fn() {
    using conn = await dial("ip4:icmp", "localhost", { timeout: 5_000 });
    const request = Uint8Array.of(8, 0, 0, 0, 0x12, 0x34, 0, 1);
    const sum = 0x0800 + 0x1234 + 1;
    request[2] = (~sum >> 8) & 0xff;
    request[3] = ~sum & 0xff;
    await conn.write(request);
    const p = new Uint8Array(64);
    // Loopback gives back the request as well.
    do await conn.read(p, { timeout: 5_000 }); while (p[0] !== 0);
    assertEquals([p[4], p[5]], [0x12, 0x34]);
  },
});

Deno.test("several listeners share a port with reusePort", () => {
  using first = listen("tcp", "127.0.0.1:0", { reusePort: true, engine });
  listen("tcp", `${first.addr}`, { reusePort: true, engine }).close();
  assertThrows(() => listen("tcp", `${first.addr}`, { engine }), OpError, "address already in use");
});

Deno.test("a Unix connection of the runtime says which engine knows its peer", async () => {
  using listener = listen("unix", path());
  using conn = await dial("unix", `${listener.addr}`);
  using accepted = await listener.accept();
  assertThrows(() => conn.peerCredentials(), UnsupportedError, 'engine: "native"');
  await assertRejects(() => accepted.sendFds(encode("x"), []), UnsupportedError);
  await assertRejects(() => accepted.receiveFds(new Uint8Array(1)), UnsupportedError);
});

for (const engine of ["runtime", "native"] as const) {
  Deno.test(`what is no Uint8Array is refused by a stream of the ${engine} engine`, async () => {
    using listener = listen("tcp", "127.0.0.1:0", { engine });
    using conn = await dial("tcp", `${listener.addr}`, { engine });
    using peer = await listener.accept();
    for (const odd of ["abc", [1, 2, 3], new Uint16Array(2), new ArrayBuffer(3), undefined, null]) {
      const p = odd as unknown as Uint8Array;
      await assertRejects(() => conn.read(p), TypeError, "read needs a Uint8Array");
      await assertRejects(() => conn.read(p, { timeout: 1_000 }), TypeError, "Uint8Array");
      await assertRejects(() => conn.write(p), TypeError, "write needs a Uint8Array");
    }
    await peer.write(encode("still there"));
    assertEquals(await readText(conn), "still there");
  });
}
