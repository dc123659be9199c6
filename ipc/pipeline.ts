/** Programs that read each other's output. */
import { Deadline, type WaitOptions } from "../deadline.ts";
import { UnsupportedError } from "../sys/mod.ts";
import { Capture, HeadTail } from "./capture.ts";
import { quote } from "./checks.ts";
import { claim, Cmd, stdioOf, take } from "./command.ts";
import {
  checkOutput,
  checkStdin,
  type OutputSink,
  type Spec,
  type StdinSource,
} from "./command_options.ts";
import { connect, type Copy, feed } from "./copy.ts";
import { PipelineError, type StageResult } from "./errors.ts";
import { haveKernelPipes, KernelPipe } from "./kernel_pipe.ts";
import { failureOf, makeOutput, type Output } from "./outcome.ts";
import { type Ending, Process, type Status } from "./process.ts";

/** How a pipeline is run. */
export interface PipelineOptions extends WaitOptions {
  /** What the first stage reads; by default what its own option says. */
  stdin?: StdinSource;
  /** Where the output of the last stage goes; captured by default, or as its own option says. */
  stdout?: OutputSink;
  /**
   * Whether the stages are joined by pipes of the kernel (`true`) or through this process
   * (`false`). By default the kernel's are used where they are to be had: on Linux and macOS with
   * `--allow-ffi`. They are as fast as a shell's. The results are the same but for one case: a
   * program gets a second copy of each of its pipes, so its neighbours see them closed when it has
   * ended, with all that it leaves in the background, not when it closes them before.
   */
  kernelPipes?: boolean;
}

/** What a pipeline has left: the output of its last stage, and how each stage ended. */
export interface PipelineOutput extends Output {
  /** The stages in order. */
  readonly stages: readonly StageResult[];
}

/** A stage and what surrounds its process. */
interface Stage {
  readonly index: number;
  readonly spec: Spec;
  readonly deadline: Deadline;
  readonly process: Process;
  readonly stderr?: HeadTail;
  readonly ending: Promise<Ending>;
}

/** Exit status by which a shell reports that its last command died of `SIGPIPE`. */
const shellSigpipe = 141;

/**
 * Runs programs with the output of each as the input of the next, and waits for all of them.
 *
 * - One deadline holds for all: when it is over, every stage is ended as its options say, and the
 *   call rejects with the reason. A stage's own limits hold for it alone.
 * - A stage that fails is reported with its index; the others run to their end, as in a shell.
 * - A stage that ends early (`head`) ends those before it, by `SIGPIPE`, which is no failure.
 *
 * Needs `--allow-run`. With `--allow-ffi` the kernel's pipes are used.
 *
 * ```ts
 * import { command, pipeline } from "@plumb/plumb/ipc";
 *
 * const { stages, ...output } = await pipeline([
 *   command("yes", ["plumb"]),
 *   command("head", ["-n", "3"]),
 *   command("wc", ["-l"]),
 * ], { timeout: 10_000 });
 * console.log(output.text().trim(), stages.length); // 3 3
 * ```
 *
 * @param cmds The stages, none of them started: at least one, each once.
 * @param options Input, output and limits.
 * @returns The output of the last stage and how each one ended. `stderr` is all of theirs.
 * @throws {PipelineError} A stage failed or could not be started; those before it are killed then.
 * @throws {CommandError} `"ERR_STATE"`: a command was started before, or has pipes of its own.
 * @throws {TypeError} No stage, one twice, or an input in the middle.
 * @throws The reason of the end of its time.
 */
export async function pipeline(
  cmds: readonly Cmd[],
  options: PipelineOptions = {},
): Promise<PipelineOutput> {
  check(cmds, options);
  const deadline = new Deadline(options, { phase: "pipeline" });
  deadline.throwIfExpired();
  const kernel = options.kernelPipes ?? haveKernelPipes();
  if (kernel && !haveKernelPipes()) {
    throw new UnsupportedError("a kernel pipe between programs", "needs Unix and --allow-ffi");
  }
  const run = new Run(options, deadline, kernel);
  const claims = cmds.map((cmd, index) => claim(cmd, index));
  checkInner(claims.map(({ spec }) => spec), options);
  for (const { spec } of claims) new Deadline(spec.options).throwIfExpired();
  for (const { take } of claims) take();
  for (const [index, { spec, started }] of claims.entries()) {
    try {
      started(run.start(index, spec, index === claims.length - 1));
    } catch (cause) {
      run.abandon();
      const stages = await run.results();
      deadline.throwIfExpired(); // the reason of all stages weighs more than that of one
      const stdout = new Uint8Array(0);
      throw new PipelineError({ index, command: spec.name, cause, stages, stdout });
    }
  }
  return await run.finish();
}

/** A pipeline while it runs. */
class Run {
  readonly #options: PipelineOptions;
  readonly #deadline: Deadline;
  readonly #kernel: boolean;
  readonly #stages: Stage[] = [];
  readonly #links: Copy[] = [];
  /** What the next stage is going to read: a pipe of the kernel's, or of the stage started last. */
  #pipe: KernelPipe | undefined;
  #unread: ReadableStream<Uint8Array> | undefined;
  #stdout: Capture | undefined;
  #cancelled = false;

  constructor(options: PipelineOptions, deadline: Deadline, kernel: boolean) {
    this.#options = options;
    this.#deadline = deadline;
    this.#kernel = kernel;
  }

