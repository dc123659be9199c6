import { assert, assertEquals, assertThrows } from "@std/assert";
import { netAddress } from "../../../net/address.ts";
import { OpError, UnsupportedError } from "../../../net/errors.ts";
import { findDescriptor, tcpOption } from "../../../net/native/descriptor.ts";
import { setKeepAlive, setLinger } from "../../../net/native/options.ts";
import { RuntimeTcpConn } from "../../../net/runtime/tcp.ts";
import {
  getpeername,
  getsockname,
  getsockopt,
  getsockoptLinger,
  IPPROTO_TCP,
  TCP_KEEPIDLE,
} from "../../../sys/mod.ts";
import { deno, source } from "./support.ts";

/** Many connections of the runtime to one listener, both ends. */
async function runtimePairs(
  count: number,
  use: (pairs: [RuntimeTcpConn, RuntimeTcpConn][]) => void,
): Promise<void> {
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const pairs: [RuntimeTcpConn, RuntimeTcpConn][] = [];
  for (let i = 0; i < count; i++) {
    const [a, b] = await Promise.all([
      Deno.connect({ hostname: "127.0.0.1", port: server.addr.port }),
      server.accept(),
    ]);
    pairs.push([new RuntimeTcpConn(a), new RuntimeTcpConn(b)]);
  }
  try {
    use(pairs);
  } finally {
    for (const conn of pairs.flat()) conn.close();
  }
}

Deno.test("findDescriptor() finds the right one among many, each end its own", async () => {
  await runtimePairs(30, (pairs) => {
    const found = new Set<number>();
    for (const conn of pairs.flat()) {
      const fd = findDescriptor(conn.localAddr, conn.remoteAddr);
      assert(fd !== undefined);
      found.add(fd);
      const [local, remote] = [getsockname(fd), getpeername(fd)];
      assert(local.family === "inet" && remote.family === "inet");
      assertEquals([local.port, remote.port], [conn.localAddr.port, conn.remoteAddr.port]);
    }
    assertEquals(found.size, 60);
  });
});

Deno.test("findDescriptor() finds an IPv4 connection accepted by an IPv6 listener", async () => {
  using server = Deno.listen({ hostname: "::", port: 0 });
  using a = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  using b = new RuntimeTcpConn(await server.accept());
  const fd = findDescriptor(b.localAddr, b.remoteAddr);
  assert(fd !== undefined);
  const remote = getpeername(fd);
  assert(remote.family === "inet6");
  assertEquals(remote.port, a.localAddr.port);
});

Deno.test("findDescriptor() gives undefined when there is none, or no more", async () => {
  const nowhere = netAddress("tcp", "127.0.0.1", 1);
  assertEquals(findDescriptor(nowhere, nowhere), undefined);
  await runtimePairs(1, ([[a]]) => {
    const { localAddr, remoteAddr } = a;
    // Not the listener, which has the same local end and no peer.
    assertEquals(findDescriptor(remoteAddr, nowhere), undefined);
    a.close();
    assertEquals(findDescriptor(localAddr, remoteAddr), undefined);
  });
});

Deno.test("tcpOption() sets the options of a runtime connection", async () => {
  await runtimePairs(3, (pairs) => {
    const [conn, other] = pairs[1];
    tcpOption("set linger", conn, (fd) => setLinger(fd, 7));
    tcpOption("set keep-alive", conn, (fd) => setKeepAlive(fd, { idle: 42_000 }));
    const fd = findDescriptor(conn.localAddr, conn.remoteAddr)!;
    assertEquals(getsockoptLinger(fd), 7);
    assertEquals(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE), 42);
    const end = findDescriptor(other.localAddr, other.remoteAddr)!;
    assertEquals(getsockoptLinger(end), null);
  });
});

Deno.test("tcpOption() says so when the connection has ended", () => {
  const nowhere = netAddress("tcp", "127.0.0.1", 1);
  const conn = { localAddr: nowhere, remoteAddr: nowhere };
  const set = () => {
    throw new Error("called");
  };
  const error = assertThrows(() => tcpOption("set linger", conn, set), OpError);
  assertEquals(error.code, "ENOTCONN");
});

const script = (body: string) => `
  import { findDescriptor, tcpOption } from ${JSON.stringify(source("net/native/descriptor.ts"))};
  import { setLinger } from ${JSON.stringify(source("net/native/options.ts"))};
  import { RuntimeTcpConn } from ${JSON.stringify(source("net/runtime/tcp.ts"))};
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conn = new RuntimeTcpConn(
    await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port }));
  ${body}
  Deno.exit();`;

Deno.test("with no more than --allow-ffi, the descriptors are tried one by one", async () => {
  const find = "console.log(findDescriptor(conn.localAddr, conn.remoteAddr) > 2);";
  await using child = deno(script(find), "--allow-ffi", "--allow-net");
  assertEquals(await child.line(), "true");
});

Deno.test("without --allow-ffi, an option that needs it is an UnsupportedError that says so", async () => {
  const set = `
    try {
      tcpOption("set linger", conn, (fd) => setLinger(fd, 0));
    } catch (error) {
      console.log(error.message);
    }`;
  await using child = deno(script(set), "--allow-net");
  const message = await child.line();
  const { message: expected } = new UnsupportedError(
    "set linger",
    "the runtime's sockets need system calls for it, run again with --allow-ffi",
  );
  assertEquals(message, expected);
});
