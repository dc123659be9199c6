import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import { SignalError } from "../../ipc/errors.ts";
import { ignore, ignored, kill, notify, notifyContext, reset } from "../../ipc/signal.ts";
import { settle } from "../support/fake_clock.ts";
import { python } from "../net/native/support.ts";
import { installed, programTest } from "./command_helpers.ts";

const root = new URL("../../", import.meta.url).href;

/** Runs a program that has all of `ipc/signal.ts` in scope. */
async function runSignals(code: string, flags: string[] = ["--allow-run"]) {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const names = "ignore, ignored, kill, notify, notifyContext, reset";
    await Deno.writeTextFile(file, `import { ${names} } from "${root}ipc/signal.ts";\n${code}\n`);
    const args = ["run", "--no-prompt", "--no-config", "--no-check", ...flags, file];
    const { code: status, signal, stdout } = await new Deno.Command(Deno.execPath(), { args })
      .output();
    return { code: status, signal, stdout: new TextDecoder().decode(stdout).trim() };
  } finally {
    await Deno.remove(file);
  }
}

programTest("notify() delivers signals in the order they came", async () => {
  using signals = notify("SIGUSR1", "SIGUSR2");
  kill(Deno.pid, "SIGUSR2");
  assertEquals(await signals.receive(), "SIGUSR2");
  kill(Deno.pid, "SIGUSR1");
  assertEquals(await signals.receive(), "SIGUSR1");
});

programTest("a signal from another program arrives", async () => {
  using signals = notify("SIGUSR1");
  const sent = new Deno.Command("sh", { args: ["-c", `kill -USR1 ${Deno.pid}`] }).output();
  assertEquals(await signals.receive(), "SIGUSR1");
  await sent;
});

programTest("a slow reader misses repeats, but no signal entirely", async () => {
  using slow = notify("SIGUSR1", "SIGUSR2");
  using quick = notify("SIGUSR1", "SIGUSR2");
  for (const signal of ["SIGUSR1", "SIGUSR1", "SIGUSR2", "SIGUSR1"] as const) {
    kill(Deno.pid, signal);
    assertEquals(await quick.receive(), signal); // it has been delivered to both now
  }
  assertEquals([await slow.receive(), await slow.receive()], ["SIGUSR1", "SIGUSR2"]);
  assert(isTimeout(await assertRejects(() => slow.receive({ timeout: 1 }))));
});

programTest("a receive that gave up takes no signal with it", async () => {
  using signals = notify("SIGUSR1");
  const controller = new AbortController();
  const receive = signals.receive({ signal: controller.signal });
  const reason = new Error("enough");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => receive), reason);
  kill(Deno.pid, "SIGUSR1");
  assertEquals(await signals.receive(), "SIGUSR1");
});

programTest("the loop ends with stop(), and leaving the loop stops", async () => {
  const signals = notify("SIGUSR1");
  const seen: string[] = [];
  const loop = (async () => {
    for await (const signal of signals) seen.push(signal);
  })();
  kill(Deno.pid, "SIGUSR1");
  while (seen.length === 0) await settle();
  signals.stop();
  signals.stop();
  await loop;
  assertEquals(seen, ["SIGUSR1"]);
  assertEquals(await signals.receive(), null);

  const other = notify("SIGUSR1");
  kill(Deno.pid, "SIGUSR1");
  for await (const _ of other) break;
  assertEquals(await other.receive(), null);
});

programTest("stop() drops what was not read", async () => {
  using witness = notify("SIGUSR1");
  const signals = notify("SIGUSR1");
  kill(Deno.pid, "SIGUSR1");
  await witness.receive();
  signals.stop();
  assertEquals(await signals.receive(), null);
});

Deno.test("notify() refuses what cannot be caught, and catches nothing then", () => {
  assertThrows(() => notify(), TypeError, "at least one signal");
  assertThrows(() => notify("SIGUSR1", "SIGKILL"), TypeError, '"SIGKILL" cannot be caught');
  assertThrows(() => notify("SIGFOO" as Deno.Signal), TypeError, 'unknown signal "SIGFOO"');
  assertThrows(() => ignore("SIGSTOP"), TypeError, '"SIGSTOP" cannot be caught');
  assertThrows(() => notifyContext([]), TypeError, "at least one signal");
  assertThrows(() => reset("SIGFOO" as Deno.Signal), TypeError, 'unknown signal "SIGFOO"');
  assertThrows(() => ignored("SIGFOO" as Deno.Signal), TypeError, 'unknown signal "SIGFOO"');
});

