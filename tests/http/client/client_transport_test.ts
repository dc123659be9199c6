import { assertEquals, assertInstanceOf } from "@std/assert";
import { Client } from "../../../http/client/client.ts";
import { HttpError } from "../../../http/errors.ts";
import type { ClientTrace } from "../../../http/client/trace.ts";
import { Transport } from "../../../http/client/transport.ts";
import { FakeClock, outcome } from "../../support/fake_clock.ts";

/** Accepts one connection, reads a request, writes `answer`, and tells when the client closes. */
function oneShotServer(answer: string) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked = Promise.withResolvers<void>();
  const closed = (async () => {
    using conn = await listener.accept();
    const buffer = new Uint8Array(4096);
    await conn.read(buffer);
    if (answer !== "") await conn.write(new TextEncoder().encode(answer));
    asked.resolve();
    await conn.read(buffer).catch(() => {}); // until the client closes, or resets
    listener.close();
  })();
  return { url: `http://127.0.0.1:${listener.addr.port}/`, asked: asked.promise, closed };
}

Deno.test("a server that never answers is left when the time is up", async () => {
  const server = oneShotServer("");
  const clock = new FakeClock();
  using transport = new Transport({ proxy: null });
  const wrote = Promise.withResolvers<void>();
  const trace: ClientTrace = { wroteRequest: () => wrote.resolve() };
  const result = outcome(new Client({ transport, clock, timeout: 100 }).get(server.url, { trace }));
  await Promise.all([server.asked, wrote.promise]);
  await clock.advance(100);
  assertInstanceOf(result.reason, HttpError);
  assertEquals([result.reason.phase, result.reason.timeout], ["responseHeader", true]);
  await server.closed;
});

Deno.test("a server that stops within the body is left when the time is up", async () => {
  const server = oneShotServer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  const clock = new FakeClock();
  using transport = new Transport({ proxy: null });
  const response = await new Client({ transport, clock, timeout: 100 }).get(server.url);
  const reader = response.body!.getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), "hello");
  const result = outcome(reader.read());
  await clock.advance(100);
  assertInstanceOf(result.reason, HttpError);
  assertEquals([result.reason.phase, result.reason.timeout], ["body", true]);
  await server.closed;
  assertEquals(clock.timers, 0);
});

Deno.test("a body that nobody reads gives its connection up when the time is up", async () => {
  const server = oneShotServer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  const clock = new FakeClock();
  using transport = new Transport({ proxy: null });
  const response = await new Client({ transport, clock, timeout: 100 }).get(server.url);
  assertEquals(response.status, 200);
  await clock.advance(400);
  await server.closed;
});

Deno.test("a redirect goes on over the same connection", async () => {
  await using server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    ({ url }) =>
      url.endsWith("/0")
        ? new Response("x".repeat(200_000), { status: 302, headers: { location: "/1" } })
        : new Response("done"),
  );
  using transport = new Transport({ proxy: null });
  for (const timeout of [0, 60_000]) {
    const reused: boolean[] = [];
    const trace: ClientTrace = { gotConn: (event) => reused.push(event.reused) };
    const client = new Client({ transport, timeout });
    const response = await client.get(`http://127.0.0.1:${server.addr.port}/0`, { trace });
    assertEquals([response.redirected, await response.text()], [true, "done"]);
    assertEquals(reused, [timeout > 0, true]);
  }
});

Deno.test("the process ends while a limited body is left unread", async () => {
  const program = `
    import { Client } from "${new URL("../../../http/client/client.ts", import.meta.url)}";
    const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    server.accept().then(async (conn) => {
      await conn.read(new Uint8Array(4096));
      await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nx"));
    });
    const url = "http://127.0.0.1:" + server.addr.port;
    const response = await new Client({ timeout: 600_000 }).get(url);
    console.log(response.status);
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-config",
      `data:application/typescript,${encodeURIComponent(program)}`,
    ],
    stdin: "null",
  });
  const { code, stdout, stderr } = await child.output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  assertEquals(new TextDecoder().decode(stdout), "200\n");
});

Deno.test("a limit on a body that is there as a whole arms nothing, read or unread", async () => {
  const server = oneShotServer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  const clock = new FakeClock();
  using transport = new Transport({ proxy: null });
  const response = await new Client({ transport, clock, timeout: 100 }).get(server.url);
  assertEquals(clock.timers, 0);
  await clock.advance(400);
  assertEquals(await response.text(), "hello");
  transport.close();
  await server.closed;
});
