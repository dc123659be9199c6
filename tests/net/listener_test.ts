import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Deadline, isTimeout } from "../../deadline.ts";
import type { Listener, NetAddress, Network } from "../../net/conn.ts";
import { dial } from "../../net/dialer.ts";
import {
  AddressError,
  ClosedError,
  OpError,
  UnknownNetworkError,
  UnsupportedError,
} from "../../net/errors.ts";
import {
  checkListenOptions,
  listen,
  listenAddress,
  type ListenOptions,
} from "../../net/listener.ts";
import { countedSignal, readText } from "../support/conn_helpers.ts";
import { settle } from "../support/fake_clock.ts";
import { noSocketLeft } from "../support/net_helpers.ts";

const portOf = (listener: Listener) => (listener.addr as NetAddress).port;

/** Fails unless `work` fails with a timeout of an accept. */
async function assertLate(work: Promise<unknown>): Promise<void> {
  const error = await assertRejects(() => work, OpError);
  assert(error.timeout && isTimeout(error), String(error));
  assertEquals([error.op, error.code], ["accept", "ETIMEDOUT"]);
}

Deno.test('listen("tcp", ":0") takes IPv4 and IPv6, and shows IPv4 addresses as such', async () => {
  using listener = listen("tcp", ":0");
  const port = portOf(listener);
  assertEquals([String(listener.addr), port > 0], [`[::]:${port}`, true]);
  for (const host of ["127.0.0.1", "::1"]) {
    using client = await Deno.connect({ hostname: host, port });
    using server = await listener.accept();
    assertEquals([server.remoteAddr.hostname, server.localAddr.hostname], [host, host]);
    assertEquals(server.remoteAddr.port, client.localAddr.port);
  }
});

for (
  const [network, address, hostname] of [
    ["tcp", ":", "::"],
    ["tcp4", ":0", "0.0.0.0"],
    ["tcp6", ":0", "::"],
    ["tcp", "127.0.0.1:", "127.0.0.1"],
    ["tcp", "localhost:0", "127.0.0.1"],
    ["tcp6", "LocalHost:0", "::1"],
    ["tcp", "[::1]:0", "::1"],
  ] as const
) {
  Deno.test(`listen() binds ${network} ${address} to ${hostname} and a free port`, () => {
    using listener = listen(network, address);
    const { transport, hostname: bound, port, network: named } = listener.addr as NetAddress;
    assertEquals([transport, bound, port > 0, named], ["tcp", hostname, true, "tcp"]);
  });
}

Deno.test("a tcp4 listener on all addresses does not take IPv6", async () => {
  using listener = listen("tcp4", ":0");
  const error = await assertRejects(() => dial("tcp", `[::1]:${portOf(listener)}`), OpError);
  assertEquals(error.code, "ECONNREFUSED");
  using _ = await dial("tcp", `127.0.0.1:${portOf(listener)}`);
});

Deno.test("a tcp6 listener turns IPv4 away, and goes on to the next IPv6 connection", async () => {
  using listener = listen("tcp6", ":0");
  const port = portOf(listener);
  using turnedAway = await dial("tcp4", `127.0.0.1:${port}`);
  using client = await dial("tcp6", `[::1]:${port}`);
  using server = await listener.accept();
  assertEquals(String(server.remoteAddr), String(client.localAddr));
  assertEquals(await readText(turnedAway), null);
});

Deno.test("listen() on an address in use says so", () => {
  using listener = listen("tcp", "127.0.0.1:0");
  const addr = listener.addr.toString();
  const error = assertThrows(() => listen("tcp", addr), OpError);
  assertEquals(error.message, `listen tcp "${addr}": address already in use`);
  assertEquals([error.code, error.op, error.addr], ["EADDRINUSE", "listen", addr]);
});

Deno.test("listen() on an address that is not this machine's says so", () => {
  const error = assertThrows(() => listen("tcp", "192.0.2.1:0"), OpError);
  assertEquals(error.code, "EADDRNOTAVAIL");
});

