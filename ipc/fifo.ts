/** FIFOs: pipes with a path, for programs that know nothing else of each other. */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { Deadline, type WaitOptions } from "../deadline.ts";
import type { Conn } from "../net/mod.ts";
import { available, mkfifo as mkfifoCall, UnsupportedError } from "../sys/mod.ts";
import { Backoff, retry } from "./backoff.ts";
import { checkMode, checkPath, ownerOnly, quote } from "./checks.ts";
import { type Descriptor, PolledDescriptor, TimedDescriptor } from "./descriptor.ts";
import { opError, refusal, systemCode } from "./op_error.ts";
import { PipeConn, type PipeStart, PipeStream } from "./pipe_conn.ts";

/** To read, to write, or both. */
export type FifoMode = "r" | "w" | "rw";

/** How to open a FIFO, and how long to wait for somebody at its other end. */
export interface OpenFifoOptions extends WaitOptions {
  /**
   * Whether to wait for the peer; `true` by default. If not, `"w"` fails with code `"ENXIO"` when
   * nobody reads, and `"r"` opens at once: its first read waits for the first writer.
   */
  waitForPeer?: boolean;
}

/**
 * A FIFO that is open, with the deadlines, the order and the streams of a `Conn`.
 *
 * - `read` gives `null` when every writer has gone; a later writer's bytes are read again.
 * - `write` fails with code `"EPIPE"` when every reader has gone. Up to 4096 bytes (512 on macOS)
 *   arrive in one piece, even when others write as well.
 * - In the direction it was not opened for, both fail with code `"EBADF"`.
 * - `closeWrite` of what was opened with `"w"` closes it: that is the only end a pipe has.
 * - `remoteAddr` has the path, `localAddr` has none; both are of the network `"pipe"`.
 */
export interface Fifo extends Conn {
  /** The path it was opened by. */
  readonly path: string;
  /** Which ways it was opened. */
  readonly mode: FifoMode;
}

const windows = Deno.build.os === "windows";

/**
 * Makes a FIFO.
 *
 * Needs `--allow-write` for the path, and `--allow-ffi`; without that it runs the program
 * `mkfifo`, with `--allow-run=mkfifo`. As Go's `syscall.Mkfifo`.
 *
 * ```ts
 * import { mkfifo } from "@plumb/plumb/ipc";
 *
 * const dir = await Deno.makeTempDir();
 * await mkfifo(`${dir}/news`);
 * console.log((await Deno.stat(`${dir}/news`)).isFifo); // true
 * await Deno.remove(dir, { recursive: true });
 * ```
 *
 * @param path Where; nothing may be there yet.
 * @param mode Its permissions, whatever the umask; 0o600 by default.
 * @throws {OpError} Code `"EEXIST"`, `"ENOENT"`, `"EACCES"`, ...
 * @throws {UnsupportedError} Neither permission is there, or on Windows.
 * @throws {Deno.errors.NotCapable} Without `--allow-write` for the path.
 * @throws {TypeError} `path` or `mode` is of the wrong type.
 * @throws {RangeError} `mode` is not within 0o777.
 */
export async function mkfifo(path: string, mode: number = ownerOnly): Promise<void> {
  checkPath(path);
  checkMode(mode);
  if (windows) throw new UnsupportedError("a FIFO", "Windows has none");
  // Neither a system call nor a program asks for what the runtime would.
  if (Deno.permissions.querySync({ name: "write", path }).state !== "granted") {
    const flag = "run again with the --allow-write flag";
    throw new Deno.errors.NotCapable(`Requires write access to ${quote(path)}, ${flag}`);
  }
  if (!available()) return await runMkfifo(path, mode);
  try {
    mkfifoCall(path, mode);
    Deno.chmodSync(path, mode);
  } catch (error) {
    throw opError(error, context("mkfifo", path));
  }
}

/** What the program says, in the words of the C locale. */
const complaints: Record<string, string> = {
  "File exists": "EEXIST",
  "No such file or directory": "ENOENT",
  "Not a directory": "ENOTDIR",
  "Permission denied": "EACCES",
  "Read-only file system": "EROFS",
  "File name too long": "ENAMETOOLONG",
};

async function runMkfifo(path: string, mode: number): Promise<void> {
  const missing = "it needs --allow-ffi, or --allow-run=mkfifo to run the program mkfifo";
  if (Deno.permissions.querySync({ name: "run", command: "mkfifo" }).state !== "granted") {
    throw new UnsupportedError("making a FIFO", missing);
  }
  const args = ["-m", mode.toString(8), "--", path];
  const env = { LC_ALL: "C" };
  const program = new Deno.Command("mkfifo", { args, env, stdin: "null", stdout: "null" });
  const { success, stderr } = await program.output().catch((cause) => {
    throw new UnsupportedError("making a FIFO", missing, { cause });
  });
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim();
  const words = said.slice(said.lastIndexOf(": ") + 2);
  throw refusal(context("mkfifo", path), complaints[words] ?? "ERR_UNKNOWN", words.toLowerCase());
}

