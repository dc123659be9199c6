import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  accept,
  AF_INET,
  AF_INET6,
  AF_UNIX,
  bind,
  close,
  connect,
  encodeAddress,
  getpeername,
  getsockname,
  IPPROTO_ICMP,
  listen,
  MSG_PEEK,
  MSG_TRUNC,
  poller,
  recv,
  recvfrom,
  send,
  sendto,
  setsockoptLinger,
  SHUT_WR,
  shutdown,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  socket,
  type SocketAddress,
  socketpair,
  SyscallError,
} from "../../sys/mod.ts";
import {
  acceptFrom,
  connectTo,
  hasPython,
  listenTcp,
  loopback,
  Python,
  ready,
  receiveText,
  tcpPair,
} from "./helpers.ts";

const text = (s: string) => new TextEncoder().encode(s);
const loopback6: SocketAddress = { family: "inet6", hostname: "::1", port: 0 };

/** A family with its domain and an address to bind to. */
interface Family {
  name: string;
  domain: number;
  address(dir: string, name: string): SocketAddress;
}

const families: Family[] = [
  { name: "IPv4", domain: AF_INET, address: () => loopback },
  { name: "IPv6", domain: AF_INET6, address: () => loopback6 },
  {
    name: "a Unix path",
    domain: AF_UNIX,
    address: (dir, name) => ({ family: "unix", path: `${dir}/${name}` }),
  },
  {
    name: "an abstract name",
    domain: AF_UNIX,
    address: (dir, name) => ({ family: "unix", path: `@${dir}/${name}` }),
  },
  {
    name: "a name the kernel chooses",
    domain: AF_UNIX,
    address: () => ({ family: "unix", path: "" }),
  },
];

/** Python's side: an address from our JSON-like arguments, and back. */
const pythonAddress = `
def parse(kind, a, port):
  return (a, int(port)) if kind != "unix" else (chr(0) + a[1:] if a[:1] == "@" else a)
def show(a):
  if isinstance(a, bytes): a = a.decode()
  return a.replace(chr(0), "@", 1) if isinstance(a, str) else f"{a[0]} {a[1]}"
fam = {"inet": socket.AF_INET, "inet6": socket.AF_INET6, "unix": socket.AF_UNIX}
`;

const toArgs = (address: SocketAddress): string[] =>
  address.family === "unix"
    ? ["unix", address.path, "0"]
    : [address.family, address.hostname, String(address.port)];

function fromText(family: SocketAddress["family"], shown: string): SocketAddress {
  if (family === "unix") return { family, path: shown };
  const [hostname, port] = shown.split(" ");
  return { family, hostname, port: Number(port) };
}

