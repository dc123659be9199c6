/** The tour of `ipc`: real programs, a signal, a FIFO, a queue, and processes that take turns. */
import { ipc } from "../../mod.ts";
import { decode, encode, line, ms, show, title } from "./show.ts";

/** Walks through `ipc`; `self` is the module that plays the other process, with `turns` and so on. */
export async function ipcTour(self: string): Promise<void> {
  const directory = await Deno.makeTempDir();
  const words = `${directory}/words`;
  await Deno.writeTextFile(
    words,
    "signal pipe lock queue pipe semaphore pipe lock\n".repeat(5_000),
  );

  title("A pipeline of real programs on a real file");
  await show("pipeline", async () => {
    const start = performance.now();
    const { command } = ipc;
    const counted = await ipc.pipeline([
      command("tr", [" ", "\n"]),
      command("sort"),
      command("uniq", ["-c"]),
      command("sort", ["-rn"]),
      command("head", ["-n", "2"]),
    ], { stdin: await Deno.open(words), timeout: 10_000 });
    const top = counted.text().trim().split("\n").map((text) => text.trim().replace(" ", " x "));
    line("pipeline", `${top.join(", ")}   ${ms(start).trim()}`);
  });
  await show("fails", () => ipc.command("sh", ["-c", "echo no disk >&2; exit 3"]).output());
  await show("too slow", () => ipc.command("sleep", ["10"], { timeout: 100 }).run());

  title("A child sends a signal");
  {
    using signals = ipc.notify("SIGUSR2");
    const kill = `kill -USR2 ${Deno.pid}`;
    const [signal] = await Promise.all([
      signals.receive({ timeout: 5_000 }),
      ipc.command("sh", ["-c", kill]).run(),
    ]);
    line("signal", `${signal} from "${kill.replace(String(Deno.pid), "PID")}"`);
  }

  title("Messages between processes: a FIFO, and a queue that knows what is urgent");
  await show("fifo", async () => {
    const path = `${directory}/fifo`;
    await ipc.mkfifo(path);
    const child = ipc.command("sh", ["-c", `echo "hello from a shell" > "$0"`, path]).run();
    using fifo = await ipc.openFifo(path, "r", { timeout: 5_000 });
    const p = new Uint8Array(100);
    const n = await fifo.read(p);
    await child;
    line("fifo", `"${decode(p.subarray(0, n ?? 0)).trim()}"`);
  });
  await show("queue", async () => {
    const name = `/plumb-tour-${Deno.pid}`;
    using queue = await ipc.MessageQueue.open(name, { create: true, maxMessages: 4 });
    await ipc.MessageQueue.unlink(name); // it lives on while it is open
    await queue.send(encode("when you have time"), { priority: 1 });
    await queue.send(encode("at once"), { priority: 9 });
    const texts: string[] = [];
    while (texts.length < 2) texts.push(decode((await queue.receive({ timeout: 1_000 })).data));
    line("queue", texts.map((text) => `"${text}"`).join(", then "));
  });

  title("Two processes take turns: under a file lock, and between two semaphores");
  await show("lock", () => together("lock", self, `${directory}/lock`));
  await show("semaphore", () => together("semaphore", self, `/plumb-tour-${Deno.pid}`));

  await Deno.remove(directory, { recursive: true });
}

/** Starts two players of a part, and shows in which order they played. */
async function together(part: string, self: string, where: string): Promise<void> {
  const semaphores = part === "semaphore" ? [`${where}-ping`, `${where}-pong`] : [];
  for (const [i, name] of semaphores.entries()) {
    (await ipc.Semaphore.open(name, { create: true, value: i === 0 ? 1 : 0 })).close();
  }
  const flags = ["--allow-read", "--allow-write", "--allow-ffi"];
  const start = String(Date.now() + 300); // both are up by then
  const play = (player: string) =>
    ipc.command(
      Deno.execPath(),
      ["run", "--no-config", ...flags, self, part, where, player, start],
      {
        timeout: 20_000,
      },
    ).output();
  try {
    const played = await Promise.all([play("ping"), play("pong")]);
    const turns = played.flatMap((output) => output.text().trim().split("\n"))
      .map((text) => text.split(" ") as [string, string])
      .sort(([a], [b]) => Number(a) - Number(b));
    line(part, turns.map(([, player]) => player).join(" "));
  } finally {
    for (const name of semaphores) await ipc.Semaphore.unlink(name);
  }
}
