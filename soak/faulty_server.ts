/**
 * A server that gives the right answer, or the fault that the request's number stands for. It takes
 * `{ seed, poison }` as JSON, says its port, and then answers each line with what it has `Seen`. It
 * ends with its standard input.
 */
import { gzipSync } from "node:zlib";
import { type Conn, listen, type TcpConn } from "../net/mod.ts";
import { linesOf, say } from "./child.ts";
import { type Exchange, exchangeOf, same } from "./exchange.ts";
import { bytes, chunked, joined, PeerInput } from "./peer_input.ts";

const { seed, poison }: { seed: number; poison: number } = JSON.parse(Deno.args[0]);

/** What the server has seen. */
export interface Seen {
  /** A file that says how often it has seen each request, one byte for each. */
  readonly file: string;
  /** Requests on a connection that has brought bytes nobody had asked for. */
  readonly misused: number;
}

/** How often each request was seen. */
let seen = new Uint8Array(1 << 16);

function see(id: number): number {
  if (id >= seen.length) {
    const more = new Uint8Array(2 ** Math.ceil(Math.log2(id + 1)));
    more.set(seen);
    seen = more;
  }
  return ++seen[id];
}

let misused = 0;

/** Messages that are none of HTTP, or of two meanings. */
const garbage = [
  "\0\0\0\0\0\0\0\0\r\n\r\n",
  "SSH-2.0-OpenSSH_9.2\r\n\r\n",
  "HTTP/2.0 200 OK\r\n\r\n",
  "HTTP/1.1 20 OK\r\n\r\n",
  "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nContent Length: 2\r\n\r\nok",
  "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;\r\0hello\r\n0\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nhello",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(40),
];

/** What a client that mistook it for an answer would take for one. */
const poisonous = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

const lengthHead = (body: Uint8Array, more = "") =>
  bytes(`HTTP/1.1 200 OK\r\n${more}Content-Length: ${body.length}\r\n\r\n`);
