import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  bind,
  close,
  getsockname,
  getsockopt,
  getsockoptBytes,
  getsockoptLinger,
  getsockoptTimeval,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  listen,
  peerCredentials,
  setsockopt,
  setsockoptLinger,
  setsockoptTimeval,
  SO_BINDTODEVICE,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDTIMEO,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  socket,
  socketError,
  socketpair,
  SOL_SOCKET,
  SyscallError,
  TCP_CONGESTION,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
  TCP_USER_TIMEOUT,
} from "../../sys/mod.ts";
import { acceptFrom, hasPython, Python, tcpPair } from "./helpers.ts";

Deno.test("setsockopt() sets what getsockopt() then tells", () => {
  const fd = socket(AF_INET6, SOCK_STREAM);
  const options: [level: number, option: number, value: number][] = [
    [SOL_SOCKET, SO_REUSEADDR, 1],
    [SOL_SOCKET, SO_REUSEPORT, 1],
    [SOL_SOCKET, SO_KEEPALIVE, 1],
    [IPPROTO_TCP, TCP_NODELAY, 1],
    [IPPROTO_TCP, TCP_KEEPIDLE, 77],
    [IPPROTO_TCP, TCP_KEEPINTVL, 7],
    [IPPROTO_TCP, TCP_KEEPCNT, 5],
    [IPPROTO_TCP, TCP_USER_TIMEOUT, 4321],
    [IPPROTO_IPV6, IPV6_V6ONLY, 1],
    [IPPROTO_IP, IP_TTL, 33],
  ];
  for (const [level, option, value] of options) {
    assert(getsockopt(fd, level, option) !== value, "not so by default");
    setsockopt(fd, level, option, value);
    assertEquals(getsockopt(fd, level, option), value);
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, false);
  assertEquals(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY), 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, 10_000);
  assertEquals(getsockopt(fd, SOL_SOCKET, SO_RCVBUF), 20_000, "Linux doubles it");
  assertEquals(getsockopt(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
  close(fd);
});

Deno.test("the kernel's own view of a connection shows the keepalive timer", async () => {
  const [a, b, listener] = await tcpPair();
  setsockopt(a, IPPROTO_TCP, TCP_KEEPIDLE, 100);
  setsockopt(a, SOL_SOCKET, SO_KEEPALIVE, true);
  const { port } = getsockname(a) as { port: number };
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const row = Deno.readTextFileSync("/proc/net/tcp").split("\n")
    .map((line) => line.trim().split(/\s+/)).find((columns) =>
      columns[1] === local && columns[3] === "01"
    )!;
  const [timer, ticks] = row[5].split(":");
  assertEquals(timer, "02", "the keepalive timer runs");
  const seconds = parseInt(ticks, 16) / 100;
  assert(seconds > 90 && seconds <= 100.5, `it ends in ${seconds} s`);
  [a, b, listener].forEach(close);
});

Deno.test("an option the level does not have is ENOPROTOOPT", () => {
  const fd = socket(AF_INET, SOCK_STREAM);
  const set = assertThrows(() => setsockopt(fd, SOL_SOCKET, -1, 1), SyscallError);
  assertEquals([set.syscall, set.code], ["setsockopt", "ENOPROTOOPT"]);
  const get = assertThrows(() => getsockopt(fd, IPPROTO_TCP, 9999), SyscallError);
  assertEquals([get.syscall, get.code], ["getsockopt", "ENOPROTOOPT"]);
  close(fd);
});

Deno.test("options can be texts", () => {
  const fd = socket(AF_INET, SOCK_STREAM);
  const p = new Uint8Array(16);
  const n = getsockoptBytes(fd, IPPROTO_TCP, TCP_CONGESTION, p);
  const name = new TextDecoder().decode(p.subarray(0, n)).replace(/\0.*/, "");
  const available = Deno.readTextFileSync("/proc/sys/net/ipv4/tcp_available_congestion_control");
  assert(available.split(/\s/).includes(name), name);
  setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, new TextEncoder().encode(name));
  const none = new TextEncoder().encode("nosuchdevice0");
  assertThrows(() => setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, none), SyscallError);
  close(fd);
});

Deno.test("linger is seconds, or null for the default", () => {
  const fd = socket(AF_INET, SOCK_STREAM);
  assertEquals(getsockoptLinger(fd), null);
  for (const seconds of [0, 7, null]) {
    setsockoptLinger(fd, seconds);
    assertEquals(getsockoptLinger(fd), seconds);
  }
  close(fd);
});

Deno.test("timevals are milliseconds", () => {
  const fd = socket(AF_INET, SOCK_DGRAM);
  for (const ms of [0, 1500, 60_000]) {
    setsockoptTimeval(fd, SOL_SOCKET, SO_RCVTIMEO, ms);
    assertEquals(getsockoptTimeval(fd, SOL_SOCKET, SO_RCVTIMEO), ms);
  }
  assertEquals(getsockoptTimeval(fd, SOL_SOCKET, SO_SNDTIMEO), 0);
  assertThrows(() => setsockoptTimeval(fd, SOL_SOCKET, SO_RCVTIMEO, -1), RangeError, "got -1");
  assertThrows(() => setsockoptTimeval(fd, SOL_SOCKET, SO_RCVTIMEO, NaN), RangeError);
  close(fd);
});

Deno.test("socketError() takes the pending error, once", async () => {
  const [a, b, listener] = await tcpPair();
  assertEquals(socketError(a, "connect"), null);
  setsockoptLinger(b, 0);
  close(b);
  while (getsockopt(a, IPPROTO_TCP, TCP_NODELAY) >= 0) {
    const error = socketError(a, "send");
    if (error === null) continue; // the reset is on its way
    assertEquals([error.syscall, error.code], ["send", "ECONNRESET"]);
    break;
  }
  assertEquals(getsockopt(a, SOL_SOCKET, SO_ERROR), 0);
  [a, listener].forEach(close);
});

Deno.test("peerCredentials() says who is at the other end", () => {
  const [a, b] = socketpair(SOCK_STREAM);
  const ours = { pid: Deno.pid, uid: Deno.uid()!, gid: Deno.gid()! };
  assertEquals(peerCredentials(a), ours);
  assertEquals(peerCredentials(b), ours);
  [a, b].forEach(close);
});

Deno.test({
  name: "peerCredentials() knows a Python client by its process id",
  ignore: !hasPython,
  async fn() {
    const listener = socket(AF_UNIX, SOCK_STREAM);
    bind(listener, { family: "unix", path: "" });
    listen(listener);
    const { path } = getsockname(listener) as { path: string };
    await using python = new Python(
      `s = socket.socket(socket.AF_UNIX); s.connect(chr(0) + sys.argv[1][1:])
say(os.getpid()); s.recv(1)`,
      path,
    );
    const { fd } = await acceptFrom(listener);
    assertEquals(peerCredentials(fd).pid, Number(await python.line()));
    [fd, listener].forEach(close);
  },
});
