import { assertEquals } from "@std/assert";
import { fileNames, isWithin } from "../../../http/files/file_path.ts";

const cases: [path: string, names: string[] | undefined][] = [
  ["/", []],
  ["/a", ["a"]],
  ["/a/", ["a"]],
  ["/a/b.txt", ["a", "b.txt"]],
  ["/a%20b/%C3%A9", ["a b", "\u{e9}"]],
  ["/a..b/c...", ["a..b", "c..."]],
  ["/%25", ["%"]],
  ["/..", undefined],
  ["/a/../b", undefined],
  ["/a/./b", undefined],
  ["/%2e%2e/b", undefined],
  ["/.%2E/b", undefined],
  ["/a%2fb", undefined],
  ["/..%2fetc", undefined],
  ["/a\\b", undefined],
  ["/..\\etc", undefined],
  ["/%5c", undefined],
  ["/..%5cetc", undefined],
  ["/a%00.txt", undefined],
  ["//a", undefined],
  ["/a//", undefined],
  ["/a//b", undefined],
  ["/%", undefined],
  ["/%zz", undefined],
  ["/%ff", undefined],
  ["/%c0%ae%c0%ae/etc", undefined],
];

for (const [path, names] of cases) {
  Deno.test(`fileNames() of "${path}" are ${names === undefined ? "refused" : `[${names}]`}`, () => {
    assertEquals(fileNames(path, true), names);
  });
}

Deno.test("fileNames() refuses names that begin with a dot unless told otherwise", () => {
  for (const path of ["/.env", "/.git/config", "/a/.b/c", "/%2Eenv"]) {
    assertEquals(fileNames(path, false), undefined, path);
  }
  assertEquals(fileNames("/a/.b", true), ["a", ".b"]);
  assertEquals(fileNames("/a.b", false), ["a.b"]);
});

Deno.test("isWithin() is true of the root and what is below, not of a longer name", () => {
  assertEquals(isWithin("/srv/www", "/srv/www"), true);
  assertEquals(isWithin("/srv/www/a", "/srv/www"), true);
  assertEquals(isWithin("/srv/www2/a", "/srv/www"), false);
  assertEquals(isWithin("/srv", "/srv/www"), false);
  assertEquals(isWithin("/anything", "/"), true);
});
