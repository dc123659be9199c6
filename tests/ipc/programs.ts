/** Programs at the other end of pipes, locks, queues and semaphores, for the tests of `ipc`. */
import { lookup } from "node:dns/promises";
import { assert } from "@std/assert";
import { available, close, pipe2, poller } from "../../sys/mod.ts";
import { mqAvailable } from "../../sys/mqueue.ts";
import { semAvailable } from "../../sys/semaphore.ts";
import { Peer } from "../net/native/support.ts";

export { assertNoFdLeak, openFds, Peer, python } from "../net/native/support.ts";

// The C library is loaded once and stays, and so does what the poller asks the kernel with.
if (!available() || !mqAvailable() || !semAvailable()) {
  throw new Error("these tests need --allow-ffi");
}
{
  const [reader, writer] = pipe2();
  await poller.wait(writer, "write");
  close(reader);
  close(writer);
}

/** Whether a program can be started; says so where it cannot. */
function has(program: string): boolean {
  try {
    const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
    new Deno.Command(program, { args: ["--version"], ...quiet }).outputSync();
    return true;
  } catch {
    console.log(`SKIPPED: ${program} is not installed, its tests are left out`);
    return false;
  }
}

const there = {
  cc: has("cc"),
  flock: has("flock"),
  mkfifo: has("mkfifo"),
  python3: has("python3"),
  setpriv: has("setpriv"),
  sh: has("sh"),
};

/** Registers a test that needs a program; without it the test is shown as ignored. */
export function testWith(
  program: keyof typeof there,
  name: string,
  fn: () => Promise<void>,
): void {
  Deno.test({ name, ignore: !there[program], fn });
}

let built: Promise<string> | undefined;

async function build(): Promise<string> {
  const dir = await Deno.makeTempDir();
  globalThis.addEventListener("unload", () => Deno.removeSync(dir, { recursive: true }));
  const source = new URL("peer.c", import.meta.url).pathname;
  const args = ["-O1", "-o", `${dir}/peer`, source, "-lrt", "-lpthread"];
  const { success, stderr } = await new Deno.Command("cc", { args }).output();
  assert(success, `cc: ${new TextDecoder().decode(stderr)}`);
  return `${dir}/peer`;
}

/** Runs `peer.c`, compiled when it is first needed. */
export const inC = async (...args: string[]): Promise<Peer> =>
  new Peer(await (built ??= build()), args);

/** Runs a shell script; `$1` and so on are the arguments. */
export const sh = (script: string, ...args: string[]): Peer =>
  new Peer("sh", ["-c", script, "sh", ...args]);

/** A name for a queue or semaphore that nobody else has. */
export const freshName = (): string => `/plumb-${crypto.randomUUID().slice(0, 13)}`;

/** Runs `body` in a folder of its own, which is removed after it. */
export async function inFolder(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await body(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const root = new URL("../../", import.meta.url).href;

/**
 * Runs a module in a Deno of its own with no permission but those given, and gives what it prints.
 *
 * @param code Its text, in which `load(path)` imports a file of the tree.
 */
export async function runDeno(code: string, ...flags: string[]): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const load = `const load = (path) => import(${JSON.stringify(root)} + path);\n`;
    const show = "const show = (e) => console.log(e.name, e.message);\n";
    await Deno.writeTextFile(file, load + show + code);
    const args = ["run", "--no-prompt", "--no-config", "--no-check", ...flags, file];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      stdin: "null",
      env: { NO_COLOR: "1" },
    }).output();
    return (new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr)).trim();
  } finally {
    await Deno.remove(file);
  }
}

/** Fails unless file reads and name lookups, which share a pool of threads, still complete. */
export async function assertPoolIsFree(): Promise<void> {
  const works = [1, 2, 3, 4].map(() => Deno.readTextFile(new URL(import.meta.url)));
  const names = [1, 2].map(() => lookup("localhost"));
  assert((await Promise.all(works)).every((text) => text.length > 0));
  for (const { address } of await Promise.all(names)) assert(address !== "");
}
