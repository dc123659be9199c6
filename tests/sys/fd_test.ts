import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  bind,
  close,
  closeOnExec,
  listen,
  mkfifo,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  open,
  pipe2,
  poller,
  read,
  setNonblock,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  socket,
  socketpair,
  SyscallError,
  write,
} from "../../sys/mod.ts";
import { descriptors, listenTcp, ready, tcpPair } from "./helpers.ts";

/** The flags of a descriptor, as the kernel shows them. */
function flagsOf(fd: number): { nonblock: boolean; cloexec: boolean } {
  const info = Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`);
  const flags = parseInt(info.match(/flags:\s*(\d+)/)![1], 8);
  return { nonblock: (flags & 0o4000) !== 0, cloexec: (flags & 0o2000000) !== 0 };
}

Deno.test("every descriptor is non-blocking and close-on-exec from birth", async () => {
  const [a, b, listener] = await tcpPair();
  const made = [
    a,
    b,
    listener,
    ...socketpair(SOCK_STREAM),
    ...pipe2(),
    open("/dev/null", O_RDWR),
    socket(AF_INET6, SOCK_DGRAM),
  ];
  for (const fd of made) assertEquals(flagsOf(fd), { nonblock: true, cloexec: true });
  made.forEach(close);
});

Deno.test("setNonblock() and closeOnExec() change the flags, each leaving the other", () => {
  const fd = socket(AF_INET, SOCK_STREAM);
  setNonblock(fd, false);
  assertEquals(flagsOf(fd), { nonblock: false, cloexec: true });
  closeOnExec(fd, false);
  assertEquals(flagsOf(fd), { nonblock: false, cloexec: false });
  setNonblock(fd);
  closeOnExec(fd);
  assertEquals(flagsOf(fd), { nonblock: true, cloexec: true });
  close(fd);
  assertThrows(() => setNonblock(fd), SyscallError, "fcntl: bad file descriptor (EBADF)");
  assertThrows(() => closeOnExec(fd), SyscallError, "EBADF");
});

Deno.test("10,000 times open and close leave as many descriptors as before", () => {
  const fd = socket(AF_INET, SOCK_STREAM);
  close(fd);
  const before = descriptors();
  for (let i = 0; i < 2_500; i++) {
    close(socket(AF_INET, SOCK_STREAM));
    const unix = socket(AF_UNIX, SOCK_DGRAM);
    bind(unix, { family: "unix", path: "" });
    close(unix);
    const [a, b] = socketpair(SOCK_SEQPACKET);
    close(a);
    close(b);
  }
  assertEquals(descriptors(), before);
});

Deno.test("connections and failed calls leave as many descriptors as before", async () => {
  const cycle = async () => {
    const [a, b, listener] = await tcpPair();
    assertThrows(() => bind(a, { family: "unix", path: "/x" }), SyscallError);
    [a, b, listener].forEach(close);
  };
  await cycle();
  const before = descriptors();
  for (let i = 0; i < 500; i++) await cycle();
  assertEquals(descriptors(), before);
});

Deno.test("close() of what is not open is EBADF", () => {
  const fd = socket(AF_INET, SOCK_STREAM);
  close(fd);
  const error = assertThrows(() => close(fd), SyscallError);
  assertEquals([error.syscall, error.errno, error.code], ["close", 9, "EBADF"]);
});

Deno.test("a pipe carries bytes, and its end when the writer is closed", () => {
  const [reader, writer] = pipe2();
  const p = new Uint8Array(10);
  assertEquals(read(reader, p), null);
  assertEquals(write(writer, new Uint8Array([1, 2, 3])), 3);
  assertEquals(read(reader, p.subarray(5)), 3);
  assertEquals([...p], [0, 0, 0, 0, 0, 1, 2, 3, 0, 0]);
  close(writer);
  assertEquals(read(reader, p), 0);
  close(reader);
});

Deno.test("write() gives null when the pipe is full, and EPIPE when nobody reads", async () => {
  const [reader, writer] = pipe2();
  const block = new Uint8Array(65536);
  while (write(writer, block) !== null);
  const room = poller.wait(writer, "write");
  while (read(reader, block) !== null);
  await room;
  assert(write(writer, block)! > 0);
  close(reader);
  assertThrows(() => write(writer, block), SyscallError, "write: broken pipe (EPIPE)");
  close(writer);
});

Deno.test("mkfifo() makes a FIFO that open() opens without waiting", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/fifo`;
  mkfifo(path, 0o600);
  const info = await Deno.stat(path);
  assertEquals([info.isFifo, info.mode! & 0o777], [true, 0o600]);
  assertThrows(() => mkfifo(path), SyscallError, "mkfifo: file exists (EEXIST)");
  assertThrows(() => open(path, O_WRONLY), SyscallError, "ENXIO");
  const reader = open(path, O_RDONLY);
  const writer = open(path, O_WRONLY);
  write(writer, new Uint8Array([7]));
  const p = new Uint8Array(4);
  assertEquals(await ready(reader, "read", () => read(reader, p)), 1);
  assertEquals(p[0], 7);
  close(reader);
  close(writer);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("open() makes files with the mode that was asked for", async () => {
  const dir = await Deno.makeTempDir();
  const fd = open(`${dir}/file`, O_WRONLY | O_CREAT, 0o640);
  assertEquals(write(fd, new TextEncoder().encode("text")), 4);
  close(fd);
  assertEquals(await Deno.readTextFile(`${dir}/file`), "text");
  assertEquals((await Deno.stat(`${dir}/file`)).mode! & 0o777 & ~0o022, 0o640 & ~0o022);
  assertThrows(() => open(`${dir}/none`, O_RDONLY), SyscallError, "open: no such file");
  assertThrows(() => open(`${dir}/a\0b`, O_RDONLY), TypeError, "must not contain NUL");
  await Deno.remove(dir, { recursive: true });
});

Deno.test("listening and closing again frees the address", () => {
  const [first, address] = listenTcp();
  const second = socket(AF_INET, SOCK_STREAM);
  assertThrows(
    () => bind(second, address),
    SyscallError,
    "bind: address already in use (EADDRINUSE)",
  );
  close(first);
  bind(second, address);
  listen(second);
  close(second);
});
