import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Client } from "../../../http/client/client.ts";
import { HttpError } from "../../../http/errors.ts";
import { useLastResponse } from "../../../http/client/redirect.ts";
import { Request } from "../../../http/web/request.ts";
import { FakeBody, FakeTransport, respond } from "./fake_transport.ts";

/** A transport that redirects `/0` to `/1` and so on, by a list of statuses and locations. */
function redirecting(...hops: (number | [status: number, location: string])[]): FakeTransport {
  return new FakeTransport(({ request }, index) => {
    const hop = hops[index];
    if (hop === undefined) return respond(request, 200, {}, new FakeBody(["done"]));
    const [status, location] = typeof hop === "number" ? [hop, `/${index + 1}`] : hop;
    return respond(request, status, { Location: location }, new FakeBody(["moved"]));
  });
}

const bodies: Record<string, () => BodyInit> = {
  "a string": () => "data",
  "bytes": () => new TextEncoder().encode("data"),
  "a blob": () => new Blob(["data"]),
  "a form": () => new URLSearchParams({ data: "" }),
};

Deno.test("redirects keep or change the method and the body: status x method x body", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const keeps = status >= 307;
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      const takesBody = method !== "GET" && method !== "HEAD";
      const kinds = takesBody ? [undefined, ...Object.keys(bodies)] : [undefined];
      for (const kind of kinds) {
        const row = `${status} ${method} ${kind}`;
        const transport = redirecting(status);
        const body = kind === undefined ? null : bodies[kind]();
        const response = await new Client({ transport }).do(
          new Request("http://h/0", { method, body }),
        );
        assertEquals([response.status, response.redirected], [200, true], row);
        assertEquals(response.url, "http://h/1", row);
        assertEquals(await response.text(), "done", row);
        const [first, second] = transport.seen;
        assertEquals(first.method, method, row);
        assertEquals(second.method, keeps || !takesBody ? method : "GET", row);
        assertEquals(second.body, keeps ? first.body : "", row);
        if (kind !== undefined) assertEquals(first.body.slice(0, 4), "data", row);
        assertEquals(
          second.headers["content-type"],
          keeps ? first.headers["content-type"] : undefined,
          row,
        );
      }
    }
  }
});

Deno.test("a body that is a stream is not sent again: 307 and 308 are the result", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const transport = redirecting(status);
    const response = await new Client({ transport }).do(
      new Request("http://h/0", { method: "POST", body: new Blob(["data"]).stream() }),
    );
    const followed = status < 307;
    assertEquals(response.status, followed ? 200 : status);
    assertEquals(response.redirected, followed);
    assertEquals(await response.text(), followed ? "done" : "moved");
    assertEquals(transport.seen.length, followed ? 2 : 1);
    assertEquals(transport.seen[0].body, "data");
  }
});

Deno.test("a redirect status without a Location is the result", async () => {
  for (const status of [301, 302, 303, 307, 308, 300, 304, 305]) {
    const transport = new FakeTransport(({ request }) => respond(request, status));
    const response = await new Client({ transport }).get("http://h/");
    assertEquals([response.status, response.redirected], [status, false]);
  }
});

Deno.test("a Location is followed only with a redirect status", async () => {
  for (const status of [200, 201, 300, 304, 305, 404]) {
    const transport = redirecting([status, "/1"]);
    assertEquals((await new Client({ transport }).get("http://h/0")).status, status);
    assertEquals(transport.seen.length, 1);
  }
});

Deno.test("10 redirects are followed, and the 11th is an error", async () => {
  const ten = redirecting(...Array<number>(10).fill(302));
  assertEquals((await new Client({ transport: ten }).get("http://h/0")).url, "http://h/10");
  const eleven = redirecting(...Array<number>(11).fill(302));
  const error = await assertRejects(
    () => new Client({ transport: eleven }).get("http://h/0"),
    HttpError,
    "stopped after 10 redirects",
  );
  assertEquals([error.code, error.phase], ["ERR_HTTP_REDIRECT", "responseHeader"]);
  assertEquals(eleven.seen.length, 11);
});

Deno.test("each Location is resolved against the URL it came from", async () => {
  const transport = redirecting([302, "x/y"], [302, "z"], [302, "//other/q?a"], [302, "?b"]);
  const response = await new Client({ transport }).get("http://h/a/0#part");
  assertEquals(transport.seen.map(({ url }) => url), [
    "http://h/a/0#part",
    "http://h/a/x/y#part",
    "http://h/a/x/z#part",
    "http://other/q?a#part",
    "http://other/q?b#part",
  ]);
  assertEquals(response.url, "http://other/q?b");
});

