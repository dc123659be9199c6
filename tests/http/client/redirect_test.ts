import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { HttpError } from "../../../http/errors.ts";
import {
  basicAuth,
  filterFields,
  isRedirect,
  mayShareSecrets,
  redirectMethod,
  Redirects,
  refererFor,
  resolveLocation,
  withoutUserinfo,
} from "../../../http/client/redirect.ts";
import { bodyOfRequest, fieldsOfRequest, Request } from "../../../http/web/request.ts";

Deno.test("isRedirect() knows the five statuses that send a client elsewhere", () => {
  const all = Array.from({ length: 100 }, (_, i) => 300 + i);
  assertEquals(all.filter(isRedirect), [301, 302, 303, 307, 308]);
});

Deno.test("redirectMethod() turns all but GET and HEAD into GET, unless the method is kept", () => {
  const table: Record<string, Record<number, string>> = {
    GET: { 301: "GET", 302: "GET", 303: "GET", 307: "GET", 308: "GET" },
    HEAD: { 301: "HEAD", 302: "HEAD", 303: "HEAD", 307: "HEAD", 308: "HEAD" },
    POST: { 301: "GET", 302: "GET", 303: "GET", 307: "POST", 308: "POST" },
    PUT: { 301: "GET", 302: "GET", 303: "GET", 307: "PUT", 308: "PUT" },
    DELETE: { 301: "GET", 302: "GET", 303: "GET", 307: "DELETE", 308: "DELETE" },
    PATCH: { 301: "GET", 302: "GET", 303: "GET", 307: "PATCH", 308: "PATCH" },
    OPTIONS: { 301: "GET", 302: "GET", 303: "GET", 307: "OPTIONS", 308: "OPTIONS" },
  };
  for (const [method, row] of Object.entries(table)) {
    for (const [status, expected] of Object.entries(row)) {
      assertEquals(redirectMethod(Number(status), method), expected, `${method} ${status}`);
    }
  }
});

Deno.test("resolveLocation() resolves against the URL and passes the fragment on", () => {
  const table: [location: string, base: string, expected: string | null][] = [
    ["/b", "http://h/a", "http://h/b"],
    ["b?q", "http://h/x/a?p", "http://h/x/b?q"],
    ["//other/b", "https://h/a", "https://other/b"],
    ["https://other:8443/", "http://h/", "https://other:8443/"],
    ["", "http://h/a?p", "http://h/a?p"],
    ["/b", "http://h/a#part", "http://h/b#part"],
    ["/b#own", "http://h/a#part", "http://h/b#own"],
    ["/b#", "http://h/a#part", "http://h/b#"],
    ["b", "http://u:p@h/a", "http://u:p@h/b"],
    ["http://h/b", "http://u:p@h/a", "http://h/b"],
    ["/\xe2\x82\xac", "http://h/", "http://h/%E2%82%AC"], // UTF-8
    ["/\xe9", "http://h/", "http://h/%C3%A9"], // latin1
    ["ftp://h/", "http://h/", null],
    ["javascript:alert(1)", "http://h/", null],
    ["file:///etc/passwd", "http://h/", null],
    ["http://", "http://h/", null],
    ["http://h:99999/", "http://h/", null],
  ];
  for (const [location, base, expected] of table) {
    assertEquals(resolveLocation(location, new URL(base))?.href ?? null, expected, location);
  }
});

Deno.test("mayShareSecrets() takes the host and what is below it, by whole labels", () => {
  const table: [from: string, to: string, expected: boolean][] = [
    ["example.com", "example.com", true],
    ["example.com", "www.example.com", true],
    ["example.com", "a.b.example.com", true],
    ["www.example.com", "example.com", false],
    ["example.com", "badexample.com", false],
    ["example.com", "example.com.evil.net", false],
    ["example.com", "example.org", false],
    ["a.example.com", "b.example.com", false],
    ["127.0.0.1", "127.0.0.1", true],
    ["127.0.0.1", "127.0.0.2", false],
    ["[::1]", "[::1]", true],
    ["[::1]", "[::2]", false],
  ];
  for (const [from, to, expected] of table) {
    assertEquals(mayShareSecrets(from, to), expected, `${from} -> ${to}`);
  }
});

Deno.test("refererFor() is the URL before without secrets, and nothing from https to http", () => {
  const table: [last: string, next: string, expected: string | undefined][] = [
    ["http://h/a?q", "http://o/", "http://h/a?q"],
    ["http://u:p@h/a#f", "http://o/", "http://h/a"],
    ["http://h/", "https://o/", "http://h/"],
    ["https://h/", "https://o/", "https://h/"],
    ["https://h/", "http://h/", undefined],
  ];
  for (const [last, next, expected] of table) {
    assertEquals(refererFor(new URL(last), new URL(next)), expected, `${last} -> ${next}`);
  }
});

