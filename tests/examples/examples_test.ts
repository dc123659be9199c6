/** The examples run as a reader would run them, and say what they promise. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { networks } from "../../net/mod.ts";

const root = new URL("../../", import.meta.url);

/** Runs an example with just these flags; what it needs beyond them fails. */
async function run(example: string, flags: string[], args: string[] = []): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-config", ...flags, `examples/${example}`, ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

const tourFlags = ["--allow-net", "--allow-read", "--allow-write"];

Deno.test("the tour goes over all nine networks, and shows what fails", async () => {
  const out = await run("tour.ts", [...tourFlags, "--allow-ffi"], ["127.0.0.1:1"]);
  for (const network of networks) {
    const line = out.split("\n").find((line) => line.startsWith(`  ${network} `)) ?? "";
    assertMatch(line, new RegExp(`dial +[0-9.]+ ms   echo +[0-9.]+ ms .*"hello over ${network}"`));
    const messages = !/^(tcp|unix$)/.test(network);
    assertEquals(line.includes('3 bytes "one" and 3 bytes "two"'), messages, line);
  }
  assertMatch(out, /refused .*OpError: dial tcp "127\.0\.0\.1:\d+": connection refused/);
  assertMatch(out, /no name .*lookup "nowhere\.invalid"/);
  assertMatch(out, /no answer .*after +\d{3,}\.\d+ ms: OpError: dial tcp ".*": timed out/);
  assertMatch(out, /read again +14 bytes "late, but here"/);
  assertMatch(out, /race +won by 127\.0\.0\.1:/);
  assertMatch(out, /dial tcp "127\.0\.0\.1:1": connection refused/);
});

Deno.test("the tour without --allow-ffi says what unixpacket needs", async () => {
  const out = await run("tour.ts", [...tourFlags, "--unstable-net"]);
  assertMatch(out, /unixpacket .*UnsupportedError: .*--allow-ffi/);
  assertMatch(out, /unixgram .*"hello over unixgram"/);
});

Deno.test("a socket by hand does what net does", async () => {
  const out = await run("raw_socket.ts", ["--allow-ffi", "--allow-net=127.0.0.1"]);
  assert(out.includes("By hand, with system calls:") && out.includes("The same through net:"));
  assertEquals(out.match(/client {2}recv "hello"|client {2}read "hello"/g)?.length, 2, out);
});
