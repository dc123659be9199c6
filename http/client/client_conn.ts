/** One connection of the client: a request out, its response in, again and again. */
import { headersOf } from "../headers.ts";
import type { CoarseTimer } from "../../deadline.ts";
import type { Conn } from "../../net/conn.ts";
import {
  type BodyOwner,
  ChunkedBody,
  type ConnBody,
  ExactBody,
  UntilCloseBody,
  WholeBody,
} from "./client_body.ts";
import { ClientInput } from "./client_input.ts";
import { ClientStream } from "./client_stream.ts";
import { bodyCut, failure, headCut, headLate, noResponse, type Subject } from "./client_errors.ts";
import { type Phase, ProtocolError } from "../errors.ts";
import { chunkedBody, responseBodyLength, untilClose } from "../h1/framing.ts";
import { type ResponseHead, ResponseParser } from "../h1/response_head.ts";
import { responseLimits } from "../h1/limits.ts";
import type { IncomingBody } from "../incoming.ts";
import { type Parkable, parkNever, parkSoon } from "./parking.ts";
import type { PoolConn, PutOutcome } from "./pool.ts";
import { RequestSender, type Sending } from "./request_sender.ts";
import { fireTrace } from "./trace.ts";
import type { TransportSettings } from "./transport_options.ts";

/** Why there is no response. */
export interface CallFailure {
  readonly phase: Phase;
  readonly error: unknown;
  /** Whether no byte of a response has come. */
  readonly nothingRead: boolean;
  /** Whether no byte of the request has gone out. */
  readonly nothingWritten: boolean;
}

/** A request that is sent over a connection. */
export interface Call extends Subject, Sending {
  /** The head of the response is there. `over` may have been called before. */
  respond(head: ResponseHead, body: ResponseBody | null, conn: ClientConn): void;
  /** There will be no response. */
  fail(failure: CallFailure): void;
  /** The response was read to its end, or never will be. */
  over(): void;
}

/** A body with what may follow it. */
export type ResponseBody = IncomingBody & { trailers?(): Promise<Headers> };

/** Who keeps the connection while it carries no request. */
export interface ConnKeeper {
  /** It can carry another request. */
  put(conn: ClientConn): PutOutcome;
  /** It was closed. */
  remove(conn: ClientConn): void;
}

/**
 * What a connection does:
 *
 * - `idle` -> `waiting`, with a request; `closed`, when anything comes from the peer;
 * - `waiting` for the response's head -> `body`, `idle`, `finishing`, `closed`;
 * - `body`: its response is being read -> `idle`, `finishing`, `closed`;
 * - `finishing`: the response has ended, and the request is being written -> `idle`, `closed`.
 */
type State = "idle" | "waiting" | "body" | "finishing" | "closed";

/** Informational responses to one request, beyond which the server is not serious. */
const maxInformational = 32;

/** How long a response may come before the end of its request is written, in ms. As in Go. */
const writeGrace = 50;

/** How long a server may take to say why it no longer reads the request, in ms. */
const answerGrace = 1_000;

/** How long an unread body may take to come to its end, in ms. */
const drainGrace = 1_000;

/** A connection to a server or a proxy, carrying one request at a time. */
export class ClientConn implements PoolConn, BodyOwner, Parkable {
  /** The connection beneath. */
  readonly conn: Conn;
  /** Since when it is idle, by `Date.now()`: the hooks' clock may jump, but it costs nothing. */
  idleSince = 0;
  readonly #settings: TransportSettings;
  readonly #keeper: ConnKeeper;
  readonly #parser: ResponseParser;
  readonly #input: ClientInput;
  readonly #sender: RequestSender;
  #state: State = "idle";
  #call: Call | undefined;
  #body: ConnBody | undefined;
  /** Whether the pending read is kept from keeping the process alive. */
  #parked = false;
  #writeError: unknown;
  #onUnsent: (() => void) | undefined;
  /** Whether the exchange so far leaves the connection fit for another. */
  #reusable = true;
  /** Whether a byte of the response has come. */
  #heard = false;
  #informational = 0;
  #timer: CoarseTimer | undefined;
  #onTimer: (() => void) | undefined;

