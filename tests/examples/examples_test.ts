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

const tourFlags = ["--allow-net", "--allow-read", "--allow-write", "--allow-run"];

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

  assertEquals(out.match(/wire +HTTP\/1\.1 (\d+)/g)?.map((text) => text.slice(-3)), [
    ...["200", "405", "400"],
  ]);
  assertMatch(out, /first +HTTP\/1\.1 200 OK, 12 bytes: connect .*first byte .*body .*\(new\)/);
  assertMatch(out, /second +HTTP\/1\.1 200 OK, 12 bytes: request .*\(reused\)/);
  assertMatch(out, /too slow +after .*HttpError: GET "http:.*\/slow": deadline exceeded/);
  assertMatch(out, /in flight +"worth the wait"/);
  assertMatch(out, /server +the server was closed/);

  assertMatch(out, /pipeline +15000 x pipe, 10000 x lock/);
  assertMatch(out, /fails +after .*ExitError: run "sh": exit status 3: no disk/);
  assertMatch(out, /signal +SIGUSR2/);
  assertMatch(out, /fifo +"hello from a shell"/);
  assertMatch(out, /queue +"at once", then "when you have time"/);
  const [, locked] = out.match(/lock +((?:ping|pong)(?: ping| pong){5})\n/) ?? [];
  assertEquals(locked?.split(" ").sort(), ["ping", "ping", "ping", "pong", "pong", "pong"]);
  assertMatch(out, /semaphore +ping pong ping pong ping pong/);
});

Deno.test("the tour asks a URL that it is given", async () => {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response("nine long"),
  );
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const out = await run("tour.ts", [...tourFlags, "--allow-ffi"], [url]);
  assertMatch(out, /first +HTTP\/1\.1 200 OK, 9 bytes/);
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
