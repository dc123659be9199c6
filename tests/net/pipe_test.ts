import { assert, assertEquals, assertRejects } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import type { Conn } from "../../net/conn.ts";
import { ClosedError, OpError } from "../../net/errors.ts";
import { pipe } from "../../net/pipe.ts";
import { connContract } from "../support/conn_contract.ts";
import { encode, readText } from "../support/conn_helpers.ts";
import { settle } from "../support/fake_clock.ts";

connContract("pipe", () => Promise.resolve(pipe()));

/** Says whether a promise has settled, without waiting for it. */
function watched<T>(promise: Promise<T>): { promise: Promise<T>; settled: boolean } {
  const state = { promise, settled: false };
  const settle = () => state.settled = true;
  promise.then(settle, settle);
  return state;
}

function using(body: (a: Conn, b: Conn) => Promise<void>): () => Promise<void> {
  return async () => {
    const [one, other] = pipe();
    using a = one;
    using b = other;
    await body(a, b);
  };
}

Deno.test(
  "both ends of a pipe have the address pipe",
  using((a, b) => {
    for (const address of [a.localAddr, a.remoteAddr, b.localAddr, b.remoteAddr]) {
      assertEquals([address.network, address.transport, `${address}`], ["pipe", "unix", "pipe"]);
    }
    return Promise.resolve();
  }),
);

Deno.test(
  "a write to a pipe waits until all of it has been read",
  using(async (a, b) => {
    const writing = watched(a.write(encode("abc")));
    await settle();
    assertEquals(writing.settled, false);
    await b.read(new Uint8Array(2));
    await settle();
    assertEquals(writing.settled, false);
    await b.read(new Uint8Array(2));
    assertEquals(await writing.promise, 3);
  }),
);

Deno.test(
  "a read of a pipe takes from one write at a time",
  using(async (a, b) => {
    const writing = Promise.all([a.write(encode("ab")), a.write(encode("cd"))]);
    assertEquals([await readText(b), await readText(b)], ["ab", "cd"]);
    await writing;
  }),
);

Deno.test(
  "closing a pipe while the other end writes says how much was read",
  using(async (a, b) => {
    const writing = assertRejects(() => a.write(encode("abc")), OpError);
    await b.read(new Uint8Array(2));
    b.close();
    const error = await writing;
    assertEquals([error.code, error.bytesWritten], ["EPIPE", 2]);
    assertEquals(error.message, "write pipe: broken pipe");
  }),
);

Deno.test(
  "closing a pipe while it writes says how much was read",
  using(async (a, b) => {
    const writing = assertRejects(() => a.write(encode("abc")), ClosedError);
    await b.read(new Uint8Array(1));
    a.close();
    assertEquals((await writing).bytesWritten, 1);
    assertEquals(await b.read(new Uint8Array(8)), null);
  }),
);

Deno.test(
  "closing a pipe fails a closeWrite() that waits for a write",
  using(async (a) => {
    const writing = assertRejects(() => a.write(encode("abc")), ClosedError);
    const closing = assertRejects(() => a.closeWrite(), ClosedError);
    a.close();
    await Promise.all([writing, closing]);
  }),
);

Deno.test(
  "closeWrite() of a pipe goes on when the write before it has given up",
  using(async (a, b) => {
    const writing = assertRejects(() => a.write(encode("abc"), { timeout: 20 }), OpError);
    const closing = a.closeWrite();
    assert(isTimeout(await writing));
    await closing;
    assertEquals(await b.read(new Uint8Array(8)), null);
    await a.closeWrite();
  }),
);

Deno.test(
  "what is not bytes is refused by name",
  using(async (a) => {
    await assertRejects(
      () => a.write("text" as unknown as Uint8Array),
      TypeError,
      "write needs a Uint8Array, got [object String]",
    );
  }),
);

Deno.test(
  "an empty write to a pipe still minds its limits",
  using(async (a, b) => {
    const error = await assertRejects(() => a.write(new Uint8Array(0), { timeout: -1 }), OpError);
    assertEquals([error.timeout, error.bytesWritten], [true, 0]);
    b.close();
    await assertRejects(() => a.write(new Uint8Array(0)), OpError, "broken pipe");
  }),
);

Deno.test("a pipe holds no timer while nothing waits, though it is not closed", async () => {
  const [a, b] = pipe();
  a.setDeadline(Date.now() + 60_000);
  b.setDeadline(Date.now() + 60_000);
  const [text] = await Promise.all([readText(a), b.write(encode("abc"), { timeout: 60_000 })]);
  assertEquals(text, "abc");
  // The sanitizer of the test run would tell of a timer that is left.
});

Deno.test("a pipe's deadline keeps the process alive, its waits do not", async () => {
  const url = new URL("../../net/pipe.ts", import.meta.url);
  const run = async (body: string) => {
    const code = `import { pipe } from ${JSON.stringify(url.href)}; const [a] = pipe(); ${body}`;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", code],
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout).trim();
  };
  const read = "a.read(new Uint8Array(1)).catch((e) => console.log(e.code));";
  assertEquals(await run(`${read} a.setReadDeadline(Date.now() + 20);`), "ETIMEDOUT");
  assertEquals(await run(`a.setReadDeadline(Date.now() + 20); ${read}`), "ETIMEDOUT");
  assertEquals(await run(`${read} console.log("done");`), "done");
});
