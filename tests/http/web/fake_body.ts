/** An incoming body for tests, which says what was asked of it. */
import type { IncomingBody } from "../../../http/incoming.ts";

/** Gives its pieces one by one, and fails behind them if told so. */
export class FakeBody implements IncomingBody {
  readonly length: number | undefined;
  /** How often `read` was called. */
  reads = 0;
  /** How often `readAll` was called. */
  readAlls = 0;
  /** What `cancel` was called with. */
  readonly cancelled: unknown[] = [];
  readonly #pieces: Uint8Array<ArrayBuffer>[];
  readonly #failure: Error | undefined;

  constructor(pieces: string[], failure?: Error, length?: number) {
    this.#pieces = pieces.map((piece) => new TextEncoder().encode(piece));
    this.#failure = failure;
    this.length = length;
  }

  read(): Promise<Uint8Array<ArrayBuffer> | null> {
    this.reads++;
    const piece = this.#pieces.shift() ?? null;
    if (piece === null && this.#failure) return Promise.reject(this.#failure);
    return Promise.resolve(piece);
  }

  async readAll(): Promise<Uint8Array<ArrayBuffer>> {
    this.readAlls++;
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (let piece = await this.read(); piece !== null; piece = await this.read()) {
      pieces.push(piece);
    }
    return await new Blob(pieces).bytes();
  }

  cancel(reason?: unknown): void {
    this.cancelled.push(reason);
  }
}
