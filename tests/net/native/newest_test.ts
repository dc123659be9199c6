import { assert, assertEquals } from "@std/assert";
import { netAddress } from "../../../net/address.ts";
import type { NetAddress } from "../../../net/conn.ts";
import { listenAt, NewestDescriptors } from "../../../net/native/newest.ts";
import { AF_INET, close, getpeername, SOCK_STREAM, socket } from "../../../sys/mod.ts";

const addressOf = ({ hostname, port }: Deno.NetAddr) => netAddress("tcp", hostname, port);
const boundTo = ({ addr }: Deno.TcpListener) => addressOf(addr);

/** The local and the remote end. */
const endsOf = (conn: Deno.TcpConn): [NetAddress, NetAddress] => [
  addressOf(conn.localAddr),
  addressOf(conn.remoteAddr),
];

/** Connects to a listener of the runtime; its end first. */
async function pair(listener: Deno.TcpListener): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  const { port } = listener.addr;
  return await Promise.all([listener.accept(), Deno.connect({ hostname: "127.0.0.1", port })]);
}

function assertFound(descriptors: NewestDescriptors, conn: Deno.TcpConn): number {
  const fd = descriptors.find(...endsOf(conn));
  assert(fd !== undefined);
  const peer = getpeername(fd);
  assert(peer.family === "inet");
  assertEquals(peer.port, conn.remoteAddr.port);
  return fd;
}

Deno.test("find() finds each new connection, wherever its number comes from", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const descriptors = new NewestDescriptors();
  const open: { fd: number; ends: Deno.TcpConn[] }[] = [];
  for (let i = 0; i < 60; i++) {
    const ends = await pair(listener);
    open.push({ fd: assertFound(descriptors, ends[0]), ends });
    if (i % 3 === 2) {
      // A number further down is free again, of ours and of others.
      const [{ fd, ends }] = open.splice(i % open.length, 1);
      for (const conn of ends) conn.close();
      descriptors.release(fd);
    }
  }
  assertEquals(new Set(open.map(({ fd }) => fd)).size, open.length);
  for (const { ends } of open) for (const conn of ends) conn.close();
});

Deno.test("find() finds a connection whose number it takes for another's", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const descriptors = new NewestDescriptors();
  const [lost, peer] = await pair(listener);
  const fd = assertFound(descriptors, lost);
  peer.close();
  lost.close(); // and nobody says so
  const ends = await pair(listener);
  assert([fd, fd + 1].includes(assertFound(descriptors, ends[0])));
  for (const conn of ends) conn.close();
});

Deno.test("find() gives undefined for a connection that is not there", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const descriptors = new NewestDescriptors();
  const ends = await pair(listener);
  const [local, remote] = endsOf(ends[0]);
  for (const conn of ends) conn.close();
  assertEquals(descriptors.find(local, remote), undefined);
});

Deno.test("listenAt() finds the listener's socket, not another with its address", () => {
  const addr = { hostname: "127.0.0.1", port: 0 };
  const [first, fd] = listenAt(() => Deno.listen({ ...addr, reusePort: true }), boundTo);
  const twin = { ...addr, port: first.addr.port, reusePort: true };
  const [second, other] = listenAt(() => Deno.listen(twin), boundTo);
  assert(fd !== undefined && other !== undefined && fd !== other);
  first.close();
  // The lowest free number is the first one's again: the second kept its own.
  const probe = socket(AF_INET, SOCK_STREAM);
  close(probe);
  assertEquals(probe, fd);
  second.close();
});

Deno.test("listenAt() gives undefined for what does not listen", () => {
  const [, fd] = listenAt(() => 0, () => netAddress("tcp", "127.0.0.1", 1));
  assertEquals(fd, undefined);
});
