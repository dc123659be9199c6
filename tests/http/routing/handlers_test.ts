import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { isTimeout, TimeoutError } from "../../../deadline.ts";
import { BodyTooLargeError } from "../../../http/errors.ts";
import type { Handler, HandlerInfo } from "../../../http/handler.ts";
import {
  error,
  maxBytesHandler,
  notFound,
  redirect,
  stripPrefix,
  timeoutHandler,
} from "../../../http/routing/handlers.ts";
import { IncomingRequest } from "../../../http/web/incoming_request.ts";
import { countedSignal, encode, far } from "../../support/conn_helpers.ts";
import { expectStatus, rawRequest } from "../files/file_support.ts";

const info = { pattern: "" } as HandlerInfo;
const post = (body: BodyInit, headers: Record<string, string> = {}) =>
  new Request("http://x/", { method: "POST", body, headers });

Deno.test("redirect() names the location, and links to it", async () => {
  const response = redirect("/a?b='c'&d=<e>");
  assertEquals(response.headers.get("location"), "/a?b='c'&d=<e>");
  assertEquals(response.headers.get("content-type"), "text/html; charset=utf-8");
  assertEquals(
    await expectStatus(response, 302),
    '<a href="/a?b=&#39;c&#39;&amp;d=&lt;e&gt;">Found</a>\n',
  );
  for (const status of [301, 302, 303, 307, 308]) await expectStatus(redirect("/", status), status);
});

Deno.test("redirect() escapes what a URL may not hold, and leaves escapes alone", () => {
  const location = redirect("/a b/\u{e4}?q=\u{1f600}%20\ud800").headers.get("location");
  assertEquals(location, "/a%20b/%C3%A4?q=%F0%9F%98%80%20%EF%BF%BD");
});

Deno.test("redirect() refuses control characters, an empty location and other statuses", () => {
  for (const location of ["", "/a\r\nSet-Cookie: b=c", "/\0", "/\x7f", "/a\tb"]) {
    assertThrows(() => redirect(location), TypeError, JSON.stringify(location));
  }
  for (const status of [200, 300, 304, 404, NaN]) {
    assertThrows(() => redirect("/", status), RangeError, String(status));
  }
});

Deno.test("error() is plain text that no browser takes for a page", async () => {
  const response = error("<b>taken</b>", 409);
  assertEquals([...response.headers], [
    ["content-type", "text/plain; charset=utf-8"],
    ["x-content-type-options", "nosniff"],
  ]);
  assertEquals(await expectStatus(response, 409), "<b>taken</b>\n");
});

Deno.test("error() is for errors alone", () => {
  for (const status of [200, 304, 399, 600, 404.5, NaN]) {
    assertThrows(() => error("x", status), RangeError, String(status));
  }
});

Deno.test("notFound() is 404", async () => {
  assertEquals(await expectStatus(notFound(), 404), "not found\n");
});

const stripped: [prefix: string, path: string, rest: string | null][] = [
  ["/api", "/api/users?page=2", "/users?page=2"],
  ["/api", "/api", "/"],
  ["/api", "/api?x", "/?x"],
  ["/api", "/api/", "/"],
  ["/api", "/apix", null],
  ["/api", "/API/a", null],
  ["/api", "/a", null],
  ["/api", "/", null],
  ["/api/", "/api/users", "/users"],
  ["/api/", "/api/", "/"],
  ["/api/", "/api", null],
  ["/a/b", "/a/b/c/d", "/c/d"],
  ["/a/b", "/a/c/b", null],
  ["/", "/anything/at?all", "/anything/at?all"],
  ["/a b", "/a%20b/c%20d%2Fe", "/c%20d%2Fe"],
  ["/a/b", "/a%2Fb/c", null],
  ["/caf\u{e9}", "/caf%C3%A9/menu", "/menu"],
  ["/api", "/%61pi/x", "/x"],
  ["/100%", "/100%25/x", "/x"],
  ["/api", "/api//evil", "//evil"],
];

for (const [prefix, path, rest] of stripped) {
  const what = rest === null ? "refuses" : `makes ${rest} of`;
  Deno.test(`stripPrefix("${prefix}") ${what} ${path}`, async () => {
    const handler = stripPrefix(prefix, (request) => new Response(request.url));
    const response = await handler(rawRequest(path), info);
    const text = await expectStatus(response, rest === null ? 404 : 200);
    if (rest !== null) assertEquals(text, `http://x${rest}`);
  });
}

Deno.test("stripPrefix() keeps the port, the method, fields, body, signal and info", async () => {
  const controller = new AbortController();
  const first = new Request("http://x:8080/api/a", {
    method: "PUT",
    body: "body",
    headers: { "x-a": "1" },
    signal: controller.signal,
  });
  let seen: unknown[] = [];
  const handler = stripPrefix("/api", async (request, given) => {
    assertStrictEquals(given, info);
    controller.abort("gone");
    seen = [request.url, request.method, request.headers.get("x-a"), request.signal.reason];
    return new Response(await request.text());
  });
  assertEquals(await expectStatus(await handler(first, info), 200), "body");
  assertEquals(seen, ["http://x:8080/a", "PUT", "1", "gone"]);
});

Deno.test("stripPrefix() wants a prefix that begins with a slash", () => {
  for (const prefix of ["", "api", "http://x/"]) {
    assertThrows(() => stripPrefix(prefix, notFound), TypeError, JSON.stringify(prefix));
  }
});

Deno.test("timeoutHandler() gives an answer in time as it is, and leaves no timer", async () => {
  const answer = new Response("in time");
  const handler = timeoutHandler((request, given) => {
    assertEquals(request.url, "http://x/a");
    assertStrictEquals(given, info);
    return Promise.resolve(answer);
  }, far);
  assertStrictEquals(await handler(rawRequest("/a"), info), answer);
  await answer.text();
});

