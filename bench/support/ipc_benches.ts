/** What `ipc` is measured by, and what it has to reach. */
import { execFile } from "node:child_process";
import {
  command,
  lockFile,
  MessageQueue,
  pipeline,
  Semaphore,
  tryLockFile,
} from "../../ipc/mod.ts";
import type { Bench, Contestant } from "./compare.ts";
import { type Kind, startNodePeer, startPosixPeers } from "./ipc_peers.ts";
import { countLineEvents, countLines } from "./ipc_readline.mjs";

/** What the benches have at hand. */
export interface Surroundings {
  /** A folder that is removed in the end. */
  readonly dir: string;
  /** The programs of peers that are installed. */
  readonly there: ReadonlySet<string>;
}

const gibibyte = 1024 ** 3;

/** Does a thing so many times, one after the other. */
function repeat(name: string, act: () => Promise<unknown>, limit?: number): Contestant {
  return {
    name,
    limit,
    async run(ops) {
      for (let i = 0; i < ops; i++) await act();
    },
  };
}

function expectText(got: string, expected: string): void {
  if (got.trim() !== expected) throw new Error(`got ${JSON.stringify(got)}, not ${expected}`);
}

function pipelineBench(): Bench {
  const stages = [["head", "-c", `${gibibyte}`, "/dev/zero"], ["cat"], ["wc", "-c"]];
  const script = stages.map((words) => words.join(" ")).join(" | ");
  const ours = async (kernelPipes?: boolean) => {
    const cmds = stages.map(([name, ...args]) => command(name, args));
    expectText((await pipeline(cmds, { kernelPipes })).text(), `${gibibyte}`);
  };
  const shell = async () => {
    const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
    expectText(new TextDecoder().decode(stdout), `${gibibyte}`);
  };
  return {
    name: "pipeline",
    title: `1 GiB through ${script}`,
    unit: "op",
    target: { of: "throughput", limit: 0.9 },
    open: () =>
      Promise.resolve([
        repeat("plumb", () => ours()),
        repeat("sh", shell),
        repeat("plumb, no FFI", () => ours(false)),
      ]),
  };
}

function spawnBench(): Bench {
  const raw = new Deno.Command("true", { stdin: "null" });
  const node = () =>
    new Promise<void>((resolve, reject) => {
      execFile("true", (error) => error === null ? resolve() : reject(error));
    });
  return {
    name: "spawn",
    title: "`true`, started and its output taken",
    unit: "op",
    target: { of: "time", limit: 1.15 },
    // One start at a time: of so many turns the median is steady, however busy the machine is.
    sliceTime: 0,
    open: () =>
      Promise.resolve([
        repeat("plumb", () => command("true").output()),
        repeat("raw Deno.Command", () => raw.output()),
        repeat("node:child_process", node),
      ]),
  };
}

/** A bench beside C and Python, for which there is nothing to reach: they wait in the kernel. */
function posixBench(
  kind: Kind,
  title: string,
  { dir, there }: Surroundings,
  place: string,
  open: () => Promise<Contestant[]>,
): Bench {
  return {
    name: kind,
    title,
    unit: "op",
    target: { of: "time" },
    skip() {
      if (Deno.build.os !== "linux") return "the peers are written for Linux";
      return there.has("cc") || there.has("python3") ? undefined : "neither cc nor python3 is here";
    },
    async open() {
      const [subject, ...rest] = await open();
      return [subject, ...await startPosixPeers(kind, there, dir, place), ...rest];
    },
  };
}

function lockBench(around: Surroundings): Bench {
  const path = `${around.dir}/lock`;
  const lock = async () => (await lockFile(path)).unlock();
  const tryLock = () => Promise.resolve(tryLockFile(path)!.unlock());
  return posixBench(
    "lock",
    "a free file lock: open, lock, unlock, close",
    around,
    path,
    () => Promise.resolve([repeat("plumb", lock), repeat("plumb, tryLockFile", tryLock)]),
  );
}

const freshName = () => `/plumb-bench-${crypto.randomUUID().slice(0, 8)}`;

function semaphoreBench(around: Surroundings): Bench {
  const name = freshName();
  return posixBench("semaphore", "a free semaphore: acquire, release", around, name, async () => {
    const semaphore = await Semaphore.open(name, { create: true, exclusive: true, value: 1 });
    await Semaphore.unlink(name);
    const take = async () => {
      await semaphore.acquire();
      semaphore.release();
    };
    return [{ ...repeat("plumb", take), close: () => semaphore.close() }];
  });
}

function queueBench(around: Surroundings): Bench {
  const name = freshName();
  const message = new Uint8Array(64);
  const options = {
    create: true,
    exclusive: true,
    maxMessages: 4,
    messageSize: message.length,
  };
  const title = `a message queue: ${message.length} bytes sent, and received`;
  return posixBench("queue", title, around, name, async () => {
    const queue = await MessageQueue.open(name, options);
    await MessageQueue.unlink(name);
    const pass = async () => {
      await queue.send(message);
      await queue.receive();
    };
    return [{ ...repeat("plumb", pass), close: () => queue.close() }];
  });
}

const lineCount = 1_000_000;

function linesBench({ dir, there }: Surroundings): Bench {
  const file = `${dir}/lines`;
  const expectAll = async (counting: Promise<number>) => {
    expectText(`${await counting}`, `${lineCount}`);
  };
  const ours = async () => {
    let count = 0;
    for await (const _ of command("cat", [file]).lines()) count++;
    return count;
  };
  return {
    name: "lines",
    title: "a million lines of a program, one by one",
    unit: "op",
    target: { of: "throughput", limit: 1 },
    async open() {
      const lines = Array.from({ length: lineCount }, (_, i) => `line ${i} of what a program says`);
      await Deno.writeTextFile(file, `${lines.join("\n")}\n`);
      return [
        repeat("plumb", () => expectAll(ours())),
        repeat("node:readline", () => expectAll(countLines(file))),
        repeat("node:readline, events", () => expectAll(countLineEvents(file))),
        ...(there.has("node") ? [startNodePeer(file)] : []),
      ];
    },
  };
}

/** All there are. */
export const ipcBenches = (around: Surroundings): Bench[] => [
  pipelineBench(),
  spawnBench(),
  lockBench(around),
  semaphoreBench(around),
  queueBench(around),
  linesBench(around),
];
