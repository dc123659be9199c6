/** Programs, run as Go's `os/exec` runs them. */
import { Deadline } from "../deadline.ts";
import { Capture, HeadTail } from "./capture.ts";
import { InputPipe, OutputPipe } from "./child_pipe.ts";
import { checkCommand, type CommandOptions, type Spec } from "./command_options.ts";
import { type Copy, drain, drainTo, feed } from "./copy.ts";
import { CommandError } from "./errors.ts";
import { Lines } from "./command_lines.ts";
import { failureOf, makeOutput, type Output } from "./outcome.ts";
import { type Ending, Process, type Stdio } from "./process.ts";
import { checkSignal } from "./signal_names.ts";

/** A program that was started. */
interface Running {
  readonly process: Process;
  readonly ending: Promise<Ending>;
  readonly stdout?: Capture;
  readonly stderr?: HeadTail;
}

/** Who takes the output: a capture for one or both streams, or a copy of one's own making. */
interface Taking {
  stdout?: Capture;
  both?: Capture;
  own?: (process: Process) => Copy;
}

/**
 * What a command is doing: `new` until started, then `started` until somebody waits for its end,
 * then `waited` for good.
 */
type State = "new" | "started" | "waited";

const nothing = new Uint8Array(0);

/** A command that a pipeline is going to run. */
export interface Claim {
  readonly spec: Spec;
  /** From now on nobody else may start it. */
  take(): void;
  /** Its process is there. */
  started(process: Process): void;
}

/** Looks whether a pipeline may run a command; not for users. */
export let claim: (cmd: Cmd, stage: number) => Claim;

/**
 * A command: made by {@linkcode command}, run once, by one of {@linkcode Cmd.run},
 * {@linkcode Cmd.output}, {@linkcode Cmd.combinedOutput}, {@linkcode Cmd.lines}, or
 * {@linkcode Cmd.start} and {@linkcode Cmd.wait}. As Go's `exec.Cmd`.
 *
 * When its signal is aborted or its time is up, the program gets `cancelSignal` and, if it is still
 * there `killDelay` later, `SIGKILL`; then the call rejects with the signal's reason, unchanged, or
 * with an error for which `isTimeout()` is true. A limit that is over starts nothing. Leaving the
 * scope of an `await using` kills what still runs.
 *
 * ```ts
 * import { command } from "@plumb/plumb/ipc";
 *
 * await using cat = command("cat");
 * const writer = cat.stdinPipe().getWriter();
 * const answer = new Response(cat.stdoutPipe()).text();
 * cat.start();
 * await writer.write(new TextEncoder().encode("hello"));
 * await writer.close();
 * await cat.wait();
 * console.log(await answer); // hello
 * ```
 */
export class Cmd implements AsyncDisposable {
  readonly #spec: Spec;
  #state: State = "new";
  #running: Running | undefined;
  #claimed: Process | undefined;
  #stdin: InputPipe | undefined;
  #stdout: OutputPipe | undefined;
  #stderr: OutputPipe | undefined;
  readonly #waited = Promise.withResolvers<void>();

