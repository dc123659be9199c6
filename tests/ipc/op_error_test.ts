import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { isTimeout, TimeoutError } from "../../deadline.ts";
import { opError, refusal, systemCode } from "../../ipc/op_error.ts";
import { ClosedError, OpError } from "../../net/mod.ts";
import { errnoNumber } from "../../sys/errno.ts";
import { DescriptorClosedError, SyscallError } from "../../sys/mod.ts";

const context = { op: "open", network: "fifo", addr: "/tmp/x" };

Deno.test("a system call's error says what was tried, on what, and why it failed", () => {
  const cause = new SyscallError("open", errnoNumber("EACCES"));
  const error = opError(cause, context);
  assertInstanceOf(error, OpError);
  assertEquals(error.message, 'open fifo "/tmp/x": permission denied');
  assertEquals([error.code, error.cause, error.timeout], ["EACCES", cause, false]);
});

Deno.test("the runtime's errors are told by their code", () => {
  const cause = Object.assign(new Deno.errors.NotFound("No such file"), { code: "ENOENT" });
  const error = opError(cause, context) as OpError;
  assertEquals([error.code, error.reason], ["ENOENT", "no such file or directory"]);
});

Deno.test("a reason that is known better takes the place of the system's", () => {
  const error = opError(new SyscallError("x", errnoNumber("EINVAL")), context, { reason: "of y" });
  assertEquals((error as OpError).message, 'open fifo "/tmp/x": of y');
});

Deno.test("a deadline is a timeout, and a signal's reason stays what it is", () => {
  const late = opError(new TimeoutError("late"), context) as OpError;
  assertEquals([late.message, late.code], ['open fifo "/tmp/x": timed out', "ETIMEDOUT"]);
  assert(isTimeout(late) && late.timeout);
  const reason = new TimeoutError("the caller's own");
  const wait = { signal: AbortSignal.abort(reason) };
  assertStrictEquals(opError(reason, context, { wait }), reason);
});

Deno.test("a descriptor that was closed meanwhile is a ClosedError", () => {
  const error = opError(new DescriptorClosedError(3), context);
  assertInstanceOf(error, ClosedError);
  assertEquals(error.message, 'open fifo "/tmp/x": use of closed fifo');
});

Deno.test("what is not the system's, or is made already, passes through", () => {
  const made = refusal({ ...context, op: "other" }, "EINVAL", "made already");
  const others = [made, new TypeError("x"), new Deno.errors.NotCapable("y"), "text", null, {
    code: "E2",
  }];
  for (const error of others) assertStrictEquals(opError(error, context), error);
});

Deno.test("a refusal has a code and a reason of ours", () => {
  const error = refusal(context, "EINVAL", "not a FIFO");
  assertEquals([error.code, error.message], ["EINVAL", 'open fifo "/tmp/x": not a FIFO']);
});

Deno.test("systemCode() knows the system's errors by name", () => {
  assertEquals(systemCode(new SyscallError("x", errnoNumber("EAGAIN"))), "EAGAIN");
  assertEquals(systemCode(Object.assign(new Error(), { code: "ENXIO" })), "ENXIO");
  assertEquals(systemCode(Object.assign(new Error(), { code: "ERR_X" })), undefined);
  assertEquals(systemCode("ENXIO"), undefined);
});