for (const { name, domain, address } of families) {
  for (const type of ["SOCK_STREAM", "SOCK_SEQPACKET"] as const) {
    if (type === "SOCK_SEQPACKET" && domain !== AF_UNIX) continue;
    const kind = type === "SOCK_STREAM" ? SOCK_STREAM : SOCK_SEQPACKET;

    Deno.test({
      name: `a ${type} client of Python reaches our listener on ${name}`,
      ignore: !hasPython,
      async fn() {
        const dir = await Deno.makeTempDir();
        const listener = socket(domain, kind);
        bind(listener, address(dir, "listener"));
        listen(listener);
        const bound = getsockname(listener);
        await using python = new Python(
          `${pythonAddress}
kind, a, port = sys.argv[1:]
s = socket.socket(fam[kind], socket.${type})
s.connect(parse(kind, a, port))
s.sendall(b"hello")
say(s.recv(100).decode())
s.shutdown(socket.SHUT_WR)
say("end", len(s.recv(100)))`,
          ...toArgs(bound),
        );
        const { fd, address: peer } = await acceptFrom(listener);
        assertEquals(peer.family, bound.family);
        assertEquals(getpeername(fd), peer);
        assertEquals(getsockname(fd), bound);
        assertEquals(await receiveText(fd), "hello");
        assertEquals(send(fd, text("good day")), 8);
        assertEquals(await python.line(), "good day");
        assertEquals(await receiveText(fd), "");
        shutdown(fd, SHUT_WR);
        assertEquals(await python.line(), "end 0");
        close(fd);
        close(listener);
        await Deno.remove(dir, { recursive: true });
      },
    });

    Deno.test({
      name: `our ${type} client reaches a listener of Python on ${name}`,
      ignore: !hasPython,
      async fn() {
        const dir = await Deno.makeTempDir();
        const wanted = address(dir, "listener");
        await using python = new Python(
          `${pythonAddress}
kind, a, port = sys.argv[1:]
l = socket.socket(fam[kind], socket.${type})
l.bind(parse(kind, a, port)); l.listen()
say(show(l.getsockname()))
s, peer = l.accept()
say(s.recv(100).decode())
s.sendall(b"good day")
say(len(s.recv(100)))`,
          ...toArgs(wanted),
        );
        const bound = fromText(wanted.family, await python.line());
        const fd = socket(domain, kind);
        await connectTo(fd, bound);
        assertEquals({ scopeId: 0, ...getpeername(fd) }, { scopeId: 0, ...bound });
        send(fd, text("hello"));
        assertEquals(await python.line(), "hello");
        assertEquals(await receiveText(fd), "good day");
        shutdown(fd, SHUT_WR);
        assertEquals(await python.line(), "0");
        close(fd);
        await Deno.remove(dir, { recursive: true });
      },
    });
  }

  Deno.test({
    name: `datagrams go both ways between Python and us on ${name}`,
    ignore: !hasPython,
    async fn() {
      const dir = await Deno.makeTempDir();
      const fd = socket(domain, SOCK_DGRAM);
      bind(fd, address(dir, "ours"));
      const bound = getsockname(fd);
      await using python = new Python(
        `${pythonAddress}
kind, a, port, own = sys.argv[1:]
s = socket.socket(fam[kind], socket.SOCK_DGRAM)
s.bind(parse(kind, own, 0) if kind == "unix" else parse(kind, a, 0))
to = parse(kind, a, port)
s.sendto(b"one", to); s.sendto(b"", to); s.sendto(b"three", to)
say(show(s.getsockname()))
data, sender = s.recvfrom(100)
say(data.decode(), show(sender))`,
        ...toArgs(bound),
        bound.family === "unix" && bound.path[0] === "@" ? `@${dir}/theirs` : `${dir}/theirs`,
      );
      const p = new Uint8Array(100);
      const lengths = [];
      let sender!: SocketAddress;
      for (let i = 0; i < 3; i++) {
        const message = await ready(fd, "read", () => recvfrom(fd, p));
        lengths.push(message.length);
        sender = message.address;
      }
      assertEquals(lengths, [3, 0, 5], "an empty message is a message too");
      const shown = await python.line();
      assertEquals({ scopeId: 0, ...fromText(bound.family, shown) }, { scopeId: 0, ...sender });
      assertEquals(sendto(fd, text("answer"), sender), 6);
      const ours = bound.family === "unix" ? bound.path : `${bound.hostname} ${bound.port}`;
      assertEquals(await python.line(), `answer ${ours}`);
      close(fd);
      await Deno.remove(dir, { recursive: true });
    },
  });
}

Deno.test("a raw socket answers to root, and is EPERM to others", async () => {
  let fd: number;
  try {
    fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  } catch (error) {
    assertEquals((error as SyscallError).code, "EPERM");
    return;
  }
  // An echo request: type 8, code 0, checksum, identifier 0x4242, sequence 1.
  const request = new Uint8Array([8, 0, 0xb5, 0xbc, 0x42, 0x42, 0, 1]);
  sendto(fd, request, loopback);
  const p = new Uint8Array(100);
  for (;;) {
    const { length, address } = await ready(fd, "read", () => recvfrom(fd, p));
    const icmp = p.subarray((p[0] & 15) * 4, length);
    if (icmp[0] !== 0 || icmp[4] !== 0x42) continue; // our own request, or somebody else's
    assertEquals([...icmp.subarray(4)], [0x42, 0x42, 0, 1]);
    assertEquals({ ...address }, { family: "inet", hostname: "127.0.0.1", port: 0 });
    break;
  }
  close(fd);
});

Deno.test("calls that would have to wait give null", () => {
  const [listener] = listenTcp();
  assertEquals(accept(listener), null);
  const [a, b] = socketpair(SOCK_STREAM);
  const p = new Uint8Array(65536);
  assertEquals(recv(a, p), null);
  assertEquals(recvfrom(a, p), null);
  let sent = 0;
  for (let n = send(a, p); n !== null; n = send(a, p)) sent += n;
  assert(sent > 0);
  [listener, a, b].forEach(close);
});

Deno.test("connect() to a port nobody listens on is refused", async () => {
  const [listener, address] = listenTcp();
  close(listener);
  const fd = socket(AF_INET, SOCK_STREAM);
  const error = await connectTo(fd, address).catch((error) => error);
  assertEquals([error.syscall, error.code], ["connect", "ECONNREFUSED"]);
  close(fd);
});

Deno.test("a connected datagram socket hears that its peer is not there", async () => {
  const gone = socket(AF_INET, SOCK_DGRAM);
  bind(gone, loopback);
  const address = getsockname(gone);
  close(gone);
  const fd = socket(AF_INET, SOCK_DGRAM);
  assertEquals(connect(fd, address), true);
  send(fd, text("anyone?"));
  await poller.wait(fd, "read", { timeout: 10_000 });
  assertThrows(() => recv(fd, new Uint8Array(1)), SyscallError, "recv: connection refused");
  close(fd);
});