  /** Starts the next stage, joined to the one before. */
  start(index: number, spec: Spec, last: boolean): Process {
    const { stderr } = spec.options;
    const before = this.#stages.at(-1);
    const stdin = index === 0 ? this.#options.stdin ?? spec.options.stdin ?? null : null;
    const sink = this.#options.stdout !== undefined ? this.#options.stdout : spec.options.stdout;
    using from = this.#pipe;
    const to = this.#pipe = !last && this.#kernel ? new KernelPipe() : undefined;
    const deadline = this.#deadline.child(spec.options, { phase: "run" });
    const input = stdin === Deno.stdin ? "inherit" : stdin === null ? "null" : "piped";
    const process = new Process(spec, {
      stdin: from?.reader ?? (before === undefined ? input : "piped"),
      stdout: to?.writer ?? (last ? stdioOf(sink) : "piped"),
      stderr: stdioOf(stderr),
    }, deadline);
    to?.close("writer");
    const copies: Copy[] = [];
    if (before !== undefined && from === undefined) {
      this.#links.push(connect(before.process.stdout, process.stdin));
    }
    this.#unread = last || this.#kernel ? undefined : process.stdout;
    if (last) {
      this.#stdout = sink === undefined ? new Capture(spec.options.maxOutput) : undefined;
      copies.push(...take(process, "stdout", this.#stdout, sink));
    }
    const kept = stderr === undefined ? new HeadTail() : undefined;
    copies.push(...take(process, "stderr", kept, stderr));
    const feeding = stdin !== null && input === "piped" ? feed(process.stdin, stdin) : undefined;
    const ending = process.settle(copies, feeding);
    this.#stages.push({ index, spec, deadline, process, stderr: kept, ending });
    return process;
  }

  /** Ends everything at once. */
  abandon(): void {
    this.#pipe?.[Symbol.dispose]();
    this.#unread?.cancel().catch(() => {});
    for (const { process } of this.#stages) process.abandon();
    for (const link of this.#links) link.stop();
  }

  /** Waits for every stage that was started. */
  async results(): Promise<StageResult[]> {
    const unwatch = this.#deadline.watch(() => {
      for (const link of this.#links) link.stop();
    });
    const endings = await Promise.all(this.#stages.map((stage) => this.#settled(stage)));
    unwatch();
    this.#cancelled = endings.some(({ cancelled }) => cancelled !== undefined);
    return this.#stages.map((stage, i) => this.#result(stage, endings[i]));
  }

  /** Waits for all stages, and throws what went wrong. */
  async finish(): Promise<PipelineOutput> {
    const stages = await this.results();
    const last = stages[stages.length - 1];
    const stdout = this.#stdout?.bytes() ?? new Uint8Array(0);
    const index = stages.findIndex(({ error }) => error !== null);
    if (index >= 0) {
      // Its own limits may have cancelled a stage; those of all weigh more.
      if (this.#cancelled) this.#deadline.throwIfExpired();
      const { error: cause, command } = stages[index];
      throw new PipelineError({ index, command, cause, stages, stdout });
    }
    const stderr = new Capture();
    for (const stage of stages) stderr.add(stage.stderr);
    const { code, signal } = last;
    return { ...makeOutput({ stdout, stderr: stderr.bytes(), code, signal }), stages };
  }

  /** A stage's end; with it the copy of its output that nobody reads any more ends too. */
  async #settled({ index, process, ending }: Stage): Promise<Ending> {
    await process.exited;
    if (index > 0) this.#links[index - 1]?.stop();
    return await ending;
  }

  #result({ index, spec, process, stderr: kept }: Stage, ending: Ending): StageResult {
    const stderr = kept?.bytes() ?? new Uint8Array(0);
    const last = index === this.#stages.length - 1;
    const quiet = !last && ending.cancelled === undefined && leftByReader(ending.status);
    const stdout = last ? this.#stdout?.bytes() : undefined;
    const failure = quiet
      ? undefined
      : failureOf({ spec, pid: process.pid, ending, stdout, stderr });
    const error = failure === undefined ? null : failure.error as Error;
    return { command: spec.name, pid: process.pid, ...ending.status, stderr, error };
  }
}

/** Whether a stage ended because nobody read it any more. */
function leftByReader({ code, signal }: Status): boolean {
  return signal === "SIGPIPE" || (signal === null && code === shellSigpipe);
}

function check(cmds: readonly Cmd[], options: PipelineOptions): void {
  if (!Array.isArray(cmds) || cmds.length === 0) {
    throw new TypeError("pipeline needs an array of at least one command");
  }
  const stray = cmds.findIndex((cmd) => !(cmd instanceof Cmd));
  if (stray >= 0) {
    throw new TypeError(`stage ${stray} must be made by command(), got ${quote(cmds[stray])}`);
  }
  if (new Set(cmds).size !== cmds.length) {
    throw new TypeError("a command can be only one stage of a pipeline");
  }
  checkStdin(options.stdin);
  checkOutput("stdout", options.stdout);
}

/** Refuses inputs and outputs where the neighbour's are. */
function checkInner(specs: readonly Spec[], options: PipelineOptions): void {
  for (const [index, { name, options: own }] of specs.entries()) {
    const refuse = (what: string, why: string) => {
      throw new TypeError(`pipeline stage ${index} (${JSON.stringify(name)}) has ${what}: ${why}`);
    };
    if ((own.stdin ?? null) !== null) {
      if (index > 0) refuse("a stdin of its own", "it reads the stage before");
      if (options.stdin !== undefined) refuse("a stdin of its own", "the pipeline has one too");
    }
    if ((own.stdout ?? null) !== null) {
      if (index < specs.length - 1) refuse("a stdout of its own", "the next stage reads it");
      if (options.stdout !== undefined) refuse("a stdout of its own", "the pipeline has one too");
    }
  }
}
