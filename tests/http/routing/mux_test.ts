import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import type { HandlerInfo } from "../../../http/handler.ts";
import { ServeMux } from "../../../http/routing/mux.ts";
import { requestOf } from "../../support/routes.ts";

const ok = () => new Response("ok");

function muxOf(...patterns: string[]): ServeMux {
  const mux = new ServeMux();
  for (const pattern of patterns) mux.handle(pattern, ok);
  return mux;
}

const infoOf = () => ({ pattern: "", params: {} }) as HandlerInfo;

/** `"GET http://host/path"` as a request. */
function asked(line: string): Request {
  const [, method, host, target] = /^(\S+) ([^/]*)(.*)$/.exec(line)!;
  return requestOf({ method, host: host || "host", target });
}

/** What is answered: the pattern, or the status with what belongs to it. */
async function answer(mux: ServeMux, line: string): Promise<string> {
  const info = infoOf();
  const response = await mux.handler(asked(line), info);
  await response.body?.cancel();
  const { status, headers } = response;
  const found = headers.get("location") ?? headers.get("allow") ?? "";
  return status === 200 ? info.pattern : `${status} ${found}`.trim();
}

async function answers(mux: ServeMux, table: Record<string, string>): Promise<void> {
  for (const [line, expected] of Object.entries(table)) {
    assertEquals(await answer(mux, line), expected, line);
  }
}

Deno.test("the most specific pattern is chosen, in whatever order they were registered", async () => {
  const patterns = ["/", "/{$}", "/a", "/a/", "/a/b", "/a/{x}", "/{x}", "/a/{x}/c", "GET /a/b"];
  patterns.push("/{x}/{y...}", "/a/b/{$}");
  const table = {
    "GET /": "/{$}",
    "GET /a": "/a",
    "GET /b": "/{x}",
    "GET /a/": "/a/",
    "GET /a/b": "GET /a/b",
    "HEAD /a/b": "GET /a/b",
    "PUT /a/b": "/a/b",
    "GET /a/c": "/a/{x}",
    "GET /a/b/c": "/a/{x}/c",
    "GET /a/b/": "/a/b/{$}",
    "GET /a/d/e": "/a/",
    "GET /d/e": "/{x}/{y...}",
    "GET /d/": "/{x}/{y...}",
  };
  await answers(muxOf(...patterns), table);
  await answers(muxOf(...patterns.toReversed()), table);
});

Deno.test("patterns with a host come first, and its case, port and brackets do not count", async () => {
  const mux = muxOf("/", "Example.com/", "GET example.com/a", "/b", "[::1]/", "GET example.org/c");
  await answers(mux, {
    "GET example.com/x": "Example.com/",
    "GET EXAMPLE.com:8080/x": "Example.com/",
    "GET example.com/a": "GET example.com/a",
    "POST example.com/a": "Example.com/",
    "GET example.com/b": "Example.com/",
    "GET other.com/b": "/b",
    "GET www.example.com/x": "/",
    "GET [::1]:80/x": "[::1]/",
    "GET [::1]/x": "[::1]/",
    "GET example.org/c": "GET example.org/c",
    "POST example.org/c": "/",
    "GET example.org:1/b": "/b",
  });
});

Deno.test("the handler gets the same request and info, with pattern and params set", async () => {
  const mux = new ServeMux();
  const request = asked("GET /users/a%2Fb/files/c/d%20e?x=y");
  const info = infoOf();
  mux.handle("GET /users/{id}/files/{path...}", (theRequest, theInfo) => {
    assertStrictEquals(theRequest, request);
    assertStrictEquals(theInfo, info);
    return Response.json([theInfo.pattern, theInfo.params.id, theInfo.params.path]);
  });
  const { handler } = mux;
  const response = await handler(request, info);
  assertEquals(await response.json(), ["GET /users/{id}/files/{path...}", "a/b", "c/d e"]);
});

Deno.test("info is left alone where no pattern's handler serves, also under another mux", async () => {
  const mux = new ServeMux().handle("/api/{rest...}", muxOf("/api/a").handler);
  const info = infoOf();
  const response = await mux.handler(asked("GET /api/b"), info);
  assertEquals([response.status, await response.text()], [404, "404 page not found\n"]);
  assertEquals([info.pattern, info.params.rest], ["/api/{rest...}", "b"]);
  assertEquals(await answer(mux, "GET /api/a"), "/api/a");
});

Deno.test("a path that is not clean is redirected to one that is, with its query", async () => {
  const mux = muxOf("/", "/a/b", "/dir/");
  await answers(mux, {
    "GET //a/b": "307 /a/b",
    "POST /x/../a/b?q=1&r=//": "307 /a/b?q=1&r=//",
    "GET /a/./b": "307 /a/b",
    "GET /a/b/..": "307 /a",
    "GET /../..": "307 /",
    "GET /dir/x/../": "307 /dir/",
    "GET /x/../dir": "307 /dir/",
    "GET //a%2Fb//%C3%A9?%20": "307 /a%2Fb/%C3%A9?%20",
    "GET //evil.example/..//x": "307 /x",
    "GET //evil.example": "307 /evil.example",
    "GET //\\evil.example": "307 /%5Cevil.example",
    "GET /%2e%2e/a": "/",
    "GET ?q=//": "/",
  });
  assertEquals(await answer(muxOf("/a"), "GET //nowhere"), "307 /nowhere");
});

