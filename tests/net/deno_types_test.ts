/** Plumb's connections go wherever Deno's do: the type check of this file is the test of that. */
import { assert, assertEquals } from "@std/assert";
import * as net from "../../net/mod.ts";

Deno.test("a TCP connection and its listener pass for Deno's own", async () => {
  using listener = net.listen("tcp", "127.0.0.1:0");
  const asListener: Deno.Listener = listener;
  const [client, server]: [Deno.TcpConn, Deno.Conn] = await Promise.all([
    net.dial("tcp", listener.addr.toString()),
    asListener.accept(),
  ]);
  client.setNoDelay(true);
  await client.write(new TextEncoder().encode("hello"));
  await client.closeWrite();
  assertEquals(await new Response(server.readable).text(), "hello");
  client.close();
  server.close();
});

Deno.test("a packet connection passes for Deno's own, but for multicast", async () => {
  using socket = net.listenPacket("udp", "127.0.0.1:0");
  const asDeno: Pick<Deno.DatagramConn, "addr" | "send" | "receive" | "close"> = socket;
  await asDeno.send(Uint8Array.of(1), asDeno.addr);
  const [data] = await asDeno.receive();
  assertEquals(data, Uint8Array.of(1));
});

Deno.test("the network decides the type of a connection, also one known at run time only", () => {
  const types = (network: net.Network) => ({
    tcp: () => net.dial("tcp", "h:1") satisfies Promise<net.TcpConn>,
    unix: () => net.dial("unix", "/p") satisfies Promise<net.UnixConn>,
    tls: () => net.dialTls("tcp", "h:1") satisfies Promise<Deno.TlsConn>,
    any: () => net.dial(network, "h:1") satisfies Promise<Deno.Conn>,
  });
  assert(Object.values(types("udp")).every((dial) => typeof dial === "function"));
});

Deno.test("an address and a connection have the types of their network", async () => {
  using listener = net.listen("tcp", "127.0.0.1:0");
  const port: number = listener.addr.port;
  using conn = await net.dialTimeout("tcp4", `127.0.0.1:${port}`, 2_000);
  conn.setNoDelay(false);
  assertEquals(conn.remoteAddr.port, port);
});
