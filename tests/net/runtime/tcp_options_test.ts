import { assertEquals } from "@std/assert";
import { dial } from "../../../net/dialer.ts";
import type { DialerOptions } from "../../../net/dialer_options.ts";
import { listen } from "../../../net/listener.ts";

const onLinux = Deno.build.os === "linux";

const [SOL_SOCKET, SO_KEEPALIVE, SO_ACCEPTCONN] = [1, 9, 30];
const [IPPROTO_TCP, TCP_NODELAY] = [6, 1];

const ss = await new Deno.Command("ss", { args: ["-V"] }).output().then(() => true, () => false);
if (!ss) console.log("skipped: ss is not installed, so nobody looks at the keep-alive timers");

/** What the kernel says of each connection that `body` has left open. */
async function optionsOf(body: () => Promise<unknown>): Promise<string[]> {
  const libc = Deno.dlopen("libc.so.6", {
    getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  });
  using _ = { [Symbol.dispose]: () => libc.close() };
  const option = (fd: number, level: number, name: number) => {
    const value = new Int32Array(1);
    libc.symbols.getsockopt(fd, level, name, value, new Uint32Array([4]));
    return value[0] !== 0;
  };
  const sockets = () =>
    [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name).filter((fd) => {
      try {
        return Deno.readLinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
      } catch {
        return false; // the descriptor of the directory itself
      }
    });
  const before = new Set(sockets());
  await body();
  return sockets().filter((fd) => !before.has(fd)).map(Number)
    .filter((fd) => !option(fd, SOL_SOCKET, SO_ACCEPTCONN))
    .map((fd) =>
      [
        option(fd, IPPROTO_TCP, TCP_NODELAY) ? "noDelay" : "",
        option(fd, SOL_SOCKET, SO_KEEPALIVE) ? "keepAlive" : "",
      ].join(" ").trim()
    );
}

for (
  const [options, expected] of [
    [{}, "noDelay keepAlive"],
    [{ keepAlive: 1_000, noDelay: true }, "noDelay keepAlive"],
    [{ noDelay: false }, "keepAlive"],
    [{ keepAlive: false }, "noDelay"],
    [{ keepAlive: -1, noDelay: false }, ""],
  ] as [DialerOptions, string][]
) {
  Deno.test({
    name: `the kernel sees "${expected}" at both ends with ${Deno.inspect(options)}`,
    ignore: !onLinux,
    fn: async () => {
      using open = new DisposableStack();
      const seen = await optionsOf(async () => {
        const listener = open.use(listen("tcp", "127.0.0.1:0", options as { noDelay?: boolean }));
        open.use(await dial("tcp", String(listener.addr), options));
        open.use(await listener.accept());
      });
      assertEquals(seen, [expected, expected]);
    },
  });
}

Deno.test({
  name: "setNoDelay() and setKeepAlive() change what the kernel sees",
  ignore: !onLinux,
  fn: async () => {
    using open = new DisposableStack();
    const seen = await optionsOf(async () => {
      const listener = open.use(listen("tcp", "127.0.0.1:0", { noDelay: false, keepAlive: false }));
      const client = open.use(await dial("tcp", String(listener.addr)));
      const server = open.use(await listener.accept());
      client.setNoDelay(false);
      client.setKeepAlive(false);
      server.setNoDelay();
      server.setKeepAlive();
    });
    assertEquals(seen.sort(), ["", "noDelay keepAlive"]);
  },
});

Deno.test({
  name: "the kernel's keep-alive timer runs at both ends",
  ignore: !ss,
  fn: async () => {
    for (const [keepAlive, timers] of [[undefined, 2], [false, 0]] as const) {
      using listener = listen("tcp", "127.0.0.1:0", { keepAlive });
      using client = await dial("tcp", String(listener.addr), { keepAlive });
      using _ = await listener.accept();
      const { port } = client.localAddr;
      const args = ["-tnoH", "state", "established", `( sport = :${port} or dport = :${port} )`];
      const { stdout } = await new Deno.Command("ss", { args }).output();
      const lines = new TextDecoder().decode(stdout).trim().split("\n");
      const running = lines.filter((line) => line.includes("timer:(keepalive"));
      assertEquals([keepAlive, lines.length, running.length], [keepAlive, 2, timers]);
    }
  },
});
