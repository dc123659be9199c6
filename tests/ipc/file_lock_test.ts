import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import { lockFile, tryLockFile } from "../../ipc/file_lock.ts";
import { ClosedError, OpError } from "../../net/mod.ts";
import { countedSignal, soon } from "../support/conn_helpers.ts";
import { outcome, settle } from "../support/fake_clock.ts";
import {
  assertNoFdLeak,
  assertPoolIsFree,
  inFolder,
  openFds,
  python,
  runDeno,
  sh,
  testWith,
} from "./programs.ts";

const limit = { timeout: 20_000 };

Deno.test("an exclusive lock keeps every other one out until it is given up", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/lock`;
    const lock = await lockFile(path);
    assertEquals([lock.path, lock.shared, lock.held], [path, false, true]);
    assertEquals(tryLockFile(path), null);
    assertEquals(tryLockFile(path, { shared: true }), null);
    lock.unlock();
    assertEquals(lock.held, false);
    using again = tryLockFile(path);
    assertEquals(again?.held, true);
  });
});

Deno.test("shared locks go together, and keep an exclusive one out until the last is gone", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/lock`;
    const one = await lockFile(path, { shared: true });
    const two = tryLockFile(path, { shared: true });
    assertEquals([one.shared, two?.shared], [true, true]);
    assertEquals(tryLockFile(path), null);
    one.unlock();
    assertEquals(tryLockFile(path), null);
    two!.unlock();
    tryLockFile(path)!.unlock();
  });
});

Deno.test("lockFile() waits its turn", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/lock`;
    const first = await lockFile(path);
    const second = lockFile(path, limit);
    const seen = outcome(second);
    await settle();
    assertEquals(seen, {});
    first.unlock();
    (await second).unlock();
  });
});

Deno.test("leaving the scope of `using` unlocks; after unlock() it does no harm", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/lock`;
    {
      using lock = await lockFile(path);
      assert(lock.held);
    }
    {
      using lock = await lockFile(path, limit);
      lock.unlock();
    }
    using last = tryLockFile(path);
    assert(last !== null);
  });
});

Deno.test("a lock that was given up cannot be given up again", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/lock`;
    const lock = await lockFile(path);
    lock.unlock();
    using other = tryLockFile(path);
    const error = assertThrows(() => lock.unlock(), ClosedError, "unlocked before");
    assertEquals([error.op, error.addr, error.code], ["unlock", path, "ERR_CLOSED"]);
    assertEquals([other?.held, tryLockFile(path)], [true, null], "the other's lock is untouched");
  });
});

Deno.test("a file that is not there is made for its owner alone; none is changed or removed", async () => {
  await inFolder(async (dir) => {
    (await lockFile(`${dir}/new`)).unlock();
    assertEquals((await Deno.stat(`${dir}/new`)).mode! & 0o777, 0o600);
    await Deno.writeTextFile(`${dir}/data`, "precious", { mode: 0o640 });
    (await lockFile(`${dir}/data`)).unlock();
    tryLockFile(`${dir}/data`, { shared: true })!.unlock();
    assertEquals(await Deno.readTextFile(`${dir}/data`), "precious");
    tryLockFile(dir)!.unlock();
  });
});

Deno.test("a timeout leaves no lock, descriptor or timer", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/lock`;
    using lock = await lockFile(path);
    await assertNoFdLeak(async () => {
      const error = await assertRejects(() => lockFile(path, { timeout: soon }), OpError);
      assert(isTimeout(error) && error.timeout);
      assertEquals(error.message, `lock file ${JSON.stringify(path)}: timed out`);
      await assertRejects(() => lockFile(path, { deadline: Date.now() + soon }), OpError);
    });
    lock.unlock();
    using next = tryLockFile(path);
    assert(next !== null);
  });
});

Deno.test("an abort ends it with its reason, before and while it waits", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/lock`;
    const reason = { enough: true };
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await lockFile(path, { signal }).catch((e) => e), reason);
    await assertRejects(() => lockFile(path, { timeout: -1 }), OpError, "timed out");
    await assertRejects(() => Deno.stat(path), Deno.errors.NotFound, undefined);

    using _lock = await lockFile(path);
    const { controller, signal: later, listeners } = countedSignal();
    await assertNoFdLeak(async () => {
      const waiting = lockFile(path, { signal: later }).catch((e) => e);
      await settle();
      controller.abort(reason);
      assertStrictEquals(await waiting, reason);
    });
    assertEquals(listeners(), 0);
  });
});

Deno.test("200 that wait harm nobody, and each gets its turn or its timeout", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/lock`;
    const before = openFds();
    const lock = await lockFile(path);
    const controller = new AbortController();
    const waiting = Array.from({ length: 100 }, () => lockFile(path, limit));
    const given = Array.from(
      { length: 100 },
      () => lockFile(path, { signal: controller.signal }).then(() => "locked", () => "aborted"),
    );
    await assertPoolIsFree();
    controller.abort();
    assertEquals(new Set(await Promise.all(given)), new Set(["aborted"]));
    let holders = 0;
    const turns = waiting.map(async (turn) => {
      using _turn = await turn;
      assertEquals(++holders, 1, "one at a time");
      await Promise.resolve();
      holders--;
    });
    lock.unlock();
    await Promise.all(turns);
    assertEquals(openFds(), before);
  });
});

