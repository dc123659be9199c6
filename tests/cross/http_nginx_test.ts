/** Our server behind nginx, over TCP and over a Unix socket. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Handler } from "../../http/handler.ts";
import { nginx } from "./peers/http_nginx.ts";
import {
  digest,
  digestBody,
  endless,
  inChunks,
  installed,
  noise,
  scratch,
  serving,
} from "./peers/http_server.ts";
import { acceptWebSocket } from "./peers/http_websocket.ts";

const ignore = !installed("nginx", "-v");

/** What is behind, and how to ask it. */
interface Front {
  /** nginx's `"host:port"`. */
  readonly host: string;
  /** How many connections our server has seen. */
  readonly accepted: () => number;
  /** The runtime's own client, of nginx. */
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>;
}

/** A test behind nginx, for each way it can reach us. */
function behindNginx(name: string, handler: Handler, body: (front: Front) => Promise<void>) {
  for (const over of ["TCP", "a Unix socket"]) {
    Deno.test(`behind nginx, over ${over}: ${name}`, { ignore }, async () => {
      using dir = scratch();
      await using back = serving(handler, over === "TCP" ? "tcp" : `${dir.path}/back`);
      await using front = await nginx(back);
      using client = Deno.createHttpClient({});
      await body({
        host: front.address,
        accepted: () => back.accepted,
        ask: (path, init) => fetch(`http://${front.address}${path}`, { client, ...init }),
      });
      assertEquals(back.log, []);
    });
  }
}

const path = (request: Request) => new URL(request.url).pathname;
const encode = (text: string) => new TextEncoder().encode(text);

behindNginx(
  "requests in turn share a connection, and bring what nginx says of the client",
  (request) => Response.json(Object.fromEntries(request.headers)),
  async ({ ask, accepted }) => {
    for (let i = 0; i < 20; i++) {
      const { host, "x-forwarded-for": from } = await (await ask(`/${i}`)).json();
      assertEquals([host, from], ["127.0.0.1", "127.0.0.1"]);
    }
    assertEquals(accepted(), 1);
  },
);

const large = noise(6_000_000);

behindNginx(
  "large bodies, of known and unknown length, buffered and not",
  (request, info) => {
    if (request.method === "POST") return digestBody(request);
    assertEquals(info.proto, path(request).startsWith("/old/") ? "HTTP/1.0" : "HTTP/1.1");
    return new Response(path(request).endsWith("/whole") ? large : inChunks(large, 300_000));
  },
  async ({ ask }) => {
    const sum = await digest(large);
    for (const place of ["", "/direct", "/old"]) {
      for (const body of [large, inChunks(large, 300_000)]) {
        const response = await ask(`${place}/`, { method: "POST", body });
        assertEquals(await response.text(), `${large.length} ${sum}`, place);
      }
      for (const kind of ["whole", "stream"]) {
        const response = await ask(`${place}/${kind}`);
        assertEquals(await digest(await response.bytes()), sum, `${place} ${kind}`);
      }
    }
  },
);

behindNginx(
  "many clients at once",
  async (request) => new Response(`${path(request)} ${(await request.bytes()).length}`),
  async ({ ask }) => {
    await Promise.all(Array.from({ length: 100 }, async (_, i) => {
      const response = await ask(`/${i}`, { method: "POST", body: noise(i * 1_000) });
      assertEquals([response.status, await response.text()], [200, `/${i} ${i * 1_000}`]);
    }));
  },
);

behindNginx(
  "what a handler streams comes as it comes, and so does what it is sent",
  (request) => new Response(request.body),
  async ({ ask }) => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const asked = ask("/direct/echo", { method: "POST", body: readable });
    const decoder = new TextDecoderStream();
    // Nothing is sent before what was sent last has come back.
    await writer.write(encode("0"));
    const response = await asked;
    const reader = response.body!.pipeThrough(decoder).getReader();
    assertEquals((await reader.read()).value, "0");
    for (let i = 1; i < 20; i++) {
      await writer.write(encode(`${i}`));
      assertEquals((await reader.read()).value, `${i}`);
    }
    await writer.close();
    assertEquals(await reader.read(), { done: true, value: undefined });
  },
);

