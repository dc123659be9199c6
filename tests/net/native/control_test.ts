import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type ControlSocket, guarded, runControl } from "../../../net/native/control.ts";
import {
  AF_INET,
  close,
  getsockopt,
  IPPROTO_TCP,
  SOCK_STREAM,
  socket,
  SyscallError,
  TCP_NODELAY,
} from "../../../sys/mod.ts";
import { assertNoFdLeak } from "./support.ts";

Deno.test("a control is shown network, address and a socket whose options it can set", () => {
  const fd = socket(AF_INET, SOCK_STREAM);
  let seen: [string, string, ControlSocket] | undefined;
  runControl((...args) => seen = args, "tcp4", "127.0.0.1:80", fd);
  const [network, address, shown] = seen!;
  assertEquals([network, address, shown.fd], ["tcp4", "127.0.0.1:80", fd]);
  shown.setsockopt(IPPROTO_TCP, TCP_NODELAY, true);
  assertEquals(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  assertEquals(shown.getsockopt(IPPROTO_TCP, TCP_NODELAY), 1);
  assertThrows(() => shown.getsockopt(-1, -1), SyscallError);
  close(fd);
});

Deno.test("without a control nothing happens", () => {
  runControl(undefined, "tcp4", "127.0.0.1:80", -1);
});

Deno.test("guarded() closes the descriptor of what failed, and of nothing else", async () => {
  await assertNoFdLeak(() => {
    const reason = new Error("no");
    const fail = () => {
      throw reason;
    };
    assertStrictEquals(assertThrows(() => guarded(socket(AF_INET, SOCK_STREAM), fail)), reason);
    const fd = guarded(socket(AF_INET, SOCK_STREAM), (fd) => fd);
    close(fd); // it was open
  });
});
