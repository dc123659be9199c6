import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import type { NetAddress, PacketConn, UnixAddress } from "../../net/conn.ts";
import { ClosedError, OpError } from "../../net/errors.ts";
import { dialPacketOn, listenPacketOn } from "../../net/packet.ts";
import { ConnectedPacketConn } from "../../net/packet_conn.ts";
import { openUdp, type OpenUdpPort, openUnixgram } from "../../net/runtime/datagram.ts";
import { openNodeUdp } from "../../net/runtime/dgram.ts";
import { connContract } from "../support/conn_contract.ts";
import { countedSignal, encode, soon } from "../support/conn_helpers.ts";
import { over } from "../support/packet_engine.ts";

interface Kind {
  name: string;
  open: OpenUdpPort;
  network: "udp" | "unixgram";
  /** A fresh address to bind. */
  address(): string;
  /** One byte more than this is too much for one message. */
  tooLarge: number;
}

const dir = Deno.makeTempDirSync();
let names = 0;
globalThis.addEventListener("unload", () => Deno.removeSync(dir)); // every socket has gone from it

const kinds: Kind[] = [
  {
    name: "udp over Deno.listenDatagram",
    open: openUdp,
    network: "udp",
    address: () => "127.0.0.1:0",
    tooLarge: 65508,
  },
  {
    name: "udp over node:dgram",
    open: openNodeUdp,
    network: "udp",
    address: () => "127.0.0.1:0",
    tooLarge: 65508,
  },
  {
    name: "unixgram",
    open: openUdp,
    network: "unixgram",
    address: () => `${dir}/socket${++names}`,
    tooLarge: 4 * 1024 * 1024,
  },
];

const decode = (data: Uint8Array) => new TextDecoder().decode(data);

const text = async (receiving: Promise<[Uint8Array, unknown]>) => decode((await receiving)[0]);

async function assertTimeout(op: string, work: Promise<unknown>): Promise<void> {
  const error = await assertRejects(() => work, OpError);
  assert(isTimeout(error) && error.timeout, `expected a timeout, got ${error}`);
  assertEquals(error.op, op);
}

