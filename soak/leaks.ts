/** What opens descriptors, again and again: none may be left, whatever way it ended. */
import { isTimeout } from "../deadline.ts";
import {
  command,
  lockFile,
  MessageQueue,
  mkfifo,
  notify,
  openFifo,
  pipe,
  pipeline,
  Semaphore,
} from "../ipc/mod.ts";
import { type Conn, dial, type Engine, listen, listenPacket } from "../net/mod.ts";
import { Random } from "../tests/support/http_requests.ts";
import { same } from "./exchange.ts";
import type { Report } from "./report.ts";
import { compare, resources } from "./resources.ts";

/** Something to do again and again. */
type Round = (random: Random, folder: string) => Promise<void>;

const hello = new TextEncoder().encode("hello");

/** Rejects with a timeout, and with nothing else. */
async function expectTimeout(promise: Promise<unknown>): Promise<void> {
  const late = await promise.then(() => false, isTimeout);
  if (!late) throw new Error("what could not end did not time out");
}

/** Sends something there and back. */
async function greet(client: Conn, server: Conn): Promise<void> {
  const p = new Uint8Array(hello.length);
  for (const [from, to] of [[client, server], [server, client]]) {
    await from.write(hello);
    for (let at = 0; at < p.length;) at += await to.read(p.subarray(at)) ?? Infinity;
    if (!same(p, hello)) throw new Error("other bytes than were sent");
  }
}

async function meet(network: "tcp" | "unix", address: string, engine: Engine): Promise<void> {
  using listener = listen(network, address, { engine });
  const accepting = listener.accept();
  using client = await dial(network, listener.addr.toString(), { engine });
  using server = await accepting;
  await greet(client, server);
  await expectTimeout(client.read(new Uint8Array(1), { timeout: 1 }));
  await expectTimeout(listener.accept({ timeout: 1 }));
}

/** Reads with deadlines that end anywhere: no byte may be lost, or come twice. */
async function deadlines(random: Random, engine: Engine): Promise<void> {
  using listener = listen("tcp", "127.0.0.1:0", { engine });
  const accepting = listener.accept();
  using client = await dial("tcp", listener.addr.toString(), { engine });
  using server = await accepting;
  const sent = Uint8Array.from({ length: 20_000 }, () => random.below(256));
  const write = async () => {
    for (let at = 0; at < sent.length;) {
      const n = 1 + random.below(2_000);
      await server.write(sent.subarray(at, at += n));
      if (random.below(2) > 0) await new Promise((resolve) => setTimeout(resolve, random.below(3)));
    }
    await server.closeWrite();
  };
  const writing = write();
  writing.catch(() => {}); // awaited below
  const found = new Uint8Array(sent.length + 1);
  let at = 0;
  for (;;) {
    // Large and small arrays are read into by different ways.
    const p = new Uint8Array(random.of([1, 100, 20_000]));
    try {
      const timeout = random.of([-1, 1, 1, 2, 5]);
      // A deadline that is set while a read is pending finds it further than one set before.
      const later = random.below(2) > 0;
      const reading = client.read(p, later ? undefined : { timeout });
      if (later) client.setReadDeadline(Date.now() + timeout);
      const n = await reading.finally(() => client.setReadDeadline(null));
      if (n === null) break;
      found.set(p.subarray(0, n), at);
      at += n;
    } catch (error) {
      if (!isTimeout(error)) throw error;
    }
  }
  await writing;
  const wrong = [...sent.keys()].filter((i) => found[i] !== sent[i]);
  if (at === sent.length && wrong.length === 0) return;
  throw new Error(`${at} of ${sent.length} bytes came, ${wrong.length} wrong from ${wrong[0]} on`);
}

