/** The limit of time on an exchange, from its first step to the last byte of its body. */
import {
  type Clock,
  type CoarseClock,
  type CoarseTimer,
  Deadline,
  type WaitOptions,
} from "../../deadline.ts";
import { WholeBody } from "./client_body.ts";
import { HttpError, type Phase } from "../errors.ts";
import type { IncomingBody } from "../incoming.ts";
import { PhaseTrace } from "./phase_trace.ts";
import type { ClientTrace } from "./trace.ts";

/** What an exchange is limited by, and how it is told. */
export interface TimeLimitOptions {
  /** The limits. */
  readonly wait: WaitOptions;
  /** The method and the URL, for the error. */
  readonly op: string;
  readonly url: string;
  /** The hooks that the caller wants called. */
  readonly trace: ClientTrace | undefined;
  /** The clock; the system's by default. */
  readonly clock: Clock | undefined;
  /** Ends bodies that nobody reads. */
  readonly coarse: CoarseClock;
}

/**
 * A limit of time on an exchange. When it ends, whatever is being waited for rejects and
 * {@linkcode TimeLimit.signal} aborts, which ends the exchange below. A timer that keeps the
 * process alive runs only while somebody waits.
 */
export class TimeLimit {
  readonly #options: TimeLimitOptions;
  readonly #deadline: Deadline;
  readonly #controller = new AbortController();
  readonly #trace: PhaseTrace;
  #failure: { error: unknown } | undefined;
  #backstop: CoarseTimer | undefined;
  #unwatch: (() => void) | undefined;

  /**
   * Begins now, and arms nothing yet.
   *
   * @param options The limits and what they are on.
   */
  constructor(options: TimeLimitOptions) {
    this.#options = options;
    this.#deadline = new Deadline(options.wait, { clock: options.clock });
    this.#trace = new PhaseTrace(options.trace);
  }

  /** Aborts when the limit ends, with the reason that the caller sees. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The hooks for the exchange: the caller's, and those that tell which phase it is in. */
  get trace(): ClientTrace {
    return this.#trace;
  }

  /**
   * Waits for a step of the exchange.
   *
   * @param work Begins it.
   * @param onLate Gets what came too late.
   * @throws The reason of the caller's signal, or an `HttpError` that is a timeout.
   */
  async race<T>(work: () => Promise<T>, onLate?: (value: T) => void): Promise<T> {
    try {
      return await this.#deadline.race(work, onLate);
    } catch (error) {
      const end = this.#end();
      throw end !== undefined && end.reason === error ? this.#stop(error) : error;
    }
  }

  /**
   * The body of the exchange, within the limit: reading it rejects when the limit has ended, and so
   * it does when nobody was reading then, as the connection was closed.
   *
   * @param body The body as it comes in.
   */
  body(body: IncomingBody | null): IncomingBody | null {
    this.#trace.phase = "body";
    // What is there already takes no more time, however late it is read.
    if (body === null || body.length === 0 || body instanceof WholeBody) return body;
    const limited = new LimitedBody(body, this);
    const { wait, coarse } = this.#options;
    // An unread body must not hold its connection for ever, nor the process until then.
    this.#backstop = coarse.timer(() => this.#abandon(body));
    this.#backstop.start(Math.max(this.#deadline.remaining, 1));
    this.#unwatch = new Deadline({ signal: wait.signal }).watch(() => this.#abandon(body));
    return limited;
  }

  /** The exchange is over: nothing is armed any more. */
  end(): void {
    this.#backstop?.stop();
    this.#unwatch?.();
  }

  #abandon(body: IncomingBody): void {
    const end = this.#end();
    if (end === undefined) return;
    const error = this.#stop(end.reason);
    this.end();
    body.cancel(error);
  }

  /** How the limit ended, if it has. */
  #end(): { reason: unknown } | undefined {
    try {
      this.#deadline.throwIfExpired();
      return undefined;
    } catch (reason) {
      return { reason };
    }
  }

  #stop(reason: unknown): unknown {
    if (this.#failure === undefined) {
      const { signal } = this.#options.wait;
      const byUser = signal !== undefined && signal.aborted && signal.reason === reason;
      this.#failure = { error: byUser ? reason : this.#timeoutError(reason) };
      this.#controller.abort(this.#failure.error);
    }
    return this.#failure.error;
  }

  #timeoutError(cause: unknown): HttpError {
    const { op, url } = this.#options;
    const { phase } = this.#trace;
    return new HttpError({
      op,
      url,
      phase,
      reason: `deadline exceeded ${while_[phase]}`,
      code: "ETIMEDOUT",
      timeout: true,
      cause,
    });
  }
}

/** What was being done, for the message. */
const while_: Record<Phase, string> = {
  request: "before the request was begun",
  dns: "while the name was looked up",
  connect: "while waiting for a connection",
  proxy: "while the proxy was connecting",
  tls: "during the TLS handshake",
  write: "while the request was written",
  responseHeader: "while waiting for the response",
  body: "while the body was read",
};

class LimitedBody implements IncomingBody {
  readonly #body: IncomingBody;
  readonly #limit: TimeLimit;
  #ended = false;

  constructor(body: IncomingBody, limit: TimeLimit) {
    this.#body = body;
    this.#limit = limit;
  }

  get length(): number | undefined {
    return this.#body.length;
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#ended) return null;
    const chunk = await this.#within(() => this.#body.read());
    if (chunk === null) this.#end();
    return chunk;
  }

  async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#ended) return new Uint8Array();
    const all = await this.#within(() => this.#body.readAll());
    this.#end();
    return all;
  }

  cancel(reason?: unknown): void {
    this.#end();
    this.#body.cancel(reason);
  }

  #end(): void {
    this.#ended = true;
    this.#limit.end();
  }

  async #within<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#limit.race(work);
    } catch (error) {
      this.#limit.end();
      this.#body.cancel(error);
      throw error;
    }
  }
}
