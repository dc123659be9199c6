/** A transport in memory, for what is above transports: it notes requests and answers them. */
import { fieldsOfRequest, type Request } from "../../../http/web/request.ts";
import { incomingResponse, Response } from "../../../http/web/response.ts";
import type { IncomingBody } from "../../../http/incoming.ts";
import type { RoundTripper } from "../../../http/client/round_tripper.ts";
import { outgoingRequest } from "../../../http/web/outgoing.ts";

/** A request as the transport saw it. */
export interface Seen {
  method: string;
  url: string;
  /** By name in lower case; several of a name are joined by ", ". */
  headers: Record<string, string>;
  body: string;
  request: Request;
}

/** How the fake answers one request. */
export type Answer = (seen: Seen, index: number) => Response | Promise<Response>;

/** A transport that notes each request, its body read, and asks a function for the answer. */
export class FakeTransport implements RoundTripper {
  readonly seen: Seen[] = [];
  idleClosed = 0;
  readonly #answer: Answer;

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  async roundTrip(request: Request): Promise<Response> {
    const headers: Record<string, string> = {};
    const fields = fieldsOfRequest(request);
    for (let i = 0; i < fields.length; i += 2) {
      const name = fields[i].toLowerCase();
      headers[name] = name in headers ? `${headers[name]}, ${fields[i + 1]}` : fields[i + 1];
    }
    const body = await new globalThis.Response(outgoingRequest(request).body() as BodyInit).text();
    const seen = { method: request.method, url: request.url, headers, body, request };
    return await this.#answer(seen, this.seen.push(seen) - 1);
  }

  closeIdleConnections(): void {
    this.idleClosed++;
  }
}

/** A body that is fed by hand and tells what was done with it. */
export class FakeBody implements IncomingBody {
  reads = 0;
  cancelled: { reason: unknown } | undefined;
  ended = false;
  readonly #chunks: (Uint8Array<ArrayBuffer> | "stall" | Error)[];
  readonly length: number | undefined;

  constructor(chunks: (string | Uint8Array<ArrayBuffer> | "stall" | Error)[], length?: number) {
    this.#chunks = chunks.map((chunk) =>
      typeof chunk === "string" && chunk !== "stall" ? new TextEncoder().encode(chunk) : chunk
    ) as (Uint8Array<ArrayBuffer> | "stall" | Error)[];
    this.length = length;
  }

  read(): Promise<Uint8Array<ArrayBuffer> | null> {
    this.reads++;
    const chunk = this.#chunks[0];
    if (chunk === "stall") return new Promise(() => {});
    if (chunk instanceof Error) return Promise.reject(chunk);
    this.#chunks.shift();
    if (chunk === undefined) this.ended = true;
    return Promise.resolve(chunk ?? null);
  }

  async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (let part; (part = await this.read()) !== null;) parts.push(part);
    return await new Blob(parts).bytes();
  }

  cancel(reason?: unknown): void {
    this.cancelled ??= { reason };
  }
}

/** A response as a transport gives one. */
export function respond(
  request: { url: string },
  status: number,
  headers: Record<string, string | string[]> = {},
  body: IncomingBody | null = null,
): Response {
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().flatMap((each) => [name, each])
  );
  return incomingResponse({
    status,
    statusText: "",
    fields,
    body,
    url: request.url,
    redirected: false,
    proto: "HTTP/1.1",
    trailers: () => Promise.resolve(new Headers([["x-trailer", "yes"]])),
    remoteAddr: undefined,
    uncompressed: false,
  });
}
