/** The server's side of a WebSocket (RFC 6455), as small as a test can have it. */
import type { Hijacked } from "../../../http/handler.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** Accepts one, and echoes its messages, each shorter than 126 bytes, up to its end. */
export async function acceptWebSocket(
  request: Request,
  { conn, buffered }: Hijacked,
): Promise<void> {
  using _ = conn;
  const key = request.headers.get("sec-websocket-key");
  const secret = encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  const accept = new Uint8Array(await crypto.subtle.digest("SHA-1", secret)).toBase64();
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}`;
  await conn.write(encode(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`));
  let input = [...buffered];
  const take = async (n: number) => {
    for (const p = new Uint8Array(256); input.length < n;) {
      input.push(...p.subarray(0, await conn.read(p) ?? fail()));
    }
    const taken = input.slice(0, n);
    input = input.slice(n);
    return taken;
  };
  for (let opcode = 0; opcode !== 8;) {
    const [first, length] = await take(2);
    opcode = first & 15;
    const mask = await take(4);
    const data = (await take(length & 127)).map((byte, i) => byte ^ mask[i % 4]);
    await conn.write(Uint8Array.of(first, data.length, ...data));
  }
}

function fail(): never {
  throw new Error("the client has ended without saying so");
}
