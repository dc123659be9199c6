import { assertEquals, assertThrows } from "@std/assert";
import { poller } from "../../sys/mod.ts";
import { UnknownNetworkError } from "../../net/errors.ts";
import { socketpair } from "../../net/socketpair.ts";
import { connContract } from "../support/conn_contract.ts";
import { encode } from "../support/conn_helpers.ts";

Deno.test.afterEach(() => poller.idle());

connContract("socketpair", () => Promise.resolve(socketpair()), { buffered: true });
connContract("socketpair unixpacket", () => Promise.resolve(socketpair("unixpacket")), {
  messages: true,
  buffered: true,
});

Deno.test("a pair knows who made it, and passes descriptors", async () => {
  for (const network of ["unix", "unixpacket"] as const) {
    const [a, b] = socketpair(network);
    const { pid, uid } = a.peerCredentials();
    assertEquals([pid, uid], [Deno.pid, Deno.uid()]);
    await a.sendFds(encode("take this"), []);
    const { n, fds } = await b.receiveFds(new Uint8Array(16));
    assertEquals([n, fds], [9, []]);
    a.close();
    b.close();
  }
});

Deno.test("socketpair() makes Unix sockets only", () => {
  assertThrows(() => socketpair("tcp" as "unix"), UnknownNetworkError, "unix, unixpacket");
});
