import { assert, assertEquals, assertRejects } from "@std/assert";
import { get as ourGet, Response as OurResponse } from "../../../../http/mod.ts";
import { noSocketLeft } from "../../../support/net_helpers.ts";
import { Responses, sendAll, serveHere } from "../../../support/http_load.ts";

const linux = { ignore: Deno.build.os !== "linux" };
const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/** A stream that gives some bytes, and fails when asked for more. */
const failing = () =>
  new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(new TextEncoder().encode("some of it")),
    pull: () => Promise.reject(new Error("no more")),
  }, { highWaterMark: 0 });

/** All that comes for a request, up to the end of the connection. */
async function received(port: number, request: string): Promise<string> {
  using conn = await Deno.connect({ port });
  await sendAll(conn, request);
  const p = new Uint8Array(64 * 1024);
  let text = "";
  for (;;) {
    const n = await conn.read(p).catch(() => null);
    if (n === null) return text;
    text += new TextDecoder().decode(p.subarray(0, n));
  }
}

Deno.test(
  "a handler that throws before its answer has begun gets a complete 500",
  linux,
  () =>
    noSocketLeft(async () => {
      for (
        const fail of [() => {
          throw new Error("at once");
        }, () => Promise.reject(new Error("later"))]
      ) {
        await using here = serveHere({ handler: fail });
        using conn = await Deno.connect({ port: here.port });
        const responses = new Responses(conn);
        // The connection goes on: it has done nothing wrong.
        for (let i = 0; i < 3; i++) {
          await sendAll(conn, get);
          const response = await responses.next();
          assert(typeof response !== "string" && response.text.startsWith("HTTP/1.1 500 "));
        }
        assertEquals(here.log.length, 3);
      }
    }),
);

const kinds = {
  "in chunks": () => failing(),
  "of known length": () => failing(),
};

for (const [kind, make] of Object.entries(kinds)) {
  const headers: HeadersInit = kind === "in chunks" ? {} : { "Content-Length": "20" };
  for (const Class of [Response, OurResponse]) {
    const whose = Class === Response ? "the runtime's" : "our";
    Deno.test({
      name: `${whose} response ${kind} that fails within is not taken for complete`,
      ...linux,
      fn: () =>
        noSocketLeft(async () => {
          const completed: string[] = [];
          await using here = serveHere({
            handler: (_, info) => {
              info.completed.then(() => "complete", String).then((how) => completed.push(how));
              return new Class(make(), { headers });
            },
          });
          const text = await received(here.port, get);
          assert(text.includes("some of it"), text);
          assert(!text.includes("\r\n0\r\n"), text);
          const url = `http://127.0.0.1:${here.port}/`;
          await assertRejects(async () => await (await fetch(url)).text());
          await assertRejects(async () => await (await ourGet(url)).text());
          assertEquals(completed, Array(3).fill("Error: no more"));
          assertEquals(here.log.length, 3);
        }),
    });
  }
}

Deno.test(
  "a stream that fails before its first byte is cut too: its head has gone",
  linux,
  () =>
    noSocketLeft(async () => {
      await using here = serveHere({
        handler: () =>
          new Response(new ReadableStream({ pull: () => Promise.reject(new Error()) })),
      });
      const text = await received(here.port, get + get);
      assertEquals(text.match(/HTTP\/1\.1 /g)?.length ?? 0, 1);
      assert(!text.includes("\r\n0\r\n"), text);
      assertEquals(here.log.length, 1);
    }),
);
