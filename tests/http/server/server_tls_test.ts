import { assertEquals, assertStrictEquals } from "@std/assert";
import { get } from "../../../http/client/default_client.ts";
import { Client } from "../../../http/client/client.ts";
import { Response } from "../../../http/web/response.ts";
import { errServerClosed } from "../../../http/errors.ts";
import { Server } from "../../../http/server/server.ts";
import { Transport } from "../../../http/client/transport.ts";
import type { Engine } from "../../../net/engine.ts";
import { dial } from "../../../net/dialer.ts";
import { ca, server as pair } from "../../support/tls/certificates.ts";
import { installed } from "../../support/tls/peers.ts";

const curl = installed("curl", "--version");
const told = "400 Bad Request: client sent an HTTP request to an HTTPS server\n";

/** Serves over TLS while `work` is under way. */
async function serving(
  engine: Engine | undefined,
  work: (address: string) => Promise<void>,
): Promise<void> {
  const listening = Promise.withResolvers<unknown>();
  const server = new Server({ addr: "127.0.0.1:0", handler: () => new Response("hello") });
  const done = server.listenAndServeTls({ ...pair, engine, onListen: listening.resolve });
  try {
    await work(`${await listening.promise}`);
  } finally {
    await server.shutdown();
  }
  assertStrictEquals(await done, errServerClosed);
}

const engines: [name: string, engine: Engine | undefined][] = [
  ["", undefined],
  [" without system calls", "runtime"],
];
for (const [how, engine] of engines) {
  Deno.test(`a client without TLS is told by the TLS port what is wrong${how}`, async () => {
    await serving(engine, async (address) => {
      const response = await get(`http://${address}/`);
      assertEquals([response.status, await response.text()], [400, told]);
      // Whatever else it has sent does not cost it the answer.
      using conn = await dial("tcp", address);
      await conn.write(new TextEncoder().encode(`POST / HTTP/1.1\r\n\r\n${"x".repeat(20_000)}`));
      const text = await new globalThis.Response(conn.readable).text();
      assertEquals(text.slice(text.indexOf("\r\n\r\n") + 4), told);
    });
  });

  Deno.test(`clients with TLS are served beside one without${how}`, async () => {
    await serving(engine, async (address) => {
      using _silent = await dial("tcp", address);
      const transport = new Transport({ tls: { caCerts: [ca] } });
      const client = new Client({ transport });
      for (let i = 0; i < 3; i++) {
        const plain = await get(`http://${address}/`);
        await plain.text();
        const response = await client.get(`https://${address}/`);
        assertEquals([plain.status, await response.text()], [400, "hello"]);
      }
      transport.closeIdleConnections();
    });
  });

  Deno.test({
    name: `curl shows the answer of a TLS port to a plain request${how}`,
    ignore: !curl,
    fn: () =>
      serving(engine, async (address) => {
        const args = ["-sS", "--max-time", "10", "-d", "x=1", `http://${address}/`];
        const { stdout, stderr } = await new Deno.Command("curl", { args }).output();
        const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
        assertEquals([text(stdout), text(stderr)], [told, ""]);
      }),
  });
}
