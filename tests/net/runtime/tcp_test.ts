import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import type { TcpConn } from "../../../net/conn.ts";
import { dial } from "../../../net/dialer.ts";
import { ClosedError } from "../../../net/errors.ts";
import { listen } from "../../../net/listener.ts";
import { isClosed, mayConnect, RuntimeTcpConn } from "../../../net/runtime/tcp.ts";
import { connContract } from "../../support/conn_contract.ts";

/** A connected pair. */
async function pair(address: string): Promise<[TcpConn, TcpConn]> {
  using listener = listen("tcp", address);
  return await Promise.all([dial("tcp", listener.addr.toString()), listener.accept()]);
}

connContract("tcp", () => pair("127.0.0.1:0"), { buffered: true });
connContract("tcp over IPv6", async () => {
  const [dialled, accepted] = await pair("[::1]:0");
  return [accepted, dialled];
}, { buffered: true });

Deno.test("a TCP connection's ends are each other's", async () => {
  const [one, other] = await pair("127.0.0.1:0");
  using a = one;
  using b = other;
  assertInstanceOf(a, RuntimeTcpConn);
  assertEquals(String(a.localAddr), String(b.remoteAddr));
  assertEquals(String(a.remoteAddr), String(b.localAddr));
  const { transport, hostname, network } = a.localAddr;
  assertEquals([transport, hostname, network], ["tcp", "127.0.0.1", "tcp"]);
});

Deno.test("a closed TCP connection keeps its addresses and refuses its options", async () => {
  const [one, other] = await pair("127.0.0.1:0");
  using _ = other;
  const before = String(other.remoteAddr);
  one.setNoDelay(false);
  one.setKeepAlive(false);
  one.close();
  assertEquals(String(one.localAddr), before);
  const error = assertThrows(() => one.setNoDelay(), ClosedError);
  assertEquals(error.op, "set no delay");
  assertThrows(() => one.setKeepAlive(), ClosedError, "set keep-alive tcp");
});

Deno.test("mayConnect() follows the permissions, and takes what is no host for forbidden", async () => {
  const tcp = new URL("../../../net/runtime/tcp.ts", import.meta.url).href;
  const hosts = ["localhost", "::1", "127.0.0.1", "a host", ""];
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-config",
      `import { mayConnect } from ${JSON.stringify(tcp)};
      await Deno.permissions.revoke({ name: "net" });
      console.log(JSON.stringify(${JSON.stringify(hosts)}.map((host) => mayConnect(host, 80))));`,
    ],
  }).output();
  assertEquals(new TextDecoder().decode(stdout).trim(), JSON.stringify(hosts.map(() => false)));
  for (const host of hosts.slice(0, 3)) assertEquals(mayConnect(host, 80), true);
});

Deno.test("isClosed() tells a close on this side from other errors", () => {
  assertEquals(isClosed(new Deno.errors.BadResource("")), true);
  assertEquals(isClosed(new ClosedError({ op: "accept", network: "tcp" })), true);
  assertEquals(isClosed(new Deno.errors.ConnectionReset("")), false);
});

Deno.test("accept() passes over a connection that was reset while it waited", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  const address = listener.addr.toString();
  for (let i = 0; i < 3; i++) {
    const gone = await dial("tcp", address, { engine: "native" });
    gone.setLinger(0);
    gone.close();
  }
  using living = await dial("tcp", address);
  using accepted = await listener.accept();
  assertEquals(String(accepted.remoteAddr), String(living.localAddr));
});
