import { assert, assertEquals } from "@std/assert";
import type { ProtocolError } from "../../../http/errors.ts";
import { Exchange, type ExchangeHost } from "../../../http/server/exchange.ts";
import type { Handler } from "../../../http/handler.ts";
import type { RequestHead } from "../../../http/h1/head.ts";
import { Output } from "../../../http/server/output.ts";
import { Responder, type ResponderHost } from "../../../http/server/responder.ts";
import { serverSettings } from "../../../http/server/server_options.ts";
import { pipe } from "../../../net/pipe.ts";

const head: RequestHead = {
  method: "GET",
  target: "/x",
  minor: 1,
  fields: [],
  host: "h",
  bodyLength: 0,
  keepAlive: true,
  expect: undefined,
  upgrade: undefined,
};

/** A responder, and all it tells its connection. */
function setUp(handler: Handler) {
  const told: string[] = [];
  let text = "";
  const output = new Output({
    write(p) {
      text += new TextDecoder().decode(p);
      return Promise.resolve(p.length);
    },
  }, () => {});
  const host: ResponderHost = {
    mayGoOn: () => true,
    sent: (_, plan) => told.push(`sent ${plan.body}`) > 0,
    advance: () => void told.push("advance"),
    refuse: (error: ProtocolError) => void told.push(`refuse ${error.status}`),
    close: (reason) => void told.push(`close ${reason}`),
    streaming: () => void told.push("streaming"),
  };
  const errorLog = (message: string, error?: unknown) => void told.push(`${message}: ${error}`);
  const responder = new Responder(serverSettings({ handler, errorLog }), output, host);
  const [conn] = pipe();
  const exchange = new Exchange(
    { conn, scheme: "http", watch() {} } as unknown as ExchangeHost,
    head,
    null,
  );
  const run = async () => {
    const atOnce = responder.handle(exchange);
    for (let i = 0; i < 30; i++) await Promise.resolve();
    await output.drained();
    return { atOnce, told, text };
  };
  return { exchange, run };
}

Deno.test("a handler that answers at once is done at once", async () => {
  const { run } = setUp(() => new Response("hello"));
  const { atOnce, told, text } = await run();
  assertEquals([atOnce, told], [true, ["sent whole"]]);
  assert(text.endsWith("content-length: 5\r\n\r\nhello"), text);
});

Deno.test("a handler that answers later lets the connection go on then", async () => {
  const { run } = setUp(async () => await new Response("hello"));
  const { atOnce, told } = await run();
  assertEquals([atOnce, told], [false, ["sent whole", "advance"]]);
});

Deno.test("a stream is announced before it is sent", async () => {
  const stream = () =>
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("part"));
        controller.close();
      },
    });
  const { run } = setUp(() => new Response(stream()));
  const { atOnce, told, text } = await run();
  assertEquals([atOnce, told], [false, ["streaming", "sent chunked", "advance"]]);
  assert(text.endsWith("4\r\npart\r\n0\r\n\r\n"), text);
});

Deno.test("what a handler throws because the client has gone is no failure of its", async () => {
  const { exchange, run } = setUp((request) => Promise.reject(request.signal.reason));
  exchange.abort(new DOMException("the client has gone away", "AbortError"));
  const { told } = await run();
  assertEquals(told, ["close AbortError: the client has gone away"]);
});

Deno.test("anything else it throws is logged, and a 500", async () => {
  const { run } = setUp(() => {
    throw new Error("broken");
  });
  const { told, text } = await run();
  assertEquals(told, [
    "GET http://h/x: the handler failed: Error: broken",
    "sent whole",
    "advance",
  ]);
  assert(text.startsWith("HTTP/1.1 500 Internal Server Error\r\n"), text);
});

Deno.test("an answer that comes too late is cancelled", async () => {
  const answer = Promise.withResolvers<Response>();
  const { exchange, run } = setUp(() => answer.promise);
  const running = run();
  exchange.fail(new Error("reset"));
  const cancelled = Promise.withResolvers<void>();
  answer.resolve(new Response(new ReadableStream({ cancel: () => cancelled.resolve() })));
  await cancelled.promise;
  assertEquals((await running).told, []);
});
