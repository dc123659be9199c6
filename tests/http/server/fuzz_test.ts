import { assert, assertEquals } from "@std/assert";
import { fuzzFor } from "../../support/http_fuzz.ts";
import { meaningOf } from "../../support/http_reference.ts";
import { nearlyRequests, Random } from "../../support/http_requests.ts";
import { accepted } from "../h1/cases/accepted.ts";
import { refused } from "../h1/cases/refused.ts";

/** Longer, or elsewhere, by the environment; the seed of a failure repeats it alone. */
const env = (name: string) => Deno.env.get(name);
const ms = Number(env("PLUMB_FUZZ_MS") ?? 3_000);
const seed = Number(env("PLUMB_FUZZ_SEED") ?? Date.now() % 2 ** 31);

Deno.test("damaged requests get no answer but what they mean, and every connection ends", async () => {
  assert(await fuzzFor(seed, ms) > 0);
});

Deno.test("the same seed gives the same bytes", () => {
  assertEquals(nearlyRequests(new Random(7)), nearlyRequests(new Random(7)));
  assert(nearlyRequests(new Random(7)) !== nearlyRequests(new Random(8)));
});

Deno.test("most of what is sent is damaged, and some of it is not", () => {
  const count = { end: 0, refused: 0, broken: 0 };
  let requests = 0;
  for (let i = 0; i < 2_000; i++) {
    const meaning = meaningOf(nearlyRequests(new Random(i)), true);
    count[meaning.ending]++;
    requests += meaning.requests.length;
  }
  assert(Math.min(...Object.values(count)) > 100, JSON.stringify(count));
  assert(requests > 1_000, `only ${requests} requests`);
});

Deno.test("the reference knows what must be refused", () => {
  for (const { name, bytes, status } of refused) {
    if (status === 431 || bytes.length > 4_000) continue; // it knows of no limits
    const { requests, ending } = meaningOf(bytes, true);
    assertEquals([requests, ending === "end"], [[], false], name);
  }
});

Deno.test("the reference knows what must be accepted", () => {
  for (const { name, bytes, requests } of accepted) {
    const meaning = meaningOf(bytes, true);
    assertEquals(meaning.ending, "end", name);
    const methods = (list: readonly { method: string }[]) => list.map(({ method }) => method);
    assertEquals(methods(meaning.requests), methods(requests), name);
    const served = meaning.requests.filter(({ url }) => url !== "*");
    const bodies = requests.filter(({ target }) => target !== "*").map(({ body }) => body);
    assertEquals(served.map(({ body }) => body), bodies, name);
  }
});