Deno.test("what is neither file nor folder, and what cannot be opened, is refused", async () => {
  await inFolder(async (dir) => {
    const error = await assertRejects(() => lockFile(`${dir}/no/lock`), OpError);
    assertEquals(error.code, "ENOENT");
    assertThrows(() => tryLockFile(`${dir}/no/lock`), OpError, "no such file or directory");
    assertThrows(() => tryLockFile("/dev/null"), OpError, "neither a file nor a folder");
    const fifo = `${dir}/fifo`;
    assert((await new Deno.Command("mkfifo", { args: [fifo] }).output()).success);
    await assertRejects(() => lockFile(fifo), OpError, "neither a file nor a folder");
    await assertRejects(() => lockFile(""), TypeError, "path must be a string");
    assertThrows(() => tryLockFile(5 as unknown as string), TypeError, "path must be a string");
    const shared = "yes" as unknown as boolean;
    await assertRejects(() => lockFile(fifo, { shared }), TypeError, "shared must be a boolean");
    await assertRejects(() => lockFile(`${dir}/x`, { timeout: NaN }), RangeError);
    assertThrows(() => Deno.statSync(`${dir}/x`), Deno.errors.NotFound);
  });
});

Deno.test("a lock needs --allow-read, and --allow-write for a new file, and says so", async () => {
  await inFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/old`, "");
    const said = await runDeno(
      `
      const { lockFile, tryLockFile } = await load("ipc/file_lock.ts");
      const dir = ${JSON.stringify(dir)};
      using lock = await lockFile(dir + "/old");
      console.log(lock.held);
      await lockFile(dir + "/new").catch(show);
      try { tryLockFile("/etc/passwd") } catch (e) { show(e) }`,
      `--allow-read=${dir}`,
    );
    const [held, write, read] = said.split("\n");
    assertEquals(held, "true");
    assert(write.includes("NotCapable Requires write access") && write.includes("--allow-write"));
    assert(read.includes("NotCapable Requires read access") && read.includes("--allow-read"));
  });
});

testWith("flock", "flock(1) respects our lock, and we respect its", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/lock`;
    const lock = await lockFile(path);
    const flock = (...args: string[]) =>
      new Deno.Command("flock", { args: [...args, path, "true"] }).output();
    assertEquals((await flock("-n")).code, 1);
    lock.unlock();
    assertEquals((await flock("-n")).code, 0);
    using shared = await lockFile(path, { shared: true });
    assertEquals([(await flock("-n")).code, (await flock("-n", "-s")).code], [1, 0]);
    shared.unlock();

    await using holder = sh('exec flock "$1" sh -c "echo held; exec sleep 60"', path);
    assertEquals(await holder.line(), "held");
    assertEquals(tryLockFile(path), null);
    await assertRejects(() => lockFile(path, { timeout: soon }), OpError, "timed out");
  });
});

testWith(
  "python3",
  "Python's fcntl.flock takes its turn after ours, and we after its",
  async () => {
    await inFolder(async (dir) => {
      const path = `${dir}/lock`;
      const lock = await lockFile(path);
      const script = `
import fcntl, sys, os
f = open(sys.argv[1])
try: fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError: print("busy")
fcntl.flock(f, fcntl.LOCK_EX)
print("mine")
import time; time.sleep(60)`;
      await using other = python(script, path);
      assertEquals(await other.line(), "busy");
      lock.unlock();
      assertEquals(await other.line(), "mine");
      assertEquals(tryLockFile(path), null);
      const waiting = lockFile(path, limit);
      // A holder that is killed gives its lock up.
      Deno.kill(other.pid, "SIGKILL");
      using ours = await waiting;
      assert(ours.held);
    });
  },
);

Deno.test("a process of ours that is killed gives its lock up", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/lock`;
    const url = new URL("../../ipc/file_lock.ts", import.meta.url).href;
    const script = `
      import { lockFile } from ${JSON.stringify(url)};
      const lock = await lockFile(${JSON.stringify(path)});
      console.log("held");
      setTimeout(() => lock.unlock(), 60_000);`;
    const args = ["run", "--no-config", "--no-check", "-A", "-"];
    const options = { args, stdin: "piped", stdout: "piped" } as const;
    const child = new Deno.Command(Deno.execPath(), options).spawn();
    await new Blob([script]).stream().pipeTo(child.stdin);
    const reader = child.stdout.getReader();
    assertEquals(new TextDecoder().decode((await reader.read()).value), "held\n");
    assertEquals(tryLockFile(path), null);
    const waiting = lockFile(path, limit);
    child.kill("SIGKILL");
    (await waiting).unlock();
    await child.status;
    await reader.cancel();
  });
});
