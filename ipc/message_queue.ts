/** POSIX message queues, with deadlines. */
import { Deadline, type WaitOptions } from "../deadline.ts";
import {
  close,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  open,
  poller,
  read,
  UnsupportedError,
} from "../sys/mod.ts";
import {
  mqAttributes,
  mqOpen,
  mqReceive,
  mqSend,
  mqUnlink,
  type QueueAttributes,
  receivedPriority,
} from "../sys/mqueue.ts";
import { checkCreate, checkMode, checkName, checkWhole, ownerOnly } from "./checks.ts";
import { closedError, type OpContext, opError, refusal, systemCode } from "./op_error.ts";

/** How to open a message queue. */
export interface MessageQueueOptions {
  /** Makes the queue if it is not there; `false` by default. */
  create?: boolean;
  /** With `create`: fails with code `"EEXIST"` if it is there; `false` by default. */
  exclusive?: boolean;
  /** With `create`: the permissions of a new queue, less the umask; 0o600 by default. */
  mode?: number;
  /** With `create`: how many messages a new queue takes before senders wait; 10 by default. */
  maxMessages?: number;
  /** With `create`: how long a message of a new queue may be, in bytes; 8192 by default. */
  messageSize?: number;
}

/** How to send a message. */
export interface SendOptions extends WaitOptions {
  /** 0 (the default) to 32767: the highest is received first. */
  priority?: number;
}

/** A message as it was received. */
export interface QueueMessage {
  /** Its bytes. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** The priority it was sent with. */
  readonly priority: number;
}

/** The limits of a queue, and what is in it. */
export interface MessageQueueAttributes {
  /** How many messages it takes before senders wait. */
  readonly maxMessages: number;
  /** How long a message may be, in bytes. */
  readonly messageSize: number;
  /** How many messages are in it. */
  readonly currentMessages: number;
}

/** NAME_MAX: the name is a file's. */
const maxNameBytes = 255;
/** MQ_PRIO_MAX - 1. */
const maxPriority = 32_767;
/** HARD_MSGMAX and HARD_MSGSIZEMAX of Linux: beyond them even root may not go. */
const hardMaxMessages = 65_536;
const hardMessageSize = 16 * 1024 * 1024;
/** The defaults of Linux, for the one that is not given when the other is. */
const defaults = { maxMessages: 10, messageSize: 8192 };
/** After so many calls that did not wait one does, so that timers and others have their turn. */
const maxStreak = 32;

/**
 * A POSIX message queue (mq_overview(7)): whole messages between processes of one machine, kept
 * by the kernel, the highest priority first, the oldest first among equals. Linux only. Needs
 * `--allow-ffi`.
 *
 * Several sends (or receives) may wait at once. What is in the queue outlives every process that
 * uses it, until `unlink` and the last close. Waiting holds no thread of its own.
 *
 * ```ts
 * import { MessageQueue } from "@plumb/plumb/ipc";
 *
 * const name = `/example-${crypto.randomUUID()}`;
 * using queue = await MessageQueue.open(name, { create: true, maxMessages: 4 });
 * await queue.send(new TextEncoder().encode("later"));
 * await queue.send(new TextEncoder().encode("first"), { priority: 9, timeout: 1_000 });
 *
 * const { data, priority } = await queue.receive({ timeout: 1_000 });
 * console.log(new TextDecoder().decode(data), priority); // first 9
 * await MessageQueue.unlink(name);
 * ```
 */
export class MessageQueue implements Disposable {
  /** The name it was opened by. */
  readonly name: string;
  readonly #fd: number;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  #open = true;
  #streak = 0;

  private constructor(name: string, fd: number, messageSize: number) {
    this.name = name;
    this.#fd = fd;
    this.#buffer = new Uint8Array(new ArrayBuffer(messageSize));
  }

