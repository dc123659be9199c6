import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import { type Fifo, type FifoMode, mkfifo, openFifo } from "../../ipc/fifo.ts";
import { ClosedError, OpError } from "../../net/mod.ts";
import {
  assertBytes,
  countedSignal,
  encode,
  mib,
  pattern,
  readText,
  soon,
} from "../support/conn_helpers.ts";
import { outcome, settle } from "../support/fake_clock.ts";
import {
  assertNoFdLeak,
  assertPoolIsFree,
  inFolder,
  python,
  runDeno,
  sh,
  testWith,
} from "./programs.ts";

const limit = { timeout: 20_000 };

/** Runs `body` with a FIFO that nobody has open, and fails if it leaves descriptors open. */
async function withFifo(body: (path: string) => Promise<void>): Promise<void> {
  await inFolder(async (dir) => {
    await mkfifo(`${dir}/fifo`);
    await assertNoFdLeak(() => body(`${dir}/fifo`));
  });
}

const openBoth = (path: string): Promise<[Fifo, Fifo]> =>
  Promise.all([openFifo(path, "r", limit), openFifo(path, "w", limit)]);

Deno.test("mkfifo() makes a FIFO for its owner alone, or with just the mode that is given", async () => {
  await inFolder(async (dir) => {
    await mkfifo(`${dir}/own`);
    await mkfifo(`${dir}/all`, 0o666);
    const [own, all] = ["own", "all"].map((name) => Deno.statSync(`${dir}/${name}`));
    assertEquals([own.isFifo, own.mode! & 0o777], [true, 0o600]);
    assertEquals([all.isFifo, all.mode! & 0o777], [true, 0o666]);
  });
});

