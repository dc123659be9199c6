import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AddressError, OpError, UnknownNetworkError } from "../../../net/errors.ts";
import { dialRaw, listenRaw, parseIpNetwork } from "../../../net/native/raw.ts";
import type { NetAddress } from "../../../net/conn.ts";
import { deno, source } from "./support.ts";

const root = Deno.uid() === 0;
const rootTest = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: root ? name : `${name} (skipped: not root)`, ignore: !root, fn });

/** An ICMP echo request (RFC 792, RFC 4443): the kernel checks the sum of the former. */
function echoRequest(type: number, sequence: number): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array([type, 0, 0, 0, Deno.pid >> 8 & 255, Deno.pid & 255, 0, sequence]);
  let sum = 0;
  for (let i = 0; i < packet.length; i += 2) sum += packet[i] << 8 | packet[i + 1];
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = ~(sum + (sum >>> 16)) & 0xffff;
  packet[2] = sum >> 8;
  packet[3] = sum & 255;
  return packet;
}

Deno.test("parseIpNetwork() takes names and numbers of protocols", () => {
  assertEquals(parseIpNetwork("ip4:icmp"), { family: 4, protocol: 1 });
  assertEquals(parseIpNetwork("ip6:ipv6-icmp"), { family: 6, protocol: 58 });
  assertEquals(parseIpNetwork("ip:255"), { family: undefined, protocol: 255 });
  assertEquals(["igmp", "tcp", "udp"].map((name) => parseIpNetwork(`ip:${name}`).protocol), [
    2,
    6,
    17,
  ]);
});

Deno.test("parseIpNetwork() refuses what is none", () => {
  for (const name of ["ip", "ip4", "ip4:", "ip5:1", "ip4:256", "ip4:-1", "ip:sctp", "tcp:1", ""]) {
    assertThrows(() => parseIpNetwork(name), UnknownNetworkError);
  }
});

Deno.test("a host that is no IP address, or of the other family, is refused", () => {
  assertThrows(() => dialRaw("ip4:icmp", "localhost"), AddressError);
  assertThrows(() => dialRaw("ip4:icmp", "::1"), AddressError);
  assertThrows(() => listenRaw("ip6:58", "127.0.0.1"), AddressError);
});

for (
  const [network, host, request, reply] of [
    ["ip4:icmp", "127.0.0.1", 8, 0],
    ["ip6:ipv6-icmp", "::1", 128, 129],
  ] as const
) {
  rootTest(`an echo request on ${network} is answered, without the IP header`, async () => {
    using conn = dialRaw(network, host);
    assertEquals([String(conn.remoteAddr), String(conn.localAddr)], [host, host]);
    await conn.write(echoRequest(request, 7));
    const p = new Uint8Array(100);
    // On loopback we hear the request as well, and others' packets.
    for (;;) {
      assertEquals(await conn.read(p, { timeout: 5_000 }), 8);
      const mine = (p[4] << 8 | p[5]) === (Deno.pid & 0xffff);
      if (mine && p[0] === reply) break;
    }
    assertEquals(p[7], 7);
  });
}

rootTest("an unconnected raw socket receives from and sends to anyone", async () => {
  using conn = listenRaw("ip4:icmp", "127.0.0.1");
  assertEquals(String(conn.addr), "127.0.0.1");
  await conn.send(echoRequest(8, 9), "127.0.0.1");
  for (;;) {
    const [data, from] = await conn.receive(undefined, { timeout: 5_000 });
    assertEquals([String(from), (from as NetAddress).port, data.length], ["127.0.0.1", 0, 8]);
    if (data[0] === 0 && data[7] === 9) break;
  }
  await assertRejects(() => conn.send(new Uint8Array(8), "::1"), AddressError);
});

rootTest("without root the error says what it takes", async () => {
  const script = `
    import { dialRaw } from "${source("net/native/raw.ts")}";
    const { setuid } = await import("node:process");
    setuid(65534);
    try {
      dialRaw("ip4:icmp", "127.0.0.1");
    } catch (error) {
      console.log(error.name, error.code);
      console.log(error.message);
    }
  `;
  await using child = deno(script, "-A");
  assertEquals(await child.line(), "OpError EPERM");
  assertEquals(
    await child.line(),
    'dial ip4:icmp "127.0.0.1": operation not permitted: raw sockets need root or CAP_NET_RAW',
  );
  await child.ended();
});

if (!root) {
  Deno.test("without root it is an OpError here too", () => {
    const error = assertThrows(() => dialRaw("ip4:icmp", "127.0.0.1"), OpError);
    assert(error.code === "EPERM" && error.reason.includes("CAP_NET_RAW"));
  });
}
