/** What comes over a connection, for the raw peers of a soak: nothing of `http` is in it. */
import type { Conn } from "../net/mod.ts";

const latin1 = new TextDecoder("latin1");

/** Reads a connection by marks and lengths. */
export class PeerInput {
  readonly #conn: Pick<Conn, "read">;
  readonly #p = new Uint8Array(64 * 1024);
  #bytes: Uint8Array = new Uint8Array(0);

  /** @param conn What to read. */
  constructor(conn: Pick<Conn, "read">) {
    this.#conn = conn;
  }

  /** What comes before an empty line, as text; `null` at the end of the connection. */
  async head(): Promise<string | null> {
    return await this.#until("\r\n\r\n");
  }

  /** So many bytes. */
  async exactly(n: number): Promise<Uint8Array> {
    while (this.#bytes.length < n) {
      if (!await this.#more()) throw new Error(`ended ${n - this.#bytes.length} bytes too early`);
    }
    const found = this.#bytes.subarray(0, n);
    this.#bytes = this.#bytes.subarray(n);
    return found;
  }

  /** A chunked body. */
  async chunks(): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const line = await this.#until("\r\n");
      if (line === null || !/^[0-9a-f]+$/i.test(line)) throw new Error(`no chunk: ${line}`);
      const size = parseInt(line, 16);
      if (size > 0) parts.push(await this.exactly(size));
      if (await this.#until("\r\n") !== "") throw new Error("no end of a chunk");
      if (size === 0) return joined(parts);
    }
  }

  /** All up to the end of the connection. */
  async rest(): Promise<Uint8Array> {
    while (await this.#more());
    return await this.exactly(this.#bytes.length);
  }

  async #until(mark: string): Promise<string | null> {
    for (let from = 0;;) {
      const text = latin1.decode(this.#bytes.subarray(0, 16 * 1024));
      const at = text.indexOf(mark, from);
      if (at >= 0) {
        this.#bytes = this.#bytes.subarray(at + mark.length);
        return text.slice(0, at);
      }
      from = Math.max(0, text.length - mark.length);
      if (from > 8 * 1024) throw new Error("a line or head that does not end");
      if (!await this.#more()) {
        if (this.#bytes.length > 0) throw new Error("ended within a line or head");
        return null;
      }
    }
  }

  async #more(): Promise<boolean> {
    const n = await this.#conn.read(this.#p);
    if (n === null) return false;
    this.#bytes = joined([this.#bytes, this.#p.subarray(0, n)]);
    return true;
  }
}

/** Arrays one behind the other, in a new one. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const encoder = new TextEncoder();

/** The bytes of a text, which is ASCII. */
export const bytes = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text);

/** A body cut into chunks, by a number. */
export function chunked(body: Uint8Array, detail: number): Uint8Array<ArrayBuffer> {
  const size = 1 + Math.max(detail % 100, Math.ceil(body.length / (1 + detail % 7)));
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    parts.push(bytes(`${part.length.toString(16)}\r\n`), part, bytes("\r\n"));
  }
  return joined([...parts, bytes("0\r\n\r\n")]);
}
