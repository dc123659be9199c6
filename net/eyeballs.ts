/**
 * Which address to try when: RFC 8305 ("Happy Eyeballs") as Go dials it, in `dialParallel` and
 * `dialSerial`. Knows nothing of sockets, and of time only what its deadline and clock say.
 */
import { type Clock, type Deadline, systemClock, TimeoutError } from "../deadline.ts";

/** How long the first family is alone (Go's `FallbackDelay`; RFC 8305 section 5 says 250 ms). */
export const defaultFallbackDelay = 300;

/** The least time an address gets while there is that much: a lost SYN is sent again after 1 s. */
const leastShare = 2_000;

/** Every attempt failed, or the time was up. */
export class AttemptsError extends AggregateError {
  override readonly name = "AttemptsError";
  /**
   * What went wrong; the first is the one to report. When every address failed: the errors of
   * the primary family, in order, then those of the other. When the time was up: the deadline's
   * `TimeoutError`, then what had failed before.
   */
  declare errors: [unknown, ...unknown[]];

  /** @param errors What went wrong, the error to report first. */
  constructor(errors: [unknown, ...unknown[]]) {
    super(errors, "no address could be connected");
  }
}

/**
 * Opens a connection to one address. It must give up when the deadline ends; should it succeed
 * all the same, the connection is closed.
 */
export type Connect<A, C> = (address: A, deadline: Deadline) => PromiseLike<C>;

/**
 * The time one address gets when several are left: an equal share, but at least 2 s, or all
 * that remains if that is less. Go's `partialDeadline`.
 *
 * @param remaining Milliseconds left for all of them; `Infinity` for no limit.
 * @param addressesLeft How many there are, this one included.
 * @returns Milliseconds for this one.
 */
export function shareOfTime(remaining: number, addressesLeft: number): number {
  return Math.min(remaining, Math.max(remaining / addressesLeft, leastShare));
}

/**
 * Parts addresses by family. The family of the first one is primary; both keep their order.
 *
 * @param addresses The addresses, as the resolver ordered them.
 * @param familyOf Tells the family of one.
 * @returns The addresses of the primary family, and the others.
 */
export function partition<A>(
  addresses: readonly A[],
  familyOf: (address: A) => unknown,
): [primaries: A[], fallbacks: A[]] {
  const primaries: A[] = [];
  const fallbacks: A[] = [];
  for (const address of addresses) {
    const primary = familyOf(address) === familyOf(addresses[0]);
    if (primary) primaries.push(address);
    else fallbacks.push(address);
  }
  return [primaries, fallbacks];
}

/**
 * Tries addresses one after the other, each with its share of the time.
 *
 * @param addresses What to try, in this order; at least one.
 * @param deadline The limit for all of them.
 * @param connect Opens one connection; a throw is a failed attempt.
 * @param errors Gets each attempt's error as it happens, for a caller who cannot wait.
 * @returns The first connection.
 * @throws {AttemptsError} Every address failed.
 * @throws The reason of the deadline's end, when that came between two attempts.
 */
export async function dialSerial<A, C>(
  addresses: readonly A[],
  deadline: Deadline,
  connect: Connect<A, C>,
  errors: unknown[] = [],
): Promise<C> {
  for (const [tried, address] of addresses.entries()) {
    deadline.throwIfExpired();
    const { remaining } = deadline;
    const share = shareOfTime(remaining, addresses.length - tried);
    // Who gets all that remains ends at the very moment the deadline does, not a rounding error
    // before it.
    using limit = deadline.child(share < remaining ? { timeout: share } : {});
    try {
      return await connect(address, limit);
    } catch (error) {
      errors.push(error);
    }
  }
  throw new AttemptsError(errors as [unknown, ...unknown[]]);
}

/** What {@linkcode dialParallel} needs. */
export interface DialParallelOptions<A, C> {
  /** The addresses to start with; at least one. */
  primaries: readonly A[];
  /** The addresses of the other family. */
  fallbacks: readonly A[];
  /**
   * Milliseconds until the fallbacks start too; 300 by default, `0` for at once. When negative
   * they follow the primaries, one after the other. (To keep the resolver's order in that case,
   * pass all addresses as primaries.)
   */
  fallbackDelay?: number;
  /** The limit of the whole dial. */
  deadline: Deadline;
  /** Opens one connection. */
  connect: Connect<A, C>;
  /** Closes a connection that came too late. */
  close: (conn: C) => void;
  /** Runs the fallback delay; the deadline's own clock. The system's by default. */
  clock?: Clock;
}

/**
 * Races the two address families. The first connection wins; what is still under way is
 * cancelled through its deadline, and closed if it opens nevertheless. Once this has settled,
 * no timer and no listener is left.
 *
 * @param options The addresses, the limits, and how to connect.
 * @returns The first connection.
 * @throws {AttemptsError} Every address failed, or the time was up.
 * @throws The caller's `signal.reason`, unchanged and at once, when the dial was aborted.
 */
export function dialParallel<A, C>(options: DialParallelOptions<A, C>): Promise<C> {
  const { deadline, connect, close, clock = systemClock } = options;
  const { fallbackDelay = defaultFallbackDelay } = options;
  let { primaries, fallbacks } = options;
  if (fallbackDelay < 0) [primaries, fallbacks] = [[...primaries, ...fallbacks], []];

  return new Promise<C>((resolve, reject) => {
    const decided = new AbortController();
    const limit = deadline.child({ signal: decided.signal });
    const primaryErrors: unknown[] = [];
    const fallbackErrors: unknown[] = [];
    let racing = 0;
    let timer: unknown;
    let fallbackPending = fallbacks.length > 0;
    let unwatch = () => {};

    /** Ends the race: `reason` is what the attempts still under way are told. */
    const decide = (reason: unknown) => {
      fallbackPending = false;
      clock.clearTimeout(timer);
      unwatch();
      decided.abort(reason);
    };
    const run = async (addresses: readonly A[], errors: unknown[]) => {
      racing++;
      try {
        const conn = await dialSerial(addresses, limit, connect, errors);
        if (decided.signal.aborted) return close(conn);
        resolve(conn);
        decide(new DOMException("another connection was faster", "AbortError"));
      } catch {
        racing--;
        // When the time is up, the deadline's own watch says so, in whatever order timers fire.
        if (decided.signal.aborted || deadline.expired) return;
        if (fallbackPending) return runFallback();
        if (racing > 0) return;
        const errors = [...primaryErrors, ...fallbackErrors] as [unknown, ...unknown[]];
        const error = new AttemptsError(errors);
        reject(error);
        decide(error);
      }
    };
    const runFallback = () => {
      fallbackPending = false;
      clock.clearTimeout(timer);
      run(fallbacks, fallbackErrors);
    };

    unwatch = deadline.watch((reason) => {
      const timeUp = reason instanceof TimeoutError && deadline.remaining === 0;
      reject(timeUp ? new AttemptsError([reason, ...primaryErrors, ...fallbackErrors]) : reason);
      decide(reason);
    });
    if (decided.signal.aborted) return;
    if (fallbackPending) timer = clock.setTimeout(runFallback, fallbackDelay);
    run(primaries, primaryErrors);
  });
}
