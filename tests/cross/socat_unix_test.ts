/** Unix sockets of messages against socat; UDP and Python are in tests/net. */
import { assertEquals } from "@std/assert";
import { dial, listen, listenPacket } from "../../net/mod.ts";
import { poller } from "../../sys/mod.ts";
import { encode } from "../support/conn_helpers.ts";
import { Peer, socat, whenInstalled } from "./socat.ts";

Deno.test.afterEach(() => poller.idle());

const text = (data: Uint8Array) => new TextDecoder().decode(data);
const patience = () => Date.now() + 20_000;

/** A directory for sockets, for the time of `body`. */
async function inDirectory(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = Deno.makeTempDirSync();
  try {
    await body(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

whenInstalled(
  "socat",
  "socat dials unixpacket, and its messages keep their bounds",
  () =>
    inDirectory(async (dir) => {
      using listener = listen("unixpacket", `${dir}/socket`);
      listener.setDeadline(patience());
      await using peer = new Peer("socat", ["-t", "10", "-", `UNIX-CONNECT:${dir}/socket,type=5`]);
      await peer.say("first");
      using conn = await listener.accept();
      conn.setDeadline(patience());
      const p = new Uint8Array(100);
      assertEquals(text(p.subarray(0, await conn.read(p) ?? 0)), "first");
      await peer.say("second");
      assertEquals(text(p.subarray(0, await conn.read(p) ?? 0)), "second");
      await conn.write(encode("answer"));
      await peer.endInput();
      assertEquals(await conn.read(p), null);
      conn.close();
      assertEquals(await peer.rest(), "answer");
    }),
);

whenInstalled("socat", "socat answers over unixpacket", async () => {
  await using server = await socat.echoServer("unixpacket");
  using conn = await dial("unixpacket", server.address, { timeout: 10_000 });
  conn.setDeadline(patience());
  const p = new Uint8Array(100);
  for (const message of ["one", "two, longer", "3"]) {
    await conn.write(encode(message));
    assertEquals(text(p.subarray(0, await conn.read(p) ?? 0)), message);
  }
});

for (const engine of ["runtime", "native"] as const) {
  whenInstalled(
    "socat",
    `socat gets an answer over unixgram on the ${engine} engine`,
    () =>
      inDirectory(async (dir) => {
        using socket = listenPacket("unixgram", `${dir}/socket`, { engine });
        socket.setDeadline(patience());
        const target = `UNIX-SENDTO:${dir}/socket,bind=${dir}/peer`;
        await using peer = new Peer("socat", ["-t", "10", "-", target]);
        await peer.say("hello");
        const [data, from] = await socket.receive();
        assertEquals([text(data), String(from)], ["hello", `${dir}/peer`]);
        await socket.send(encode("HELLO\n"), from);
        assertEquals(await peer.line(), "HELLO");
      }),
  );

  whenInstalled(
    "socat",
    `socat hears a dialed unixgram on the ${engine} engine`,
    () =>
      inDirectory(async (dir) => {
        await using peer = new Peer("socat", ["-u", `UNIX-RECV:${dir}/peer`, "-"]);
        // Its socket is there a moment after it has started.
        const until = patience();
        let conn;
        while (conn === undefined) {
          conn = await dial("unixgram", `${dir}/peer`, { engine }).catch((error) => {
            if (Date.now() > until) throw error;
          });
        }
        await conn.write(encode("over here\n"));
        assertEquals(await peer.line(), "over here");
        conn.close();
      }),
  );
}
