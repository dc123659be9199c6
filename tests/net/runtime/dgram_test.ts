import { assertEquals, assertThrows } from "@std/assert";
import { netAddress } from "../../../net/address.ts";
import type { NetAddress, Packet } from "../../../net/conn.ts";
import { openUdp } from "../../../net/runtime/datagram.ts";
import { openNodeUdp, PacketQueue } from "../../../net/runtime/dgram.ts";

const loopback = { hostname: "127.0.0.1", port: 0 };

Deno.test("a failed bind throws at once, with its code", () => {
  const port = openNodeUdp(loopback);
  const taken = { ...loopback, port: (port.addr as NetAddress).port };
  const inUse = assertThrows(() => openNodeUdp(taken), Error);
  assertEquals((inUse as { code?: string }).code, "EADDRINUSE");
  // 192.0.2.0/24 is nobody's (RFC 5737).
  const foreign = assertThrows(() => openNodeUdp({ hostname: "192.0.2.1", port: 0 }), Error);
  assertEquals((foreign as { code?: string }).code, "EADDRNOTAVAIL");
  port.close();
});

Deno.test("reuseAddress lets an address in use be bound once more, on both ports", () => {
  for (const open of [openUdp, openNodeUdp]) {
    const first = open({ ...loopback, reuseAddress: true });
    const { port } = first.addr as NetAddress;
    const second = open({ ...loopback, port, reuseAddress: true });
    assertEquals((second.addr as NetAddress).port, port);
    first.close();
    second.close();
  }
});

Deno.test("ipv6Only leaves the port's IPv4 side to others", () => {
  const six = openNodeUdp({ hostname: "::", port: 0, ipv6Only: true });
  const { port } = six.addr as NetAddress;
  const four = openNodeUdp({ hostname: "0.0.0.0", port });
  assertEquals((four.addr as NetAddress).port, port);
  four.close();
  six.close();
});

Deno.test("messages nobody asked for are kept for the next receives, in order", async () => {
  const port = openNodeUdp(loopback);
  const probe = openNodeUdp(loopback);
  for (let i = 0; i < 5; i++) await port.send(Uint8Array.of(i), port.addr);
  // A trip through another socket gives the event loop the turns to read them all.
  for (let i = 0; i < 5; i++) {
    await probe.send(Uint8Array.of(i), probe.addr);
    await probe.receive();
  }
  for (let i = 0; i < 5; i++) assertEquals((await port.receive())[0], Uint8Array.of(i));
  port.close();
  probe.close();
});

Deno.test("a full queue drops the newest message and takes more once there is room", () => {
  const queue = new PacketQueue();
  const size = 1024 * 1024 - PacketQueue.messageCost;
  const from = netAddress("udp", "127.0.0.1", 1);
  const packet = (i: number, length = size): Packet => [new Uint8Array(length).fill(i), from];
  for (let i = 0; i < 6; i++) queue.push(packet(i)); // four fit
  queue.push(packet(9, 0)); // nor does an empty one, which has its cost too
  assertEquals(queue.shift()?.[0][0], 0);
  queue.push(packet(7));
  queue.push(packet(8));
  const rest = Array.from({ length: 5 }, () => queue.shift()?.[0][0]);
  assertEquals(rest, [1, 2, 3, 7, undefined]);
});

Deno.test("a queue of empty messages is bounded, too", () => {
  const queue = new PacketQueue();
  const from = netAddress("udp", "127.0.0.1", 1);
  for (let i = 0; i < 20_000; i++) queue.push([new Uint8Array(0), from]);
  let kept = 0;
  while (queue.shift() !== undefined) kept++;
  assertEquals(kept, PacketQueue.maxBytes / PacketQueue.messageCost);
});