  /**
   * @param conn The connection, from now on this one's alone.
   * @param settings How it works.
   * @param keeper Who keeps it.
   */
  constructor(conn: Conn, settings: TransportSettings, keeper: ConnKeeper) {
    this.conn = conn;
    this.#settings = settings;
    this.#keeper = keeper;
    const stream = new ClientStream(
      conn,
      settings.dial === undefined && settings.dialTls === undefined,
    );
    const maxHeadBytes = settings.maxResponseHeaderBytes;
    this.#parser = new ResponseParser({ ...responseLimits, maxHeadBytes });
    this.#input = new ClientInput(
      stream,
      settings.readBufferSize,
      (more) => this.#read(more),
      (error) => this.#readFailed(error),
    );
    this.#sender = new RequestSender(conn, stream, settings, {
      sent: (whole) => this.#sent(whole),
      unsent: (error, nothingWritten) => this.#unsent(error, nothingWritten),
      bodyFailed: (cause) => this.#bodyFailed(cause),
    });
  }

  /**
   * Sends a request. The connection is the caller's: fresh, or taken from its keeper.
   *
   * @param call The request.
   */
  send(call: Call): void {
    this.#call = call;
    this.#state = "waiting";
    this.#reusable = call.plan.keepAlive;
    this.#heard = false;
    this.#informational = 0;
    if (this.#parked) {
      this.#parked = false;
      this.conn.ref();
    }
    this.#sender.send(call);
    // It is pending already on a connection that was idle.
    if (!this.#input.reading) this.#input.fill();
  }

  #sent(whole: boolean): void {
    if (!whole) this.#reusable = false;
    if (this.#state === "waiting") {
      const { responseHeaderTimeout } = this.#settings;
      if (responseHeaderTimeout > 0) this.#startTimer(responseHeaderTimeout, this.#silent);
    } else if (this.#state === "finishing") {
      this.#stopTimer();
      if (this.#reusable) this.#release();
      else this.#retire(undefined);
    }
  }

  readonly #silent = (): void => {
    this.#lose("responseHeader", headLate);
  };

  #unsent(error: unknown, nothingWritten: boolean): void {
    this.#reusable = false;
    this.#writeError = error;
    this.#onUnsent?.();
    if (this.#state === "finishing") return this.#retire(error);
    if (this.#state !== "waiting") return;
    if (nothingWritten) return this.#lose("write", error, true);
    // A server that no longer reads may have said why: what it said comes first.
    this.#startTimer(answerGrace, () => this.#lose("write", error));
  }

  /** The caller's own body has failed. */
  #bodyFailed(cause: unknown): void {
    this.#reusable = false;
    if (this.#state === "finishing") return this.#retire(cause);
    if (this.#state === "waiting") this.#lose("request", cause);
  }

  #read(more: boolean): void {
    // Whatever comes from an idle peer, an end or bytes nobody asked for, it is of no use any more.
    if (this.#state === "idle") return this.#retire(undefined);
    if (this.#state !== "waiting") return;
    if (more) this.#parse();
    else this.#endBeforeHead();
  }

  #readFailed(error: unknown): void {
    if (this.#state === "idle") return this.#retire(undefined);
    if (this.#state !== "waiting") return;
    if (this.#writeError !== undefined) return this.#lose("write", this.#writeError);
    this.#lose("responseHeader", error);
  }

  #endBeforeHead(): void {
    if (this.#writeError !== undefined) return this.#lose("write", this.#writeError);
    this.#lose("responseHeader", this.#heard ? headCut : noResponse);
  }

  #parse(): void {
    const call = this.#call!;
    if (!this.#heard) {
      this.#heard = true;
      if (call.trace !== undefined) {
        this.#sender.heard();
        fireTrace(call.trace, "gotFirstResponseByte");
      }
    }
    const input = this.#input;
    for (;;) {
      let head: ResponseHead | null;
      try {
        head = this.#parser.parse(input.buffer, input.start, input.end);
      } catch (error) {
        return this.#lose("responseHeader", error);
      }
      if (head === null) return input.fill();
      input.start += this.#parser.length;
      if (head.status >= 200 || head.status === 101) return this.#respond(call, head);
      if (!this.#inform(call, head)) return;
      if (input.start === input.end) return input.fill();
    }
  }

  /** An informational response; `false` when it was one too many. */
  #inform(call: Call, head: ResponseHead): boolean {
    if (++this.#informational > maxInformational) {
      const message = `more than ${maxInformational} informational responses`;
      this.#lose("responseHeader", new ProtocolError(message, { code: "ERR_HTTP_INFORMATIONAL" }));
      return false;
    }
    const { trace } = call;
    if (head.status === 100) {
      if (this.#sender.waiting) fireTrace(trace, "got100Continue");
      this.#sender.proceed(true);
    }
    if (trace?.got1xxResponse !== undefined) {
      const { status, fields } = head;
      fireTrace(trace, "got1xxResponse", { status, headers: headersOf(fields) });
    }
    return true;
  }

  #respond(call: Call, head: ResponseHead): void {
    const { status } = head;
    this.#stopTimer();
    this.#sender.proceed(false);
    if (status === 101 && !call.plan.upgrades) {
      const error = new ProtocolError("a 101 response to a request for no upgrade", {
        code: "ERR_HTTP_UPGRADE",
      });
      return this.#lose("responseHeader", error);
    }
    if (!head.keepAlive) this.#reusable = false;
    const length = status === 101 ? untilClose : responseBodyLength(head, call.method);
    if (length === 0) {
      const none = status === 204 || status === 304 || call.method === "HEAD";
      const body = none ? null : new WholeBody(null, 0);
      this.#finish(call);
      return call.respond(head, body, this);
    }
    const input = this.#input;
    if (length > 0 && input.end - input.start >= length) {
      const bytes = input.take(length);
      this.#finish(call);
      return call.respond(head, new WholeBody(bytes, length), this);
    }
    this.#stream(call, head, length);
  }

  /** The body is still to come, or its end is still to be found. */
  #stream(call: Call, head: ResponseHead, length: number): void {
    this.#state = "body";
    if (length === chunkedBody) {
      const body = new ChunkedBody(this.#input, this);
      let whole: Uint8Array<ArrayBuffer> | undefined;
      try {
        whole = body.whole();
      } catch (error) {
        body.fail(error);
        return call.respond(head, body, this);
      }
      if (whole !== undefined) {
        const fields = body.trailerFields();
        const bytes: ResponseBody = new WholeBody(whole, undefined);
        if (fields.length > 0) bytes.trailers = () => Promise.resolve(headersOf(fields));
        this.#finish(call);
        return call.respond(head, bytes, this);
      }
      this.#body = body;
    } else if (length === untilClose) {
      this.#reusable = false;
      this.#body = new UntilCloseBody(this.#input, this, () => this.#endedInOrder());
    } else this.#body = new ExactBody(this.#input, this, length);
    call.respond(head, this.#body, this);
  }

  bodyEnded(): void {
    if (this.#state === "body") this.#finish(this.#call!);
  }

  bodyFailed(cause: unknown): unknown {
    const call = this.#call;
    if (call === undefined) return cause;
    const error = failure(call, "body", cause ?? bodyCut);
    this.#shut(error);
    return error;
  }

  /**
   * Whether the end of the connection was the server's own. The system tells of a reset once, and
   * a write that fails may be who hears it: for the read, what follows looks like any other end.
   */
  async #endedInOrder(): Promise<boolean> {
    if (this.#sender.writing) {
      await new Promise<void>((resolve) => {
        this.#onUnsent = resolve;
        this.#startTimer(writeGrace, resolve);
      });
    }
    return (this.#writeError as { code?: unknown } | undefined)?.code !== "ECONNRESET";
  }

  bodyDraining(): void {
    this.#call?.over();
    // An unread body is no reason to stay.
    this.#parked = true;
    this.conn.unref();
    this.#startTimer(drainGrace, () => this.#shut(undefined));
  }

  bodyCancelled(): void {
    this.#shut(undefined);
  }

  /** The response's last byte has been taken. */
  #finish(call: Call): void {
    this.#body = undefined;
    call.over();
    this.#stopTimer();
    // Bytes behind a response are nobody's, so nobody can say what the next would be.
    if (!this.#reusable || this.#input.start !== this.#input.end) return this.#retire(undefined);
    if (!this.#sender.writing) return this.#release();
    if (!this.#sender.finishing) return this.#retire(undefined);
    this.#state = "finishing";
    this.#startTimer(writeGrace, () => this.#retire(undefined));
  }

  /** Ready for another request. */
  #release(): void {
    const trace = this.#call?.trace;
    this.#call = undefined;
    this.#state = "idle";
    this.#input.rewind();
    this.idleSince = Date.now();
    // Pending while the connection is idle: so its end is noticed, and it will be the first read
    // of the next response.
    if (!this.#input.reading) this.#input.fill();
    const outcome = this.#keeper.put(this);
    if (outcome === "idle" && !this.#parked) parkSoon(this);
    if (trace !== undefined) {
      const error = outcome === "closed" ? new Error("enough connections are idle") : undefined;
      fireTrace(trace, "putIdleConn", { error });
    }
  }

  park(): void {
    if (this.#state !== "idle" || this.#parked) return;
    this.#parked = true;
    this.conn.unref();
  }

  /** Of no use to anybody else. */
  #retire(error: unknown): void {
    const trace = this.#call?.trace;
    const exchange = this.#state !== "idle";
    this.#shut(error);
    if (exchange) fireTrace(trace, "putIdleConn", { error: error ?? new Error("not reusable") });
  }

  /** Closes, as far as anybody waits for anything without a further word. */
  #shut(reason: unknown): void {
    if (this.#state === "closed") return;
    const call = this.#call;
    this.#state = "closed";
    this.#call = undefined;
    this.#body = undefined;
    this.#stopTimer();
    parkNever(this);
    this.#sender.stop(reason ?? over);
    this.#onUnsent?.();
    this.conn.close();
    this.#input.drop();
    this.#keeper.remove(this);
    call?.over();
  }

  /** There will be no response. */
  #lose(phase: Phase, cause: unknown, nothingWritten = false): void {
    const call = this.#call;
    if (call === undefined || this.#state !== "waiting") return;
    const error = failure(call, phase, cause);
    const nothingRead = !this.#heard;
    this.#shut(error);
    call.fail({ phase, error, nothingRead, nothingWritten });
  }

  /**
   * Ends an exchange, and with it the connection. The caller of the request knows why; who reads
   * the body is told.
   *
   * @param call The request; another one's connection is left alone.
   * @param reason Why.
   */
  abort(call: Call, reason: unknown): void {
    if (this.#call !== call) return;
    const body = this.#body;
    this.#shut(reason);
    body?.interrupt(reason);
  }

  /**
   * Closes it, from the keeper's side.
   *
   * @param reason Why, for whoever waits for it.
   */
  close(reason?: unknown): void {
    if (this.#state === "waiting") {
      this.#heard = true; // not to be sent again
      return this.#lose("responseHeader", reason);
    }
    const call = this.#call;
    const body = this.#body;
    this.#shut(reason);
    if (call !== undefined) body?.interrupt(failure(call, "body", reason));
  }

  #startTimer(ms: number, then: () => void): void {
    this.#timer ??= this.#settings.coarse.timer(() => this.#onTimer?.());
    this.#onTimer = then;
    this.#timer.start(ms);
  }

  #stopTimer(): void {
    this.#timer?.stop();
  }
}

/** Why a request body is not read on. */
const over = new DOMException("the exchange has ended", "AbortError");
