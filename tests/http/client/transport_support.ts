/** Servers in the hands of the test: what they get is looked at, what they send is written out. */
import { assert, assertEquals } from "@std/assert";
import type { Conn } from "../../../net/conn.ts";
import { OpError } from "../../../net/errors.ts";
import { pipe } from "../../../net/pipe.ts";
import { Request } from "../../../http/web/request.ts";
import type { Response } from "../../../http/web/response.ts";
import { Transport } from "../../../http/client/transport.ts";
import type { TransportOptions } from "../../../http/client/transport_options.ts";

/** Latin1, as a head is. */
export const bytesOf = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text, (char) => char.charCodeAt(0));

export const textOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

/** The server's end of a connection. */
export class Peer {
  readonly conn: Conn;
  #text = "";

  constructor(conn: Conn) {
    this.conn = conn;
  }

  /** Waits for `length` bytes more than were taken. */
  async #until(found: (text: string) => number): Promise<string> {
    const p = new Uint8Array(64 * 1024);
    while (found(this.#text) < 0) {
      const n = await this.conn.read(p);
      assert(n !== null, `the client has closed after ${JSON.stringify(this.#text)}`);
      this.#text += textOf(p.subarray(0, n));
    }
    const length = found(this.#text);
    const taken = this.#text.slice(0, length);
    this.#text = this.#text.slice(length);
    return taken;
  }

  /** The next request's head, with its empty line. */
  expectHead(): Promise<string> {
    return this.#until((text) => {
      const end = text.indexOf("\r\n\r\n");
      return end < 0 ? -1 : end + 4;
    });
  }

  /** The next bytes. */
  expectBytes(length: number): Promise<string> {
    return this.#until((text) => text.length >= length ? length : -1);
  }

  /** The next request, head and body as they came. */
  async expectRequest(): Promise<string> {
    const head = await this.expectHead();
    const length = /^content-length: (\d+)\r$/im.exec(head)?.[1];
    if (length !== undefined) return head + await this.expectBytes(Number(length));
    if (!/^transfer-encoding: chunked\r$/im.test(head)) return head;
    return head + await this.#until((text) => {
      const end = text.indexOf("0\r\n\r\n");
      return end < 0 ? -1 : end + 5;
    });
  }

  async send(text: string | Uint8Array): Promise<void> {
    await this.conn.write(typeof text === "string" ? bytesOf(text) : text);
  }

  /** Takes a request and answers it. */
  async answer(response: string): Promise<string> {
    const request = await this.expectRequest();
    await this.send(response);
    return request;
  }

  /** Fails unless the client closes, without a further byte. */
  async expectClosed(): Promise<void> {
    assertEquals(this.#text, "");
    const n = await this.conn.read(new Uint8Array(64)).catch(() => null);
    assertEquals(n, null, "the client has sent more");
  }

  /** Fails if the client closes, or sends anything, before a turn of the event loop is over. */
  async expectIdle(): Promise<void> {
    const wait = { timeout: 5 };
    const outcome = await this.conn.read(new Uint8Array(64), wait).catch((error) => error);
    assert(outcome instanceof Error && (outcome as { timeout?: boolean }).timeout, `${outcome}`);
  }

  close(): void {
    this.conn.close();
  }
}

/** A transport whose connections lead to the test. */
export class Piped implements Disposable {
  readonly transport: Transport;
  /** Connections that were opened. */
  dials = 0;
  readonly peers: Peer[] = [];
  readonly #waiting: ((peer: Peer) => void)[] = [];
  #next = 0;

  constructor(options: TransportOptions = {}) {
    this.transport = new Transport({
      proxy: null,
      dial: () => {
        const [client, server] = pipe();
        this.dials++;
        const peer = new Peer(server);
        this.peers.push(peer);
        this.#waiting.shift()?.(peer);
        return Promise.resolve(client);
      },
      ...options,
    });
  }

  /** The server's end of the next connection. */
  async peer(): Promise<Peer> {
    const index = this.#next++;
    while (this.peers.length <= index) {
      await new Promise<Peer>((resolve) => this.#waiting.push(resolve));
    }
    return this.peers[index];
  }

  send(url: string, init?: RequestInit): Promise<Response> {
    return this.transport.roundTrip(new Request(url, init));
  }

  get(): Promise<Response> {
    return this.send("http://example.test/");
  }

  /** One whole exchange over a connection that is, or becomes, idle. */
  async warm(peer?: Peer): Promise<Peer> {
    const responding = this.get();
    const server = peer ?? await this.peer();
    await server.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assertEquals(await (await responding).text(), "ok");
    return server;
  }

  [Symbol.dispose](): void {
    this.transport.close();
    for (const peer of this.peers) peer.close();
  }
}

/** What a promise rejects with. */
export async function rejection(promise: PromiseLike<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("it has not failed");
}

/** A connection whose writes fail once `broken` says so, with `taken` bytes out. */
export function breakable(
  conn: Conn,
  broken: () => boolean,
  taken = 0,
  code = "EPIPE",
): Conn {
  return new Proxy(conn, {
    get(target, key) {
      if (key === "write" && broken()) {
        const error = new OpError({
          op: "write",
          network: "pipe",
          reason: "broken",
          code,
        });
        error.bytesWritten = taken;
        return () => Promise.reject(error);
      }
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