const rounds: Record<string, Round> = {
  "tcp, runtime": () => meet("tcp", "127.0.0.1:0", "runtime"),
  "tcp, native": () => meet("tcp", "127.0.0.1:0", "native"),
  "unix, runtime": (_, folder) => meet("unix", `${folder}/a`, "runtime"),
  "unix, native": (_, folder) => meet("unix", `${folder}/b`, "native"),
  "read deadlines, runtime": (random) => deadlines(random, "runtime"),
  "read deadlines, native": (random) => deadlines(random, "native"),

  async "udp"() {
    using a = listenPacket("udp", "127.0.0.1:0");
    using b = listenPacket("udp", "127.0.0.1:0");
    await a.send(hello, b.addr);
    if (!same((await b.receive())[0], hello)) throw new Error("another message than was sent");
    await expectTimeout(a.receive(undefined, { timeout: 1 }));
  },

  async "refused"() {
    for (const engine of ["runtime", "native"] as const) {
      // A port that is given to nobody who has not asked for it.
      const conn = await dial("tcp", "127.0.0.1:1", { engine }).catch(() => null);
      if (conn === null) continue;
      conn.close();
      throw new Error("somebody listens on port 1");
    }
  },

  async "command"() {
    const { stdout } = await command("cat", [], { stdin: hello }).output();
    if (!same(stdout, hello)) throw new Error("other bytes than were sent");
    await expectTimeout(command("sleep", ["60"], { timeout: 5 }).run());
  },

  async "pipeline"() {
    const output = await pipeline([command("seq", ["100000"]), command("head", ["-n", "1"])]);
    if (output.text() !== "1\n") throw new Error("another line than the first");
  },

  async "pipe"() {
    const { reader, writer } = pipe();
    await writer.write(hello);
    const p = new Uint8Array(8);
    if (await reader.read(p) !== hello.length) throw new Error("other bytes than were sent");
    await expectTimeout(reader.read(p, { timeout: 1 }));
    writer.close();
    reader.close();
  },

  async "fifo"(_, folder) {
    const path = `${folder}/fifo`;
    await mkfifo(path);
    await expectTimeout(openFifo(path, "r", { timeout: 1 }));
    const [reader, writer] = await Promise.all([openFifo(path, "r"), openFifo(path, "w")]);
    await writer.write(hello);
    const p = new Uint8Array(8);
    if (await reader.read(p) !== hello.length) throw new Error("other bytes than were sent");
    writer.close();
    reader.close();
    await Deno.remove(path);
  },

  async "lock"(_, folder) {
    using _lock = await lockFile(`${folder}/lock`);
    await expectTimeout(lockFile(`${folder}/lock`, { timeout: 5 }));
  },

  async "semaphore"() {
    const name = `/plumb-soak-${crypto.randomUUID()}`;
    const semaphore = await Semaphore.open(name, { create: true, value: 1 });
    await semaphore.acquire();
    await expectTimeout(semaphore.acquire({ timeout: 2 }));
    semaphore.release();
    semaphore.close();
    await Semaphore.unlink(name);
  },

  async "message queue"() {
    if (Deno.build.os !== "linux") return;
    const name = `/plumb-soak-${crypto.randomUUID()}`;
    const queue = await MessageQueue.open(name, { create: true, maxMessages: 2, messageSize: 64 });
    await queue.send(hello);
    if (!same((await queue.receive()).data, hello)) {
      throw new Error("another message than was sent");
    }
    await expectTimeout(queue.receive({ timeout: 2 }));
    queue.close();
    await MessageQueue.unlink(name);
  },

  "signals"() {
    using _signals = notify("SIGUSR2");
    return Promise.resolve();
  },
};

/**
 * Runs all rounds, again and again.
 *
 * @param report Where findings go.
 * @param options The seed, and until when, by `performance.now()`.
 */
export async function leakChecks(
  report: Report,
  { seed, end }: { seed: number; end: number },
): Promise<void> {
  const row = report.row("net and ipc");
  const start = performance.now();
  const random = new Random(seed);
  const folder = await Deno.makeTempDir();
  const all = async () => {
    for (const [name, round] of Object.entries(rounds)) {
      try {
        await round(random, folder);
      } catch (error) {
        report.violation("other", `${name} (seed ${seed}): ${error}`);
      }
      row.count++;
    }
  };
  const warm = start + (end - start) / 4;
  do await all(); while (performance.now() < warm);
  const before = await resources();
  do await all(); while (performance.now() < end);
  await compare(report, row, before);
  await Deno.remove(folder, { recursive: true });
  row.seconds = (performance.now() - start) / 1_000;
}
