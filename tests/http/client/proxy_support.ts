/** Proxies in the hands of the test. */
import type { Conn, Listener } from "../../../net/conn.ts";
import { dial } from "../../../net/dialer.ts";
import { listen } from "../../../net/listener.ts";

/** A server of raw connections, on a free port of 127.0.0.1. */
export class RawServer implements AsyncDisposable {
  readonly listener: Listener = listen("tcp", "127.0.0.1:0");
  /** How many connections were accepted. */
  accepted = 0;
  /** How many are open, and the most there were at once. */
  open = 0;
  peak = 0;
  readonly #serve: (conn: Conn) => Promise<void>;
  readonly #conns = new Set<Conn>();
  readonly #running: Promise<void>;

  constructor(serve: (conn: Conn) => Promise<void>) {
    this.#serve = serve;
    this.#running = this.#accept();
  }

  get address(): string {
    return this.listener.addr.toString();
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const conn of this.listener) {
      this.accepted++;
      this.peak = Math.max(this.peak, ++this.open);
      this.#conns.add(conn);
      serving.push(
        this.#serve(conn).catch(() => {}).finally(() => {
          this.open--;
          this.#conns.delete(conn);
          conn.close();
        }),
      );
    }
    await Promise.all(serving);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.close();
    for (const conn of this.#conns) conn.close();
    await this.#running;
  }
}

/** Reads exactly `length` bytes. */
export async function exactly(conn: Conn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const n = await conn.read(bytes.subarray(at));
    if (n === null) throw new Error("the peer has closed");
    at += n;
  }
  return bytes;
}

/** Passes bytes on both ways until either side ends. */
export async function relay(one: Conn, other: Conn): Promise<void> {
  const copy = async (from: Conn, to: Conn) => {
    const p = new Uint8Array(16 * 1024);
    for (let n; (n = await from.read(p).catch(() => null)) !== null;) {
      await to.write(p.subarray(0, n));
    }
    to.close();
  };
  await Promise.allSettled([copy(one, other), copy(other, one)]);
}

/** A proxy that relays to `target` whatever it is asked for, and keeps what it was asked. */
export function tunnelProxy(asked: string[], target: () => string): RawServer {
  return new RawServer(async (conn) => {
    let text = "";
    const p = new Uint8Array(4_096);
    while (!text.includes("\r\n\r\n")) {
      const n = await conn.read(p);
      if (n === null) return;
      text += new TextDecoder().decode(p.subarray(0, n));
    }
    asked.push(text);
    using server = await dial("tcp", target());
    await conn.write(new TextEncoder().encode("HTTP/1.1 200 Connected\r\n\r\n"));
    await relay(conn, server);
  });
}

/** A SOCKS 5 proxy that relays to `target` whatever it is asked for. */
export function socksProxy(asked: string[], target: () => string, login?: string): RawServer {
  return new RawServer(async (conn) => {
    const [, count] = await exactly(conn, 2);
    const methods = await exactly(conn, count);
    const method = login === undefined ? 0 : 2;
    await conn.write(Uint8Array.of(5, methods.includes(method) ? method : 0xff));
    if (login !== undefined) {
      const [, length] = await exactly(conn, 2);
      const name = new TextDecoder().decode(await exactly(conn, length));
      const [size] = await exactly(conn, 1);
      const word = new TextDecoder().decode(await exactly(conn, size));
      const right = `${name}:${word}` === login;
      await conn.write(Uint8Array.of(1, right ? 0 : 1));
      if (!right) return;
    }
    const [, , , type] = await exactly(conn, 4);
    const length = type === 3 ? (await exactly(conn, 1))[0] : type === 1 ? 4 : 16;
    const host = await exactly(conn, length);
    const port = await exactly(conn, 2);
    const name = type === 3 ? new TextDecoder().decode(host) : host.join(".");
    asked.push(`${type} ${name} ${port[0] * 256 + port[1]}`);
    using server = await dial("tcp", target());
    await conn.write(Uint8Array.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 80));
    await relay(conn, server);
  });
}

/** An HTTP server that answers each request with `answer`, over and over on each connection. */
export function httpServer(answer: (head: string) => string | Promise<string>): RawServer {
  return new RawServer((conn) => serveHttp(conn, answer));
}

/** Answers each request on a connection. */
export async function serveHttp(
  conn: Conn,
  answer: (head: string) => string | Promise<string>,
): Promise<void> {
  const p = new Uint8Array(16 * 1024);
  let text = "";
  for (;;) {
    let end: number;
    while ((end = text.indexOf("\r\n\r\n")) < 0) {
      const n = await conn.read(p);
      if (n === null) return;
      text += new TextDecoder().decode(p.subarray(0, n));
    }
    const head = text.slice(0, end + 4);
    text = text.slice(end + 4);
    const body = await answer(head);
    const response = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    await conn.write(new TextEncoder().encode(response));
  }
}
