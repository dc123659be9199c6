import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { isTimeout } from "../../../deadline.ts";
import type { NetAddress, UnixAddress } from "../../../net/conn.ts";
import { AddressError, ClosedError, OpError } from "../../../net/errors.ts";
import { openNativeUdp, openNativeUnixgram } from "../../../net/native/datagram.ts";
import { UnconnectedPacketConn } from "../../../net/packet_conn.ts";
import type { DatagramPort } from "../../../net/runtime/datagram.ts";
import { openNodeUdp } from "../../../net/runtime/dgram.ts";
import { encode, soon } from "../../support/conn_helpers.ts";
import { settle } from "../../support/fake_clock.ts";
import "./support.ts";

const here = { hostname: "127.0.0.1", port: 0 };
const over = (port: DatagramPort) =>
  new UnconnectedPacketConn("udp", port, (addr) => {
    if (typeof addr === "string") throw new AddressError(addr, "refused by the test");
    return addr as NetAddress | UnixAddress;
  });
const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);
const first = ({ data }: { data: Uint8Array }) => data[0];

for (const [engine, open] of [["native", openNativeUdp], ["runtime", openNodeUdp]] as const) {
  const test = (name: string, fn: () => Promise<void>) => Deno.test(`${engine}: ${name}`, fn);

  test("64 messages go in one call, and all come, in order", async () => {
    using conn = over(open(here));
    const messages = numbers(64).map((i) => ({
      data: new Uint8Array(i + 1).fill(i),
      addr: conn.addr,
    }));
    assertEquals(await conn.sendBatch(messages), 64);
    const got = [];
    let calls = 0;
    for (; got.length < 64; calls++) got.push(...await conn.receiveBatch());
    assertEquals(got.map(({ data }) => data), messages.map(({ data }) => data));
    assert(got.every(({ addr }) => String(addr) === String(conn.addr)));
    if (engine === "native") assertEquals(calls, 1);
    assertEquals(await conn.sendBatch([]), 0);
  });

  test("a batch takes its turn among other receives", async () => {
    using conn = over(open(here));
    const one = conn.receive();
    const batch = conn.receiveBatch({ max: 2 });
    const last = conn.receive();
    await conn.sendBatch(numbers(6).map((i) => ({ data: new Uint8Array([i]), addr: conn.addr })));
    const [a] = (await one)[0];
    const got = (await batch).map(first);
    const [c] = (await last)[0];
    assertEquals([a, ...got, c], numbers(got.length + 2));
  });

  test("what came for a batch that gave up is kept", async () => {
    using conn = over(open(here));
    const error = await assertRejects(() => conn.receiveBatch({ timeout: soon }), OpError);
    assert(isTimeout(error));
    const reason = new Error("enough");
    const controller = new AbortController();
    const aborted = conn.receiveBatch({ signal: controller.signal }).catch((e) => e);
    controller.abort(reason);
    assertStrictEquals(await aborted, reason);
    for (const i of [1, 2]) await conn.send(new Uint8Array([i]), conn.addr);
    await settle();
    const got: number[] = [];
    while (got.length < 2) got.push(...(await conn.receiveBatch()).map(first));
    assertEquals(got, [1, 2]);
  });

  test("a batch cut short says how many went", async () => {
    using conn = over(open(here));
    const messages = [1, 2, 65_508, 4].map((n) => ({ data: new Uint8Array(n), addr: conn.addr }));
    const error = await assertRejects(() => conn.sendBatch(messages), OpError);
    assertEquals([error.code, error.messagesSent], ["EMSGSIZE", 2]);
    const late = await assertRejects(() => conn.sendBatch(messages, { timeout: -1 }), OpError);
    assertEquals([isTimeout(late), late.messagesSent], [true, 0]);
    const bad = [...messages.slice(0, 1), { data: new Uint8Array(1), addr: "nowhere" }];
    await assertRejects(() => conn.sendBatch(bad), AddressError);
    assertEquals((await conn.receive())[0].length, 1);
    assertEquals((await conn.receive())[0].length, 2);
  });

  test("receiveMessage() says when the array was too short", async () => {
    using conn = over(open(here));
    await conn.send(encode("abcdef"), conn.addr);
    await conn.send(encode("abcd"), conn.addr);
    const p = new Uint8Array(4);
    const { data, truncated } = await conn.receiveMessage(p);
    assertEquals([data, truncated, data.buffer === p.buffer], [encode("abcd"), true, true]);
    assertEquals((await conn.receiveMessage(p)).truncated, false);
  });

  test("close() and bad arguments", async () => {
    const conn = over(open(here));
    await assertRejects(() => conn.receiveBatch({ max: 0 }), RangeError, "max must be");
    const waiting = assertRejects(() => conn.receiveBatch(), ClosedError);
    conn.close();
    await waiting;
    const send = () => conn.sendBatch([{ data: new Uint8Array(1), addr: conn.addr }]);
    assertEquals((await assertRejects(send, ClosedError)).messagesSent, 0);
  });
}

Deno.test("native: a message that waited for room is not sent when its time is up", async () => {
  using receiver = over(openNativeUnixgram());
  using sender = over(openNativeUnixgram());
  const addr = receiver.addr;
  const messages = numbers(100).map((i) => ({ data: new Uint8Array([i]), addr }));
  const error = await assertRejects(() => sender.sendBatch(messages, { timeout: soon }), OpError);
  const sent = error.messagesSent!;
  assert(isTimeout(error) && sent > 0 && sent < 100);
  const single = await assertRejects(
    () => sender.send(new Uint8Array([200]), addr, { timeout: soon }),
    OpError,
  );
  assertEquals(single.bytesWritten, 0);
  const got: number[] = [];
  while (got.length < sent) got.push(...(await receiver.receiveBatch()).map(first));
  await sender.send(new Uint8Array([201]), addr);
  got.push(...(await receiver.receiveBatch()).map(first));
  assertEquals(got, [...numbers(sent), 201]);
});
