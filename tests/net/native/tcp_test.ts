import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Deadline, isTimeout } from "../../../deadline.ts";
import { netAddress } from "../../../net/address.ts";
import type { Conn, NetAddress } from "../../../net/conn.ts";
import { AddressError, ClosedError, OpError } from "../../../net/errors.ts";
import type { Control } from "../../../net/native/control.ts";
import { setLinger } from "../../../net/native/options.ts";
import { connectNativeTcp, listenNativeTcp } from "../../../net/native/tcp.ts";
import { RuntimeTcpConn } from "../../../net/runtime/tcp.ts";
import { bind, SyscallError } from "../../../sys/mod.ts";
import { connContract } from "../../support/conn_contract.ts";
import { encode, pass, pattern, readFull, readText, soon } from "../../support/conn_helpers.ts";
import {
  assertNoFdLeak,
  connectHere,
  deno,
  listener,
  listenHere,
  portOf,
  python,
  readAll,
  source,
  tcpPair,
  testWith,
} from "./support.ts";

connContract("native TCP", tcpPair, { buffered: true });

connContract("native TCP client, runtime server", async () => {
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [a, b] = await Promise.all([connectHere(server.addr.port), server.accept()]);
  return [a, new RuntimeTcpConn(b)];
}, { buffered: true });

connContract("runtime client, native TCP server", async () => {
  using server = listenHere();
  const port = portOf(server);
  const [a, b] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port }),
    server.accept(),
  ]);
  return [new RuntimeTcpConn(a), b];
}, { buffered: true });

/** A port of 127.0.0.1 that nothing listens on, held so that nothing can. */
async function refusing(use: (port: number) => Promise<void>): Promise<void> {
  // Bound by one end of a connection, it is taken, and refuses.
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  using _accepted = await server.accept();
  await use(client.localAddr.port);
}

/** A port of 127.0.0.1 whose listener answers nobody: its backlog is full. */
async function silent(use: (port: number) => Promise<void>): Promise<void> {
  const parts = listenNativeTcp({ network: "tcp4", hostname: "127.0.0.1", port: 0, backlog: 1 });
  using server = listener(parts);
  const port = portOf(server);
  const queued: Conn[] = [];
  try {
    for (;;) queued.push(await connectHere(port, { deadline: new Deadline({ timeout: 200 }) }));
  } catch (error) {
    assert(isTimeout(error), String(error));
  }
  try {
    await use(port);
  } finally {
    for (const conn of queued) conn.close();
  }
}

Deno.test("both ends know both addresses", async () => {
  using server = listenHere();
  const [a, b] = await Promise.all([connectHere(portOf(server)), server.accept()]);
  assertEquals(String(a.remoteAddr), String(server.addr));
  assertEquals(String(a.localAddr), String(b.remoteAddr));
  assertEquals(String(b.localAddr), String(server.addr));
  assertEquals(a.remoteAddr.transport, "tcp");
  a.close();
  b.close();
});

Deno.test("the addresses are there, and in the errors, after close()", async () => {
  const [a, b] = await tcpPair();
  const local = a.localAddr.port;
  b.close();
  a.close();
  assertEquals(a.localAddr.port, local);
  const error = await assertRejects(() => b.read(new Uint8Array(1)), ClosedError);
  assertEquals(error.addr, `127.0.0.1:${local}`);
});

Deno.test("localAddr is the end the server sees", async () => {
  using server = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  const { port } = server.addr;
  // A port of our own, held until it is used: the kernel shares it between two addresses.
  for (const localAddr of [netAddress("tcp", "127.0.0.2", 0), netAddress("tcp", "127.0.0.3", 0)]) {
    using conn = await connectHere(port, { localAddr });
    using accepted = await server.accept();
    assertEquals(accepted.remoteAddr.hostname, localAddr.hostname);
    assertEquals(accepted.remoteAddr.port, conn.localAddr.port);
    assertEquals(conn.localAddr.hostname, localAddr.hostname);
  }
});

Deno.test("a local port is the one the server sees", async () => {
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  // Free a moment ago, and not given out again so soon.
  const free = Deno.listen({ hostname: "127.0.0.4", port: 0 });
  const { port } = free.addr;
  free.close();
  const localAddr = netAddress("tcp", "127.0.0.4", port);
  using _conn = await connectHere(server.addr.port, { localAddr });
  using accepted = await server.accept();
  assertEquals(accepted.remoteAddr.port, port);
});

Deno.test("a local end that is taken, or not ours, fails and leaves no descriptor", async () => {
  await assertNoFdLeak(async () => {
    using server = listenHere();
    const { port } = server.addr as NetAddress;
    const taken = netAddress("tcp", "127.0.0.1", port);
    const error = await assertRejects(
      () => connectHere(port, { localAddr: taken }),
      SyscallError,
    );
    assertEquals([error.syscall, error.code], ["bind", "EADDRINUSE"]);
    const foreign = netAddress("tcp", "192.0.2.1", 0);
    const other = await assertRejects(
      () => connectHere(port, { localAddr: foreign }),
      SyscallError,
    );
    assertEquals(other.code, "EADDRNOTAVAIL");
    const wrong = netAddress("tcp", "::1", 0);
    await assertRejects(() => connectHere(port, { localAddr: wrong }), AddressError);
  });
});

