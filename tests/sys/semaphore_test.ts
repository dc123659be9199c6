import { assertEquals, assertThrows } from "@std/assert";
import { O_CREAT, O_EXCL, SyscallError } from "../../sys/mod.ts";
import {
  SEM_VALUE_MAX,
  semAvailable,
  semClose,
  semGetValue,
  semOpen,
  semPost,
  semTryWait,
  semUnlink,
} from "../../sys/semaphore.ts";

// Loaded before the first test: the library stays, and is no leak of that test.
if (!semAvailable()) throw new Error("these tests need --allow-ffi");

const freshName = () => `/plumb-${crypto.randomUUID().slice(0, 13)}`;
const code = (call: () => unknown) => assertThrows(call, SyscallError).code;

Deno.test("a semaphore counts down to 0 and up again", () => {
  const name = freshName();
  const s = semOpen(name, O_CREAT | O_EXCL, 0o600, 2);
  semUnlink(name);
  assertEquals([semTryWait(s), semTryWait(s), semTryWait(s)], [true, true, null]);
  assertEquals(semGetValue(s), 0);
  semPost(s);
  assertEquals([semGetValue(s), semTryWait(s)], [1, true]);
  semClose(s);
});

Deno.test("opened twice it is the same, and each is closed for itself", () => {
  const name = freshName();
  const one = semOpen(name, O_CREAT, 0o600, 0);
  const two = semOpen(name, 0);
  semPost(one);
  semClose(one);
  assertEquals([two, semTryWait(two)], [one, true]);
  semClose(two);
  semUnlink(name);
});

Deno.test("the count stops at its limit", () => {
  const name = freshName();
  const s = semOpen(name, O_CREAT, 0o600, SEM_VALUE_MAX);
  semUnlink(name);
  assertEquals(code(() => semPost(s)), "EOVERFLOW");
  assertEquals(semGetValue(s), SEM_VALUE_MAX);
  semClose(s);
});

Deno.test("what the C library refuses is a SyscallError with its code", () => {
  const name = freshName();
  assertEquals(code(() => semOpen(name, 0)), "ENOENT");
  assertEquals(code(() => semUnlink(name)), "ENOENT");
  assertEquals(code(() => semOpen(name, O_CREAT, 0o600, SEM_VALUE_MAX + 1)), "EINVAL");
  const s = semOpen(name, O_CREAT);
  assertEquals(code(() => semOpen(name, O_CREAT | O_EXCL)), "EEXIST");
  semClose(s);
  semUnlink(name);
});
