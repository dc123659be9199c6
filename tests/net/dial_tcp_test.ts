import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import type { NetAddress, Network } from "../../net/conn.ts";
import { dialError } from "../../net/dial_tcp.ts";
import { dial } from "../../net/dialer.ts";
import type { DialerOptions } from "../../net/dialer_options.ts";
import { AddressError, DnsError, OpError, UnsupportedError } from "../../net/errors.ts";
import { AttemptsError } from "../../net/eyeballs.ts";
import { listen } from "../../net/listener.ts";
import { listenPacket } from "../../net/packet.ts";
import type { Trace } from "../../net/trace.ts";
import { deadPort, fullBacklog, noSocketLeft } from "../support/net_helpers.ts";

const onLinux = Deno.build.os === "linux";

const resolves = (...addresses: string[]) => ({
  lookupHost: () => Promise.resolve(addresses),
});

const portOf = (listener: { addr: unknown }) => (listener.addr as NetAddress).port;

/** Hooks that write down what they hear. */
function tracing(): { trace: Trace; log: string[] } {
  const log: string[] = [];
  const say = (error: unknown) => error === undefined ? "ok" : (error as OpError).code;
  const trace: Trace = {
    dnsStart: ({ host }) => log.push(`dnsStart ${host}`),
    dnsDone: ({ addrs }) => log.push(`dnsDone ${addrs}`),
    connectStart: ({ network, addr }) => log.push(`connectStart ${network} ${addr}`),
    connectDone: ({ network, addr, error }) =>
      log.push(`connectDone ${network} ${addr} ${say(error)}`),
    gotConn: ({ remoteAddr }) => log.push(`gotConn ${remoteAddr}`),
  };
  return { trace, log };
}

Deno.test({
  name: "dialing a name tries its addresses in order, and tells the hooks in order",
  ignore: !onLinux, // Only there is all of 127.0.0.0/8 this machine.
  fn: async () => {
    using listener = listen("tcp", "127.0.0.1:0");
    const port = portOf(listener);
    const { trace, log } = tracing();
    const resolver = resolves("127.0.0.2", "127.0.0.1", "127.0.0.3");
    using client = await dial("tcp", `host:${port}`, { resolver, trace });
    assertEquals(String(client.remoteAddr), `127.0.0.1:${port}`);
    assertEquals(log, [
      "dnsStart host",
      "dnsDone 127.0.0.2,127.0.0.1,127.0.0.3",
      `connectStart tcp4 127.0.0.2:${port}`,
      `connectDone tcp4 127.0.0.2:${port} ECONNREFUSED`,
      `connectStart tcp4 127.0.0.1:${port}`,
      `connectDone tcp4 127.0.0.1:${port} ok`,
      `gotConn 127.0.0.1:${port}`,
    ]);
  },
});

Deno.test("dialing falls back at once when the first family fails", async () => {
  for (
    const [live, addresses] of [
      ["127.0.0.1:0", ["::1", "127.0.0.1"]],
      ["[::1]:0", ["127.0.0.1", "::1"]],
    ] as const
  ) {
    using listener = listen("tcp", live);
    const options = { resolver: resolves(...addresses), fallbackDelay: 60_000 };
    using client = await dial("tcp", `host:${portOf(listener)}`, options);
    assertEquals(String(client.remoteAddr), String(listener.addr));
  }
});

Deno.test({
  name: "dialing falls back after the delay when the first family hangs, and lets go of it",
  ignore: !onLinux,
  fn: async () => {
    using full = await fullBacklog();
    await noSocketLeft(async () => {
      using listener = listen("tcp", `[::1]:${full.port}`);
      const { trace, log } = tracing();
      const options = { resolver: resolves("127.0.0.1", "::1"), fallbackDelay: 10, trace };
      using client = await dial("tcp", `host:${full.port}`, options);
      assertEquals(String(client.remoteAddr), String(listener.addr));
      assertEquals(log.slice(2, 4), [
        `connectStart tcp4 ${full.address}`,
        `connectStart tcp6 [::1]:${full.port}`,
      ]);
    });
  },
});

