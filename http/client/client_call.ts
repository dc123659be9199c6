/** One request of a transport, from the wait for a connection to the end of its response. */
import type { Call, CallFailure, ClientConn, ResponseBody } from "./client_conn.ts";
import { dialPhase, failure, type Subject } from "./client_errors.ts";
import type { WritableBody } from "./client_writer.ts";
import { decompress } from "./decompress.ts";
import { BodyTooLargeError, ProtocolError } from "../errors.ts";
import type { ResponseHead } from "../h1/response_head.ts";
import type { IncomingBody } from "../incoming.ts";
import type { OutgoingRequest } from "../web/outgoing.ts";
import type { Pool } from "./pool.ts";
import type { RequestPlan } from "./request_plan.ts";
import { incomingResponse, type Response } from "../web/response.ts";
import { type ClientTrace, fireTrace } from "./trace.ts";

/** The way to a server: with which others it shares connections, and how one is opened. */
export interface Way {
  /** Connections of one key are alike. */
  readonly key: string;
  /** What is dialed: `"host:port"` of the server, or of the proxy. */
  readonly hostPort: string;
  /** Whether there is a proxy on it. */
  readonly proxied: boolean;
  /** Opens a connection. */
  open(signal: AbortSignal, trace: ClientTrace | undefined): Promise<ClientConn>;
}

const noTrailers = (): Promise<Headers> => Promise.resolve(new Headers());

/** A request under way. */
export class ClientCall implements Call {
  readonly method: string;
  readonly url: string;
  readonly plan: RequestPlan;
  readonly trace: ClientTrace | undefined;
  readonly #request: OutgoingRequest;
  readonly #way: Way;
  readonly #pool: Pool<ClientConn>;
  #resolve!: (response: Response) => void;
  #reject!: (error: unknown) => void;
  /** The body where it was looked at and not handed out yet. */
  #body: WritableBody | undefined;
  #bodyTaken = false;
  #conn: ClientConn | undefined;
  #reused = false;
  #retried = false;
  #over = false;
  /** Whether the response's head has come. */
  #answered = false;
  /** Whether it has failed for good: a hook may abort it between any two steps. */
  #ended = false;
  #leave: (() => void) | undefined;
  #onAbort: (() => void) | undefined;

  /**
   * @param request What to send.
   * @param plan How.
   * @param way Where to.
   * @param pool Who has the connections.
   * @param trace Who watches.
   */
  constructor(
    request: OutgoingRequest,
    plan: RequestPlan,
    way: Way,
    pool: Pool<ClientConn>,
    trace: ClientTrace | undefined,
  ) {
    this.method = request.method;
    this.url = request.url;
    this.plan = plan;
    this.trace = trace;
    this.#request = request;
    this.#way = way;
    this.#pool = pool;
    if (plan.bodyLength !== 0) this.#body = request.body();
  }

  get content(): string | Uint8Array | undefined {
    const body = this.#body;
    return typeof body === "string" || body instanceof Uint8Array ? body : undefined;
  }

  body(): WritableBody {
    this.#bodyTaken = true;
    const body = this.#body;
    if (body === undefined || (this.#retried && this.#request.replayable)) {
      return this.#request.body();
    }
    this.#body = undefined;
    return body;
  }

  /** Sends it; once. */
  run(): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      const { signal } = this.#request;
      if (signal !== undefined) {
        if (signal.aborted) return this.#abort(signal.reason);
        this.#onAbort = () => this.#abort(signal.reason);
        signal.addEventListener("abort", this.#onAbort);
      }
      if (this.trace !== undefined) {
        fireTrace(this.trace, "getConn", { hostPort: this.#way.hostPort });
        if (this.#ended) return;
      }
      const conn = this.#pool.take(this.#way.key);
      if (conn !== undefined) this.#ready(conn, true);
      else this.#wait();
    });
  }

  #wait(): void {
    let settled = false;
    const leave = this.#pool.wait(this.#way.key, (signal) => this.#way.open(signal, this.trace), {
      ready: (conn, reused) => {
        settled = true;
        this.#leave = undefined;
        this.#ready(conn, reused);
      },
      fail: (error) => {
        settled = true;
        this.#leave = undefined;
        this.#end(this.#dialError(error));
      },
    });
    if (this.#ended) leave();
    else if (!settled) this.#leave = leave;
  }

