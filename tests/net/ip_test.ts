import { assert, assertEquals, assertThrows } from "@std/assert";
import { AddressError } from "../../net/errors.ts";
import { Ip, isIp, parseCidr, parseIp, splitZone } from "../../net/ip.ts";

Deno.test("parseIp reads every form, and prints the canonical one (RFC 5952)", () => {
  const rows: [text: string, canonical: string, family: number][] = [
    ["0.0.0.0", "0.0.0.0", 4],
    ["127.0.1.2", "127.0.1.2", 4],
    ["255.255.255.255", "255.255.255.255", 4],
    ["::ffff:127.1.2.3", "127.1.2.3", 4],
    ["::FFFF:7f01:0203", "127.1.2.3", 4],
    ["0:0:0:0:0000:ffff:127.1.2.3", "127.1.2.3", 4],
    ["::", "::", 6],
    ["::1", "::1", 6],
    ["1::", "1::", 6],
    ["::1.2.3.4", "::102:304", 6],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221", 6],
    ["2001:4860:0:2001::68", "2001:4860:0:2001::68", 6],
    ["2001:0DB8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1", 6],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", 6],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1", 6],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0", 6],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8", 6],
    ["fe80::0", "fe80::", 6],
    ["::ffff:0:1.2.3.4", "::ffff:0:102:304", 6],
  ];
  for (const [text, canonical, family] of rows) {
    const ip = parseIp(text);
    assertEquals([ip.toString(), ip.family, isIp(text)], [canonical, family, family], text);
    assertEquals(ip.bytes.length, family === 4 ? 4 : 16);
    assertEquals(parseIp(canonical), ip);
  }
});

Deno.test("parseIp refuses everything else", () => {
  const texts = ["", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "256.0.0.1"]
    .concat([
      "01.2.3.4",
      "1.2.3.00",
      "0x7f.0.0.1",
      "1.2.3.4 ",
      " 1.2.3.4",
      "1.2.3.4:80",
      "+1.2.3.4",
    ])
    .concat(["1.2.3.4/8", "1.2.3.4%eth0", "fe80::1%eth0", "[::1]", "::1]", ":", ":::", "::1::"])
    .concat(["1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8"])
    .concat(["12345::", "g::", ":1", "1:", "1:2:3:4:5:6:7:", "::1.2.3", "::1.2.3.04", "1.2.3.4::"])
    .concat(["1:2:3:4:5:6:7:1.2.3.4", "1:2:3:1.2.3.4", "::1.2.3.4:5", "1.2.3.\u0664", "::\u00b9"])
    .concat(["localhost", "::1\0", "1.2.3.4\n"]);
  for (const text of texts) {
    const error = assertThrows(() => parseIp(text), AddressError, "invalid IP address");
    assertEquals([error.address, isIp(text)], [text, 0]);
  }
});

Deno.test("what parseIp prints it reads back, and it throws nothing but AddressError", () => {
  const parts = ["0", "1", "ff", "db8", ":", "::", ".", "255", "%", "/", "x"];
  let read = 0;
  for (let n = 0; n < 11 ** 4; n++) {
    let text = "::";
    for (let rest = n; rest > 0; rest = Math.floor(rest / 11)) text += parts[rest % 11];
    for (const each of [text, text.slice(1), text.slice(2)]) {
      try {
        const ip = parseIp(each);
        assertEquals(parseIp(String(ip)), ip);
        read++;
      } catch (error) {
        if (!(error instanceof AddressError)) throw error;
        assertEquals(isIp(each), 0);
      }
    }
  }
  assert(read > 100, String(read));
});

Deno.test("an Ip knows what kind of address it is", () => {
  const rows: [text: string, kinds: string][] = [
    ["127.255.0.1", "loopback"],
    ["::1", "loopback"],
    ["::ffff:127.0.0.1", "loopback"],
    ["0.0.0.0", "unspecified"],
    ["::", "unspecified"],
    ["10.1.2.3", "private"],
    ["172.31.0.1", "private"],
    ["172.32.0.1", ""],
    ["192.168.0.1", "private"],
    ["fd00::1", "private"],
    ["169.254.1.1", "linkLocal"],
    ["febf::1", "linkLocal"],
    ["fec0::1", ""],
    ["239.0.0.1", "multicast"],
    ["ff02::1", "multicast"],
    ["8.8.8.8", ""],
    ["2001:db8::1", ""],
  ];
  for (const [text, kinds] of rows) {
    const ip = parseIp(text);
    const found = [
      ip.isLoopback && "loopback",
      ip.isUnspecified && "unspecified",
      ip.isPrivate && "private",
      ip.isLinkLocal && "linkLocal",
      ip.isMulticast && "multicast",
    ].filter(Boolean).join();
    assertEquals(found, kinds, text);
  }
});