  /**
   * Opens a queue to send and receive. One that is there keeps its limits, whatever is asked for.
   *
   * @param name A `"/"` and a name without slashes, of at most 255 bytes.
   * @param options Whether to make the queue, and how.
   * @returns The queue.
   * @throws {OpError} Code `"ENOENT"`, `"EEXIST"`, `"EACCES"`; `"EINVAL"`: over the system's limits,
   * which the message tells; `"EMFILE"`: over the user's; ...
   * @throws {UnsupportedError} Without `--allow-ffi`, or where there are no such queues.
   * @throws {TypeError} A bad name, or an option of a new queue without `create`.
   * @throws {RangeError} A limit or mode that is none.
   */
  // deno-lint-ignore require-await -- failures are rejections
  static async open(name: string, options: MessageQueueOptions = {}): Promise<MessageQueue> {
    checkName(name, maxNameBytes);
    checkCreate(options, ["exclusive", "mode", "maxMessages", "messageSize"]);
    const { create, exclusive, mode = ownerOnly } = options;
    checkMode(mode);
    const limits = limitsOf(options);
    const flags = O_RDWR | (create ? O_CREAT : 0) | (exclusive ? O_EXCL : 0);
    let fd: number | undefined;
    try {
      fd = mqOpen(name, flags, mode, limits);
      return new MessageQueue(name, fd, mqAttributes(fd).messageSize);
    } catch (error) {
      if (fd !== undefined) close(fd);
      const reason = explain(error, limits);
      throw opError(named(error), { op: "open", network: kind, addr: name }, { reason });
    }
  }

  /**
   * Removes the name of a queue: it can no longer be opened, and goes with the last who has it
   * open. Needs `--allow-ffi`.
   *
   * @param name The name it is opened by.
   * @throws {OpError} Code `"ENOENT"`: there is none; `"EACCES"`: it is another user's.
   * @throws {UnsupportedError} As {@linkcode MessageQueue.open}.
   * @throws {TypeError} A bad name.
   */
  // deno-lint-ignore require-await -- failures are rejections
  static async unlink(name: string): Promise<void> {
    checkName(name, maxNameBytes);
    try {
      mqUnlink(name);
    } catch (error) {
      throw opError(named(error), { op: "unlink", network: kind, addr: name });
    }
  }

