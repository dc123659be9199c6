import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_INET,
  AF_UNIX,
  bind,
  close,
  getsockname,
  listen,
  pipe2,
  read,
  recvmsg,
  sendmsg,
  setsockopt,
  SO_PASSCRED,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  socket,
  socketpair,
  SOL_SOCKET,
  SyscallError,
  write,
} from "../../sys/mod.ts";
import { acceptFrom, descriptors, hasPython, loopback, Python, ready } from "./helpers.ts";

const text = (s: string) => new TextEncoder().encode(s);
const shown = (p: Uint8Array) => new TextDecoder().decode(p);

Deno.test("sendmsg() and recvmsg() carry bytes, any part of an array, and addresses", () => {
  const fd = socket(AF_INET, SOCK_DGRAM);
  bind(fd, loopback);
  const address = getsockname(fd);
  assertEquals(sendmsg(fd, text("..hello..").subarray(2, 7), { address }), 5);
  const p = new Uint8Array(20);
  const message = recvmsg(fd, p.subarray(10));
  assertEquals(shown(p.subarray(10, 15)), "hello");
  assertEquals(message, {
    length: 5,
    truncated: false,
    address,
    fds: [],
    fdsTruncated: false,
    credentials: null,
  });
  assertEquals(recvmsg(fd, p), null);
  close(fd);
});

Deno.test("recvmsg() reports what did not fit, and takes empty messages", () => {
  const [a, b] = socketpair(SOCK_SEQPACKET);
  sendmsg(a, text("a long message"));
  sendmsg(a, text("abcd"));
  sendmsg(a, new Uint8Array());
  const p = new Uint8Array(4);
  const took = () => {
    const { length, truncated } = recvmsg(b, p)!;
    return [length, truncated];
  };
  assertEquals([took(), took(), took()], [[4, true], [4, false], [0, false]]);
  [a, b].forEach(close);
});

Deno.test("descriptors travel, and the copies outlive the originals", () => {
  const [a, b] = socketpair(SOCK_STREAM);
  const pipes = Array.from({ length: 20 }, () => pipe2());
  const before = descriptors();
  sendmsg(a, text("x"), { fds: pipes.map(([reader]) => reader) });
  for (const [reader] of pipes) close(reader);
  const { length, fds, fdsTruncated } = recvmsg(b, new Uint8Array(10))!;
  assertEquals([length, fds.length, fdsTruncated], [1, 20, false]);
  assertEquals(descriptors(), before);
  const p = new Uint8Array(1);
  pipes.forEach(([, writer], i) => {
    write(writer, new Uint8Array([i]));
    assertEquals([read(fds[i], p), p[0]], [1, i]);
    const flags = Deno.readTextFileSync(`/proc/self/fdinfo/${fds[i]}`).match(/flags:\s*(\d+)/)!;
    assert(parseInt(flags[1], 8) & 0o2000000, "close-on-exec");
  });
  [a, b, ...fds, ...pipes.map(([, writer]) => writer)].forEach(close);
});

Deno.test("253 descriptors go at once, and one more is refused", () => {
  const [a, b] = socketpair(SOCK_SEQPACKET);
  const fds = new Array<number>(253).fill(a);
  assertEquals(sendmsg(a, text("x"), { fds }), 1);
  const message = recvmsg(b, new Uint8Array(1))!;
  assertEquals([message.fds.length, message.fdsTruncated], [253, false]);
  message.fds.forEach(close);
  assertThrows(() => sendmsg(a, text("x"), { fds: [...fds, a] }), RangeError, "got 254");
  [a, b].forEach(close);
});

Deno.test("a descriptor that is not open cannot be sent", () => {
  const [a, b] = socketpair(SOCK_STREAM);
  const error = assertThrows(() => sendmsg(a, text("x"), { fds: [1_000_000] }), SyscallError);
  assertEquals([error.syscall, error.code], ["sendmsg", "EBADF"]);
  assertThrows(() => recvmsg(-1, new Uint8Array(1)), SyscallError, "recvmsg: bad file descriptor");
  [a, b].forEach(close);
});

Deno.test("credentials come with every message once SO_PASSCRED is set", () => {
  const [a, b] = socketpair(SOCK_DGRAM);
  const ours = { pid: Deno.pid, uid: Deno.uid()!, gid: Deno.gid()! };
  sendmsg(a, text("before"), {});
  setsockopt(b, SOL_SOCKET, SO_PASSCRED, true);
  const p = new Uint8Array(10);
  sendmsg(a, text("after"));
  sendmsg(a, text("told"), { credentials: ours, fds: [a] });
  recvmsg(b, p);
  assertEquals(recvmsg(b, p)!.credentials, ours);
  const told = recvmsg(b, p)!;
  assertEquals([told.credentials, told.fds.length, told.fdsTruncated], [ours, 1, false]);
  if (ours.uid === 0) {
    const made = { pid: 1, uid: 12, gid: 34 };
    sendmsg(a, text("made up"), { credentials: made });
    assertEquals(recvmsg(b, p)!.credentials, made);
  }
  [a, b, ...told.fds].forEach(close);
});

Deno.test({
  name: "descriptors go to Python and come back, with credentials",
  ignore: !hasPython,
  async fn() {
    const listener = socket(AF_UNIX, SOCK_SEQPACKET);
    bind(listener, { family: "unix", path: "" });
    listen(listener);
    const { path } = getsockname(listener) as { path: string };
    await using python = new Python(
      `s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(chr(0) + sys.argv[1][1:])
msg, fds, flags, addr = socket.recv_fds(s, 100, 10)
say(msg.decode(), len(fds))
os.write(fds[0], b"from python")
r, w = os.pipe()
os.write(w, b"through a pipe")
socket.send_fds(s, [b"back"], [r])
say(os.getpid()); s.recv(1)`,
      path,
    );
    const { fd } = await acceptFrom(listener);
    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, true);
    const [reader, writer] = pipe2();
    sendmsg(fd, text("take this"), { fds: [writer] });
    assertEquals(await python.line(), "take this 1");
    const p = new Uint8Array(100);
    const n = await ready(reader, "read", () => read(reader, p));
    assertEquals(shown(p.subarray(0, n)), "from python");
    const message = await ready(fd, "read", () => recvmsg(fd, p));
    assertEquals(shown(p.subarray(0, message.length)), "back");
    assertEquals(message.credentials!.pid, Number(await python.line()));
    assertEquals(read(message.fds[0], p), 14);
    assertEquals(shown(p.subarray(0, 14)), "through a pipe");
    [fd, listener, reader, writer, ...message.fds].forEach(close);
  },
});
