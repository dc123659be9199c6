import { assert, assertEquals, assertMatch } from "@std/assert";
import { refreshDate } from "../../../http/server/date.ts";
import type { OutgoingBody, OutgoingResponse } from "../../../http/web/outgoing.ts";
import { Output } from "../../../http/server/output.ts";
import {
  type BodyPlan,
  type Plan,
  type Terms,
  writeHead,
} from "../../../http/server/response_writer.ts";
import { bytes } from "../../support/wire.ts";

/** An output, and all that was written to it. */
function sink() {
  const seen = { text: "", hold: undefined as Promise<void> | undefined };
  const output = new Output({
    async write(p) {
      await seen.hold;
      seen.text += new TextDecoder("latin1").decode(p);
      return p.length;
    },
  }, () => {});
  return { output, seen };
}

const plainTerms: Terms = { method: "GET", minor: 1, keepAlive: true, trailers: false };

function response(body: OutgoingBody, init: Partial<OutgoingResponse> = {}): OutgoingResponse {
  return { status: 200, statusText: "", fields: [], ...init, body };
}

/** What goes out, without the date, and the plan. */
async function written(
  what: OutgoingResponse,
  terms: Partial<Terms> = {},
): Promise<{ text: string; plan: Plan }> {
  const { output, seen } = sink();
  const plan = writeHead(output, what, { ...plainTerms, ...terms });
  await output.drained();
  const text = seen.text.replace(/\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/, "");
  return { text, plan };
}

const kinds: Record<string, () => OutgoingBody> = {
  null: () => null,
  text: () => "four",
  bytes: () => bytes("four"),
  blob: () => new Blob(["four"]),
  stream: () => new Blob(["four"]).stream(),
};

const bodiless = [103, 204, 304];

/** What RFC 9112 section 6 lets the server do, told in another way than the server's. */
function expected(kind: string, status: number, { method, minor, keepAlive, trailers }: Terms) {
  const tunnel = method === "CONNECT" && status === 200;
  const none = bodiless.includes(status) || tunnel;
  const head = method === "HEAD";
  const known = kind === "null" ? 0 : kind === "stream" ? undefined : 4;
  const inChunks = !none && !head && minor === 1 && (trailers || known === undefined);
  const toTheEnd = !none && !head && minor === 0 && known === undefined;
  const body: BodyPlan = inChunks
    ? "chunked"
    : toTheEnd
    ? "untilClose"
    : none || head || kind === "null"
    ? "none"
    : kind === "blob"
    ? "length"
    : "whole";
  const fields: string[] = [];
  if (inChunks) fields.push("transfer-encoding: chunked");
  else if (!none && known !== undefined) fields.push(`content-length: ${known}`);
  const goesOn = keepAlive && !toTheEnd && !tunnel;
  if (!goesOn) fields.push("connection: close");
  else if (minor === 0) fields.push("connection: keep-alive");
  return { body, fields, goesOn };
}

for (const [kind, make] of Object.entries(kinds)) {
  Deno.test(`a body of ${kind} goes out as method, version, status and trailers allow`, async () => {
    for (const status of [200, 404, ...bodiless]) {
      for (let bits = 0; bits < 24; bits++) {
        const terms: Terms = {
          method: ["GET", "HEAD", "CONNECT"][bits >> 3],
          minor: (bits & 1) !== 0 ? 0 : 1,
          keepAlive: (bits & 2) === 0,
          trailers: (bits & 4) !== 0,
        };
        const { text, plan } = await written(response(make(), { status }), terms);
        const { body, fields, goesOn } = expected(kind, status, terms);
        const why = JSON.stringify({ status, ...terms });
        const [head, ...rest] = text.split("\r\n\r\n");
        assertEquals(head.split("\r\n").slice(1), fields, why);
        assertEquals(rest.join("\r\n\r\n"), body === "whole" ? "four" : "", why);
        assertEquals([plan.body, plan.keepAlive], [body, goesOn], why);
        if (body === "length" || body === "whole") assertEquals(plan.length, 4, why);
      }
    }
  });
}

Deno.test("the status line has the reason given, or the usual one", async () => {
  const line = async (status: number, statusText: string) =>
    (await written(response(null, { status, statusText }))).text.split("\r\n")[0];
  assertEquals(await line(200, ""), "HTTP/1.1 200 OK");
  assertEquals(await line(200, "Fine"), "HTTP/1.1 200 Fine");
  assertEquals(await line(418, ""), "HTTP/1.1 418 I'm a teapot");
  assertEquals(await line(599, ""), "HTTP/1.1 599 ");
  assertEquals(await line(404, "Pas trouv\u00e9"), "HTTP/1.1 404 Pas trouv\u00e9");
});

