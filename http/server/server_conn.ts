/** A connection of the server: requests in, answers out, one after the other. */
import { coarseClock, type CoarseTimer, MovingDeadline, TimeoutError } from "../../deadline.ts";
import type { Conn } from "../../net/conn.ts";
import { ClosedError, OpError } from "../../net/errors.ts";
import { type ByteStream, StreamConn } from "../../net/stream.ts";
import { refreshDate } from "./date.ts";
import { ProtocolError } from "../errors.ts";
import { Exchange, type ExchangeHost } from "./exchange.ts";
import { responseHead } from "../h1/encode.ts";
import { type RequestHead, RequestParser } from "../h1/head.ts";
import type { Hijacked } from "../handler.ts";
import { connAfter } from "./hijacked_conn.ts";
import { Input } from "./input.ts";
import { Output } from "./output.ts";
import { Responder, type ResponderHost } from "./responder.ts";
import { type Plan, writeHead } from "./response_writer.ts";
import { departure, plainAnswer, refusal } from "./server_answers.ts";
import { answeredError, type BodyHost, ServerBody } from "./server_body.ts";
import type { ConnState, Settings } from "./server_options.ts";
import { statusText } from "../status.ts";

/** What a connection needs of its server. */
export interface ConnOwner {
  readonly settings: Settings;
  /** Whether the server is being shut down: each answer is the last of its connection. */
  closing: boolean;
  /** Counts what has come in this turn of the event loop: `false` when others should go first. */
  admit(): boolean;
  /** Calls back when the others have had their turn. */
  defer(go: () => void): void;
  /** The connection is the server's no more. */
  release(conn: ServerConn): void;
}

/**
 * What the connection does: waits for a request (`idle`), has a part of its head (`head`), answers
 * it (`exchange`), has said its last word and lets the client read it (`linger`), or is over
 * (`done`). Each may be followed by `done`; `idle -> head -> exchange -> idle | linger`.
 */
type Phase = "idle" | "head" | "exchange" | "linger" | "done";

/** An unread body up to this length is read and dropped, to keep the connection. */
const maxDrain = 256 * 1024;

/** How long the client may take to send the rest of a body that nobody wants, in ms. */
const drainTimeout = 5_000;

/** How long the client has to read the last answer, so that it is not lost to a reset, in ms. */
const lingerTimeout = 500;

/** How many bytes of a client that talks on are dropped at once. */
const discardSize = 16 * 1024;

/** How many microtasks gathered answers wait for those of further requests that came along. */
const answerHops = 8;

/** Who takes a connection that was silent since it was accepted for idle, in ms. */
const silentFor = 5_000;

/** One connection. */
export class ServerConn implements ExchangeHost, BodyHost, ResponderHost {
  readonly conn: Conn;
  readonly scheme: "http" | "https";
  readonly #owner: ConnOwner;
  readonly #stream: ByteStream;
  readonly #input: Input;
  readonly #output: Output;
  readonly #parser: RequestParser;
  readonly #responder: Responder;
  readonly #timer: CoarseTimer;
  readonly #born = performance.now();
  readonly #onRead: (n: number | null) => void;
  readonly #onReadError: (error: unknown) => void;
  #state: ConnState = "new";
  #phase: Phase = "idle";
  /** How long the timer was set to, 0 when it is not running. */
  #armed = 0;
  #reading = false;
  /** When a head began that did not come as a whole, epoch ms; else 0. */
  #headBegan = 0;
  /** The client has said that it sends nothing more. */
  #ended = false;
  #exchange: Exchange | undefined;
  /** The last body, which may still be filling the input. */
  #body: ServerBody | null = null;
  /** Whether a deadline is set for it. */
  #bodyLimited = false;
  /** Takes back the read that looks out for the client's departure. */
  #unwatch: AbortController | undefined;
  #continued = false;
  #writeDeadline: MovingDeadline | undefined;

