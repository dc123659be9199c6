/** The examples of `ipc`. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { lockFile } from "../../ipc/file_lock.ts";
import { mqAvailable } from "../../sys/mqueue.ts";
import { Example, Folder, output, root, run, Transcript } from "./example.ts";

Deno.test("the pool does every job once, the one of a killed worker too", async () => {
  const flags = ["--allow-ffi", `--allow-run=${Deno.execPath()}`];
  const out = await output("worker_pool.ts", flags, ["2", "6", "--kill"]);
  const done = [...out.matchAll(/^job (\d): (\d+) primes below \d+ \(worker (\d+)\)$/gm)];
  assertEquals(done.map(([, id]) => id).sort(), ["1", "2", "3", "4", "5", "6"]);
  assertEquals(new Set(done.map(([, , primes]) => primes)), new Set(["78498", "78499"]));
  const [, lost] = /^job 3: lost by worker (\d+): /m.exec(out)!;
  const third = done.find(([, id]) => id === "3")!;
  assert(third[3] !== lost, out);
  assertMatch(out, /all done\n$/);
});

const ignore = !mqAvailable();
if (ignore) console.log("there are no message queues here: the test of their example is skipped");

Deno.test({
  name: "the job queue hands out the most urgent job first, and waits for more",
  ignore,
  async fn() {
    const name = `/jobs-${crypto.randomUUID()}`;
    const flags = ["--allow-ffi"];
    const queue = (...args: string[]) => output("job_queue.ts", flags, args);
    await queue("add", name, "1", "whenever");
    try {
      await queue("add", name, "9", "urgent");
      await queue("add", name, "5", "soon");
      assertEquals(await queue("status", name), "3 of 10 jobs, of up to 1024 bytes\n");

      await using worker = new Example("job_queue.ts", flags, ["work", name]);
      await worker.says(/9 urgent\n5 soon\n1 whenever\n/);
      await queue("add", name, "0", "late");
      await worker.says(/^0 late\n/);
      worker.kill("SIGTERM");
      const { code, stderr } = await worker.end();
      assertEquals([code, stderr], [0, "received SIGTERM\n"]);

      const idle = await run("job_queue.ts", flags, ["work", name, "100"]);
      assertEquals([idle.code, idle.stdout], [0, ""]);
      assertMatch(idle.stderr, /^receive mqueue ".*": timed out\n$/);
    } finally {
      await queue("remove", name);
    }
    const gone = await run("job_queue.ts", flags, ["status", name]);
    assertEquals([gone.code, gone.stdout], [1, ""]);
    assertMatch(gone.stderr, /^open mqueue ".*": .*no such/i);
  },
});

Deno.test("the cron example runs one at a time, and gives up in time", async () => {
  using folder = new Folder();
  const lock = `${folder.path}/lock`;
  const flags = [...folder.flags, "--allow-run=sh"];
  const cron = (wait: string, script: string) => [lock, wait, "sh", "-c", script];

  await using first = new Example("cron_safe.ts", flags, cron("0", "echo begun; read line"));
  await first.says(/begun\n/);
  const atOnce = await run("cron_safe.ts", flags, cron("0", "echo never"));
  assertEquals([atOnce.code, atOnce.stdout], [75, ""]);
  assertEquals(atOnce.stderr, `cron_safe: ${lock} is locked\n`);
  const later = await run("cron_safe.ts", flags, cron("50", "echo never"));
  assertEquals([later.code, later.stdout], [75, ""]);
  assertMatch(later.stderr, /^cron_safe: lock file ".*": timed out\n$/);

  await using waiting = new Example("cron_safe.ts", flags, cron("20000", "echo my turn; exit 3"));
  await first.types("go on\n");
  assertEquals((await first.end()).code, 0);
  await waiting.says(/my turn\n/);
  assertEquals((await waiting.end()).code, 3);
});

Deno.test("the cron example tells its command to end, and leaves no lock behind", async () => {
  using folder = new Folder();
  const lock = `${folder.path}/lock`;
  const flags = [...folder.flags, "--allow-run=sh"];
  const script = "trap 'echo told; exit' TERM; echo begun; while :; do sleep 0.02; done";
  await using it = new Example("cron_safe.ts", flags, [lock, "0", "sh", "-c", script]);
  await it.says(/begun\n/);
  it.kill("SIGTERM");
  await it.says(/told\n/);
  const { code, stderr } = await it.end();
  assertEquals([code, stderr], [143, "cron_safe: received SIGTERM\n"]);
  (await lockFile(lock, { timeout: 5_000 })).unlock();
});

Deno.test("the supervisor starts again what ends, ever later", async () => {
  const line = "echo up; exit 3";
  await using it = new Example("supervisor.ts", ["--allow-run"], [line, "echo fine"]);
  for (const pause of [100, 200]) {
    await it.stderr.says(new RegExp(`supervisor: ${line}: exit status 3, again in ${pause} ms\n`));
  }
  await it.says(/(up\n(.*\n)*){3}/);
  await it.stderr.says(/supervisor: echo fine: exit status 0, again in \d+ ms\n/);
  it.kill("SIGINT");
  const { code, stderr } = await it.end();
  assertEquals(code, 0);
  assertMatch(stderr, /supervisor: received SIGINT\n/);
});

/** Whether there is such a process, which is not just waiting to be asked how it has ended. */
function runs(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

Deno.test("the supervisor ends whole groups, and kills what does not listen", async () => {
  // The first listens, the second does not; each has started another process.
  const polite = "trap 'echo bye; exit' TERM; sleep 60 & echo polite $! ; wait";
  const deaf = "trap '' TERM; sleep 60 & echo deaf $! ; while :; do wait; sleep 60; done";
  await using it = new Example("supervisor.ts", ["--allow-run"], ["-k", "300", polite, deaf]);
  const pids: string[] = [];
  for (let i = 0; i < 2; i++) pids.push((await it.says(/(?:polite|deaf) (\d+)\n/))[1]);
  assertEquals(pids.map(runs), [true, true]);
  it.kill("SIGTERM");
  await it.says(/bye\n/);
  assertEquals((await it.end()).code, 0);
  assertEquals(pids.map(runs), [false, false]);
});

/** Whether this machine lets us make a process 1, in a namespace of its own. */
function namespaces(): boolean {
  try {
    const args = ["--fork", "--pid", "--kill-child", "true"];
    const stdio = { stdin: "null", stdout: "null", stderr: "null" } as const;
    return new Deno.Command("unshare", { args, ...stdio }).outputSync().success;
  } catch {
    return false;
  }
}

const noNamespaces = !namespaces();
if (noNamespaces) console.log("unshare is not possible here: its test is skipped");

Deno.test({
  name: "the graceful example ends well as process 1 of a container, too",
  ignore: noNamespaces,
  async fn() {
    const flags = ["--no-prompt", "--no-config", "--allow-net=127.0.0.1"];
    const deno = [Deno.execPath(), "run", ...flags, "examples/graceful_server.ts"];
    const child = new Deno.Command("unshare", {
      args: ["--fork", "--pid", "--kill-child", ...deno],
      cwd: root,
      ...{ stdin: "null", stdout: "piped", stderr: "inherit" },
    }).spawn();
    const said = new Transcript(child.stdout);
    const kill = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const [, url] = await said.says(/(http:.*)\n/);
    const asked = fetch(`${url}?seconds=0.3`).then((response) => response.text());
    await said.says(/a request of 0.3 s\n/);
    // As from outside of the container: only what process 1 listens to gets through to it.
    const children = Deno.readTextFileSync(`/proc/${child.pid}/task/${child.pid}/children`);
    Deno.kill(Number(children), "SIGTERM");
    await said.says(/finishing what is under way\n/);
    assertEquals(await asked, "it took 0.3 s\n");
    await said.says(/every request was answered\n/);
    assertEquals((await child.status).code, 0);
    await said.done;
    clearTimeout(kill);
  },
});