Deno.test("mkfifo() refuses what cannot be, with nothing changed", async () => {
  await inFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/file`, "text", { mode: 0o640 });
    const there = await assertRejects(() => mkfifo(`${dir}/file`, 0o600), OpError);
    assertEquals(there.code, "EEXIST");
    assertEquals(there.message, `mkfifo fifo ${JSON.stringify(`${dir}/file`)}: file exists`);
    assertEquals((await Deno.stat(`${dir}/file`)).mode! & 0o777, 0o640);
    const missing = await assertRejects(() => mkfifo(`${dir}/no/fifo`), OpError);
    assertEquals(missing.code, "ENOENT");
    await assertRejects(() => mkfifo(`${dir}/x`, 0o10000), RangeError, "mode must be permission");
    await assertRejects(() => mkfifo("a\0b"), TypeError, "path must be a string");
    await assertRejects(() => Deno.lstat(`${dir}/x`), Deno.errors.NotFound);
  });
});

Deno.test("both ends wait for each other, whoever comes first", async () => {
  for (const order of [["r", "w"], ["w", "r"]] as FifoMode[][]) {
    await withFifo(async (path) => {
      const first = openFifo(path, order[0], limit);
      const seen = outcome(first);
      await settle();
      assertEquals(seen, {});
      const ends = await Promise.all([first, openFifo(path, order[1], limit)]);
      const [reader, writer] = order[0] === "r" ? ends : ends.toReversed();
      assertEquals([reader.path, reader.mode, writer.mode], [path, "r", "w"]);
      assertEquals(`${reader.remoteAddr}`, path);
      await writer.write(encode("hello"));
      assertEquals(await readText(reader), "hello");
      ends.forEach((end) => end.close());
    });
  }
});

Deno.test("read() gives null when every writer has gone, and goes on with a later one", async () => {
  await withFifo(async (path) => {
    const [reader, writer] = await openBoth(path);
    const second = await openFifo(path, "w", limit);
    await writer.write(encode("one"));
    writer.close();
    assertEquals(await readText(reader), "one");
    const pending = readText(reader);
    await second.write(encode("two"));
    assertEquals(await pending, "two");
    await second.closeWrite();
    assertEquals([await readText(reader), await readText(reader)], [null, null]);
    using third = await openFifo(path, "w", limit);
    await third.write(encode("three"));
    assertEquals(await readText(reader), "three");
    reader.close();
  });
});

Deno.test("write() fails with EPIPE when every reader has gone, in the middle of it too", async () => {
  await withFifo(async (path) => {
    const [reader, writer] = await openBoth(path);
    const writing = assertRejects(() => writer.write(new Uint8Array(mib)), OpError);
    assertEquals((await reader.read(new Uint8Array(10)))!, 10);
    reader.close();
    const error = await writing;
    assertEquals(error.code, "EPIPE");
    assertEquals(error.message, `write fifo ${JSON.stringify(path)}: broken pipe`);
    writer.close();
  });
});

Deno.test("a MiB goes through, through the streams as well", async () => {
  await withFifo(async (path) => {
    const [reader, writer] = await openBoth(path);
    const data = pattern(mib);
    const [got] = await Promise.all([
      new Response(reader.readable).bytes(),
      new Blob([data]).stream().pipeTo(writer.writable),
    ]);
    assertBytes(got, data);
  });
});

Deno.test("deadlines end reads and writes, which lose nothing", async () => {
  await withFifo(async (path) => {
    const [reader, writer] = await openBoth(path);
    reader.setReadDeadline(Date.now() + soon);
    const late = await assertRejects(() => reader.read(new Uint8Array(8)), OpError);
    assertEquals([isTimeout(late), late.op], [true, "read"]);
    reader.setReadDeadline(null);
    await writer.write(encode("kept"));
    assertEquals(await readText(reader), "kept");
    const big = new Uint8Array(mib);
    const stuck = await assertRejects(() => writer.write(big, { timeout: soon }), OpError);
    assert(isTimeout(stuck) && stuck.bytesWritten! > 0);
    reader.close();
    writer.close();
    await assertRejects(() => reader.read(new Uint8Array(8)), ClosedError);
  });
});

Deno.test('"rw" waits for nobody and is its own peer', async () => {
  await withFifo(async (path) => {
    using fifo = await openFifo(path, "rw", limit);
    await fifo.write(encode("to myself"));
    assertEquals(await readText(fifo), "to myself");
    const reading = readText(fifo);
    using writer = await openFifo(path, "w", limit);
    await writer.write(encode("guest"));
    assertEquals(await reading, "guest");
  });
});

Deno.test("told not to wait, reading begins with the first writer, and writing fails", async () => {
  await withFifo(async (path) => {
    const at = { waitForPeer: false };
    const error = await assertRejects(() => openFifo(path, "w", at), OpError);
    assertEquals([error.code, error.reason], ["ENXIO", "nobody reads it"]);
    using reader = await openFifo(path, "r", at);
    const reading = readText(reader);
    const seen = outcome(reading);
    await settle();
    assertEquals(seen, {}, "no writer yet: that is no end");
    using writer = await openFifo(path, "w", at);
    await writer.write(encode("first"));
    assertEquals(await reading, "first");
    writer.close();
    assertEquals(await readText(reader), null);
  });
});

Deno.test("a timeout or an abort of opening leaves nothing, and the FIFO as it was", async () => {
  await withFifo(async (path) => {
    for (const mode of ["r", "w"] as const) {
      const late = await assertRejects(() => openFifo(path, mode, { timeout: soon }), OpError);
      assert(isTimeout(late) && late.timeout);
      assertEquals(late.message, `open fifo ${JSON.stringify(path)}: timed out`);
      await assertRejects(() => openFifo(path, mode, { timeout: -1 }), OpError, "timed out");
      const reason = { enough: true };
      const { controller, signal, listeners } = countedSignal();
      const opening = openFifo(path, mode, { signal }).catch((e) => e);
      await settle();
      controller.abort(reason);
      assertStrictEquals(await opening, reason);
      assertEquals(listeners(), 0);
      assertStrictEquals(await openFifo(path, mode, { signal }).catch((e) => e), reason);
    }
    // Neither a reader nor a writer was left at the FIFO.
    const none = await assertRejects(() => openFifo(path, "w", { waitForPeer: false }), OpError);
    assertEquals(none.code, "ENXIO");
  });
});

Deno.test("what is no FIFO, or cannot be opened, is refused, with nothing changed", async () => {
  await inFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/file`, "text");
    await assertNoFdLeak(async () => {
      const code = async (path: string, mode: FifoMode) =>
        (await assertRejects(() => openFifo(path, mode, limit), OpError)).code;
      for (const mode of ["r", "w", "rw"] as const) {
        assertEquals(await code(`${dir}/none`, mode), "ENOENT");
        assertEquals(await code(`${dir}/file`, mode), "EINVAL");
      }
      assertEquals(await code(dir, "r"), "EINVAL");
      assertEquals(await code(dir, "w"), "EISDIR");
      using _socket = Deno.listen({ transport: "unix", path: `${dir}/socket` });
      assertEquals(await code(`${dir}/socket`, "w"), "ENXIO");
      const bad = "x" as FifoMode;
      await assertRejects(() => openFifo(dir, bad), TypeError, 'mode must be "r", "w" or "rw"');
      await assertRejects(() => openFifo("", "r"), TypeError, "path must be a string");
      await assertRejects(() => openFifo(dir, "r", { timeout: NaN }), RangeError);
    });
    assertEquals(await Deno.readTextFile(`${dir}/file`), "text");
  });
});