Deno.test("basicAuth() encodes the name and password of a URL as UTF-8", () => {
  const of = (url: string) => basicAuth(new URL(url));
  assertEquals(of("http://h/"), undefined);
  assertEquals(of("http://Aladdin:open%20sesame@h/"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  assertEquals(of("http://user@h/"), `Basic ${btoa("user:")}`);
  assertEquals(of("http://:p%3A%40@h/"), `Basic ${btoa(":p:@")}`);
  assertEquals(of("http://j%C3%BCrgen:%e2%82%ac@h/"), "Basic asO8cmdlbjrigqw=");
  assertEquals(of("http://100%:x@h/"), `Basic ${btoa("100%:x")}`);
});

Deno.test("withoutUserinfo() leaves the URL as it is and gives another", () => {
  const url = new URL("http://u:p@h/a#f");
  assertEquals(withoutUserinfo(url).href, "http://h/a#f");
  assertEquals(withoutUserinfo(url, true).href, "http://h/a");
  assertEquals(url.href, "http://u:p@h/a#f");
});

Deno.test("filterFields() keeps order and spelling", () => {
  const fields = ["B", "1", "a", "2", "B", "3"];
  assertEquals(filterFields(fields, (name) => name === "b"), ["B", "1", "B", "3"]);
});

Deno.test("Redirects drops what is about a body with the body, and never gives it back", () => {
  const first = new Request("http://h/a", {
    method: "POST",
    body: "x",
    headers: { "Content-Language": "en", "X-Own": "1", "Expect": "100-continue" },
  });
  const redirects = new Redirects(first, "x");
  const second = redirects.next(first, 302, "/b")!;
  assertEquals([second.method, bodyOfRequest(second)], ["GET", null]);
  assertEquals(fieldsOfRequest(second), ["X-Own", "1", "Referer", "http://h/a"]);
  const third = redirects.next(second, 307, "/c")!;
  assertEquals([third.method, bodyOfRequest(third)], ["GET", null]);
});

Deno.test("Redirects keeps the body's fields where there was no body to drop", () => {
  const first = new Request("http://h/a", { headers: { "Content-Type": "text/x" } });
  const second = new Redirects(first, undefined).next(first, 302, "/b")!;
  assertEquals(second.headers.get("content-type"), "text/x");
});

Deno.test("Redirects does not send a body again that it does not have", () => {
  const stream = () => new Blob(["x"]).stream();
  for (const status of [307, 308]) {
    const first = new Request("http://h/", { method: "PUT", body: stream() });
    assertEquals(new Redirects(first, undefined).next(first, status, "/b"), undefined);
  }
  const first = new Request("http://h/", { method: "PUT", body: stream() });
  assertEquals(new Redirects(first, undefined).next(first, 303, "/b")!.method, "GET");
});

Deno.test("Redirects keeps the caller's Host while the origin stays the same", () => {
  const first = new Request("http://127.0.0.1/", { headers: { Host: "example.com" } });
  const redirects = new Redirects(first, undefined);
  const second = redirects.next(first, 302, "/b")!;
  assertEquals(second.headers.get("host"), "example.com");
  const third = redirects.next(second, 302, "http://other/")!;
  assertEquals(third.headers.get("host"), null);
  const back = redirects.next(third, 302, "http://127.0.0.1/")!;
  assertEquals(back.headers.get("host"), null);
});

Deno.test("Redirects keeps the caller's Referer, but does not show it in the clear", () => {
  const first = new Request("https://h/", { headers: { Referer: "https://own/" } });
  const redirects = new Redirects(first, undefined);
  const second = redirects.next(first, 302, "/b")!;
  assertEquals(second.headers.get("referer"), "https://own/");
  assertEquals(redirects.next(second, 302, "http://h/")!.headers.get("referer"), null);
});

Deno.test("Redirects forgets the first request's cookies that a jar has taken over", () => {
  const first = new Request("http://h/", { headers: { Cookie: "a=1; b=2; c=3" } });
  const redirects = new Redirects(first, undefined);
  redirects.forgetCookies(["b=9; Path=/", "x=1"]);
  assertEquals(redirects.next(first, 302, "/")!.headers.get("cookie"), "a=1; c=3");
  redirects.forgetCookies(["a=; Max-Age=0", "c"]);
  assertEquals(redirects.next(first, 302, "/")!.headers.get("cookie"), null);
});

Deno.test("Redirects refuses a location that leads nowhere, and masks a password", () => {
  const first = new Request("http://u:secret@h/");
  const error = assertThrows(
    () => new Redirects(first, undefined).next(first, 301, "ftp://x/"),
    HttpError,
  );
  assertInstanceOf(error, HttpError);
  assertEquals(error.code, "ERR_HTTP_REDIRECT");
  assertEquals(
    error.message,
    'GET "http://u:***@h/": redirect to "ftp://x/", which is no HTTP URL',
  );
});
