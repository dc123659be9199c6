/** Messages against Python and Go: bursts keep their bounds and order, the empty ones too. */
import { createHash } from "node:crypto";
import { assertEquals, assertRejects } from "@std/assert";
import {
  type Address,
  type Conn,
  dial,
  type Engine,
  listenPacket,
  type Network,
  OpError,
} from "../../net/mod.ts";
import { poller } from "../../sys/mod.ts";
import { encode, kib, readText } from "../support/conn_helpers.ts";
import { addressOf, meet, ways, withPath } from "./meeting.ts";
import { limit, Peer } from "./peer.ts";
import { programs } from "./programs.ts";

Deno.test.afterEach(() => poller.idle());

const networks: Network[] = ["udp4", "udp6", "unixgram"];
const engines: Engine[] = ["runtime", "native"];

/** One byte, nothing, what fills an Ethernet frame, several of the same, nothing again, much. */
const sizes = [1, 0, 1472, 3, 3, 3, 0, 30_000];

/** The messages of those sizes, each of its own letter. */
const burst = sizes.map((size, i) => new Uint8Array(size).fill(65 + i));

/** How messages arrived: length and first byte of each, as the peers say it. */
const seen = (messages: Uint8Array[]) => messages.map((m) => `${m.length}:${m[0] ?? ""}`).join(" ");

/** Reads a message, all of whose bytes must be the same. */
async function readMessage(conn: Conn, p = new Uint8Array(64 * kib)): Promise<Uint8Array> {
  return uniform(p.slice(0, (await conn.read(p))!));
}

function uniform(message: Uint8Array): Uint8Array {
  assertEquals(message.every((byte) => byte === message[0]), true, "bytes of one message");
  return message;
}

/** Sends the burst to a server, which says what it saw and gives it back. */
async function sendBurst(conn: Conn, peer: Peer): Promise<void> {
  for (const message of burst) assertEquals(await conn.write(message), message.length);
  await conn.write(encode("end"));
  assertEquals(await readText(conn), seen(burst));
  const back = [];
  for (const _ of burst) back.push(await readMessage(conn));
  assertEquals(seen(back), seen(burst));
  await peer.ended();
}

/** Hears the checksum of what we have written when we have stopped writing. */
async function digest(conn: Conn, peer: Peer): Promise<void> {
  for (const message of ["one", "two"]) await conn.write(encode(message));
  await conn.closeWrite();
  const sha256 = createHash("sha256").update("onetwo").digest("hex");
  assertEquals([await readText(conn), await readText(conn)], [sha256, null]);
  await peer.ended();
}

/** Is told what became of a message that the peer has not read. */
async function reset(conn: Conn, peer: Peer): Promise<void> {
  const p = new Uint8Array(16);
  const reading = assertRejects(() => conn.read(p), OpError);
  await conn.write(encode("unread"));
  await peer.say("now, please");
  const again = await reading.then(() => assertRejects(() => conn.read(p), OpError));
  for (const error of [await reading, again]) {
    assertEquals([error.op, error.code], ["read", "ECONNRESET"]);
  }
  await peer.ended();
}

const isEnd = (message: Uint8Array) => message.length === 3 && message[0] === encode("end")[0];

/** Takes the burst of a client on a connection, and gives it back. */
async function takeBurst(conn: Conn, peer: Peer): Promise<void> {
  const p = new Uint8Array(64 * kib);
  const found: Uint8Array[] = [];
  for (const _ of burst) found.push(await readMessage(conn, p));
  assertEquals([seen(found), await readText(conn)], [seen(burst), "end"]);
  for (const message of [...found, encode("end")]) await conn.write(message);
  assertEquals(await peer.rest(), `${seen(burst)}\n`);
  await peer.ended();
}

for (const program of programs.filter(({ modes }) => modes.serve.includes("messages"))) {
  const { name, missing: ignore } = program;
  for (const [way, role] of ways) {
    Deno.test({
      name: `${name}, unixpacket, ${way}: a burst of messages keeps its bounds, and comes back`,
      ignore,
      fn: () =>
        meet(
          { network: "unixpacket", engine: "native", program, role, mode: "messages", sizes },
          role === "serve" ? sendBurst : takeBurst,
        ),
    });
    Deno.test({
      name: `${name}, unixpacket, ${way}: we stop writing first, and hear what comes after that`,
      ignore,
      fn: () =>
        meet({ network: "unixpacket", engine: "native", program, role, mode: "digest" }, digest),
    });
    Deno.test({
      name: `${name}, unixpacket, ${way}: a close with data unread is ECONNRESET, and no end`,
      ignore,
      fn: () =>
        meet({ network: "unixpacket", engine: "native", program, role, mode: "reset" }, reset),
    });
  }
  for (const network of networks) {
    for (const engine of engines) {
      Deno.test({
        name: `${name}, ${network}, we dial, ${engine} engine: a burst keeps its bounds`,
        ignore,
        fn: () =>
          withPath(async (path) => {
            const address = addressOf(network, 0, path);
            const task = { role: "serve", network, mode: "messages", address } as const;
            await using peer = new Peer(await program.command(task));
            const target = addressOf(network, await peer.port, path);
            using conn = await dial(network, target, { engine, timeout: limit });
            conn.setDeadline(Date.now() + limit);
            await sendBurst(conn, peer);
          }),
      });
      Deno.test({
        name: `${name}, ${network}, they dial, ${engine} engine: a burst keeps its bounds`,
        ignore,
        fn: () =>
          withPath(async (path) => {
            using conn = listenPacket(network, addressOf(network, 0, path), { engine });
            conn.setDeadline(Date.now() + limit);
            const address = String(conn.addr);
            const task = { role: "call", network, mode: "messages", address, sizes } as const;
            await using peer = new Peer(await program.command(task));
            const found: Uint8Array[] = [];
            const senders = new Set<string>();
            let to: Address;
            for (;;) {
              const [data, from] = await conn.receive();
              senders.add(String(to = from));
              if (isEnd(data)) break;
              found.push(uniform(data));
            }
            assertEquals([seen(found), senders.size], [seen(burst), 1]);
            for (const message of [...found, encode("end")]) await conn.send(message, to);
            assertEquals(await peer.rest(), `${seen(burst)}\n`);
            await peer.ended();
          }),
      });
    }
  }
}