Deno.test("IPv6 works, and an address of the other family is refused", async () => {
  const parts = listenNativeTcp({ network: "tcp6", hostname: "::1", port: 0 });
  using server = listener(parts);
  const [a, b] = await Promise.all([
    connectHere(portOf(server), { network: "tcp6", hostname: "::1" }),
    server.accept(),
  ]);
  assertEquals(a.remoteAddr.hostname, "::1");
  assertEquals(String(a.localAddr), String(b.remoteAddr));
  a.close();
  b.close();
  await assertRejects(() => connectHere(1, { hostname: "::1" }), AddressError);
  await assertRejects(() => connectHere(1, { network: "tcp6" }), AddressError);
  assertThrows(
    () => listenNativeTcp({ network: "tcp4", hostname: "::1", port: 0 }),
    AddressError,
  );
});

Deno.test("a tcp listener on all addresses takes both families, IPv4 peers as IPv4", async () => {
  using server = listener(listenNativeTcp({ network: "tcp", hostname: undefined, port: 0 }));
  for (const [network, hostname] of [["tcp4", "127.0.0.1"], ["tcp6", "::1"]] as const) {
    using _client = await connectHere(portOf(server), { network, hostname });
    using accepted = await server.accept();
    assertEquals(accepted.remoteAddr.hostname, hostname);
    assertEquals(accepted.localAddr.hostname, hostname);
  }
});

Deno.test("a tcp6 listener on all addresses leaves IPv4 alone, and the reverse", async () => {
  using six = listener(listenNativeTcp({ network: "tcp6", hostname: undefined, port: 0 }));
  const port = portOf(six);
  // The very same port is free for IPv4.
  using four = listener(listenNativeTcp({ network: "tcp4", hostname: undefined, port }));
  using _a = await connectHere(port);
  using a = await four.accept();
  assertEquals(a.remoteAddr.hostname, "127.0.0.1");
  using _b = await connectHere(port, { network: "tcp6", hostname: "::1" });
  using b = await six.accept();
  assertEquals(b.remoteAddr.hostname, "::1");
});

Deno.test("a port that is taken is EADDRINUSE, and leaves no descriptor", async () => {
  await assertNoFdLeak(() => {
    using server = listenHere();
    const port = portOf(server);
    const error = assertThrows(
      () => listenNativeTcp({ network: "tcp4", hostname: "127.0.0.1", port }),
      SyscallError,
    );
    assertEquals([error.syscall, error.code], ["bind", "EADDRINUSE"]);
  });
});

Deno.test("a port just used can be listened on again at once", async () => {
  const server = listenHere();
  const port = portOf(server);
  const [a, b] = await Promise.all([connectHere(port), server.accept()]);
  server.close();
  b.close(); // the server's side lingers in TIME_WAIT
  assertEquals(await readText(a), null);
  a.close();
  using _again = listener(listenNativeTcp({ network: "tcp4", hostname: "127.0.0.1", port }));
});

Deno.test("a refused connection is ECONNREFUSED, and leaves no descriptor", async () => {
  await refusing((port) =>
    assertNoFdLeak(async () => {
      for (let i = 0; i < 20; i++) {
        const error = await assertRejects(() => connectHere(port), SyscallError);
        assertEquals([error.syscall, error.code], ["connect", "ECONNREFUSED"]);
      }
    })
  );
});

Deno.test("a connection that met itself is refused after some tries, and leaves no descriptor", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  let tries = 0;
  // What the kernel does now and then when it chooses a port: it is the one dialled.
  const control: Control = (_network, _address, { fd }) => {
    tries++;
    setLinger(fd, 0);
    bind(fd, { family: "inet", hostname: "127.0.0.1", port });
  };
  await assertNoFdLeak(() =>
    assertRejects(() => connectHere(port, { control }), Deno.errors.ConnectionRefused)
  );
  assertEquals(tries, 3);
});

Deno.test("a connection that does not come about in time leaves no descriptor", async () => {
  await silent((port) =>
    assertNoFdLeak(async () => {
      const late = new Deadline({ timeout: soon }, { phase: "dial" });
      assert(isTimeout(await assertRejects(() => connectHere(port, { deadline: late }))));
      const over = new Deadline({ timeout: -1 });
      assert(isTimeout(await assertRejects(() => connectHere(port, { deadline: over }))));
    })
  );
});

Deno.test("an aborted connection rejects with the reason unchanged, and leaves no descriptor", async () => {
  await silent((port) =>
    assertNoFdLeak(async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const reason = { why: "enough" };
      const dialing = connectHere(port, { deadline: new Deadline({ signal }) }).catch((e) => e);
      controller.abort(reason);
      assertStrictEquals(await dialing, reason);
      const again = connectHere(port, { deadline: new Deadline({ signal }) }).catch((e) => e);
      assertStrictEquals(await again, reason);
    })
  );
});