for (
  const [network, address, reason] of [
    ["tcp", "127.0.0.1", "missing port in address"],
    ["tcp", "", "missing port in address"],
    ["tcp", "::1:80", "too many colons in address"],
    ["tcp", "[::1:80", "missing ']' in address"],
    ["tcp", "127.0.0.1:65536", "invalid port"],
    ["tcp", ":-1", "invalid port"],
    ["tcp4", "[::1]:0", "no suitable address"],
    ["tcp6", "127.0.0.1:0", "no suitable address"],
    ["tcp4", "example.com:0", "a tcp4 or tcp6 listener needs an IP address"],
    ["unix", "", "empty path"],
    ["unix", "/a\0b", "NUL in path"],
    ["unix", "/" + "a".repeat(200), "path of 201 bytes, at most"],
  ] as const
) {
  Deno.test(`listen() refuses ${network} ${JSON.stringify(address).slice(0, 30)}`, () => {
    const error = assertThrows(() => listen(network, address), AddressError, reason);
    assertEquals(error.address, address);
  });
}

Deno.test("listen() refuses an unknown service", () => {
  const failing = () => listen("tcp", "127.0.0.1:no-such-service");
  const error = assertThrows(failing, OpError, "unknown port");
  assertEquals([error.op, error.code], ["listen", "ENOTFOUND"]);
});

Deno.test("listen() serves stream networks only, and says what unixpacket needs", () => {
  for (const network of ["udp", "udp4", "udp6", "unixgram", "sctp", ""] as Network[]) {
    const says = "expected one of tcp, tcp4, tcp6, unix, unixpacket";
    assertThrows(() => listen(network, ":0"), UnknownNetworkError, says);
  }
  const runtime = () => listen("unixpacket", "/run/x", { engine: "runtime" });
  assertThrows(runtime, UnsupportedError, "listen unixpacket");
});

for (const network of ["tcp", "unix"] as const) {
  Deno.test(`listen() refuses an address on ${network} that is no string`, () => {
    assertThrows(() => listen(network, 80 as unknown as string), TypeError, "must be a string");
  });
}

for (
  const [options, type, says] of [
    [{ backlog: 0 }, RangeError, "backlog must be a whole number from 1, got 0"],
    [{ backlog: -1 }, RangeError, "got -1"],
    [{ backlog: 1.5 }, RangeError, "got 1.5"],
    [{ backlog: NaN }, RangeError, "got NaN"],
    [{ backlog: "5" }, RangeError, "got 5"],
    [
      { keepAlive: "yes" },
      TypeError,
      "keepAlive must be a boolean, milliseconds or an object, got yes",
    ],
    [{ keepAlive: NaN }, RangeError, "keepAlive must not be NaN"],
    [{ noDelay: 1 }, TypeError, "noDelay must be a boolean, got 1"],
    [{ reusePort: "no" }, TypeError, "reusePort must be a boolean, got no"],
  ] as const
) {
  Deno.test(`listen() refuses ${Deno.inspect(options)}`, () => {
    const given = options as unknown as ListenOptions;
    assertThrows(() => listen("tcp", "127.0.0.1:0", given), type, says);
    assertThrows(() => checkListenOptions(given), type, says);
  });
}

Deno.test("listen() with reusePort lets two listeners share a port", () => {
  using one = listen("tcp", "127.0.0.1:0", { reusePort: true });
  using two = listen("tcp", String(one.addr), { reusePort: true });
  assertEquals(String(two.addr), String(one.addr));
});

Deno.test("listenAddress() reads what listen() binds", () => {
  assertEquals(listenAddress("tcp", ":http"), { hostname: undefined, port: 80 });
  assertEquals(listenAddress("tcp4", ":80"), { hostname: "0.0.0.0", port: 80 });
  assertEquals(listenAddress("tcp", "example.com:1"), { hostname: "example.com", port: 1 });
});

Deno.test("an accept that gave up leaves its connection to the next one", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  await assertLate(listener.accept({ timeout: 1 }));
  await assertLate(listener.accept({ deadline: Date.now() - 1 }));
  listener.setDeadline(Date.now() + 5);
  await assertLate(listener.accept());
  await assertLate(listener.accept()); // it has passed
  listener.setDeadline(null);
  using client = await dial("tcp", String(listener.addr));
  await settle();
  using server = await listener.accept({ timeout: 30_000 });
  assertEquals(String(server.remoteAddr), String(client.localAddr));
});

