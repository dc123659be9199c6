/**
 * A Hono app on the server, unchanged: `app.fetch` is a handler, and what the handler is told
 * besides the request is Hono's `c.env`.
 *
 *     deno run --allow-net examples/hono_app.ts [PORT]
 */
import { Hono } from "npm:hono@4";
import { getCookie, setCookie } from "npm:hono@4/cookie";
import { secureHeaders } from "npm:hono@4/secure-headers";
import { streamSSE } from "npm:hono@4/streaming";
import { type HandlerInfo, Server } from "../http/mod.ts";

const app = new Hono<{ Bindings: HandlerInfo }>();
const notes = new Map<string, string>();

app.use(secureHeaders());

app.get("/", (c) => {
  const visits = Number(getCookie(c, "visits") ?? 0) + 1;
  setCookie(c, "visits", String(visits), { httpOnly: true });
  return c.text(`Visit ${visits} from ${c.env.remoteAddr} over ${c.env.proto}\n`);
});

app.get("/notes/:name", (c) => {
  const text = notes.get(c.req.param("name"));
  return text === undefined ? c.notFound() : c.json({ text });
});

app.put("/notes/:name", async (c) => {
  const { text } = await c.req.json<{ text: string }>();
  notes.set(c.req.param("name"), text);
  return c.body(null, 204);
});

app.get("/countdown/:from", (c) =>
  streamSSE(c, async (stream) => {
    for (let n = Number(c.req.param("from")); n >= 0 && !stream.aborted; n--) {
      await stream.writeSSE({ data: String(n) });
      if (n > 0) await stream.sleep(100);
    }
  }));

const server = new Server({ addr: `127.0.0.1:${Deno.args[0] ?? 0}`, handler: app.fetch });
await server.listenAndServe({ onListen: (addr) => console.log(`http://${addr}/`) });
