import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_INET,
  AF_INET6,
  bind,
  close,
  connect,
  encodeAddress,
  getsockname,
  MessageBatch,
  poller,
  recvmmsg,
  sendmmsg,
  sendto,
  setsockopt,
  SO_SNDBUF,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  socket,
  socketpair,
  SOL_SOCKET,
  SyscallError,
} from "../../sys/mod.ts";
import { hasPython, loopback, Python } from "./helpers.ts";

const text = (s: string) => new TextEncoder().encode(s);
const texts = (batch: MessageBatch) =>
  Array.from({ length: batch.length }, (_, i) => new TextDecoder().decode(batch.data(i)));

function udp(hostname = "127.0.0.1") {
  const inet6 = hostname.includes(":");
  const fd = socket(inet6 ? AF_INET6 : AF_INET, SOCK_DGRAM);
  bind(fd, { family: inet6 ? "inet6" : "inet", hostname, port: 0 });
  return { fd, address: getsockname(fd) };
}

Deno.test("a batch goes out and comes in, each message with its address", () => {
  const [a, b, c] = [udp(), udp(), udp()];
  const batch = new MessageBatch(8, 100);
  assert(batch.push(text("to b"), b.address));
  assert(batch.push(text(""), b.address));
  assert(batch.push(text("to c"), encodeAddress(c.address)));
  assertEquals([batch.length, texts(batch)], [3, ["to b", "", "to c"]]);
  assertEquals(batch.address(2), c.address);
  assertEquals(sendmmsg(a.fd, batch), 3);

  const received = new MessageBatch(8, 100);
  assertEquals(recvmmsg(b.fd, received), 2);
  assertEquals(texts(received), ["to b", ""]);
  assertEquals(received.address(0), a.address);
  assertEquals(recvmmsg(c.fd, received), 1);
  assertEquals(texts(received), ["to c"]);
  assertEquals(recvmmsg(c.fd, received), null);
  assertEquals(received.length, 0);
  assertThrows(() => received.data(0), RangeError, "has 0 messages, asked for 0");
  [a, b, c].forEach(({ fd }) => close(fd));
});

Deno.test("what was received can be sent back as it is, again and again", () => {
  const server = udp("::1");
  const clients = Array.from({ length: 5 }, () => udp("::1"));
  const batch = new MessageBatch(4, 64);
  const p = new MessageBatch(4, 64);
  for (let round = 0; round < 3; round++) {
    clients.forEach(({ fd }, i) => sendto(fd, text(`${"x".repeat(i)}${round}`), server.address));
    let served = 0;
    for (let n = recvmmsg(server.fd, batch); n !== null; n = recvmmsg(server.fd, batch)) {
      assertEquals(sendmmsg(server.fd, batch), n);
      served += n;
    }
    assertEquals(served, 5);
    clients.forEach(({ fd }, i) => {
      assertEquals(recvmmsg(fd, p), 1);
      assertEquals([texts(p), p.address(0)], [[`${"x".repeat(i)}${round}`], server.address]);
    });
  }
  [server, ...clients].forEach(({ fd }) => close(fd));
});

Deno.test("a message that is too long is cut, and says so", () => {
  const { fd, address } = udp();
  const batch = new MessageBatch(4, 5);
  for (const message of ["12345", "123456", "1"]) sendto(fd, text(message), address);
  assertEquals(recvmmsg(fd, batch), 3);
  assertEquals(texts(batch), ["12345", "12345", "1"]);
  assertEquals([0, 1, 2].map((i) => batch.truncated(i)), [false, true, false]);
  assertThrows(() => batch.push(text("123456")), RangeError, "at most 5 bytes, got 6");
  close(fd);
});

Deno.test("a full batch refuses, and clear() makes room", () => {
  const batch = new MessageBatch(2, 5);
  assertEquals([1, 2, 3].map(() => batch.push(text("x"))), [true, true, false]);
  batch.clear();
  assertEquals([batch.length, batch.push(text("y")), texts(batch)], [0, true, ["y"]]);
  assertThrows(() => new MessageBatch(0, 5), RangeError, "from 1 to 1024, got 0");
  assertThrows(() => new MessageBatch(1, -1), RangeError, "got -1");
});

Deno.test("sendmmsg() says how many it sent, and goes on from there", async () => {
  const [a, b] = socketpair(SOCK_SEQPACKET);
  setsockopt(a, SOL_SOCKET, SO_SNDBUF, 4096);
  const batch = new MessageBatch(64, 1000);
  for (let i = 0; i < 64; i++) batch.push(new Uint8Array(1000).fill(i));
  const received = new MessageBatch(64, 1000);
  const order: number[] = [];
  let calls = 0;
  for (let sent = 0; sent < 64; calls++) {
    const n = sendmmsg(a, batch, sent);
    if (n !== null) sent += n;
    else {
      recvmmsg(b, received);
      for (let i = 0; i < received.length; i++) order.push(received.data(i)[0]);
      await poller.wait(a, "write", { timeout: 10_000 });
    }
  }
  recvmmsg(b, received);
  for (let i = 0; i < received.length; i++) order.push(received.data(i)[0]);
  assert(calls > 2, "it did not all fit at once");
  assertEquals(order, Array.from({ length: 64 }, (_, i) => i));
  assertEquals(sendmmsg(a, batch, 64), 0);
  [a, b].forEach(close);
});

Deno.test("failures of the first message are thrown", async () => {
  const gone = udp();
  const { fd } = udp();
  connect(fd, gone.address);
  close(gone.fd);
  const batch = new MessageBatch(2, 10);
  batch.push(text("x"));
  sendmmsg(fd, batch);
  await poller.wait(fd, "read", { timeout: 10_000 });
  assertThrows(() => recvmmsg(fd, batch), SyscallError, "recvmmsg: connection refused");
  assertThrows(() => recvmmsg(-1, batch), SyscallError, "recvmmsg: bad file descriptor (EBADF)");
  batch.clear();
  batch.push(text("x"), { family: "inet6", hostname: "::1", port: 1 });
  const error = assertThrows(() => sendmmsg(fd, batch), SyscallError);
  assertEquals([error.syscall, error.code], ["sendmmsg", "EAFNOSUPPORT"]);
  close(fd);
});

Deno.test({
  name: "a batch goes to Python and its answers come back in a batch",
  ignore: !hasPython,
  async fn() {
    await using python = new Python(`
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0))
say(s.getsockname()[1])
for i in range(10):
  data, sender = s.recvfrom(100)
  s.sendto(data.upper(), sender)
say("done")`);
    const port = Number(await python.line());
    const { fd } = udp();
    const batch = new MessageBatch(10, 100);
    for (let i = 0; i < 10; i++) batch.push(text(`message ${i}`), { ...loopback, port });
    assertEquals(sendmmsg(fd, batch), 10);
    assertEquals(await python.line(), "done");
    await poller.wait(fd, "read", { timeout: 10_000 });
    assertEquals(recvmmsg(fd, batch), 10);
    assertEquals(texts(batch), Array.from({ length: 10 }, (_, i) => `MESSAGE ${i}`));
    assertEquals({ ...batch.address(9) }, { family: "inet", hostname: "127.0.0.1", port });
    close(fd);
  },
});
