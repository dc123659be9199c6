import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { decodeAddress, encodeAddress, type SocketAddress } from "../../sys/mod.ts";
import { hasPython, Python } from "./helpers.ts";

const addresses: SocketAddress[] = [
  { family: "inet", hostname: "127.0.0.1", port: 80 },
  { family: "inet", hostname: "255.254.253.252", port: 65535 },
  { family: "inet6", hostname: "::", port: 0, scopeId: 0 },
  { family: "inet6", hostname: "fe80::1", port: 8080, scopeId: 4_000_000_000 },
  { family: "inet6", hostname: "::ffff:1.2.3.4", port: 1, scopeId: 0 },
  { family: "unix", path: "" },
  { family: "unix", path: "/tmp/søcket" },
  { family: "unix", path: "x".repeat(107) },
  { family: "unix", path: "@abstract" },
  { family: "unix", path: "@with\0nul" },
  { family: "unix", path: "@" + "x".repeat(107) },
];

for (const address of addresses) {
  Deno.test(`an address survives encoding and decoding: ${JSON.stringify(address)}`, () => {
    // A copy, since a decoded address remembers its bytes.
    assertEquals({ ...decodeAddress(encodeAddress(address)) } as SocketAddress, address);
  });
}

Deno.test("encodeAddress() writes the bytes of struct sockaddr", () => {
  const inet = encodeAddress({ family: "inet", hostname: "1.2.3.4", port: 0x1234 });
  assertEquals([...inet], [2, 0, 0x12, 0x34, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
  const inet6 = encodeAddress({ family: "inet6", hostname: "1::2", port: 258, scopeId: 3 });
  assertEquals([...inet6.subarray(0, 10)], [10, 0, 1, 2, 0, 0, 0, 0, 0, 1]);
  assertEquals([...inet6.subarray(22)], [0, 2, 3, 0, 0, 0]);
  assertEquals([...encodeAddress({ family: "unix", path: "ab" })], [1, 0, 97, 98, 0]);
  assertEquals([...encodeAddress({ family: "unix", path: "@ab" })], [1, 0, 0, 97, 98]);
  assertEquals([...encodeAddress({ family: "unix", path: "" })], [1, 0]);
});

Deno.test("decodeAddress() takes the unnamed end of a Unix socket, whose length is 0", () => {
  assertEquals({ ...decodeAddress(new Uint8Array(112), 0) }, { family: "unix", path: "" });
});

Deno.test("decodeAddress() gives one frozen object while the same address comes again", () => {
  const encoded = encodeAddress({ family: "inet", hostname: "10.0.0.1", port: 5 });
  const first = decodeAddress(encoded);
  assert(Object.isFrozen(first));
  assertStrictEquals(decodeAddress(encoded), first);
  encoded[7] = 2;
  assertEquals({ ...decodeAddress(encoded) }, { family: "inet", hostname: "10.0.0.2", port: 5 });
  assertEquals([...encodeAddress(first)].slice(4, 8), [10, 0, 0, 1]);
});

Deno.test("encodeAddress() names the value that breaks a rule", () => {
  const refused: [SocketAddress, string][] = [
    [{ family: "inet", hostname: "localhost", port: 1 }, `an IPv4 address, got "localhost"`],
    [{ family: "inet", hostname: "::1", port: 1 }, `an IPv4 address, got "::1"`],
    [{ family: "inet6", hostname: "fe80::1%eth0", port: 1 }, `an IPv6 address`],
    [{ family: "inet", hostname: "1.2.3.4", port: 65536 }, "from 0 to 65535, got 65536"],
    [{ family: "inet", hostname: "1.2.3.4", port: 1.5 }, "from 0 to 65535, got 1.5"],
    [{ family: "inet6", hostname: "::1", port: 1, scopeId: -1 }, "got -1"],
    [{ family: "unix", path: "x".repeat(108) }, "at most 107 bytes"],
    [{ family: "unix", path: "@" + "x".repeat(108) }, "at most 107 bytes"],
    [{ family: "unix", path: "/a\0b" }, "must not contain NUL"],
    [{ family: "ipx" } as unknown as SocketAddress, "got ipx"],
  ];
  for (const [address, message] of refused) {
    assertThrows(() => encodeAddress(address), Error, message);
  }
});

Deno.test("decodeAddress() refuses a family it does not know", () => {
  assertInstanceOf(assertThrows(() => decodeAddress(new Uint8Array([17, 0, 0, 0]))), TypeError);
});

Deno.test({
  name: "encodeAddress() agrees with what Python's socket module binds to",
  ignore: !hasPython,
  async fn() {
    // Python makes its own sockaddr; the kernel shows it back as a hexadecimal number.
    await using python = new Python(`say(socket.inet_pton(socket.AF_INET6, "fe80::abcd:1").hex())`);
    const ours = encodeAddress({ family: "inet6", hostname: "fe80::abcd:1", port: 0 });
    const hex = [...ours.subarray(8, 24)].map((b) => b.toString(16).padStart(2, "0")).join("");
    assertEquals(await python.line(), hex);
  },
});
