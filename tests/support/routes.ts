/** Random patterns and requests for a `ServeMux`, from a seed. */

/** What a mux looks at in a request. */
export interface Asked {
  readonly method: string;
  readonly host: string;
  /** The path, escaped, with the query. */
  readonly target: string;
}

/** A mux's request: not a real one, which knows no CONNECT and cleans its path. */
export function requestOf({ method, host, target }: Asked): Request {
  return { method, url: `http://${host}${target}` } as Request;
}

/** Random choices that a seed repeats. */
export class Choices {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `n - 1`. */
  below(n: number): number {
    // mulberry32's mixing of a counter.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor(((t ^ (t >>> 14)) >>> 0) / 2 ** 32 * n);
  }

  /** One of them. */
  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }

  /** A number of things from `make`. */
  list<T>(least: number, most: number, make: (i: number) => T): T[] {
    return Array.from({ length: least + this.below(most - least + 1) }, (_, i) => make(i));
  }
}

/** A random pattern of at most three segments and an end. */
export function randomPattern(choices: Choices, literals: readonly string[]): string {
  const method = choices.of(["", "", "GET ", "POST ", "HEAD "]);
  const host = choices.of(["", "", "", "h1", "h2"]);
  const segments = choices.list(0, 3, (i) => choices.of([...literals, `{x${i}}`]));
  const ends = ["/", "/{$}", "/{rest...}"];
  const end = segments.length === 0 ? choices.of(ends) : choices.of(["", "", "", ...ends]);
  return method + host + segments.map((segment) => `/${segment}`).join("") + end;
}

/** A random request. */
export function randomRequest(choices: Choices, segments: readonly string[]): Asked {
  const path = choices.list(0, 4, () => `/${choices.of(segments)}`).join("");
  return {
    method: choices.of(["GET", "GET", "HEAD", "POST", "PUT"]),
    host: choices.of(["h1", "h2", "h3", "h1:8080"]),
    target: path + (path === "" ? "/" : choices.of(["", "", "/"])) +
      choices.of(["", "", "?q=%20/"]),
  };
}
