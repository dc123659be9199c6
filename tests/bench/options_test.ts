import { assertEquals, assertThrows } from "@std/assert";
import { benchOptions, choose } from "../../bench/support/options.ts";

Deno.test("benchOptions() tells names from flags", () => {
  assertEquals(benchOptions([]), { names: [], json: undefined, quick: false, list: false });
  assertEquals(benchOptions(["a", "--json", "f", "--quick", "b", "--list"]), {
    names: ["a", "b"],
    json: "f",
    quick: true,
    list: true,
  });
});

Deno.test("benchOptions() refuses a flag it does not know, and --json without a file", () => {
  assertThrows(() => benchOptions(["--fast"]), TypeError, `flag "--fast"`);
  assertThrows(() => benchOptions(["--json"]), TypeError, "--json needs a file name");
});

Deno.test("choose() keeps the order of the benches, and takes all when none is named", () => {
  const all = [{ name: "a" }, { name: "b" }, { name: "c" }];
  assertEquals(choose(all, ["c", "a"]), [{ name: "a" }, { name: "c" }]);
  assertEquals(choose(all, []), all);
});

Deno.test("choose() names what there is when asked for what there is not", () => {
  const there = [{ name: "a" }, { name: "b" }];
  assertThrows(
    () => choose(there, ["x"]),
    TypeError,
    `no bench is named "x", there are: a, b`,
  );
});
