import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { Client } from "../../../http/client/client.ts";
import { defaultClient, get, head, post, postForm } from "../../../http/client/default_client.ts";
import { HttpError } from "../../../http/errors.ts";

/** Says what it got, in the body and in a header. */
async function echo(request: globalThis.Request): Promise<globalThis.Response> {
  const type = request.headers.get("content-type");
  const { pathname } = new URL(request.url);
  if (pathname === "/moved") {
    return new Response("elsewhere", { status: 307, headers: { location: "/" } });
  }
  const said = `${request.method} ${pathname} ${type} ${await request.text()}`.trim();
  return new Response(request.method === "HEAD" ? null : said, { headers: { "x-said": said } });
}

Deno.test("get(), head(), post() and postForm() need nothing but a URL", async () => {
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, echo);
  const url = `http://127.0.0.1:${server.addr.port}`;
  try {
    assertEquals(await (await get(`${url}/a`)).text(), "GET /a null");
    assertEquals(await (await get(new URL("/b", url), { timeout: 60_000 })).text(), "GET /b null");
    assertEquals((await head(`${url}/c`)).headers.get("x-said"), "HEAD /c null");
    assertEquals(await (await post(`${url}/d`, "text/x", "data")).text(), "POST /d text/x data");
    assertEquals(
      await (await postForm(`${url}/e`, { a: ["1", "2"] })).text(),
      "POST /e application/x-www-form-urlencoded a=1&a=2",
    );
    const moved = await post(`${url}/moved`, "text/x", "again", { timeout: 60_000 });
    assertEquals([moved.url, moved.redirected], [`${url}/`, true]);
    assertEquals(await moved.text(), "POST / text/x again");
  } finally {
    defaultClient.closeIdleConnections();
  }
});

Deno.test("defaultClient is a Client, and tells what went wrong", async () => {
  assertInstanceOf(defaultClient, Client);
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  const error = await assertRejects(() => get(`http://127.0.0.1:${port}/`), HttpError);
  assertEquals([error.phase, error.code], ["connect", "ECONNREFUSED"]);
});