programTest("stop() gives the default action back", async () => {
  const { signal } = await runSignals(`
    const first = notify("SIGUSR1");
    const second = notify("SIGUSR1");
    first.stop();
    kill(Deno.pid, "SIGUSR1");
    console.log(await second.receive());
    second.stop();
    kill(Deno.pid, "SIGUSR1");
    setTimeout(() => console.log("still here"), 10_000);
  `);
  assertEquals(signal, "SIGUSR1");
});

programTest("a wait for a signal keeps the process alive, unref() and stop() do not", async () => {
  const waiting = await runSignals(`
    const signals = notify("SIGUSR1");
    setTimeout(() => { Deno.unrefTimer(setTimeout(() => kill(Deno.pid, "SIGUSR1"), 20)); }, 1);
    console.log(await signals.receive());
  `);
  assertEquals(waiting, { code: 0, signal: null, stdout: "SIGUSR1" });
  const background = await runSignals(`
    const signals = notify("SIGUSR1");
    signals.unref();
    (async () => { for await (const _ of signals); })();
    console.log("done");
  `);
  assertEquals(background, { code: 0, signal: null, stdout: "done" });
  const stopped = await runSignals(`
    const signals = notify("SIGUSR1");
    const wait = signals.receive();
    signals.stop();
    console.log(await wait);
  `);
  assertEquals(stopped, { code: 0, signal: null, stdout: "null" });
});

programTest("ignore() makes a signal harmless until reset()", async () => {
  const { signal, stdout } = await runSignals(`
    ignore("SIGHUP");
    kill(Deno.pid, "SIGHUP");
    using other = notify("SIGUSR1");
    kill(Deno.pid, "SIGUSR1");
    await other.receive();
    console.log(ignored("SIGHUP"), ignored("SIGUSR1"));
    reset("SIGHUP");
    console.log(ignored("SIGHUP"));
    kill(Deno.pid, "SIGHUP");
    setTimeout(() => {}, 10_000);
  `);
  assertEquals([signal, stdout], ["SIGHUP", "true false\nfalse"]);
});

programTest("a broken pipe does not end a process that has caught SIGPIPE before", async () => {
  const { code, stdout } = await runSignals(`
    using _signals = notify("SIGPIPE");
    reset("SIGPIPE");
    const child = new Deno.Command("true", { stdin: "piped" }).spawn();
    await child.status;
    const writer = child.stdin.getWriter();
    await writer.write(new Uint8Array(1)).catch((error) => console.log(error.name));
  `);
  assertEquals([code, stdout], [0, "BrokenPipe"]);
});

programTest("ignore() takes a signal from streams, notify() ends its being ignored", async () => {
  using first = notify("SIGUSR1", "SIGUSR2");
  ignore("SIGUSR1");
  using second = notify("SIGUSR1");
  assertEquals(ignored("SIGUSR1"), false);
  kill(Deno.pid, "SIGUSR1");
  assertEquals(await second.receive(), "SIGUSR1");
  kill(Deno.pid, "SIGUSR2");
  assertEquals(await first.receive(), "SIGUSR2");
  second.stop();
  first.stop();
  assertEquals(ignored("SIGUSR1"), false);
});

programTest("stop() of a stream leaves a signal ignored that was ignored since", async () => {
  const stream = notify("SIGUSR1");
  ignore("SIGUSR1");
  stream.stop();
  assertEquals(ignored("SIGUSR1"), true);
  reset();
  assertEquals(ignored("SIGUSR1"), false);
  await Promise.resolve();
});

programTest("notifyContext() aborts with a reason that names the first signal", async () => {
  using context = notifyContext(["SIGUSR1", "SIGUSR2"]);
  using witness = notify("SIGUSR1", "SIGUSR2");
  kill(Deno.pid, "SIGUSR2");
  assertEquals(await witness.receive(), "SIGUSR2");
  kill(Deno.pid, "SIGUSR1");
  await witness.receive();
  const { reason } = context.signal;
  assert(reason instanceof SignalError);
  assertEquals([reason.signal, reason.message], ["SIGUSR2", "received SIGUSR2"]);
});

programTest("notifyContext() ends with its parent, and stop() means it never aborts", async () => {
  const parent = new AbortController();
  using child = notifyContext(["SIGUSR1"], { signal: parent.signal });
  const reason = new Error("parent");
  parent.abort(reason);
  assertStrictEquals(child.signal.reason, reason);
  using expired = notifyContext(["SIGUSR1"], { timeout: -1 });
  assert(isTimeout(expired.signal.reason));

  using witness = notify("SIGUSR1");
  const stopped = notifyContext(["SIGUSR1"]);
  stopped.stop();
  stopped.stop();
  kill(Deno.pid, "SIGUSR1");
  await witness.receive();
  assertEquals(stopped.signal.aborted, false);
});

