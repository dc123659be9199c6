import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import { networks } from "../../net/address.ts";
import type { Network } from "../../net/conn.ts";
import { dial, Dialer, dialTimeout } from "../../net/dialer.ts";
import { AddressError, OpError, UnknownNetworkError, UnsupportedError } from "../../net/errors.ts";
import { listen } from "../../net/listener.ts";
import { listenPacket } from "../../net/packet.ts";
import type { Trace } from "../../net/trace.ts";
import { readText } from "../support/conn_helpers.ts";
import { deadPort, fullBacklog, noSocketLeft, openSockets } from "../support/net_helpers.ts";

const onLinux = Deno.build.os === "linux";
const encode = (text: string) => new TextEncoder().encode(text);

for (
  const [network, address] of [
    ["tcp", "127.0.0.1:0"],
    ["tcp4", "127.0.0.1:0"],
    ["tcp6", "[::1]:0"],
    ["unix", "socket"],
  ] as const
) {
  Deno.test(`dial() connects over ${network}`, async () => {
    const dir = await Deno.makeTempDir();
    try {
      using listener = listen(network, network === "unix" ? `${dir}/${address}` : address);
      using client = await dial(network, listener.addr.toString());
      using server = await listener.accept();
      await client.write(encode("hello"));
      assertEquals(await readText(server), "hello");
      assertEquals(client.remoteAddr.network, network === "unix" ? "unix" : "tcp");
      assertEquals(String(client.remoteAddr), String(listener.addr));
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

for (
  const [network, address] of [
    ["udp", "127.0.0.1:0"],
    ["udp4", "127.0.0.1:0"],
    ["udp6", "[::1]:0"],
    ["unixgram", "socket"],
  ] as const
) {
  Deno.test(`dial() makes a connected ${network} socket`, async () => {
    const dir = await Deno.makeTempDir();
    try {
      using peer = listenPacket(network, network === "unixgram" ? `${dir}/${address}` : address);
      using client = await dial(network, peer.addr.toString());
      await client.write(encode("hello"));
      const [data, from] = await peer.receive();
      assertEquals(new TextDecoder().decode(data), "hello");
      await peer.send(encode("answer"), from);
      assertEquals(await readText(client), "answer");
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

Deno.test("dial() says what unixpacket needs", async () => {
  const onRuntime = () => dial("unixpacket", "/run/x", { engine: "runtime" });
  const error = await assertRejects(onRuntime, UnsupportedError);
  assert(error.message.includes("unixpacket"));
});

Deno.test("dial() refuses an unknown network and lists the nine", async () => {
  for (const name of ["sctp", "TCP", "", "tcp5", "icmp"]) {
    const failing = () => dial(name as Network, "127.0.0.1:1");
    const error = await assertRejects(failing, UnknownNetworkError, networks.join(", "));
    assertEquals(error.network, name);
  }
});

for (const network of networks) {
  Deno.test(`dial() refuses an address on ${network} that is no string`, async () => {
    const failing = () => dial(network, 80 as unknown as string);
    await assertRejects(failing, TypeError, "address must be a string, got 80");
  });
}

for (
  const [network, address, reason] of [
    ["tcp", "127.0.0.1", "missing port in address"],
    ["tcp", "::1:80", "too many colons in address"],
    ["udp", "127.0.0.1:65536", "invalid port"],
    ["tcp", "host:0", "port 0 cannot be dialed"],
    ["tcp6", "127.0.0.1:80", "no suitable address"],
    ["unix", "", "empty path"],
    ["unix", "/a\0b", "NUL in path"],
  ] as const
) {
  Deno.test(`dial() refuses ${network} ${JSON.stringify(address)} before anything happens`, async () => {
    const seen: string[] = [];
    const note = (what: string) => () => void seen.push(what);
    const resolver = { lookupHost: () => (seen.push("lookup"), Promise.resolve(["127.0.0.1"])) };
    const trace: Trace = { dnsStart: note("dns"), connectStart: note("connect") };
    const options = { resolver, trace, timeout: 60_000 };
    const error = await assertRejects(() => dial(network, address, options), AddressError);
    assertEquals([error.address, error.reason, seen], [address, reason, []]);
  });
}

for (
  const [wait, type] of [
    [{ timeout: "1" }, TypeError],
    [{ timeout: NaN }, RangeError],
    [{ deadline: "now" }, TypeError],
    [{ signal: {} }, TypeError],
  ] as const
) {
  Deno.test(`dial() refuses the limit ${Deno.inspect(wait)}`, async () => {
    await assertRejects(() => dial("tcp", "127.0.0.1:1", wait as never), type);
    await assertRejects(() => new Dialer().dial("tcp", "127.0.0.1:1", wait as never), type);
  });
}

Deno.test("dial() to a port where nobody listens is refused, and says so", async () => {
  const addr = `127.0.0.1:${deadPort()}`;
  const error = await assertRejects(() => dial("tcp", addr), OpError);
  assertEquals(error.message, `dial tcp "${addr}": connection refused`);
  const { op, network, source, code, timeout, temporary } = error;
  assertEquals([op, network, source, error.addr], ["dial", "tcp", undefined, addr]);
  assertEquals([code, timeout, temporary], ["ECONNREFUSED", false, false]);
  assertInstanceOf(error.cause, Deno.errors.ConnectionRefused);
});

Deno.test("dial() to a path that is not there, or not a socket, says so", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const missing = await assertRejects(() => dial("unix", `${dir}/none`), OpError);
    assertEquals(missing.message, `dial unix "${dir}/none": no such file or directory`);
    await Deno.writeTextFile(`${dir}/file`, "");
    const file = await assertRejects(() => dial("unix", `${dir}/file`), OpError);
    assertEquals([file.code, file.addr], ["ECONNREFUSED", `${dir}/file`]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("dial() to an empty or unspecified host means this machine", async () => {
  using listener = listen("tcp", ":0");
  const { port } = listener.addr as { port: number } & typeof listener.addr;
  for (const [host, to] of [["", "127.0.0.1"], ["0.0.0.0", "127.0.0.1"], ["[::]", "[::1]"]]) {
    using client = await dial("tcp", `${host}:${port}`);
    using _ = await listener.accept();
    assertEquals(String(client.remoteAddr), `${to}:${port}`);
  }
});

Deno.test("dialTimeout() connects in time, and gives up at once when the time is over", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  using client = await dialTimeout("tcp", listener.addr.toString(), 60_000);
  assertEquals(String(client.remoteAddr), String(listener.addr));
  const late = () => dialTimeout("tcp", listener.addr.toString(), -1);
  const error = await assertRejects(late, OpError);
  assertEquals([error.code, isTimeout(error)], ["ETIMEDOUT", true]);
});

for (
  const [what, dialer, wait] of [
    ["the call's timeout", {}, { timeout: 60 }],
    ["the call's deadline", {}, { in: 60 }],
    ["the dialer's timeout", { timeout: 60 }, {}],
    ["the dialer's timeout before the call's", { timeout: 60 }, { timeout: 60_000 }],
    ["the call's timeout before the dialer's", { timeout: 60_000 }, { timeout: 60 }],
    ["the dialer's deadline before both timeouts", { in: 60, timeout: 9_000 }, { timeout: 9_000 }],
  ] as const
) {
  Deno.test({
    name: `dial() gives up when ${what} is over, and leaves nothing open`,
    ignore: !onLinux,
    fn: async () => {
      using full = await fullBacklog();
      const absolute = (limits: { timeout?: number; in?: number }) => ({
        timeout: limits.timeout,
        deadline: limits.in && Date.now() + limits.in,
      });
      await noSocketLeft(async () => {
        const start = performance.now();
        const dialing = new Dialer(absolute(dialer)).dial("tcp", full.address, absolute(wait));
        const error = await assertRejects(() => dialing, OpError);
        const took = performance.now() - start;
        assert(took >= 55 && took < 5_000, `took ${took} ms`);
        assertEquals(error.message, `dial tcp "${full.address}": timed out`);
        assert(error.timeout && error.code === "ETIMEDOUT" && isTimeout(error));
      });
    },
  });
}

Deno.test({
  name: "dial() whose time was up says so, whatever address had failed before",
  ignore: !onLinux,
  fn: async () => {
    using full = await fullBacklog("127.0.0.3");
    const resolver = { lookupHost: () => Promise.resolve(["127.0.0.2", "127.0.0.3"]) };
    const failing = () => dial("tcp", `host:${full.port}`, { resolver, timeout: 50 });
    const error = await assertRejects(failing, OpError);
    assert(error.timeout && isTimeout(error));
    assertEquals(error.message, `dial tcp "host:${full.port}": timed out`);
    assertInstanceOf(error.cause, AggregateError);
    assertEquals(error.cause.errors.slice(1).map(({ code }) => code), [
      "ECONNREFUSED",
      "ETIMEDOUT",
    ]);
  },
});

Deno.test({
  name: "1,000 dials at once all succeed, and leave nothing open",
  ignore: !onLinux,
  fn: async () => {
    const before = openSockets();
    await noSocketLeft(async () => {
      using listener = listen("tcp", "127.0.0.1:0", { backlog: 2_000 });
      const many = Array.from({ length: 1_000 });
      const dialer = new Dialer({ timeout: 30_000 });
      const [clients, servers] = await Promise.all([
        Promise.all(many.map(() => dialer.dial("tcp", listener.addr.toString()))),
        Promise.all(many.map(() => listener.accept())),
      ]);
      assertEquals(openSockets() - before, 2_001);
      const ends = (
        conns: { localAddr: unknown; remoteAddr: unknown }[],
        key: "localAddr" | "remoteAddr",
      ) => new Set(conns.map((conn) => String(conn[key])));
      assertEquals(ends(clients, "localAddr"), ends(servers, "remoteAddr"));
      for (const conn of [...clients, ...servers]) conn.close();
    });
  },
});
