/** Stand-in for the part of `@std/net` that the tests use, for machines that cannot fetch it. */

/** Options of {@linkcode getAvailablePort}. */
export interface GetAvailablePortOptions {
  /** The port to try first. */
  preferredPort?: number;
}

/** A TCP port that was free a moment ago. */
export function getAvailablePort(options?: GetAvailablePortOptions): number {
  for (const port of [options?.preferredPort ?? 0, 0]) {
    try {
      using listener = Deno.listen({ port });
      return listener.addr.port;
    } catch (error) {
      if (port === 0 || !(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("unreachable: the last try either returns or throws");
}
