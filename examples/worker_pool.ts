/**
 * A pool of worker processes: each write is one job, each read one answer (`unixpacket` keeps them
 * apart), and the job of a worker that dies goes to another.
 *
 *     deno run --allow-ffi --allow-run=deno examples/worker_pool.ts [WORKERS [JOBS]]
 *
 * Linux only. With --kill it kills the worker that has taken job 3, to show what becomes of it. The
 * workers are this very file, and get --allow-ffi and no other permission.
 */
import { isTimeout, net } from "../mod.ts";

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const decode = (p: Uint8Array) => JSON.parse(new TextDecoder().decode(p));

/** A job: how many primes are there below this number? */
interface Job {
  readonly id: number;
  readonly below: number;
}

/** What a worker does, up to the end of its connection. */
async function work(address: string): Promise<void> {
  using conn = await net.dial("unixpacket", address, { timeout: 5_000 });
  const p = new Uint8Array(4096);
  for (let n = await conn.read(p); n !== null; n = await conn.read(p)) {
    const { below }: Job = decode(p.subarray(0, n));
    const composite = new Uint8Array(below);
    let primes = 0;
    for (let i = 2; i < below; i++) {
      if (composite[i]) continue;
      primes++;
      for (let k = i * i; k < below; k += i) composite[k] = 1;
    }
    await conn.write(encode(primes));
  }
}

/** Gives the jobs to as many workers at once, and is done when all are. */
async function runPool(jobs: Job[], workers: number): Promise<void> {
  // An abstract name: no file to remove, gone with this process.
  using listener = net.listen("unixpacket", `@pool-${crypto.randomUUID()}`);
  const args = ["run", "--allow-ffi", import.meta.filename!, "--worker", `${listener.addr}`];
  const starting = new Map<number, Deno.ChildProcess>();

  /** One place in the pool: as long as there are jobs, a worker that dies is followed by another. */
  async function keepWorking(): Promise<void> {
    while (jobs.length > 0) {
      const child = new Deno.Command(Deno.execPath(), { args }).spawn();
      starting.set(child.pid, child);
      using conn = await listener.accept({ timeout: 30_000 });
      // The kernel says who has connected: the workers may come in any order, strangers may not.
      const worker = starting.get(conn.peerCredentials().pid);
      if (worker === undefined) throw new Error("a stranger has connected");
      starting.delete(worker.pid);
      await giveJobs(jobs, conn, worker);
      conn.close(); // which is the worker's end
      await worker.status;
    }
  }
  await Promise.all(Array.from({ length: workers }, keepWorking));
}

let toKill = Deno.args.includes("--kill") ? 3 : undefined;

/** Gives a worker one job after the other, until there are none, or it fails. */
async function giveJobs(jobs: Job[], conn: net.Conn, worker: Deno.ChildProcess): Promise<void> {
  const p = new Uint8Array(4096);
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
    try {
      await conn.write(encode(job));
      if (job.id === toKill) {
        toKill = undefined; // only once
        worker.kill("SIGKILL");
      }
      const n = await conn.read(p, { timeout: 60_000 });
      if (n === null) throw new Error("it is gone");
      const primes = decode(p.subarray(0, n));
      console.log(`job ${job.id}: ${primes} primes below ${job.below} (worker ${worker.pid})`);
    } catch (error) {
      if (isTimeout(error)) worker.kill("SIGKILL"); // it is there, but does nothing
      console.log(`job ${job.id}: lost by worker ${worker.pid}: ${(error as Error).message}`);
      jobs.unshift(job); // Not answered is not done. Whoever is free first takes it.
      return;
    }
  }
}

if (Deno.args[0] === "--worker") {
  await work(Deno.args[1]);
} else {
  const [workers = 2, count = 8] = Deno.args.filter((arg) => arg !== "--kill").map(Number);
  const jobs = Array.from({ length: count }, (_, i) => ({ id: i + 1, below: 1_000_000 + i }));
  await runPool(jobs, workers);
  console.log("all done");
}
