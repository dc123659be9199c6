import { assertEquals } from "@std/assert";
import { runChild, type Said } from "../support/net_helpers.ts";

/** The lines that a child, which must have ended well, has written. */
function lines({ code, stdout, stderr }: Said): string[] {
  assertEquals(code, 0, stderr);
  return stdout.split("\n");
}

Deno.test({
  name: "an accept without a free descriptor is a temporary failure: with one, accepting goes on",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const child = await runChild(
      `
      const listener = net.listen("tcp", "127.0.0.1:0");
      const client = await net.dial("tcp", String(listener.addr));
      const files = [];
      try {
        for (;;) files.push(Deno.openSync("/dev/null"));
      } catch (error) {
        console.log(error.code);
      }
      const tries = [];
      for (let i = 0; i < 2; i++) {
        tries.push(await listener.accept().then(() => "accepted", (error) => error));
      }
      for (const { name, op, code, temporary, timeout } of tries) {
        console.log(name, op, code, temporary, timeout);
      }
      console.log(tries[0].message.replace(/[0-9]+"/, 'PORT"'));
      for (const file of files) file.close();
      const server = await listener.accept();
      console.log(String(server.remoteAddr) === String(client.localAddr));
      server.close();
      listener.close();`,
      ["-A"],
      "ulimit -n 64",
    );
    assertEquals(lines(child), [
      "EMFILE",
      "OpError accept EMFILE true false",
      "OpError accept EMFILE true false",
      'accept tcp "127.0.0.1:PORT": too many open files',
      "true",
    ]);
  },
});

Deno.test("an idle listener and a parked accept do not keep a process alive", async () => {
  const child = await runChild(`
    const idle = net.listen("tcp", "127.0.0.1:0");
    idle.setDeadline(Date.now() + 3_600_000);
    const parked = net.listen("tcp", "127.0.0.1:0");
    for (const wait of [{ timeout: 1 }, { signal: AbortSignal.abort("stop"), timeout: 1 }]) {
      await parked.accept(wait).catch((error) => console.log(error.code ?? error));
    }
    const unrefed = net.listen("tcp", "127.0.0.1:0");
    unrefed.unref();
    unrefed.accept();
    globalThis.held = [idle, parked, unrefed];`);
  assertEquals(lines(child), ["ETIMEDOUT", "stop"]);
});

Deno.test("an accept that somebody waits for keeps a process alive, even after a parked one", async () => {
  const child = await runChild(`
    const listener = net.listen("tcp", "127.0.0.1:0");
    await listener.accept({ timeout: 1 }).catch(() => {});
    const accepting = listener.accept();
    const worker = new Deno.Command(Deno.execPath(), {
      args: ["eval", "(await Deno.connect({ port: " + listener.addr.port + " })).close()"],
    }).spawn();
    worker.unref();
    const conn = await accepting;
    console.log(conn.localAddr.network);
    conn.close();`);
  assertEquals(lines(child), ["tcp"]);
});

Deno.test("listen() without --allow-net names the flag to add", async () => {
  const code = `
    for (const [network, address] of [["tcp", "127.0.0.1:4321"], ["unix", "/run/none"]]) {
      try {
        net.listen(network, address);
      } catch (error) {
        console.log(error.name, error.code, error.cause.name);
        console.log(error.message);
      }
    }`;
  assertEquals(lines(await runChild(code, [])).slice(0, 3), [
    "OpError ERR_NOT_CAPABLE NotCapable",
    'listen tcp "127.0.0.1:4321": permission denied, run again with --allow-net=127.0.0.1:4321',
    "OpError ERR_NOT_CAPABLE NotCapable",
  ]);
});

Deno.test("reusePort without a flag says so, and does not end the process", async () => {
  const child = await runChild(
    `
    try {
      net.listen("tcp", "127.0.0.1:0", { reusePort: true });
    } catch (error) {
      console.log(error.name, error.message);
    }
    net.listen("tcp", "127.0.0.1:0", { reusePort: false }).close();`,
    ["--allow-net"],
  );
  assertEquals(lines(child), [
    "UnsupportedError listen tcp with reusePort (or --unstable-net) is not supported here: " +
    "it needs system calls, run again with --allow-ffi",
  ]);
});
