/** Idle connections: opened, used once, and kept. */

const hostname = "127.0.0.1";
const decoder = new TextDecoder();
const request = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");

/** How many are opened at once. */
const atOnce = 50;

async function openOne(port: number): Promise<Deno.Conn> {
  const conn = await Deno.connect({ hostname, port });
  await conn.write(request);
  const buffer = new Uint8Array(1024);
  for (let text = ""; !text.endsWith("hello");) {
    const n = await conn.read(buffer);
    if (n === null) throw new Error(`the server has closed the connection behind ${text}`);
    text += decoder.decode(buffer.subarray(0, n));
  }
  return conn;
}

/**
 * Opens connections on each of which a request was answered.
 *
 * @param port Where the server listens.
 * @param count How many.
 */
export async function openIdle(port: number, count: number): Promise<Deno.Conn[]> {
  const conns: Deno.Conn[] = [];
  while (conns.length < count) {
    const length = Math.min(atOnce, count - conns.length);
    conns.push(...await Promise.all(Array.from({ length }, () => openOne(port))));
  }
  return conns;
}

/** How many files a process may have open at once. */
export function mostOpenFiles(): number {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  return Number(/^Max open files +\d+ +(\d+)/m.exec(limits)?.[1] ?? Infinity);
}