Deno.test({
  name: "dialing with a negative fallbackDelay tries one address after the other, in order",
  ignore: !onLinux,
  fn: async () => {
    using listener = listen("tcp", "127.0.0.1:0");
    const port = portOf(listener);
    const { trace, log } = tracing();
    const resolver = resolves("127.0.0.2", "::1", "127.0.0.1");
    using _ = await dial("tcp", `host:${port}`, { resolver, trace, fallbackDelay: -1 });
    assertEquals(log.filter((line) => line.startsWith("connectDone")), [
      `connectDone tcp4 127.0.0.2:${port} ECONNREFUSED`,
      `connectDone tcp6 [::1]:${port} ECONNREFUSED`,
      `connectDone tcp4 127.0.0.1:${port} ok`,
    ]);
  },
});

Deno.test("dialing tcp4 or tcp6 tries the addresses of that family only", async () => {
  using listener = listen("tcp", ":0");
  const port = portOf(listener);
  const resolver = resolves("::1", "127.0.0.1");
  for (const [network, host] of [["tcp4", "127.0.0.1"], ["tcp6", "::1"]] as const) {
    using client = await dial(network, `host:${port}`, { resolver });
    using _ = await listener.accept();
    assertEquals([client.remoteAddr.hostname, client.remoteAddr.network], [host, "tcp"]);
  }
  const none = () => dial("tcp6", `host:${port}`, { resolver: resolves("127.0.0.1") });
  await assertRejects(none, AddressError, "no suitable address");
});

Deno.test({
  name: "dialing when every address fails reports the first family's first error",
  ignore: !onLinux, // Only there is all of 127.0.0.0/8 this machine.
  fn: async () => {
    const port = deadPort();
    const resolver = resolves("127.0.0.2", "::1", "127.0.0.1");
    const error = await assertRejects(() => dial("tcp", `host:${port}`, { resolver }), OpError);
    assertEquals(error.message, `dial tcp "127.0.0.2:${port}": connection refused`);
    assertEquals([error.code, error.addr], ["ECONNREFUSED", `127.0.0.2:${port}`]);
    assertInstanceOf(error.cause, AggregateError);
    assertEquals(error.cause.errors.map(({ addr }) => addr), [
      `127.0.0.2:${port}`,
      `127.0.0.1:${port}`,
      `[::1]:${port}`,
    ]);
  },
});

Deno.test("dialing when the lookup fails says why", async () => {
  const dns = new DnsError({
    host: "host",
    reason: "no such host",
    code: "ENOTFOUND",
    notFound: true,
  });
  const resolver = { lookupHost: () => Promise.reject(dns) };
  const error = await assertRejects(() => dial("tcp", "host:80", { resolver }), OpError);
  assertEquals(error.message, 'dial tcp "host:80": lookup "host": no such host');
  assertEquals([error.code, error.timeout], ["ENOTFOUND", false]);
  assertStrictEquals(error.cause, dns);

  const odd = { lookupHost: () => Promise.reject("no reason") };
  const other = await assertRejects(() => dial("tcp", "host:80", { resolver: odd }), OpError);
  assertEquals(other.message, 'dial tcp "host:80": no reason');
});

Deno.test("dialing gives up a lookup whose time is over", async () => {
  const resolver = { lookupHost: () => new Promise<string[]>(() => {}) };
  const failing = () => dial("tcp", "host:80", { resolver, timeout: 10 });
  const error = await assertRejects(failing, OpError, 'dial tcp "host:80": timed out');
  assertEquals(error.timeout, true);
});

Deno.test("dialing a name uses the system's resolver unless another is given", async () => {
  using listener = listen("tcp", "localhost:0");
  using client = await dial("tcp", `localhost:${portOf(listener)}`);
  assertEquals(String(client.remoteAddr), String(listener.addr));
});