  /**
   * Sends a message, waiting while the queue is full.
   *
   * @param data The message, which may be empty.
   * @param options Its priority, and how long to wait; without limit by default.
   * @throws {OpError} The time was up (`timeout` is then `true`), and nothing was sent; code
   * `"EMSGSIZE"`: it is longer than the queue's `messageSize`.
   * @throws {ClosedError} The queue was closed here, before or meanwhile.
   * @throws {TypeError} `data` is not bytes.
   * @throws {RangeError} `priority` is not a whole number from 0 to 32767.
   */
  async send(data: Uint8Array, options: SendOptions = {}): Promise<void> {
    if (!(data instanceof Uint8Array)) {
      const got = Object.prototype.toString.call(data);
      throw new TypeError(`send needs a Uint8Array, got ${got}`);
    }
    const { priority = 0 } = options;
    checkWhole("priority", priority, 0, maxPriority);
    const most = this.#buffer.length;
    if (data.length > most && this.#open) {
      const reason = `message of ${data.length} bytes, the queue takes up to ${most}`;
      throw refusal(this.#context("send"), "EMSGSIZE", reason);
    }
    await this.#ready("send", "write", options, () => mqSend(this.#fd, data, priority));
  }

  /**
   * Takes the oldest message of the highest priority, waiting while there is none.
   *
   * @param wait How long to wait; without limit by default.
   * @returns The message; its array is the caller's.
   * @throws {OpError} The time was up (`timeout` is then `true`), and no message was taken.
   * @throws {ClosedError} The queue was closed here, before or meanwhile.
   */
  receive(wait: WaitOptions = {}): Promise<QueueMessage> {
    return this.#ready("receive", "read", wait, () => {
      const n = mqReceive(this.#fd, this.#buffer);
      if (n === null) return null;
      return { data: this.#buffer.slice(0, n), priority: receivedPriority() };
    });
  }

  /**
   * Asks for the limits of the queue, and for how many messages are in it.
   *
   * @throws {ClosedError} The queue was closed here.
   */
  attributes(): MessageQueueAttributes {
    if (!this.#open) throw closedError(this.#context("attributes"));
    return mqAttributes(this.#fd);
  }

  /** Closes the queue here; what waits ends with `ClosedError`. Closing again does no harm. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    close(this.#fd);
  }

  /** As {@linkcode MessageQueue.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Calls until it gives something, waiting in between until the queue is ready. */
  async #ready<T>(
    op: string,
    direction: "read" | "write",
    wait: WaitOptions,
    call: () => T | null,
  ): Promise<T> {
    const deadline = new Deadline(wait, { phase: op });
    try {
      deadline.throwIfExpired();
      if (this.#streak++ >= maxStreak) await this.#turn(direction, deadline);
      for (;;) {
        if (!this.#open) throw closedError(this.#context(op));
        const result = call();
        if (result !== null) return result;
        await this.#turn(direction, deadline);
      }
    } catch (error) {
      throw opError(error, this.#context(op), { wait });
    }
  }

  #turn(direction: "read" | "write", deadline: Deadline): Promise<void> {
    if (!this.#open) return Promise.resolve();
    this.#streak = 0;
    return poller.wait(this.#fd, direction, deadline);
  }

  #context(op: string): OpContext {
    return { op, network: kind, addr: this.name };
  }
}

const kind = "mqueue";

/** What a new queue is asked to hold; nothing, for the system's defaults. */
function limitsOf({ maxMessages, messageSize }: MessageQueueOptions): QueueAttributes | undefined {
  if (maxMessages !== undefined) checkWhole("maxMessages", maxMessages, 1, hardMaxMessages);
  if (messageSize !== undefined) checkWhole("messageSize", messageSize, 1, hardMessageSize);
  if (maxMessages === undefined && messageSize === undefined) return undefined;
  return {
    maxMessages: maxMessages ?? defaults.maxMessages,
    messageSize: messageSize ?? defaults.messageSize,
  };
}

/** Says what was missing for a queue, not just for a system call. */
function named(error: unknown): unknown {
  if (!(error instanceof UnsupportedError)) return error;
  if (error.message.startsWith("a message queue")) return error;
  const missing = error.message.replace(/^.*? is not supported here: /, "");
  return new UnsupportedError("a message queue", missing, { cause: error });
}

/** What mq_open's short codes mean, with the limit that was met. */
function explain(error: unknown, asked: QueueAttributes | undefined): string | undefined {
  switch (systemCode(error)) {
    case "EINVAL": {
      if (asked === undefined) return undefined;
      const most = systemLimit("msg_max"), longest = systemLimit("msgsize_max");
      if (most !== undefined && asked.maxMessages > most) {
        return `maxMessages ${asked.maxMessages} is over the system's limit of ${most}, see ` +
          `${limitsFolder}/msg_max`;
      }
      if (longest !== undefined && asked.messageSize > longest) {
        return `messageSize ${asked.messageSize} is over the system's limit of ${longest}, see ` +
          `${limitsFolder}/msgsize_max`;
      }
      return undefined;
    }
    case "EMFILE":
      return "too many open files, or more bytes in queues than this user may have " +
        "(RLIMIT_MSGQUEUE, see ulimit -q)";
    case "ENOSPC":
      return `as many queues as the system takes, see ${limitsFolder}/queues_max`;
    case "ENOSYS":
      return "this kernel has no POSIX message queues";
  }
}

const limitsFolder = "/proc/sys/fs/mqueue";

/** Who may make system calls may read this too; the runtime would ask for more than that. */
function systemLimit(name: string): number | undefined {
  try {
    const fd = open(`${limitsFolder}/${name}`, O_RDONLY);
    try {
      const p = new Uint8Array(32);
      return parseInt(new TextDecoder().decode(p.subarray(0, read(fd, p) ?? 0)));
    } finally {
      close(fd);
    }
  } catch {
    return undefined;
  }
}
