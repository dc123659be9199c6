import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { isTimeout, TimeoutError } from "../../deadline.ts";
import { AddressError, DnsError, UnknownNetworkError } from "../../net/errors.ts";
import { type Hosts, parseHosts } from "../../net/hosts.ts";
import { SystemResolver } from "../../net/resolver.ts";
import { type DnsAnswers, type NameSystem, noSuchHost, timedOut } from "../../net/runtime/dns.ts";
import { parseServices } from "../../net/services.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

type Answer = unknown[] | Error | Promise<unknown[]>;

/** A name system of tables, which writes down what it was asked. */
class FakeSystem implements NameSystem {
  readonly clock = new FakeClock();
  readonly asked: string[] = [];
  readonly signals: AbortSignal[] = [];
  mayQuery = true;
  hostsText: string | undefined = "";
  servicesText: string | undefined;
  dns: Record<string, Answer> = {};
  libc: Record<string, Answer> = {};

  hosts(): Hosts | undefined {
    return this.hostsText === undefined ? undefined : parseHosts(this.hostsText);
  }
  services() {
    return this.servicesText === undefined ? undefined : parseServices(this.servicesText);
  }
  getAddrInfo(host: string, family: 0 | 4 | 6): Promise<string[]> {
    return this.#answer(`libc${family || ""} ${host}`, this.libc[host], host) as Promise<string[]>;
  }
  query<T extends keyof DnsAnswers>(
    name: string,
    type: T,
    { signal }: { signal: AbortSignal },
  ): Promise<DnsAnswers[T][]> {
    this.signals.push(signal);
    const key = `${type} ${name}`;
    return this.#answer(key, this.dns[key], name) as Promise<DnsAnswers[T][]>;
  }
  async #answer(key: string, answer: Answer | undefined, host: string): Promise<unknown[]> {
    this.asked.push(key);
    if (answer === undefined) throw noSuchHost(host);
    if (answer instanceof Error) throw answer;
    return await answer;
  }
}

const never = () => new Promise<never>(() => {});

function setup(system: Partial<FakeSystem> = {}, options = {}) {
  const fake = Object.assign(new FakeSystem(), system);
  return { fake, clock: fake.clock, resolver: new SystemResolver(options, fake) };
}