Deno.test("200 pending opens harm nobody, and an abort leaves nothing", async () => {
  await inFolder(async (dir) => {
    const paths = Array.from({ length: 100 }, (_, i) => `${dir}/${i}`);
    for (const path of paths) await mkfifo(path);
    await assertNoFdLeak(async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const opening = paths.map((path, i) =>
        openFifo(path, i % 2 ? "r" : "w", { signal }).catch((e) => e)
      );
      const readers = paths.map((path) => openFifo(path, "r", limit));
      await assertPoolIsFree();
      // Those that wait to write have met their reader by now, or will.
      const ends = await Promise.all(opening.filter((_, i) => i % 2 === 0));
      controller.abort("enough");
      assertEquals(
        new Set(await Promise.all(opening.filter((_, i) => i % 2))),
        new Set(["enough"]),
      );
      for (const path of paths.filter((_, i) => i % 2)) ends.push(await openFifo(path, "w", limit));
      for (const end of [...ends, ...await Promise.all(readers)]) end.close();
    });
  });
});

testWith("sh", "a shell writes to us and reads from us", async () => {
  await withFifo(async (path) => {
    await using writer = sh('echo "from the shell" > "$1"', path);
    using reader = await openFifo(path, "r", limit);
    assertEquals(await readText(reader), "from the shell\n");
    assertEquals(await readText(reader), null);
    await writer.ended();
    reader.close();

    await using cat = sh('exec cat < "$1"', path);
    using ours = await openFifo(path, "w", limit);
    await ours.write(encode("to the shell\n"));
    ours.close();
    assertEquals(await cat.line(), "to the shell");
    await cat.ended();
  });
});

