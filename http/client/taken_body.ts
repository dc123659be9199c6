/** The body of a response, taken out of it, to be put into another one or to be done with. */
import type { CoarseClock } from "../../deadline.ts";
import type { IncomingBody } from "../incoming.ts";
import { bodyOfResponse, isOurs } from "../web/response.ts";

/**
 * Takes the body of a response, which counts as read from then on.
 *
 * @param response The response, of this package or the runtime's.
 * @returns Its body; `null` for none.
 * @throws {TypeError} It was read, or is being read.
 */
export function takeBody(response: globalThis.Response): IncomingBody | null {
  if (!isOurs(response)) return response.body === null ? null : new WebBody(response);
  const body = bodyOfResponse(response);
  if (body === null) return null;
  const taken = body.take("pass on");
  if (typeof taken === "object" && "readAll" in taken) return taken;
  return new WebBody(new globalThis.Response(taken));
}

/** How long that may take, in ms: a server that stalls is not waited for. */
const drainGrace = 1_000;

/**
 * Reads a body to its end and forgets it, so that its connection can be used again; one that is too
 * long for that, or takes more than a second, is cancelled. A body that fails is over as well:
 * this never rejects.
 *
 * @param body The body.
 * @param limit How many bytes to read at the most.
 * @param clock What the second is measured by.
 * @param signal Cancels it sooner.
 */
export async function drain(
  body: IncomingBody | null,
  limit: number,
  clock: CoarseClock,
  signal?: AbortSignal,
): Promise<void> {
  if (body === null) return;
  if (body.length !== undefined && body.length > limit) return body.cancel();
  const late = Promise.withResolvers<null>();
  const stop = () => {
    body.cancel();
    late.resolve(null);
  };
  const timer = clock.timer(stop);
  signal?.addEventListener("abort", stop, { once: true });
  timer.start(drainGrace);
  try {
    for (let left = limit; left >= 0;) {
      const chunk = await Promise.race([body.read(), late.promise]);
      if (chunk === null) return;
      left -= chunk.length;
    }
  } catch {
    return;
  } finally {
    timer.stop();
    signal?.removeEventListener("abort", stop);
  }
  body.cancel();
}

/** The body of a response that the runtime, or a user's own transport, has made. */
class WebBody implements IncomingBody {
  readonly length = undefined;
  readonly #response: globalThis.Response;
  #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;

  constructor(response: globalThis.Response) {
    this.#response = response;
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    this.#reader ??= this.#response.body!.getReader();
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return null;
      if (value.length > 0) return value;
    }
  }

  async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#reader === undefined) return await this.#response.bytes();
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for (let part; (part = await this.read()) !== null;) parts.push(part);
    return await new Blob(parts).bytes();
  }

  cancel(reason?: unknown): void {
    const done = this.#reader?.cancel(reason) ?? this.#response.body!.cancel(reason);
    done.catch(() => {}); // it was over already
  }
}