const secrets = {
  "Authorization": "Bearer t",
  "Cookie": "a=1",
  "Proxy-Authorization": "Basic cA==",
  "WWW-Authenticate": "x",
};

Deno.test("secrets follow to the same host and below, and once dropped stay dropped", async () => {
  const table: { hops: string[]; kept: boolean[] }[] = [
    { hops: ["http://example.com/b"], kept: [true] },
    { hops: ["http://example.com:8080/"], kept: [true] },
    { hops: ["https://example.com/"], kept: [true] },
    { hops: ["http://EXAMPLE.com/"], kept: [true] },
    { hops: ["http://www.example.com/"], kept: [true] },
    { hops: ["http://a.b.example.com/"], kept: [true] },
    { hops: ["http://www.example.com/", "http://example.com/"], kept: [true, true] },
    { hops: ["http://www.example.com/", "http://api.example.com/"], kept: [true, true] },
    { hops: ["http://example.org/"], kept: [false] },
    { hops: ["http://badexample.com/"], kept: [false] },
    { hops: ["http://example.com.evil.net/"], kept: [false] },
    { hops: ["http://com/"], kept: [false] },
    { hops: ["http://127.0.0.1/"], kept: [false] },
    { hops: ["http://[::1]/"], kept: [false] },
    { hops: ["//example.org/"], kept: [false] },
    { hops: ["http://other/", "http://example.com/"], kept: [false, false] },
    {
      hops: ["/b", "http://other/", "/c", "http://example.com/"],
      kept: [true, false, false, false],
    },
  ];
  for (const { hops, kept } of table) {
    const transport = redirecting(...hops.map((hop): [number, string] => [307, hop]));
    const headers = { ...secrets, "X-Own": "1", "Accept": "text/x" };
    await new Client({ transport }).get("http://example.com/", { headers });
    const row = hops.join(" -> ");
    assertEquals(transport.seen.length, hops.length + 1, row);
    for (const [i, seen] of transport.seen.slice(1).entries()) {
      for (const [name, value] of Object.entries(secrets)) {
        const expected = kept[i] ? value : undefined;
        assertEquals(seen.headers[name.toLowerCase()], expected, `${row}: ${name}`);
      }
      assertEquals([seen.headers["x-own"], seen.headers.accept], ["1", "text/x"], row);
    }
  }
});

Deno.test("Referer names the hop before, but not from https to http", async () => {
  const transport = redirecting([302, "https://b/x?q#f"], [302, "/y"], [302, "http://c/"]);
  await new Client({ transport }).get("http://u:p@a/0#part");
  assertEquals(transport.seen.map(({ headers }) => headers.referer), [
    undefined,
    "http://a/0",
    "https://b/x?q",
    undefined,
  ]);
});

Deno.test("a name and password in a Location become Authorization for that host", async () => {
  const transport = redirecting([302, "http://u:p@other/"], [302, "/same"], [302, "http://third/"]);
  await new Client({ transport }).get("http://h/");
  const basic = `Basic ${btoa("u:p")}`;
  assertEquals(transport.seen.map(({ url, headers }) => [url, headers.authorization]), [
    ["http://h/", undefined],
    ["http://other/", basic],
    ["http://other/same", basic],
    ["http://third/", undefined],
  ]);
});

Deno.test('redirect "manual" gives the redirect itself, with its body', async () => {
  const transport = redirecting(302);
  const response = await new Client({ transport }).get("http://h/0", { redirect: "manual" });
  assertEquals([response.status, response.headers.get("location")], [302, "/1"]);
  assertEquals(response.redirected, false);
  assertEquals(await response.text(), "moved");
});

Deno.test('redirect "error" rejects, and gives the body up', async () => {
  const body = new FakeBody(["moved"]);
  const transport = new FakeTransport(({ request }) =>
    respond(request, 302, { Location: "/1" }, body)
  );
  await assertRejects(
    () => new Client({ transport }).get("http://h/0", { redirect: "error" }),
    HttpError,
    'GET "http://h/0": redirected to "/1"',
  );
  assert(body.cancelled !== undefined);
});

