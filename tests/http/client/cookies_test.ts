import { assertEquals } from "@std/assert";
import { Client } from "../../../http/client/client.ts";
import { cookieJar } from "../../../http/client/cookies.ts";
import { FakeTransport, respond } from "./fake_transport.ts";

Deno.test("cookieJar() keeps cookies by domain, path, expiry and scheme", async () => {
  const jar = await cookieJar();
  await jar.setCookies(new URL("https://www.example.com/a/b"), [
    "host=1; Path=/",
    "domain=2; Domain=example.com; Path=/",
    "path=3; Path=/a",
    "secure=4; Secure; Path=/",
    "gone=5; Max-Age=0; Path=/",
    "http=6; HttpOnly; Path=/",
  ]);
  const table: [url: string, expected: string[]][] = [
    ["https://www.example.com/", ["host=1", "domain=2", "secure=4", "http=6"]],
    ["http://www.example.com/", ["host=1", "domain=2", "http=6"]],
    ["http://www.example.com/a/x", ["path=3", "host=1", "domain=2", "http=6"]],
    ["http://www.example.com/ab", ["host=1", "domain=2", "http=6"]],
    ["http://example.com/", ["domain=2"]],
    ["http://other.example.com/", ["domain=2"]],
    ["http://badexample.com/", []],
  ];
  for (const [url, expected] of table) {
    assertEquals((await jar.cookies(new URL(url))).split("; ").filter(Boolean), expected, url);
  }
});

Deno.test("cookieJar() takes no cookie for a public suffix, and ignores what is malformed", async () => {
  const jar = await cookieJar();
  await jar.setCookies(new URL("http://shop.example.co.uk/"), [
    "tld=1; Domain=uk; Path=/",
    "suffix=1; Domain=co.uk; Path=/",
    "other=1; Domain=example.org; Path=/",
    "=; ;;",
    "",
    "good=1; Domain=example.co.uk; Path=/",
  ]);
  assertEquals(await jar.cookies(new URL("http://shop.example.co.uk/")), "good=1");
  assertEquals(await jar.cookies(new URL("http://else.example.co.uk/")), "good=1");
  assertEquals(await jar.cookies(new URL("http://victim.co.uk/")), "");
  await jar.setCookies(new URL("http://me.github.io/"), ["site=1; Domain=github.io; Path=/"]);
  assertEquals(await jar.cookies(new URL("http://you.github.io/")), "");
});

Deno.test("a client with a cookieJar() logs in, across a redirect, and out", async () => {
  const transport = new FakeTransport(({ request, url }) => {
    if (url.endsWith("/login")) {
      return respond(request, 302, { "Location": "/", "Set-Cookie": "id=7; Path=/" });
    }
    if (url.endsWith("/logout")) {
      return respond(request, 200, { "Set-Cookie": "id=; Max-Age=0; Path=/" });
    }
    return respond(request, 200);
  });
  const client = new Client({ transport, jar: await cookieJar() });
  await client.post("http://example.com/login", "text/plain", "secret");
  await client.get("http://example.com/logout");
  await client.get("http://example.com/");
  await client.get("http://example.org/");
  assertEquals(transport.seen.map(({ headers }) => headers.cookie), [
    undefined,
    "id=7",
    "id=7",
    undefined,
    undefined,
  ]);
});