Deno.test("2,000 connections opened and closed leave the descriptors as they were", async () => {
  await assertNoFdLeak(async () => {
    using server = listenHere();
    const port = portOf(server);
    for (let i = 0; i < 2_000; i++) {
      using _a = await connectHere(port);
      using b = await server.accept();
      b.setLinger(0); // no TIME_WAIT: ports are few
    }
  });
});

Deno.test("a connection nobody accepted is closed with the listener", async () => {
  await assertNoFdLeak(async () => {
    const server = listenHere();
    const accepting = assertRejects(() => server.accept({ timeout: soon }), OpError);
    await accepting;
    using client = await connectHere(portOf(server));
    await pass(client, soon); // the parked accept has taken it by then
    server.close();
    const ended = await client.read(new Uint8Array(1)).catch((error) => error.code);
    assert(ended === null || ended === "ECONNRESET", String(ended));
  });
});

Deno.test("close() ends a pending accept with ClosedError", async () => {
  const server = listenHere();
  const accepting = assertRejects(() => server.accept(), ClosedError);
  server.close();
  server.close();
  await accepting;
});

Deno.test("an accept that gave up leaves the connection to the next", async () => {
  using server = listenHere();
  const error = await assertRejects(() => server.accept({ timeout: soon }), OpError);
  assert(error.timeout);
  using client = await connectHere(portOf(server));
  using accepted = await server.accept();
  assertEquals(String(accepted.remoteAddr), String(client.localAddr));
});

Deno.test("a connection reset before it is accepted does not end the listener", async () => {
  using server = listenHere();
  const gone = await connectHere(portOf(server));
  gone.setLinger(0);
  gone.close();
  using client = await connectHere(portOf(server));
  for (;;) {
    using accepted = await server.accept();
    if (String(accepted.remoteAddr) === String(client.localAddr)) break;
    await assertRejects(() => accepted.read(new Uint8Array(1)), OpError);
  }
});

Deno.test("a script that only opened and closed connections ends by itself, at once", async () => {
  const script = `
    import { StreamListener } from ${JSON.stringify(source("net/stream_listener.ts"))};
    import { connectNativeTcp, listenNativeTcp } from ${
    JSON.stringify(source("net/native/tcp.ts"))
  };
    import { Deadline } from ${JSON.stringify(source("deadline.ts"))};
    const listener = new StreamListener(
      listenNativeTcp({ network: "tcp4", hostname: "127.0.0.1", port: 0 }));
    const { port } = listener.addr;
    const how = { network: "tcp4", hostname: "127.0.0.1", port, deadline: new Deadline() };
    for (let i = 0; i < 10; i++) {
      const [a, b] = await Promise.all([connectNativeTcp(how), listener.accept()]);
      const reading = b.read(new Uint8Array(8)).catch(() => {});
      if (i % 2) await a.write(new Uint8Array(1));
      a.close();
      await reading;
      b.close();
    }
    const [idle] = await Promise.all([connectNativeTcp(how), listener.accept()]);
    idle.read(new Uint8Array(1), { timeout: 10 }).catch(() => {
      const end = performance.now();
      addEventListener("unload", () => console.log(performance.now() - end < 100 ? "at once" : "late"));
    });`;
  await using child = deno(script, "--allow-ffi", "--allow-net");
  assertEquals(await child.line(), "at once");
  await child.ended();
});

testWith("python", "a Python client is served", async () => {
  using server = listenHere();
  await using peer = python(
    `
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"x" * 300000)
s.shutdown(socket.SHUT_WR)
print(sum(len(d) for d in iter(lambda: s.recv(65536), b"")))`,
    String(portOf(server)),
  );
  using conn = await server.accept();
  const [got] = await Promise.all([readAll(conn), conn.write(pattern(200_000))]);
  assertEquals(got.length, 300_000);
  await conn.closeWrite();
  assertEquals(await peer.line(), "200000");
  await peer.ended();
});

testWith("python", "a Python server is dialled", async () => {
  await using peer = python(`
import socket
l = socket.create_server(("127.0.0.1", 0))
print(l.getsockname()[1])
c, addr = l.accept()
print(addr[1])
while True:
    d = c.recv(65536)
    if not d: break
    c.sendall(d.upper())
c.close()`);
  using conn = await connectHere(Number(await peer.line()));
  assertEquals(await peer.line(), String(conn.localAddr.port));
  await conn.write(encode("hello"));
  assertEquals(new TextDecoder().decode(await readFull(conn, 5)), "HELLO");
  await conn.closeWrite();
  assertEquals(await readText(conn), null);
  await peer.ended();
});

Deno.test("connectNativeTcp() refuses a port that is none", async () => {
  const deadline = new Deadline();
  const how = { network: "tcp4", hostname: "127.0.0.1", port: 70_000, deadline } as const;
  await assertNoFdLeak(() => assertRejects(() => connectNativeTcp(how), RangeError));
});
