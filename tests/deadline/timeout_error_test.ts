import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { isTimeout, TimeoutError } from "../../deadline/timeout_error.ts";

Deno.test("a timeout error says that time ran out, in every way a caller may ask", () => {
  const error = new TimeoutError();
  assertInstanceOf(error, Error);
  const { name, code, timeout, message } = error;
  assertEquals([name, code, timeout], ["TimeoutError", "ETIMEDOUT", true]);
  assertEquals(message, "deadline exceeded");
  assertEquals([error.phase, "cause" in error], [undefined, false]);
});

Deno.test("a timeout error tells what took too long, and what lies behind it", () => {
  const cause = new Error("slow");
  const error = new TimeoutError("no answer", { phase: "dns", cause });
  assertEquals([error.message, error.phase], ["no answer", "dns"]);
  assertStrictEquals(error.cause, cause);
  assertEquals("cause" in new TimeoutError("late", { cause: undefined }), true, "as in Error");
});

Deno.test("isTimeout() finds a timeout anywhere in the chain of causes", () => {
  const loop = new Error("loop");
  loop.cause = loop;
  const rows: [unknown, boolean][] = [
    [new TimeoutError(), true],
    [new DOMException("late", "TimeoutError"), true],
    [new Error("outer", { cause: new Error("inner", { cause: new TimeoutError() }) }), true],
    [Object.assign(new Error("dial"), { timeout: true }), true],
    [Object.assign(new Error("dial"), { timeout: 1 }), false],
    [new DOMException("stop", "AbortError"), false],
    [new Error("TimeoutError"), false],
    [loop, false],
    ["TimeoutError", false],
    [null, false],
    [undefined, false],
    [0, false],
  ];
  for (const [error, expected] of rows) assertEquals(isTimeout(error), expected, String(error));
});
