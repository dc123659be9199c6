import { assert, assertEquals, assertThrows } from "@std/assert";
import { close, O_CREAT, O_EXCL, O_RDWR, poller, SyscallError } from "../../sys/mod.ts";
import {
  mqAttributes,
  mqAvailable,
  mqOpen,
  mqReceive,
  mqSend,
  mqUnlink,
  receivedPriority,
} from "../../sys/mqueue.ts";
import { descriptors } from "./helpers.ts";

// Loaded before the first test: the library stays, and is no leak of that test.
if (!mqAvailable()) throw new Error("these tests need --allow-ffi");

const freshName = () => `/plumb-${crypto.randomUUID().slice(0, 13)}`;
const text = (p: Uint8Array) => new TextDecoder().decode(p);

Deno.test("a queue gives messages back by priority, whole, and null when there is none", () => {
  const name = freshName();
  const fd = mqOpen(name, O_CREAT | O_EXCL | O_RDWR, 0o600, { maxMessages: 3, messageSize: 16 });
  mqUnlink(name);
  assertEquals(mqAttributes(fd), { maxMessages: 3, messageSize: 16, currentMessages: 0 });
  const p = new Uint8Array(16);
  assertEquals(mqReceive(fd, p), null);
  for (const [word, priority] of [["low", 1], ["", 0], ["high", 32_767]] as const) {
    assertEquals(mqSend(fd, new TextEncoder().encode(word), priority), true);
  }
  assertEquals(mqSend(fd, p, 0), null, "full");
  assertEquals(mqAttributes(fd).currentMessages, 3);
  const got = [1, 2, 3].map(() => [text(p.subarray(0, mqReceive(fd, p)!)), receivedPriority()]);
  assertEquals(got, [["high", 32_767], ["low", 1], ["", 0]]);
  close(fd);
});

Deno.test("the poller waits for messages and for room", async () => {
  const name = freshName();
  const fd = mqOpen(name, O_CREAT | O_RDWR, 0o600, { maxMessages: 1, messageSize: 8 });
  mqUnlink(name);
  const p = new Uint8Array(8);
  const arrived = poller.wait(fd, "read", { timeout: 10_000 });
  mqSend(fd, p, 0);
  await arrived;
  const room = poller.wait(fd, "write", { timeout: 10_000 });
  mqReceive(fd, p);
  await room;
  close(fd);
});

Deno.test("what the kernel refuses is a SyscallError with its code", () => {
  const name = freshName();
  const before = descriptors();
  const code = (call: () => unknown) => assertThrows(call, SyscallError).code;
  assertEquals(code(() => mqOpen(name, O_RDWR)), "ENOENT");
  assertEquals(code(() => mqUnlink(name)), "ENOENT");
  assertEquals(code(() => mqOpen("no-slash", O_RDWR)), "EINVAL");
  assertEquals(code(() => mqUnlink("no-slash")), "EINVAL");
  const fd = mqOpen(name, O_CREAT | O_RDWR, 0o600, { maxMessages: 1, messageSize: 8 });
  assertEquals(code(() => mqOpen(name, O_CREAT | O_EXCL | O_RDWR)), "EEXIST");
  assertEquals(code(() => mqSend(fd, new Uint8Array(9), 0)), "EMSGSIZE");
  assertEquals(code(() => mqSend(fd, new Uint8Array(1), 32_768)), "EINVAL");
  assertEquals(code(() => mqReceive(fd, new Uint8Array(7))), "EMSGSIZE");
  mqUnlink(name);
  close(fd);
  assertEquals(code(() => mqSend(fd, new Uint8Array(1), 0)), "EBADF");
  assertEquals(code(() => mqAttributes(fd)), "EBADF");
  assertEquals(descriptors(), before);
});

Deno.test("a queue's descriptor is non-blocking and close-on-exec from birth", () => {
  const name = freshName();
  const fd = mqOpen(name, O_CREAT | O_RDWR);
  mqUnlink(name);
  const info = Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`);
  const flags = parseInt(info.match(/flags:\s*(\d+)/)![1], 8);
  assert((flags & 0o4000) !== 0 && (flags & 0o2000000) !== 0, info);
  close(fd);
});