testWith("mkfifo", "a FIFO made by mkfifo(1) is one to us", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/fifo`;
    assert((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
    const [reader, writer] = await openBoth(path);
    await writer.write(encode("x"));
    assertEquals(await readText(reader), "x");
    reader.close();
    writer.close();
  });
});

testWith(
  "python3",
  "a reader that is killed in the middle of a write is EPIPE, and frees us",
  async () => {
    await withFifo(async (path) => {
      await using reader = python(
        "import sys; f = open(sys.argv[1], 'rb'); print(len(f.read(10))); import time; time.sleep(60)",
        path,
      );
      using writer = await openFifo(path, "w", limit);
      const writing = assertRejects(() => writer.write(new Uint8Array(mib)), OpError);
      assertEquals(await reader.line(), "10");
      Deno.kill(reader.pid, "SIGKILL");
      assertEquals((await writing).code, "EPIPE");
    });
  },
);

testWith(
  "python3",
  "a writer that comes and goes without a byte ends the wait for it",
  async () => {
    await withFifo(async (path) => {
      const opening = openFifo(path, "r", limit);
      await using peer = python("import sys; open(sys.argv[1], 'wb').close(); print('gone')", path);
      assertEquals(await peer.line(), "gone");
      using reader = await opening;
      assertEquals(await readText(reader), null);
      await peer.ended();
    });
  },
);

/** The same once more, by a program without --allow-ffi. */
const withoutFfi = (dir: string, script: string, ...flags: string[]): Promise<string> =>
  runDeno(
    `
    const { mkfifo, openFifo } = await load("ipc/fifo.ts");
    const dir = ${JSON.stringify(dir)}, path = dir + "/fifo", limit = { timeout: 20_000 };
    const text = (p) => new TextDecoder().decode(p);
    ${script}`,
    ...(flags.length > 0 ? flags : [`--allow-read=${dir}`, `--allow-write=${dir}`]),
  );

Deno.test("without --allow-ffi FIFOs carry the same, both ways, to the end or EPIPE", async () => {
  await inFolder(async (dir) => {
    await mkfifo(`${dir}/fifo`);
    const said = await withoutFfi(
      dir,
      `
      const both = () => Promise.all([openFifo(path, "r", limit), openFifo(path, "w", limit)]);
      let [reader, writer] = await both();
      const data = crypto.getRandomValues(new Uint8Array(65_000)), all = new Uint8Array(1_300_000);
      for (let i = 0; i < 20; i++) all.set(data, i * data.length);
      const [got] = await Promise.all([
        new Response(reader.readable).bytes(),
        writer.write(all).then(() => writer.close()),
      ]);
      console.log(got.length, got.every((byte, i) => byte === all[i]));
      [reader, writer] = await both();
      await reader.read(new Uint8Array(9), { timeout: 20 }).catch(show);
      await writer.write(new TextEncoder().encode("kept"));
      const p = new Uint8Array(9);
      console.log(text(p.subarray(0, await reader.read(p))));
      const writing = writer.write(all).catch((e) => console.log(e.code));
      await reader.read(p);
      reader.close();
      await writing;
      writer.close();`,
    );
    const timeout = `OpError read fifo "${dir}/fifo": timed out`;
    assertEquals(said.split("\n"), ["1300000 true", timeout, "kept", "EPIPE"]);
  });
});

Deno.test("without --allow-ffi waits can be abandoned, and hold neither threads nor the exit", async () => {
  await inFolder(async (dir) => {
    for (let i = 0; i < 200; i++) await mkfifo(`${dir}/${i}`);
    await mkfifo(`${dir}/fifo`);
    await Deno.writeTextFile(`${dir}/file`, "text");
    const said = await withoutFfi(
      dir,
      `
      const controller = new AbortController(), { signal } = controller;
      const opening = [];
      for (let i = 0; i < 200; i++) {
        opening.push(openFifo(dir + "/" + i, i % 2 ? "r" : "w", { signal }).catch((e) => e));
      }
      console.log(await Deno.readTextFile(dir + "/file"));
      const { lookup } = await import("node:dns/promises");
      console.log((await lookup("localhost")).address !== "");
      controller.abort("enough");
      console.log([...new Set(await Promise.all(opening))]);
      await openFifo(path, "w", { timeout: 20 }).catch(show);
      await openFifo(path, "w", { waitForPeer: false }).catch(show);
      const parked = await openFifo(path, "rw");
      await parked.read(new Uint8Array(1), { timeout: 20 }).catch(show);
      globalThis.keep = parked; // a read that nobody waits for does not keep the process alive`,
      `--allow-read=${dir}`,
      `--allow-write=${dir}`,
      "--allow-net",
    );
    assertEquals(said.split("\n"), [
      "text",
      "true",
      '[ "enough" ]',
      `OpError open fifo "${dir}/fifo": timed out`,
      `OpError open fifo "${dir}/fifo": nobody reads it`,
      `OpError read fifo "${dir}/fifo": timed out`,
    ]);
  });
});

Deno.test("without --allow-ffi a FIFO is made by mkfifo(1), or the error names both flags", async () => {
  await inFolder(async (dir) => {
    const script = `
      await mkfifo(path, 0o640).catch(show);
      await mkfifo(path).catch((e) => console.log(e.code, e.message));
      await mkfifo(dir + "/no/fifo").catch((e) => console.log(e.code));`;
    const write = `--allow-write=${dir}`;
    const made = await withoutFfi(dir, script, "--allow-run=mkfifo", write);
    assertEquals(made.split("\n"), [`EEXIST mkfifo fifo "${dir}/fifo": file exists`, "ENOENT"]);
    const { isFifo, mode } = await Deno.stat(`${dir}/fifo`);
    assertEquals([isFifo, mode! & 0o777], [true, 0o640]);
    const refused = await withoutFfi(dir, "await mkfifo(path).catch(show)", write);
    assert(refused.startsWith("UnsupportedError making a FIFO is not supported here"), refused);
    assert(refused.includes("--allow-ffi") && refused.includes("--allow-run=mkfifo"), refused);
  });
});

Deno.test("a FIFO needs --allow-read to read and --allow-write to write, and says so", async () => {
  await inFolder(async (dir) => {
    await mkfifo(`${dir}/fifo`);
    const script = `
      await openFifo(path, "r").catch(show);
      await openFifo(path, "w").catch(show);
      await mkfifo(dir + "/other").catch(show);`;
    const said = await withoutFfi(dir, script, "--allow-ffi");
    const lines = said.split("\n");
    assertEquals(lines.length, 3, said);
    for (const [i, flag] of ["--allow-read", "--allow-write", "--allow-write"].entries()) {
      assert(lines[i].startsWith("NotCapable Requires ") && lines[i].includes(flag), lines[i]);
    }
  });
});
