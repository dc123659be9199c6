/** What the tests of `sys` share: waiting calls, a peer in Python, child scripts. */
import {
  accept,
  type Accepted,
  AF_INET,
  available,
  bind,
  connect,
  getsockname,
  type Inet4Address,
  listen,
  poller,
  recv,
  SOCK_STREAM,
  socket,
  type SocketAddress,
  socketError,
} from "../../sys/mod.ts";

// The C library is loaded once and stays: not in the middle of a test that looks for leaks.
if (!available()) throw new Error("these tests need --allow-ffi");

/** Runs a call that gives `null` until it is ready. */
export async function ready<T>(
  fd: number,
  direction: "read" | "write",
  call: () => T | null,
): Promise<T> {
  for (;;) {
    const result = call();
    if (result !== null) return result;
    await poller.wait(fd, direction, { timeout: 10_000 });
  }
}

/** Receives some bytes, or a message, as text. */
export async function receiveText(fd: number, size = 1000): Promise<string> {
  const p = new Uint8Array(size);
  const n = await ready(fd, "read", () => recv(fd, p));
  return new TextDecoder().decode(p.subarray(0, n));
}

/** Connects, or throws why not. */
export async function connectTo(fd: number, address: SocketAddress): Promise<void> {
  if (connect(fd, address)) return;
  await poller.wait(fd, "write", { timeout: 10_000 });
  const failed = socketError(fd, "connect");
  if (failed !== null) throw failed;
}

/** Waits for a connection. */
export const acceptFrom = (fd: number): Promise<Accepted> => ready(fd, "read", () => accept(fd));

export const loopback: Inet4Address = { family: "inet", hostname: "127.0.0.1", port: 0 };

/** A TCP listener on the loopback, and its address. */
export function listenTcp(): [fd: number, address: SocketAddress] {
  const fd = socket(AF_INET, SOCK_STREAM);
  bind(fd, loopback);
  listen(fd);
  return [fd, getsockname(fd)];
}

/** Both ends of a TCP connection. */
export async function tcpPair(): Promise<[number, number, listener: number]> {
  const [listener, address] = listenTcp();
  const a = socket(AF_INET, SOCK_STREAM);
  const accepted = acceptFrom(listener);
  await connectTo(a, address);
  return [a, (await accepted).fd, listener];
}

/** How many descriptors this process has. */
export const descriptors = (): number => [...Deno.readDirSync("/proc/self/fd")].length;

/** Whether Python is there; says so where it is not. */
export const hasPython: boolean = await new Deno.Command("python3", { args: ["-c", ""] }).output()
  .then((output) => output.success, () => false);
if (!hasPython) console.log("SKIPPED: the tests against Python's socket module need python3");

/** A Python program with its output, line by line. */
export class Python implements AsyncDisposable {
  #child: Deno.ChildProcess;
  #lines: ReadableStreamDefaultReader<string>;
  #rest = "";

  /** Runs `script`, in which `socket`, `sys`, `os`, `struct` and `say(text)` are at hand. */
  constructor(script: string, ...args: string[]) {
    const head = "import socket, sys, os, struct\ndef say(*a):\n  print(*a, flush=True)\n";
    this.#child = new Deno.Command("python3", {
      args: ["-c", head + script, ...args],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The next line it prints. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#lines.read();
      if (done) throw new Error("the Python program ended early");
      this.#rest += value;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lines.cancel();
    await this.#child.status;
  }
}

/** The address of `sys`, for child scripts. */
export const sysUrl: string = new URL("../../sys/mod.ts", import.meta.url).href;

/** Runs a script in a Deno of its own, with no permission but those given. */
export async function runDeno(
  code: string,
  ...flags: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, code);
    const { code: status, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", "--no-config", "--no-lock", ...flags, path],
      stdin: "null",
      env: { NO_COLOR: "1" },
    }).output();
    const text = (p: Uint8Array) => new TextDecoder().decode(p);
    return { code: status, stdout: text(stdout), stderr: text(stderr) };
  } finally {
    await Deno.remove(path);
  }
}
