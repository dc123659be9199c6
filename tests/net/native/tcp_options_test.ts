import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ClosedError, OpError } from "../../../net/errors.ts";
import type { Control } from "../../../net/native/control.ts";
import { listenNativeTcp } from "../../../net/native/tcp.ts";
import {
  getsockopt,
  IPPROTO_TCP,
  SO_KEEPALIVE,
  SO_REUSEPORT,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
} from "../../../sys/mod.ts";
import {
  assertNoFdLeak,
  connectHere,
  deno,
  listener,
  listenHere,
  portOf,
  source,
  tcpPair,
  testWith,
} from "./support.ts";

Deno.test("setLinger(0) makes close() a reset, which the peer's read tells", async () => {
  const [a, b] = await tcpPair();
  a.setLinger(0);
  a.close();
  const error = await assertRejects(() => b.read(new Uint8Array(1)), OpError);
  assertEquals(error.code, "ECONNRESET");
  // It stays a failure, and does not turn into an orderly end.
  await assertRejects(() => b.read(new Uint8Array(1)), OpError);
  // There is nothing left to shut down.
  await b.closeWrite();
  b.close();
});

/** What the kernel says of the socket a `control` saw. */
const kept = (fd: number) => ({
  on: getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE),
  idle: getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE),
  interval: getsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL),
  count: getsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT),
});

Deno.test("keep-alive and no-delay are on by default, and as asked for otherwise", async () => {
  using server = listenHere();
  const port = portOf(server);
  let fd = -1;
  const control = (_network: string, _address: string, socket: { fd: number }) => {
    fd = socket.fd;
  };
  {
    using conn = await connectHere(port, { control });
    assertEquals(kept(fd), { on: 1, idle: 15, interval: 15, count: 9 });
    assertEquals(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    conn.setKeepAlive({ idle: 40_000, count: 3 });
    assertEquals(kept(fd), { on: 1, idle: 40, interval: 15, count: 3 });
    conn.setKeepAlive(false);
    assertEquals(kept(fd).on, 0);
    conn.setNoDelay(false);
    assertEquals(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY), 0);
  }
  {
    const keepAlive = { idle: 11_000, interval: 3_000, count: 5 };
    using _conn = await connectHere(port, { control, keepAlive, noDelay: false });
    assertEquals(kept(fd), { on: 1, idle: 11, interval: 3, count: 5 });
    assertEquals(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY), 0);
  }
  {
    using _conn = await connectHere(port, { control, keepAlive: false });
    assertEquals(kept(fd).on, 0);
  }
  const bad = { keepAlive: { idle: -1 } };
  await assertNoFdLeak(() => assertRejects(() => connectHere(port, bad), RangeError));
});

testWith(
  "ss",
  "ss shows the keep-alive timer of a dialled and an accepted connection",
  async () => {
    const keepAlive = { idle: 1_000_000, interval: 3_000, count: 5 };
    const parts = listenNativeTcp({ network: "tcp4", hostname: "127.0.0.1", port: 0, keepAlive });
    using server = listener(parts);
    const port = portOf(server);
    using _client = await connectHere(port, { keepAlive: { idle: 2_000_000 } });
    using _accepted = await server.accept();
    const args = ["-Htno", `( sport = :${port} or dport = :${port} )`];
    const { stdout } = await new Deno.Command("ss", { args }).output();
    const timers = [...new TextDecoder().decode(stdout).matchAll(/timer:\(keepalive,(\d+)min/g)]
      .map(([, minutes]) => Number(minutes)).sort();
    assertEquals(timers, [16, 33]);
  },
);

Deno.test("control sees the concrete network and the address, and may set options", async () => {
  const seen: string[] = [];
  const note = (network: string, address: string) => seen.push(`${network} ${address}`);
  using server = listener(
    listenNativeTcp({ network: "tcp", hostname: undefined, port: 0, control: note }),
  );
  const port = portOf(server);
  using four = listener(
    listenNativeTcp({ network: "tcp", hostname: "127.0.0.1", port: 0, control: note }),
  );
  let fd = -1;
  using _conn = await connectHere(port, {
    control: (network, address, socket) => {
      note(network, address);
      socket.setsockopt(IPPROTO_TCP, TCP_KEEPCNT, 77);
      assertEquals(socket.getsockopt(IPPROTO_TCP, TCP_KEEPCNT), 77);
      fd = socket.fd;
    },
    keepAlive: false,
  });
  assertEquals(seen, ["tcp6 [::]:0", "tcp4 127.0.0.1:0", `tcp4 127.0.0.1:${port}`]);
  assertEquals(getsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT), 77);
  assert(portOf(four) > 0);
});

