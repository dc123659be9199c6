/**
 * A TCP echo by hand: socket, bind, listen, accept, recv, send, close; then the same through
 * `net`, which does all of this for you.
 *
 *     deno run --allow-ffi --allow-net=127.0.0.1 examples/raw_socket.ts
 */
import * as net from "../net/mod.ts";
import * as sys from "../sys/mod.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const say = (who: string, what: string) => console.log(`  ${who.padEnd(7)} ${what}`);

/** Calls again after each wait until there is a result: `null` says "not yet". */
async function ready<T>(fd: number, way: sys.Direction, call: () => T | null): Promise<T> {
  for (;;) {
    const result = call();
    if (result !== null) return result;
    await sys.poller.wait(fd, way, { timeout: 5_000 });
  }
}

async function byHand(): Promise<void> {
  const listener = sys.socket(sys.AF_INET, sys.SOCK_STREAM);
  sys.setsockopt(listener, sys.SOL_SOCKET, sys.SO_REUSEADDR, true);
  sys.bind(listener, { family: "inet", hostname: "127.0.0.1", port: 0 });
  sys.listen(listener);
  const address = sys.getsockname(listener) as sys.Inet4Address;
  say("server", `socket ${listener}, bound to ${address.hostname}:${address.port}, listens`);

  async function serve(): Promise<void> {
    const { fd, address } = await ready(listener, "read", () => sys.accept(listener));
    const { hostname, port } = address as sys.Inet4Address;
    say("server", `accepted socket ${fd}, from ${hostname}:${port}`);
    const p = new Uint8Array(1024);
    for (;;) {
      const n = await ready(fd, "read", () => sys.recv(fd, p));
      if (n === 0) break;
      say("server", `recv ${JSON.stringify(decode(p.subarray(0, n)))}`);
      await sendAll(fd, p.subarray(0, n));
    }
    say("server", "end of the stream, close");
    sys.close(fd);
  }
  const served = serve();

  const client = sys.socket(sys.AF_INET, sys.SOCK_STREAM);
  if (!sys.connect(client, address)) {
    await sys.poller.wait(client, "write", { timeout: 5_000 });
    const failed = sys.socketError(client, "connect");
    if (failed !== null) throw failed;
  }
  say("client", `socket ${client} is connected`);
  await sendAll(client, encode("hello"));
  const p = new Uint8Array(1024);
  const n = await ready(client, "read", () => sys.recv(client, p));
  say("client", `recv ${JSON.stringify(decode(p.subarray(0, n)))}, close`);
  sys.close(client);

  await served;
  sys.close(listener);
}

/** A stream takes what there is room for; the rest goes next time. */
async function sendAll(fd: number, p: Uint8Array): Promise<void> {
  for (let sent = 0; sent < p.length;) {
    sent += await ready(fd, "write", () => sys.send(fd, p.subarray(sent)));
  }
}

async function throughNet(): Promise<void> {
  using listener = net.listen("tcp", "127.0.0.1:0");
  say("server", `listens on ${listener.addr}`);

  async function serve(): Promise<void> {
    using conn = await listener.accept();
    say("server", `accepted a connection from ${conn.remoteAddr}`);
    const p = new Uint8Array(1024);
    for (let n = await conn.read(p); n !== null; n = await conn.read(p)) {
      say("server", `read ${JSON.stringify(decode(p.subarray(0, n)))}`);
      await conn.write(p.subarray(0, n));
    }
    say("server", "end of the stream, close");
  }
  const served = serve();

  const conn = await net.dial("tcp", String(listener.addr), { timeout: 5_000 });
  say("client", `is connected to ${conn.remoteAddr}`);
  await conn.write(encode("hello"));
  const p = new Uint8Array(1024);
  const n = await conn.read(p, { timeout: 5_000 });
  say("client", `read ${JSON.stringify(decode(p.subarray(0, n ?? 0)))}, close`);
  conn.close();

  await served;
}

console.log("By hand, with system calls:");
await byHand();
console.log("The same through net:");
await throughNet();