  static {
    claim = (cmd, stage) => {
      cmd.#mustBeNew("run in a pipeline");
      if (cmd.#stdin !== undefined || cmd.#stdout !== undefined || cmd.#stderr !== undefined) {
        throw cmd.#misuse("run in a pipeline", `stage ${stage} has pipes of its own`);
      }
      return {
        spec: cmd.#spec,
        take: () => void (cmd.#state = "waited"),
        started: (process) => void (cmd.#claimed = process),
      };
    };
  }

  /**
   * Checks everything and starts nothing. Use {@linkcode command}.
   *
   * @param name The program.
   * @param args Its arguments.
   * @param options How it is run.
   */
  constructor(name: string, args: readonly string[] = [], options: CommandOptions = {}) {
    this.#spec = checkCommand(name, args, options);
  }

  /** The process, once started. */
  get pid(): number | undefined {
    return (this.#running?.process ?? this.#claimed)?.pid;
  }

  /**
   * Starts the program and waits for its end.
   *
   * @throws {CommandError} It could not be started or not be run to its end.
   * @throws {ExitError} It failed.
   * @throws The reason of the end of its time.
   * @throws {Deno.errors.NotCapable} Without `--allow-run`, or `--allow-run=<the program>`.
   */
  async run(): Promise<void> {
    this.start();
    await this.wait();
  }

  /**
   * Starts the program, waits for its end, and gives what it wrote.
   *
   * @returns Its output. Its `stderr` is not bounded by `maxOutput`: only the head and tail of it
   * are kept in any case.
   * @throws As {@linkcode Cmd.run}; the error carries the output up to there. `CommandError` with
   * `"ERR_MAX_OUTPUT"`: it was killed for too much of it.
   */
  async output(): Promise<Output> {
    this.#checkTaking("capture", "stdout");
    const stdout = new Capture(this.#spec.options.maxOutput);
    return await this.#complete(this.#begin({ stdout }));
  }

  /**
   * As {@linkcode Cmd.output}, with standard output and standard error in one, in the order in
   * which they come in. The two are separate pipes: what was written to both at the same moment
   * may have changed places.
   *
   * @returns The output, all of it in `stdout`.
   */
  async combinedOutput(): Promise<Output> {
    this.#checkTaking("capture", "stdout");
    this.#checkTaking("capture", "stderr");
    const both = new Capture(this.#spec.options.maxOutput);
    return await this.#complete(this.#begin({ both }));
  }

  /**
   * Starts the program, once.
   *
   * @throws {CommandError} As {@linkcode Cmd.run}; or `"ERR_STATE"`: it was started before.
   */
  start(): void {
    this.#begin({});
  }

  /**
   * Waits for the end of the started program, once, and for the end of its output: read pipes to
   * the end before, or at the same time. A pipe that nobody is reading then is closed.
   *
   * @throws As {@linkcode Cmd.run}; `CommandError` with `"ERR_STATE"`: it was not started, or was
   * waited for before.
   */
  async wait(): Promise<void> {
    if (this.pid === undefined) throw this.#misuse("wait for", "not started");
    const running = this.#state === "waited" ? undefined : this.#running;
    if (running === undefined) throw this.#misuse("wait for", "waited for already");
    await this.#complete(running);
  }

  /**
   * A stream to the program's standard input; closing it is the end of the input. Writing fails
   * once the program reads no more.
   *
   * @returns The stream; writes wait for the start.
   * @throws {CommandError} `"ERR_STATE"`: started already, or asked for before.
   * @throws {TypeError} The command has a `stdin` of its own.
   */
  stdinPipe(): WritableStream<Uint8Array> {
    this.#mustBeNew("make a pipe to");
    if (this.#stdin !== undefined) throw this.#misuse("make a pipe to", "stdin has one already");
    if ((this.#spec.options.stdin ?? null) !== null) {
      throw new TypeError("stdinPipe() and the option stdin exclude each other");
    }
    return (this.#stdin = new InputPipe()).writable;
  }

  /**
   * A stream of what the program writes to its standard output. Cancelling it closes the pipe.
   *
   * @returns The stream; reads wait for the start.
   * @throws {CommandError} `"ERR_STATE"`: started already, or asked for before.
   * @throws {TypeError} The command has a `stdout` of its own.
   */
  stdoutPipe(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#checkPipe("stdout", this.#stdout);
    return (this.#stdout = new OutputPipe()).readable;
  }

  /**
   * As {@linkcode Cmd.stdoutPipe}, for its standard error. Errors carry none of it then.
   *
   * @returns The stream; reads wait for the start.
   * @throws As {@linkcode Cmd.stdoutPipe}.
   */
  stderrPipe(): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#checkPipe("stderr", this.#stderr);
    return (this.#stderr = new OutputPipe()).readable;
  }

  /**
   * Starts the program when the first line is asked for and gives its standard output line by line,
   * without the `"\n"` or `"\r\n"`. The program waits while nobody asks. The loop throws what
   * {@linkcode Cmd.run} would; leaving it early ends the program as cancelling does, which is no
   * error. `maxOutput` is the longest line.
   *
   * ```ts
   * import { command } from "@plumb/plumb/ipc";
   *
   * for await (const line of command("printf", ["one\\ntwo\\n"]).lines()) console.log(line);
   * ```
   *
   * @returns The lines.
   */
  lines(): AsyncIterableIterator<string, undefined> {
    this.#checkTaking("read lines of", "stdout");
    const lines: Lines = new Lines(this.#spec.options.maxOutput, () => {
      const running = this.#begin({ own: (process) => lines.attach(process.stdout) });
      return {
        complete: async () => void await this.#complete(running),
        end: async () => {
          await running.process.terminate();
          await running.ending;
        },
      };
    });
    return lines;
  }

  /**
   * Sends the program a signal; to all of its group with `group: true`.
   *
   * @param signal The signal, `"SIGTERM"` by default.
   * @returns Whether it was still there.
   * @throws {TypeError} This platform has no such signal.
   * @throws {CommandError} `"ERR_STATE"`: not started.
   */
  kill(signal: Deno.Signal = "SIGTERM"): boolean {
    checkSignal(signal);
    const process = this.#running?.process ?? this.#claimed;
    if (process === undefined) throw this.#misuse("kill", "not started");
    return process.signal(signal);
  }

  /** Kills what still runs, with its group if it has one, and waits until it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#waited.resolve();
    if (this.#state === "new") this.#failPipes(this.#misuse("start", "disposed of"));
    this.#state = "waited";
    this.#running?.process.abandon();
    await this.#running?.ending;
    this.#claimed?.abandon();
    await this.#claimed?.exited;
  }

  #misuse(op: string, reason: string): CommandError {
    return new CommandError({ op, command: this.#spec.name, code: "ERR_STATE", reason });
  }

  #mustBeNew(op: string): void {
    if (this.#state !== "new") throw this.#misuse(op, "started already");
  }

  #checkPipe(name: "stdout" | "stderr", pipe: OutputPipe | undefined): void {
    this.#mustBeNew("make a pipe from");
    if (pipe !== undefined) throw this.#misuse("make a pipe from", `${name} has one already`);
    if ((this.#spec.options[name] ?? null) !== null) {
      throw new TypeError(`${name}Pipe() and the option ${name} exclude each other`);
    }
  }

  /** Refuses to take output that goes elsewhere. */
  #checkTaking(op: string, name: "stdout" | "stderr"): void {
    this.#mustBeNew(op);
    const taken = name === "stdout" ? this.#stdout : this.#stderr;
    if (taken !== undefined) throw this.#misuse(op, `${name}Pipe() has its output`);
    if ((this.#spec.options[name] ?? null) === null) return;
    throw new TypeError(
      `${op} ${JSON.stringify(this.#spec.name)}: the option ${name} has its output`,
    );
  }

  #failPipes(error: unknown): void {
    for (const pipe of [this.#stdin, this.#stdout, this.#stderr]) pipe?.fail(error);
  }

  /** Starts the process with a pipe for everything that is copied or read here. */
  #begin(taking: Taking): Running {
    this.#mustBeNew("start");
    this.#state = "started";
    const { stdin, stdout, stderr } = this.#spec.options;
    const source = stdin === Deno.stdin ? undefined : stdin ?? undefined;
    const takesStdout = taking.stdout ?? taking.both ?? taking.own ?? this.#stdout;
    const takesStderr = taking.both ?? this.#stderr;
    const writes = source !== undefined || this.#stdin !== undefined;
    let process: Process;
    try {
      process = new Process(this.#spec, {
        stdin: stdin === Deno.stdin ? "inherit" : writes ? "piped" : "null",
        stdout: takesStdout === undefined ? stdioOf(stdout ?? null) : "piped",
        stderr: takesStderr === undefined ? stdioOf(stderr) : "piped",
      }, new Deadline(this.#spec.options, { phase: "run" }));
    } catch (error) {
      this.#failPipes(error);
      throw error;
    }
    const copies: Copy[] = [];
    const kept = takesStderr === undefined && stderr === undefined ? new HeadTail() : undefined;
    if (taking.own !== undefined) copies.push(taking.own(process));
    else if (this.#stdout !== undefined) copies.push(this.#join(this.#stdout, process, "stdout"));
    else copies.push(...take(process, "stdout", taking.stdout ?? taking.both, stdout));
    if (this.#stderr !== undefined) copies.push(this.#join(this.#stderr, process, "stderr"));
    else copies.push(...take(process, "stderr", taking.both ?? kept, stderr));
    this.#stdin?.attach(process.stdin);
    const gone = this.#stdin && (() => this.#stdin!.fail(this.#misuse("write to", "it has ended")));
    const feeding = source !== undefined
      ? feed(process.stdin, source)
      : gone && { done: Promise.resolve(), stop: gone };
    const pipes = this.#stdout !== undefined || this.#stderr !== undefined;
    const ending = process.settle(copies, feeding, pipes ? this.#waited.promise : undefined);
    const captured = taking.stdout ?? taking.both;
    return this.#running = { process, ending, stdout: captured, stderr: kept };
  }

  #join(pipe: OutputPipe, process: Process, name: "stdout" | "stderr"): Copy {
    pipe.attach(process[name]);
    return pipe.rest(Promise.all([process.exited, this.#waited.promise]));
  }

  /** Waits for the end, and throws what went wrong. */
  async #complete({ process, ending: promised, ...kept }: Running): Promise<Output> {
    this.#state = "waited";
    this.#waited.resolve();
    const ending = await promised;
    const stdout = kept.stdout?.bytes() ?? nothing;
    const stderr = kept.stderr?.bytes() ?? nothing;
    const failure = failureOf({ spec: this.#spec, pid: process.pid, ending, stdout, stderr });
    if (failure !== undefined) throw failure.error;
    return makeOutput({ stdout, stderr, ...ending.status });
  }
}

/** What the runtime makes of an option for output that nobody here reads. */
export function stdioOf(sink: CommandOptions["stdout"]): Stdio {
  return sink === null ? "null" : sink === "inherit" ? "inherit" : "piped";
}

/** The copy of one output stream, if one is needed. */
export function take(
  process: Process,
  name: "stdout" | "stderr",
  into: { add(chunk: Uint8Array): void } | undefined,
  sink: CommandOptions["stdout"],
): Copy[] {
  if (into !== undefined) return [drain(process[name], (chunk) => into.add(chunk))];
  return sink instanceof WritableStream ? [drainTo(process[name], sink)] : [];
}

/**
 * Describes a program to run; nothing happens before it is started. Needs `--allow-run`, or
 * `--allow-run=<the program>`. As Go's `exec.Command`.
 *
 * ```ts
 * import { command } from "@plumb/plumb/ipc";
 *
 * const sorted = await command("sort", ["-r"], { stdin: "a\nb\n", timeout: 5_000 }).output();
 * console.log(sorted.text()); // b, a
 * ```
 *
 * @param name The program: a path, or a name to look for in `PATH`.
 * @param args Its arguments; no shell sees them.
 * @param options How it is run, and its limits, which count from the start.
 * @returns The command.
 * @throws {TypeError | RangeError} An argument or option that breaks a rule; the message names it.
 */
export function command(
  name: string,
  args: readonly string[] = [],
  options: CommandOptions = {},
): Cmd {
  return new Cmd(name, args, options);
}
