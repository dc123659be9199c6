import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Deadline } from "../../deadline.ts";
import { netAddress, unixAddress } from "../../net/address.ts";
import type { Network } from "../../net/conn.ts";
import { AddressError, DnsError } from "../../net/errors.ts";
import { findTargets, hostAndPort, localEnd } from "../../net/targets.ts";
import type { Trace } from "../../net/trace.ts";

const limit = () => new Deadline();

/** A resolver that knows a few addresses, and notes what it is asked. */
function knows(...addresses: string[]) {
  const asked: string[] = [];
  return { asked, lookupHost: (host: string) => (asked.push(host), Promise.resolve(addresses)) };
}

for (
  const [network, address, addresses, port] of [
    ["tcp", "127.0.0.1:80", ["127.0.0.1"], 80],
    ["tcp", "[::1]:http", ["::1"], 80],
    ["udp", "[::1]:domain", ["::1"], 53],
    ["tcp", ":80", ["127.0.0.1"], 80],
    ["tcp4", ":80", ["127.0.0.1"], 80],
    ["tcp6", ":80", ["::1"], 80],
    ["tcp", "0.0.0.0:80", ["127.0.0.1"], 80],
    ["tcp", "[::]:80", ["::1"], 80],
    ["tcp", "[0:0::0]:80", ["::1"], 80],
    ["tcp6", "[fe80::1%lo]:80", ["fe80::1%lo"], 80],
    ["tcp", "host:+80", ["192.0.2.1", "2001:db8::1"], 80],
    ["tcp4", "host:HTTPS", ["192.0.2.1"], 443],
    ["udp6", "host:65535", ["2001:db8::1"], 65535],
  ] as const
) {
  Deno.test(`findTargets() turns ${network} ${address} into ${addresses.join(" and ")}`, async () => {
    const resolver = knows("192.0.2.1", "2001:db8::1");
    const targets = await findTargets({ resolver }, network, address, limit());
    const named = address.startsWith("host");
    assertEquals([targets.addresses, targets.port], [[...addresses], port]);
    assertEquals([targets.named, resolver.asked], [named, named ? ["host"] : []]);
  });
}

for (
  const [network, address, reason] of [
    ["tcp", "127.0.0.1", "missing port in address"],
    ["tcp", "", "missing port in address"],
    ["tcp", "::1:80", "too many colons in address"],
    ["tcp", "[::1:80", "missing ']' in address"],
    ["tcp", "host]:80", "unexpected ']' in address"],
    ["tcp", "host:65536", "invalid port"],
    ["tcp", "host:-1", "invalid port"],
    ["tcp", "host:99999999999999999999", "invalid port"],
    ["tcp", "host:0", "port 0 cannot be dialed"],
    ["tcp", "host:", "port 0 cannot be dialed"],
    ["tcp", "127.0.0.1:0", "port 0 cannot be dialed"],
    ["tcp4", "[::1]:80", "no suitable address"],
    ["tcp6", "127.0.0.1:80", "no suitable address"],
    ["udp4", "[::]:80", "no suitable address"],
  ] as const
) {
  Deno.test(`findTargets() refuses ${network} ${JSON.stringify(address)} and looks nothing up`, async () => {
    const resolver = knows("127.0.0.1", "::1");
    const error = await assertRejects(
      () => findTargets({ resolver }, network, address, limit()),
      AddressError,
    );
    assertEquals([error.address, error.reason, resolver.asked], [address, reason, []]);
  });
}

Deno.test("findTargets() refuses an unknown service without a lookup of the host", async () => {
  const resolver = knows("127.0.0.1");
  const error = await assertRejects(
    () => findTargets({ resolver }, "tcp", "host:no-such-service", limit()),
    DnsError,
    "unknown port",
  );
  assertEquals([error.notFound, resolver.asked], [true, []]);
});

for (const [network, addresses] of [["tcp4", ["::1"]], ["tcp6", ["127.0.0.1"]]] as const) {
  Deno.test(`findTargets() finds no suitable address for ${network} behind ${addresses}`, async () => {
    const resolver = knows(...addresses);
    const error = await assertRejects(
      () => findTargets({ resolver }, network, "host:80", limit()),
      AddressError,
      'address "host:80": no suitable address',
    );
    assertEquals([error.code, resolver.asked], ["ERR_ADDRESS", ["host"]]);
  });
}

