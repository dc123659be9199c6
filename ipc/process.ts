/** A program that was started: its pipes, its end, and what ends it. */
import { type Clock, type Deadline, systemClock } from "../deadline.ts";
import { UnsupportedError } from "../sys/mod.ts";
import type { Spec } from "./command_options.ts";
import type { Copy } from "./copy.ts";
import { CommandError } from "./errors.ts";
import { nameOfNumber } from "./signal_names.ts";
import { type Target, terminate } from "./terminate.ts";

/** What a standard stream of the program is: a pipe to us, ours, nothing, or a descriptor. */
export type Stdio = "piped" | "inherit" | "null" | number;

/** The three of them. */
export interface StdioPlan {
  readonly stdin: Stdio;
  readonly stdout: Stdio;
  readonly stderr: Stdio;
}

/** How a process has ended. */
export interface Status {
  readonly code: number;
  readonly signal: string | null;
}

/** How a process and the copies around it have ended. */
export interface Ending {
  readonly status: Status;
  /** Why it was cancelled before its end, if it was. */
  readonly cancelled?: { readonly reason: unknown };
  /** The first failure of a copy, if there was one. */
  readonly failed?: { readonly error: unknown };
  /** Whether somebody else still held the pipes when `waitDelay` was over. */
  readonly delayed: boolean;
}

const abandoned = Symbol("abandoned");

/** How long output may outlast a process that was cancelled, in milliseconds. */
const cancelledWaitDelay = 1_000;

/** A running program, or one that was. Nobody needs to wait for it: it is reaped all the same. */
export class Process implements Target {
  readonly group: boolean;
  readonly exited: Promise<Status>;
  readonly #child: Deno.ChildProcess;
  readonly #spec: Spec;
  readonly #deadline: Deadline;
  readonly #clock: Clock;
  readonly #abandoned = Promise.withResolvers<typeof abandoned>();
  #gone = false;
  #killed = false;

