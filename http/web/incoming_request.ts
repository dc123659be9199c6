/** The request that a handler gets. */
import { fromParts, type IncomingRequestParts, Request } from "./request.ts";

export type { IncomingRequestParts };

/** A request that came in. It makes nothing of its parts before somebody asks. */
export class IncomingRequest extends Request {
  /** @param parts What it is made of. */
  constructor(parts: IncomingRequestParts) {
    super(parts as unknown as globalThis.Request, fromParts);
  }
}
