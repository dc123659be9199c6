/** The seam between a client, which knows requests, and a transport, which knows connections. */
import type { Request } from "../web/request.ts";
import type { Response } from "../web/response.ts";

/**
 * One exchange: sends a request and gives its response. As Go's `http.RoundTripper`.
 *
 * It follows no redirect, keeps no cookies and changes nothing in the request. It resolves when the
 * head of the response is there, whatever the status, and rejects when there is none. It is called
 * for many requests at once. An abort of `request.signal` ends the exchange at any time, the
 * reading of the body included, with `signal.reason` unchanged.
 *
 * ```ts
 * import { Client, Response, type RoundTripper } from "@plumb/plumb/http";
 *
 * const canned: RoundTripper = {
 *   roundTrip: (request) => Promise.resolve(new Response(`${request.method} ${request.url}`)),
 * };
 * const response = await new Client({ transport: canned }).get("http://example.com/");
 * console.log(await response.text()); // GET http://example.com/
 * ```
 */
export interface RoundTripper {
  /**
   * Sends one request.
   *
   * @param request The request, whose body may be taken.
   * @returns The response, its body still to be read or cancelled.
   */
  roundTrip(request: Request): Promise<Response>;
  /** Closes the connections that wait for a next request, where there are any. */
  closeIdleConnections?(): void;
}
