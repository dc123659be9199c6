/** Knows which phase an exchange is in, by the hooks that its transport calls. */
import type { Phase } from "../errors.ts";
import {
  type ClientTrace,
  type ClientTraceArguments as Arguments,
  fireTrace,
  type InformationalEvent,
} from "./trace.ts";

/** Hooks that note the phase and pass on to a caller's own. */
export class PhaseTrace implements ClientTrace {
  /** The phase. An exchange begins by looking for a connection. */
  phase: Phase = "connect";
  readonly #own: ClientTrace | undefined;

  /**
   * Begins in the phase `"connect"`.
   *
   * @param own The caller's hooks.
   */
  constructor(own: ClientTrace | undefined) {
    this.#own = own;
  }

  /** A server that answers early has its body read while the request is still being written. */
  #enter(phase: Phase): void {
    if (this.phase !== "body") this.phase = phase;
  }

  getConn(...event: Arguments<"getConn">): void {
    this.#enter("connect");
    fireTrace(this.#own, "getConn", ...event);
  }

  dnsStart(...event: Arguments<"dnsStart">): void {
    this.#enter("dns");
    fireTrace(this.#own, "dnsStart", ...event);
  }

  dnsDone(...event: Arguments<"dnsDone">): void {
    this.#enter("connect");
    fireTrace(this.#own, "dnsDone", ...event);
  }

  connectStart(...event: Arguments<"connectStart">): void {
    this.#enter("connect");
    fireTrace(this.#own, "connectStart", ...event);
  }

  connectDone(...event: Arguments<"connectDone">): void {
    fireTrace(this.#own, "connectDone", ...event);
  }

  tlsHandshakeStart(...event: Arguments<"tlsHandshakeStart">): void {
    this.#enter("tls");
    fireTrace(this.#own, "tlsHandshakeStart", ...event);
  }

  tlsHandshakeDone(...event: Arguments<"tlsHandshakeDone">): void {
    fireTrace(this.#own, "tlsHandshakeDone", ...event);
  }

  gotConn(...event: Arguments<"gotConn">): void {
    this.#enter("write");
    fireTrace(this.#own, "gotConn", ...event);
  }

  wroteHeaders(): void {
    fireTrace(this.#own, "wroteHeaders");
  }

  wait100Continue(): void {
    fireTrace(this.#own, "wait100Continue");
  }

  got100Continue(): void {
    fireTrace(this.#own, "got100Continue");
  }

  wroteRequest(...event: Arguments<"wroteRequest">): void {
    this.#enter("responseHeader");
    fireTrace(this.#own, "wroteRequest", ...event);
  }

  gotFirstResponseByte(): void {
    fireTrace(this.#own, "gotFirstResponseByte");
  }

  got1xxResponse(...event: Arguments<"got1xxResponse">): void {
    fireTrace(this.#own, "got1xxResponse", ...event);
  }

  putIdleConn(...event: Arguments<"putIdleConn">): void {
    fireTrace(this.#own, "putIdleConn", ...event);
  }
}

/** Hooks with one more function for informational responses. */
export class InformationalTrace extends PhaseTrace {
  readonly #informational: (event: InformationalEvent) => void;

  /**
   * Adds a function to hooks.
   *
   * @param own The caller's hooks.
   * @param informational Called for each informational response, before the caller's own hook.
   */
  constructor(
    own: ClientTrace | undefined,
    informational: (event: InformationalEvent) => void,
  ) {
    super(own);
    this.#informational = informational;
  }

  override got1xxResponse(event: InformationalEvent): void {
    fireTrace({ got1xxResponse: this.#informational }, "got1xxResponse", event);
    super.got1xxResponse(event);
  }
}