Deno.test("a path without the slash of a registered one is redirected to it, with its query", async () => {
  const mux = muxOf("/", "/dir/", "/own/", "/own", "/end/{$}", "GET /get/", "/a%2Fb/{x}/");
  await answers(mux, {
    "GET /dir": "307 /dir/",
    "POST /dir?a=b?": "307 /dir/?a=b?",
    "GET /own": "/own",
    "GET /end": "307 /end/",
    "GET /a%2Fb/%C3%A9": "307 /a%2Fb/%C3%A9/",
    "GET /get": "307 /get/",
    "POST /get": "/",
    "GET /dir/x": "/dir/",
    "GET /nowhere": "/",
  });
  assertEquals(await answer(muxOf("h/dir/"), "GET h:80/dir"), "307 /dir/");
  assertEquals(await answer(muxOf("h/dir/"), "GET i/dir"), "404");
});

Deno.test("no redirect leads to itself", async () => {
  const mux = muxOf("/{x}/", "/{x}/{y}/{$}");
  assertEquals(await answer(mux, "GET /"), "404");
  assertEquals(await answer(mux, "GET /a"), "307 /a/");
  assertEquals(await answer(mux, "GET /a/b"), "307 /a/b/");
  assertEquals(await answer(mux, "GET /a/b/"), "/{x}/{y}/{$}");
  assertEquals(await answer(muxOf("POST /{x}/"), "GET /"), "404");
});

Deno.test("where only the method has no match, the answer is 405 and says which have", async () => {
  const mux = muxOf("POST /a", "GET /a", "PUT h/a", "GET /{x...}", "DELETE /dir/", "HEAD /h/h/h");
  await answers(mux, {
    "PATCH /a": "405 GET, HEAD, POST",
    "PATCH h/a": "405 GET, HEAD, POST, PUT",
    "PUT /a": "405 GET, HEAD, POST",
    "OPTIONS /b": "405 GET, HEAD",
    "PATCH /dir": "405 DELETE, GET, HEAD",
    "HEAD /a": "GET /a",
    "HEAD /b": "GET /{x...}",
    "HEAD /h/h/h": "HEAD /h/h/h",
  });
  const response = await mux.handler(asked("PATCH /a"), infoOf());
  assertEquals(await response.text(), "Method Not Allowed\n");
  assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8");
  assertEquals(response.headers.get("x-content-type-options"), "nosniff");
  await answers(muxOf("HEAD /a"), { "GET /a": "405 HEAD", "GET /b": "404", "get /a": "405 HEAD" });
});

Deno.test("CONNECT has its path as it is, and its port", async () => {
  const mux = muxOf("CONNECT h:443/", "CONNECT /a//b", "/c/../d", "GET /d", "CONNECT /dir/");
  await answers(mux, {
    "CONNECT h:443/": "CONNECT h:443/",
    "CONNECT h:443/x/../y": "CONNECT h:443/",
    "CONNECT h:80/": "404",
    "CONNECT h/d": "405 GET, HEAD",
    "CONNECT h/a//b": "CONNECT /a//b",
    "CONNECT h/c/../d": "/c/../d",
    "CONNECT h/dir": "307 /dir/",
    "GET /c/../d": "307 /d",
  });
});

Deno.test("segments are matched unescaped, one by one", async () => {
  const mux = muxOf("/a%2Fb/", "/a/b", "/é", "/x%20y", "/100%", "/%7Euser");
  await answers(mux, {
    "GET /a%2fb/c": "/a%2Fb/",
    "GET /a/b": "/a/b",
    "GET /%61/%62": "/a/b",
    "GET /%C3%A9": "/é",
    "GET /%78%20y": "/x%20y",
    "GET /100%25": "/100%",
    "GET /~user": "/%7Euser",
    "GET /a%2Fb": "307 /a%2Fb/",
    "GET /%ff": "404",
  });
});

Deno.test("handle() refuses a conflict and what is no pattern or handler, and changes nothing", async () => {
  const mux = muxOf("/a/{x}", "h/{y}/b");
  const error = assertThrows(() => mux.handle("GET /{y}/b", ok).handle("/{z}/b", ok), TypeError);
  assertEquals(
    error.message,
    'pattern "GET /{y}/b" conflicts with "/a/{x}": ' +
      "neither is more specific, and both match GET /a/b",
  );
  assertThrows(() => mux.handle("/{z}/b", ok), TypeError);
  assertThrows(() => mux.handle("/{", ok), TypeError);
  const none = undefined as unknown as typeof ok;
  assertThrows(() => mux.handle("/c", none), TypeError, 'handler of "/c"');
  await answers(mux, { "GET /c/b": "404", "GET /c": "404", "GET h/c/b": "h/{y}/b" });
});

Deno.test("handle() may be called while the mux serves", async () => {
  const mux = muxOf("/");
  assertEquals(await answer(mux, "GET /a"), "/");
  assertStrictEquals(mux.handle("/a", ok), mux);
  assertEquals(await answer(mux, "GET /a"), "/a");
});

Deno.test("match() tells the handler without calling it", async () => {
  const handler = () => {
    throw new Error("called");
  };
  const mux = new ServeMux().handle("/a/{x}", handler);
  const match = mux.match(new Request("http://h/a/b?c"));
  assertEquals([match.pattern, match.params.x], ["/a/{x}", "b"]);
  assertStrictEquals(match.handler, handler);
  const none = mux.match(new Request("http://h/c"));
  assertEquals(none.pattern, "");
  const response = await none.handler(new Request("http://h/c"), infoOf());
  assertInstanceOf(response, Response);
  assert(response.status === 404);
  await response.body?.cancel();
});
