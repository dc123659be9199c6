/** What goes wrong between processes, whatever part of `ipc` it happens to. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  type Cmd,
  command,
  lockFile,
  MessageQueue,
  mkfifo,
  notify,
  openFifo,
  pipe,
  pipeline,
  Semaphore,
  tryLockFile,
} from "../../ipc/mod.ts";
import { countedSignal } from "../support/conn_helpers.ts";
import { settle } from "../support/fake_clock.ts";
import {
  children,
  linux,
  nothingLeft,
  openDescriptors,
  programTest,
  until,
} from "./command_helpers.ts";
import { assertPoolIsFree, freshName, inFolder, python, testWith } from "./programs.ts";

const limit = { timeout: 20_000 };

/** The moments at which a call is given up, each with how to wait for it. */
const moments: Record<string, (underWay: () => Promise<void>) => Promise<void> | void> = {
  "in the same turn": () => {},
  "a microtask later": () => Promise.resolve(),
  "a turn later": () => new Promise((resolve) => setTimeout(resolve)),
  "under way": (underWay) => underWay(),
};

/**
 * Aborts a call at every stage, and fails unless it ends with the reason and leaves no process, no
 * descriptor and no listener; the sanitizers see to timers.
 *
 * @param start Makes the call, which waits until it is given up.
 * @param underWay Resolves when the call has come as far as it will.
 */
async function abortAtEveryStage(
  start: (signal: AbortSignal) => Promise<unknown>,
  underWay: () => Promise<void> = settle,
): Promise<void> {
  const attempt = (signal: AbortSignal) =>
    start(signal).then(() => "it went through", (error) => error);
  const before = new Error("before");
  await nothingLeft(async () => {
    assertStrictEquals(await attempt(AbortSignal.abort(before)), before);
  });
  for (const [moment, wait] of Object.entries(moments)) {
    await nothingLeft(async () => {
      const { controller, listeners } = countedSignal();
      const reason = new Error(moment);
      const done = attempt(controller.signal);
      await wait(underWay);
      controller.abort(reason);
      assertStrictEquals(await done, reason, moment);
      assertEquals(listeners(), 0, `listeners, ${moment}`);
    });
  }
}

/** Programs that wait for ever; they are under way when each of them is. */
function abortPrograms(
  use: (make: (script?: string, group?: boolean) => Cmd, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  let made: Cmd[] = [];
  return abortAtEveryStage((signal) => {
    made = [];
    return use((script = "exec sleep 60", group = false) => {
      const cmd = command("sh", ["-c", script], { signal, group, killDelay: -1, waitDelay: 20 });
      made.push(cmd);
      return cmd;
    }, signal);
  }, () => until(() => made.every(({ pid }) => pid !== undefined)));
}

programTest("an abort of a command leaves nothing, at every stage", async () => {
  await abortPrograms((make) => make().run());
  await abortPrograms((make) => make().output());
  await abortPrograms((make) => make("trap '' TERM; sleep 60 & wait", true).combinedOutput());
  await abortPrograms(async (make) => {
    for await (const _ of make("echo x; exec sleep 60").lines());
  });
  await abortPrograms(async (make) => {
    const cmd = make();
    const read = new Response(cmd.stdoutPipe()).text();
    read.catch(() => {}); // what never starts has no output
    cmd.start();
    await Promise.all([cmd.wait(), read]);
  });
});

programTest("an abort of a pipeline leaves nothing, at every stage", async () => {
  for (const kernelPipes of [true, false]) {
    await abortPrograms((make, signal) =>
      pipeline([make(), make("exec cat"), make("exec cat")], { signal, kernelPipes })
    );
    // With input, output and something in all of the pipes.
    await abortPrograms((make, signal) => {
      const stdin = new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
      });
      const stdout = new WritableStream({ write: () => new Promise(() => {}) });
      const options = { signal, kernelPipes, stdin, stdout };
      return pipeline([make("exec cat"), make("exec cat")], options);
    });
  }
});

programTest("an abort of a wait for a signal leaves nothing, at every stage", async () => {
  using signals = notify("SIGUSR1");
  await abortAtEveryStage((signal) => signals.receive({ signal }));
});

