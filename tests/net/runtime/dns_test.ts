import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { isTimeout, TimeoutError } from "../../../deadline.ts";
import { DnsError } from "../../../net/errors.ts";
import { SystemResolver } from "../../../net/resolver.ts";
import { CachedFile, runtimeNames } from "../../../net/runtime/dns.ts";
import { DnsServer, type Zone } from "../../support/dns_server.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const zone: Zone = {
  "both.test": { A: ["192.0.2.1", "192.0.2.2"], AAAA: ["2001:db8::1"] },
  "four.test": { A: ["192.0.2.4"] },
  "broken.test": "SERVFAIL",
  "half.test": { A: ["192.0.2.5"], AAAA: "SERVFAIL" },
  "silent.test": "drop",
  "www.test": { CNAME: "cdn.test." },
  "cdn.test": { CNAME: "both.test." },
  "mail.test": { MX: [[20, "b.mail.test."], [10, "a.mail.test."]] },
  "text.test": { TXT: [["v=1 ", "all"], ["second"]] },
  "_sip._udp.test": { SRV: [[2, 0, 5062, "late.test."], [1, 5, 5060, "soon.test."]] },
  "1.2.0.192.in-addr.arpa": { PTR: ["both.test.", "alias.test."] },
  [`1.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`]: { PTR: ["six.test."] },
};

async function setup(hostsText = "") {
  const server = await DnsServer.start(zone);
  const hostsFile = await Deno.makeTempFile();
  await Deno.writeTextFile(hostsFile, hostsText);
  const resolver = new SystemResolver({ hostsFile, nameServer: server.nameServer });
  return {
    server,
    resolver,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(hostsFile);
    },
  };
}

Deno.test("addresses of both families come from a real name server", async () => {
  await using test = await setup();
  const { resolver, server } = test;
  assertEquals(await resolver.lookupHost("both.test"), ["2001:db8::1", "192.0.2.1", "192.0.2.2"]);
  assertEquals(await resolver.lookupHost("four.test."), ["192.0.2.4"]);
  assertEquals(await resolver.lookupHost("half.test"), ["192.0.2.5"]);
  assertEquals((await resolver.lookupIp("ip6", "both.test")).map(String), ["2001:db8::1"]);
  assert(server.questions.includes("A both.test") && server.questions.includes("AAAA both.test"));
});

Deno.test("records of every kind come from a real name server", async () => {
  await using test = await setup();
  const { resolver } = test;
  assertEquals(await resolver.lookupHost("www.test"), ["2001:db8::1", "192.0.2.1", "192.0.2.2"]);
  assertEquals(await resolver.lookupCname("www.test"), "both.test.");
  assertEquals(await resolver.lookupCname("four.test"), "four.test.");
  assertEquals(await resolver.lookupMx("mail.test"), [
    { host: "a.mail.test.", pref: 10 },
    { host: "b.mail.test.", pref: 20 },
  ]);
  assertEquals((await resolver.lookupTxt("text.test")).sort(), ["second", "v=1 all"]);
  assertEquals(await resolver.lookupSrv("sip", "udp", "test"), {
    cname: "_sip._udp.test.",
    records: [
      { target: "soon.test.", port: 5060, priority: 1, weight: 5 },
      { target: "late.test.", port: 5062, priority: 2, weight: 0 },
    ],
  });
  assertEquals((await resolver.lookupAddr("192.0.2.1")).sort(), ["alias.test.", "both.test."]);
  assertEquals(await resolver.lookupAddr("2001:db8::1"), ["six.test."]);
});

Deno.test("a name that the server does not have is not found", async () => {
  await using test = await setup();
  const { resolver } = test;
  for (
    const lookup of [
      () => resolver.lookupHost("none.test"),
      () => resolver.lookupIp("ip6", "four.test"),
      () => resolver.lookupMx("four.test"),
      () => resolver.lookupCname("none.test"),
      () => resolver.lookupAddr("192.0.2.9"),
    ]
  ) {
    const error = await assertRejects(lookup, DnsError, "no such host");
    assertEquals([error.code, error.notFound, error.timeout], ["ENOTFOUND", true, false]);
  }
  // The runtime reports a server's failure as it does a missing name.
  await assertRejects(() => resolver.lookupHost("broken.test"), DnsError);
});

Deno.test("a server that stays silent costs no more than the deadline", async () => {
  await using test = await setup();
  const { resolver, server } = test;
  const started = performance.now();
  const error = await assertRejects(
    () => resolver.lookupHost("silent.test", { timeout: 100 }),
    DnsError,
  );
  assertEquals([error.code, isTimeout(error), error.temporary], ["ETIMEDOUT", true, true]);
  assertInstanceOf(error.cause, TimeoutError);
  assert(performance.now() - started < 3_000);

  const controller = new AbortController();
  const lookup = resolver.lookupMx("silent.test", { signal: controller.signal });
  await server.asked("MX silent.test");
  const reason = new Error("changed my mind");
  controller.abort(reason);
  assertEquals(await lookup.catch((e) => e), reason);
});