Deno.test("checkRedirect sees the next request and those before, and may change it", async () => {
  const calls: [next: string, via: string[]][] = [];
  const transport = redirecting(...Array<number>(12).fill(302));
  const client = new Client({
    transport,
    checkRedirect(next, via) {
      calls.push([next.url, via.map(({ url }) => url)]);
      next.headers.set("x-hop", String(via.length));
    },
  });
  await client.get("http://h/0");
  assertEquals(transport.seen.length, 13); // the limit of ten is not its
  assertEquals(calls[0], ["http://h/1", ["http://h/0"]]);
  assertEquals(calls[1], ["http://h/2", ["http://h/0", "http://h/1"]]);
  assertEquals(transport.seen[2].headers["x-hop"], "2");
});

Deno.test("checkRedirect can stop at a response, with its body unread", async () => {
  const transport = redirecting(302, 303);
  const client = new Client({
    transport,
    checkRedirect: (_, via) => via.length === 2 ? Promise.resolve(useLastResponse) : undefined,
  });
  const response = await client.get("http://h/0");
  assertEquals([response.status, response.url, response.redirected], [303, "http://h/1", true]);
  assertEquals(await response.text(), "moved");
});

Deno.test("checkRedirect can fail the call, with its very error", async () => {
  const body = new FakeBody(["moved"]);
  const transport = new FakeTransport(({ request }) =>
    respond(request, 302, { Location: "/1" }, body)
  );
  const mine = new Error("no further");
  const client = new Client({
    transport,
    checkRedirect() {
      throw mine;
    },
  });
  assertStrictEquals(await client.get("http://h/0").catch((error) => error), mine);
  assertStrictEquals(body.cancelled?.reason, mine);
});

Deno.test("the body of a redirect is read to its end, or cancelled when it is long", async () => {
  const kib = new Uint8Array(1024);
  const table: [what: string, body: FakeBody, drained: boolean][] = [
    ["short", new FakeBody(["moved"]), true],
    ["just short enough", new FakeBody(Array(256).fill(kib)), true],
    ["too long", new FakeBody(Array(258).fill(kib)), false],
    ["said to be too long", new FakeBody([kib], 256 * 1024 + 1), false],
  ];
  for (const [what, body, drained] of table) {
    const transport = new FakeTransport(({ request }, index) => {
      if (index === 0) return respond(request, 302, { Location: "/1" }, body);
      assertEquals([body.ended, body.cancelled !== undefined], [drained, !drained], what);
      return respond(request, 200);
    });
    assertEquals((await new Client({ transport }).get("http://h/0")).status, 200, what);
  }
});

Deno.test("a redirect whose body fails is followed all the same", async () => {
  const transport = new FakeTransport(({ request }, index) =>
    index === 0
      ? respond(request, 302, { Location: "/1" }, new FakeBody([new Error("cut")]))
      : respond(request, 200)
  );
  assertEquals((await new Client({ transport }).get("http://h/0")).status, 200);
});

Deno.test("a Location that is no HTTP URL rejects, and gives the body up", async () => {
  const body = new FakeBody(["moved"]);
  const transport = new FakeTransport(({ request }) =>
    respond(request, 302, { Location: "mailto:x@y" }, body)
  );
  await assertRejects(() => new Client({ transport }).get("http://h/"), HttpError, "mailto:x@y");
  assert(body.cancelled !== undefined);
});

Deno.test("the response after a redirect is still the transport's", async () => {
  const transport = redirecting(302);
  const response = await new Client({ transport }).get("http://h/0");
  assertEquals(response.proto, "HTTP/1.1");
  assertEquals((await response.trailers).get("x-trailer"), "yes");
  assertEquals(await new Response(response.body).text(), "done");
});

Deno.test("a Content-Type that was taken away stays away", async () => {
  for (const timeout of [0, 60_000]) {
    const transport = redirecting(307);
    const request = new Request("http://h/0", { method: "POST", body: "data" });
    request.headers.delete("content-type");
    await (await new Client({ transport, timeout }).do(request)).text();
    const types = transport.seen.map(({ headers }) => "content-type" in headers);
    assertEquals(types, [false, false]);
  }
});

Deno.test("the password in a redirect that is not followed is masked", async () => {
  const table: [location: string, redirect: RequestRedirect][] = [
    ["http://u:secret@x/", "error"],
    ["ftp://u:secret@x/", "follow"],
  ];
  for (const [location, redirect] of table) {
    const client = new Client({ transport: redirecting([302, location]) });
    const error = await assertRejects(() => client.get("http://h/0", { redirect }), HttpError);
    assert(error.message.includes("u:***@x"), error.message);
  }
});
