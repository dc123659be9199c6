import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { fieldsFrom, fieldsOf, hasField, LightHeaders } from "../../../http/web/light_headers.ts";

type MakeHeaders = (init: [string, string][]) => Headers;

/** Runs a test on the runtime's headers and on ours: both must pass it. */
function both(name: string, test: (make: MakeHeaders) => void): void {
  Deno.test(`${name} (the runtime's)`, () => test((init) => new Headers(init)));
  Deno.test(`${name} (ours)`, () => test((init) => new LightHeaders(fieldsFrom(init), false)));
  Deno.test(`${name} (ours, once the runtime looked inside)`, () =>
    test((init) => {
      const headers = new LightHeaders(fieldsFrom(init), false);
      void new Response(null, { headers });
      return headers;
    }));
}

const some: [string, string][] = [
  ["Content-Type", "text/html"],
  ["Set-Cookie", "a=1"],
  ["X-B", "1"],
  ["Accept", "*/*"],
  ["x-b", "2"],
  ["set-cookie", "b=2"],
];

both("headers are found in any case, and equal ones are joined", (make) => {
  const headers = make(some);
  assertStrictEquals(headers.get("content-type"), "text/html");
  assertStrictEquals(headers.get("CONTENT-TYPE"), "text/html");
  assertStrictEquals(headers.get("X-b"), "1, 2");
  assertStrictEquals(headers.get("x-c"), null);
  assertStrictEquals(headers.get("set-cookie"), "a=1, b=2");
  assertEquals(headers.getSetCookie(), ["a=1", "b=2"]);
  assert(headers.has("ACCEPT"));
  assert(!headers.has("x-c"));
});

