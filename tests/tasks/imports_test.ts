import { assert, assertEquals } from "@std/assert";
import {
  findCycles,
  hidesImport,
  importsOf,
  onlyReExports,
  resolvePath,
  withoutComments,
} from "../../tasks/imports.ts";

Deno.test("importsOf() finds every form of import", () => {
  const text = `
import a from "./a.ts";
import {
  type B,
  c,
} from "./b.ts";
import type { D } from "./d.ts";
import "./effect.ts";
export * from "./e.ts";
export type { F } from "./f.ts";
const { g } = await import("./g.ts");
let h: import("./h.ts").H;
`;
  assertEquals(importsOf(text), [
    "./a.ts",
    "./b.ts",
    "./d.ts",
    "./effect.ts",
    "./e.ts",
    "./f.ts",
    "./g.ts",
    "./h.ts",
  ]);
});

Deno.test("importsOf() leaves out what comments say", () => {
  const text = `
/**
 * import a from "./a.ts";
 */
// import b from "./b.ts";
export const accept = "*/*"; // import("./c.ts")
/* import d from "./d.ts"; */
`;
  assertEquals(importsOf(text), []);
});

Deno.test("importsOf() is not led astray by an export that is no import", () => {
  const text = `export const from = 1;\nexport function f(): string {\n  return "from";\n}\n`;
  assertEquals(importsOf(text), []);
});

Deno.test("withoutComments() keeps the strings that look like comments", () => {
  const text = `const accept = "text/*";\nconst url = "http://a//b";\n`;
  assertEquals(withoutComments(text), text);
});

Deno.test("hidesImport() sees a dynamic import of a computed name, and only that", () => {
  assert(hidesImport("await import(name);"));
  assert(hidesImport("await import(`npm:${name}`);"));
  assert(!hidesImport('await import("npm:tough-cookie@5");'));
  assert(!hidesImport("await loader.import(name);"));
});

Deno.test("onlyReExports() accepts re-exports and comments, and nothing that runs", () => {
  const facade = `/** Doc. @module */\nexport * from "./a.ts";\nexport * as b from "./b.ts";\n` +
    `export type { C } from "./c.ts";\nexport {\n  d,\n  e,\n} from "./d.ts";\n`;
  assert(onlyReExports(facade));
  assert(!onlyReExports(`${facade}export const f = 1;\n`));
  assert(!onlyReExports(`import { a } from "./a.ts";\nexport { a };\n`));
});

Deno.test("resolvePath() follows a relative specifier", () => {
  assertEquals(resolvePath("net/runtime/tcp.ts", "../errors.ts"), "net/errors.ts");
  assertEquals(resolvePath("mod.ts", "./net/mod.ts"), "net/mod.ts");
});

Deno.test("findCycles() names the modules of a cycle in order", () => {
  const graph = new Map([["a", ["b"]], ["b", ["c", "d"]], ["c", []], ["d", ["b"]]]);
  assertEquals(findCycles(graph), [["b", "d", "b"]]);
});

Deno.test("findCycles() sees two ways to one module as no cycle", () => {
  const graph = new Map([["a", ["b", "c"]], ["b", ["d"]], ["c", ["d"]], ["d", []]]);
  assertEquals(findCycles(graph), []);
});
