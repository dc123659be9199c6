import { assertEquals, assertThrows } from "@std/assert";
import {
  familyOf,
  joinHostPort,
  netAddress,
  networks,
  parseNetwork,
  splitHostPort,
  transportOf,
  unixAddress,
} from "../../net/address.ts";
import { AddressError, UnknownNetworkError } from "../../net/errors.ts";

Deno.test("parseNetwork takes the nine networks and nothing else", () => {
  assertEquals(networks.length, 9);
  for (const network of networks) assertEquals(parseNetwork(network), network);
  for (const name of ["", "TCP", "tcp ", "tcp5", "ip", "sctp", "unixgramm"]) {
    const error = assertThrows(() => parseNetwork(name), UnknownNetworkError);
    assertEquals(error.network, name);
  }
  assertThrows(
    () => parseNetwork("unix", ["tcp", "tcp4"]),
    UnknownNetworkError,
    'unknown network "unix": expected one of tcp, tcp4',
  );
});

Deno.test("familyOf and transportOf take a network's name apart", () => {
  assertEquals(networks.map((network) => [transportOf(network), familyOf(network)]), [
    ["tcp", undefined],
    ["tcp", 4],
    ["tcp", 6],
    ["udp", undefined],
    ["udp", 4],
    ["udp", 6],
    ["unix", undefined],
    ["unixgram", undefined],
    ["unixpacket", undefined],
  ]);
});

Deno.test("splitHostPort splits what Go's does", () => {
  const rows: [address: string, host: string, port: string][] = [
    ["localhost:http", "localhost", "http"],
    ["localhost:80", "localhost", "80"],
    ["localhost%lo0:80", "localhost%lo0", "80"],
    ["[localhost%lo0]:80", "localhost%lo0", "80"],
    ["127.0.0.1:http", "127.0.0.1", "http"],
    ["[::1]:http", "::1", "http"],
    ["[::1%lo0]:80", "::1%lo0", "80"],
    [":http", "", "http"],
    ["[]:80", "", "80"],
    ["golang.org:", "golang.org", ""],
    ["[::1]:", "::1", ""],
    [":", "", ""],
    ["golang.org:https%foo", "golang.org", "https%foo"],
    [" :é", " ", "é"],
  ];
  for (const [address, host, port] of rows) {
    assertEquals(splitHostPort(address), { host, port }, address);
  }
});

Deno.test("splitHostPort refuses what Go's does, for the same reason", () => {
  const rows: [address: string, reason: string][] = [
    ["", "missing port in address"],
    ["golang.org", "missing port in address"],
    ["127.0.0.1", "missing port in address"],
    ["[::1]", "missing port in address"],
    ["[fe80::1%lo0]", "missing port in address"],
    ["[localhost]", "missing port in address"],
    ["[::1]a:80", "missing port in address"],
    ["::1", "too many colons in address"],
    ["fe80::1%lo0", "too many colons in address"],
    ["fe80::1%lo0:80", "too many colons in address"],
    ["a:b:80", "too many colons in address"],
    ["[::1]:80:90", "too many colons in address"],
    ["[a:80", "missing ']' in address"],
    ["[foo:bar]baz", "missing port in address"],
    ["[foo]bar:baz", "missing port in address"],
    ["[[::1]:80", "unexpected '[' in address"],
    ["[foo[bar]:80", "unexpected '[' in address"],
    ["foo[bar]:80", "unexpected '[' in address"],
    ["foo[bar:80", "unexpected '[' in address"],
    ["[foo]:[80", "unexpected '[' in address"],
    ["[foo]:]80", "unexpected ']' in address"],
    ["foo]bar:80", "unexpected ']' in address"],
    ["foo:80]", "unexpected ']' in address"],
  ];
  for (const [address, reason] of rows) {
    const error = assertThrows(() => splitHostPort(address), AddressError);
    assertEquals([error.address, error.reason], [address, reason]);
  }
});

Deno.test("joinHostPort puts brackets around a host with a colon, and split undoes it", () => {
  const rows: [host: string, port: string | number, address: string][] = [
    ["localhost", "http", "localhost:http"],
    ["127.0.0.1", 80, "127.0.0.1:80"],
    ["::1", 80, "[::1]:80"],
    ["fe80::1%eth0", "", "[fe80::1%eth0]:"],
    ["", 0, ":0"],
  ];
  for (const [host, port, address] of rows) {
    assertEquals(joinHostPort(host, port), address);
    assertEquals(splitHostPort(address), { host, port: String(port) });
  }
});

Deno.test("splitHostPort throws nothing but AddressError, whatever it is given", () => {
  const parts = ["[", "]", ":", "a", "%", ".", "\0", "é", " ", "1"];
  for (let n = 0; n < 10_000; n++) {
    let text = "";
    for (let rest = n; rest > 0; rest = Math.floor(rest / 10)) text += parts[rest % 10];
    try {
      const { host, port } = splitHostPort(text);
      assertEquals(splitHostPort(joinHostPort(host, port)), { host, port });
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
    }
  }
});

Deno.test("a net address is plain data without the family, and prints as Go's", () => {
  const address = netAddress("tcp6", "::1", 80);
  const data = { transport: "tcp", hostname: "::1", port: 80, network: "tcp" };
  assertEquals({ ...address } as unknown, data);
  assertEquals(address, netAddress("tcp", "::1", 80));
  assertEquals(JSON.parse(JSON.stringify(address)), data);
  assertEquals(`${address}`, "[::1]:80");
  assertEquals(`${netAddress("udp4", "127.0.0.1", 0)}`, "127.0.0.1:0");
  assertEquals(netAddress("udp", "127.0.0.1", 0).transport, "udp");
  assertThrows(() => netAddress("unix", "::1", 80), TypeError, '"unix"');
});

Deno.test("the IPv4 peer of a dual-stack socket has an IPv4 address", () => {
  for (const mapped of ["::ffff:127.0.0.1", "::ffff:7f00:1"]) {
    assertEquals(netAddress("tcp", mapped, 1).hostname, "127.0.0.1");
  }
  for (const other of ["::ffff:0:1:2", "::ffff:x", "fe80::1%eth0"]) {
    assertEquals(netAddress("tcp", other, 1).hostname, other);
  }
});

Deno.test("a Unix address has Deno's transport and its own network", () => {
  const rows: [Parameters<typeof unixAddress>[0], string][] = [
    ["unix", "unix"],
    ["unixgram", "unixpacket"],
    ["unixpacket", "unix"],
    ["pipe", "unix"],
  ];
  for (const [network, transport] of rows) {
    const address = unixAddress(network, "/run/x");
    assertEquals({ ...address } as unknown, { transport, path: "/run/x", network });
    assertEquals(`${address}`, "/run/x");
  }
  assertEquals(unixAddress("unix", "\0name").path, "@name");
});
