/** A large client library from npm, `openai`, on `client.fetch`: what it gets, and how it streams. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { deadline } from "@std/async";
import { Client } from "../../http/client/client.ts";
import { Transport } from "../../http/client/transport.ts";
import { serving } from "./peers/http_server.ts";

/** The library; `undefined`, with a line that says so, where it cannot be had. */
async function load() {
  try {
    return await import("npm:openai@^5");
  } catch (error) {
    console.log(`no npm:openai, its test is skipped: ${(error as Error).message}`);
  }
}

const piece = (content: string) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;

Deno.test("an OpenAI client on client.fetch asks, streams, uploads, tries again and gives up", async () => {
  const openai = await load();
  if (openai === undefined) return;
  const { OpenAI } = openai;
  let busy = 2;
  const goOn = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  await using at = serving(async (request) => {
    const { pathname } = new URL(request.url);
    assertEquals(request.headers.get("authorization"), "Bearer secret");
    if (pathname === "/models") {
      if (busy-- > 0) {
        return new Response(null, { status: 503, headers: { "retry-after-ms": "1" } });
      }
      return Response.json({ object: "list", data: [{ id: "one" }, { id: "two" }] });
    }
    if (pathname === "/files") {
      const form = await request.formData();
      const file = form.get("file") as File;
      return Response.json({ id: `${file.name} ${file.size} ${form.get("purpose")}` });
    }
    const { stream, model } = await request.json();
    if (model === "none") return Response.json({ error: { message: "no such" } }, { status: 404 });
    if (!stream) return Response.json({ choices: [{ message: { content: `I am ${model}` } }] });
    if (model === "endless") request.signal.addEventListener("abort", () => left.resolve());
    const encoder = new TextEncoder();
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(encoder.encode(piece("Hello")));
        await goOn.promise;
        controller.enqueue(encoder.encode(piece(", world")));
        if (model === "endless") return;
        controller.enqueue(encoder.encode("data: [DONE]\n\n"));
        controller.close();
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  using transport = new Transport({ proxy: null });
  const { fetch } = new Client({ transport, timeout: 15_000 });
  const client = new OpenAI({ apiKey: "secret", baseURL: at.origin, fetch });
  const messages = [{ role: "user" as const, content: "Who are you?" }];

  const whole = await client.chat.completions.create({ model: "m", messages });
  assertEquals(whole.choices[0].message.content, "I am m");

  const text: string[] = [];
  for await (
    const part of await client.chat.completions.create({ model: "m", messages, stream: true })
  ) {
    text.push(part.choices[0].delta.content!);
    goOn.resolve(); // The second part is not sent before the first has come.
  }
  assertEquals(text, ["Hello", ", world"]);

  // Leaving the loop leaves the response, and the server is told.
  for await (
    const _ of await client.chat.completions.create({ model: "endless", messages, stream: true })
  ) {
    break;
  }
  await deadline(left.promise, 10_000);

  const ids: string[] = [];
  for await (const { id } of client.models.list()) ids.push(id);
  assertEquals([ids, busy], [["one", "two"], -1]);

  const file = new File(["x".repeat(100_000)], "a.txt");
  assertEquals((await client.files.create({ file, purpose: "batch" })).id, "a.txt 100000 batch");

  const error = await client.chat.completions.create({ model: "none", messages })
    .catch((error) => error);
  assertInstanceOf(error, OpenAI.NotFoundError);
  assert(error.message.includes("no such"));

  at.server.close();
  const gone = await client.models.list({ maxRetries: 0 }).then(() => undefined, (error) => error);
  assertInstanceOf(gone, OpenAI.APIConnectionError);
});
