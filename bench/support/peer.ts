/**
 * The other side of every bench, a process of its own: raw servers of the runtime, the same for
 * all contestants, and ours where the runtime has none. Prints where they listen as one line of
 * JSON, and ends with its standard input.
 */
import { type Conn, listen } from "../../net/mod.ts";

/** Where the peer listens. */
export interface PeerAddresses {
  /** Ports of TCP servers that send back what they get. */
  readonly echo: readonly number[];
  /** The port of a TCP server that sends as many MiB as a number of 32 bits asks for. */
  readonly source: number;
  /** The port of a TCP server that swallows as many MiB and answers with one byte. */
  readonly sink: number;
  /** The port of an UDP server that sends back what it gets. */
  readonly udp: number;
  /** The path of a Unix server that sends back what it gets. */
  readonly unix: string;
  /** The path of a unixpacket server that sends back what it gets; on Linux. */
  readonly unixpacket?: string;
}

const hostname = "127.0.0.1";
const mebibyte = 1024 * 1024;

/** A closed connection waits a minute in the kernel, and each port of ours has only so many. */
const echoPorts = 8;

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await conn.write(rest));
}

async function echo(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const n = await conn.read(buffer);
    if (n === null) return;
    await writeAll(conn, buffer.subarray(0, n));
  }
}

/** The next number of 32 bits; nobody here sends it in parts. */
async function readCount(conn: Deno.Conn): Promise<number | null> {
  const bytes = new Uint8Array(4);
  return await conn.read(bytes) === null ? null : new DataView(bytes.buffer).getUint32(0);
}

async function source(conn: Deno.Conn): Promise<void> {
  const chunk = new Uint8Array(mebibyte);
  for (;;) {
    const count = await readCount(conn);
    if (count === null) return;
    for (let i = 0; i < count; i++) await writeAll(conn, chunk);
  }
}

async function sink(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(mebibyte);
  for (;;) {
    const count = await readCount(conn);
    if (count === null) return;
    for (let left = count * mebibyte; left > 0;) {
      const n = await conn.read(buffer.subarray(0, left));
      if (n === null) return;
      left -= n;
    }
    await writeAll(conn, buffer.subarray(0, 1));
  }
}

async function serve(
  listener: Deno.Listener,
  handle: (conn: Deno.Conn) => Promise<void>,
): Promise<void> {
  for await (const conn of listener) {
    // A client that resets its connection is done with it, no more.
    handle(conn).catch(() => {}).finally(() => conn.close());
  }
}

function serveTcp(handle: (conn: Deno.Conn) => Promise<void>): number {
  const listener = Deno.listen({ hostname, port: 0, tcpBacklog: 4096 });
  serve(listener, handle);
  return listener.addr.port;
}

function serveUnix(path: string): string {
  serve(Deno.listen({ transport: "unix", path }), echo);
  return path;
}

async function echoMessages(conn: Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const n = await conn.read(buffer);
    if (n === null) return;
    await conn.write(buffer.subarray(0, n));
  }
}

function serveUnixpacket(path: string): string | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const listener = listen("unixpacket", path);
  (async () => {
    for await (const conn of listener) {
      echoMessages(conn).catch(() => {}).finally(() => conn.close());
    }
  })();
  return path;
}

function serveUdp(): number {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  const buffer = new Uint8Array(64 * 1024);
  (async () => {
    for (;;) {
      const [data, from] = await socket.receive(buffer);
      await socket.send(data, from);
    }
  })();
  return (socket.addr as Deno.NetAddr).port;
}

if (import.meta.main) {
  const dir = Deno.makeTempDirSync({ prefix: "bench-" });
  const addresses: PeerAddresses = {
    echo: Array.from({ length: echoPorts }, () => serveTcp(echo)),
    source: serveTcp(source),
    sink: serveTcp(sink),
    udp: serveUdp(),
    unix: serveUnix(`${dir}/echo`),
    unixpacket: serveUnixpacket(`${dir}/messages`),
  };
  console.log(JSON.stringify(addresses));
  for await (const _ of Deno.stdin.readable);
  Deno.removeSync(dir, { recursive: true });
  Deno.exit();
}
