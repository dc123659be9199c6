import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { netAddress, unixAddress } from "../../net/address.ts";
import type { NetAddress, Network, PacketConn } from "../../net/conn.ts";
import { AddressError, DnsError, OpError, UnknownNetworkError } from "../../net/errors.ts";
import { dialPacket, dialPacketOn, listenPacket, listenPacketOn } from "../../net/packet.ts";
import { openUdp, type UdpPortOptions } from "../../net/runtime/datagram.ts";
import { openNodeUdp } from "../../net/runtime/dgram.ts";
import { encode } from "../support/conn_helpers.ts";
import { over } from "../support/packet_engine.ts";

const decode = (data: Uint8Array) => new TextDecoder().decode(data);

const portOf = (conn: PacketConn) => (conn.addr as NetAddress).port;

const hasIpv6 = (() => {
  try {
    openUdp({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    console.log("no IPv6 here: its tests are skipped");
    return false;
  }
})();

Deno.test("other networks are refused by name", () => {
  for (const network of ["tcp", "unix", "unixpacket", "ip", "UDP"] as Network[]) {
    const error = assertThrows(() => listenPacket(network, ":0"), UnknownNetworkError);
    assertEquals(error.network, network);
    const target = netAddress("udp", "127.0.0.1", 9);
    assertThrows(() => dialPacket(network, target), UnknownNetworkError);
  }
});

Deno.test("listenPacket() refuses an address it would have to look up, or of the other family", () => {
  const rows: [Network, string, string][] = [
    ["udp", "example.com:53", "nothing is looked up"],
    ["udp", "127.0.0.1", "missing port"],
    ["udp", "127.0.0.1:65536", "invalid port"],
    ["udp4", "[::1]:0", "no suitable address"],
    ["udp6", "127.0.0.1:0", "no suitable address"],
    ["udp6", "[::ffff:127.0.0.1]:0", "no suitable address"],
    ["unixgram", "", "empty path"],
  ];
  for (const [network, address, reason] of rows) {
    const error = assertThrows(() => listenPacket(network, address), AddressError, reason);
    assertEquals(error.code, "ERR_ADDRESS");
  }
  assertThrows(() => listenPacket("udp", "127.0.0.1:nosuchservice"), DnsError, "unknown port");
});

Deno.test("an empty host binds what the network covers", () => {
  const bound: UdpPortOptions[] = [];
  const note = (options: UdpPortOptions) => {
    bound.push(options);
    return openNodeUdp({ hostname: "127.0.0.1", port: 0 });
  };
  for (const network of ["udp", "udp4", "udp6"] as const) {
    listenPacketOn(over(note), network, ":0").close();
  }
  const shown = bound.map(({ hostname, ipv6Only }) => [hostname, ipv6Only]);
  assertEquals(shown, [["::", false], ["0.0.0.0", false], ["::", true]]);
});

Deno.test("an empty host falls back to IPv4 where there is no IPv6, and only then", () => {
  const refuse = (code: string) => (options: UdpPortOptions) => {
    if (options.hostname === "::") throw Object.assign(new Error(code), { code });
    return openNodeUdp({ hostname: "127.0.0.1", port: 0 });
  };
  listenPacketOn(over(refuse("EAFNOSUPPORT")), "udp", ":0").close();
  for (const [network, code] of [["udp", "EADDRINUSE"], ["udp6", "EAFNOSUPPORT"]] as const) {
    const error = assertThrows(() => listenPacketOn(over(refuse(code)), network, ":0"), OpError);
    assertEquals([error.op, error.code, error.addr], ["listen", code, ":0"]);
  }
});

Deno.test("localhost is this host, without a lookup", () => {
  using four = listenPacket("udp", "localhost:0");
  assertEquals((four.addr as NetAddress).hostname, "127.0.0.1");
  assert(portOf(four) > 0);
  if (!hasIpv6) return;
  using six = listenPacket("udp6", "localhost:");
  assertEquals((six.addr as NetAddress).hostname, "::1");
});

for (
  const [name, open] of [["Deno.listenDatagram", openUdp], ["node:dgram", openNodeUdp]] as const
) {
  Deno.test({
    name: `a dual-stack socket talks to both families, over ${name}`,
    ignore: !hasIpv6,
    fn: async () => {
      using dual = listenPacketOn(over(open), "udp", ":0");
      for (const host of ["127.0.0.1", "[::1]"]) {
        using peer = listenPacketOn(over(open), "udp", `${host}:0`);
        await peer.send(encode("ping"), `${host}:${portOf(dual)}`);
        const [, from] = await dual.receive();
        assertEquals(String(from), String(peer.addr)); // no mapped address comes out
        await dual.send(encode("pong"), from);
        const [data] = await peer.receive();
        assertEquals(decode(data), "pong");
      }
    },
  });
}

Deno.test({
  name: "an udp6 wildcard socket leaves IPv4 alone",
  ignore: !hasIpv6,
  fn: async () => {
    using six = listenPacket("udp6", ":0");
    using four = listenPacket("udp4", `0.0.0.0:${portOf(six)}`);
    assertEquals(portOf(four), portOf(six));
    await assertRejects(() => six.send(encode("x"), four.addr), AddressError, "no suitable");
  },
});

Deno.test("send() refuses what is no address of its kind, before anything is sent", async () => {
  using udp = listenPacket("udp", "127.0.0.1:0");
  const port = portOf(udp);
  const rows: [Parameters<PacketConn["send"]>[1], string][] = [
    ["localhost:1", "nothing is looked up"],
    ["127.0.0.1", "missing port"],
    ["[::1]:1", "no suitable address"],
    [{ transport: "tcp", hostname: "127.0.0.1", port }, "not an UDP address"],
    [{ transport: "unixpacket", path: "/x" }, "not an UDP address"],
    [{ transport: "udp", hostname: "127.0.0.1", port: 65536 }, "invalid port"],
    [{ transport: "udp", hostname: "127.0.0.1", port: 0.5 }, "invalid port"],
    [undefined as unknown as string, "not an UDP address"],
  ];
  for (const [addr, reason] of rows) {
    await assertRejects(() => udp.send(encode("x"), addr), AddressError, reason);
  }
  const path = `@plumb-test-${crypto.randomUUID()}`;
  using unix = listenPacket("unixgram", path);
  const unixRows: typeof rows = [
    [udp.addr, "not a unixgram address"],
    [{ transport: "unix", path }, "not a unixgram address"],
    [{ transport: "unixpacket", path: "" }, "without a name"],
  ];
  for (const [addr, reason] of unixRows) {
    await assertRejects(() => unix.send(encode("x"), addr), AddressError, reason);
  }
  // Deno's own addresses will do, and nothing above has been sent.
  await udp.send(encode("this"), { transport: "udp", hostname: "127.0.0.1", port });
  assertEquals(decode((await udp.receive())[0]), "this");
  await unix.send(encode("this"), { transport: "unixpacket", path: `\0${path.slice(1)}` });
  assertEquals(decode((await unix.receive())[0]), "this");
});

Deno.test("a send to a Unix path that is not there says so", async () => {
  using conn = listenPacket("unixgram", `@plumb-test-${crypto.randomUUID()}`);
  const error = await assertRejects(() => conn.send(encode("x"), "/nowhere/at/all"), OpError);
  assertEquals([error.op, error.code, error.addr], ["send", "ENOENT", "/nowhere/at/all"]);
});

Deno.test("dialPacket() binds no wider than it takes to reach its peer", () => {
  const bound: string[] = [];
  const note = (options: UdpPortOptions) => {
    bound.push(`${options.hostname} ${options.port}`);
    return openNodeUdp({ hostname: "127.0.0.1", port: 0 });
  };
  const dial = (host: string, localAddr?: string) => {
    const conn = dialPacketOn(over(note), "udp", netAddress("udp", host, 9), { localAddr });
    conn.close();
    return String(conn.remoteAddr);
  };
  assertEquals(dial("127.0.0.1"), "127.0.0.1:9");
  assertEquals(dial("192.0.2.1"), "192.0.2.1:9");
  assertEquals(dial("0:0::1"), "[::1]:9");
  assertEquals(dial("2001:db8::1"), "[2001:db8::1]:9");
  assertEquals(dial("0.0.0.0"), "127.0.0.1:9"); // an unspecified peer is this host, as in Go
  assertEquals(dial("::"), "[::1]:9");
  dial("192.0.2.1", "192.0.2.2:53");
  dial("2001:db8::1", ":53");
  assertEquals(bound, [
    "127.0.0.1 0",
    "0.0.0.0 0",
    "::1 0",
    ":: 0",
    "127.0.0.1 0",
    "::1 0",
    "192.0.2.2 53",
    ":: 53",
  ]);
});

Deno.test("dialPacket() refuses a peer or a local address that cannot be", () => {
  const four = netAddress("udp", "127.0.0.1", 9);
  assertThrows(() => dialPacket("udp6", four), AddressError, "no suitable address");
  assertThrows(() => dialPacket("udp", unixAddress("unix", "/x")), AddressError);
  assertThrows(() => dialPacket("udp", netAddress("tcp", "127.0.0.1", 9)), AddressError);
  assertThrows(() => dialPacket("udp", netAddress("udp", "name", 9)), AddressError, "looked up");
  assertThrows(() => dialPacket("unixgram", four), AddressError, "not a unixgram address");
  const localAddr = "[::1]:0";
  assertThrows(() => dialPacket("udp", four, { localAddr }), AddressError, "family of the peer");
  const nowhere = unixAddress("unixgram", "/nowhere/at/all");
  const error = assertThrows(() => dialPacket("unixgram", nowhere), OpError, "no such file");
  assertEquals([error.op, error.code, error.addr], ["dial", "ENOENT", "/nowhere/at/all"]);
});

Deno.test("dialPacket() binds a unixgram socket where it is told to", async () => {
  const dir = Deno.makeTempDirSync();
  {
    using server = listenPacket("unixgram", `${dir}/server`);
    const target = unixAddress("unixgram", `${dir}/server`);
    using conn = dialPacket("unixgram", target, { localAddr: `${dir}/client` });
    await conn.write(encode("x"));
    assertEquals(String((await server.receive())[1]), `${dir}/client`);
  }
  Deno.removeSync(dir); // both have removed their paths
});

const root = new URL("../../", import.meta.url);

/** Runs a program that has no unstable flag, and gives what it printed. */
async function runStable(source: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  const packet = JSON.stringify(new URL("net/packet.ts", root).href);
  await Deno.writeTextFile(
    file,
    `import { dialPacket, listenPacket } from ${packet};\n${source}`,
  );
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--no-check", "-A", file],
      signal: AbortSignal.timeout(30_000),
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals([code, decode(stderr)], [0, ""]);
    return decode(stdout).trim();
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("without --unstable-net, UDP works and unixgram names the flag", async () => {
  const out = await runStable(`
    if (Deno.listenDatagram !== undefined) throw new Error("the flag is on");
    const engine = "runtime";
    const server = listenPacket("udp", "127.0.0.1:0", { engine });
    const conn = dialPacket("udp", server.addr, { engine });
    await conn.write(new TextEncoder().encode("ping"));
    const [data, from] = await server.receive();
    await server.send(data, from);
    const p = new Uint8Array(16);
    console.log(await conn.read(p), new TextDecoder().decode(data));
    try { listenPacket("unixgram", "/x", { engine }); } catch (error) { console.log(error.name, error.message); }
    conn.close();
    server.close();
  `);
  assertMatch(out, /^4 ping\nUnsupportedError .*--unstable-net/);
});

Deno.test("a process ends by itself while sockets are open and nobody waits", async () => {
  const out = await runStable(`
    const idle = listenPacket("udp", "127.0.0.1:0");
    const parked = listenPacket("udp", "127.0.0.1:0");
    await parked.receive(undefined, { timeout: 10 }).catch((error) => console.log(error.timeout));
    const unwanted = listenPacket("udp", "127.0.0.1:0");
    unwanted.unref();
    unwanted.receive();
  `);
  assertEquals(out, "true");
});

Deno.test("a pending receive keeps the process alive until its message comes", async () => {
  const out = await runStable(`
    const server = listenPacket("udp", "127.0.0.1:0");
    server.receive().then(([data]) => console.log(data.length));
    const client = listenPacket("udp", "127.0.0.1:0");
    const timer = setTimeout(() => client.send(new Uint8Array(3), server.addr), 100);
    Deno.unrefTimer(timer);
  `);
  assertEquals(out, "3");
});
