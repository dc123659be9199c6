import { assertEquals, assertStrictEquals } from "@std/assert";
import { parsePattern } from "../../../http/routing/pattern.ts";
import { noParams, paramsOf, RoutingTree } from "../../../http/routing/routing_tree.ts";

const handler = () => new Response();

function treeOf(...patterns: string[]): RoutingTree {
  const tree = new RoutingTree();
  for (const pattern of patterns) tree.add({ pattern: parsePattern(pattern), handler });
  return tree;
}

Deno.test("RoutingTree goes back to a wildcard where a literal has led nowhere", () => {
  const tree = treeOf(
    "/a/b/z",
    "/a/{x}/c",
    "/a/{x}/{y}/d",
    "/{all...}",
    "/a/b/{x}/e/",
    "/e/{x}/",
    "/e/{x}/{$}",
  );
  const find = (path: string) => tree.find("", "GET", path)?.pattern.text;
  assertEquals(find("/a/b/z"), "/a/b/z");
  assertEquals(find("/a/b/c"), "/a/{x}/c");
  assertEquals(find("/a/b/c/d"), "/a/{x}/{y}/d");
  assertEquals(find("/a/b/c/e/f/g"), "/a/b/{x}/e/");
  assertEquals(find("/a/b/c/f"), "/{all...}");
  assertEquals(find("/a/b"), "/{all...}");
  assertEquals(find("/e/f/"), "/e/{x}/{$}");
  assertEquals(find("/e/f/g"), "/e/{x}/");
});

Deno.test("RoutingTree takes text for text: a slash, an asterisk and no text are no wildcards", () => {
  const tree = treeOf("/a/{$}", "/*", "/b/", "/c/%2F", "/d/{x}", "/%2541");
  const find = (path: string) => tree.find("", "GET", path)?.pattern.text;
  assertEquals(find("/a/"), "/a/{$}");
  assertEquals(find("/a/%2F"), undefined);
  assertEquals(find("/*"), "/*");
  assertEquals(find("/x"), undefined);
  assertEquals(find("/c/%2f"), "/c/%2F");
  assertEquals(find("/c/"), undefined);
  assertEquals(find("/c//"), undefined);
  assertEquals(find("/d/"), undefined);
  assertEquals(find("/d/%2F"), "/d/{x}");
  assertEquals(find("/%41"), undefined);
  assertEquals(find("/%2541"), "/%2541");
});

Deno.test("RoutingTree has a host's own patterns first, and tells its methods with all others'", () => {
  const tree = treeOf("GET h/a", "/a", "POST /b", "PUT h/b", "h/c/", "GET /c/d");
  const find = (host: string, method: string, path: string) =>
    tree.find(host, method, path)?.pattern.text;
  assertEquals(find("h", "GET", "/a"), "GET h/a");
  assertEquals(find("h", "POST", "/a"), "/a");
  assertEquals(find("i", "GET", "/a"), "/a");
  assertEquals(find("h", "GET", "/c/d"), "h/c/");
  const found = new Set<string>();
  tree.methods("h", "/b", found);
  assertEquals([...found], ["PUT", "POST"]);
  assertEquals(tree.hasHosts, true);
  assertEquals(treeOf("/").hasHosts, false);
});

Deno.test("RoutingTree knows the paths that lack no more than a slash at the end", () => {
  const table: [patterns: string[], path: string, lacksSlash: boolean][] = [
    [["/a/"], "/a", true],
    [["/a/{$}"], "/a", true],
    [["/a/{x...}"], "/a", true],
    [["/{x}/"], "/a", true],
    [["/{x}/"], "/a/b", false],
    [["/"], "/a", false],
    [["/a"], "/a", false],
    [["/a/c", "/{x}/b/"], "/a/b", true],
    [["/a%2Fb/"], "/a%2fb", true],
    [["/a%2Fb/"], "/a/b", false],
    [["POST /a/"], "/a", false],
    [["h/", "/a/"], "/a", false],
    [["h/a/", "/"], "/a", true],
    [["h/b", "/a/"], "/a", true],
    [["POST h/", "/a/"], "/a", true],
  ];
  for (const [patterns, path, lacksSlash] of table) {
    const tree = treeOf(...patterns);
    const route = tree.find("h", "HEAD", path);
    assertEquals(tree.lacksSlash("h", "HEAD", path, route), lacksSlash, patterns.join());
  }
  assertEquals(treeOf("GET /a/").lacksSlash("", "HEAD", "/a", undefined), true);
  assertEquals(treeOf("HEAD /a/").lacksSlash("", "GET", "/a", undefined), false);
});

Deno.test("paramsOf() unescapes the segments one by one, under any name", () => {
  const params = (pattern: string, path: string) => paramsOf(parsePattern(pattern), path);
  const table: [pattern: string, path: string, params: Record<string, string>][] = [
    ["/a/{x}", "/a/b", { x: "b" }],
    ["/{x}/b/{y}", "/1%2F2/b/%C3%A9", { x: "1/2", y: "é" }],
    ["/{x}/", "/a/b/c", { x: "a" }],
    ["/{x}/{$}", "/a/", { x: "a" }],
    ["/{x}/{rest...}", "/a/b/c%20d/", { x: "a", rest: "b/c d/" }],
    ["/a/{rest...}", "/a/", { rest: "" }],
    ["/{x}", "/%zz", { x: "%zz" }],
  ];
  for (const [pattern, path, expected] of table) {
    assertEquals({ ...params(pattern, path) }, expected, pattern);
  }
  const odd = params("/{__proto__}/{constructor}", "/p/c");
  assertEquals(Object.getPrototypeOf(odd), null);
  assertEquals(Object.entries(odd), [["__proto__", "p"], ["constructor", "c"]]);
  assertStrictEquals(params("/a/{$}", "/a/"), noParams);
  assertStrictEquals(params("/a/", "/a/b"), noParams);
  assertEquals(Object.isFrozen(noParams), true);
});