Deno.test("a deadline set while an accept waits ends it", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  const waiting = [assertLate(listener.accept()), assertLate(listener.accept())];
  listener.setDeadline(new Date(Date.now() - 1));
  await Promise.all(waiting);
});

Deno.test("accepts at once are served first come, first served", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  const accepts = [1, 2, 3].map(() => listener.accept());
  const given = assertLate(listener.accept({ timeout: 1 }));
  accepts.push(listener.accept());
  await given;
  for (const accept of accepts) {
    using client = await dial("tcp", String(listener.addr));
    using server = await accept;
    assertEquals(String(server.remoteAddr), String(client.localAddr));
  }
});

Deno.test("an aborted accept rejects with the signal's reason, unchanged", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  const late = new Deadline({ timeout: -1 }).signal.reason;
  for (const reason of [new Error("stop"), new TypeError("stop"), "stop", null, late]) {
    const { controller, signal, listeners } = countedSignal();
    const accepting = listener.accept({ signal, timeout: 60_000 }).catch((error) => error);
    controller.abort(reason);
    assertStrictEquals(await accepting, reason);
    assertStrictEquals(await listener.accept({ signal }).catch((error) => error), reason);
    assertEquals(listeners(), 0);
  }
  using client = await dial("tcp", String(listener.addr));
  using server = await listener.accept();
  assertEquals(String(server.remoteAddr), String(client.localAddr));
});

Deno.test("a limit of the wrong type is a TypeError, and takes no connection", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  using _ = await dial("tcp", String(listener.addr));
  const odd = { timeout: "1" as unknown as number };
  await assertRejects(() => listener.accept(odd), TypeError, '"1"');
  await assertRejects(() => listener.accept({ timeout: NaN }), RangeError);
  assertThrows(() => listener.setDeadline("soon" as unknown as number), TypeError);
  using __ = await listener.accept();
});

Deno.test("close() rejects pending and later accepts with ClosedError", async () => {
  const listener = listen("tcp", "127.0.0.1:0");
  const addr = listener.addr.toString();
  const pending = [1, 2].map(() => assertRejects(() => listener.accept(), ClosedError));
  listener.close();
  listener.close();
  listener[Symbol.dispose]();
  for (const { message } of await Promise.all(pending)) {
    assertEquals(message, `accept tcp "${addr}": use of closed connection`);
  }
  await assertRejects(() => listener.accept({ timeout: 60_000 }), ClosedError);
  assertThrows(() => listener.setDeadline(null), ClosedError, "set deadline");
  listener.ref();
  listener.unref();
  // The runtime closes the socket a turn after the accept it had to end.
  const { code } = await assertRejects(() => dial("tcp", addr), OpError);
  assert(["ECONNREFUSED", "ECONNRESET"].includes(code), code);
});

Deno.test("iterating a listener accepts until it is closed", async () => {
  const listener = listen("tcp", "127.0.0.1:0");
  const dialing = [1, 2, 3].map(() => dial("tcp", String(listener.addr)));
  let accepted = 0;
  for await (const conn of listener) {
    conn.close();
    if (++accepted === 3) queueMicrotask(() => listener.close());
  }
  assertEquals(accepted, 3);
  for (const conn of await Promise.all(dialing)) conn.close();
  for await (const _ of listener) assert(false, "it is closed");
});

Deno.test("a failed accept ends the iteration with its error, not the listener", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  listener.setDeadline(Date.now() - 1);
  const error = await assertRejects(async () => {
    for await (const conn of listener) conn.close();
  }, OpError);
  assert(error.timeout);
  listener.setDeadline(null);
  using _ = await dial("tcp", String(listener.addr));
  for await (const conn of listener) {
    conn.close();
    break; // ... and leaving the loop does not close it either
  }
  using __ = await dial("tcp", String(listener.addr));
  using server = await listener.accept();
  assertInstanceOf(server.readable, ReadableStream);
});

Deno.test({
  name: "a connection that only a parked accept has taken is closed with the listener",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    noSocketLeft(async () => {
      const listener = listen("tcp", "127.0.0.1:0");
      await assertLate(listener.accept({ timeout: 1 }));
      using client = await dial("tcp", String(listener.addr));
      await settle();
      listener.close();
      const end = await client.read(new Uint8Array(1)).catch((error) => error.code);
      assert(end === null || end === "ECONNRESET", `${end}`);
    }),
});
