import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import { DescriptorClosedError, SyscallError, UnsupportedError } from "../../sys/mod.ts";
import { errnoNumber } from "../../sys/errno.ts";

Deno.test("a SyscallError says which call failed, why, and the code", () => {
  const error = new SyscallError("bind", errnoNumber("EADDRINUSE"));
  assertInstanceOf(error, Error);
  assertEquals(error.message, "bind: address already in use (EADDRINUSE)");
  assertEquals([error.name, error.syscall, error.code], ["SyscallError", "bind", "EADDRINUSE"]);
  assertEquals(error.errno, errnoNumber("EADDRINUSE"));
});

Deno.test("a SyscallError of a number nobody knows still has a code", () => {
  const error = new SyscallError("ioctl", 4000, { cause: "because" });
  assertEquals([error.message, error.code, error.cause], [
    "ioctl: error 4000 (E4000)",
    "E4000",
    "because",
  ]);
});

Deno.test("isTimeout() knows the kernel's timeout, and no other failure", () => {
  assert(isTimeout(new SyscallError("connect", errnoNumber("ETIMEDOUT"))));
  assert(!isTimeout(new SyscallError("connect", errnoNumber("ECONNREFUSED"))));
});

Deno.test("the other errors have stable codes", () => {
  assertEquals(new DescriptorClosedError(5).code, "ERR_CLOSED");
  assertEquals(new DescriptorClosedError(5).message, "wait: file descriptor 5 was closed");
  const error = new UnsupportedError("a call", "needs more");
  assertEquals([error.code, error.message], [
    "ERR_UNSUPPORTED",
    "a call is not supported here: needs more",
  ]);
});
