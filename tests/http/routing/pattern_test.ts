import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  comparePatterns,
  conflict,
  hostKey,
  parsePattern,
  type Relation,
} from "../../../http/routing/pattern.ts";

Deno.test("parsePattern() takes method, host and path apart", () => {
  const table: [text: string, method: string, host: string, segments: string[]][] = [
    ["/", "", "", ["rest "]],
    ["/{$}", "", "", ["end "]],
    ["/a", "", "", ["literal a"]],
    ["/a/", "", "", ["literal a", "rest "]],
    ["GET /a/{b}/c", "GET", "", ["literal a", "wild b", "literal c"]],
    ["POST  \texample.com/{rest...}", "POST", "example.com", ["rest rest"]],
    ["M-SEARCH *.H/{_x1}", "M-SEARCH", "*.h", ["wild _x1"]],
    ["example.com/{é}/{$}", "", "example.com", ["wild é", "end "]],
    ["[::1]/", "", "::1", ["rest "]],
    ["::1/", "", "::1", ["rest "]],
    ["CONNECT Example.com:443//a/../b", "CONNECT", "example.com:443", [
      "literal ",
      "literal a",
      "literal ..",
      "literal b",
    ]],
    ["/%61/a%2Fb/100%/x%20y", "", "", ["literal a", "literal a/b", "literal 100%", "literal x y"]],
    ["//a", "", "", ["literal ", "literal a"]],
  ];
  for (const [text, method, host, segments] of table) {
    const pattern = parsePattern(text);
    assertEquals(pattern.text, text);
    assertEquals([pattern.method, pattern.host], [method, host], text);
    assertEquals(pattern.segments.map(({ kind, text }) => `${kind} ${text}`), segments, text);
  }
});

Deno.test("parsePattern() refuses what is not a pattern, with the pattern and the rule", () => {
  const table: [text: string, rule: string][] = [
    ["", "is empty"],
    ["a", "has no path: it must have a slash"],
    ["GET", "has no path: it must have a slash"],
    ["GET a", "has no path: it must have a slash"],
    ["G(T /", '"G(T" is not a method'],
    [" /a", '"" is not a method'],
    ["{x}/a", "a host has no wildcards (is a slash missing before it?)"],
    ["example.com:80/", "a host has no port: it serves them all"],
    ["GET [::1]:80/", "a host has no port: it serves them all"],
    ["/a b", '"/a" is not a method'],
    ["GET //a", 'matches nothing: requests have the clean path "/a"'],
    ["GET /a/../b", 'matches nothing: requests have the clean path "/b"'],
    ["/a{x}", 'a wildcard is a whole segment, "a{x}" is not'],
    ["/{x}a", 'a wildcard is a whole segment, "{x}a" is not'],
    ["/{", 'a wildcard is a whole segment, "{" is not'],
    ["/{x/y}", 'a wildcard is a whole segment, "{x" is not'],
    ["/{}", '"" is not a name for a wildcard'],
    ["/{...}", '"" is not a name for a wildcard'],
    ["/{1a}", '"1a" is not a name for a wildcard'],
    ["/{a-b}", '"a-b" is not a name for a wildcard'],
    ["/{{x}}", '"{x}" is not a name for a wildcard'],
    ["/{x...}/a", "{x...} must be at the end"],
    ["/{x...}/", "{x...} must be at the end"],
    ["/{$}/", "{$} must be at the end"],
    ["/{x}/{y}/{x}", 'two wildcards have the name "x"'],
    ["/{x}/{x...}", 'two wildcards have the name "x"'],
  ];
  for (const [text, rule] of table) {
    const error = assertThrows(() => parsePattern(text), TypeError);
    assertEquals(error.message, `pattern ${JSON.stringify(text)}: ${rule}`);
  }
});

Deno.test("hostKey() drops case, brackets and the port, which CONNECT keeps", () => {
  const table: [host: string, key: string, connect: string][] = [
    ["Example.COM", "example.com", "example.com"],
    ["example.com:8080", "example.com", "example.com:8080"],
    ["example.com:", "example.com", "example.com:"],
    ["[::1]:80", "::1", "[::1]:80"],
    ["[FE80::1]", "fe80::1", "fe80::1"],
    ["127.0.0.1:1", "127.0.0.1", "127.0.0.1:1"],
    ["", "", ""],
  ];
  for (const [host, key, connect] of table) {
    assertEquals(hostKey(host, false), key, host);
    assertEquals(hostKey(host, true), connect, host);
  }
});