  #dialError(error: unknown): unknown {
    // A way that cannot be gone, such as a proxy of an unknown kind, is the caller's mistake.
    if (error instanceof TypeError || error instanceof RangeError) return error;
    return failure(this, dialPhase(error, this.#way.proxied), error);
  }

  #ready(conn: ClientConn, reused: boolean): void {
    this.#conn = conn;
    this.#reused = reused;
    if (this.trace !== undefined) {
      const { localAddr, remoteAddr } = conn.conn;
      const idleTime = reused ? Math.max(0, Date.now() - conn.idleSince) : 0;
      fireTrace(this.trace, "gotConn", { reused, idleTime, localAddr, remoteAddr });
      if (this.#ended) return conn.close();
    }
    conn.send(this);
  }

  respond(head: ResponseHead, body: ResponseBody | null, conn: ClientConn): void {
    this.#answered = true;
    if (this.#over) this.#dropBody(undefined);
    if (body !== null && head.status === 205) {
      body.cancel(); // It has none for the web, whatever was sent.
      body = null;
    }
    const zipped = body !== null && this.plan.asksGzip ? gzipFields(head.fields) : undefined;
    this.#resolve(incomingResponse({
      status: head.status,
      statusText: head.reason,
      fields: zipped ?? head.fields,
      body: zipped === undefined ? body : new DecodedBody(decompress(body!, "gzip"), this),
      url: this.url,
      redirected: false,
      proto: head.minor === 1 ? "HTTP/1.1" : "HTTP/1.0",
      trailers: body?.trailers === undefined ? noTrailers : () => body.trailers!(),
      remoteAddr: conn.conn.remoteAddr,
      uncompressed: zipped !== undefined,
    }));
  }

  fail(failure: CallFailure): void {
    if (!this.#mayRetry(failure)) return this.#end(failure.error);
    this.#retried = true;
    this.#over = false;
    const { signal } = this.#request;
    if (signal !== undefined && this.#onAbort !== undefined) {
      signal.addEventListener("abort", this.#onAbort);
    }
    fireTrace(this.trace, "getConn", { hostPort: this.#way.hostPort });
    if (!this.#ended) this.#wait();
  }

  /**
   * A connection that was idle may end just when a request is sent over it, which is then not the
   * server's answer to it (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1). As in Go this goes for
   * the next connection as well, where another request has just left that one: a new one ends it.
   */
  #mayRetry({ error, nothingRead, nothingWritten }: CallFailure): boolean {
    if (!this.#reused || !nothingRead) return false;
    if ((error as { timeout?: boolean } | undefined)?.timeout === true) return false;
    if (this.plan.bodyLength !== 0 && this.#bodyTaken && !this.#request.replayable) return false;
    return nothingWritten || this.plan.repeatable;
  }

  over(): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#onAbort !== undefined) {
      this.#request.signal!.removeEventListener("abort", this.#onAbort);
    }
    // Before an answer it may yet be sent over another connection.
    if (this.#answered) this.#dropBody(undefined);
  }

  #abort(reason: unknown): void {
    this.over();
    this.#leave?.();
    this.#leave = undefined;
    this.#conn?.abort(this, reason);
    this.#end(reason);
  }

  /** There is no response: nor will the body be wanted any more. */
  #end(error: unknown): void {
    this.#ended = true;
    this.over();
    this.#dropBody(error);
    this.#reject(error);
  }

  /** A body that was not asked for, as where a final response came before `100 Continue`. */
  #dropBody(reason: unknown): void {
    const body = this.#body;
    this.#body = undefined;
    if (body instanceof ReadableStream && !body.locked) body.cancel(reason).catch(() => {});
  }
}

/** A decoded body, whose errors say what request they are about. */
class DecodedBody implements IncomingBody {
  readonly length = undefined;
  readonly #body: IncomingBody;
  readonly #onError: (error: unknown) => never;

  constructor(body: IncomingBody, subject: Subject) {
    this.#body = body;
    this.#onError = (error) => {
      const decoding = error instanceof ProtocolError || error instanceof BodyTooLargeError;
      throw decoding ? failure(subject, "body", error) : error;
    };
  }

  read(): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#body.read().catch(this.#onError);
  }

  readAll(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#body.readAll().catch(this.#onError);
  }

  cancel(reason?: unknown): void {
    this.#body.cancel(reason);
  }
}

/** The fields of a gzip response without those that describe its coding; else `undefined`. */
function gzipFields(fields: readonly string[]): string[] | undefined {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i].length !== 16 || fields[i].toLowerCase() !== "content-encoding") continue;
    const coding = fields[i + 1].toLowerCase();
    if (coding !== "gzip" && coding !== "x-gzip") return undefined;
    const kept: string[] = [];
    for (let j = 0; j < fields.length; j += 2) {
      const name = fields[j].toLowerCase();
      if (name === "content-encoding" || name === "content-length") continue;
      kept.push(fields[j], fields[j + 1]);
    }
    return kept;
  }
  return undefined;
}
