import { assert, assertEquals, assertRejects } from "@std/assert";
import { DnsError } from "../../net/errors.ts";
import * as lookup from "../../net/lookup.ts";

Deno.test("the lookup functions ask the system's resolver", async () => {
  assertEquals(await lookup.lookupHost("127.0.0.1"), ["127.0.0.1"]);
  assertEquals((await lookup.lookupIp("ip4", "localhost")).map(String), ["127.0.0.1"]);
  assertEquals(await lookup.lookupPort("tcp", "https"), 443);
  assertEquals(await lookup.lookupCname("localhost"), "localhost.");
  assert((await lookup.lookupAddr("127.0.0.1")).includes("localhost."));
});

Deno.test("the lookup functions pass their limits on", async () => {
  const reason = new Error("no longer wanted");
  const wait = { signal: AbortSignal.abort(reason) };
  const calls = [
    lookup.lookupHost("a.example", wait),
    lookup.lookupIp("ip", "a.example", wait),
    lookup.lookupCname("a.example", wait),
    lookup.lookupMx("a.example", wait),
    lookup.lookupTxt("a.example", wait),
    lookup.lookupSrv("http", "tcp", "a.example", wait),
    lookup.lookupAddr("192.0.2.1", wait),
  ];
  for (const call of calls) assertEquals(await call.catch((error) => error), reason);
  const error = await assertRejects(
    () => lookup.lookupMx("a.example", { timeout: -1 }),
    DnsError,
  );
  assert(error.timeout);
});
