import { assert, assertEquals } from "@std/assert";
import {
  isDomainName,
  isLocalhost,
  isUnicastDnsName,
  orderMx,
  orderSrv,
  reverseName,
} from "../../net/dns_names.ts";
import { parseIp } from "../../net/ip.ts";

/** A generator with a fixed seed (Park and Miller), so that a draw is the same in every run. */
function seeded(seed = 1): () => number {
  return () => (seed = seed * 48271 % 2147483647) / 2147483647;
}

Deno.test("isDomainName knows a name from what the C library would read as an address", () => {
  const long = "a".repeat(63);
  const names = [
    ".",
    "a",
    "a.b.",
    "foo-bar.com",
    "_sip._tcp.a",
    "1.a",
    "3com.com",
    "xn--bcher-kva.de",
  ]
    .concat([long, `${long}.${long}.${long}.${"a".repeat(61)}`, "a_b", "1a", "a.0xg"])
    .concat([`${long}.${long}.${long}.${"a".repeat(61)}.`]);
  for (const name of names) assert(isDomainName(name), name);
  const others = ["", "..", ".a", "a..b", "-a", "a-", "a.-b", "a b", "a/b", "a:1", "é", "a\n"]
    .concat(["1.2.3.4", "127.1", "1", "a.1", "0x7f.1", "a.0X", `a${long}`])
    .concat([`${long}.${long}.${long}.${"a".repeat(62)}`]);
  for (const name of others) assert(!isDomainName(name), name);
});

Deno.test("isLocalhost and isUnicastDnsName go by the last label", () => {
  for (const name of ["localhost", "LocalHost.", "a.localhost"]) assert(isLocalhost(name));
  for (const name of ["localhost.com", "mylocalhost", "localhost.."]) assert(!isLocalhost(name));
  for (const name of ["a.test", "local.test.", "notlocal.x"]) assert(isUnicastDnsName(name));
  for (const name of ["a", "a.", "a.local", "A.LOCAL."]) assert(!isUnicastDnsName(name));
});

Deno.test("reverseName is where an address's PTR record is", () => {
  assertEquals(reverseName(parseIp("192.0.2.1")), "1.2.0.192.in-addr.arpa.");
  assertEquals(
    reverseName(parseIp("2001:db8::567:89ab")),
    "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
  );
});

Deno.test("orderMx sorts by preference and spreads equal servers", () => {
  const random = seeded();
  const records = [{ pref: 2, host: "c" }, { pref: 1, host: "a" }, { pref: 1, host: "b" }];
  const orders = Array.from(
    { length: 100 },
    () => orderMx(records, random).map(({ host }) => host).join(""),
  );
  assertEquals([...new Set(orders)].sort(), ["abc", "bac"]);
});

Deno.test("orderSrv sorts by priority and draws by weight (RFC 2782)", () => {
  const random = seeded();
  const record = (priority: number, weight: number) => ({ priority, weight });
  const records = [record(2, 1), record(1, 30), record(1, 10), record(1, 0), record(1, 60)];
  const first = new Map<number, number>();
  for (let i = 0; i < 10_000; i++) {
    const ordered = orderSrv(records, random);
    assertEquals(ordered.map(({ priority }) => priority), [1, 1, 1, 1, 2]);
    assertEquals(new Set(ordered), new Set(records));
    first.set(ordered[0].weight, (first.get(ordered[0].weight) ?? 0) + 1);
  }
  for (const [weight, share] of [[60, 6_000], [30, 3_000], [10, 1_000], [0, 100]]) {
    const times = first.get(weight) ?? 0;
    assert(
      times > 0 && Math.abs(times - share) < 300,
      `weight ${weight} came first ${times} times`,
    );
  }
  const light = [record(1, 0), record(1, 1)];
  const leads = Array.from({ length: 100 }, () => orderSrv(light, random)[0].weight);
  assertEquals(new Set(leads), new Set([0, 1]));
  assertEquals(orderSrv([], random), []);
});
