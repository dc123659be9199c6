/**
 * A tiny vocabulary for what goes over the wire between a raw client and a server of ours:
 * `send`, `expectResponse`, `expectClosed`, `expectIdle`. It parses responses by itself, so that a
 * fault of the package's own parser cannot hide one of its writer.
 */
import { assertEquals } from "@std/assert";
import type { Handler } from "../../http/handler.ts";
import { Server } from "../../http/server/server.ts";
import type { ServerOptions } from "../../http/server/server_options.ts";
import { type Conn, dial, listen, pipe } from "../../net/mod.ts";

const latin1 = new TextDecoder("latin1");

/** The bytes of a string, each character one byte. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** A response as it came over the wire. */
export interface RawResponse {
  status: number;
  reason: string;
  /** Names in lower case; several of one name joined by ", ". */
  headers: Map<string, string>;
  /** One character for each byte, chunks taken apart. */
  body: string;
  trailers: Map<string, string>;
}

/** A raw client of a server. */
export class Wire implements AsyncDisposable {
  readonly conn: Conn;
  readonly server: Server;
  /** What `connState` has told, in order. */
  readonly states: string[];
  readonly #log: string[];
  #buffered = "";
  #ended = false;

  private constructor(conn: Conn, server: Server, states: string[], log: string[]) {
    this.conn = conn;
    this.server = server;
    this.states = states;
    this.#log = log;
  }

  /** Connects to a fresh server: in memory, or over TCP. */
  static async open(
    options: Handler | ServerOptions,
    over: "pipe" | "tcp" = "pipe",
  ): Promise<Wire> {
    const given = typeof options === "function" ? { handler: options } : options;
    const states: string[] = [];
    const log: string[] = [];
    const server = new Server({
      errorLog: (message, error) => log.push(`${message}: ${error}`),
      connState: (_, state) => states.push(state),
      ...given,
    });
    if (over === "pipe") {
      const [client, conn] = pipe();
      server.serveConn(conn);
      return new Wire(client, server, states, log);
    }
    const listener = listen("tcp", "127.0.0.1:0");
    server.serve(listener);
    const client = await dial("tcp", listener.addr.toString());
    return new Wire(client, server, states, log);
  }

  /** What the server has logged. */
  get log(): readonly string[] {
    return this.#log;
  }

  /** Sends text, each character one byte. */
  async send(...parts: string[]): Promise<void> {
    for (const part of parts) await this.conn.write(bytes(part));
  }

  /** Sends text as far as the server takes it: it may refuse, and close, at any byte. */
  async trySend(...parts: string[]): Promise<void> {
    try {
      await this.send(...parts);
    } catch {
      // The answer, and the end, tell.
    }
  }

  /** Reads the next response. */
  async expectResponse(method = "GET"): Promise<RawResponse> {
    const head = await this.#until("\r\n\r\n");
    const [first, ...lines] = head.slice(0, -4).split("\r\n");
    const match = first.match(/^HTTP\/1\.1 (\d{3}) (.*)$/);
    if (match === null) throw new Error(`no status line: ${JSON.stringify(first)}`);
    const headers = fields(lines);
    const status = Number(match[1]);
    const response = { status, reason: match[2], headers, body: "", trailers: new Map() };
    if (method === "HEAD" || status < 200 || status === 204 || status === 304) return response;
    const length = headers.get("content-length");
    if (headers.has("transfer-encoding")) {
      assertEquals([headers.get("transfer-encoding"), length], ["chunked", undefined]);
      response.trailers = await this.#chunks(response);
    } else if (length !== undefined) response.body = await this.#exactly(Number(length));
    else response.body = await this.rest();
    return response;
  }

  /** Expects that nothing more comes, and the connection ends. */
  async expectClosed(): Promise<void> {
    assertEquals(await this.rest(), "");
  }

  /** Expects that all was answered, and another request would be. */
  async expectIdle(): Promise<void> {
    assertEquals(this.#buffered, "");
    await this.send("GET /is-it-idle HTTP/1.1\r\nHost: x\r\n\r\n");
    const { status } = await this.expectResponse();
    assertEquals([status > 0, this.#buffered], [true, ""]);
  }

  /** Reads up to the end; a reset counts as one. */
  async rest(): Promise<string> {
    while (await this.#more());
    const rest = this.#buffered;
    this.#buffered = "";
    return rest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.conn.close();
    this.server.close();
    await this.server.shutdown();
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const p = new Uint8Array(64 * 1024);
    const n = await this.conn.read(p).catch(() => null);
    if (n === null) this.#ended = true;
    else this.#buffered += latin1.decode(p.subarray(0, n));
    return n !== null;
  }

  async #until(mark: string): Promise<string> {
    for (;;) {
      const at = this.#buffered.indexOf(mark);
      if (at >= 0) return this.#take(at + mark.length);
      if (!await this.#more()) {
        throw new Error(`the connection ended, behind ${JSON.stringify(this.#buffered)}`);
      }
    }
  }

  async #exactly(n: number): Promise<string> {
    while (this.#buffered.length < n) {
      if (!await this.#more()) throw new Error(`the body was cut short of ${n} bytes`);
    }
    return this.#take(n);
  }

  #take(n: number): string {
    const text = this.#buffered.slice(0, n);
    this.#buffered = this.#buffered.slice(n);
    return text;
  }

  async #chunks(response: { body: string }): Promise<Map<string, string>> {
    for (;;) {
      const line = await this.#until("\r\n");
      if (!/^[0-9a-f]+\r\n$/i.test(line)) throw new Error(`no chunk: ${JSON.stringify(line)}`);
      const size = parseInt(line, 16);
      if (size === 0) break;
      response.body += await this.#exactly(size);
      assertEquals(await this.#exactly(2), "\r\n");
    }
    const lines: string[] = [];
    for (;;) {
      const line = await this.#until("\r\n");
      if (line === "\r\n") return fields(lines);
      lines.push(line.slice(0, -2));
    }
  }
}

function fields(lines: string[]): Map<string, string> {
  const map = new Map<string, string>();
  for (const line of lines) {
    const match = line.match(/^([!#$%&'*+.^_`|~0-9A-Za-z-]+): (.*)$/s);
    if (match === null) throw new Error(`no field: ${JSON.stringify(line)}`);
    const name = match[1].toLowerCase();
    map.set(name, map.has(name) ? `${map.get(name)}, ${match[2]}` : match[2]);
  }
  return map;
}