/** What has happened to the request that is watched, in order. */
let happened: string[] = [];
let begun = Promise.withResolvers<void>();
let gone = Promise.withResolvers<void>();

behindNginx(
  "a client that goes away is noticed",
  (request) => {
    happened = [path(request)];
    gone = Promise.withResolvers();
    request.signal.addEventListener("abort", () => {
      happened.push((request.signal.reason as Error).name);
      gone.resolve();
    });
    if (path(request) === "/direct/stream") return new Response(endless());
    begun.resolve();
    return gone.promise.then(() => new Response("to nobody"));
  },
  async ({ ask }) => {
    const controller = new AbortController();
    begun = Promise.withResolvers();
    const waiting = ask("/wait", { signal: controller.signal }).catch((error) => error.name);
    await begun.promise;
    controller.abort();
    assertEquals(await waiting, "AbortError");
    await gone.promise;
    assertEquals(happened, ["/wait", "AbortError"]);

    const response = await ask("/direct/stream");
    await response.body!.cancel();
    await gone.promise;
    assertEquals(happened, ["/direct/stream", "AbortError"]);
  },
);

behindNginx(
  "an upload that breaks off is not taken for complete",
  async (request) => {
    const reader = request.body!.getReader();
    await reader.read();
    begun.resolve();
    try {
      while (!(await reader.read()).done);
      happened.push("complete");
    } catch {
      happened.push("broken off");
    }
    gone.resolve();
    return new Response();
  },
  async ({ ask }) => {
    [begun, gone] = [Promise.withResolvers(), Promise.withResolvers()];
    happened = [];
    const controller = new AbortController();
    const body = new ReadableStream({ start: (controller) => controller.enqueue(encode("part")) });
    const init = { method: "POST", body, signal: controller.signal };
    const asked = ask("/direct/upload", init).catch((error) => error.name);
    await begun.promise;
    controller.abort();
    await gone.promise;
    assertEquals([await asked, happened], ["AbortError", ["broken off"]]);
  },
);

behindNginx(
  "a WebSocket goes through",
  (request, info) => {
    assertMatch(request.headers.get("connection") ?? "", /upgrade/i);
    assertEquals(request.headers.get("upgrade"), "websocket");
    acceptWebSocket(request, info.hijack());
    return new Response();
  },
  async ({ host }) => {
    const socket = new WebSocket(`ws://${host}/socket`);
    const heard: string[] = [];
    const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
    socket.onopen = () => socket.send("1");
    socket.onmessage = ({ data }) => {
      heard.push(data);
      if (data === "50") socket.close(1000, "enough");
      else socket.send(`${Number(data) + 1}`);
    };
    const { code, reason } = await closed;
    assertEquals([code, reason, heard.length], [1000, "enough", 50]);
    assert(heard.every((data, i) => data === `${i + 1}`));
  },
);

Deno.test("behind nginx: a server that is shut down leaves no request unanswered", {
  ignore,
}, async () => {
  const handler = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return new Response("answered");
  };
  await using stays = serving(handler);
  await using goes = serving(handler);
  await using front = await nginx(goes, stays);
  using client = Deno.createHttpClient({});
  let shutdown: Promise<void> | undefined;
  let left = 600;
  const ask = async () => {
    while (left-- > 0) {
      const response = await fetch(`http://${front.address}/`, { client });
      assertEquals([response.status, await response.text()], [200, "answered"]);
      if (left === 400) shutdown = goes.server.shutdown();
    }
  };
  await Promise.all(Array.from({ length: 20 }, ask));
  await shutdown!;
  assert(goes.accepted > 0 && stays.accepted > 0);
  assertEquals([goes.log, stays.log], [[], []]);
});
