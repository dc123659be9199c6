import { assertEquals } from "@std/assert";
import { literalHost, parseHosts } from "../../net/hosts.ts";

const hosts = parseHosts(
  [
    "# a comment",
    "127.0.0.1\tlocalhost Localhost.localdomain",
    "::1 localhost ip6-localhost#no space",
    "  10.0.0.1   box.example.com. box   # trailing",
    "10.0.0.2 box",
    "10.0.0.1 box extra",
    "fe80::1%lo0 localhost scoped",
    "2001:DB8:0::1 six",
    "::ffff:10.0.0.9 mapped",
    "not-an-address name1",
    "010.0.0.1 name2",
    "10.0.0.1%eth0 name3",
    "fe80::1% name4",
    "10.0.0.3",
    "10.0.0.4 # only-a-comment",
    "",
    "\r",
    "10.0.0.5 windows\r",
  ].join("\n"),
);

Deno.test("a hosts file gives a name's addresses in its own order", () => {
  assertEquals(hosts.lookup("localhost"), ["127.0.0.1", "::1", "fe80::1%lo0"]);
  assertEquals(hosts.lookup("box"), ["10.0.0.1", "10.0.0.2"]);
  assertEquals(hosts.lookup("ip6-localhost"), ["::1"]);
  assertEquals(hosts.lookup("six"), ["2001:db8::1"]);
  assertEquals(hosts.lookup("mapped"), ["10.0.0.9"]);
  assertEquals(hosts.lookup("windows"), ["10.0.0.5"]);
});

Deno.test("names in a hosts file have no case and no final dot", () => {
  for (const name of ["box.example.com", "BOX.Example.COM", "box.example.com."]) {
    assertEquals(hosts.lookup(name), ["10.0.0.1"]);
  }
  assertEquals(hosts.lookup("localhost.LOCALDOMAIN."), ["127.0.0.1"]);
});

Deno.test("bad lines, comments and unlisted names give nothing", () => {
  for (
    const name of ["name1", "name2", "name3", "name4", "only-a-comment", "comment", "#no", ""]
      .concat([".", "10.0.0.3", "none", "__proto__", "constructor"])
  ) {
    assertEquals(hosts.lookup(name), [], name);
  }
  assertEquals(parseHosts("").lookup("localhost"), []);
});

Deno.test("a hosts file gives an address's names, however the address is written", () => {
  assertEquals(hosts.reverse("10.0.0.1"), ["box.example.com.", "box", "extra"]);
  assertEquals(hosts.reverse("::ffff:10.0.0.1"), ["box.example.com.", "box", "extra"]);
  assertEquals(hosts.reverse("2001:db8::0001"), ["six"]);
  assertEquals(hosts.reverse("fe80::1%lo0"), ["localhost", "scoped"]);
  assertEquals(hosts.reverse("fe80::1"), []);
  assertEquals(hosts.reverse("box"), []);
});

Deno.test("an answer from a hosts file is the caller's own array", () => {
  hosts.lookup("box").push("intruder");
  assertEquals(hosts.lookup("box"), ["10.0.0.1", "10.0.0.2"]);
});

Deno.test("literalHost knows an IP address, with a zone or without", () => {
  const rows: [host: string, literal: string | undefined][] = [
    ["1.2.3.4", "1.2.3.4"],
    ["FE80::0:1%Eth0", "fe80::1%Eth0"],
    ["1.2.3.4%eth0", undefined],
    ["::ffff:1.2.3.4%eth0", undefined],
    ["fe80::1%", undefined],
    ["%eth0", undefined],
    ["localhost", undefined],
    ["", undefined],
  ];
  for (const [host, literal] of rows) assertEquals(literalHost(host), literal, host);
});