/** An AbortSignal that counts who listens to it. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const count = { listeners: 0 };
  const { addEventListener, removeEventListener } = AbortSignal.prototype;
  signal.addEventListener = function (...args: unknown[]) {
    count.listeners++;
    addEventListener.apply(this, args as Parameters<typeof addEventListener>);
  };
  signal.removeEventListener = function (...args: unknown[]) {
    count.listeners--;
    removeEventListener.apply(this, args as Parameters<typeof removeEventListener>);
  };
  return { controller, signal, count };
}

Deno.test("an IP address resolves to itself without a lookup", async () => {
  const { resolver, fake } = setup({ hostsText: "10.0.0.1 127.0.0.1" });
  for (
    const [host, expected] of [
      ["127.0.0.1", "127.0.0.1"],
      ["2001:DB8::0:1", "2001:db8::1"],
      ["::ffff:10.0.0.1", "10.0.0.1"],
      ["fe80::1%eth0", "fe80::1%eth0"],
    ]
  ) {
    assertEquals(await resolver.lookupHost(host), [expected]);
  }
  assertEquals((await resolver.lookupIp("ip6", "fe80::1%eth0")).map(String), ["fe80::1"]);
  const error = await assertRejects(() => resolver.lookupIp("ip6", "127.0.0.1"), AddressError);
  assertEquals(error.reason, "no suitable address");
  assertEquals(fake.asked, []);
});

Deno.test("what cannot be a name is not found and nobody is asked", async () => {
  const { resolver, fake } = setup();
  for (
    const host of ["", " ", "a b", "-a", "a-", "a..b", ".a", "127.1", "1", "0x7f.1", "a.0x", "é"]
      .concat(["1.2.3.4:80", "[::1]", "a".repeat(64), "a.".repeat(127) + "a", "fe80::1%", "a\0"])
  ) {
    const lookups = [
      () => resolver.lookupHost(host),
      () => resolver.lookupIp("ip", host),
      () => resolver.lookupCname(host),
      () => resolver.lookupMx(host),
      () => resolver.lookupTxt(host),
      () => resolver.lookupSrv("", "", host),
    ];
    for (const lookup of lookups) {
      const error = await assertRejects(lookup, DnsError, "no such host");
      assertEquals([error.host, error.notFound, error.code], [host, true, "ENOTFOUND"]);
    }
  }
  assertEquals(fake.asked, []);
});

Deno.test("the hosts file comes before every server, family by family", async () => {
  const { resolver, fake } = setup({
    hostsText: "10.0.0.1 box.test\n10.0.0.2 box.test\nfe80::1%eth0 box.test",
    dns: { "AAAA only4.test": ["::5"] },
  });
  assertEquals(await resolver.lookupHost("BOX.test."), ["10.0.0.1", "10.0.0.2", "fe80::1%eth0"]);
  assertEquals((await resolver.lookupIp("ip4", "box.test")).map(String), ["10.0.0.1", "10.0.0.2"]);
  assertEquals((await resolver.lookupIp("ip6", "box.test")).map(String), ["fe80::1"]);
  assertEquals(fake.asked, []);
  fake.hostsText = "10.0.0.1 only4.test";
  assertEquals((await resolver.lookupIp("ip6", "only4.test")).map(String), ["::5"]);
});

Deno.test("localhost and what is under it is loopback unless the hosts file says otherwise", async () => {
  const { resolver, fake } = setup({ hostsText: "127.0.0.9 localhost" });
  assertEquals(await resolver.lookupHost("localhost"), ["127.0.0.9"]);
  assertEquals((await resolver.lookupIp("ip6", "localhost")).map(String), ["::1"]);
  for (const host of ["app.localhost", "LOCALHOST.", "a.b.localhost."]) {
    fake.hostsText = undefined;
    assertEquals(await resolver.lookupHost(host), ["127.0.0.1", "::1"]);
  }
  assertEquals(fake.asked, []);
  await assertRejects(() => resolver.lookupHost("notlocalhost"), DnsError);
  assertEquals(fake.asked, ["libc notlocalhost"]);
});

Deno.test("a qualified name goes to the DNS, IPv6 first, and an answer ends the lookup", async () => {
  const { resolver, fake } = setup({
    dns: { "A a.test": ["1.1.1.1", "2.2.2.2", "1.1.1.1"], "AAAA a.test": ["::1"] },
  });
  assertEquals(await resolver.lookupHost("a.test"), ["::1", "1.1.1.1", "2.2.2.2"]);
  assertEquals((await resolver.lookupIp("ip4", "a.test")).map(String), ["1.1.1.1", "2.2.2.2"]);
  assertEquals(fake.asked, ["AAAA a.test", "A a.test", "A a.test"]);
  assertEquals(fake.clock.timers, 0);
});

Deno.test("the C library is asked alone when the DNS is not what it would ask", async () => {
  const cases: [string, Partial<FakeSystem>][] = [
    ["short", {}],
    ["printer.local", {}],
    ["printer.LOCAL.", {}],
    ["a.test", { mayQuery: false }],
    ["a.test", { hostsText: undefined }],
  ];
  for (const [host, system] of cases) {
    const { resolver, fake } = setup({ libc: { [host]: ["3.3.3.3", "3.3.3.3"] }, ...system });
    assertEquals(await resolver.lookupHost(host), ["3.3.3.3"]);
    assertEquals(fake.asked, [`libc ${host}`]);
  }
});

Deno.test("the C library has the last word when the DNS finds nothing or fails", async () => {
  for (const failure of [noSuchHost("a.test"), new DnsError({ host: "", reason: "", code: "X" })]) {
    const { resolver, fake } = setup({
      dns: { "A a.test": failure, "AAAA a.test": failure },
      libc: { "a.test": ["4.4.4.4"] },
    });
    assertEquals(await resolver.lookupHost("a.test"), ["4.4.4.4"]);
    assertEquals(fake.asked, ["AAAA a.test", "A a.test", "libc a.test"]);
    assertEquals((await resolver.lookupIp("ip4", "a.test")).map(String), ["4.4.4.4"]);
    assertEquals(fake.asked.slice(3), ["A a.test", "libc4 a.test"]);
  }
});

Deno.test("a DNS that did not answer in time is not followed by another wait", async () => {
  const silent = timedOut("a.test", new TimeoutError("silence"));
  const { resolver, fake } = setup({
    dns: { "AAAA a.test": noSuchHost("a.test"), "A a.test": silent },
    libc: { "a.test": ["4.4.4.4"] },
  });
  const error = await assertRejects(() => resolver.lookupHost("a.test"), DnsError);
  assertEquals([error.timeout, isTimeout(error), error.code], [true, true, "ETIMEDOUT"]);
  assertEquals(fake.asked, ["AAAA a.test", "A a.test"]);
});

Deno.test("a family that stays silent holds up the other's answer for half a second only", async () => {
  const { resolver, fake, clock } = setup({
    dns: { "A a.test": ["1.1.1.1"], "AAAA a.test": never() },
  });
  let found: string[] | undefined;
  const lookup = resolver.lookupHost("a.test").then((addresses) => found = addresses);
  await clock.advance(499);
  assertEquals(found, undefined);
  await clock.advance(1);
  assertEquals(await lookup, ["1.1.1.1"]);
  assert(fake.signals.every((signal) => signal.aborted), "the pending query was not called off");
  assertEquals(clock.timers, 0);
});

Deno.test("a name server of one's own is the only one asked", async () => {
  const { resolver, fake } = setup(
    { dns: { "A short": ["1.1.1.1"] }, mayQuery: false, hostsText: undefined },
    { nameServer: { ipAddr: "127.0.0.1" } },
  );
  assertEquals(await resolver.lookupHost("short"), ["1.1.1.1"]);
  await assertRejects(() => resolver.lookupHost("other.test"), DnsError, "no such host");
  assert(!fake.asked.some((question) => question.startsWith("libc")));
  assertThrows(
    () => new SystemResolver({ nameServer: { ipAddr: "dns.test" } }),
    AddressError,
    "dns.test",
  );
});

Deno.test("equal lookups in the C library are one call, each with its own deadline", async () => {
  const answer = Promise.withResolvers<string[]>();
  const { resolver, fake, clock } = setup({ libc: { box: answer.promise } });
  const hurried = resolver.lookupHost("box", { timeout: 10 });
  const patient = resolver.lookupHost("BOX");
  const late = assertRejects(() => hurried, DnsError);
  await clock.advance(10);
  const error = await late;
  assertEquals([error.timeout, error.temporary, error.code], [true, true, "ETIMEDOUT"]);
  assertInstanceOf(error.cause, TimeoutError);
  assertEquals(error.message, 'lookup "box": dns: deadline exceeded');
  answer.resolve(["5.5.5.5"]);
  assertEquals(await patient, ["5.5.5.5"]);
  assertEquals(fake.asked, ["libc box"]);
  assertEquals(await resolver.lookupHost("box"), ["5.5.5.5"]);
  assertEquals(fake.asked.length, 2, "an answer is not kept");
});

Deno.test("an abort rejects with its reason in every phase and leaves no listener", async () => {
  const phases: [string, (r: SystemResolver, signal: AbortSignal) => Promise<unknown>][] = [
    ["AAAA a.test", (r, signal) => r.lookupHost("a.test", { signal })],
    ["A a.test", (r, signal) => r.lookupIp("ip4", "a.test", { signal, timeout: 60_000 })],
    ["libc box", (r, signal) => r.lookupHost("box", { signal })],
    ["MX a.test", (r, signal) => r.lookupMx("a.test", { signal })],
    ["TXT a.test", (r, signal) => r.lookupTxt("a.test", { signal })],
    ["CNAME a.test", (r, signal) => r.lookupCname("a.test", { signal })],
    ["SRV _x._tcp.a.test", (r, signal) => r.lookupSrv("x", "tcp", "a.test", { signal })],
    ["PTR 1.0.0.10.in-addr.arpa.", (r, signal) => r.lookupAddr("10.0.0.1", { signal })],
  ];
  for (const [question, lookup] of phases) {
    const { resolver, fake, clock } = setup({
      dns: { [question]: never(), "A a.test": never(), "AAAA a.test": never() },
      libc: { box: never() },
    });
    const { controller, signal, count } = countedSignal();
    const outcome = lookup(resolver, signal).catch((error) => error);
    await settle();
    assert(fake.asked.includes(question), question);
    assert(count.listeners > 0);
    controller.abort("enough");
    assertEquals(await outcome, "enough");
    assertEquals([count.listeners, clock.timers], [0, 0], question);
    assert(fake.signals.every((signal) => signal.aborted), question);
  }
});

Deno.test("a lookup that ends well leaves no listener and no timer", async () => {
  const { resolver, clock } = setup({ dns: { "A a.test": ["1.1.1.1"] }, libc: { box: ["::1"] } });
  const { signal, count } = countedSignal();
  await resolver.lookupHost("a.test", { signal, timeout: 1_000 });
  await resolver.lookupIp("ip4", "a.test", { signal, timeout: 1_000 });
  await resolver.lookupHost("box", { signal, timeout: 1_000 });
  await resolver.lookupHost("localhost", { signal, timeout: 1_000 });
  assertEquals([count.listeners, clock.timers], [0, 0]);
});

Deno.test("a lookup whose time is up before it begins asks nobody", async () => {
  const { resolver, fake } = setup({}, { timeout: -1 });
  assertEquals((await assertRejects(() => resolver.lookupHost("a.test"), DnsError)).timeout, true);
  const reason = new TimeoutError("the caller's own");
  const plain = setup();
  const aborted = { signal: AbortSignal.abort(reason) };
  for (const host of ["a.test", "127.0.0.1"]) {
    assertEquals(await plain.resolver.lookupHost(host, aborted).catch((e) => e), reason);
  }
  assertEquals(await plain.resolver.lookupPort("tcp", "80", aborted).catch((e) => e), reason);
  assertEquals([...fake.asked, ...plain.fake.asked], []);
});

Deno.test("the resolver's own timeout limits a lookup whose caller is patient", async () => {
  const { resolver, clock } = setup({ libc: { box: never() } }, { timeout: 50 });
  const outcome = assertRejects(() => resolver.lookupHost("box", { timeout: 1_000 }), DnsError);
  await clock.advance(50);
  assertEquals(isTimeout(await outcome), true);
  assertThrows(() => new SystemResolver({ timeout: NaN }), RangeError);
});

Deno.test("lookupPort prefers the services file and needs it for names only", async () => {
  const { resolver, fake } = setup({ servicesText: "http 8080/tcp web # ours\nntp 123/udp" });
  assertEquals(await resolver.lookupPort("tcp", "http"), 8080);
  assertEquals(await resolver.lookupPort("tcp6", "WEB"), 8080);
  assertEquals(await resolver.lookupPort("udp4", "ntp"), 123);
  assertEquals(await resolver.lookupPort("tcp", "https"), 443);
  await assertRejects(() => resolver.lookupPort("unix", "http"), UnknownNetworkError);
  fake.services = () => {
    throw new Error("not needed");
  };
  assertEquals(await resolver.lookupPort("tcp", "443"), 443);
  assertEquals(await resolver.lookupPort("tcp", ""), 0);
  await assertRejects(() => resolver.lookupPort("tcp", "65536"), AddressError, "invalid port");
});

Deno.test("lookupCname follows aliases, and a name without one must exist", async () => {
  const { resolver, fake } = setup({
    dns: {
      "CNAME www.test": ["cdn.test."],
      "CNAME cdn.test.": ["edge.test."],
      "A plain.test": ["1.1.1.1"],
      "CNAME loop.test": ["loop.test"],
    },
    hostsText: "10.0.0.1 listed",
  });
  assertEquals(await resolver.lookupCname("www.test"), "edge.test.");
  assertEquals(await resolver.lookupCname("plain.test"), "plain.test.");
  assertEquals(await resolver.lookupCname("listed"), "listed.");
  assertEquals(await resolver.lookupCname("localhost"), "localhost.");
  await assertRejects(() => resolver.lookupCname("none.test"), DnsError, "no such host");
  fake.asked.length = 0;
  await assertRejects(() => resolver.lookupCname("loop.test"), DnsError, "no such host");
  assertEquals(fake.asked.length, 11);
});

Deno.test("lookupMx and lookupSrv sort, and drop names that are none", async () => {
  const { resolver } = setup({
    dns: {
      "MX a.test": [
        { preference: 20, exchange: "two.test." },
        { preference: 10, exchange: "one.test." },
        { preference: 5, exchange: "not a name" },
      ],
      "SRV _sip._udp.a.test": [
        { priority: 2, weight: 0, port: 3, target: "c.test" },
        { priority: 1, weight: 0, port: 1, target: "a.test." },
        { priority: 1, weight: 9, port: 2, target: "b.test." },
        { priority: 0, weight: 0, port: 4, target: "../etc" },
      ],
    },
  }, { random: () => 0.5 });
  assertEquals(await resolver.lookupMx("a.test"), [
    { host: "one.test.", pref: 10 },
    { host: "two.test.", pref: 20 },
  ]);
  assertEquals(await resolver.lookupSrv("sip", "udp", "a.test"), {
    cname: "_sip._udp.a.test.",
    records: [
      { target: "b.test.", port: 2, priority: 1, weight: 9 },
      { target: "a.test.", port: 1, priority: 1, weight: 0 },
      { target: "c.test.", port: 3, priority: 2, weight: 0 },
    ],
  });
});

Deno.test("lookupAddr asks the hosts file, then the DNS", async () => {
  const { resolver, fake } = setup({
    hostsText: "10.0.0.1 box.test box\nfe80::1%eth0 scoped",
    dns: { "PTR 2.0.0.10.in-addr.arpa.": ["two.test.", "bad name"] },
  });
  assertEquals(await resolver.lookupAddr("::ffff:10.0.0.1"), ["box.test.", "box."]);
  assertEquals(await resolver.lookupAddr("fe80::1%eth0"), ["scoped."]);
  assertEquals(fake.asked, []);
  assertEquals(await resolver.lookupAddr("10.0.0.2"), ["two.test."]);
  await assertRejects(() => resolver.lookupAddr("fe80::2%eth0"), DnsError, "no such host");
  await assertRejects(() => resolver.lookupAddr("box.test"), DnsError, "unrecognized address");
});

Deno.test("lookupIp refuses an unknown kind of address", async () => {
  const { resolver } = setup();
  await assertRejects(() => resolver.lookupIp("tcp" as "ip", "a.test"), TypeError, '"tcp"');
});
