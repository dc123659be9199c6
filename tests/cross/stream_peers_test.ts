/** Streams against other people's programs, both ways, on both engines. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Conn, dial, type Engine, listen, type Listener, OpError } from "../../net/mod.ts";
import { poller } from "../../sys/mod.ts";
import { encode } from "../support/conn_helpers.ts";
import { goStream, Peer, pythonStream, socat, type StreamNetwork, whenInstalled } from "./peers.ts";

Deno.test.afterEach(() => poller.idle());

const mebibyte = new Uint8Array(1 << 20).map((_, i) => (i * 31 + (i >> 8)) & 0xff);

async function sha256(data: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();
}

/** All that comes until the peer stops writing. */
async function readAll(conn: Conn): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  const p = new Uint8Array(64 * 1024);
  for (let n = await conn.read(p); n !== null; n = await conn.read(p)) parts.push(p.slice(0, n));
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

const text = (data: Uint8Array) => new TextDecoder().decode(data);

/** What keeps a test from waiting for ever for a peer that does not answer. */
const patience = () => Date.now() + 20_000;

/** Reads what a peer says to its end, and only then answers, in capitals. */
async function shoutBack(listener: Listener): Promise<void> {
  using conn = await listener.accept();
  conn.setDeadline(patience());
  await conn.write(encode(text(await readAll(conn)).toUpperCase()));
}

interface Way {
  network: StreamNetwork;
  engine: Engine;
}

const ways: Way[] = (["runtime", "native"] as const).flatMap((engine) =>
  (["tcp4", "tcp6", "unix"] as const).map((network) => ({ network, engine }))
);

for (const { network, engine } of ways) {
  const on = `over ${network} on the ${engine} engine`;

  /** Listens where a peer can dial, for the time of `body`. */
  const listening = async (body: (listener: Listener) => Promise<void>): Promise<void> => {
    const dir = Deno.makeTempDirSync();
    const address = { tcp4: "127.0.0.1:0", tcp6: "[::1]:0", unix: `${dir}/socket` }[network];
    try {
      using listener = listen(network, address, { engine });
      listener.setDeadline(patience());
      await body(listener);
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  };

  /** Dials a peer that listens. */
  const dialing = async (address: string): Promise<Conn> => {
    const conn = await dial(network, address, { engine, timeout: 10_000 });
    conn.setDeadline(patience());
    return conn;
  };

  for (
    const [program, target] of [
      ["socat", socat.target],
      ["nc", (network: StreamNetwork, address: string) => {
        if (network === "unix") return ["-N", "-U", address];
        const end = address.lastIndexOf(":");
        return ["-N", address.slice(0, end).replace(/[[\]]/g, ""), address.slice(end + 1)];
      }],
    ] as const
  ) {
    whenInstalled(
      program,
      `${program} dials ${on}, half-closes, and gets its answer`,
      () =>
        listening(async (listener) => {
          await using peer = new Peer(program, target(network, `${listener.addr}`));
          await peer.say("hello\n");
          await Promise.all([shoutBack(listener), peer.endInput()]);
          assertEquals(await peer.rest(), "HELLO\n");
        }),
    );
  }

  whenInstalled("socat", `socat answers ${on}, and ends when we do`, async () => {
    await using server = await socat.echoServer(network);
    using conn = await dialing(server.address);
    await Promise.all([conn.write(mebibyte).then(() => conn.closeWrite()), readAll(conn)]).then(
      async ([, echoed]) => assertEquals(await sha256(echoed), await sha256(mebibyte)),
    );
  });

  for (const [language, start] of [["python3", pythonStream], ["go", goStream]] as const) {
    whenInstalled(
      language,
      `${language} dials ${on}: 1 MiB each way, whole`,
      () =>
        listening(async (listener) => {
          await using peer = await start("dial", network, `${listener.addr}`);
          using conn = await listener.accept();
          conn.setDeadline(patience());
          const sent = conn.write(mebibyte).then(() => conn.closeWrite());
          const [received] = await Promise.all([readAll(conn), sent]);
          assertEquals(await peer.line(), `sent ${await sha256(received)}`);
          assertEquals(await peer.line(), `got ${await sha256(mebibyte)}`);
          assertEquals(received.length, 1 << 20);
        }),
    );

    whenInstalled(language, `${language} is dialed ${on}: 1 MiB each way, whole`, async () => {
      await using peer = await start("listen", network, "");
      using conn = await dialing(await peer.line());
      const sent = conn.write(mebibyte).then(() => conn.closeWrite());
      const [received] = await Promise.all([readAll(conn), sent]);
      assertEquals(await peer.line(), `sent ${await sha256(received)}`);
      assertEquals(await peer.line(), `got ${await sha256(mebibyte)}`);
    });
  }

  whenInstalled("python3", `python3 half-closes first ${on}, and still hears us`, async () => {
    await using peer = await pythonStream("first", network, "");
    using conn = await dialing(await peer.line());
    assertEquals(text(await readAll(conn)), "that is all");
    await conn.write(encode("not from here"));
    await conn.closeWrite();
    assertEquals(await peer.line(), "heard not from here");
  });

  whenInstalled(
    "python3",
    `python3 goes away ${on} with our data unread: never an end`,
    async () => {
      await using peer = await pythonStream("reset", network, "");
      using conn = await dialing(await peer.line());
      await conn.write(encode("unread, all but one byte"));
      assertEquals(await peer.line(), "gone");
      for (let i = 0; i < 2; i++) {
        const error = await assertRejects(() => conn.read(new Uint8Array(8)), OpError);
        assert(error.code === "ECONNRESET", error.message);
      }
    },
  );
}