for (const kind of kinds) {
  const listen = () => listenPacketOn(over(kind.open), kind.network, kind.address());

  const test = (what: string, body: (a: PacketConn, b: PacketConn) => Promise<void>) =>
    Deno.test(`${kind.name}: ${what}`, async () => {
      using a = listen();
      using b = listen();
      await body(a, b);
    });

  test("a message arrives with its sender's address, and an answer gets back", async (a, b) => {
    assertEquals(await a.send(encode("ping"), b.addr), 4);
    const [data, from] = await b.receive();
    assertEquals([decode(data), String(from)], ["ping", String(a.addr)]);
    await b.send(encode("pong"), from);
    assertEquals(await text(a.receive()), "pong");
    await b.send(encode("by text"), String(a.addr));
    assertEquals(await text(a.receive()), "by text");
  });

  test("messages keep their boundaries and their order, empty ones too", async (a, b) => {
    for (const each of ["one", "", "three"]) await a.send(encode(each), b.addr);
    const got = [await text(b.receive()), await text(b.receive()), await text(b.receive())];
    assertEquals(got, ["one", "", "three"]);
  });

  test("what does not fit into p is dropped, and nothing else", async (a, b) => {
    await a.send(encode("abcdef"), b.addr);
    await a.send(encode("xy"), b.addr);
    const p = new Uint8Array(4);
    const [cut] = await b.receive(p);
    assertEquals([decode(cut), cut.buffer === p.buffer], ["abcd", true]);
    const [whole] = await b.receive(p);
    assertEquals(decode(whole), "xy");
  });

  test("a message too large for one is EMSGSIZE, and the socket works on", async (a, b) => {
    const error = await assertRejects(
      () => a.send(new Uint8Array(kind.tooLarge), b.addr),
      OpError,
      "message too long",
    );
    assertEquals([error.code, error.op, error.addr], ["EMSGSIZE", "send", String(b.addr)]);
    await a.send(encode("small"), b.addr);
    assertEquals(await text(b.receive()), "small");
  });

  test("a receive that gave up loses nothing: the next one gets the message", async (a, b) => {
    b.setReadDeadline(Date.now() + soon);
    await assertTimeout("receive", b.receive());
    b.setReadDeadline(null);
    await assertTimeout("receive", b.receive(undefined, { timeout: soon }));
    await a.send(encode("late"), b.addr);
    await a.send(encode("later"), b.addr);
    assertEquals([await text(b.receive()), await text(b.receive())], ["late", "later"]);
  });

  test("a deadline that has passed fails at once, even when a message is there", async (a, b) => {
    await a.send(encode("there"), b.addr);
    b.setDeadline(Date.now() - 1);
    await assertTimeout("receive", b.receive());
    await assertTimeout("send", b.send(encode("never"), a.addr));
    b.setDeadline(null);
    await assertTimeout("send", b.send(encode("never"), a.addr, { timeout: -1 }));
    assertEquals(await text(b.receive()), "there");
    await b.send(encode("this"), a.addr);
    assertEquals(await text(a.receive()), "this");
  });

  test("an abort rejects with its reason, unchanged, and lets go of the signal", async (a, b) => {
    const { controller, signal, listeners } = countedSignal();
    const reason = { why: "enough" };
    const receiving = b.receive(undefined, { signal }).catch((e) => e);
    controller.abort(reason);
    assertStrictEquals(await receiving, reason);
    assertStrictEquals(await b.send(encode("never"), a.addr, { signal }).catch((e) => e), reason);
    assertEquals(listeners(), 0);
    await a.send(encode("kept"), b.addr);
    assertEquals(await text(b.receive()), "kept");
  });

  test("several receives are served first come, first served", async (a, b) => {
    const receiving = [b.receive(), b.receive(), b.receive()].map(text);
    for (const each of ["1", "2", "3"]) await a.send(encode(each), b.addr);
    assertEquals(await Promise.all(receiving), ["1", "2", "3"]);
  });

  test("sending works while a receive waits", async (a, b) => {
    const receiving = text(a.receive());
    for (const each of ["1", "2", "3"]) await a.send(encode(each), b.addr);
    const got = [await text(b.receive()), await text(b.receive()), await text(b.receive())];
    assertEquals(got, ["1", "2", "3"]);
    await b.send(encode("answer"), a.addr);
    assertEquals(await receiving, "answer");
  });

  test("both ends send and receive at once without losing a message", async (a, b) => {
    const rounds = 200;
    const echo = async () => {
      for (let i = 0; i < rounds; i++) {
        const [data, from] = await b.receive();
        await b.send(data, from);
      }
    };
    const ask = async () => {
      for (let i = 0; i < rounds; i++) {
        const answer = text(a.receive());
        await a.send(encode(String(i)), b.addr);
        assertEquals(await answer, String(i));
      }
    };
    await Promise.all([echo(), ask()]);
  });

  test("close() ends pending and later operations with ClosedError", async (a, b) => {
    const pending = [1, 2].map(() => assertRejects(() => a.receive(), ClosedError));
    a.close();
    a.close();
    for (const error of await Promise.all(pending)) assertEquals(error.code, "ERR_CLOSED");
    await assertRejects(() => a.receive(), ClosedError);
    await assertRejects(() => a.send(encode("x"), b.addr), ClosedError);
  });

  test("iteration gives the messages and ends at close()", async (a, b) => {
    await a.send(encode("1"), b.addr);
    await a.send(encode("2"), b.addr);
    const got: string[] = [];
    for await (const [data] of b) {
      got.push(decode(data));
      if (got.length === 2) queueMicrotask(() => b.close());
    }
    assertEquals(got, ["1", "2"]);
  });

  test("bad arguments are TypeErrors, not packets", async (a, b) => {
    await assertRejects(() => a.send("text" as unknown as Uint8Array, b.addr), TypeError);
    await assertRejects(() => a.receive([] as unknown as Uint8Array<ArrayBuffer>), TypeError);
    const wait = { timeout: "1" as unknown as number };
    await assertRejects(() => a.receive(undefined, wait), TypeError);
  });

  test("an address in use is EADDRINUSE, at once", (a) => {
    try {
      listenPacketOn(over(kind.open), kind.network, String(a.addr)).close();
    } catch (error) {
      assert(error instanceof OpError);
      assertEquals([error.op, error.code, error.addr], ["listen", "EADDRINUSE", String(a.addr)]);
      return Promise.resolve();
    }
    throw new Error("bound twice");
  });

  const dial = (to: PacketConn) =>
    dialPacketOn(over(kind.open), kind.network, to.addr as NetAddress | UnixAddress);

  test("a dialled socket hears its peer and no stranger", async (peer, stranger) => {
    using conn = dial(peer);
    await stranger.send(encode("psst"), String(conn.localAddr));
    await conn.write(encode("ping"));
    const [data, from] = await peer.receive();
    assertEquals([decode(data), String(from)], ["ping", String(conn.localAddr)]);
    await stranger.send(encode("psst again"), from);
    await peer.send(encode("pong"), from);
    const p = new Uint8Array(16);
    assertEquals(decode(p.subarray(0, (await conn.read(p))!)), "pong");
  });

  test("a dialled socket drops what p is too short for", async (peer) => {
    using conn = dial(peer);
    for (const each of ["abcdef", "", "xy"]) await peer.send(encode(each), conn.localAddr);
    const p = new Uint8Array(4);
    assertEquals([await conn.read(p), decode(p)], [4, "abcd"]);
    assertEquals([await conn.read(p), await conn.read(p)], [0, 2]);
    assertEquals(await conn.read(new Uint8Array(0)), 0);
  });

  test("closeWrite() ends the writes and not the reads", async (peer) => {
    using conn = dial(peer);
    await conn.closeWrite();
    const error = await assertRejects(() => conn.write(encode("x")), OpError, "broken pipe");
    assertEquals([error.code, error.bytesWritten], ["EPIPE", 0]);
    await peer.send(encode("still"), conn.localAddr);
    assertEquals(await conn.read(new Uint8Array(16)), 5);
    conn.close();
    await assertRejects(() => conn.closeWrite(), ClosedError);
  });

  test("the streams of a dialled socket carry messages", async (peer) => {
    using conn = dial(peer);
    const writer = conn.writable.getWriter();
    await writer.write(encode("one"));
    await writer.write(encode("two"));
    assertEquals([await text(peer.receive()), await text(peer.receive())], ["one", "two"]);
    const reader = conn.readable.getReader();
    for (const each of ["three", "four"]) await peer.send(encode(each), conn.localAddr);
    assertEquals(decode((await reader.read()).value!), "three");
    assertEquals(decode((await reader.read()).value!), "four");
    await reader.cancel();
    await writer.close();
    await assertRejects(() => conn.read(new Uint8Array(1)), ClosedError);
  });

  connContract(`${kind.name}, dialled`, () => {
    const open = () =>
      kind.network === "udp" ? kind.open({ hostname: "127.0.0.1", port: 0 }) : openUnixgram();
    const [one, other] = [open(), open()];
    return Promise.resolve([
      new ConnectedPacketConn(kind.network, one, other.addr),
      new ConnectedPacketConn(kind.network, other, one.addr),
    ]);
  }, { messages: true, buffered: true });
}
