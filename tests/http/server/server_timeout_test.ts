/** Limits of time: with none of them, each test here would wait for a minute, or for ever. */
import { assert, assertEquals } from "@std/assert";
import { isTimeout } from "../../../deadline.ts";
import { settle } from "../../support/fake_clock.ts";
import { Wire } from "../../support/wire.ts";
import { active, get, hello, within } from "./server_support.ts";

/** How long it takes until the server has closed the connection. */
async function lasts(wire: Wire): Promise<number> {
  const begun = performance.now();
  await within(wire.expectClosed());
  return performance.now() - begun;
}

for (const option of ["readHeaderTimeout", "readTimeout"] as const) {
  Deno.test(`${option} closes, without a word, where no head comes or its end does not`, async () => {
    await Promise.all(["", "GET / HTTP/1.1\r\nHo"].map(async (start) => {
      await using wire = await Wire.open({ handler: hello, [option]: 50 });
      await wire.send(start);
      assert(await lasts(wire) >= 40);
    }));
  });

  Deno.test(`${option} runs from the first byte of the next head`, async () => {
    await using wire = await Wire.open({ handler: hello, [option]: 50 });
    await wire.send(get());
    await wire.expectResponse();
    await new Promise((resolve) => setTimeout(resolve, 250)); // longer than the limit
    await wire.send("G");
    assert(await lasts(wire) >= 40);
  });

  Deno.test(`${option} limits a head that came along with the request before it`, async () => {
    const handlers = [hello, async () => await new Response("hello")];
    await Promise.all(handlers.map(async (handler) => {
      await using wire = await Wire.open({ handler, [option]: 50 });
      await wire.send(get() + "GET / HT");
      assertEquals((await wire.expectResponse()).body, "hello");
      await lasts(wire);
    }));
  });

  Deno.test(`${option} is not put off by a byte now and then`, async () => {
    await using wire = await Wire.open({ handler: hello, [option]: 100 });
    let sent = 0;
    const dripping = (async () => {
      for (; wire.states.at(-1) !== "closed"; sent++) {
        await wire.trySend("G");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    await lasts(wire);
    await dripping;
    assert(sent < 20, `it has taken ${sent} bytes`);
  });
}

Deno.test("readTimeout limits the body too, and the handler sees it", async () => {
  const seen = Promise.withResolvers<unknown>();
  await using wire = await Wire.open({
    handler: async (request) => {
      seen.resolve(await request.text().catch((error) => error));
      return new Response("late", { status: 408 });
    },
    readTimeout: 50,
  });
  await wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  assert(isTimeout(await within(seen.promise)));
  const { status, headers } = await wire.expectResponse();
  assertEquals([status, headers.get("connection")], [408, "close"]);
  await wire.expectClosed();
});

Deno.test("readTimeout does not limit the handler, nor the requests behind", async () => {
  await using wire = await Wire.open({
    handler: async (request) => {
      const text = await request.text();
      await new Promise((resolve) => setTimeout(resolve, 250));
      return new Response(text);
    },
    readTimeout: 50,
    readHeaderTimeout: 0,
    idleTimeout: 0,
  });
  for (const text of ["first", "again"]) {
    await wire.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n${text}`);
    assertEquals((await wire.expectResponse()).body, text);
  }
});

Deno.test("writeTimeout cuts an answer that takes too long to be made", async () => {
  const { wire, info, answer } = await active({ writeTimeout: 50 });
  await using _ = wire;
  assert(await lasts(wire) >= 40);
  assert(isTimeout(await info.completed.catch((error) => error)));
  answer.resolve(new Response("too late"));
});

Deno.test("writeTimeout cuts an answer that the client does not read", async () => {
  let completed: Promise<unknown> | undefined;
  await using wire = await Wire.open({
    handler: (_, info) => {
      completed = info.completed.catch((error) => error);
      return new Response("x".repeat(100_000));
    },
    writeTimeout: 50,
  });
  await wire.send(get());
  await settle();
  assert(isTimeout(await within(completed!)));
  await wire.rest();
});

Deno.test("writeTimeout ends with the answer", async () => {
  await using wire = await Wire.open({ handler: hello, writeTimeout: 50 });
  for (let i = 0; i < 2; i++) {
    await wire.send(get());
    await wire.expectResponse();
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await wire.expectIdle();
});

Deno.test("info.setWriteDeadline() takes the place of writeTimeout", async () => {
  await using wire = await Wire.open({
    handler: async (_, info) => {
      info.setWriteDeadline(null);
      await new Promise((resolve) => setTimeout(resolve, 250));
      return new Response("slow");
    },
    writeTimeout: 50,
  });
  await wire.send(get());
  assertEquals((await wire.expectResponse()).body, "slow");
});

Deno.test("idleTimeout closes a connection between two requests, and not within one", async () => {
  await using wire = await Wire.open({
    handler: async () => {
      await new Promise((resolve) => setTimeout(resolve, 250)); // longer than the limit
      return new Response("x");
    },
    idleTimeout: 50,
  });
  await wire.send(get());
  assertEquals((await wire.expectResponse()).body, "x");
  assert(await lasts(wire) >= 40);
  assertEquals(wire.states, ["new", "active", "idle", "closed"]);
});

Deno.test("idleTimeout does not run before the first request", async () => {
  await using wire = await Wire.open({ handler: hello, idleTimeout: 50 });
  await new Promise((resolve) => setTimeout(resolve, 250));
  await wire.send(get());
  assertEquals((await wire.expectResponse()).body, "hello");
});

Deno.test("readTimeout is for head and body together", async () => {
  const read = Promise.withResolvers<number>();
  let begun = 0;
  await using wire = await Wire.open({
    handler: async (request) => {
      await request.text().catch(() => {});
      read.resolve(performance.now() - begun);
      return new Response();
    },
    readTimeout: 1_000,
  });
  begun = performance.now();
  await wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Le");
  await new Promise((resolve) => setTimeout(resolve, 600));
  await wire.send("ngth: 5\r\n\r\nab");
  const lasted = await read.promise;
  assert(lasted >= 900 && lasted < 1_500, `${lasted} ms`);
});

Deno.test("readTimeout does not count from the head of an earlier request", async () => {
  const handler = async (request: Request) => new Response(await request.text());
  await using wire = await Wire.open({ handler, readTimeout: 400 });
  await wire.send("OPTIONS * HT");
  await wire.send("TP/1.1\r\nHost: x\r\n\r\n");
  await wire.expectResponse();
  await new Promise((resolve) => setTimeout(resolve, 450));
  await wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
  await settle();
  await wire.send("b");
  assertEquals((await wire.expectResponse()).body, "ab");
});