Deno.test("timeoutHandler() answers 503 and aborts the request with a TimeoutError", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const handler = timeoutHandler(
    ({ signal }) => {
      signal.addEventListener("abort", () => resolve(signal.reason));
      return new Promise(() => {});
    },
    1,
    "try again",
  );
  assertEquals(await expectStatus(await handler(rawRequest("/"), info), 503), "try again\n");
  const reason = await promise;
  assert(reason instanceof TimeoutError && isTimeout(reason));
});

Deno.test("timeoutHandler() cancels an answer that comes late, and drops a late error", async () => {
  const late = Promise.withResolvers<Response>();
  const cancelled = Promise.withResolvers<unknown>();
  const handler = timeoutHandler(() => late.promise, 1);
  await expectStatus(await handler(rawRequest("/"), info), 503);
  late.resolve(new Response(new ReadableStream({ cancel: cancelled.resolve })));
  assert(isTimeout(await cancelled.promise));

  const failing = timeoutHandler(
    ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("late")))),
    1,
  );
  await expectStatus(await failing(rawRequest("/"), info), 503);
});

Deno.test("timeoutHandler() passes an error on, even a timeout that is not its own", async () => {
  const own = new TimeoutError("the database");
  for (const sync of [true, false]) {
    const handler = timeoutHandler(() => {
      if (sync) throw own;
      return Promise.reject(own);
    }, far);
    assertStrictEquals(
      await Promise.resolve(handler(rawRequest("/"), info)).catch((caught) => caught),
      own,
    );
  }
});

Deno.test("timeoutHandler() aborts the request when the client goes, its answer out or not", async () => {
  const controller = new AbortController();
  let seen: AbortSignal | undefined;
  const handler = timeoutHandler(({ signal }) => {
    seen = signal;
    return new Response("x");
  }, far);
  const request = new Request("http://x/", { signal: controller.signal });
  await expectStatus(await handler(request, info), 200);
  assertEquals(seen!.aborted, false);
  controller.abort("gone");
  assertEquals(seen!.reason, "gone");
  // And when it had gone before.
  await expectStatus(await handler(request, info), 200);
  assertEquals(seen!.reason, "gone");
});

Deno.test("timeoutHandler() listens to the client only for a handler that does", async () => {
  const { signal, listeners } = countedSignal();
  const request = new Request("http://x/");
  Object.defineProperty(request, "signal", { value: signal });
  await timeoutHandler(() => new Response(null), far)(request, info);
  assertEquals(listeners(), 0);
});

Deno.test("timeoutHandler() with a timeout of 0 has no limit, and with -1 no time at all", async () => {
  let calls = 0;
  const count: Handler = () => (calls++, new Response("x"));
  await expectStatus(await timeoutHandler(count, 0)(rawRequest("/"), info), 200);
  assertEquals(calls, 1);
  await expectStatus(await timeoutHandler(count, -1)(rawRequest("/"), info), 503);
  assertEquals(calls, 1);
});

Deno.test("timeoutHandler() refuses what is no number of milliseconds", () => {
  assertThrows(() => timeoutHandler(notFound, NaN), RangeError, "NaN");
  assertThrows(() => timeoutHandler(notFound, "1" as unknown as number), TypeError, '"1"');
});

const echo: Handler = async (request) => new Response(await request.bytes());

Deno.test("maxBytesHandler() lets a body up to the limit pass", async () => {
  const handler = maxBytesHandler(echo, 5);
  assertEquals(await expectStatus(await handler(post("12345"), info), 200), "12345");
  assertEquals(await expectStatus(await handler(new Request("http://x/"), info), 200), "");
});

Deno.test("maxBytesHandler() fails a body that turns out to be longer", async () => {
  const handler = maxBytesHandler(echo, 5);
  const chunks = ReadableStream.from([encode("123"), encode("456")]);
  const failure = await assertRejects(
    async () => await handler(post(chunks), info),
    BodyTooLargeError,
  );
  assertEquals(failure.limit, 5);
});

Deno.test("maxBytesHandler() answers 413 to a declared length beyond the limit, at once", async () => {
  const handler = maxBytesHandler(() => {
    throw new Error("the handler was called");
  }, 5);
  const body = new ReadableStream({
    pull: () => assert(false, "the body was read"),
  }, { highWaterMark: 0 });
  await expectStatus(await handler(post(body, { "content-length": "6" }), info), 413);
});

Deno.test("maxBytesHandler() passes a request on whose connection knows its length", async () => {
  const request = new IncomingRequest({
    method: "POST",
    url: () => "http://x/",
    fields: [],
    body: {
      length: 5,
      read: () => Promise.resolve(null),
      readAll: () => Promise.resolve(new Uint8Array(5)),
      cancel: () => {},
    },
    signal: () => new AbortController().signal,
  });
  const handler = (limit: number) =>
    maxBytesHandler((passed) => Response.json(passed === request), limit);
  assertEquals(await expectStatus(await handler(5)(request, info), 200), "true");
  assertEquals(await expectStatus(await handler(4)(request, info), 200), "false");
});

Deno.test("maxBytesHandler() does not believe a field that says less", async () => {
  const handler = maxBytesHandler(echo, 5);
  const lying = post("123456", { "content-length": "2" });
  await assertRejects(async () => await handler(lying, info), BodyTooLargeError);
});

Deno.test("maxBytesHandler() wants a limit that is a whole number", () => {
  for (const limit of [-1, 1.5, NaN, Infinity, "5" as unknown as number]) {
    assertThrows(() => maxBytesHandler(notFound, limit), RangeError, String(limit));
  }
});
