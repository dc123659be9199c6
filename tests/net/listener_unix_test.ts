import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { dial } from "../../net/dialer.ts";
import { OpError } from "../../net/errors.ts";
import { listen } from "../../net/listener.ts";
import { readText } from "../support/conn_helpers.ts";
import { noSocketLeft } from "../support/net_helpers.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** Registers a test that has a directory of its own. */
function test(name: string, body: (dir: string) => Promise<void> | void, ignore = false): void {
  Deno.test({
    name,
    ignore,
    fn: async () => {
      const dir = await Deno.makeTempDir();
      try {
        await body(dir);
      } finally {
        await Deno.remove(dir, { recursive: true });
      }
    },
  });
}

const names = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

test("a Unix listener's address is its path, which close() removes", (dir) => {
  const path = `${dir}/socket`;
  const listener = listen("unix", path);
  const { transport, network } = listener.addr;
  assertEquals([String(listener.addr), transport, network], [path, "unix", "unix"]);
  assert(Deno.lstatSync(path).isSocket);
  listener.close();
  assertEquals(names(dir), []);
});

test("a Unix listener does not take an existing path, and leaves it alone", async (dir) => {
  const path = `${dir}/socket`;
  using first = listen("unix", path);
  const error = assertThrows(() => listen("unix", path), OpError);
  assertEquals(error.message, `listen unix ${JSON.stringify(path)}: address already in use`);
  assertEquals(error.code, "EADDRINUSE");
  using _ = await dial("unix", path);
  using __ = await first.accept();

  await Deno.writeTextFile(`${dir}/file`, "precious");
  assertEquals(assertThrows(() => listen("unix", `${dir}/file`), OpError).code, "EADDRINUSE");
  assertEquals(await Deno.readTextFile(`${dir}/file`), "precious");
});

test("a Unix listener in a directory that is not there says so", (dir) => {
  const path = `${dir}/none/socket`;
  const error = assertThrows(() => listen("unix", path), OpError);
  assertEquals(error.message, `listen unix ${JSON.stringify(path)}: no such file or directory`);
});

test("a Unix listener's close() leaves a stranger's socket at its path alone", async (dir) => {
  const path = `${dir}/socket`;
  const listener = listen("unix", path);
  await Deno.remove(path);
  using stranger = listen("unix", path);
  listener.close();
  assertEquals(names(dir), ["socket"]);
  using client = await dial("unix", path);
  using server = await stranger.accept();
  await client.write(encode("hello"));
  assertEquals(await readText(server), "hello");
  stranger.close();
  assertEquals(names(dir), []);
});

test("a Unix listener's close() leaves a file at its path alone", async (dir) => {
  const path = `${dir}/socket`;
  const listener = listen("unix", path);
  await Deno.remove(path);
  await Deno.writeTextFile(path, "precious");
  listener.close();
  assertEquals([names(dir), await Deno.readTextFile(path)], [["socket"], "precious"]);
});

test("a Unix listener whose path is gone, or moved away, closes all the same", async (dir) => {
  const path = `${dir}/socket`;
  const removed = listen("unix", path);
  await Deno.remove(path);
  removed.close();
  const moved = listen("unix", path);
  await Deno.rename(path, `${dir}/elsewhere`);
  moved.close();
  assertEquals(names(dir), ["elsewhere"]);
  assertEquals(
    (await assertRejects(() => dial("unix", `${dir}/elsewhere`), OpError)).code,
    "ECONNREFUSED",
  );
});

test("a Unix path can be listened on again after close()", async (dir) => {
  for (let i = 0; i < 3; i++) {
    using listener = listen("unix", `${dir}/socket`);
    using _ = await dial("unix", `${dir}/socket`);
    using __ = await listener.accept({ timeout: 30_000 });
  }
});

test(
  "a Unix listener's parked accept keeps its connection, and close() closes it",
  (dir) =>
    noSocketLeft(async () => {
      const listener = listen("unix", `${dir}/socket`);
      const late = () => listener.accept({ timeout: 1 });
      assertEquals((await assertRejects(late, OpError)).timeout, true);
      using client = await dial("unix", `${dir}/socket`);
      using _ = await listener.accept({ timeout: 30_000 });
      await assertRejects(late, OpError, "timed out");
      using forgotten = await dial("unix", `${dir}/socket`);
      listener.close();
      const end = await forgotten.read(new Uint8Array(1)).catch((error) => error.code);
      assert(end === null || end === "ECONNRESET", `${end}`);
      client.close();
    }),
  Deno.build.os !== "linux",
);

test("an abstract name is no file, and is free again after close()", async () => {
  const name = `@plumb-${crypto.randomUUID()}`;
  for (let i = 0; i < 2; i++) {
    using listener = listen("unix", name);
    assertEquals(String(listener.addr), name);
    assertEquals(assertThrows(() => listen("unix", name), OpError).code, "EADDRINUSE");
    using client = await dial("unix", name);
    using server = await listener.accept();
    assertEquals([String(client.remoteAddr), String(server.localAddr)], [name, name]);
  }
  assertEquals((await assertRejects(() => dial("unix", name), OpError)).code, "ECONNREFUSED");
}, Deno.build.os !== "linux");

test("the last bytes before a peer's close() arrive over a Unix socket", async (dir) => {
  using listener = listen("unix", `${dir}/socket`);
  using client = await dial("unix", `${dir}/socket`);
  using server = await listener.accept();
  await client.write(encode("last"));
  client.close();
  assertEquals([await readText(server), await readText(server)], ["last", null]);
});
