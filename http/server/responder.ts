/** From a request to its answer: calls the handler, and sends what it gives. */
import { isTimeout } from "../../deadline.ts";
import { refreshDate } from "./date.ts";
import { BodyTooLargeError, ProtocolError } from "../errors.ts";
import { checkTrailers, type Exchange, fieldsOfInit, Info } from "./exchange.ts";
import type { RequestHead } from "../h1/head.ts";
import { IncomingRequest } from "../web/incoming_request.ts";
import type { Output } from "./output.ts";
import { isResponse, type OutgoingResponse, outgoingResponse } from "../web/outgoing.ts";
import { type Plan, type Terms, writeHead, writeStream } from "./response_writer.ts";
import { plainAnswer, refusal } from "./server_answers.ts";
import type { Settings } from "./server_options.ts";

/** What a responder needs of its connection. */
export interface ResponderHost {
  /** Whether the connection may go on after this answer. */
  mayGoOn(exchange: Exchange): boolean;
  /**
   * An answer is in the output.
   *
   * @returns Whether the connection goes on at once.
   */
  sent(exchange: Exchange, plan: Plan): boolean;
  /** Goes on with the next request. */
  advance(): void;
  /** Answers with an error, and ends the connection. */
  refuse(error: ProtocolError, head: RequestHead): void;
  /** Ends the connection at once. */
  close(reason: unknown): void;
  /** A stream begins to go out. */
  streaming(exchange: Exchange): void;
}

/** Answers the requests of one connection. */
export class Responder {
  readonly #settings: Settings;
  readonly #output: Output;
  readonly #host: ResponderHost;

  /**
   * @param settings The handler, and what to do when it fails.
   * @param output Where answers go.
   * @param host The connection.
   */
  constructor(settings: Settings, output: Output, host: ResponderHost) {
    this.#settings = settings;
    this.#output = output;
    this.#host = host;
  }

  /**
   * Lets the handler answer.
   *
   * @returns Whether the answer is on its way already, and the connection goes on.
   */
  handle(exchange: Exchange): boolean {
    const request = new IncomingRequest(exchange);
    let answer: Response | Promise<Response>;
    try {
      answer = this.#settings.handler(request, new Info(exchange));
    } catch (error) {
      this.#failed(exchange, request, error);
      return false;
    }
    if (isResponse(answer)) return this.#answer(exchange, request, answer);
    Promise.resolve(answer).then(
      (response) => {
        refreshDate();
        if (this.#answer(exchange, request, response)) this.#host.advance();
      },
      (error) => {
        refreshDate();
        this.#failed(exchange, request, error);
      },
    );
    return false;
  }

  /**
   * Sends an answer.
   *
   * @returns Whether all of it is on its way, and the connection goes on.
   */
  send(exchange: Exchange, response: OutgoingResponse): boolean {
    const { method, minor } = exchange.head;
    const terms: Terms = {
      method,
      minor,
      keepAlive: this.#host.mayGoOn(exchange),
      trailers: exchange.trailerSource !== undefined,
    };
    const plan = writeHead(this.#output, response, terms);
    exchange.state = "begun";
    const { body } = response;
    if (plan.body === "whole") return this.#host.sent(exchange, plan);
    if (plan.body === "none") {
      if (body instanceof ReadableStream) body.cancel().catch(() => {});
      return this.#host.sent(exchange, plan);
    }
    this.#pump(exchange, streamOf(body), plan);
    return false;
  }

  /** Sends what the handler gave. */
  #answer(exchange: Exchange, request: Request, response: unknown): boolean {
    if (exchange.state !== "waiting") {
      // Nobody is left to read it: what stands behind it must not wait for ever.
      if (isResponse(response)) response.body?.cancel().catch(() => {});
      return false;
    }
    try {
      if (!isResponse(response)) {
        throw new TypeError(`a handler must give a Response, got ${String(response)}`);
      }
      const outgoing = outgoingResponse(response);
      if (!(outgoing instanceof Promise)) return this.send(exchange, outgoing);
      outgoing.then((ready) => {
        if (exchange.state === "waiting" && this.send(exchange, ready)) this.#host.advance();
      }).catch((error) => this.#failed(exchange, request, error));
    } catch (error) {
      this.#failed(exchange, request, error);
    }
    return false;
  }

  async #pump(exchange: Exchange, stream: ReadableStream<Uint8Array>, plan: Plan): Promise<void> {
    const { trailerSource } = exchange;
    this.#host.streaming(exchange);
    const trailers = async () => {
      if (typeof trailerSource !== "function") return trailerSource ?? [];
      // A body that was cancelled has come to no end.
      return exchange.over ? [] : checkTrailers(fieldsOfInit(await trailerSource()));
    };
    const onStart = (cancel: (reason: unknown) => void) => exchange.cancel = cancel;
    try {
      await writeStream({ output: this.#output, stream, plan, onStart, trailers });
    } catch (error) {
      if (exchange.state !== "begun") return; // the connection has ended, and the stream with it
      this.#log(exchange, "the answer failed", error);
      // Cut, so that the client cannot take it for complete; what was sent first may arrive.
      await this.#output.drained().catch(() => {});
      return this.#host.close(error);
    }
    exchange.cancel = undefined;
    if (exchange.state === "begun" && this.#host.sent(exchange, plan)) this.#host.advance();
  }

  /** The handler has failed, or the client within its request. */
  #failed(exchange: Exchange, request: Request, error: unknown): void {
    const { state, head, body } = exchange;
    if (state === "hijacked") return this.#log(exchange, "the handler failed", error);
    if (state !== "waiting") return;
    if (error instanceof BodyTooLargeError) {
      return this.#host.refuse(refusal(413, error.message), head);
    }
    if (error instanceof ProtocolError && body?.failed) return this.#host.refuse(error, head);
    if (body?.brokenBy(error)) {
      // The client's doing: no failure of the handler, which only passes it on.
      if (!isTimeout(error)) return this.#host.close(error);
      return this.#host.refuse(refusal(408, "the body has not come in time"), head);
    }
    // It gave up because the client has gone: nobody is left to be answered.
    if (exchange.goneBecause(error)) return this.#host.close(error);
    const { onError } = this.#settings;
    if (onError !== undefined) return void this.#askOnError(onError, exchange, request, error);
    this.#log(exchange, "the handler failed", error);
    this.#sayFailed(exchange);
  }

  async #askOnError(
    onError: NonNullable<Settings["onError"]>,
    exchange: Exchange,
    request: Request,
    error: unknown,
  ): Promise<void> {
    try {
      const response = await onError(error, request);
      if (exchange.state !== "waiting") return;
      if (response === undefined) return this.#sayFailed(exchange);
      const outgoing = await outgoingResponse(response);
      if (exchange.state === "waiting" && this.send(exchange, outgoing)) this.#host.advance();
    } catch (second) {
      this.#log(exchange, "onError failed", second);
      if (exchange.state === "waiting") this.#sayFailed(exchange);
    }
  }

  #sayFailed(exchange: Exchange): void {
    if (this.send(exchange, plainAnswer(500))) this.#host.advance();
  }

  #log(exchange: Exchange, what: string, error: unknown): void {
    this.#settings.errorLog(`${exchange.method} ${exchange.url()}: ${what}`, error);
  }
}

/** A body as a stream. */
function streamOf(body: OutgoingResponse["body"]): ReadableStream<Uint8Array> {
  if (body instanceof ReadableStream) return body;
  if (body instanceof Blob) return body.stream();
  return new Blob(body === null ? [] : [body as BlobPart]).stream();
}
