/**
 * A job queue between processes that need not run at the same time: a POSIX message queue, kept by
 * the kernel, which hands out the most urgent job first, and each job once.
 *
 *     deno run --allow-ffi examples/job_queue.ts add /mail 5 "to: ann"     # a higher number first
 *     deno run --allow-ffi examples/job_queue.ts work /mail [IDLE_MS]      # any number of these
 *     deno run --allow-ffi examples/job_queue.ts status /mail
 *     deno run --allow-ffi examples/job_queue.ts remove /mail
 *
 * Linux only. A full queue makes those who add wait, up to ten seconds. The kernel forgets a job
 * when it is taken: one whose consumer dies is lost. Where that must not be, see worker_pool.ts.
 */
import { ipc, isTimeout, net } from "../mod.ts";

/** Whoever comes first makes the queue. */
const open = (name: string) =>
  ipc.MessageQueue.open(name, { create: true, maxMessages: 10, messageSize: 1024 });

async function add(name: string, priority: number, text: string): Promise<void> {
  using queue = await open(name);
  await queue.send(new TextEncoder().encode(text), { priority, timeout: 10_000 });
}

/** Takes jobs until a signal comes, or none has come for `idle` ms. */
async function work(name: string, idle: number): Promise<void> {
  using queue = await open(name);
  // A signal ends the wait for the next job, never the work on this one.
  using context = ipc.notifyContext(["SIGINT", "SIGTERM"]);
  const wait = { signal: context.signal, timeout: idle };
  try {
    for (;;) {
      const { data, priority } = await queue.receive(wait);
      console.log(`${priority} ${new TextDecoder().decode(data)}`); // stands for the work
    }
  } catch (error) {
    if (!isTimeout(error) && error !== context.signal.reason) throw error;
    console.error((error as Error).message); // such as: received SIGTERM
  }
}

async function status(name: string): Promise<void> {
  using queue = await ipc.MessageQueue.open(name);
  const { currentMessages, maxMessages, messageSize } = queue.attributes();
  console.log(`${currentMessages} of ${maxMessages} jobs, of up to ${messageSize} bytes`);
}

const [command, name, ...rest] = Deno.args;
try {
  if (command === "add" && rest.length === 2) await add(name, Number(rest[0]), rest[1]);
  else if (command === "work" && name) await work(name, Number(rest[0] ?? 0)); // 0: no limit
  else if (command === "status" && name) await status(name);
  else if (command === "remove" && name) await ipc.MessageQueue.unlink(name);
  else throw new TypeError("usage: job_queue.ts add|work|status|remove NAME ...");
} catch (error) {
  console.error((error as Error).message);
  // Worth trying again, or not: the queue was full for ten seconds, or something is wrong.
  Deno.exit(error instanceof net.OpError && error.timeout ? 75 : 1);
}