both("headers iterate sorted, in lower case, with cookies kept apart", (make) => {
  const expected = [
    ["accept", "*/*"],
    ["content-type", "text/html"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
    ["x-b", "1, 2"],
  ];
  const headers = make(some);
  assertEquals([...headers], expected);
  assertEquals([...headers.entries()], expected);
  assertEquals([...headers.keys()], expected.map(([name]) => name));
  assertEquals([...headers.values()], expected.map(([, value]) => value));
  const seen: string[][] = [];
  const self = {};
  headers.forEach(function (this: unknown, value, name, parent) {
    assertStrictEquals(parent, headers);
    assertStrictEquals(this, self);
    seen.push([name, value]);
  }, self);
  assertEquals(seen, expected);
});

both("headers are set, appended to and deleted", (make) => {
  const headers = make(some);
  headers.set("X-B", " 3\t");
  headers.set("x-new", "n");
  headers.append("Accept", "text/plain");
  headers.append("x-other", "");
  headers.delete("SET-COOKIE");
  assertEquals([...headers], [
    ["accept", "*/*, text/plain"],
    ["content-type", "text/html"],
    ["x-b", "3"],
    ["x-new", "n"],
    ["x-other", ""],
  ]);
});

both("a change during an iteration is seen by it", (make) => {
  const headers = make([["a", "1"], ["c", "3"]]);
  const seen: string[] = [];
  for (const [name] of headers) {
    seen.push(name);
    if (name === "a") headers.append("b", "2");
  }
  assertEquals(seen, ["a", "b", "c"]);
});

both("what is no header is refused", (make) => {
  const headers = make([]);
  for (const name of ["", "a b", "a:", "é", "a\r\n"]) {
    assertThrows(() => headers.get(name), TypeError);
    assertThrows(() => headers.has(name), TypeError);
    assertThrows(() => headers.set(name, "x"), TypeError);
    assertThrows(() => headers.append(name, "x"), TypeError);
    assertThrows(() => headers.delete(name), TypeError);
  }
  for (const value of ["a\nb", "a\rb", "a\0b", "\u0100", "a\r\nB: c"]) {
    assertThrows(() => headers.set("a", value), TypeError);
    assertThrows(() => headers.append("a", value), TypeError);
  }
  headers.set("a", "\u00e9\t1");
  assertStrictEquals(headers.get("a"), "\u00e9\t1");
});

both("headers go wherever headers go", (make) => {
  const headers = make(some);
  const sorted = [...headers];
  assert(headers instanceof Headers);
  assertEquals([...new Headers(headers)], sorted);
  assertEquals([...new Response(null, { headers }).headers], sorted);
  assertEquals([...new Request("http://a", { headers }).headers], sorted);
  assertStrictEquals(Object.prototype.toString.call(headers), "[object Headers]");
  assert(Deno.inspect(headers).includes('"x-b": "1, 2"'));
  assertThrows(() => structuredClone(headers), DOMException);
});

Deno.test("headers that came in cannot be changed", () => {
  const fields = ["A", "1"];
  const headers = new LightHeaders(fields, true);
  assertThrows(() => headers.set("a", "2"), TypeError, "came in");
  assertThrows(() => headers.append("b", "2"), TypeError, "came in");
  assertThrows(() => headers.delete("a"), TypeError, "came in");
  void new Response(null, { headers });
  assertThrows(() => headers.set("a", "2"), TypeError, "came in");
  assertEquals([...headers], [["a", "1"]]);
});

Deno.test("a change leaves the array alone that the headers were made over", () => {
  const fields = ["A", "1"];
  const headers = new LightHeaders(fields, false);
  headers.set("a", "2");
  headers.append("B", "3");
  assertEquals(fields, ["A", "1"]);
  assertEquals(fieldsOf(headers), ["A", "2", "B", "3"]);
});

Deno.test("a value with a control character is refused, as no message can carry it", () => {
  assertThrows(() => fieldsFrom({ a: "\x01" }), TypeError, "header");
  assertThrows(() => fieldsFrom(new Headers({ a: "\x7f" })), TypeError, "header");
});

Deno.test("fieldsFrom() takes all that the web takes, and keeps order and spelling", () => {
  const expected = ["X-B", "1", "A", "2"];
  assertEquals(fieldsFrom({ "X-B": "1", A: "2" }), expected);
  assertEquals(fieldsFrom([["X-B", " 1 "], ["A", "2"]]), expected);
  assertEquals(fieldsFrom(new Headers({ "X-B": "1", A: "2" })), expected);
  assertEquals(fieldsFrom(new LightHeaders(expected, false)), expected);
  assertEquals(fieldsFrom(new Map([["X-B", "1"], ["A", "2"]])), expected);
  assertEquals(fieldsFrom({ A: 1 as unknown as string }), ["A", "1"]);
  assertThrows(() => fieldsFrom([["a"]]), TypeError, "1 part");
  assertThrows(() => fieldsFrom("a: b" as unknown as HeadersInit), TypeError, "a: b");
  assertThrows(() => fieldsFrom(null as unknown as HeadersInit), TypeError, "null");
});

Deno.test("fieldsOf() reads ours after the runtime took them over", () => {
  const headers = new LightHeaders(["X-B", "1"], false);
  void new Response(null, { headers });
  headers.append("A", "2");
  assertEquals(fieldsOf(headers), ["X-B", "1", "A", "2"]);
});

Deno.test("hasField() looks at names and not at values", () => {
  assert(hasField(["Host", "a"], "host"));
  assert(!hasField(["a", "host"], "host"));
});

Deno.test("cookies that came in several fields are one list of cookies (RFC 6265 5.4)", () => {
  const headers = new LightHeaders(["Cookie", "a=1", "x", "1", "cookie", "b=2", "X", "2"], true);
  assertEquals([headers.get("cookie"), headers.get("x")], ["a=1; b=2", "1, 2"]);
  assertEquals([...headers], [["cookie", "a=1; b=2"], ["x", "1, 2"]]);
});

Deno.test("blanks around a value go, and long runs within it cost nothing", () => {
  const long = `a${" ".repeat(200_000)}b`;
  const begun = performance.now();
  assertEquals(fieldsFrom({ a: ` \t\r\n${long}\n\r\t `, b: " ", c: "" }), [
    "a",
    long,
    "b",
    "",
    "c",
    "",
  ]);
  assert(performance.now() - begun < 1_000); // some 10 s where it is looked at again and again
});
