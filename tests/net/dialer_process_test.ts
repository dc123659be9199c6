import { assertEquals } from "@std/assert";
import type { NetAddress } from "../../net/conn.ts";
import { listen } from "../../net/listener.ts";
import { defaultResolver } from "../../net/resolver.ts";
import { fullBacklog, runChild, type Said } from "../support/net_helpers.ts";

/** The lines that a child, which must have ended well, has written. */
function lines({ code, stdout, stderr }: Said): string[] {
  assertEquals(code, 0, stderr);
  return stdout.split("\n");
}

/** A module that dials and shows what came of it. */
const dialing = (network: string, address: string) => `
  try {
    using conn = await net.dial(${JSON.stringify(network)}, ${JSON.stringify(address)});
    console.log("connected to", String(conn.remoteAddr));
  } catch (error) {
    console.log([error.name, error.code, error.cause?.name].join(" "));
    console.log(error.message);
  }`;

Deno.test("dial() without --allow-net names the flag to add", async () => {
  assertEquals(lines(await runChild(dialing("tcp", "127.0.0.1:80"), [])), [
    "OpError ERR_NOT_CAPABLE NotCapable",
    'dial tcp "127.0.0.1:80": permission denied, run again with --allow-net=127.0.0.1:80',
  ]);
  const other = ["--allow-net=127.0.0.1:80"];
  assertEquals(lines(await runChild(dialing("tcp", "[::1]:81"), other)), [
    "OpError ERR_NOT_CAPABLE NotCapable",
    'dial tcp "[::1]:81": permission denied, run again with --allow-net=[::1]:81',
  ]);
});

Deno.test("dial() of a Unix socket without --allow-read names the flag to add", async () => {
  const [kind, message] = lines(await runChild(dialing("unix", "/run/none"), ["--allow-net"]));
  assertEquals(kind, "OpError ERR_NOT_CAPABLE NotCapable");
  assertEquals(
    message,
    'dial unix "/run/none": permission denied, run again with --allow-read=/run/none',
  );
});

for (
  const flags of [
    (_: number) => ["--allow-net=localhost"],
    (port: number) => [`--allow-net=localhost:${port}`],
    (port: number) => [`--allow-net=127.0.0.1:${port},localhost`],
    (_: number) => ["--allow-net", "--allow-read"],
  ]
) {
  Deno.test(`dial() of a name works with ${flags(80).join(" ")}`, async () => {
    using listener = listen("tcp", "localhost:0");
    const { port } = listener.addr as NetAddress;
    const child = runChild(dialing("tcp", `localhost:${port}`), flags(port));
    using _ = await listener.accept({ timeout: 20_000 });
    assertEquals(lines(await child), [`connected to 127.0.0.1:${port}`]);
  });
}

// Where "localhost" is known to every resolver, this machine's own name has to be looked up.
const hostname = Deno.hostname();
const found = await defaultResolver.lookupHost(hostname, { timeout: 2_000 }).catch(() => []);
const local = found.every((ip) => ip.startsWith("127.") || ip === "::1") && found.length > 0;
if (!local) console.log(`skipped: ${hostname} has no loopback address to dial by name`);

Deno.test({
  name: "dial() of a name works with a flag for just that name and port",
  ignore: !local,
  fn: async () => {
    using listener = listen("tcp", ":0");
    const address = `${hostname}:${(listener.addr as NetAddress).port}`;
    const child = runChild(dialing("tcp", address), [`--allow-net=${address}`]);
    using conn = await listener.accept({ timeout: 20_000 });
    const [said] = lines(await child);
    assertEquals(said, `connected to ${conn.localAddr}`);
  },
});

Deno.test("dial() of a name that no flag covers is refused, and so is what is no name", async () => {
  const flags = ["--allow-net=127.0.0.1", "--allow-read"];
  for (const host of ["localhost", "a host", "elsewhere.invalid"]) {
    const [kind] = lines(await runChild(dialing("tcp", `${host}:80`), flags));
    assertEquals([host, kind.split(" ")[0]], [host, "OpError"]);
  }
});

Deno.test({
  name: "a process ends once its dial was given up or aborted",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using full = await fullBacklog();
    const child = await runChild(`
      const abort = new AbortController();
      const deaf = { lookupHost: () => new Promise(() => {}) };
      const dials = [
        net.dial("tcp", "${full.address}", { timeout: 20 }),
        net.dial("tcp", "${full.address}", { signal: abort.signal, timeout: 3_600_000 }),
        net.dial("tcp", "host:80", { signal: abort.signal, timeout: 3_600_000, resolver: deaf }),
      ];
      setTimeout(() => abort.abort("stop"), 10);
      const ends = await Promise.allSettled(dials);
      for (const { reason } of ends) console.log(reason.code ?? reason);
      globalThis.addEventListener("unload", () => console.log("the end"));`);
    assertEquals(lines(child), ["ETIMEDOUT", "stop", "stop", "the end"]);
  },
});

Deno.test("an idle connection and a parked read do not keep a process alive", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  const child = runChild(`
    const address = ${JSON.stringify(String(listener.addr))};
    const idle = await net.dial("tcp", address, { timeout: 3_600_000 });
    idle.setDeadline(Date.now() + 3_600_000);
    const parked = await net.dial("tcp", address);
    for (const limit of [{ timeout: 1 }, { timeout: 2 }]) {
      await parked.read(new Uint8Array(8), limit).catch((error) => console.log(error.code));
    }
    globalThis.held = [idle, parked];`);
  using _ = await listener.accept({ timeout: 20_000 });
  using __ = await listener.accept({ timeout: 20_000 });
  assertEquals(lines(await child), ["ETIMEDOUT", "ETIMEDOUT"]);
});

Deno.test("a read that somebody waits for keeps a process alive, even after a parked one", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  const child = runChild(`
    const conn = await net.dial("tcp", ${JSON.stringify(String(listener.addr))});
    const p = new Uint8Array(8);
    await conn.read(p, { timeout: 1 }).catch(() => {});
    await conn.write(p.subarray(0, 1));
    console.log(await conn.read(p));`);
  using conn = await listener.accept({ timeout: 20_000 });
  await conn.read(new Uint8Array(1));
  await conn.write(new Uint8Array(5));
  assertEquals(lines(await child), ["5"]);
});