/**
 * Opens a FIFO, and waits until somebody has it open at the other end: to write for `"r"`, to
 * read for `"w"`. `"rw"` waits for nobody, and never sees an end: it is its own peer.
 *
 * No thread waits, whatever it is for, so nothing keeps others or the exit of the process
 * waiting, and a wait that is abandoned leaves nothing behind. That somebody has opened the other
 * end is noticed up to 20 ms late; a first byte at once.
 *
 * Needs `--allow-read` to read and `--allow-write` to write. With `--allow-ffi` reads and writes
 * wait in the kernel. Without it they look again after 1 ms, then ever later, up to 20 ms; and a
 * writer that comes and goes without a byte within that time is not seen. Not on Windows.
 *
 * ```ts
 * import { mkfifo, openFifo } from "@plumb/plumb/ipc";
 *
 * const dir = await Deno.makeTempDir();
 * await mkfifo(`${dir}/news`);
 * const [reader, writer] = await Promise.all([
 *   openFifo(`${dir}/news`, "r", { timeout: 5_000 }),
 *   openFifo(`${dir}/news`, "w", { timeout: 5_000 }),
 * ]);
 * await writer.write(new TextEncoder().encode("extra"));
 * writer.close();
 * console.log(await new Response(reader.readable).text()); // extra
 * await Deno.remove(dir, { recursive: true });
 * ```
 *
 * @param path The FIFO.
 * @param mode To read, to write, or both.
 * @param options Whether and how long to wait for the peer; without limit by default.
 * @returns The FIFO, to be closed.
 * @throws {OpError} The time was up (`timeout` is then `true`); `path` is no FIFO (code
 * `"EINVAL"`), or cannot be opened (`"ENOENT"`, `"EACCES"`, ...).
 * @throws {Deno.errors.NotCapable} A permission is missing.
 * @throws {TypeError} `path` or `mode` is none.
 * @throws {UnsupportedError} On Windows.
 */
export async function openFifo(
  path: string,
  mode: FifoMode,
  options: OpenFifoOptions = {},
): Promise<Fifo> {
  checkPath(path);
  if (mode !== "r" && mode !== "w" && mode !== "rw") {
    throw new TypeError(`mode must be "r", "w" or "rw", got ${quote(mode)}`);
  }
  if (windows) throw new UnsupportedError("a FIFO", "Windows has none");
  const { waitForPeer = true } = options;
  const deadline = new Deadline(options, { phase: "open" });
  try {
    deadline.throwIfExpired();
    const descriptor = mode === "w" && waitForPeer
      ? await retry(() => tryOpen(path, mode), deadline)
      : tryOpen(path, mode);
    if (descriptor === null) throw refusal(context("open", path), "ENXIO", "nobody reads it");
    const wait = mode === "r" && waitForPeer;
    const start = wait ? await awaitWriter(descriptor, deadline) : { met: mode !== "r" };
    return new PipeConn(new PipeStream(descriptor, mode, start), "fifo", mode, path);
  } catch (error) {
    throw opError(error, context("open", path), { wait: options });
  }
}

const context = (op: string, addr: string) => ({ op, network: "fifo", addr });

const flags: Record<FifoMode, number> = {
  r: constants.O_RDONLY,
  w: constants.O_WRONLY,
  rw: constants.O_RDWR,
};

/**
 * Opens the FIFO without waiting: with O_NONBLOCK, which `Deno.open` does not have. Opened to
 * write while nobody reads, it gives `null` (ENXIO).
 */
function tryOpen(path: string, mode: FifoMode): Descriptor | null {
  let fd: number;
  try {
    fd = openSync(path, flags[mode] | constants.O_NONBLOCK);
  } catch (error) {
    if (mode !== "w" || systemCode(error) !== "ENXIO" || isSocket(path)) throw error;
    return null;
  }
  if (!fstatSync(fd).isFIFO()) {
    closeSync(fd);
    throw refusal(context("open", path), "EINVAL", "not a FIFO");
  }
  return available() ? new PolledDescriptor(fd, closeSync) : new TimedDescriptor(fd);
}

/** Whether it is known to be a socket, which gives ENXIO for ever. */
function isSocket(path: string): boolean {
  try {
    return Deno.statSync(path).isSocket === true;
  } catch {
    return false;
  }
}

/**
 * Waits for a writer. No event tells of one that writes nothing; but while there is none, reading
 * gives the end of data. Closes the descriptor when the deadline ends first.
 */
async function awaitWriter(descriptor: Descriptor, deadline: Deadline): Promise<PipeStart> {
  const backoff = new Backoff();
  const byte = new Uint8Array(1);
  let came = false;
  const onReady = () => {
    came = true;
    backoff.wake();
  };
  try {
    if (descriptor.exact) descriptor.watch("read", onReady, true);
    for (;;) {
      // Found ready, it is left to the first read: it may be the end of one who came and went.
      if (came) return { met: true };
      const n = descriptor.read(byte);
      if (n !== 0) return { met: true, first: byte.subarray(0, n ?? 0) };
      await backoff.pause(deadline);
    }
  } catch (error) {
    descriptor.close();
    throw error;
  } finally {
    descriptor.unwatch("read", onReady);
  }
}
