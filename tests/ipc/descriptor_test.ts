import { closeSync, constants, openSync } from "node:fs";
import { assertEquals, assertThrows } from "@std/assert";
import { type Descriptor, PolledDescriptor, TimedDescriptor } from "../../ipc/descriptor.ts";
import { systemCode } from "../../ipc/op_error.ts";
import { mkfifo } from "../../sys/mod.ts";
import { settle } from "../support/fake_clock.ts";
import { assertNoFdLeak, inFolder } from "./programs.ts";

const kinds: [name: string, make: (fd: number) => Descriptor][] = [
  ["polled", (fd) => new PolledDescriptor(fd, closeSync)],
  ["timed", (fd) => new TimedDescriptor(fd)],
];

const until = (d: Descriptor, direction: "read" | "write") =>
  new Promise<void>((resolve, reject) =>
    d.watch(direction, (error) => error === undefined ? resolve() : reject(error), true)
  );

for (const [kind, make] of kinds) {
  /** Both ends of a FIFO, for each test. */
  const test = (name: string, body: (r: Descriptor, w: Descriptor) => Promise<void>) =>
    Deno.test(`${kind}: ${name}`, () =>
      inFolder(async (dir) => {
        mkfifo(`${dir}/fifo`);
        await assertNoFdLeak(async () => {
          const open = (flag: number) => make(openSync(`${dir}/fifo`, flag | constants.O_NONBLOCK));
          const reader = open(constants.O_RDONLY);
          const writer = open(constants.O_WRONLY);
          await body(reader, writer);
          reader.close();
          writer.close();
        });
      }));

  test("read() gives null when it would wait, and the bytes after watch()", async (r, w) => {
    const p = new Uint8Array(8);
    assertEquals(r.read(p), null);
    const ready = until(r, "read");
    await settle();
    assertEquals(w.write(new Uint8Array([1, 2, 3])), 3);
    await ready;
    assertEquals([r.read(p), [...p.subarray(0, 3)]], [3, [1, 2, 3]]);
  });

  test(
    "write() counts all it takes, gives null when full, and goes on after watch()",
    async (r, w) => {
      const block = new Uint8Array(100_000);
      let sent = 0;
      for (let n; (n = w.write(block)) !== null;) sent += n;
      assertEquals(sent, 65_536);
      const room = until(w, "write");
      let got = 0;
      for (let n; (n = r.read(block)) !== null;) got += n;
      await room;
      assertEquals(got, sent);
      assertEquals(w.write(new Uint8Array(10)), 10);
    },
  );

  test("unwatch() takes the callback back", async (r, w) => {
    const never = () => {
      throw new Error("called");
    };
    r.watch("read", never, true);
    r.unwatch("read", never);
    w.write(new Uint8Array(1));
    await until(r, "read");
    assertEquals(r.read(new Uint8Array(8)), 1);
  });

  test("other errors are thrown", (_r, w) => {
    const error = assertThrows(() => w.read(new Uint8Array(8)));
    assertEquals(systemCode(error), "EBADF");
    return Promise.resolve();
  });
}

Deno.test("only the poller's callback means that there is something", () => {
  assertEquals(kinds.map(([, make]) => make(-1).exact), [true, false]);
});
