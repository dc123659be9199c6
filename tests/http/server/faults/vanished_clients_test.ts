import { assert, assertEquals } from "@std/assert";
import { dial } from "../../../../net/mod.ts";
import type { TcpConn } from "../../../../net/mod.ts";
import { noSocketLeft } from "../../../support/net_helpers.ts";
import { ask, type Here, Responses, sendAll, serveHere } from "../../../support/http_load.ts";

type Departure = "end" | "reset";

const linux = { ignore: Deno.build.os !== "linux" };
const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const uploads = {
  "of known length": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
  "in chunks": "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc",
};

/** Leaves: as a process that exits does, or as one that is cut off. */
function leave(conn: TcpConn, departure: Departure): void {
  if (departure === "reset") conn.setLinger(0);
  conn.close();
}

/** Connects on the native engine: the runtime says goodbye before it resets. */
const connect = async ({ port }: Here) =>
  await dial("tcp", `127.0.0.1:${port}`, { engine: "native" }) as TcpConn;

/** The server still serves, and has nothing to complain of. */
async function expectWell(here: Here): Promise<void> {
  assert((await ask(here.port, get.replace("/", "/well"))).endsWith("well"));
  assertEquals(here.log, []);
}

const isWell = ({ url }: Request) => url.endsWith("/well");

/** A promise of the signal's reason. */
const aborted = (signal: AbortSignal) =>
  new Promise<DOMException>((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });

for (const departure of ["end", "reset"] as const) {
  for (const [framing, begin] of Object.entries(uploads)) {
    Deno.test({
      name: `${departure} within an upload ${framing}: the read fails, the signal aborts`,
      ...linux,
      fn: () =>
        noSocketLeft(async () => {
          const begun = Promise.withResolvers<void>();
          const seen = Promise.withResolvers<[unknown, DOMException]>();
          await using here = serveHere({
            handler: async (request) => {
              if (isWell(request)) return new Response("well");
              const gone = aborted(request.signal);
              const reader = request.body!.getReader();
              assertEquals((await reader.read()).value!.length, 3);
              const second = reader.read();
              begun.resolve();
              try {
                await second;
              } catch (error) {
                seen.resolve([(error as { code?: string }).code, await gone]);
                throw error;
              }
              return new Response("complete?");
            },
          });
          const conn = await connect(here);
          await sendAll(conn, begin);
          await begun.promise;
          leave(conn, departure);
          const [code, reason] = await seen.promise;
          assertEquals(code, departure === "end" ? "ERR_HTTP_TRUNCATED" : "ECONNRESET");
          assertEquals(reason.name, "AbortError");
          await expectWell(here);
        }),
    });
  }

  Deno.test({
    name: `${departure} while a handler thinks aborts its signal, and its answer is thrown away`,
    ...linux,
    fn: () =>
      noSocketLeft(async () => {
        const begun = Promise.withResolvers<void>();
        const cancelled = Promise.withResolvers<unknown>();
        await using here = serveHere({
          handler: async (request) => {
            if (isWell(request)) return new Response("well");
            const gone = aborted(request.signal);
            begun.resolve();
            await gone;
            return new Response(
              new ReadableStream({
                pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
                cancel: cancelled.resolve,
              }),
            );
          },
        });
        const conn = await connect(here);
        await sendAll(conn, get);
        await begun.promise;
        leave(conn, departure);
        await cancelled.promise;
        await expectWell(here);
      }),
  });

  Deno.test({
    name: `${departure} within a download cancels the body's source, and rejects completed`,
    ...linux,
    fn: () =>
      noSocketLeft(async () => {
        const cancelled = Promise.withResolvers<unknown>();
        const outcome = Promise.withResolvers<string>();
        await using here = serveHere({
          handler: (request, info) => {
            if (isWell(request)) return new Response("well");
            info.completed.then(() => "complete", () => "failed").then(outcome.resolve);
            return new Response(
              new ReadableStream({
                pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
                cancel: cancelled.resolve,
              }),
            );
          },
        });
        const conn = await connect(here);
        await sendAll(conn, get);
        await conn.read(new Uint8Array(1000));
        leave(conn, departure);
        const why = await cancelled.promise;
        assert(why instanceof Error, String(why));
        assertEquals(await outcome.promise, "failed");
        await expectWell(here);
      }),
  });
}

Deno.test(
  "a reset cancels a stream that has nothing to say",
  linux,
  () =>
    noSocketLeft(async () => {
      for (const request of [get, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"]) {
        const cancelled = Promise.withResolvers<unknown>();
        await using here = serveHere({
          handler: async (request) => {
            if (isWell(request)) return new Response("well");
            await request.text();
            return new Response(
              new ReadableStream({
                start: (controller) => controller.enqueue(new TextEncoder().encode("event")),
                cancel: cancelled.resolve,
              }),
            );
          },
        });
        const conn = await connect(here);
        await sendAll(conn, request);
        await conn.read(new Uint8Array(1000));
        leave(conn, "reset");
        const why = await cancelled.promise;
        assert(why instanceof Error, String(why));
        await expectWell(here);
      }
    }),
);

Deno.test(
  "a client that has only closed its own direction gets all of a stream",
  linux,
  () =>
    noSocketLeft(async () => {
      const gone = Promise.withResolvers<void>();
      await using here = serveHere({
        handler: (request) => {
          request.signal.addEventListener("abort", () => gone.resolve());
          return new Response(
            new ReadableStream({
              async start(controller) {
                await gone.promise;
                for (let i = 0; i < 100; i++) controller.enqueue(new Uint8Array(10_000).fill(65));
                controller.close();
              },
            }),
            { headers: { "Content-Length": "1000000" } },
          );
        },
      });
      using conn = await Deno.connect({ port: here.port });
      await sendAll(conn, get);
      await conn.closeWrite();
      const responses = new Responses(conn);
      const response = await responses.next();
      assert(typeof response !== "string" && response.text.endsWith("A".repeat(1_000_000)));
      assertEquals(await responses.end(), "end");
      assertEquals(here.log, []);
    }),
);

Deno.test(
  "hundreds that vanish at any point of a conversation leave nothing behind",
  linux,
  () =>
    noSocketLeft(async () => {
      const conversation = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + get +
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
      const states = new Map<string, number>();
      let handling = 0;
      await using here = serveHere({
        handler: async (request) => {
          if (isWell(request)) return new Response("well");
          handling++;
          try {
            return new Response(request.body === null ? "x".repeat(100_000) : await request.text());
          } finally {
            handling--;
          }
        },
        connState: (_, state) => void states.set(state, (states.get(state) ?? 0) + 1),
      });
      for (let at = 0; at <= conversation.length; at++) {
        for (const departure of ["end", "reset"] as const) {
          const conn = await connect(here);
          await sendAll(conn, conversation.slice(0, at));
          leave(conn, departure);
        }
      }
      await expectWell(here);
      await here.server.shutdown({ timeout: 5_000 });
      assertEquals(handling, 0);
      assertEquals(states.get("new"), states.get("closed"));
    }),
);