programTest("after stop() of a context the second signal ends the process", async () => {
  const { signal, stdout } = await runSignals(`
    const context = notifyContext(["SIGINT"], { timeout: 60_000 });
    context.signal.addEventListener("abort", () => {
      console.log(context.signal.reason.message);
      context.stop();
      kill(Deno.pid, "SIGINT");
    });
    setTimeout(() => {}, 10_000);
    kill(Deno.pid, "SIGINT");
  `);
  assertEquals([signal, stdout], ["SIGINT", "received SIGINT"]);
});

programTest("a context does not keep the process alive, whatever its time limit", async () => {
  const begun = performance.now();
  const { code } = await runSignals(`notifyContext(["SIGINT"], { timeout: 60_000 });`);
  assertEquals(code, 0);
  assert(performance.now() - begun < 30_000);
});

programTest("kill() refuses bad numbers and names, and says why it failed", async () => {
  assertThrows(() => kill(0), RangeError, "pid must be a process id");
  assertThrows(() => kill(-1), RangeError, "got -1");
  assertThrows(() => kill(1.5), RangeError, "got 1.5");
  assertThrows(() => kill(Deno.pid, "SIGFOO" as Deno.Signal), TypeError, "SIGFOO");
  const child = new Deno.Command("true").spawn();
  await child.status;
  assertThrows(
    () => kill(child.pid, "SIGTERM"),
    Deno.errors.NotFound,
    `kill ${child.pid} with SIGTERM: no such process`,
  );
});

programTest("Python's signal.sigwait gets what kill() sends, in order", async () => {
  if (!installed("python3", "-V")) return;
  await using peer = python(`
import signal
wanted = {signal.SIGUSR1, signal.SIGHUP, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
print("ready")
for _ in wanted: print(signal.Signals(signal.sigwait(wanted)).name)`);
  assertEquals(await peer.line(), "ready");
  for (const name of ["SIGHUP", "SIGTERM", "SIGUSR1"] as const) {
    kill(peer.pid, name);
    assertEquals(await peer.line(), name);
  }
  await peer.ended();
});

programTest("what Python's os.kill sends reaches notify() and notifyContext()", async () => {
  if (!installed("python3", "-V")) return;
  using signals = notify("SIGUSR2");
  using context = notifyContext(["SIGHUP"]);
  await using peer = python(`
import os, signal
os.kill(os.getppid(), signal.SIGUSR2)
os.kill(os.getppid(), signal.SIGHUP)`);
  assertEquals(await signals.receive({ timeout: 20_000 }), "SIGUSR2");
  if (!context.signal.aborted) {
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
  }
  assertEquals(context.signal.reason.signal, "SIGHUP");
  await peer.ended();
});

programTest("Python ends a program of ours politely, then for good, and sees how", async () => {
  if (!installed("python3", "-V")) return;
  const source = `
    import { ignore, notifyContext } from "${root}ipc/signal.ts";
    ignore("SIGHUP");
    const context = notifyContext(["SIGTERM"]);
    context.signal.addEventListener("abort", () => {
      context.stop();
      console.log("draining");
    });
    setInterval(() => {}, 1_000);
    console.log("ready");`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, source);
    await using peer = python(
      `
import signal, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
say = lambda: print(child.stdout.readline(), end="")
say()
child.send_signal(signal.SIGHUP)
child.send_signal(signal.SIGTERM)
say()
child.send_signal(signal.SIGTERM)
print(child.wait())`,
      ...[Deno.execPath(), "run", "--no-config", "--no-check", file],
    );
    assertEquals(
      [await peer.line(), await peer.line(), await peer.line()],
      ["ready", "draining", "-15"],
    );
    await peer.ended();
  } finally {
    await Deno.remove(file);
  }
});

programTest(
  "signals need no permission but kill() of another process, which names its flag",
  async () => {
    const { stdout } = await runSignals(
      `
    using signals = notify("SIGUSR1");
    ignore("SIGHUP");
    kill(Deno.pid, "SIGHUP");
    try { kill(Deno.ppid, "SIGCONT"); } catch (error) { console.log(error.name, error.message); }
  `,
      [],
    );
    assert(stdout.startsWith("NotCapable"));
    assert(stdout.includes("--allow-run"));
  },
);
