import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { dial } from "../../../net/dialer.ts";
import { listenRuntimeTls } from "../../../net/runtime/tls_listener.ts";
import { far, readText } from "../../support/conn_helpers.ts";
import { noSocketLeft } from "../../support/net_helpers.ts";
import { ca, server } from "../../support/tls/certificates.ts";
import { StreamConn } from "../../../net/stream.ts";

const ignore = Deno.build.os !== "linux";
const options = {
  ...server,
  hostname: "127.0.0.1",
  port: 0,
  onlyIpv6: false,
  alpnProtocols: [],
  noDelay: true,
  plainAnswer: undefined,
};

Deno.test({
  name: "listenRuntimeTls() accepts connections of the runtime's TLS",
  ignore,
  fn: async () => {
    const listener = listenRuntimeTls({ ...options, alpnProtocols: ["x"], backlog: 4 })!;
    const { port, hostname } = listener.addr;
    const dialed = Deno.connectTls({ hostname, port, caCerts: [ca], alpnProtocols: ["x"] });
    const stream = await listener.accept();
    const conn = new StreamConn(stream, "tcp", () => stream.ends);
    assertEquals(stream.alpnProtocol, undefined);
    const text = readText(conn);
    using client = await dialed;
    await client.write(new TextEncoder().encode("hello"));
    assertEquals(await text, "hello");
    assertEquals(stream.alpnProtocol, "x");
    assertEquals(stream.ends[1].port, client.localAddr.port);
    conn.close();
    listener.close();
    await assertRejects(() => listener.accept(), Deno.errors.BadResource);
  },
});

Deno.test({
  name: "listenRuntimeTls() turns IPv4 away where only IPv6 is wanted, at once",
  ignore,
  fn: () =>
    noSocketLeft(async () => {
      const listener = listenRuntimeTls({ ...options, hostname: "::", onlyIpv6: true })!;
      const { port } = listener.addr;
      const accepted = listener.accept();
      using four = await dial("tcp", `127.0.0.1:${port}`);
      const end = await four.read(new Uint8Array(1), { timeout: far }).catch(({ code }) => code);
      assert(end === null || end === "ECONNRESET");
      using _six = await Deno.connect({ hostname: "::1", port });
      const stream = await accepted;
      assertEquals(stream.ends[1].hostname, "::1");
      stream.close();
      listener.close();
    }),
});

Deno.test({
  name: "a listener whose options are refused is closed",
  ignore,
  fn: async () => {
    await noSocketLeft(async () => {
      assertThrows(() => listenRuntimeTls({ ...options, keepAlive: 1e12 }), RangeError);
      await Promise.resolve();
    });
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    const error = assertThrows(() => listenRuntimeTls({ ...options, port }));
    assert(error instanceof Deno.errors.AddrInUse);
  },
});