  /**
   * Starts it.
   *
   * @param spec The command.
   * @param stdio What its standard streams are.
   * @param deadline Its end; one that is over starts nothing.
   * @param clock The clock of the delays.
   * @throws {CommandError} It could not be started.
   */
  constructor(spec: Spec, stdio: StdioPlan, deadline: Deadline, clock: Clock = systemClock) {
    deadline.throwIfExpired();
    this.group = spec.options.group ?? false;
    if (this.group) checkGroup();
    this.#spec = spec;
    this.#deadline = deadline;
    this.#clock = clock;
    try {
      // A number is the descriptor to use; the types do not say so, node:child_process builds on it.
      const options = { ...spec.runtime, ...stdio } as Deno.CommandOptions;
      this.#child = new Deno.Command(spec.name, options).spawn();
    } catch (error) {
      throw startError(spec, error);
    }
    this.exited = this.#child.status
      .then(({ code, signal }) => ({ code, signal }), (error) => this.#unnamed(error))
      .then((status) => {
        this.#gone = true;
        return status;
      });
  }

  /** Its number. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Our end of its standard input, if that is `"piped"`. */
  get stdin(): WritableStream<Uint8Array> {
    return this.#child.stdin;
  }

  /** Our end of its standard output, if that is `"piped"`. */
  get stdout(): ReadableStream<Uint8Array> {
    return this.#child.stdout;
  }

  /** Our end of its standard error, if that is `"piped"`. */
  get stderr(): ReadableStream<Uint8Array> {
    return this.#child.stderr;
  }

  signal(name: Deno.Signal): boolean {
    if (name === "SIGKILL") this.#killed = true;
    try {
      if (this.group) Deno.kill(-this.pid, name);
      // By the handle, not the number: that may be another process's by now.
      else if (this.#gone) return false;
      else this.#child.kill(name);
      return true;
    } catch (error) {
      // It is gone (TypeError says the handle, NotFound the system), or has become another user's.
      if (error instanceof TypeError || error instanceof Deno.errors.NotFound) return false;
      if (error instanceof Deno.errors.PermissionDenied) return false;
      throw error;
    }
  }

  alive(): boolean {
    // Members that were killed and that nobody reaps would look alive for ever.
    if (!this.group || this.#killed) return !this.#gone;
    try {
      // Signal 0 only asks; the runtime takes it, its types do not.
      (Deno.kill as (pid: number, signal: number) => void)(-this.pid, 0);
      return true;
    } catch {
      return false;
    }
  }

  /** Asks it to end, then ends it. */
  terminate(): Promise<void> {
    const { cancelSignal: signal, killDelay } = this.#spec.options;
    return terminate(this, { signal, killDelay, clock: this.#clock });
  }

  /** Ends it and everything around it now: copies are not waited for. */
  abandon(): void {
    this.signal("SIGKILL");
    this.#abandoned.resolve(abandoned);
  }

  /**
   * Waits for the process and then for the copies, within the limits.
   *
   * @param copies What is copied from its pipes. A failed one ends the process.
   * @param feeding What is copied to it: given up as soon as the process is gone.
   * @param waited Resolves when the user wants the pipes to end; at once by default.
   * @returns How it went; never rejects.
   */
  async settle(
    copies: readonly Copy[],
    feeding?: Copy,
    waited: Promise<void> = Promise.resolve(),
  ): Promise<Ending> {
    let cancelled: { reason: unknown } | undefined;
    let failed: { error: unknown } | undefined;
    let terminated: Promise<void> | undefined;
    const copied = Promise.all(copies.map((copy) =>
      copy.done.catch((error) => {
        failed ??= { error };
        this.signal("SIGKILL");
      })
    ));
    feeding?.done.catch((error) => failed ??= { error });
    const unwatch = this.#deadline.watch((reason) => {
      cancelled = { reason };
      terminated = this.terminate();
      // What the head of a group has left behind may end as politely as it.
      if (this.#gone) terminated.then(() => this.#abandoned.resolve(abandoned));
    });
    const status = await this.exited;
    feeding?.stop();
    await terminated;
    const delayed = copies.length > 0 &&
      await this.#outlast(copied, waited, cancelled !== undefined);
    if (delayed) {
      for (const copy of copies) copy.stop();
      if (this.group) this.signal("SIGKILL");
    }
    unwatch();
    await terminated;
    return { status, cancelled, failed, delayed };
  }

  /** The runtime has no name for a real-time signal and fails; the number is in its message. */
  #unnamed(error: Error): Status {
    const number = Number(/^Invalid signal: (\d+)$/.exec(error.message)?.[1]);
    if (Number.isNaN(number)) throw error;
    // Its handle cannot be closed any more. At least it shall not kill, when this process ends,
    // whoever has the number by then.
    this.#child.unref();
    return { code: 128 + number, signal: nameOfNumber(number) };
  }

  /** Waits for the copies of a process that is gone; `true` when that took too long. */
  async #outlast(
    copied: Promise<unknown>,
    waited: Promise<void>,
    cancelled: boolean,
  ): Promise<boolean> {
    const giveUp = this.#abandoned;
    await Promise.race([waited, giveUp.promise]);
    const delay = this.#spec.options.waitDelay ?? (cancelled ? cancelledWaitDelay : 0);
    if (delay < 0) giveUp.resolve(abandoned);
    const timer = delay > 0
      ? this.#clock.setTimeout(() => giveUp.resolve(abandoned), delay)
      : undefined;
    const first = await Promise.race([copied, giveUp.promise]);
    this.#clock.clearTimeout(timer);
    return first === abandoned;
  }
}

/** Whether a whole group may be signalled must be known before there is one. */
function checkGroup(): void {
  if (Deno.build.os === "windows") {
    throw new UnsupportedError("a process group", "Windows has none");
  }
  const { state, partial } = Deno.permissions.querySync({ name: "run" });
  if (state === "granted" && !partial) return;
  throw new UnsupportedError(
    "a process group",
    "signalling one needs --allow-run without a list of programs",
  );
}

/** Says why a program could not be started. A missing permission names its flag already. */
function startError(spec: Spec, cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof Deno.errors.NotCapable) return cause;
  const fail = (code: string, reason: string) =>
    new CommandError({ op: "start", command: spec.name, code, reason, cause });
  const dir = JSON.stringify(String(spec.options.dir));
  if (cause.message.includes("failed resolving cwd")) {
    return fail("ENOENT", "the working directory of this process has been removed");
  }
  if (cause.message.includes("No such cwd")) return fail("ENOENT", `no directory ${dir}`);
  if (cause.message.includes("cwd is not a directory")) {
    return fail("ENOTDIR", `${dir} is not a directory`);
  }
  const code = (cause as { code?: string }).code ?? "ERR_START";
  const isPath = /[\\/]/.test(spec.name);
  const file = isPath && spec.options.dir === undefined ? look(spec.name) : undefined;
  if (file?.isDirectory) return fail("EISDIR", "is a directory");
  if (code === "EACCES") {
    const what = "permission denied: it is not executable by us";
    return fail(
      code,
      spec.options.dir === undefined ? what : `${what}, or ${dir} not to be entered`,
    );
  }
  if (code === "ENOENT") {
    if (file?.isFile) return fail(code, "the interpreter that its first line names is missing");
    return fail(code, isPath ? "no such file" : "not found in PATH");
  }
  return fail(code, cause.message);
}

/** What is at a path, where that may be looked at. */
function look(path: string): Deno.FileInfo | undefined {
  try {
    const granted = Deno.permissions.querySync({ name: "read", path }).state === "granted";
    return granted ? Deno.statSync(path) : undefined;
  } catch {
    return undefined;
  }
}
