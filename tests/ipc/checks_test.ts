import { assertThrows } from "@std/assert";
import { checkCreate, checkMode, checkName, checkPath, checkWhole } from "../../ipc/checks.ts";

Deno.test("checkWhole() takes whole numbers within their limits, both included", () => {
  checkWhole("n", 1, 1, 3);
  checkWhole("n", 3, 1, 3);
  for (const bad of [0, 4, 1.5, NaN, Infinity]) {
    const message = `n must be a whole number from 1 to 3, got ${bad}`;
    assertThrows(() => checkWhole("n", bad, 1, 3), RangeError, message);
  }
  assertThrows(() => checkWhole("n", "2", 1, 3), TypeError, 'n must be a number, got "2"');
});

Deno.test("checkMode() takes permission bits, and shows others as they are written", () => {
  for (const good of [0, 0o600, 0o777]) checkMode(good);
  assertThrows(() => checkMode(0o1777), RangeError, "from 0 to 0o777, got 0o1777");
  assertThrows(() => checkMode(-1), RangeError, "got -1");
  assertThrows(() => checkMode(0.5), RangeError, "got 0.5");
  assertThrows(() => checkMode("600"), TypeError, 'mode must be a number, got "600"');
});

Deno.test("checkPath() refuses what is no path", () => {
  checkPath("x");
  for (const bad of ["", "a\0b", undefined, 5]) {
    assertThrows(() => checkPath(bad), TypeError, "path must be a string that is not empty");
  }
});

Deno.test("checkName() takes a slash and a name without one", () => {
  checkName("/jobs", 10);
  checkName("/" + "é".repeat(5), 10);
  for (const bad of ["jobs", "/", "", "/a/b", "//a", "/a\0", "/.", "/..", "/a/", 5, undefined]) {
    assertThrows(() => checkName(bad, 10), TypeError, 'name must be a "/" and then a name');
  }
  const long = "/" + "é".repeat(6);
  assertThrows(() => checkName(long, 10), TypeError, 'at most 10 bytes after the "/", got 12');
});

Deno.test("checkCreate() refuses options of a new thing when nothing is to be made", () => {
  const names = ["exclusive", "value"] as const;
  checkCreate({}, []);
  checkCreate({ create: true, exclusive: true, value: 1 } as { create: boolean }, []);
  checkCreate<{ create?: boolean; exclusive?: boolean; value?: number }>({
    exclusive: false,
    value: undefined,
  }, names);
  const stray = { value: 0, create: false, exclusive: false };
  assertThrows(() => checkCreate(stray, names), TypeError, "value needs create: true");
});
