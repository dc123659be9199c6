/** Chromium against our server: `peers/http_page` is what it loads. */
import { assert, assertEquals } from "@std/assert";
import { fileServer } from "../../http/files/file_server.ts";
import { redirect } from "../../http/routing/handlers.ts";
import { ServeMux } from "../../http/routing/mux.ts";
import { endless, installed, run, scratch, serving } from "./peers/http_server.ts";
import { acceptWebSocket } from "./peers/http_websocket.ts";

const ignore = !installed("chromium", "--version");

const page = new URL("peers/http_page/", import.meta.url);

/** The value of a promise that others settle. */
const once = <T = void>() => Promise.withResolvers<T>();

/** Three events, from where the client has stopped; then the end, and another request. */
function events(request: Request): Response {
  const last = Number(request.headers.get("last-event-id") ?? 0);
  const lines = [1, 2, 3].map((i) => `id: ${last + i}\ndata: event ${last + i}\n\n`);
  return new Response(["retry: 1\n\n", ...lines].join(""), {
    headers: { "content-type": "text/event-stream" },
  });
}

async function form(request: Request): Promise<Response> {
  const form = await request.formData();
  const file = form.get("file") as File;
  const sevens = (await file.bytes()).every((byte) => byte === 7);
  return new Response(`${form.get("name")} ${file.name} ${file.size} ${sevens}`);
}

Deno.test("Chromium loads a page, and all it does there works", { ignore }, async () => {
  using profile = scratch();
  const results = once<Record<string, unknown>>();
  const gone = once();
  const files = fileServer(page);
  let seen = once();
  let requests = 0;
  let unchanged = 0;
  const mux = new ServeMux()
    .handle("/", files)
    .handle("/style.css", async (request) => {
      const response = await files(request);
      unchanged += Number(response.status === 304);
      return response;
    })
    .handle("/events", events)
    .handle("/json", async (request) => Response.json({ got: await request.json() }))
    .handle("/form", form)
    .handle("/stream", () => {
      const parts = ["one", "two", "three"];
      const stream = new ReadableStream<Uint8Array>({
        async pull(controller) {
          const part = parts.shift();
          if (part === undefined) return controller.close();
          if (part !== "one") await seen.promise;
          seen = once();
          controller.enqueue(new TextEncoder().encode(part));
        },
      }, { highWaterMark: 0 });
      return new Response(stream);
    })
    .handle("POST /stream/seen", () => {
      seen.resolve();
      return new Response();
    })
    .handle("/many/{n}", (request) => new Response(new URL(request.url).pathname))
    .handle("/cookie", () => {
      const headers = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2; Path=/"]]);
      return new Response("", { headers });
    })
    .handle("/picture", () => redirect("/picture.svg"))
    .handle("/endless", (request) => {
      request.signal.addEventListener("abort", () => gone.resolve());
      return new Response(endless());
    })
    .handle("/endless/gone", () => gone.promise.then(() => new Response("gone")))
    .handle("/refused", () => new Response("too much", { status: 413 }))
    .handle("/socket", (request, info) => {
      acceptWebSocket(request, info.hijack());
      return new Response();
    })
    .handle("POST /results", async (request) => {
      results.resolve(await request.json());
      return new Response();
    })
    .handle("/last.svg", async (request) => {
      await results.promise;
      return await files(new Request(new URL("picture.svg", request.url)));
    });
  await using at = serving((request, info) => {
    requests++;
    return mux.handler(request, info);
  });

  const { code, text, stderr } = await run("chromium", [
    ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    ...["--disable-background-networking", "--no-first-run", "--no-proxy-server"],
    ...[`--user-data-dir=${profile.path}`, "--dump-dom", `${at.origin}/`],
  ]);
  assertEquals(code, 0, stderr);
  const expected = {
    style: "rgb(1, 2, 3)",
    image: 17,
    events: [1, 2, 3, 4, 5, 6].map((i) => `${i}=event ${i}`).join(" "),
    json: '{"got":{"n":1}}',
    form: "käse sevens.bin 1000000 true",
    stream: "one two three",
    many: true,
    range: "206 /**",
    cached: 200,
    cookies: "a=1; b=2",
    head: `image/svg+xml ${Deno.statSync(new URL("picture.svg", page)).size}`,
    redirect: "true /picture.svg",
    abort: "gone",
    refused: 413,
    socket: "1000 hello",
  };
  assertEquals(await results.promise, expected);
  assert(text.includes(`<pre id="results">${JSON.stringify(expected)}</pre>`), text);
  assert(unchanged > 0, "no request for style.css was conditional");
  assert(at.accepted < requests / 4, `${at.accepted} connections for ${requests} requests`);
  assertEquals(at.log, []);
});
