import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { Client } from "../../../http/client/client.ts";
import { Transport } from "../../../http/client/transport.ts";

/** A library that takes a `fetch`; `undefined`, with a line that says so, where it cannot be had. */
async function load() {
  try {
    return await import("npm:ky@^1");
  } catch (error) {
    console.log(`no npm:ky, its test is left out: ${(error as Error).message}`);
  }
}

Deno.test("client.fetch serves a library from npm that takes a fetch", async () => {
  const ky = (await load())?.default;
  if (ky === undefined) return;
  let tries = 0;
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/busy" && tries++ === 0) return new Response(null, { status: 503 });
      if (pathname === "/missing") return new Response("no such thing", { status: 404 });
      return Response.json({
        method: request.method,
        query: searchParams.get("q"),
        own: request.headers.get("x-own"),
        body: await request.text(),
      });
    },
  );
  using transport = new Transport();
  const { fetch } = new Client({ transport });
  const api = ky.create({
    fetch,
    prefixUrl: `http://127.0.0.1:${server.addr.port}`,
    headers: { "X-Own": "1" },
    retry: { limit: 1, delay: () => 1 },
  });
  assertEquals(await api.get("a", { searchParams: { q: "x y" } }).json(), {
    method: "GET",
    query: "x y",
    own: "1",
    body: "",
  });
  const posted = await api.post("b", { json: { n: 1 } }).json<{ method: string; body: string }>();
  assertEquals([posted.method, posted.body], ["POST", '{"n":1}']);
  assertEquals((await api.get("busy")).status, 200);
  assertEquals(tries, 2);
  const error = await api.get("missing").catch((error) => error);
  assertInstanceOf(error.response, globalThis.Response);
  assertEquals([error.name, error.response.status], ["HTTPError", 404]);
  assertEquals(await error.response.text(), "no such thing");
  const controller = new AbortController();
  const aborted = api.get("a", { signal: controller.signal }).catch((error) => error);
  controller.abort();
  assert((await aborted).name === "AbortError");
});