programTest("an abort of a pipe or FIFO leaves nothing, at every stage", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/fifo`;
    await mkfifo(path);
    await abortAtEveryStage((signal) => openFifo(path, "r", { signal }));
    await abortAtEveryStage((signal) => openFifo(path, "w", { signal }));
    using fifo = await openFifo(path, "rw");
    await abortAtEveryStage((signal) => fifo.read(new Uint8Array(1), { signal }));
  });
  const { reader, writer } = pipe();
  using _reader = reader;
  using _writer = writer;
  await abortAtEveryStage((signal) => reader.read(new Uint8Array(1), { signal }));
});

programTest("an abort of a wait for a lock leaves nothing, at every stage", async () => {
  await inFolder(async (dir) => {
    const path = `${dir}/lock`;
    const held = await lockFile(path);
    await abortAtEveryStage((signal) => lockFile(path, { signal }));
    await abortAtEveryStage((signal) => lockFile(path, { signal, shared: true }));
    held.unlock();
    using lock = tryLockFile(path);
    assert(lock !== null, "somebody still holds it");
  });
});

programTest("an abort of a semaphore or queue takes and leaves nothing", async () => {
  const name = freshName();
  using semaphore = await Semaphore.open(name, { create: true, exclusive: true });
  await Semaphore.unlink(name);
  await abortAtEveryStage((signal) => semaphore.acquire({ signal }));
  semaphore.release();
  assert(semaphore.tryAcquire(), "somebody has taken it");

  const limits = { maxMessages: 1, messageSize: 1 };
  using queue = await MessageQueue.open(name, { create: true, exclusive: true, ...limits });
  await MessageQueue.unlink(name);
  await abortAtEveryStage((signal) => queue.receive({ signal }));
  await queue.send(new Uint8Array([1]));
  await abortAtEveryStage((signal) => queue.send(new Uint8Array([2]), { signal }));
  assertEquals([...(await queue.receive()).data], [1]);
  assertEquals(queue.attributes().currentMessages, 0);
});

testWith(
  "python3",
  "200 FIFO opens and 200 lock waits at once harm nobody, and a killed holder ends one of them",
  () =>
    inFolder((dir) =>
      nothingLeft(async () => {
        const lock = `${dir}/lock`;
        const fifos = Array.from({ length: 200 }, (_, i) => `${dir}/fifo${i}`);
        for (const path of fifos) await mkfifo(path);
        await using holder = python(
          "import fcntl, sys, time; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); " +
            "print('held'); time.sleep(60)",
          lock,
        );
        assertEquals(await holder.line(), "held");
        const { controller, signal, listeners } = countedSignal();
        const opens = fifos.map((path, i) => openFifo(path, i % 2 ? "r" : "w", { signal }));
        const locks = Array.from({ length: 199 }, () => lockFile(lock, { signal }));
        const given = Promise.allSettled<unknown>([...opens, ...locks]);
        const patient = lockFile(lock, limit);
        await assertPoolIsFree();
        await Promise.all(fifos.map((path) => Deno.stat(path)));
        const reason = new Error("enough");
        controller.abort(reason);
        for (const end of await given) assertEquals(end, { status: "rejected", reason });
        assertEquals(listeners(), 0);
        Deno.kill(holder.pid, "SIGKILL");
        (await patient).unlock();
      })
    ),
);

programTest("10,000 short commands leave no zombie and a flat descriptor count", async () => {
  const most = 16, share = 10_000 / most;
  const before = linux ? openDescriptors() : 0;
  let peak = 0;
  await Promise.all(Array.from({ length: most }, async () => {
    for (let i = 0; i < share; i++) {
      if (i % 2 === 0) await command("true").run();
      else await command("true").output();
      if (linux && i % 50 === 0) peak = Math.max(peak, openDescriptors());
    }
  }));
  if (!linux) return;
  assertEquals(children().zombies, []);
  // Of each that runs, two pipes and the process itself, and what was just let go of.
  assert(peak - before < most * 8, `${peak} descriptors, ${before} before`);
});
