/**
 * What `udp_echo.go` is, on Plumb: sends back every datagram, one at a time, or as they come when
 * its argument is `batches`.
 */
import process from "node:process";
import { listenPacket, type PacketConn } from "../../net/mod.ts";

async function echo(conn: PacketConn): Promise<void> {
  for (;;) {
    const [data, from] = await conn.receive();
    await conn.send(data, from);
  }
}

async function echoBatches(conn: PacketConn): Promise<void> {
  for (;;) await conn.sendBatch(await conn.receiveBatch());
}

const conn = listenPacket("udp4", "127.0.0.1:0", { engine: "native" });
(Deno.args[0] === "batches" ? echoBatches : echo)(conn);
console.log("port" in conn.addr ? conn.addr.port : 0);
// Each chunk is one line: whoever asks waits for the answer.
for await (const _ of Deno.stdin.readable) {
  const { user, system } = process.cpuUsage();
  console.log(user + system);
}
Deno.exit();
