import { assertEquals } from "@std/assert";
import { checkPage } from "../../tasks/check_docs.ts";

const files = [
  { path: "a/one.ts", text: 'import { two } from "./two.ts";\n' },
  { path: "a/two.ts", text: 'import { three } from "../b/three.ts";\n' },
  { path: "b/three.ts", text: "" },
];

const check = (text: string) =>
  checkPage({ path: "PAGE.md", text }, files).map(({ message }) => message);

Deno.test("an arrow that is an import is true, also across lines", () => {
  assertEquals(check("`a/one.ts` → `a/two.ts` →\n`b/three.ts`, in `a/` and `b/`."), []);
});

Deno.test("an arrow that is none is found", () => {
  assertEquals(check("`a/one.ts` → `b/three.ts`"), [
    "says a/one.ts → b/three.ts: that is no import",
  ]);
});

Deno.test("a path that is not there is found", () => {
  assertEquals(check("see `a/four.ts` and `c/`"), [
    "names a/four.ts: it is not there",
    "names c/: it is not there",
  ]);
});
