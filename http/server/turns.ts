/** Fairness among connections that have much to do at the same time. */

/**
 * How many connections one turn of the event loop serves. The runtime delivers what connections have
 * brought in batches, and those at the end of a long batch would wait for hundreds of others, time
 * and again.
 */
export const perTurn = 80;

/** Counts what came in, and lets what is beyond the count wait for a turn of their own. */
export class Turns {
  #count = 0;
  #waiting: (() => void)[] = [];

  /** Whether one more may be served in this turn. */
  admit(): boolean {
    // All that one batch brings is handed out before this microtask comes.
    if (this.#count === 0) queueMicrotask(this.#reset);
    return ++this.#count <= perTurn;
  }

  /**
   * Calls back in a later turn, first come, first served.
   *
   * @param go What to do then.
   */
  defer(go: () => void): void {
    if (this.#waiting.push(go) === 1) setTimeout(this.#release, 0);
  }

  readonly #reset = (): void => {
    this.#count = 0;
  };

  readonly #release = (): void => {
    for (const go of this.#waiting.splice(0, perTurn)) go();
    if (this.#waiting.length > 0) setTimeout(this.#release, 0);
  };
}
