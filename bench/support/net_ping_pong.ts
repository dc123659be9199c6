/** Small messages to and fro, one at a time. */
import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { type Conn, dial } from "../../net/mod.ts";
import type { Bench, Contestant } from "./compare.ts";
import type { Peer } from "./start_peer.ts";

const hostname = "127.0.0.1";
const messageLength = 64;
const readTimeout = 5000;

/** With a fresh deadline before every read, as a careful client has it, or with none. */
function plumb(name: string, conn: Conn, deadlines: boolean): Contestant {
  const message = new Uint8Array(messageLength);
  const buffer = new Uint8Array(messageLength);
  return {
    name,
    async run(ops) {
      for (let i = 0; i < ops; i++) {
        await conn.write(message);
        if (deadlines) conn.setReadDeadline(Date.now() + readTimeout);
        await conn.read(buffer);
      }
    },
    close: () => conn.close(),
  };
}

function raw(name: string, conn: Deno.Conn): Contestant {
  const message = new Uint8Array(messageLength);
  const buffer = new Uint8Array(messageLength);
  return {
    name,
    async run(ops) {
      for (let i = 0; i < ops; i++) {
        await conn.write(message);
        await conn.read(buffer);
      }
    },
    close: () => conn.close(),
  };
}

/** `send` sends one message; each call of what `onMessage` is given is one answer. */
function byEvents(
  name: string,
  send: () => void,
  onMessage: (listener: () => void) => void,
  close: () => void,
): Contestant {
  let left = 0;
  let done = () => {};
  onMessage(() => {
    if (--left > 0) send();
    else done();
  });
  return {
    name,
    run: (ops) =>
      new Promise((resolve) => {
        left = ops;
        done = resolve;
        send();
      }),
    close,
  };
}

function node(socket: Socket): Contestant {
  const message = new Uint8Array(messageLength);
  socket.setNoDelay(true);
  return byEvents(
    "node:net",
    () => socket.write(message),
    (listener) => socket.on("data", listener),
    () => socket.destroy(),
  );
}

/** Over TCP, with read deadlines. */
export function pingPongBench(peer: Peer): Bench {
  const port = peer.echo[0];
  return {
    name: "ping-pong",
    title: `${messageLength} bytes to and fro, a read deadline before every read`,
    unit: "op",
    target: { of: "throughput", limit: 0.9 },
    open: async () => [
      plumb("plumb", await dial("tcp", `${hostname}:${port}`), true),
      raw("raw, no deadlines", await Deno.connect({ hostname, port })),
      plumb("plumb, no deadlines", await dial("tcp", `${hostname}:${port}`), false),
      node(connect({ host: hostname, port })),
    ],
  };
}

/** Over TCP by system call. */
export function nativePingPongBench(peer: Peer): Bench {
  const port = peer.echo[0];
  const address = `${hostname}:${port}`;
  const engine = "native";
  return {
    name: "native-ping-pong",
    title: `${messageLength} bytes to and fro, by the native engine`,
    unit: "op",
    target: { of: "throughput", limit: 0.9 },
    open: async () => [
      plumb("plumb, native", await dial("tcp", address, { engine }), false),
      raw("raw", await Deno.connect({ hostname, port })),
      plumb("plumb, with deadlines", await dial("tcp", address, { engine }), true),
    ],
  };
}

/** Over a Unix socket that keeps messages apart, beside the runtime's streams. */
export function unixpacketBench({ unix: path, unixpacket }: Peer): Bench {
  return {
    name: "unixpacket",
    title: `messages of ${messageLength} bytes to and fro on unixpacket, beside a Unix stream`,
    unit: "op",
    target: { of: "throughput", limit: 0.8 },
    skip: () => unixpacket === undefined ? "only Linux has unixpacket" : undefined,
    open: async () => [
      plumb("plumb, unixpacket", await dial("unixpacket", unixpacket!), false),
      raw("raw, Unix stream", await Deno.connect({ transport: "unix", path })),
      plumb("plumb, with deadlines", await dial("unixpacket", unixpacket!), true),
    ],
  };
}

/** Over a Unix socket, with read deadlines. */
export function unixBench({ unix: path }: Peer): Bench {
  return {
    name: "unix",
    title:
      `${messageLength} bytes to and fro over a Unix socket, a read deadline before every read`,
    unit: "op",
    target: { of: "throughput" },
    open: async () => [
      plumb("plumb", await dial("unix", path), true),
      raw("raw, no deadlines", await Deno.connect({ transport: "unix", path })),
      node(connect({ path })),
    ],
  };
}

function rawUdp(port: number): Contestant {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  const message = new Uint8Array(messageLength);
  const buffer = new Uint8Array(64 * 1024);
  const to = { transport: "udp", hostname, port } as const;
  return {
    name: "raw, no deadlines",
    async run(ops) {
      for (let i = 0; i < ops; i++) {
        await socket.send(message, to);
        await socket.receive(buffer);
      }
    },
    close: () => socket.close(),
  };
}

function nodeUdp(port: number): Contestant {
  const socket = createSocket("udp4");
  const message = new Uint8Array(messageLength);
  return byEvents(
    "node:dgram",
    () => socket.send(message, port, hostname),
    (listener) => socket.on("message", listener),
    () => socket.close(),
  );
}

/** Over UDP, with read deadlines. */
export function udpBench({ udp: port }: Peer): Bench {
  return {
    name: "udp",
    title: `datagrams of ${messageLength} bytes to and fro, a read deadline before every read`,
    unit: "op",
    target: { of: "throughput" },
    open: async () => [
      plumb("plumb", await dial("udp", `${hostname}:${port}`), true),
      rawUdp(port),
      nodeUdp(port),
    ],
  };
}
