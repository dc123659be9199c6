/** Streams against other people's programs, both ways and on both engines. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Conn, type Engine, OpError } from "../../net/mod.ts";
import { poller } from "../../sys/mod.ts";
import { assertBytes, encode, mib, pattern, readFull, readText } from "../support/conn_helpers.ts";
import { meet, type StreamNetwork, ways } from "./meeting.ts";
import type { Peer } from "./peer.ts";
import { type Mode, programs } from "./programs.ts";

Deno.test.afterEach(() => poller.idle());

const networks: StreamNetwork[] = ["tcp4", "tcp6", "unix"];
const engines: Engine[] = ["runtime", "native"];

/** What we send in bulk; the peer sends it backwards, so that neither passes for the other. */
const ours = pattern(mib);
const theirs = ours.toReversed();

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Reads the rest of a connection. */
async function readRest(conn: Conn): Promise<string> {
  let text = "";
  for (let part; (part = await readText(conn)) !== null;) text += part;
  return text;
}

/** What is to be seen with every program, network, engine, and way to connect. */
const cases: [name: string, mode: Mode, body: (conn: Conn, peer: Peer) => Promise<void>][] = [
  ["the peer stops writing first, and hears what we write after that", "pump", async (c, peer) => {
    await peer.say("hello");
    assertEquals(await readText(c), "hello");
    await c.write(encode("well met"));
    assertEquals(await peer.hearText("well met"), "well met");
    await peer.say("that is all");
    await peer.end();
    assertEquals(await readRest(c), "that is all");
    assertEquals(await c.read(new Uint8Array(1)), null);
    await c.write(encode("after your end"));
    assertEquals(await peer.hearText("after your end"), "after your end");
    await c.write(encode(", and mine"));
    await c.closeWrite();
    assertEquals(await peer.rest(), ", and mine");
    await peer.ended();
  }],
  [
    "we stop writing first, and hear what the peer writes after that",
    "outlast",
    async (c, peer) => {
      await c.write(encode("that is all"));
      await c.closeWrite();
      assertEquals(await peer.hearText("that is all"), "that is all");
      await peer.say("after your end");
      assertEquals(await readText(c), "after your end");
      const failed = await assertRejects(() => c.write(encode("x")), OpError);
      assertEquals(failed.code, "EPIPE");
      await peer.end();
      assertEquals(await readRest(c), "");
      await peer.ended();
    },
  ],
  ["1 MiB goes through both directions at once", "pump", async (c, peer) => {
    const [heard, read] = await Promise.all([
      peer.hear(mib),
      readFull(c, mib),
      c.write(ours),
      peer.say(theirs),
    ]);
    assertBytes(heard, ours);
    assertBytes(read, theirs);
    assertEquals([sha256(heard), sha256(read)], [sha256(ours), sha256(theirs)]);
    await Promise.all([c.closeWrite(), peer.end()]);
    assertEquals(await c.read(new Uint8Array(1)), null);
    await peer.ended();
  }],
  ["what we write comes back, and so does our end", "echo", async (c, peer) => {
    for (const text of ["a", "bc", "d".repeat(1000)]) {
      await c.write(encode(text));
      assertEquals(Buffer.from(await readFull(c, text.length)).toString(), text);
    }
    const [back] = await Promise.all([readFull(c, mib), c.write(ours)]);
    assertBytes(back, ours);
    await c.closeWrite();
    assertEquals(await c.read(new Uint8Array(1)), null);
    await peer.ended();
  }],
  ["the peer answers our end with the checksum of 1 MiB", "digest", async (c, peer) => {
    await c.write(ours);
    await c.closeWrite();
    assertEquals((await readRest(c)).slice(0, 64), sha256(ours));
    await peer.ended();
  }],
  ["a reset ends a pending read with ECONNRESET, and is never an end", "reset", async (c, peer) => {
    const p = new Uint8Array(16);
    const reading = assertRejects(() => c.read(p), OpError);
    await c.write(encode("unread"));
    await peer.say("now, please");
    assertReset(await reading);
    for (let i = 0; i < 2; i++) assertReset(await assertRejects(() => c.read(p), OpError));
  }],
  ["a reset from before the read is ECONNRESET, and never an end", "reset", async (c, peer) => {
    await c.write(encode("unread"));
    await peer.say("now, please");
    await peer.ended();
    const p = new Uint8Array(16);
    for (let i = 0; i < 3; i++) assertReset(await assertRejects(() => c.read(p), OpError));
  }],
];

function assertReset(error: OpError): void {
  assertEquals([error.op, error.code], ["read", "ECONNRESET"]);
  assert(!error.timeout);
}

for (const program of programs) {
  for (const network of networks) {
    for (const engine of engines) {
      for (const [way, role] of ways) {
        for (const [name, mode, body] of cases) {
          if (!program.modes[role].includes(mode)) continue;
          Deno.test({
            name: `${program.name}, ${network}, ${way}, ${engine} engine: ${name}`,
            ignore: program.missing,
            fn: () => meet({ program, network, engine, role, mode }, body),
          });
        }
      }
    }
  }
}
