/**
 * Every way two processes of one machine can talk or wait for each other, beside sockets: signals,
 * commands and pipelines, pipes and FIFOs, file locks, message queues and semaphores. As Go's
 * `os/signal` and `os/exec`, and the calls of POSIX.
 *
 * ```ts
 * import { command, pipeline } from "@plumb/plumb/ipc";
 *
 * const { stdout } = await command("sort", [], { stdin: "b\na\n", timeout: 5_000 }).output();
 * console.log(new TextDecoder().decode(stdout)); // a, b
 *
 * const counted = await pipeline([command("seq", ["1000"]), command("wc", ["-l"])]);
 * console.log(counted.text().trim()); // 1000
 * ```
 *
 * Commands need `--allow-run`; files `--allow-read` and `--allow-write`; pipes, message queues and
 * semaphores `--allow-ffi`.
 *
 * @module
 */
export {
  CommandError,
  type CommandErrorInit,
  ExitError,
  type ExitErrorInit,
  PipelineError,
  type PipelineErrorInit,
  SignalError,
  type StageResult,
} from "./errors.ts";
export {
  ignore,
  ignored,
  kill,
  notify,
  type NotifyContext,
  notifyContext,
  reset,
  type SignalStream,
} from "./signal.ts";
export { Cmd, command } from "./command.ts";
export type { CommandOptions, OutputSink, StdinReader, StdinSource } from "./command_options.ts";
export type { Output } from "./outcome.ts";
export { pipeline, type PipelineOptions, type PipelineOutput } from "./pipeline.ts";
export { lookPath, type LookPathOptions } from "./look_path.ts";
export { type Fifo, type FifoMode, mkfifo, openFifo, type OpenFifoOptions } from "./fifo.ts";
export {
  type FileLock,
  lockFile,
  type LockFileOptions,
  tryLockFile,
  type TryLockFileOptions,
} from "./file_lock.ts";
export {
  MessageQueue,
  type MessageQueueAttributes,
  type MessageQueueOptions,
  type QueueMessage,
  type SendOptions,
} from "./message_queue.ts";
export { type Pipe, pipe, type PipeReader, type PipeWriter } from "./pipe.ts";
export { Semaphore, type SemaphoreOptions } from "./semaphore.ts";