Deno.test("a full Unix backlog is EAGAIN, a missing name ENOENT or ECONNREFUSED", () => {
  const listener = socket(AF_UNIX, SOCK_STREAM);
  bind(listener, { family: "unix", path: "" });
  listen(listener, 0);
  const address = encodeAddress(getsockname(listener));
  const clients: number[] = [];
  const error = assertThrows(() => {
    for (;;) {
      clients.push(socket(AF_UNIX, SOCK_STREAM));
      connect(clients.at(-1)!, address);
    }
  }, SyscallError);
  assertEquals([error.syscall, error.code], ["connect", "EAGAIN"]);
  close(listener);
  assertThrows(() => connect(clients.at(-1)!, address), SyscallError, "ECONNREFUSED");
  const nowhere: SocketAddress = { family: "unix", path: "/nowhere/at/all" };
  assertThrows(() => connect(clients.at(-1)!, nowhere), SyscallError, "ENOENT");
  clients.forEach(close);
});

Deno.test("SOCK_SEQPACKET keeps the boundaries of messages", () => {
  const [a, b] = socketpair(SOCK_SEQPACKET);
  for (const message of ["one", "", "three"]) send(a, text(message));
  const p = new Uint8Array(100);
  assertEquals([recv(b, p), recv(b, p), recv(b, p), recv(b, p)], [3, 0, 5, null]);
  close(a);
  assertEquals(recv(b, p), 0);
  close(b);
});

Deno.test("MSG_TRUNC tells the whole length of a message that did not fit", () => {
  const udp = socket(AF_INET, SOCK_DGRAM);
  bind(udp, loopback);
  const [a, b] = socketpair(SOCK_SEQPACKET);
  const p = new Uint8Array(4);
  sendto(udp, text("a long message"), getsockname(udp));
  assertEquals(recvfrom(udp, p, MSG_TRUNC)!.length, 14);
  send(a, text("another one"));
  assertEquals(recv(b, p, MSG_PEEK), 4);
  assertEquals(recv(b, p, MSG_TRUNC), 11);
  assertEquals(new TextDecoder().decode(p), "anot");
  assertEquals(recv(b, p), null, "the rest is gone");
  [udp, a, b].forEach(close);
});

Deno.test("send() of too large a datagram is EMSGSIZE", () => {
  const fd = socket(AF_INET, SOCK_DGRAM);
  bind(fd, loopback);
  const huge = new Uint8Array(70_000);
  assertThrows(() => sendto(fd, huge, getsockname(fd)), SyscallError, "sendto: message too long");
  close(fd);
});

Deno.test("send() to a closed peer is EPIPE and raises no signal", () => {
  const [a, b] = socketpair(SOCK_STREAM);
  close(b);
  assertThrows(() => send(a, text("x")), SyscallError, "send: broken pipe (EPIPE)");
  close(a);
});

Deno.test("recv() of a connection that was reset is ECONNRESET", async () => {
  const [a, b, listener] = await tcpPair();
  setsockoptLinger(b, 0);
  close(b);
  await poller.wait(a, "read", { timeout: 10_000 });
  assertThrows(() => recv(a, new Uint8Array(1)), SyscallError, "recv: connection reset by peer");
  close(a);
  close(listener);
});

Deno.test("every failure names its call and its code", () => {
  const fd = socket(AF_INET, SOCK_STREAM);
  const p = new Uint8Array(1);
  const failures: [syscall: string, code: string, call: () => unknown][] = [
    ["socket", "EAFNOSUPPORT", () => socket(250, SOCK_STREAM)],
    ["socketpair", "EOPNOTSUPP", () => socketpair(SOCK_STREAM, AF_INET)],
    ["bind", "EADDRNOTAVAIL", () => bind(fd, { ...loopback, hostname: "192.0.2.1" })],
    ["listen", "EBADF", () => listen(-1)],
    ["accept", "EINVAL", () => accept(fd)],
    ["connect", "EBADF", () => connect(-1, loopback)],
    ["getsockname", "EBADF", () => getsockname(-1)],
    ["getpeername", "ENOTCONN", () => getpeername(fd)],
    ["shutdown", "ENOTCONN", () => shutdown(fd, SHUT_WR)],
    ["recv", "ENOTCONN", () => recv(fd, p)],
    ["recvfrom", "EBADF", () => recvfrom(-1, p)],
    ["send", "EPIPE", () => send(fd, p)],
    ["sendto", "EBADF", () => sendto(-1, p, loopback)],
  ];
  for (const [syscall, code, call] of failures) {
    const error = assertThrows(call, SyscallError);
    assertEquals([error.syscall, error.code], [syscall, code]);
  }
  close(fd);
});
