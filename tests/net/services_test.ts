import { assertEquals, assertThrows } from "@std/assert";
import { AddressError, DnsError, UnknownNetworkError } from "../../net/errors.ts";
import { parsePort, parseServices } from "../../net/services.ts";

Deno.test("parsePort reads numbers as Go does", () => {
  const rows: [service: string, port: number][] = [
    ["", 0],
    ["0", 0],
    ["-0", 0],
    ["80", 80],
    ["+80", 80],
    ["080", 80],
    ["65535", 65535],
    ["00000000000000000443", 443],
  ];
  for (const [service, port] of rows) assertEquals(parsePort("tcp", service), port);
  for (const service of ["-1", "65536", "+65536", "4294967296", "9".repeat(400)]) {
    const error = assertThrows(() => parsePort("tcp", service), AddressError, "invalid port");
    assertEquals(error.address, service);
  }
});

Deno.test("parsePort knows the names that every system knows, in any case", () => {
  const rows: [network: "tcp" | "tcp4" | "tcp6" | "udp" | "udp6", service: string, port: number][] =
    [
      ["tcp", "http", 80],
      ["tcp4", "HTTPS", 443],
      ["tcp6", "Domain", 53],
      ["udp", "domain", 53],
      ["udp6", "DOMAIN", 53],
      ["tcp", "ftp", 21],
      ["tcp", "ftps", 990],
      ["tcp", "gopher", 70],
      ["tcp", "imap2", 143],
      ["tcp", "imap3", 220],
      ["tcp", "imaps", 993],
      ["tcp", "pop3", 110],
      ["tcp", "pop3s", 995],
      ["tcp", "smtp", 25],
      ["tcp", "submission", 587],
      ["tcp", "submissions", 465],
      ["tcp", "ssh", 22],
      ["tcp", "telnet", 23],
    ];
  for (const [network, service, port] of rows) assertEquals(parsePort(network, service), port);
});

Deno.test("a name that is not known is not found", () => {
  for (const service of ["nope", "0x50", "8 0", " 80", "80 ", "1e3", "+", "-", "8.0", "\u0661"]) {
    const error = assertThrows(() => parsePort("tcp", service), DnsError, "unknown port");
    assertEquals([error.host, error.notFound], [`tcp/${service}`, true]);
  }
  assertThrows(() => parsePort("udp", "http"), DnsError, "unknown port");
  assertThrows(() => parsePort("unix", "80"), UnknownNetworkError, "tcp4");
});

Deno.test("a services file adds names and aliases and overrides the well-known ones", () => {
  const services = parseServices(
    "# services\nhttp\t8080/tcp www  Web # ours\r\nhttp 1/tcp\n\nbad line\nhuge 70000/tcp\n" +
      "neg -1/tcp\nntp 123/UDP\nhalf\n  smtp   2525/tcp#tight",
  );
  for (const name of ["http", "www", "WEB"]) {
    assertEquals(parsePort("tcp", name, services), 8080);
  }
  assertEquals(parsePort("udp", "ntp", services), 123);
  assertEquals(parsePort("tcp", "smtp", services), 2525);
  assertEquals(parsePort("tcp", "https", services), 443);
  assertEquals(services.size, 5);
});