Deno.test("control comes before bind", () => {
  // SO_REUSEPORT has to be set before bind to matter.
  const control: Control = (_network, _address, socket) =>
    socket.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1);
  const where = { network: "tcp4", hostname: "127.0.0.1", control } as const;
  using one = listener(listenNativeTcp({ ...where, port: 0 }));
  using _two = listener(listenNativeTcp({ ...where, port: portOf(one) }));
});

Deno.test("what control throws fails the call, and leaves no descriptor", async () => {
  await assertNoFdLeak(async () => {
    const reason = new Error("not this one");
    const control = () => {
      throw reason;
    };
    using server = listenHere();
    assertStrictEquals(await connectHere(portOf(server), { control }).catch((e) => e), reason);
    const where = { network: "tcp4", hostname: "127.0.0.1", port: 0, control } as const;
    assertStrictEquals(assertThrows(() => listenNativeTcp(where)), reason);
  });
});

Deno.test("options of a closed connection are a ClosedError, not set on another's descriptor", async () => {
  const [a, b] = await tcpPair();
  b.close();
  a.close();
  assertThrows(() => a.setLinger(0), ClosedError);
  assertThrows(() => a.setNoDelay(), ClosedError);
  assertThrows(() => a.setKeepAlive(), ClosedError);
  assertThrows(() => a.setReadBuffer(1_000), ClosedError);
  assertThrows(() => a.setWriteBuffer(1_000), ClosedError);
});

Deno.test("reusePort lets two listeners share a port, without an unstable flag", async () => {
  const script = `
    import { StreamListener } from ${JSON.stringify(source("net/stream_listener.ts"))};
    import { connectNativeTcp, listenNativeTcp } from ${
    JSON.stringify(source("net/native/tcp.ts"))
  };
    import { Deadline } from ${JSON.stringify(source("deadline.ts"))};
    if (Deno.listenDatagram !== undefined) throw new Error("the unstable flag is set");
    const where = { network: "tcp4", hostname: "127.0.0.1", reusePort: true };
    const one = new StreamListener(listenNativeTcp({ ...where, port: 0 }));
    const { port } = one.addr;
    const two = new StreamListener(listenNativeTcp({ ...where, port }));
    const counts = [0, 0];
    const serve = async (listener, i) => {
      for await (const conn of listener) { counts[i]++; conn.close(); }
    };
    const serving = [serve(one, 0), serve(two, 1)];
    const how = { network: "tcp4", hostname: "127.0.0.1", port, deadline: new Deadline() };
    while (counts.includes(0) && counts[0] + counts[1] < 1000) {
      const conn = await connectNativeTcp(how);
      await conn.read(new Uint8Array(1));
      conn.close();
    }
    one.close();
    two.close();
    await Promise.all(serving);
    console.log(counts.includes(0) ? "only one was asked" : "both");`;
  await using child = deno(script, "--allow-ffi", "--allow-net");
  assertEquals(await child.line(), "both");
  await child.ended();
});

Deno.test("--allow-ffi for the C library alone is enough", async () => {
  const { arch } = Deno.build;
  const places = [`/lib/${arch}-linux-gnu/libc.so.6`, "/lib64/libc.so.6"];
  const path = places.find((place) => {
    try {
      return Deno.statSync(place).isFile;
    } catch {
      return false;
    }
  });
  if (path === undefined) return console.log("skipped: the C library is not where it is expected");
  const script = `
    import { StreamListener } from ${JSON.stringify(source("net/stream_listener.ts"))};
    import { connectNativeTcp, listenNativeTcp } from ${
    JSON.stringify(source("net/native/tcp.ts"))
  };
    import { Deadline } from ${JSON.stringify(source("deadline.ts"))};
    const where = { network: "tcp4", hostname: "127.0.0.1" };
    const listener = new StreamListener(listenNativeTcp({ ...where, port: 0 }));
    const how = { ...where, port: listener.addr.port, deadline: new Deadline() };
    const [a, b] = await Promise.all([connectNativeTcp(how), listener.accept()]);
    const p = new Uint8Array(8);
    const reading = b.read(p);
    await a.write(new Uint8Array([42]));
    console.log(await reading, p[0]);`;
  await using child = deno(script, `--allow-ffi=${path}`);
  assertEquals(await child.line(), "1 42");
  await child.ended();
});
