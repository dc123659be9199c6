import { assert, assertEquals, assertRejects } from "@std/assert";
import { OpError } from "../../../net/errors.ts";
import { dialTls, listenTls } from "../../../net/tls.ts";
import { assertBytes, encode, far, mib, pattern, readText } from "../../support/conn_helpers.ts";
import { noSocketLeft } from "../../support/net_helpers.ts";
import { ca, client, server, stranger } from "../../support/tls/certificates.ts";
import { installed, pythonServer } from "../../support/tls/peers.ts";

const python = installed("python3", "-V");
const options = { caCerts: [ca], alpnProtocols: ["http/1.1"], timeout: far };

for (const version of ["TLSv1_3", "TLSv1_2"]) {
  Deno.test({
    name: `a client's certificate is shown to a server that asks for one (${version})`,
    ignore: !python,
    fn: async () => {
      await using peer = await pythonServer("greet", version);
      using conn = await dialTls("tcp", peer.address, { ...options, ...client });
      assertEquals(conn.connectionState.alpnProtocol, "http/1.1");
      assertEquals(await readText(conn), "client");
      assertEquals(await readText(conn), null);
      assertEquals(await readText(conn), null);
    },
  });

  Deno.test({
    name: `a server that refuses the client's certificate is an error, not an end (${version})`,
    ignore: !python,
    fn: async () => {
      for (const own of [stranger, {}]) {
        await using peer = await pythonServer("greet", version);
        const error = await assertRejects(async () => {
          // TLS 1.3 learns of it only after the client's side of the handshake is done.
          using conn = await dialTls("tcp", peer.address, { ...options, ...own });
          await readText(conn);
        }, OpError);
        // The server's alert and the reset behind it race each other here.
        assert(["ERR_TLS", "ECONNRESET", "EPIPE"].includes(error.code), error.message);
      }
    },
  });

  Deno.test({
    name: `an end of the network without an end of TLS is an error, not an end (${version})`,
    ignore: !python,
    fn: async () => {
      await using peer = await pythonServer("cut", version);
      using conn = await dialTls("tcp", peer.address, { ...options, ...client });
      assertEquals(await readText(conn), "client");
      await conn.write(encode("x"));
      for (let i = 0; i < 2; i++) {
        const error = await assertRejects(() => readText(conn), OpError);
        assertEquals([error.op, error.code], ["read", "ECONNRESET"]);
      }
    },
  });
}

/** A known client and a server of the runtime. */
async function connected() {
  using listener = listenTls("tcp", "127.0.0.1:0", server);
  const accepted = listener.accept().then(async (conn) => (await conn.handshake(), conn));
  const dialed = dialTls("tcp", `${listener.addr}`, { caCerts: [ca], timeout: far, ...client });
  return await Promise.all([dialed, accepted]);
}

Deno.test("close() tells the peer that this is the end, after all that was written", async () => {
  const data = pattern(mib);
  const [a, b] = await connected();
  using _b = b;
  // Its session tickets come before this: closing with them unread would be a reset.
  await b.write(encode("ready"));
  assertEquals(await readText(a), "ready");
  const sent = a.write(data).then(() => a.close());
  const got = new Uint8Array(await new Response(b.readable).arrayBuffer());
  await sent;
  assertBytes(got, data);
});

Deno.test("what comes together with the end is read before it, in any pieces", async () => {
  for (let i = 0; i < 50; i++) {
    const [a, b] = await connected();
    using _a = a;
    const length = 1 + i * 997;
    await b.write(pattern(length));
    b.close();
    const p = new Uint8Array(4096);
    let total = 0;
    for (let n; (n = await a.read(p)) !== null;) total += n;
    assertEquals(total, length);
  }
});

Deno.test({
  name: "a connection closed in the middle of a write leaves no descriptor",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    noSocketLeft(async () => {
      const [a, b] = await connected();
      const writing = assertRejects(() => a.write(new Uint8Array(64 * mib)), OpError);
      assert((await b.read(new Uint8Array(8))) === 8);
      a.close();
      await writing;
      b.close();
    }),
});

Deno.test("an unread connection that is unref'd lets the process end", async () => {
  const code = `
    import { dialTls, listenTls } from "${new URL("../../../net/tls.ts", import.meta.url)}";
    import { ca, client, server } from "${new URL(
    "../../support/tls/certificates.ts",
    import.meta.url,
  )}";
    const listener = listenTls("tcp", "127.0.0.1:0", server);
    const accepted = listener.accept().then(async (c) => (await c.handshake(), c));
    const conn = await dialTls("tcp", String(listener.addr), { caCerts: [ca], ...client });
    const peer = await accepted;
    conn.unref();
    conn.read(new Uint8Array(1));
    addEventListener("unload", () => console.log("ended"));
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", "--ext=ts", code],
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(20_000),
  });
  const { stdout, code: status } = await child.output();
  assertEquals([status, new TextDecoder().decode(stdout)], [0, "ended\n"]);
});
