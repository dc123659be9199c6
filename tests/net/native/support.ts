/** What the tests of the native engine share. */
import { assertEquals } from "@std/assert";
import { Deadline } from "../../../deadline.ts";
import type { Conn, NetAddress } from "../../../net/conn.ts";
import { type ListenerParts, StreamListener } from "../../../net/stream_listener.ts";
import { connectNativeTcp, listenNativeTcp, type NativeTcpConn } from "../../../net/native/tcp.ts";
import { available, close, pipe2, poller } from "../../../sys/mod.ts";

// Loaded before the first test: the C library stays, and is no leak of that test.
available();
// A thread that waited for nothing but what the test has closed needs a moment to come back.
Deno.test.afterEach(() => poller.idle());

/** Listens on a free port of 127.0.0.1. */
export function listenHere(): StreamListener<unknown, NativeTcpConn> {
  return listener(listenNativeTcp({ network: "tcp4", hostname: "127.0.0.1", port: 0 }));
}

/** The listener of parts, whatever its raw connections are. */
export function listener<C extends Conn, Raw>(
  parts: ListenerParts<Raw, C>,
): StreamListener<unknown, C> {
  return new StreamListener(parts) as StreamListener<unknown, C>;
}

/** The port that something listens on. */
export const portOf = ({ addr }: { addr: unknown }): number => (addr as NetAddress).port;

/** Connects to a port of 127.0.0.1, without a limit unless told. */
export function connectHere(
  port: number,
  how: Partial<Parameters<typeof connectNativeTcp>[0]> = {},
): Promise<NativeTcpConn> {
  const deadline = how.deadline ?? new Deadline();
  return connectNativeTcp({ network: "tcp4", hostname: "127.0.0.1", port, ...how, deadline });
}

/** A native TCP connection, both ends. */
export async function tcpPair(): Promise<[NativeTcpConn, NativeTcpConn]> {
  using listener = listenHere();
  const [a, b] = await Promise.all([connectHere(portOf(listener)), listener.accept()]);
  return [a, b];
}

/** How many descriptors this process has open. */
export const openFds = (): number => Array.from(Deno.readDirSync("/proc/self/fd")).length;

/** Fails if `work` leaves descriptors open. */
export async function assertNoFdLeak(work: () => unknown): Promise<void> {
  // The poller's own descriptors are there from the first wait on.
  const [reader, writer] = pipe2();
  await poller.wait(writer, "write");
  close(reader);
  close(writer);
  const before = openFds();
  await work();
  assertEquals(openFds(), before, "open descriptors");
}

/** Reads to the end, as text. */
export const readAll = (conn: Conn): Promise<string> => new Response(conn.readable).text();

const has = (program: string, ...args: string[]) => {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
};

/** Programs to test against. */
export const programs = { python: has("python3", "--version"), ss: has("ss", "-V") };

/** Registers a test that needs a program, or says that it is missing. */
export function testWith(
  program: keyof typeof programs,
  name: string,
  fn: () => Promise<void>,
): void {
  if (programs[program]) Deno.test(name, fn);
  else Deno.test({ name: `${name} (skipped: no ${program} here)`, ignore: true, fn });
}

/** A program that speaks by lines. */
export class Peer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(program: string, args: string[], script?: string) {
    const stdin = script === undefined ? "null" : "piped";
    const options = { args, stdin, stdout: "piped", stderr: "inherit" } as const;
    this.#child = new Deno.Command(program, options).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    if (script !== undefined) void new Blob([script]).stream().pipeTo(this.#child.stdin);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The next line it prints. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#lines.read();
      if (done) throw new Error(`the peer ended after ${JSON.stringify(this.#text)}`);
      this.#text += value;
    }
  }

  /** Waits for its end, and fails unless that was a success. */
  async ended(): Promise<void> {
    assertEquals((await this.#child.status).code, 0, "exit code of the peer");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#child.status;
    await this.#lines.cancel();
  }
}

/** Runs a Python script. */
export const python = (script: string, ...args: string[]): Peer =>
  new Peer("python3", ["-u", "-c", script, ...args]);

/** Runs a script with Deno; `flags` are its permissions. */
export const deno = (script: string, ...flags: string[]): Peer =>
  new Peer(Deno.execPath(), ["run", "--no-config", "--no-prompt", ...flags, "-"], script);

/** The URL of a source file, for scripts. */
export const source = (path: string): string => import.meta.resolve(`../../../${path}`);
