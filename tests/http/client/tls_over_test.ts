import { assertEquals, assertInstanceOf } from "@std/assert";
import { Deadline, isTimeout } from "../../../deadline.ts";
import { tlsOver } from "../../../http/client/tls_over.ts";
import type { Conn } from "../../../net/conn.ts";
import { OpError } from "../../../net/errors.ts";
import { pipe } from "../../../net/pipe.ts";
import { nodeServer } from "../../../net/runtime/node_tls.ts";
import { StreamConn } from "../../../net/stream.ts";
import { encode, readText } from "../../support/conn_helpers.ts";
import { ca, server, stranger } from "../../support/tls/certificates.ts";
import { rejection } from "./transport_support.ts";

const unlimited = () => new Deadline({});

/** The server's side of a connection in memory. */
function serve(conn: Conn, pair = server): StreamConn {
  const ends = (): [never, never] => ["server", "client"] as unknown as [never, never];
  return new StreamConn(nodeServer(pair, ["http/1.1"])(conn), "pipe", ends);
}

/** Node ends its sockets a turn later. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("tlsOver() makes TLS of any connection", async () => {
  const [near, far] = pipe();
  const peer = serve(far);
  const echo = readText(peer).then((text) => peer.write(encode(`${text}!`)));
  const [conn, state] = await tlsOver(near, {
    tls: { caCerts: [ca] },
    serverName: "example.test",
    deadline: unlimited(),
  });
  assertEquals(state, {
    handshakeComplete: true,
    alpnProtocol: "http/1.1",
    serverName: "example.test",
  });
  await conn.write(encode("hello"));
  assertEquals(await readText(conn), "hello!");
  await echo;
  conn.close();
  peer.close();
  await turn();
});

Deno.test("tlsOver() trusts nobody without reason, and closes the connection", async () => {
  const rows: [pair: typeof server, serverName: string, caCerts: string[]][] = [
    [server, "example.test", []],
    [server, "other.test", [ca]],
    [stranger, "example.test", [ca]],
  ];
  for (const [pair, serverName, caCerts] of rows) {
    const [near, far] = pipe();
    const peer = serve(far, pair);
    const reading = peer.read(new Uint8Array(1)).catch(() => null);
    const error = await rejection(
      tlsOver(near, { tls: { caCerts }, serverName, deadline: unlimited() }),
    );
    assertInstanceOf(error, OpError);
    assertEquals([error.op, error.code.startsWith("ERR_TLS")], ["handshake", true], error.message);
    await rejection(near.read(new Uint8Array(1)));
    peer.close();
    await reading;
    await turn();
  }
});

Deno.test("tlsOver() gives up with its deadline, and closes the connection", async () => {
  const [near, far] = pipe();
  const reading = far.read(new Uint8Array(4_096)); // and never a word
  using deadline = new Deadline({ timeout: 20 });
  const error = await rejection(tlsOver(near, { tls: {}, serverName: "example.test", deadline }));
  assertEquals([isTimeout(error), (error as OpError).op], [true, "handshake"]);
  await reading;
  assertEquals(await far.read(new Uint8Array(1)).catch(() => null), null);
  far.close();
  await turn();
});

Deno.test("tlsOver() refuses what is no pair of certificate and key", async () => {
  const [near, far] = pipe();
  const tls = { cert: server.cert, key: "no key" };
  const error = await rejection(
    tlsOver(near, { tls, serverName: "example.test", deadline: unlimited() }),
  );
  assertInstanceOf(error, TypeError);
  assertEquals(await far.read(new Uint8Array(1)), null);
  far.close();
});