Deno.test("dialing a service's name means its port", async () => {
  const { trace, log } = tracing();
  const abort = new AbortController();
  // No need to reach the port of another's server: the attempt says where it would go.
  const watching = {
    ...trace,
    connectStart: (event: { addr: string }) => {
      log.push(event.addr);
      abort.abort("seen");
    },
  };
  const seen = dial("tcp", "localhost:http", { trace: watching, signal: abort.signal });
  assertEquals(await seen.catch((reason) => reason), "seen");
  assert(log.some((line) => line.endsWith(":80")), String(log));
  const unknown = () => dial("tcp", "localhost:no-such-service");
  const error = await assertRejects(unknown, OpError, 'lookup "tcp/no-such-service": unknown port');
  assertEquals(error.code, "ENOTFOUND");
});

Deno.test("a hook that throws is reported, and the dial goes on", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  const reported: unknown[] = [];
  const onError = (event: ErrorEvent) => {
    reported.push(event.error);
    event.preventDefault();
  };
  addEventListener("error", onError);
  try {
    const trace: Trace = {
      connectStart: () => {
        throw new Error("in the hook");
      },
    };
    using _ = await dial("tcp", listener.addr.toString(), { trace });
    assertEquals(reported.map((error) => (error as Error).message), ["in the hook"]);
  } finally {
    removeEventListener("error", onError);
  }
});

for (
  const [network, address, concrete] of [
    ["tcp", "[::1]:0", "tcp6"],
    ["tcp4", "127.0.0.1:0", "tcp4"],
    ["udp", "127.0.0.1:0", "udp4"],
    ["unix", "socket", "unix"],
  ] as [Network, string, string][]
) {
  Deno.test(`the hooks hear of an attempt on ${network} as ${concrete}`, async () => {
    const dir = await Deno.makeTempDir();
    try {
      const where = network === "unix" ? `${dir}/${address}` : address;
      using listener = network === "udp" ? listenPacket(network, where) : listen(network, where);
      const { trace, log } = tracing();
      const addr = String(listener.addr);
      using _ = await dial(network, addr, { trace });
      assertEquals(log, [
        `connectStart ${concrete} ${addr}`,
        `connectDone ${concrete} ${addr} ok`,
        `gotConn ${addr}`,
      ]);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}

for (
  const [network, address, options, says] of [
    ["tcp", "127.0.0.1:1", { localAddr: "127.0.0.1:0" }, "dial tcp with localAddr"],
    ["tcp", "[fe80::1%lo]:1", {}, "dial tcp with an IPv6 zone"],
    ["unix", "/run/none", { localAddr: "/run/mine" }, "dial unix with localAddr"],
    ["tcp4", "127.0.0.1:1", { keepAlive: { idle: 1_000 } }, "dial tcp4 with keep-alive times"],
    ["tcp6", "[::1]:1", { control: () => {} }, "dial tcp6 with control"],
  ] as [Network, string, DialerOptions, string][]
) {
  Deno.test(`${says} is what the runtime's sockets cannot do`, async () => {
    const onRuntime = () => dial(network, address, { ...options, engine: "runtime" });
    await assertRejects(onRuntime, UnsupportedError, says);
  });
}

Deno.test("dialing tcp from an address of another type is an AddressError", async () => {
  for (const localAddr of ["[::1]:0", "nonsense"]) {
    await assertRejects(() => dial("tcp4", "127.0.0.1:1", { localAddr }), AddressError);
  }
});

Deno.test("dialError() keeps a lone failure as it is, and adds the others of several", () => {
  const refused = (addr: string) =>
    new OpError({ op: "dial", network: "tcp", addr, reason: "refused", code: "ECONNREFUSED" });
  const [a, b] = [refused("a:1"), refused("b:1")];
  assertStrictEquals(dialError(new AttemptsError([a]), "tcp", "x:1"), a);
  const both = dialError(new AttemptsError([a, b]), "tcp", "x:1");
  assertEquals([both.message, (both.cause as AggregateError).errors], [a.message, [a, b]]);
  const address = new AddressError("x", "odd");
  assertStrictEquals(dialError(new AttemptsError([address, b]), "tcp", "x:1"), address);
});
