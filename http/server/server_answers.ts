/** What a server says itself, without a handler. */
import { ProtocolError } from "../errors.ts";
import type { OutgoingResponse } from "../web/outgoing.ts";
import { statusText } from "../status.ts";

/**
 * Why a request is refused that breaks no rule of the protocol.
 *
 * @param status What it is answered with.
 * @param message Why.
 */
export function refusal(status: number, message: string): ProtocolError {
  return new ProtocolError(message, { code: `ERR_HTTP_${status}`, status });
}

/**
 * An answer in a line of plain text.
 *
 * @param status Its status.
 * @param message What to say beside that.
 */
export function plainAnswer(status: number, message = ""): OutgoingResponse {
  const text = statusText(status);
  return {
    status,
    statusText: text,
    fields: ["content-type", "text/plain; charset=utf-8"],
    body: `${status} ${text}${message && `: ${message}`}\n`,
  };
}

/**
 * The reason that `request.signal` aborts with.
 *
 * @param cause How it was noticed.
 */
export function departure(cause?: unknown): DOMException {
  const error = new DOMException("the client has gone away", "AbortError");
  return Object.assign(error, { cause });
}
