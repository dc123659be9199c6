/** Connections share buffers, heads and clocks: none of that may ever show in an answer. */
import { assert, assertEquals } from "@std/assert";
import type { HandlerInfo } from "../../../../http/mod.ts";
import { Responses, sendAll, serveHere } from "../../../support/http_load.ts";
import { Random } from "../../../support/http_requests.ts";
import { noSocketLeft } from "../../../support/net_helpers.ts";

const linux = { ignore: Deno.build.os !== "linux" };
const encoder = new TextEncoder();

/** How a handler may go about it; each answers with `mark`, by which the request is known again. */
const ways: Record<
  string,
  (mark: string, request: Request, info: HandlerInfo) => Response | Promise<Response>
> = {
  text: (mark) => new Response(mark),
  bytes: (mark) => new Response(encoder.encode(mark)),
  stream: (mark) =>
    new Response(new Blob([mark]).stream(), { headers: { "content-length": `${mark.length}` } }),
  late: async (mark) => {
    await new Promise((resolve) => setTimeout(resolve, 2));
    return new Response(mark);
  },
  watching: async (mark, { signal }) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return new Response(signal.aborted ? "gone" : mark);
  },
  read: async (_, request) => new Response(await request.text()),
  passed: async (_, request) => new Response(await new Response(request.body).bytes()),
  unread: (mark) => new Response(mark),
  leftReading: (mark, request) => {
    request.text().catch(() => {}); // cut short where the connection ends
    return new Response(mark);
  },
  leftReader: (mark, request) => {
    request.body?.getReader().read().catch(() => {});
    return new Response(mark);
  },
  hijacked: (mark, _, info) => {
    const { conn } = info.hijack();
    const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${mark.length}\r\n\r\n${mark}`;
    conn.write(encoder.encode(answer)).catch(() => {}).finally(() => conn.close());
    return new Response();
  },
};

/** A request and the body of its answer. */
function someRequest(mark: string, random: Random): { way: string; text: string; body: string } {
  const way = random.of(Object.keys(ways));
  const body = mark.padEnd(random.of([0, 20, 900, 9_000, 70_000]), mark);
  const head = (method: string, field: string) =>
    `${method} /${way}?${body.length} HTTP/1.1\r\nHost: a\r\nX-Mark: ${mark}\r\n${field}\r\n`;
  if (!/read|passed/i.test(way)) return { way, body, text: head("GET", "") };
  const chunk = 1 + random.below(5_000);
  const chunked = body.replace(
    new RegExp(`.{1,${chunk}}`, "g"),
    (data) => `${data.length.toString(16)}\r\n${data}\r\n`,
  );
  const text = random.below(2) === 0
    ? head("POST", `Content-Length: ${body.length}\r\n`) + body
    : head("POST", "Transfer-Encoding: chunked\r\n") + `${chunked}0\r\n\r\n`;
  return { way, body, text };
}

/** Asks on one connection, in pieces, and may leave at any byte. Gives how much was answered. */
async function converse(port: number, mark: string, random: Random): Promise<number> {
  using conn = await Deno.connect({ port });
  const requests: ReturnType<typeof someRequest>[] = [];
  do requests.push(someRequest(`<${mark}-${requests.length}>`, random)); while (
    requests.at(-1)!.way !== "hijacked" && requests.length < 5
  );
  const all = requests.map(({ text }) => text).join("");
  const leaves = random.below(5) === 0;
  const end = leaves ? random.below(all.length) : all.length;
  const sending = (async () => {
    for (let at = 0; at < end;) {
      const next = Math.min(end, at + 1 + random.below(random.of([300, 40_000])));
      if (!await sendAll(conn, all.slice(at, next))) return;
      at = next;
    }
    if (leaves) await conn.closeWrite().catch(() => {});
  })();
  const responses = new Responses(conn);
  let answered = 0;
  for (const { way, body } of requests) {
    const response = await responses.next();
    if (typeof response === "string") break;
    const [head, got] = response.text.split("\r\n\r\n");
    // What cannot be answered as it should says so; a client that has half gone is seen as such.
    if (leaves && (got === "gone" || !head.startsWith("HTTP/1.1 200 "))) break;
    assertEquals(
      [way, got.length, got === body],
      [way, body.length, true],
      head + got.slice(0, 99),
    );
    answered++;
  }
  await sending;
  return answered;
}

Deno.test(
  "every answer is that of its own request, whatever happens to others",
  linux,
  () =>
    noSocketLeft(async () => {
      await using here = serveHere({
        handler: (request, info) => {
          const url = new URL(request.url);
          const mark = request.headers.get("x-mark")!;
          const length = Number(url.search.slice(1));
          return ways[url.pathname.slice(1)](mark.padEnd(length, mark), request, info);
        },
        errorLog: () => {},
      });
      const end = performance.now() + 1_500;
      const client = async (n: number) => {
        const random = new Random(n);
        let answered = 0;
        for (let i = 0; performance.now() < end; i++) {
          answered += await converse(here.port, `${n}.${i}`, random);
        }
        return answered;
      };
      const counts = await Promise.all(Array.from({ length: 20 }, (_, n) => client(n)));
      assert(counts.every((count) => count > 0), counts.join(" "));
    }),
);
