import { assertEquals, assertStrictEquals } from "@std/assert";
import { ClientInput } from "../../../http/client/client_input.ts";
import { ClientStream } from "../../../http/client/client_stream.ts";
import { pipe } from "../../../net/pipe.ts";
import { settle } from "../../support/fake_clock.ts";
import { bytesOf, textOf } from "./transport_support.ts";

function setUp(size: number) {
  const [client, server] = pipe();
  const log: unknown[] = [];
  const input = new ClientInput(
    new ClientStream(client, true),
    size,
    (more) => log.push(more),
    (error) => log.push(error),
  );
  const send = async (text: string) => {
    await server.write(bytesOf(text));
    await settle();
  };
  const text = () => textOf(input.buffer.subarray(input.start, input.end));
  return { client, server, input, log, send, text };
}

Deno.test("fill() reads behind what was not taken, and makes room for it", async () => {
  const { client, server, input, log, send, text } = setUp(4);
  input.fill();
  assertEquals(input.reading, true);
  await send("abcd");
  assertEquals([log, input.reading, text()], [[true], false, "abcd"]);
  input.fill(); // twice the room
  await send("efgh");
  assertEquals([text(), input.buffer.length], ["abcdefgh", 8]);
  input.start += 3;
  input.fill(); // moved to the front
  await send("ijk");
  assertEquals([text(), input.start, input.buffer.length], ["defghijk", 0, 8]);
  input.start = input.end;
  input.fill(); // from the beginning
  await send("l");
  assertEquals([text(), input.start, input.end], ["l", 0, 1]);
  client.close();
  server.close();
});

Deno.test("fill() tells of the end, and of failures", async () => {
  const { client, server, input, log } = setUp(4);
  server.close();
  input.fill();
  await settle();
  client.close();
  input.fill();
  await settle();
  assertEquals(log[0], false);
  assertEquals((log[1] as { code: string }).code, "ERR_CLOSED");
  assertEquals(input.reading, false);
});

Deno.test("more() and into() read without a callback", async () => {
  const { client, server, input, log, send, text } = setUp(4);
  const more = input.more();
  await send("abc");
  assertEquals([await more, text()], [true, "abc"]);
  const p = new Uint8Array(8);
  const into = input.into(p);
  await send("defgh");
  assertEquals([await into, textOf(p.subarray(0, 5)), text()], [5, "defgh", "abc"]);
  server.close();
  assertEquals([await input.more(), await input.into(p), log], [false, null, []]);
  client.close();
});

Deno.test("take() gives bytes away, as an array of their own", async () => {
  const { client, server, input, send } = setUp(8);
  input.fill();
  await send("abcdef");
  const first = input.take(2);
  const rest = input.take(Infinity);
  input.buffer.fill(0);
  assertEquals([textOf(first), textOf(rest), input.start === input.end], ["ab", "cdef", true]);
  client.close();
  server.close();
});

Deno.test("rewind() gives a large buffer back, drop() any", async () => {
  const { client, server, input, send } = setUp(4);
  const { buffer } = input;
  input.rewind();
  assertStrictEquals(input.buffer, buffer);
  input.fill();
  await send("abcd");
  input.fill();
  await send("efgh");
  assertEquals(input.buffer.length, 8);
  input.rewind();
  assertEquals([input.buffer.length, input.start, input.end], [4, 0, 0]);
  input.drop();
  assertEquals(input.buffer.length, 0);
  client.close();
  server.close();
});
