import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  setKeepAlive,
  setLinger,
  setNoDelay,
  setReadBuffer,
  setWriteBuffer,
} from "../../../net/native/options.ts";
import {
  AF_INET,
  close,
  getsockopt,
  getsockoptLinger,
  IPPROTO_TCP,
  SO_KEEPALIVE,
  SO_RCVBUF,
  SO_SNDBUF,
  SOCK_STREAM,
  socket,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
} from "../../../sys/mod.ts";
import "./support.ts";

function withSocket(use: (fd: number) => void): void {
  const fd = socket(AF_INET, SOCK_STREAM);
  try {
    use(fd);
  } finally {
    close(fd);
  }
}

Deno.test("setNoDelay() turns TCP_NODELAY on and off", () =>
  withSocket((fd) => {
    for (const on of [true, false]) {
      setNoDelay(fd, on);
      assertEquals(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY) !== 0, on);
    }
  }));

Deno.test("setKeepAlive() sets the switch, the times and the count", () =>
  withSocket((fd) => {
    setKeepAlive(fd, { idle: 7_000, interval: 2_500, count: 4 });
    assertEquals(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assertEquals(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE), 7);
    assertEquals(getsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL), 3);
    assertEquals(getsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
    setKeepAlive(fd, false);
    assertEquals(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
  }));

Deno.test("setLinger() sets seconds, zero and none", () =>
  withSocket((fd) => {
    for (const seconds of [5, 0, null]) {
      setLinger(fd, seconds);
      assertEquals(getsockoptLinger(fd), seconds);
    }
  }));

Deno.test("setReadBuffer() and setWriteBuffer() change the kernel's buffers", () =>
  withSocket((fd) => {
    for (
      const [set, option] of [[setReadBuffer, SO_RCVBUF], [setWriteBuffer, SO_SNDBUF]] as const
    ) {
      set(fd, 20_000);
      const small = getsockopt(fd, SOL_SOCKET, option);
      assert(small >= 20_000 && small <= 40_000, `${small} bytes`);
      set(fd, 40_000);
      assert(getsockopt(fd, SOL_SOCKET, option) > small);
    }
  }));

Deno.test("a size or time that makes no sense is a RangeError, and sets nothing", () =>
  withSocket((fd) => {
    setLinger(fd, 3);
    for (const bad of [-1, 1.5, NaN, 70_000]) assertThrows(() => setLinger(fd, bad), RangeError);
    assertEquals(getsockoptLinger(fd), 3);
    for (const bad of [0, -1, 0.5, NaN, 2 ** 31]) {
      assertThrows(() => setReadBuffer(fd, bad), RangeError);
      assertThrows(() => setWriteBuffer(fd, bad), RangeError);
    }
  }));
