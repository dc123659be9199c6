/**
 * A chat over WebSockets: the server hands the connection over, and the `ws` package speaks on it.
 * Ctrl-C tells everybody goodbye first.
 *
 *     deno run --allow-net --allow-env examples/websocket_chat.ts [PORT]
 */
import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "npm:ws@8";
import { type HandlerInfo, type Hijacked, Server } from "../http/mod.ts";

/** A connection in the shape that Node.js has for one. */
function duplex(conn: Hijacked["conn"]): Duplex {
  return new Duplex({
    async read() {
      try {
        const p = new Uint8Array(16 * 1024);
        const n = await conn.read(p);
        this.push(n === null ? null : p.subarray(0, n));
      } catch (error) {
        this.destroy(error as Error);
      }
    },
    write: (chunk, _, done) => void conn.write(chunk).then(() => done(), done),
    final: (done) => void conn.closeWrite().then(() => done(), done),
    destroy(error, done) {
      conn.close();
      done(error);
    },
  });
}

const chat = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 });

function tell(text: string): void {
  for (const member of chat.clients) if (member.readyState === WebSocket.OPEN) member.send(text);
}

function join(member: WebSocket, name: string): void {
  tell(`${name} has come, now there are ${chat.clients.size}`);
  member.on("message", (data: Uint8Array) => tell(`${name}: ${data}`));
  member.on("close", () => tell(`${name} has gone`));
  member.on("error", console.error);
}

/** Says that there is something to speak to, or hands the connection over. */
function handler(request: Request, info: HandlerInfo): Response {
  const { method, headers, url } = request;
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return new Response("connect with a WebSocket, and /?name=you\n", {
      status: 426,
      headers: { upgrade: "websocket", connection: "upgrade" },
    });
  }
  const name = new URL(url).searchParams.get("name") ?? String(info.remoteAddr);
  const message = { method, url, headers: Object.fromEntries(headers) } as IncomingMessage;
  const { conn, buffered } = info.hijack();
  chat.handleUpgrade(message, duplex(conn), buffered, (it: WebSocket) => join(it, name));
  return new Response(); // nobody's: the connection is the WebSocket's now
}

const server = new Server({ addr: `127.0.0.1:${Deno.args[0] ?? 0}`, handler });

// What was handed over, `shutdown` leaves alone: it is up to us.
server.registerOnShutdown(() => {
  for (const member of chat.clients) member.close(1001, "the server is going away");
});

function goodbye(): void {
  Deno.removeSignalListener("SIGINT", goodbye); // another one ends it at once
  server.shutdown({ timeout: 5_000 }).catch(() => server.close());
}
Deno.addSignalListener("SIGINT", goodbye);

await server.listenAndServe({ onListen: (addr) => console.log(`ws://${addr}/`) });
