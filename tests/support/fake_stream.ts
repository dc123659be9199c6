/** An engine's stream whose reads and writes are settled by hand. */
import { assert } from "@std/assert";
import { ClosedError } from "../../net/errors.ts";
import type { ByteSource, HalfHost } from "../../net/read_half.ts";
import { opError, timeoutError } from "../../net/runtime/errors.ts";
import type { ByteSink } from "../../net/write_half.ts";

/** One call that the engine has not answered. */
export interface EngineCall<T> {
  /** The array it was given. */
  readonly p: Uint8Array;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

const turn = () => new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));

/** A source that answers when the test says so. */
export class FakeSource implements ByteSource {
  /** Every read so far, in order. */
  readonly calls: EngineCall<number | null>[] = [];
  #answered = 0;

  read(p: Uint8Array): Promise<number | null> {
    assert(this.pending === 0, "the engine was asked again before it had answered");
    return new Promise((resolve, reject) => this.calls.push({ p, resolve, reject }));
  }

  /** How many reads wait: never more than one. */
  get pending(): number {
    return this.calls.length - this.#answered;
  }

  /** The read that waits. */
  get call(): EngineCall<number | null> {
    assert(this.pending === 1, "the engine was not asked");
    return this.calls[this.#answered];
  }

  /** Answers the read that waits with as much of `bytes` as fits, and says how much that was. */
  async give(bytes: Uint8Array | string): Promise<number> {
    const { call } = this;
    const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    const n = Math.min(data.length, call.p.length);
    call.p.set(data.subarray(0, n));
    await this.#answer(() => call.resolve(n));
    return n;
  }

  /** Answers with the end of the data. */
  async end(): Promise<void> {
    const { call } = this;
    await this.#answer(() => call.resolve(null));
  }

  /** Answers with a failure. */
  async fail(error: unknown): Promise<void> {
    const { call } = this;
    await this.#answer(() => call.reject(error));
  }

  async #answer(settle: () => void): Promise<void> {
    this.#answered++;
    settle();
    await turn();
  }
}

/** A sink that answers when the test says so, and keeps what it took. */
export class FakeSink implements ByteSink {
  /** Every write so far; a `closeWrite` has an empty array. */
  readonly calls: EngineCall<number>[] = [];
  /** What has been written. */
  readonly taken: number[] = [];
  /** Whether `closeWrite` has been called. */
  ended = false;
  #answered = 0;

  write(p: Uint8Array): Promise<number> {
    assert(!this.ended, "a write after the end");
    return this.#enter(p);
  }

  async closeWrite(): Promise<void> {
    this.ended = true;
    await this.#enter(new Uint8Array(0));
  }

  /** How many calls wait: never more than one. */
  get pending(): number {
    return this.calls.length - this.#answered;
  }

  /** The call that waits. */
  get call(): EngineCall<number> {
    assert(this.pending === 1, "the engine was not asked");
    return this.calls[this.#answered];
  }

  /** Answers the write that waits: at most `limit` bytes were taken. */
  async take(limit = Infinity): Promise<number> {
    const { call } = this;
    const n = Math.min(limit, call.p.length);
    for (const byte of call.p.subarray(0, n)) this.taken.push(byte);
    this.#answered++;
    call.resolve(n);
    await turn();
    return n;
  }

  /** Answers with a failure. */
  async fail(error: unknown): Promise<void> {
    const { call } = this;
    this.#answered++;
    call.reject(error);
    await turn();
  }

  /** What has been written, as text. */
  get text(): string {
    return new TextDecoder().decode(new Uint8Array(this.taken));
  }

  #enter(p: Uint8Array): Promise<number> {
    assert(this.pending === 0, "the engine was asked again before it had answered");
    return new Promise((resolve, reject) => this.calls.push({ p, resolve, reject }));
  }
}

/** A connection that only makes errors, and notes when its read is parked. */
export class FakeHost implements HalfHost {
  /** What `park` was called with, in order. */
  readonly parks: boolean[] = [];

  fail(op: string, cause?: unknown): Error {
    const context = { op, network: "fake" };
    return cause === undefined ? timeoutError(context) : opError(cause, context);
  }

  closed(op: string): Error {
    return new ClosedError({ op, network: "fake" });
  }

  park(parked: boolean): void {
    this.parks.push(parked);
  }
}

/** A system error as the runtime throws it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
