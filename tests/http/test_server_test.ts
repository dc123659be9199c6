import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HttpError } from "../../http/errors.ts";
import { testServer } from "../../http/test_server.ts";

for (const over of ["tcp", "memory"] as const) {
  Deno.test(`testServer() serves its client over ${over}`, async () => {
    await using test = testServer(
      async (request, info) => new Response(`${info.remoteAddr.transport} ${await request.text()}`),
      { over },
    );
    const response = await test.client.post(`${test.url}/x`, "text/plain", "body");
    assertEquals(await response.text(), `${over === "tcp" ? "tcp" : "unix"} body`);
  });

  Deno.test(`close() answers what is under way, and ends the rest, over ${over}`, async () => {
    const started = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    const test = testServer(() => {
      started.resolve();
      return answer.promise;
    }, { over });
    const asked = test.client.get(test.url);
    await started.promise;
    const closed = test.close();
    answer.resolve(new Response("in time"));
    assertEquals(await (await asked).text(), "in time");
    await closed;
    await assertRejects(() => test.client.get(test.url), HttpError);
  });
}

Deno.test("testServer() over TCP is there for any client", async () => {
  await using test = testServer(() => new Response("hello"));
  assertEquals(await (await fetch(test.url)).text(), "hello");
});

Deno.test("close() does not wait for ever for a handler that hangs", async () => {
  const started = Promise.withResolvers<void>();
  const test = testServer(() => {
    started.resolve();
    return new Promise(() => {});
  }, { over: "memory", errorLog: () => {} });
  const failed = assertRejects(() => test.client.get(test.url), HttpError);
  await started.promise;
  await test.close();
  await failed;
});

Deno.test("testServer() refuses another kind of connection", () => {
  const over = "udp" as "tcp";
  assertThrows(() => testServer(() => new Response(), { over }), TypeError, '"udp"');
});
