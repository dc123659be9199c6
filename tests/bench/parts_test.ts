import { assertEquals, assertThrows } from "@std/assert";
import { choices } from "../../bench/support/parts.ts";

const known = { net: ["dial", "pipe"], ipc: ["pipe", "lock"] };

Deno.test("choices() of nothing is everything", () => {
  assertEquals(choices([], known), [{ part: "net", names: [] }, { part: "ipc", names: [] }]);
});

Deno.test("choices() takes a part as a whole, or the benches named of it", () => {
  assertEquals(choices(["ipc"], known), [{ part: "ipc", names: [] }]);
  assertEquals(choices(["ipc", "pipe"], known), [{ part: "ipc", names: ["pipe"] }]);
});

Deno.test("choices() finds a bench in every part that has it", () => {
  assertEquals(choices(["lock"], known), [{ part: "ipc", names: ["lock"] }]);
  assertEquals(choices(["pipe"], known), [
    { part: "net", names: ["pipe"] },
    { part: "ipc", names: ["pipe"] },
  ]);
});

Deno.test("choices() refuses a word that is no part, and no bench of the parts named", () => {
  assertThrows(() => choices(["x"], known), TypeError, `"x" is neither a part nor a bench`);
  assertThrows(() => choices(["net", "lock"], known), TypeError, "of net: dial, pipe");
});
