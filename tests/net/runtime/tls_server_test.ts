import { assert, assertEquals, assertRejects } from "@std/assert";
import type { TlsConn } from "../../../net/conn.ts";
import { ClosedError, OpError } from "../../../net/errors.ts";
import { dial } from "../../../net/dialer.ts";
import { findDescriptor } from "../../../net/native/descriptor.ts";
import { dialTls, listenTls } from "../../../net/tls.ts";
import {
  getsockopt,
  IPPROTO_TCP,
  SO_RCVLOWAT,
  SOL_SOCKET,
  TCP_USER_TIMEOUT,
} from "../../../sys/mod.ts";
import { encode, far, mib, readText } from "../../support/conn_helpers.ts";
import { noSocketLeft } from "../../support/net_helpers.ts";
import { ca, server } from "../../support/tls/certificates.ts";

const ignore = Deno.build.os !== "linux";
const descriptorOf = ({ localAddr, remoteAddr }: TlsConn) => findDescriptor(localAddr, remoteAddr)!;
const held = (fd: number) => getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT) > 1;

/** Waits for what becomes true by itself. */
async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 5_000 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 1));
  assert(done());
}

Deno.test({
  name: "a connection is held until its first byte, and not after",
  ignore,
  fn: async () => {
    using listener = listenTls("tcp", "127.0.0.1:0", server);
    const { port } = listener.addr as Deno.NetAddr;
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    using conn = await listener.accept();
    assert(held(descriptorOf(conn)));
    const shaken = conn.handshake();
    using tls = await Deno.startTls(tcp, { hostname: "127.0.0.1", caCerts: [ca] });
    await Promise.all([shaken, tls.handshake()]);
    assert(!held(descriptorOf(conn)));
    await tls.write(encode("x")); // one byte is enough
    assertEquals(await readText(conn), "x");
  },
});

Deno.test({
  name: "a client that is silent for long can begin TLS all the same",
  ignore,
  fn: async () => {
    using listener = listenTls("tcp", "127.0.0.1:0", server);
    const { port } = listener.addr as Deno.NetAddr;
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    using conn = await listener.accept();
    const fd = descriptorOf(conn);
    await until(() => !held(fd));
    const shaken = conn.handshake({ timeout: far });
    using tls = await Deno.startTls(tcp, { hostname: "127.0.0.1", caCerts: [ca] });
    await Promise.all([shaken, tls.handshake()]);
  },
});

Deno.test({
  name: "a client that leaves without a word fails the handshake",
  ignore,
  fn: () =>
    noSocketLeft(async () => {
      using listener = listenTls("tcp", "127.0.0.1:0", server);
      for (const reset of [false, true]) {
        const silent = await dial("tcp", `${listener.addr}`);
        using conn = await listener.accept();
        const failed = assertRejects(() => conn.handshake(), OpError);
        if (reset) silent.setLinger(0);
        silent.close();
        assertEquals((await failed).code, "ECONNRESET");
      }
    }),
});

Deno.test({
  name: "close() leaves what is stuck to the kernel, for a time",
  ignore,
  fn: () =>
    noSocketLeft(async () => {
      using listener = listenTls("tcp", "127.0.0.1:0", server);
      const dialed = dialTls("tcp", `${listener.addr}`, { caCerts: [ca], timeout: far });
      const conn = await listener.accept();
      await conn.handshake();
      using client = await dialed;
      const stuck = assertRejects(() => conn.write(new Uint8Array(32 * mib)), ClosedError);
      assertEquals(await client.read(new Uint8Array(1)), 1);
      const fd = descriptorOf(conn);
      conn.close();
      await stuck;
      assertEquals(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 5_000);
    }),
});

Deno.test({
  name: "a client without TLS that does not close is let go of after a while",
  ignore,
  fn: async () => {
    using listener = listenTls("tcp", "127.0.0.1:0", server);
    using plain = await dial("tcp", `${listener.addr}`);
    await noSocketLeft(async () => {
      await plain.write(encode("GET / HTTP/1.1\r\n\r\n"));
      using conn = await listener.accept();
      await assertRejects(() => conn.handshake(), OpError, "does not speak TLS");
    });
    assertEquals(await readText(plain).catch(() => null), null);
  },
});