Deno.test("an HTTP/1.0 request is answered by HTTP/1.1 too", async () => {
  assertMatch((await written(response("x"), { minor: 0 })).text, /^HTTP\/1\.1 200 OK\r\n/);
});

Deno.test("a date is there once, the handler's own if it has one", async () => {
  const { output, seen } = sink();
  writeHead(output, response("x"), plainTerms);
  writeHead(output, response("x", { fields: ["Date", "yesterday"] }), plainTerms);
  await output.drained();
  const dates = seen.text.split("\r\n").filter((line) => /^date: /i.test(line));
  assertEquals(dates.length, 2);
  assert(Math.abs(Date.parse(dates[0].slice(6)) - Date.now()) < 5_000);
  assertEquals(dates[1], "Date: yesterday");
});

Deno.test("a handler that sends Upgrade may say that it is the connection's", async () => {
  const named = async (connection: string) => {
    const fields = ["Upgrade", "websocket", "Connection", connection];
    const { text } = await written(response("x", { status: 426, fields }));
    return text.split("\r\n").filter((line) => /^connection: /.test(line));
  };
  assertEquals(await named("Upgrade"), ["connection: upgrade"]);
  assertEquals(await named("keep-alive, Upgrade,"), ["connection: upgrade"]);
  assertEquals(await named("close, Upgrade"), ["connection: upgrade", "connection: close"]);
});

Deno.test("an answer like the one before it has the date of its own time", async () => {
  const now = Date.now;
  const dates: number[] = [];
  try {
    for (const ms of [1_000_000_000_000, 1_000_000_001_000]) {
      Date.now = () => ms;
      refreshDate();
      const { output, seen } = sink();
      writeHead(output, response("x"), plainTerms);
      await output.drained();
      dates.push(Date.parse(seen.text.match(/^date: (.*)$/m)![1]));
    }
  } finally {
    Date.now = now;
    refreshDate();
  }
  assertEquals(dates, [1_000_000_000_000, 1_000_000_001_000]);
});

Deno.test("what belongs to the connection is the server's to say", async () => {
  const fields = [
    "Transfer-Encoding",
    "gzip",
    "CONNECTION",
    "x-hop",
    "keep-alive",
    "timeout=5",
    "Content-Length",
    "99",
    "X-Kept",
    "1",
  ];
  const { text, plan } = await written(response("four", { fields }));
  assertEquals(text, "HTTP/1.1 200 OK\r\nX-Kept: 1\r\ncontent-length: 4\r\n\r\nfour");
  assertEquals(plan.keepAlive, true);
});

Deno.test("fields as long as those of the connection are not taken for them", async () => {
  for (const name of ["x-ab", "x-abcdefgh", "x-abcdefghijkl", "x-abcdefghijklmno"]) {
    const { text } = await written(response(null, { fields: [name, "close"] }));
    assertEquals(
      text,
      `HTTP/1.1 200 OK\r\n${name}: close\r\ncontent-length: 0\r\n\r\n`,
    );
  }
});

Deno.test("close among the handler's connection options ends the connection", async () => {
  const cases: [string, boolean][] = [
    ["close", false],
    ["Close", false],
    ["x, close", false],
    ["close , x", false],
    ["closed", true],
    ["not-close", true],
    ["x close", true],
  ];
  for (const [value, goesOn] of cases) {
    const { text, plan } = await written(response("x", { fields: ["Connection", value] }));
    assertEquals(
      [plan.keepAlive, !text.includes("connection: close\r\n")],
      [goesOn, goesOn],
      value,
    );
  }
});

Deno.test("a handler's content-length holds for a stream, if it is one", async () => {
  const plan = async (value: string, terms?: Partial<Terms>) =>
    (await written(response(kinds.stream(), { fields: ["Content-Length", value] }), terms)).plan;
  assertEquals(await plan("4"), { body: "length", length: 4, keepAlive: true });
  assertEquals(await plan("0"), { body: "length", length: 0, keepAlive: true });
  assertEquals(await plan("4", { minor: 0 }), { body: "length", length: 4, keepAlive: true });
  for (const value of ["", "-1", "4.0", "0x4", "4, 4", "1".repeat(16)]) {
    assertEquals((await plan(value)).body, "chunked", value);
  }
});

