import { assertEquals, assertRejects } from "@std/assert";
import { connAfter } from "../../../http/server/hijacked_conn.ts";
import { pipe } from "../../../net/pipe.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("writes wait for what is still to be written, reads do not", async () => {
  const [client, server] = pipe();
  const drained = Promise.withResolvers<void>();
  const conn = connAfter(server, drained.promise);
  const p = new Uint8Array(8);
  const sent = client.write(encode("in"));
  assertEquals([await conn.read(p), await sent], [2, 2]);

  const written = conn.write(encode("mine"));
  await assertRejects(() => client.read(p, { timeout: 20 }), "nothing yet");
  const rest = server.write(encode("rest"));
  await client.read(p);
  await rest;
  drained.resolve();
  assertEquals(await client.read(p), 4);
  assertEquals([await written, new TextDecoder().decode(p.subarray(0, 4))], [4, "mine"]);
  conn.close();
  assertEquals(await client.read(p), null);
  client.close();
});

Deno.test("writes fail when what was to be written could not be", async () => {
  const [client, server] = pipe();
  const conn = connAfter(server, Promise.reject(new Error("reset")));
  await assertRejects(() => conn.write(encode("mine")), Error, "reset");
  conn.close();
  client.close();
});