const whole = (body: Uint8Array, more = "") => joined([lengthHead(body, more), body]);
const chunkedHead = bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
const endlessHead = bytes("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
const gzipHead = (length: number) =>
  bytes(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${length}\r\n\r\n`);

/** How a connection goes on behind an answer. */
type Next = "keep" | "close" | "reset" | "stall" | "spoilt";

/** Writes a message, all at once or in two parts. */
async function write(conn: Conn, message: Uint8Array, detail: number): Promise<void> {
  if (detail % 8 !== 0 || message.length < 2) return void await conn.write(message);
  const at = 1 + detail % (message.length - 1);
  await conn.write(message.subarray(0, at));
  await new Promise((resolve) => setTimeout(resolve));
  await conn.write(message.subarray(at));
}

/** The first bytes of a message: at least one, but not `kept` bytes of it. */
const part = (message: Uint8Array, detail: number, kept = 1) =>
  message.subarray(0, 1 + detail % Math.max(1, message.length - kept));

/** Does what the kind of a request stands for, once its head and body are there. */
async function answer(conn: Conn, x: Exchange, body: Uint8Array): Promise<Next> {
  const { kind, detail, id } = x;
  const send = (message: Uint8Array) => write(conn, message, detail >>> 8);
  const head = lengthHead(body);
  switch (kind) {
    case "chunked":
    case "unread":
      await send(joined([chunkedHead, chunked(body, detail)]));
      return "keep";
    case "untilClose":
      await send(joined([endlessHead, body]));
      return "close";
    case "gzip": {
      const zipped = gzipSync(body);
      await send(joined([gzipHead(zipped.length), zipped]));
      return "keep";
    }
    case "informational":
      await send(joined([bytes("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), whole(body)]));
      return "keep";
    case "head":
      await send(bytes("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"));
      return "keep";
    case "noContent":
      await send(bytes("HTTP/1.1 204 No Content\r\n\r\n"));
      return "keep";
    case "redirect":
      await send(bytes(`HTTP/1.1 302 Found\r\nLocation: /${id}/end\r\nContent-Length: 0\r\n\r\n`));
      return "keep";
    case "redirectLoop":
      await send(bytes(`HTTP/1.1 307 x\r\nLocation: /${id}/loop\r\nContent-Length: 0\r\n\r\n`));
      return "keep";
    case "closeBefore":
    case "closePost":
      return "close";
    case "closeAfter":
      await send(whole(body));
      return "close";
    case "cutHead":
      await send(part(head, detail));
      return "close";
    case "cutLength":
      await send(joined([head, body.subarray(0, detail % body.length)]));
      return "close";
    case "cutChunked": {
      const coded = chunked(body, detail);
      await send(joined([chunkedHead, coded.subarray(0, detail % coded.length)]));
      return "close";
    }
    case "cutGzip": {
      const zipped = gzipSync(body);
      const cut = part(zipped, detail, 8);
      await send(joined([gzipHead(cut.length), cut]));
      return "keep";
    }
    case "resetBefore":
    case "resetPost":
      return "reset";
    case "resetInHead":
      await send(part(head, detail));
      return "reset";
    case "resetInBody":
      await send(joined([head, body.subarray(0, detail % body.length)]));
      return "reset";
    case "garbage":
      await send(bytes(garbage[detail % garbage.length]));
      return "close";
    case "extraBytes":
      await conn.write(joined([whole(body), bytes(poisonous)]));
      return "spoilt";
    case "silent":
    case "stallBefore":
      return "stall";
    case "stallInHead":
      await send(part(head, detail));
      return "stall";
    case "stallInBody":
    case "aborted":
      await send(joined([head, body.subarray(0, detail % body.length)]));
      return "stall";
    default:
      await send(whole(body));
      return "keep";
  }
}

/** Reads the body of a request, if it is to be read. `null`: it is not the one it should be. */
async function readUpload(head: string, input: PeerInput, x: Exchange): Promise<boolean> {
  const length = head.match(/^content-length: (\d+)$/im);
  const found = length !== null
    ? await input.exactly(Number(length[1]))
    : /^transfer-encoding: chunked$/im.test(head)
    ? await input.chunks()
    : new Uint8Array(0);
  return same(found, x.upload);
}

/** Answers one request. */
async function exchange(conn: Conn, input: PeerInput, head: string): Promise<Next> {
  const target = head.match(/^[A-Z]+ \/(\d+)(\/\w+)? HTTP\/1\.1$/m);
  if (target === null) throw new Error(`no request: ${head}`);
  const id = Number(target[1]);
  const x = exchangeOf(seed, id);
  const poisoned = poison > 0 && id % poison === 0 && x.body.length > 0;
  const body = poisoned ? x.body.map((byte, i) => i === 0 ? byte ^ 1 : byte) : x.body;
  if (target[2] === "/end") {
    await conn.write(whole(body));
    return "keep";
  }
  const times = target[2] === undefined ? see(id) : 0;
  switch (x.kind) {
    case "closeOnce":
      if (times === 1) return "close";
      break;
    case "resetUpload":
      return "reset";
    case "earlyClose":
      await conn.write(whole(body, "Connection: close\r\n"));
      return "close";
    case "earlyReset": // of a body that lasts until the end, which is not to look like one
      await conn.write(joined([endlessHead, body.subarray(0, x.detail % body.length)]));
      return "reset";
    case "earlyAnswer":
      await conn.write(whole(body));
      return await readUpload(head, input, x) ? "keep" : "reset";
    case "expectContinue":
      await conn.write(bytes("HTTP/1.1 100 Continue\r\n\r\n"));
      break;
  }
  if (!await readUpload(head, input, x)) {
    await conn.write(bytes("HTTP/1.1 400 Wrong Body\r\nContent-Length: 0\r\n\r\n"));
    return "close";
  }
  return await answer(conn, x, body);
}

async function serve(conn: TcpConn): Promise<void> {
  try {
    const input = new PeerInput(conn);
    let next: Next = "keep";
    while (next === "keep") {
      const head = await input.head();
      if (head === null) break;
      next = await exchange(conn, input, head);
    }
    if (next === "reset") conn.setLinger(0);
    if (next === "stall") await input.rest();
    if (next === "spoilt" && await input.head() !== null) misused++;
  } catch {
    // The client has gone; what that means for the request, it knows best.
  } finally {
    conn.close();
  }
}

// Only there does setLinger(0) make a close a reset at once.
const listener = listen("tcp", "127.0.0.1:0", { backlog: 1_024, engine: "native" });
(async () => {
  for await (const conn of listener) void serve(conn);
})();
say(listener.addr.port);

const file = await Deno.makeTempFile();
for await (const _ of linesOf(Deno.stdin.readable)) {
  await Deno.writeFile(file, seen);
  say({ file, misused });
}
await Deno.remove(file);
listener.close();
Deno.exit();