Deno.test("an answer to HEAD tells the length that the handler tells", async () => {
  const length = async (body: OutgoingBody, ...fields: string[]) =>
    (await written(response(body, { fields }), { method: "HEAD" })).text
      .match(/content-length: (\d+)/)?.[1];
  assertEquals(await length(null), "0");
  assertEquals(await length(null, "content-length", "7"), "7");
  assertEquals(await length(kinds.stream(), "content-length", "7"), "7");
  assertEquals(await length(kinds.stream()), undefined);
  assertEquals(await length("four", "content-length", "7"), "4");
});

Deno.test("a text is as long as its UTF-8", async () => {
  for (
    const body of ["\u00e9", "a\u00e9\u4e2d\ud83d\ude00", "\u00e9".repeat(100), "x".repeat(100)]
  ) {
    const { text } = await written(response(body));
    const sent = text.split("\r\n\r\n")[1];
    assertEquals(sent, new TextDecoder("latin1").decode(new TextEncoder().encode(body)));
    assertMatch(text, new RegExp(`content-length: ${sent.length}\r\n`));
  }
});

Deno.test("a text with half a character is sent as the web would, with its length", async () => {
  for (const body of ["\ud800", "a\udc00".repeat(50)]) {
    const { text } = await written(response(body));
    const sent = text.split("\r\n\r\n")[1];
    assertEquals(sent, new TextDecoder("latin1").decode(new TextEncoder().encode(body)));
    assertMatch(text, new RegExp(`content-length: ${sent.length}\r\n`));
  }
});

Deno.test("a field beyond ASCII is one byte for each character", async () => {
  const { text } = await written(response("\u00e9", { fields: ["x-a", "\u00e9\u00ff"] }));
  assertMatch(text, /\r\nx-a: \u00e9\u00ff\r\n/);
  assertMatch(text, /\r\n\r\n\u00c3\u00a9$/);
});

Deno.test("responses that differ in one thing are not taken for each other", async () => {
  const base = () => response("four", { fields: ["x-a", "1"] });
  const others: [string, OutgoingResponse, Partial<Terms>][] = [
    ["the body", { ...base(), body: "FOUR" }, {}],
    ["the length", { ...base(), body: "three" }, {}],
    ["the length in bytes", { ...base(), body: "fou\u00e9" }, {}],
    ["the kind of body", { ...base(), body: bytes("four") }, {}],
    ["the kind of body, a blob", { ...base(), body: new Blob(["four"]) }, {}],
    ["the status", { ...base(), status: 201 }, {}],
    ["the reason", { ...base(), statusText: "Ok" }, {}],
    ["a value", { ...base(), fields: ["x-a", "2"] }, {}],
    ["a name", { ...base(), fields: ["x-b", "1"] }, {}],
    ["one field more", { ...base(), fields: ["x-a", "1", "x-b", "1"] }, {}],
    ["no field", { ...base(), fields: [] }, {}],
    ["its own date", { ...base(), fields: ["date", "1"] }, {}],
    ["the end of the connection", base(), { keepAlive: false }],
    ["the handler's end of the connection", { ...base(), fields: ["connection", "close"] }, {}],
    ["the version", base(), { minor: 0 }],
    ["the method", base(), { method: "HEAD" }],
    ["trailers", base(), { trailers: true }],
  ];
  const alone = new Map<string, unknown>();
  for (const [name, other, terms] of others) {
    // Nothing like it went before.
    await written(response("something else altogether"));
    alone.set(name, await written(other, terms));
  }
  for (const [name, other, terms] of others) {
    await written(base());
    assertEquals(await written(other, terms), alone.get(name) as never, name);
    assertEquals((await written(base())).text.slice(-4), "four", name);
  }
});

Deno.test("an empty body is not taken for none, nor none for an empty one", async () => {
  const empty = [() => new Uint8Array(0), () => null, () => "", () => new Blob([]), () => null];
  for (const make of [...empty, ...empty]) {
    const { text } = await written(response(make()));
    assertEquals(text, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  }
});

Deno.test("fields that were changed after they were sent are not sent for the new ones", async () => {
  const fields = ["x-a", "1"];
  await written(response("four", { fields }));
  fields[1] = "2";
  assertMatch((await written(response("four", { fields }))).text, /x-a: 2/);
});
