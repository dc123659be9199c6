/** Messages against socat, which gives back one at a time what it gets. */
import { assertEquals } from "@std/assert";
import { type Conn, dial, type Engine, listenPacket, type Network } from "../../net/mod.ts";
import { poller } from "../../sys/mod.ts";
import { encode, kib } from "../support/conn_helpers.ts";
import { addressOf, withPath } from "./meeting.ts";
import { limit, Peer } from "./peer.ts";
import { programs, socatCommand } from "./programs.ts";

Deno.test.afterEach(() => poller.idle());

const networks: Network[] = ["udp4", "udp6", "unixgram"];
const engines: Engine[] = ["runtime", "native"];
const ignore = programs.find(({ name }) => name === "socat")!.missing;

/** No empty one: it is an end to socat. */
const texts = ["a", "two", "c".repeat(1472), "d".repeat(8000), "e"];

/** Each message comes back as it was before the next one is sent. */
async function echoed(conn: Conn): Promise<void> {
  const p = new Uint8Array(64 * kib);
  for (const text of texts) {
    assertEquals(await conn.write(encode(text)), text.length);
    assertEquals(new TextDecoder().decode(p.subarray(0, (await conn.read(p))!)), text);
  }
}

for (const engine of engines) {
  for (const network of networks) {
    // UNIX-RECVFROM takes one message and answers it; UDP-LISTEN stays with its first peer.
    const few = network === "unixgram";
    Deno.test({
      name: `socat, ${network}, we dial, ${engine} engine: it answers ${few ? "once" : "each"}`,
      ignore,
      fn: () =>
        withPath(async (path) => {
          const address = addressOf(network, 0, path);
          await using peer = new Peer(
            socatCommand({ role: "serve", network, address }, few ? "EXEC:tac" : "EXEC:cat"),
          );
          const target = addressOf(network, await peer.port, path);
          using conn = await dial(network, target, { engine, timeout: limit });
          conn.setDeadline(Date.now() + limit);
          if (!few) return await echoed(conn);
          await conn.write(encode("first\nsecond\n"));
          const p = new Uint8Array(kib);
          const text = new TextDecoder().decode(p.subarray(0, (await conn.read(p))!));
          assertEquals(text, "second\nfirst\n");
        }),
    });
    Deno.test({
      name: `socat, ${network}, they dial, ${engine} engine: each is a message, and is answered`,
      ignore,
      fn: () =>
        withPath(async (path) => {
          using conn = listenPacket(network, addressOf(network, 0, path), { engine });
          conn.setDeadline(Date.now() + limit);
          const address = String(conn.addr);
          await using peer = new Peer(socatCommand({ role: "call", network, address }, "STDIO"));
          for (const text of texts) {
            await peer.say(text);
            const [data, from] = await conn.receive();
            assertEquals(new TextDecoder().decode(data), text);
            await conn.send(encode(text.toUpperCase()), from);
            assertEquals(await peer.hearText(text), text.toUpperCase());
          }
        }),
    });
  }
}
