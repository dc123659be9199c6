import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { headersOf } from "../../../http/headers.ts";
import { HttpError } from "../../../http/errors.ts";
import { settle } from "../../support/fake_clock.ts";
import { responses } from "../h1/cases/responses.ts";
import { Piped, textOf } from "./transport_support.ts";

/** What became of a response. */
interface Outcome {
  status?: number;
  reason?: string;
  body?: string;
  trailers?: string[];
  error?: unknown;
}

async function follow(responding: Promise<Response>): Promise<Outcome> {
  const outcome: Outcome = {};
  try {
    const response = await responding;
    outcome.status = response.status;
    outcome.reason = response.statusText;
    outcome.body = textOf(await response.bytes());
    const { trailers } = response as unknown as { trailers: Promise<Headers> };
    outcome.trailers = [...await trailers].flat();
  } catch (error) {
    outcome.error = error;
  }
  return outcome;
}

async function run({ bytes, method = "GET" }: { bytes: string; method?: string }, size: number) {
  // What is looked at is the wire: no coding is asked for.
  using piped = new Piped({ disableCompression: true });
  const following = follow(piped.send("http://example.test/", { method }));
  const peer = await piped.peer();
  await peer.expectRequest();
  const sending = (async () => {
    for (let at = 0; at < bytes.length; at += size) await peer.send(bytes.slice(at, at + size));
  })().catch(() => {}); // the client has closed
  await settle();
  if (size === 1) await sending;
  await settle();
  const reusable = Object.values(piped.transport.stats())[0]?.idle === 1;
  peer.close();
  const outcome = await following;
  await sending;
  await settle();
  assertEquals(piped.transport.stats(), {}, "a connection is left");
  return { ...outcome, reusable };
}

for (const testCase of responses) {
  const { name, method, rfc, expected } = testCase;
  // The way of a CONNECT is not open to requests: tests/http/client/proxy_test.ts has its answers.
  if (method === "CONNECT") continue;
  for (const [how, size] of [["whole", Infinity], ["byte by byte", 1]] as const) {
    Deno.test(`over a connection, ${how}: ${name} (${rfc})`, async () => {
      const { error, reusable, ...delivered } = await run(testCase, size);
      if (expected.outcome === "response") {
        if (error !== undefined) throw error;
        const { outcome: _, trailers, ...rest } = expected;
        const fields = [...headersOf(trailers)].flat();
        assertEquals({ ...delivered, reusable }, { ...rest, trailers: fields });
        return;
      }
      assertInstanceOf(error, HttpError);
      assert(error.phase === "responseHeader" || error.phase === "body", error.phase);
      const cut = ["ERR_HTTP_TRUNCATED", "ERR_HTTP_NO_RESPONSE"];
      if (expected.outcome === "cut") assert(cut.includes(error.code), error.code);
      else assertEquals(error.code, expected.code);
      assertEquals(reusable, false);
    });
  }
}