Deno.test("an IPv4-mapped address equals the IPv4 one", () => {
  const ip = parseIp("10.0.0.1");
  assert(ip.equals("::ffff:10.0.0.1") && ip.equals(parseIp("::ffff:a00:1")));
  assert(!ip.equals("10.0.0.2") && !ip.equals("::10.0.0.1") && !ip.equals("ten"));
  assertEquals(String(new Ip(parseIp("::1").bytes)), "::1");
  assertThrows(() => new Ip(new Uint8Array(5)), RangeError, "got 5");
});

Deno.test("parseCidr gives the address and the masked network", () => {
  const rows: [text: string, address: string, block: string][] = [
    ["135.104.0.0/32", "135.104.0.0", "135.104.0.0/32"],
    ["135.104.0.1/24", "135.104.0.1", "135.104.0.0/24"],
    ["172.16.1.2/12", "172.16.1.2", "172.16.0.0/12"],
    ["1.2.3.4/0", "1.2.3.4", "0.0.0.0/0"],
    ["abcd:2345::7/65", "abcd:2345::7", "abcd:2345::/65"],
    ["::1/128", "::1", "::1/128"],
    ["ffff:ffff::/20", "ffff:ffff::", "ffff:f000::/20"],
    ["::ffff:10.1.2.3/104", "10.1.2.3", "10.0.0.0/8"],
    ["::ffff:10.1.2.3/64", "10.1.2.3", "::/64"],
  ];
  for (const [text, address, block] of rows) {
    const cidr = parseCidr(text);
    assertEquals([`${cidr.address}`, `${cidr}`], [address, block]);
    assertEquals(`${cidr.network}/${cidr.prefixLength}`, block);
  }
  for (
    const text of ["", "/", "1.2.3.4", "1.2.3.4/", "/8", "1.2.3.4/33", "::1/129", "1.2.3.4/-1"]
      .concat(["1.2.3.4/8/8", "1.2.3.4/ 8", "1.2.3/8", "fe80::1%eth0/64", "1.2.3.4/0x8", "::/1e1"])
  ) {
    const error = assertThrows(() => parseCidr(text), AddressError, "invalid CIDR address");
    assertEquals(error.address, text);
  }
});

Deno.test("a block contains the addresses of its own family only, however they are written", () => {
  const rows: [block: string, inside: string[], outside: string[]][] = [
    ["10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.1.1"], ["11.0.0.0", "::10.1.1.1"]],
    ["0.0.0.0/0", ["1.2.3.4", "::ffff:1.2.3.4"], ["::1", "", "a.test"]],
    ["::/0", ["::1", "ff::"], ["1.2.3.4", "::ffff:1.2.3.4"]],
    ["fe80::/10", ["febf:ffff::"], ["fec0::"]],
    ["192.0.2.128/25", ["192.0.2.200"], ["192.0.2.127"]],
  ];
  for (const [block, inside, outside] of rows) {
    const cidr = parseCidr(block);
    for (const ip of inside) assert(cidr.contains(ip), `${block} ${ip}`);
    for (const ip of outside) assert(!cidr.contains(ip), `${block} ${ip}`);
    assert(cidr.contains(cidr.network));
  }
});

Deno.test("splitZone takes off what is behind the last percent sign", () => {
  const rows: [host: string, bare: string, zone: string][] = [
    ["fe80::1%eth0", "fe80::1", "eth0"],
    ["fe80::1", "fe80::1", ""],
    ["%eth0", "%eth0", ""],
    ["a%b%c", "a%b", "c"],
    ["", "", ""],
  ];
  for (const [host, bare, zone] of rows) assertEquals(splitZone(host), { host: bare, zone });
});
