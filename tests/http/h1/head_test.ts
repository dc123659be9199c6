import { assert, assertEquals } from "@std/assert";
import { ProtocolError } from "../../../http/errors.ts";
import { accepted } from "./cases/accepted.ts";
import { refused } from "./cases/refused.ts";
import { responses } from "./cases/responses.ts";
import { bytesOf, cuts, driveRequests, driveResponse } from "./drive.ts";

Deno.test("the tables have no two cases of one name", () => {
  for (const table of [accepted, refused, responses]) {
    const names = table.map(({ name }) => name);
    assertEquals(names.filter((name, i) => names.indexOf(name) !== i), []);
  }
  assert(refused.length >= 150 && accepted.length >= 60 && responses.length >= 60);
});

for (const { name, rfc, bytes, status } of refused) {
  Deno.test(`a request is refused with ${status} however it is cut: ${name} (${rfc})`, () => {
    let message: string | undefined;
    for (const pieces of cuts(bytesOf(bytes))) {
      const { requests, ending } = driveRequests(pieces);
      assertEquals(requests, []);
      assert(ending instanceof ProtocolError, `not refused in ${pieces.length} pieces: ${ending}`);
      assertEquals(ending.status, status, ending.message);
      assert(/^ERR_HTTP_[A-Z_]+$/.test(ending.code), ending.code);
      message ??= ending.message;
      assertEquals(ending.message, message);
      assert(message.length < 250, message);
    }
  });
}

for (const { name, rfc, bytes, requests } of accepted) {
  Deno.test(`a request is understood however it is cut: ${name} (${rfc})`, () => {
    const ending = requests.at(-1)!.keepAlive ? "idle" : "closing";
    for (const pieces of cuts(bytesOf(bytes))) {
      assertEquals(driveRequests(pieces), { requests, ending });
    }
  });
}

Deno.test("a request cut short anywhere is never delivered as complete", () => {
  for (const { bytes, requests } of accepted.filter(({ bytes }) => bytes.length < 1000)) {
    const whole = bytesOf(bytes);
    for (let length = 0; length < whole.length; length++) {
      const run = driveRequests([whole.subarray(0, length)]);
      assert(!(run.ending instanceof ProtocolError), String(run.ending));
      assertEquals(run.requests, requests.slice(0, run.requests.length));
      if (!bytes.includes("close")) assert(run.requests.length < requests.length, bytes);
    }
  }
});

Deno.test("damaged bytes come out the same whole and byte by byte", () => {
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 48271) % 0x7fffffff;
    return seed % below;
  };
  const short = accepted.filter(({ bytes }) => bytes.length < 400);
  const odd = bytesOf("\r\n\r\n \t:;,\0\x7f\xff0159afAF/.*HTP@#");
  for (let round = 0; round < 1500; round++) {
    const bytes = bytesOf(short[random(short.length)].bytes + short[random(short.length)].bytes);
    for (let hits = 1 + random(3); hits > 0; hits--) {
      const at = random(bytes.length);
      if (random(2) === 0) bytes[at] = odd[random(odd.length)];
      else bytes.copyWithin(at, at + 1 + random(3));
    }
    const one = driveRequests([bytes]);
    const many = driveRequests(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)));
    assertEquals(many.requests, one.requests);
    assertEquals(String(many.ending), String(one.ending));
  }
});

for (const { name, rfc, method = "GET", bytes, expected } of responses) {
  Deno.test(`a response comes out the same however it is cut: ${name} (${rfc})`, () => {
    for (const pieces of cuts(bytesOf(bytes))) {
      assertEquals(driveResponse(pieces, method), expected);
    }
  });
}
