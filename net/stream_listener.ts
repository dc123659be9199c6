/** The contract of `Listener`, kept once for every engine. */
import type { WaitOptions } from "../deadline.ts";
import type { Conn, Listener } from "./conn.ts";
import { ClosedError } from "./errors.ts";
import { Parked } from "./parked.ts";
import { opError, timeoutError } from "./runtime/errors.ts";

/** What an engine's listener is made of. */
export interface ListenerParts<Raw, C extends Conn> {
  /** The address listened on. */
  readonly addr: C["localAddr"];
  /** Waits for the next raw connection. */
  accept(): Promise<Raw>;
  /** Makes a connection of a raw one, which is closed if that fails. */
  wrap(raw: Raw): C;
  /** Closes a raw connection that nobody takes. */
  discard(raw: Raw): void;
  /** Closes the listener. */
  close(): void;
  /** Lets a pending accept keep the process alive. */
  ref(): void;
  /** Keeps a pending accept from keeping the process alive. */
  unref(): void;
}

/** The contract of `Listener`, kept once for every engine. */
export class StreamListener<Raw, C extends Conn> implements Listener<C> {
  readonly addr: C["localAddr"];
  readonly #parts: ListenerParts<Raw, C>;
  readonly #accepts: Parked<Raw>;
  #closed = false;

  /** @param parts The engine's listener. */
  constructor(parts: ListenerParts<Raw, C>) {
    this.addr = parts.addr;
    this.#parts = parts;
    this.#accepts = new Parked(() => parts.accept(), {
      op: "accept",
      onTimeout: (cause) => timeoutError(this.#context("accept"), cause),
      onClosed: () => new ClosedError(this.#context("accept")),
      ref: () => parts.ref(),
      unref: () => parts.unref(),
      discard: (raw) => parts.discard(raw),
    });
  }

  async accept(wait?: WaitOptions): Promise<C> {
    const raw = await this.#accepts.take(wait).catch((error) => {
      const aborted = wait?.signal?.aborted && error === wait.signal.reason;
      const misused = error instanceof TypeError || error instanceof RangeError;
      throw aborted || misused ? error : opError(error, this.#context("accept"));
    });
    try {
      return this.#parts.wrap(raw);
    } catch (error) {
      throw opError(error, this.#context("accept"));
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#accepts.close();
    this.#parts.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  setDeadline(deadline: Date | number | null): void {
    if (this.#closed) throw new ClosedError(this.#context("set deadline"));
    this.#accepts.setDeadline(deadline);
  }

  ref(): void {
    this.#accepts.ref();
  }

  unref(): void {
    this.#accepts.unref();
  }

  async *[Symbol.asyncIterator](): AsyncIterableIterator<C> {
    try {
      for (;;) yield await this.accept();
    } catch (error) {
      if (!(error instanceof ClosedError)) throw error;
    }
  }

  #context(op: string) {
    return { op, network: this.addr.network, addr: this.addr.toString() };
  }
}
