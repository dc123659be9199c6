/** Much in one direction. */
import { connect, type Socket } from "node:net";
import { type Conn, dial } from "../../net/mod.ts";
import type { Bench, Contestant } from "./compare.ts";
import type { Peer } from "./start_peer.ts";

const hostname = "127.0.0.1";
const mebibyte = 1024 * 1024;
const limit = 5000;

/** So many MiB, as the peer wants to be told. */
function header(count: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, count);
  return bytes;
}

/** Reads with arrays of `size`, with a fresh deadline before every read or with none. */
function download(name: string, conn: Deno.Conn | Conn, size: number, deadlines = false) {
  const buffer = new Uint8Array(size);
  return {
    name,
    async run(ops) {
      await conn.write(header(ops));
      for (let left = ops * mebibyte; left > 0;) {
        if (deadlines) (conn as Conn).setReadDeadline(Date.now() + limit);
        left -= await conn.read(buffer) ?? left;
      }
    },
    close: () => conn.close(),
  } satisfies Contestant;
}

/** Writes arrays of `size`. The runtime's own `write` may take a part only. */
function upload(name: string, conn: Deno.Conn | Conn, size: number, deadlines = false) {
  const chunk = new Uint8Array(size);
  const answer = new Uint8Array(1);
  return {
    name,
    async run(ops) {
      await conn.write(header(ops));
      for (let left = ops * mebibyte; left > 0; left -= size) {
        if (deadlines) (conn as Conn).setWriteDeadline(Date.now() + limit);
        for (let n = await conn.write(chunk); n < size;) n += await conn.write(chunk.subarray(n));
      }
      await conn.read(answer);
    },
    close: () => conn.close(),
  } satisfies Contestant;
}

function nodeDownload(socket: Socket): Contestant {
  let left = 0;
  let done = () => {};
  socket.on("data", (data) => {
    left -= data.length;
    if (left === 0) done();
  });
  return {
    name: "node:net",
    run: (ops) =>
      new Promise((resolve) => {
        left = ops * mebibyte;
        done = resolve;
        socket.write(header(ops));
      }),
    close: () => socket.destroy(),
  };
}

function nodeUpload(socket: Socket, size: number): Contestant {
  const chunk = new Uint8Array(size);
  let done = () => {};
  socket.on("data", () => done());
  return {
    name: "node:net",
    async run(ops) {
      const answered = new Promise<void>((resolve) => done = resolve);
      socket.write(header(ops));
      for (let left = ops * mebibyte; left > 0; left -= size) {
        if (!socket.write(chunk)) await new Promise<void>((go) => socket.once("drain", go));
      }
      await answered;
    },
    close: () => socket.destroy(),
  };
}

/** From the peer, with reads of so many KiB. */
export function downloadBench({ source: port }: Peer, kibibytes: number): Bench {
  const size = kibibytes * 1024;
  return {
    name: `read-${kibibytes}k`,
    title: `bulk transfer, reads of ${kibibytes} KiB`,
    unit: "MiB",
    target: { of: "throughput", limit: 0.95 },
    open: async () => [
      download("plumb", await dial("tcp", `${hostname}:${port}`), size),
      download("raw", await Deno.connect({ hostname, port }), size),
      download("plumb, deadlines", await dial("tcp", `${hostname}:${port}`), size, true),
      nodeDownload(connect({ host: hostname, port })),
    ],
  };
}

/** To the peer, with writes of so many KiB. */
export function uploadBench({ sink: port }: Peer, kibibytes: number): Bench {
  const size = kibibytes * 1024;
  return {
    name: `write-${kibibytes}k`,
    title: `bulk transfer, writes of ${kibibytes} KiB`,
    unit: "MiB",
    target: { of: "throughput", limit: 0.95 },
    open: async () => [
      upload("plumb", await dial("tcp", `${hostname}:${port}`), size),
      upload("raw", await Deno.connect({ hostname, port }), size),
      upload("plumb, deadlines", await dial("tcp", `${hostname}:${port}`), size, true),
      nodeUpload(connect({ host: hostname, port }), size),
    ],
  };
}