  /**
   * @param conn The connection, from now on this one's.
   * @param owner The server.
   */
  constructor(conn: Conn, owner: ConnOwner) {
    this.conn = conn;
    this.#owner = owner;
    this.scheme = "connectionState" in conn ? "https" : "http";
    const { readBufferSize, maxHeaderBytes, maxHeaders } = owner.settings;
    // No deadline is ever set on the way from one head to the next, so the engine will do.
    const stream = this.#stream = StreamConn.beneath(conn) ?? conn;
    this.#input = new Input(readBufferSize);
    this.#output = new Output(stream, (error) => this.#broken(error));
    this.#responder = new Responder(owner.settings, this.#output, this);
    this.#parser = new RequestParser({ maxHeadBytes: maxHeaderBytes, maxHeaders });
    this.#timer = coarseClock.timer(() => this.#expired());
    this.#onRead = (n) => this.#read(n);
    this.#onReadError = (error) => this.#readFailed(error);
  }

  /** Begins to serve. */
  start(): void {
    this.#report();
    if (this.#phase === "done") return; // closed by the hook
    this.#arm(this.#headTimeout);
    this.#fill();
  }

  /** Where the server keeps it in its list. */
  slot = -1;

  /** Ends it after the exchange under way, at once when there is none. */
  finish(): void {
    if (this.#phase !== "idle") return;
    if (this.#state === "idle") return this.#end(false);
    const silent = performance.now() - this.#born;
    if (silent >= silentFor) this.close();
    else this.#arm(Math.max(1, silentFor - silent));
  }

  /** Ends it at once. */
  close(reason?: unknown): void {
    if (this.#phase === "done") return;
    this.#leave("closed");
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (exchange !== undefined || this.#output.pending > 0) {
      // Made only for who hears of it: an error costs more than all else that is done here.
      reason ??= new Error("the server was closed");
      exchange?.body?.fail(reason);
      exchange?.abort(departure(reason)); // nobody can be told anything any more
      exchange?.fail(reason);
      this.#output.fail(reason);
    }
    this.#freeInput();
    this.conn.close();
  }

  /** Lets another connection have the input, unless a read may still be filling it. */
  #freeInput(): void {
    if (!this.#reading && !this.#body?.busy) this.#input.free();
  }

  get #headTimeout(): number {
    const { readTimeout, readHeaderTimeout } = this.#owner.settings;
    if (readTimeout === 0 || readHeaderTimeout === 0) return readTimeout || readHeaderTimeout;
    return Math.min(readTimeout, readHeaderTimeout);
  }

  /** Sets the timer, or puts it off if it is set to this already. */
  #arm(ms: number): void {
    if (ms === this.#armed && ms > 0) return this.#timer.touch();
    this.#armed = ms;
    this.#timer.start(ms);
  }

  #expired(): void {
    this.#armed = 0;
    // The limits of an exchange are deadlines of their own; the timer of the idleness before it
    // was left to run.
    if (this.#phase !== "exchange") this.close(new TimeoutError("the client took too long"));
  }

  #become(state: ConnState): void {
    if (this.#state === state) return;
    this.#state = state;
    if (this.#owner.settings.connState !== undefined) this.#report();
  }

  #report(): void {
    const { connState, errorLog } = this.#owner.settings;
    try {
      connState?.(this.conn, this.#state);
    } catch (error) {
      errorLog("the connState hook threw", error);
    }
  }

  /** The connection is over, or somebody else's. */
  #leave(state: "closed" | "hijacked"): void {
    this.#phase = "done";
    this.#timer.stop();
    this.#writeDeadline?.stop();
    this.#owner.release(this);
    this.#become(state);
  }

  /** Reads what comes next. */
  #fill(): void {
    this.#reading = true;
    const stream = this.#stream;
    if (stream.readWith !== undefined) {
      stream.readWith(this.#input.room(), this.#onRead, this.#onReadError);
    } else this.#input.fill(stream).then(this.#onRead, this.#onReadError);
  }

  #read(n: number | null): void {
    this.#reading = false;
    if (this.#phase === "done") return;
    if (n === null) return this.#clientEnded();
    this.#input.end += n;
    if (this.#phase === "linger") void this.#discard();
    else if (this.#phase === "exchange") {
      // Bytes of a later request: they wait, and so does the news of a departure.
    } else if (this.#owner.admit()) this.advance();
    else {
      // A request is there. The time for the rest of a head runs on.
      if (this.#phase === "idle") this.#phase = "exchange";
      this.#owner.defer(this.#resume);
    }
  }

  #readFailed(error: unknown): void {
    this.#reading = false;
    if (this.#phase === "done" || this.#unwatch?.signal.aborted) return;
    this.#broken(error);
  }

  #clientEnded(): void {
    this.#ended = true;
    // It may have gone, or have closed one direction only: the answer is sent all the same.
    if (this.#phase === "exchange") this.#exchange?.abort(departure());
    else this.#end(false);
  }

  /** Nothing more can be sent to the client, or come from it. */
  #broken(error: unknown): void {
    this.#exchange?.abort(departure(error));
    this.close(error);
  }

  /** Answers the requests that are there, and waits for the next one. */
  readonly advance = (): void => {
    refreshDate();
    const input = this.#input;
    while (input.start < input.end) {
      let head: RequestHead | null;
      try {
        head = this.#parser.parse(input.buffer, input.start, input.end);
      } catch (error) {
        return this.refuse(error as ProtocolError);
      }
      if (head === null) return this.#awaitHead();
      input.start += this.#parser.length;
      if (!this.#begin(head)) {
        if (this.#output.pending > 0) this.#output.flushSoon(answerHops);
        return;
      }
    }
    this.#awaitRequest();
  };

  readonly #resume = (): void => {
    if (this.#phase === "done") return;
    if (this.#phase === "exchange") this.#phase = "idle";
    this.advance();
  };

  #awaitHead(): void {
    this.#output.flush();
    if (this.#phase !== "head") {
      this.#become("active");
      this.#phase = "head";
      this.#armed = 0; // the time runs from the first byte, whatever follows
      this.#arm(this.#headTimeout);
      this.#headBegan = Date.now();
    }
    if (this.#ended) return this.#end(false);
    if (!this.#reading) this.#fill();
  }

  #awaitRequest(): void {
    this.#output.flush();
    if (this.#phase === "done") return;
    this.#phase = "idle";
    this.#become("idle");
    if (this.#ended || this.#owner.closing) return this.#end(false);
    this.#arm(this.#owner.settings.idleTimeout);
    if (!this.#reading) this.#fill();
  }

  /**
   * Begins an exchange.
   *
   * @returns Whether it is over already, and the connection goes on.
   */
  #begin(head: RequestHead): boolean {
    this.#become("active");
    if (this.#phase === "done") return false; // closed by the hook
    this.#phase = "exchange";
    const headBegan = this.#headBegan;
    this.#headBegan = 0; // of this request, however it is answered
    const { settings } = this.#owner;
    const { bodyLength, expect } = head;
    if (expect !== undefined && expect !== "100-continue") {
      this.refuse(refusal(417, `unknown expectation ${JSON.stringify(expect)}`), head);
      return false;
    }
    if (head.target === "*") return this.#answerForServer(head);
    const { maxBodyBytes } = settings;
    if (maxBodyBytes > 0 && bodyLength > maxBodyBytes) {
      const message = `the body is longer than the limit of ${maxBodyBytes} bytes`;
      this.refuse(refusal(413, message), head);
      return false;
    }
    const body = this.#bodyOf(head);
    const exchange = this.#exchange = new Exchange(this, head, body);
    if (settings.readTimeout > 0 && body !== null) {
      this.setReadDeadline((headBegan || Date.now()) + settings.readTimeout);
    }
    if (exchange.over) return false;
    if (settings.writeTimeout > 0) this.setWriteDeadline(Date.now() + settings.writeTimeout);
    return this.#responder.handle(exchange);
  }

  /** `OPTIONS *` asks about the server as a whole (RFC 9110 section 9.3.7): no handler's matter. */
  #answerForServer(head: RequestHead): boolean {
    const body = this.#bodyOf(head);
    const exchange = this.#exchange = new Exchange(this, head, body);
    return this.#responder.send(exchange, { status: 200, statusText: "", fields: [], body: null });
  }

  #bodyOf({ bodyLength }: RequestHead): ServerBody | null {
    if (bodyLength === 0) return null;
    this.#continued = false;
    const { maxBodyBytes } = this.#owner.settings;
    return this.#body = new ServerBody(this.#input, this.conn, bodyLength, maxBodyBytes, this);
  }

  /**
   * Reads on while a stream is sent: one that is silent would never learn of a reset. What comes
   * is the next request, so that this read is not lost.
   */
  streaming({ body }: Exchange): void {
    if (this.#reading || this.#ended || (body !== null && !body.ended)) return;
    if (this.#input.length === 0) this.#fill();
  }

  /**
   * The response is in the output.
   *
   * @returns Whether the connection goes on at once.
   */
  sent(exchange: Exchange, plan: Plan): boolean {
    const { body } = exchange;
    const settled = this.#output.pending > maxPending || this.#writeDeadline !== undefined;
    if (!settled && plan.keepAlive && (body === null || body.ended)) {
      // Nobody waits for it to be written: it is, or the connection fails.
      exchange.complete();
      this.#exchange = undefined;
      return true;
    }
    const written = this.#output.drained().then(() => {
      if (this.#phase === "done") return;
      exchange.complete();
      this.#writeDeadline?.set(null);
      this.#writeDeadline?.end();
    });
    const unread = body !== null && !body.ended;
    // At the same time: many a client reads the answer only when it has sent all of its request.
    const dropped = plan.keepAlive && unread ? this.#drop(body) : !unread;
    Promise.all([dropped, written]).then(([complete]) => {
      if (this.#phase === "done") return;
      this.#exchange = undefined;
      if (plan.keepAlive && complete) return this.advance();
      // A client that has not asked for the end may have sent more.
      this.#end(exchange.head.keepAlive || !complete);
    }, () => {}); // `#broken` has seen to it
    return false;
  }

  /** Reads and drops what the handler has left of a body; gives whether it came to its end. */
  async #drop(body: ServerBody): Promise<boolean> {
    try {
      // No timer that closes: the answer may take longer to be written.
      this.setReadDeadline(Date.now() + drainTimeout);
      return await body.drain(maxDrain);
    } catch {
      return false;
    }
  }

  mayGoOn({ head, body }: Exchange): boolean {
    return head.keepAlive && !this.#owner.closing && !this.#ended && this.#canDrain(head, body);
  }

  /** Whether what the handler leaves of a body may be read for the sake of the connection. */
  #canDrain({ expect }: RequestHead, body: ServerBody | null): boolean {
    if (body === null || body.ended) return true;
    if (body.failed) return false;
    // A client that waits to be told to go on may send the body now, or the next request.
    if (expect !== undefined && !this.#continued) return false;
    return body.length === undefined || body.left <= maxDrain;
  }

  /** Answers a request that cannot be served, and ends the connection. */
  refuse(error: ProtocolError, head?: RequestHead): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.fail(error);
    this.#phase = "exchange";
    this.#become("active");
    // A request whose head cannot be read is answered as any other.
    const method = head?.method ?? "GET";
    const terms = { method, minor: 1, keepAlive: false, trailers: false } as const;
    writeHead(this.#output, plainAnswer(error.status, error.message), terms);
    this.#end(true);
  }

  /**
   * Ends the connection when all is written.
   *
   * @param lingering Whether the client may still be sending: to close at once would reset the
   * connection, and take the answer with it.
   */
  #end(lingering: boolean): void {
    if (this.#phase === "done") return;
    this.#phase = "linger";
    this.#armed = 0;
    this.#timer.stop();
    this.#body?.fail(answeredError());
    this.#output.drained().then(async () => {
      if (this.#phase === "done") return;
      if (!lingering || this.#ended) return this.close();
      await this.#stream.closeWrite();
      if (this.#phase !== "linger") return;
      this.#arm(lingerTimeout);
      if (!this.#reading) await this.#discard();
    }).catch((error) => this.close(error));
  }

  /** Reads and drops what comes, behind what may still be read of a body, until the end. */
  async #discard(): Promise<void> {
    try {
      this.conn.setReadDeadline(null);
      const scratch = new Uint8Array(discardSize);
      while (await this.conn.read(scratch) !== null);
    } catch {
      // Closed, or reset: either way it is over.
    }
    this.close();
  }

  // What an exchange asks of its connection.

  watch(): void {
    const body = this.#exchange?.body;
    if (this.#reading || this.#ended || (body && !body.ended)) return;
    // A request that is there already waits: so many bytes are enough.
    if (this.#input.length > 0) return;
    this.#unwatch = new AbortController();
    const { signal } = this.#unwatch;
    this.#reading = true;
    const watching = { read: (p: Uint8Array) => this.conn.read(p, { signal }) };
    this.#input.fill(watching).then(this.#onRead, this.#onReadError);
  }

  async inform(status: number, fields: readonly string[]): Promise<void> {
    this.#output.text(responseHead(status, statusText(status), fields), "latin1");
    await this.#output.drained();
  }

  hijack(): Hijacked {
    const { body } = this.#exchange!;
    if (body?.busy) throw new TypeError("cannot hijack: the body of the request is being read");
    this.#exchange!.hijacked();
    this.#exchange = undefined;
    body?.fail(new TypeError("cannot read the body: the connection was hijacked"));
    this.#unwatch?.abort();
    this.#leave("hijacked");
    const buffered = this.#input.take(this.#input.length);
    this.#freeInput();
    this.conn.setReadDeadline(null);
    return {
      conn: this.#output.pending > 0 ? connAfter(this.conn, this.#output.drained()) : this.conn,
      buffered,
    };
  }

  setReadDeadline(deadline: Date | number | null): void {
    this.#bodyLimited = true;
    try {
      this.conn.setReadDeadline(deadline);
    } catch (error) {
      if (!(error instanceof ClosedError)) throw error;
      this.#broken(error); // a hook has closed it
    }
  }

  setWriteDeadline(deadline: Date | number | null): void {
    this.#writeDeadline ??= new MovingDeadline(() => {
      this.close(new TimeoutError("the response was not written in time", { phase: "write" }));
    });
    this.#writeDeadline.begin();
    this.#writeDeadline.set(deadline);
  }

  // What a body tells its connection.

  onBodyStart(): void {
    if (this.#exchange?.head.expect === undefined || this.#exchange.state !== "waiting") return;
    this.#continued = true;
    this.#output.ascii("HTTP/1.1 100 Continue\r\n\r\n");
    this.#output.flush();
  }

  onBodyEnd(trailers: readonly string[]): void {
    if (this.#bodyLimited) this.conn.setReadDeadline(null);
    this.#bodyLimited = false;
    this.#exchange?.bodyEnded(trailers);
    if (this.#exchange?.watched) this.watch();
    else if (this.#exchange?.state === "begun") this.streaming(this.#exchange);
  }

  onBodyError(error: unknown): void {
    const exchange = this.#exchange;
    exchange?.bodyFailed(error);
    const cut = error instanceof ProtocolError && error.code === "ERR_HTTP_TRUNCATED";
    if (cut) this.#ended = true;
    if (cut || (error instanceof OpError && !error.timeout)) exchange?.abort(departure(error));
  }
}

/** The next request waits while so much of the answers before it is not written. */
const maxPending = 64 * 1024;