Deno.test("comparePatterns() tells which pattern matches fewer requests, both ways round", () => {
  const table: [a: string, relation: Relation, b: string][] = [
    ["/a", "same", "/a"],
    ["/a", "same", "/%61"],
    ["/a", "apart", "/b"],
    ["/a", "apart", "/a/"],
    ["/a", "apart", "/a/{$}"],
    ["/a", "apart", "/a/{x}"],
    ["/a", "narrower", "/{x}"],
    ["/a", "narrower", "/"],
    ["/a", "narrower", "/{x...}"],
    ["/{x}", "same", "/{y}"],
    ["/{x}", "narrower", "/"],
    ["/{x}", "apart", "/{$}"],
    ["/{x...}", "same", "/"],
    ["/{$}", "narrower", "/"],
    ["/{$}", "same", "/{$}"],
    ["/a/{$}", "narrower", "/a/"],
    ["/a/{$}", "apart", "/a/{x}"],
    ["/a/{$}", "narrower", "/{x}/{$}"],
    ["/a/{$}", "narrower", "/{x}/"],
    ["/a/", "overlapping", "/{x}/{$}"],
    ["/a/", "narrower", "/{x}/"],
    ["/a/", "narrower", "/"],
    ["/a/b/", "narrower", "/a/"],
    ["/a/{x}", "overlapping", "/{y}/b"],
    ["/a/{x}", "apart", "/b/{x}"],
    ["/a/", "overlapping", "/{x}/b"],
    ["/a/{x...}", "overlapping", "/{y}/b/{z}"],
    ["/{x}/b/", "overlapping", "/a/{y}/c"],
    ["/a/{x}/b", "narrower", "/{y}/{z}/b"],
    ["GET /", "narrower", "/"],
    ["GET /", "apart", "POST /"],
    ["HEAD /", "narrower", "GET /"],
    ["HEAD /", "apart", "POST /"],
    ["HEAD /", "narrower", "/"],
    ["GET /", "overlapping", "/a"],
    ["GET /a", "narrower", "/"],
    ["HEAD /", "overlapping", "GET /a"],
    ["HEAD /a", "narrower", "GET /"],
    ["POST /", "apart", "GET /a"],
    ["GET /a", "apart", "/b"],
  ];
  const inverse: Partial<Record<Relation, Relation>> = { narrower: "wider", wider: "narrower" };
  for (const [a, relation, b] of table) {
    assertEquals(comparePatterns(parsePattern(a), parsePattern(b)), relation, `${a} to ${b}`);
    const back = inverse[relation] ?? relation;
    assertEquals(comparePatterns(parsePattern(b), parsePattern(a)), back, `${b} to ${a}`);
  }
});

Deno.test("conflict() names both patterns and a request that both match", () => {
  const table: [added: string, old: string, message: string][] = [
    ["/a", "/%61", "they match the same requests, such as GET /a"],
    ["/{x}/", "/{y}/{z...}", "they match the same requests, such as GET /x/"],
    ["POST /{$}", "POST /{$}", "they match the same requests, such as POST /"],
    ["/a/{x}", "/{y}/b", "neither is more specific, and both match GET /a/b"],
    ["GET h/a/", "h/{x}/b", "neither is more specific, and both match GET h/a/b"],
    ["GET /", "/index.html", "neither is more specific, and both match GET /index.html"],
    ["GET /a", "HEAD /", "neither is more specific, and both match HEAD /a"],
    ["/x%2Fy/{a}", "/{b}/é", "neither is more specific, and both match GET /x%2Fy/%C3%A9"],
    ["/{a}/{$}", "/b/", "neither is more specific, and both match GET /b/"],
  ];
  for (const [added, old, why] of table) {
    const error = conflict(parsePattern(added), parsePattern(old));
    assert(error instanceof TypeError);
    const names = `pattern ${JSON.stringify(added)} conflicts with ${JSON.stringify(old)}`;
    assertEquals(error.message, `${names}: ${why}`);
  }
  assertEquals(conflict(parsePattern("/a"), parsePattern("/{x}")), null);
});
