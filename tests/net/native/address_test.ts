import { assertEquals, assertThrows } from "@std/assert";
import { netAddress } from "../../../net/address.ts";
import { AddressError } from "../../../net/errors.ts";
import {
  ipAddressOf,
  ipSocketAddress,
  localSocketAddress,
  unixAddressOf,
} from "../../../net/native/address.ts";

Deno.test("an IPv4 and an IPv6 address become socket addresses", () => {
  assertEquals(ipSocketAddress("127.0.0.1", 80), {
    family: "inet",
    hostname: "127.0.0.1",
    port: 80,
  });
  assertEquals(ipSocketAddress("::1", 80), {
    family: "inet6",
    hostname: "::1",
    port: 80,
    scopeId: 0,
  });
});

Deno.test("an IPv4-mapped address is the IPv4 one, both ways", () => {
  assertEquals(ipSocketAddress("::ffff:10.0.0.1", 1).hostname, "10.0.0.1");
  const mapped = { family: "inet6", hostname: "::ffff:10.0.0.1", port: 1, scopeId: 0 } as const;
  assertEquals(String(ipAddressOf("tcp", mapped)), "10.0.0.1:1");
});

Deno.test("a zone by number is the scope, both ways", () => {
  const address = ipSocketAddress("fe80::1%7", 80);
  assertEquals(address, { family: "inet6", hostname: "fe80::1", port: 80, scopeId: 7 });
  assertEquals(String(ipAddressOf("tcp6", address)), "[fe80::1%7]:80");
});

Deno.test("a zone by name is the number of the interface", () => {
  const scoped = Deno.networkInterfaces().find(({ scopeid }) => scopeid);
  if (scoped === undefined) return console.log("skipped: no link-local address here");
  const address = ipSocketAddress(`fe80::1%${scoped.name}`, 80);
  assertEquals(address, {
    family: "inet6",
    hostname: "fe80::1",
    port: 80,
    scopeId: scoped.scopeid as number,
  });
});

Deno.test({
  name: "a zone by name without the permission says which to add",
  permissions: { ffi: true, sys: false },
  fn: () => {
    const error = assertThrows(() => ipSocketAddress("fe80::1%eth0", 80), AddressError);
    assertEquals(error.message.includes("--allow-sys=networkInterfaces"), true, error.message);
  },
});

Deno.test("what is no address, or no zone, is an AddressError", () => {
  for (
    const bad of ["localhost", "", "1.2.3", "127.0.0.1%1", "fe80::1%no-such", "::1%4294967296"]
  ) {
    assertThrows(() => ipSocketAddress(bad, 80), AddressError);
  }
});

Deno.test("a local end without a host is any address of the family", () => {
  assertEquals(localSocketAddress(netAddress("tcp", "", 5), 4).family, "inet");
  assertEquals(localSocketAddress(netAddress("tcp", "", 5), 6), {
    family: "inet6",
    hostname: "::",
    port: 5,
    scopeId: 0,
  });
});

Deno.test("a local end of the other family is an AddressError", () => {
  assertThrows(() => localSocketAddress(netAddress("tcp", "::1", 0), 4), AddressError);
  assertThrows(() => localSocketAddress(netAddress("tcp", "127.0.0.1", 0), 6), AddressError);
});

Deno.test("the names of Unix sockets: a path, an abstract name, none", () => {
  for (const path of ["/tmp/x", "@name", ""]) {
    assertEquals(String(unixAddressOf("unix", { family: "unix", path })), path);
  }
});

Deno.test("one family is not taken for the other", () => {
  const ip = { family: "inet", hostname: "127.0.0.1", port: 1 } as const;
  assertThrows(() => unixAddressOf("unix", ip), TypeError);
  assertThrows(() => ipAddressOf("tcp", { family: "unix", path: "" }), TypeError);
});