Deno.test("a query that was aborted rejects with the reason", async () => {
  await using test = await setup();
  const { nameServer } = test.server;
  const controller = new AbortController();
  const options = { signal: controller.signal, nameServer };
  const pending = runtimeNames.query("silent.test", "A", options).catch((error) => error);
  await test.server.asked("A silent.test");
  controller.abort("enough");
  assertEquals(await pending, "enough");
  assertEquals(await runtimeNames.query("both.test", "A", options).catch((e) => e), "enough");
});

Deno.test("a hosts file of one's own comes before the name server", async () => {
  await using test = await setup("192.0.2.77 both.test alias # comment\nfe80::1%lo zoned\n");
  const { resolver, server } = test;
  assertEquals(await resolver.lookupHost("both.test"), ["192.0.2.77"]);
  assertEquals(await resolver.lookupHost("zoned"), ["fe80::1%lo"]);
  assertEquals(await resolver.lookupAddr("192.0.2.77"), ["both.test.", "alias."]);
  assertEquals(server.questions, []);
});

Deno.test("localhost is loopback with the system's own sources", async () => {
  const resolver = new SystemResolver();
  for (const host of ["localhost", "app.localhost"]) {
    const ips = await resolver.lookupIp("ip", host);
    assert(ips.length > 0 && ips.every((ip) => ip.isLoopback), `${host}: ${ips}`);
  }
  const found = await runtimeNames.getAddrInfo("localhost", 0);
  assert(found.includes("127.0.0.1") || found.includes("::1"), String(found));
});

Deno.test("getAddrInfo reports what the C library says as a DnsError", async () => {
  const error = await assertRejects(() => runtimeNames.getAddrInfo("a..b", 0), DnsError);
  assert(error.notFound || error.temporary, error.message);
  assertInstanceOf(error.cause, Error);
});

Deno.test("without a permission the error names the flag, and nothing prompts", async () => {
  const program = `
    import { SystemResolver } from ${
    JSON.stringify(import.meta.resolve("../../../net/resolver.ts"))
  };
    const server = new SystemResolver({ nameServer: { ipAddr: "127.0.0.1", port: 1 } });
    Deno.statSync = Deno.readTextFileSync = () => console.log("asked for a file");
    const tell = (e) => console.log(JSON.stringify([e.name, e.code, e.cause?.name, e.message]));
    await new SystemResolver().lookupHost("a.test").catch(tell);
    await server.lookupHost("a.test").catch(tell);
    await server.lookupMx("a.test").catch(tell);
    console.log(await server.lookupHost("127.0.0.1"), await server.lookupPort("tcp", "http"));
    console.log(await server.lookupHost("localhost"));
  `;
  const file = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(file, program);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--no-check", "--no-prompt", file],
      env: { NO_COLOR: "1" },
    }).output();
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    assertEquals(lines.length, 5, new TextDecoder().decode(stderr));
    for (const line of lines.slice(0, 3)) {
      const [name, code, cause, message] = JSON.parse(line);
      assertEquals([name, code, cause], ["DnsError", "ERR_NOT_CAPABLE", "NotCapable"]);
      assert(message.includes("--allow-net"), message);
    }
    assertEquals(lines.slice(3), ['[ "127.0.0.1" ] 80', '[ "127.0.0.1", "::1" ]']);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a lookup that was given up does not keep the process alive", async () => {
  await using server = await DnsServer.start(zone);
  const program = `
    import { SystemResolver } from ${
    JSON.stringify(import.meta.resolve("../../../net/resolver.ts"))
  };
    const resolver = new SystemResolver({ nameServer: ${JSON.stringify(server.nameServer)} });
    await resolver.lookupHost("silent.test", { timeout: 50 }).catch((e) => console.log(e.code));
  `;
  const file = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(file, program);
    const started = performance.now();
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--no-check", "-A", file],
    }).output();
    assertEquals(new TextDecoder().decode(stdout).trim(), "ETIMEDOUT");
    // The runtime's own limit, until which an abandoned query would stay, is 5 s and more.
    assert(performance.now() - started < 4_500);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a cached file is looked at again after five seconds, and read when it changed", async () => {
  const path = await Deno.makeTempFile();
  const clock = new FakeClock();
  let parsed = 0;
  const file = new CachedFile(path, (text) => `${++parsed} ${text}`, clock);
  try {
    await Deno.writeTextFile(path, "one");
    assertEquals(file.read(), "1 one");
    await Deno.writeTextFile(path, "changed");
    await clock.advance(4_999);
    assertEquals(file.read(), "1 one");
    await clock.advance(1);
    assertEquals(file.read(), "2 changed");
    await clock.advance(5_000);
    assertEquals(file.read(), "2 changed");
  } finally {
    await Deno.remove(path);
  }
  await clock.advance(5_000);
  assertEquals(file.read(), undefined);
});