Deno.test("findTargets() takes an empty answer for an unknown host", async () => {
  const failing = () => findTargets({ resolver: knows() }, "tcp", "host:80", limit());
  const error = await assertRejects(failing, DnsError, 'lookup "host": no such host');
  assertEquals([error.code, error.notFound], ["ENOTFOUND", true]);
});

Deno.test("findTargets() refuses a resolver's answer that is no IP address", async () => {
  const resolver = knows("127.0.0.1", "elsewhere");
  const failing = () => findTargets({ resolver }, "tcp", "host:80", limit());
  await assertRejects(failing, AddressError, "the resolver gave no IP address");
});

Deno.test("findTargets() refuses what is no string", async () => {
  const address = 80 as unknown as string;
  const failing = () => findTargets({}, "tcp", address, limit());
  await assertRejects(failing, TypeError, "address must be a string, got 80");
});

Deno.test("findTargets() gives the resolver the deadline's signal, and waits no longer than it", async () => {
  const reason = new Error("enough");
  const controller = new AbortController();
  let given: AbortSignal | undefined;
  const asked = Promise.withResolvers<void>();
  const resolver = {
    lookupHost: (_: string, wait?: { signal?: AbortSignal }) => {
      given = wait?.signal;
      asked.resolve();
      return new Promise<string[]>(() => {}); // deaf to it
    },
  };
  using deadline = new Deadline({ signal: controller.signal });
  const finding = findTargets({ resolver }, "tcp", "host:80", deadline).catch((error) => error);
  await asked.promise;
  controller.abort(reason);
  assertStrictEquals(await finding, reason);
  assertStrictEquals(given?.reason, reason);
});

Deno.test("findTargets() fires dnsStart and dnsDone around a lookup, and not for a literal", async () => {
  const events: unknown[] = [];
  const trace: Trace = {
    dnsStart: (event) => events.push(["start", event]),
    dnsDone: (event) => events.push(["done", event]),
  };
  await findTargets({ trace, resolver: knows("::1") }, "tcp", "host:80", limit());
  assertEquals(events, [
    ["start", { host: "host" }],
    ["done", { host: "host", addrs: ["::1"], error: undefined }],
  ]);
  await findTargets({ trace }, "tcp", "127.0.0.1:80", limit());
  assertEquals(events.length, 2);
  const cause = new Error("no");
  const resolver = { lookupHost: () => Promise.reject(cause) };
  const failing = () => findTargets({ trace, resolver }, "tcp", "other:80", limit());
  assertStrictEquals(await failing().catch((error) => error), cause);
  assertEquals(events.slice(3), [["done", { host: "other", addrs: [], error: cause }]]);
});

Deno.test("hostAndPort() leaves the host as it is written", async () => {
  assertEquals(await hostAndPort("tcp", "Example.COM:ssh"), { host: "Example.COM", port: 22 });
  assertEquals(await hostAndPort("tcp", ":"), { host: "", port: 0 });
});

for (
  const [network, local, text] of [
    ["udp", "127.0.0.1:53", "127.0.0.1:53"],
    ["udp6", "[::1]:", "[::1]:0"],
    ["udp4", ":domain", ":53"],
    ["udp", netAddress("udp", "::1", 9), "[::1]:9"],
    ["tcp", netAddress("tcp", "127.0.0.1", 9), "127.0.0.1:9"],
  ] as const
) {
  Deno.test(`localEnd() takes ${local} for ${network}`, () => {
    const end = localEnd(network, local);
    assertEquals([String(end), end.network], [text, network.slice(0, 3)]);
  });
}

for (
  const [network, local, reason] of [
    ["udp", netAddress("tcp", "127.0.0.1", 9), "mismatched local address type for udp"],
    ["tcp", unixAddress("unix", "/x"), "mismatched local address type for tcp"],
    ["udp4", "[::1]:9", "mismatched local address type for udp4"],
    ["udp6", "127.0.0.1:9", "mismatched local address type for udp6"],
    ["udp", "localhost:9", "mismatched local address type for udp"],
    ["udp", "127.0.0.1", "missing port in address"],
    ["udp", "127.0.0.1:65536", "invalid port"],
  ] as const
) {
  Deno.test(`localEnd() refuses ${local} for ${network}`, () => {
    const error = assertThrows(() => localEnd(network, local), AddressError);
    assertEquals([error.address, error.reason], [String(local), reason]);
  });
}

Deno.test("localEnd() serves IP networks only", () => {
  for (const network of ["unix", "unixgram", "unixpacket"] as Network[]) {
    assert(assertThrows(() => localEnd(network, ":0"), TypeError, network));
  }
});
