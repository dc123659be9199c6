/** The examples of `net`. */
import { assertEquals, assertMatch } from "@std/assert";
import { listen, type Network, networks } from "../../net/mod.ts";
import { Example, Folder, output, run } from "./example.ts";

/** Where to listen on a network, and with which permissions. */
function place(network: Network, folder: Folder): { address: string; flags: string[] } {
  if (!network.startsWith("unix")) {
    const host = network.endsWith("6") ? "[::1]" : "127.0.0.1";
    return { address: `${host}:0`, flags: [`--allow-net=${host}`] };
  }
  const flags = ["--allow-net", ...folder.flags];
  if (network !== "unix") flags.push("--allow-ffi");
  return { address: `${folder.path}/socket`, flags };
}

for (const network of networks) {
  Deno.test(`the echo example talks over ${network}`, async () => {
    using folder = new Folder();
    const { address, flags } = place(network, folder);
    await using server = new Example("echo.ts", flags, [network, address]);
    const [, at] = await server.says(/listening on \w+ (.*)\n/);
    const words = ["hello", "käse", "x".repeat(1_000)];
    const out = await output("echo.ts", flags, ["--client", network, at, ...words]);
    const lines = out.trimEnd().split("\n");
    assertEquals(lines.length, words.length);
    for (const [i, word] of words.entries()) {
      assertMatch(lines[i], new RegExp(`^"${word}" after [0-9.]+ ms$`));
    }
    server.kill("SIGTERM");
    assertEquals((await server.end()).code, 0);
    assertEquals([...Deno.readDirSync(folder.path)], []);
  });
}

Deno.test("the echo example says what goes wrong in one line", async () => {
  const flags = ["--allow-net=127.0.0.1"];
  const refused = await run("echo.ts", flags, ["--client", "tcp", "127.0.0.1:1", "hello"]);
  assertEquals(refused.code, 1);
  assertEquals(refused.stderr, 'dial tcp "127.0.0.1:1": connection refused\n');
  const usage = await run("echo.ts", flags, ["tcp"]);
  assertEquals(usage.code, 2);
  assertMatch(usage.stderr, /usage: .*\nthe networks are tcp, .*unixpacket\n/);
});

for (const network of ["tcp", "udp", "unix", "unixgram", "unixpacket"] as const) {
  Deno.test(`two netcats talk over ${network}, both ways`, async () => {
    using folder = new Folder();
    const { address, flags } = place(network, folder);
    await using server = new Example("netcat.ts", flags, ["-l", "-w", "9", network, address]);
    const [, at] = await server.stderr.says(/listening on \w+ (.*)\n/);
    await using client = new Example("netcat.ts", flags, ["-w", "9", network, at]);
    await client.types("hello\n");
    await server.says(/hello\n/);
    await server.types("and good\n");
    await client.says(/and good\n/);
    await client.types("bye\n");
    await server.says(/bye\n/);
  });
}

for (const network of ["tcp", "unix"] as const) {
  Deno.test(`netcat passes the end on over ${network}, and hears the rest`, async () => {
    using folder = new Folder();
    const { address, flags } = place(network, folder);
    using listener = listen(network, address);
    await using client = new Example("netcat.ts", flags, [network, `${listener.addr}`]);
    using peer = await listener.accept({ timeout: 10_000 });
    await client.types("the question");
    await client.typesEnd();
    let heard = "";
    const p = new Uint8Array(64);
    for (let n = await peer.read(p); n !== null; n = await peer.read(p)) {
      heard += new TextDecoder().decode(p.subarray(0, n));
    }
    assertEquals(heard, "the question");
    await peer.write(new TextEncoder().encode("the answer"));
    peer.close();
    assertEquals(await client.end(), { code: 0, signal: null, stdout: "the answer", stderr: "" });
  });
}

Deno.test("netcat carries a megabyte unchanged", async () => {
  using folder = new Folder();
  const { address, flags } = place("unix", folder);
  using listener = listen("unix", address);
  await using client = new Example("netcat.ts", flags, ["unix", address]);
  using peer = await listener.accept({ timeout: 10_000 });
  const text = Array.from({ length: 100_000 }, (_, i) => `line ${i}\n`).join("");
  const sending = peer.write(new TextEncoder().encode(text)).then(() => peer.closeWrite());
  assertEquals((await client.end()).stdout, text);
  await sending;
});

Deno.test("netcat -w ends what has fallen silent, and a dial that fails is an error", async () => {
  const flags = ["--allow-net=127.0.0.1"];
  using listener = listen("tcp", "127.0.0.1:0");
  await using client = new Example("netcat.ts", flags, ["-w", "0.2", "tcp", `${listener.addr}`]);
  using peer = await listener.accept({ timeout: 10_000 });
  const { code, stderr } = await client.end();
  assertEquals(code, 0);
  assertMatch(stderr, /^netcat: read tcp .*: timed out\n$/);
  assertEquals(await peer.read(new Uint8Array(1)), null);

  const refused = await run("netcat.ts", flags, ["tcp", "127.0.0.1:1"]);
  assertEquals(refused.code, 1);
  assertEquals(refused.stderr, 'netcat: dial tcp "127.0.0.1:1": connection refused\n');
  assertEquals((await run("netcat.ts", flags, ["-x", "tcp", "127.0.0.1:1"])).code, 2);
});
