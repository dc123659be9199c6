/**
 * An echo server on any of the nine networks, and a client that measures it.
 *
 *     deno run --allow-net examples/echo.ts tcp 127.0.0.1:7007
 *     deno run --allow-net examples/echo.ts --client tcp 127.0.0.1:7007 hello again
 *
 * `udp` takes the same. Unix sockets are files, so they need --allow-read and --allow-write of their
 * path as well, and `unixgram` and `unixpacket` --allow-ffi:
 *
 *     deno run --allow-net --allow-ffi --allow-read=/tmp --allow-write=/tmp \
 *       examples/echo.ts unixpacket /tmp/echo.sock
 */
import { ipc, net } from "../mod.ts";

const fail = (error: unknown) => console.error(error instanceof Error ? error.message : error);

/** A connection: whatever comes goes back, a message as a message. */
async function echo(conn: net.Conn): Promise<void> {
  using _ = conn;
  conn.unref(); // When the listener is closed, whoever is still connected is not waited for.
  const p = new Uint8Array(64 * 1024);
  for (let n = await conn.read(p); n !== null; n = await conn.read(p)) {
    await conn.write(p.subarray(0, n));
  }
}

async function serve(network: net.Network, address: string): Promise<void> {
  // Closing the socket ends the loop below and takes the path of a Unix socket away.
  using context = ipc.notifyContext(["SIGINT", "SIGTERM"]);
  const closeAtTheEnd = (socket: { addr: net.Address; close(): void }) => {
    console.log(`listening on ${network} ${socket.addr}`);
    context.signal.addEventListener("abort", () => socket.close());
  };
  if (/^(udp|unixgram)/.test(network)) {
    // No connections here: one socket talks to everybody.
    using socket = net.listenPacket(network, address);
    closeAtTheEnd(socket);
    for await (const [data, from] of socket) await socket.send(data, from).catch(fail);
  } else {
    using listener = net.listen(network, address);
    closeAtTheEnd(listener);
    for await (const conn of listener) void echo(conn).catch(fail);
  }
}

/** Sends each word by itself, and waits for it to come back. */
async function ask(network: net.Network, address: string, words: string[]): Promise<void> {
  using conn = await net.dial(network, address, { timeout: 5_000 });
  for (const word of words) {
    const sent = new TextEncoder().encode(word);
    const start = performance.now();
    await conn.write(sent, { timeout: 5_000 });
    const back = await readBack(conn, sent.length);
    const ms = (performance.now() - start).toFixed(2);
    console.log(`${JSON.stringify(new TextDecoder().decode(back))} after ${ms} ms`);
  }
}

/** A message is there as a whole; the bytes of a stream come in any pieces. */
async function readBack(conn: net.Conn, length: number): Promise<Uint8Array> {
  const p = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const n = await conn.read(p.subarray(filled), { timeout: 5_000 });
    if (n === null) throw new Error(`${conn.remoteAddr} has ended`);
    filled += n;
  }
  return p;
}

const client = Deno.args[0] === "--client";
const [network, address, ...words] = client ? Deno.args.slice(1) : Deno.args;
if (address === undefined) {
  console.error("usage: echo.ts NETWORK ADDRESS, or echo.ts --client NETWORK ADDRESS WORD...");
  console.error(`the networks are ${net.networks.join(", ")}`);
  Deno.exit(2);
}
try {
  // Whether it is one of the nine networks is for `net` to say.
  if (client) await ask(network as net.Network, address, words);
  else await serve(network as net.Network, address);
} catch (error) {
  fail(error); // such as: dial tcp "127.0.0.1:7007": connection refused
  Deno.exit(1);
}
