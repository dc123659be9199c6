/** The writing half of a client's connection: one request at a time, in one write where it fits. */
import type { Conn } from "../../net/conn.ts";
import type { ClientStream } from "./client_stream.ts";
import { RequestWriter, type WritableBody, WriteFailure, wroteNothing } from "./client_writer.ts";
import { writeText } from "../h1/encode.ts";
import type { RequestPlan } from "./request_plan.ts";
import { type ClientTrace, fireTrace } from "./trace.ts";
import type { TransportSettings } from "./transport_options.ts";

/** A request to send. */
export interface Sending {
  readonly plan: RequestPlan;
  readonly trace: ClientTrace | undefined;
  /** The body if it is there as a whole, else `undefined`: `body()` gives it. */
  readonly content: string | Uint8Array | undefined;
  /** Gives the body. */
  body(): WritableBody;
}

/** What becomes of a request. Exactly one of the three is called, unless it is stopped. */
export interface SendingEvents {
  /** It was written; without its body, where that was not wanted. */
  sent(whole: boolean): void;
  /** The connection has failed. */
  unsent(error: unknown, nothingWritten: boolean): void;
  /** The caller's own body has failed. */
  bodyFailed(cause: unknown): void;
}

const empty = new Uint8Array(0);
const encoder = new TextEncoder();

/** Sends requests over a connection. Its callbacks are bound once, for all of them. */
export class RequestSender {
  /** Whether a request is being written. */
  writing = false;
  readonly #conn: Conn;
  readonly #stream: ClientStream;
  readonly #settings: TransportSettings;
  readonly #events: SendingEvents;
  readonly #onWritten: () => void;
  readonly #onError: (error: unknown) => void;
  #out: Uint8Array<ArrayBuffer> = empty;
  #writer: RequestWriter | undefined;
  #trace: ClientTrace | undefined;
  /** Whether the hooks know that the request was written. */
  #told = false;
  /** What ends the wait for `100 Continue`. */
  #gate: ((wanted: boolean) => void) | undefined;
  /** Whether the body is wanted, once the server has said so: perhaps before it was to wait. */
  #wanted: boolean | undefined;

  /**
   * @param conn The connection.
   * @param stream What small requests are written through.
   * @param settings How long to wait for `100 Continue`, and what to put together.
   * @param events Who is told.
   */
  constructor(
    conn: Conn,
    stream: ClientStream,
    settings: TransportSettings,
    events: SendingEvents,
  ) {
    this.#conn = conn;
    this.#stream = stream;
    this.#settings = settings;
    this.#events = events;
    this.#onWritten = () => this.#sent(true);
    this.#onError = (error) => {
      this.#failed(error);
      this.#events.unsent(error, wroteNothing(error));
    };
  }

  /** Whether nothing but the connection is waited for. */
  get finishing(): boolean {
    return this.#writer === undefined || this.#writer.finishing;
  }

  /** Whether the body waits for `100 Continue`. */
  get waiting(): boolean {
    return this.#gate !== undefined;
  }

  /**
   * Sends a request, after the one before.
   *
   * @param request The request.
   */
  send(request: Sending): void {
    this.writing = true;
    this.#told = false;
    this.#wanted = undefined;
    this.#trace = request.trace;
    const bytes = this.#whole(request);
    if (bytes === undefined) return this.#inParts(request);
    this.#writer = undefined;
    this.#stream.write(bytes, this.#onWritten, this.#onError);
  }

  /**
   * Ends the wait for `100 Continue`, present or to come.
   *
   * @param wanted Whether the body is wanted.
   */
  proceed(wanted: boolean): void {
    this.#wanted ??= wanted;
    this.#gate?.(wanted);
  }

  /**
   * A response has begun, so that a request which went out in one write has arrived, even if the
   * news of it is still on its way.
   */
  heard(): void {
    if (this.writing && this.#writer === undefined) this.#tell(undefined);
  }

  /**
   * Ends the writing: the connection is closed.
   *
   * @param reason Why, for the body's source.
   */
  stop(reason: unknown): void {
    this.proceed(false);
    if (this.writing) this.#writer?.stop(reason);
  }

  /** A request that can go out in one write. */
  #whole({ plan, content }: Sending): Uint8Array | undefined {
    const { head, bodyLength } = plan;
    if (bodyLength === 0) {
      if (plan.bytes !== undefined) return plan.bytes;
      const out = this.#room(head.length);
      return out.subarray(0, writeText(out, head, 0));
    }
    if (bodyLength < 0 || content === undefined || plan.expectsContinue) return undefined;
    if (head.length + bodyLength > this.#settings.writeBufferSize) return undefined;
    const out = this.#room(head.length + bodyLength);
    let at = head.length;
    if (plan.bytes === undefined) at = writeText(out, head, 0);
    else out.set(plan.bytes);
    if (typeof content === "string") {
      const { written } = encoder.encodeInto(content, out.subarray(at));
      if (written !== bodyLength) return undefined; // refused where it is written
    } else {
      if (content.length !== bodyLength) return undefined;
      out.set(content, at);
    }
    return out.subarray(0, at + bodyLength);
  }

  #room(length: number): Uint8Array<ArrayBuffer> {
    if (this.#out.length < length) {
      this.#out = new Uint8Array(Math.max(512, 2 ** Math.ceil(Math.log2(length))));
    }
    return this.#out;
  }

  #inParts(request: Sending): void {
    const { plan, trace } = request;
    const { expectContinueTimeout: patience, writeBufferSize: bufferSize } = this.#settings;
    const writer = this.#writer = new RequestWriter(this.#conn, {
      head: plan.head,
      body: () => request.body(),
      bodyLength: plan.bodyLength,
      bufferSize,
      gate: plan.expectsContinue && patience > 0 ? () => this.#continued() : undefined,
      onHead: () => fireTrace(trace, "wroteHeaders"),
    });
    writer.run().then((whole) => {
      if (this.#writer === writer) this.#sent(whole);
    }, (failure: WriteFailure) => {
      if (this.#writer !== writer) return;
      this.#failed(failure.cause);
      if (failure.source) this.#events.bodyFailed(failure.cause);
      else this.#events.unsent(failure.cause, failure.nothingWritten);
    });
  }

  /** Waits for `100 Continue`, a final response, or for long enough (RFC 9110 section 10.1.1). */
  #continued(): Promise<boolean> {
    if (this.#wanted !== undefined) return Promise.resolve(this.#wanted);
    fireTrace(this.#trace, "wait100Continue");
    const { clock, expectContinueTimeout } = this.#settings;
    return new Promise((resolve) => {
      const set = clock === undefined ? setTimeout : clock.setTimeout.bind(clock);
      const clear = clock === undefined ? clearTimeout : clock.clearTimeout.bind(clock);
      const timer = set(() => this.proceed(true), expectContinueTimeout) as number;
      this.#gate = (wanted) => {
        this.#gate = undefined;
        clear(timer);
        resolve(wanted);
      };
    });
  }

  #sent(whole: boolean): void {
    this.writing = false;
    this.#tell(undefined);
    this.#events.sent(whole);
  }

  #failed(error: unknown): void {
    this.writing = false;
    this.#tell(error);
  }

  #tell(error: unknown): void {
    if (this.#told || this.#trace === undefined) return;
    this.#told = true;
    // A writer has told of the head by itself.
    if (this.#writer === undefined && error === undefined) fireTrace(this.#trace, "wroteHeaders");
    fireTrace(this.#trace, "wroteRequest", { error });
  }
}
