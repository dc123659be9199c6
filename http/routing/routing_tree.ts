/** The patterns of a `ServeMux` as a tree: of hosts, methods, and the segments of paths. */
import type { Handler } from "../handler.ts";
import type { Pattern, Segment } from "./pattern.ts";
import { unescapeSegment } from "../url_path.ts";

/** A pattern and who serves it. */
export interface Route {
  /** Taken apart. */
  readonly pattern: Pattern;
  /** As it was registered. */
  readonly handler: Handler;
}

/** Where the paths that begin alike part. */
class Node {
  /** By the segment's text, unescaped. */
  readonly literals: Map<string, Node> = new Map();
  wild: Node | undefined;
  /** The pattern that ends with the last segment. */
  route: Route | undefined;
  /** The pattern that ends with `{$}` here. */
  end: Route | undefined;
  /** The pattern that takes all the rest from here. */
  rest: Route | undefined;

  add(segments: readonly Segment[], at: number, route: Route): void {
    const segment = segments[at];
    if (segment === undefined) this.route = route;
    else if (segment.kind === "end") this.end = route;
    else if (segment.kind === "rest") this.rest = route;
    else this.#child(segment).add(segments, at + 1, route);
  }

  #child({ kind, text }: Segment): Node {
    if (kind === "wild") return this.wild ??= new Node();
    return getOrAdd(this.literals, text, () => new Node());
  }

  /**
   * The most specific pattern for the path from its slash at `at`. No two patterns conflict, so
   * that a literal here is always the better choice, then a wildcard; but behind either there may
   * be no match, and then the next choice has its turn.
   */
  find(path: string, at: number): Route | undefined {
    if (at === path.length) return this.route;
    if (at + 1 === path.length) return this.end ?? this.rest;
    const next = nextSlash(path, at);
    return this.literals.get(unescapeSegment(path.slice(at + 1, next)))?.find(path, next) ??
      this.wild?.find(path, next) ??
      this.rest;
  }

  /** Whether a pattern ends with the slash that is not at the end of the path. */
  lacksSlash(path: string, at: number): boolean {
    if (at === path.length) return (this.end ?? this.rest) !== undefined;
    const next = nextSlash(path, at);
    const literal = this.literals.get(unescapeSegment(path.slice(at + 1, next)));
    return literal?.lacksSlash(path, next) || this.wild?.lacksSlash(path, next) || false;
  }
}

/** Where the segment behind the slash at `at` ends. */
function nextSlash(path: string, at: number): number {
  const next = path.indexOf("/", at + 1);
  return next < 0 ? path.length : next;
}

/** The patterns of one host, or those without. */
class HostRoutes {
  readonly #roots: Map<string, Node> = new Map();
  /** The paths without wildcards and escapes, which are found at once, and then by method. */
  readonly #plain: Map<string, Map<string, Route>> = new Map();

  add(route: Route): void {
    const { method, segments } = route.pattern;
    getOrAdd(this.#roots, method, () => new Node()).add(segments, 0, route);
    const plain = segments.every(({ kind, text }) =>
      kind === "end" || kind === "literal" && !/[%/]/.test(text)
    );
    if (!plain) return;
    const path = `/${segments.map(({ text }) => text).join("/")}`;
    getOrAdd(this.#plain, path, () => new Map()).set(method, route);
  }

  /**
   * The most specific match. A plain path comes first: what else matches it is wider, or else
   * would be in conflict. Of the methods, HEAD is one of the two GET is for, and "" is all.
   */
  find(method: string, path: string): Route | undefined {
    const plain = this.#plain.get(path);
    if (plain !== undefined) {
      const route = plain.get(method) ?? (method === "HEAD" ? plain.get("GET") : undefined) ??
        plain.get("");
      if (route !== undefined) return route;
    }
    return this.#roots.get(method)?.find(path, 0) ??
      (method === "HEAD" ? this.#roots.get("GET")?.find(path, 0) : undefined) ??
      this.#roots.get("")?.find(path, 0);
  }

  /** Whether there is a match for the path with a slash, which is all that it lacks. */
  lacksSlash(method: string, path: string): boolean {
    const lacks = (method: string) => this.#roots.get(method)?.lacksSlash(path, 0) ?? false;
    return lacks(method) || method === "HEAD" && lacks("GET") || lacks("");
  }

  /** Adds to `found` the methods, if they are named, with a match. */
  methods(path: string, found: Set<string>): void {
    for (const [method, root] of this.#roots) {
      if (method === "" || root.find(path, 0) === undefined) continue;
      found.add(method);
      if (method === "GET") found.add("HEAD");
    }
  }
}

function getOrAdd<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}

/** Finds the most specific of the patterns that were added, among which there is no conflict. */
export class RoutingTree {
  readonly #anyHost: HostRoutes = new HostRoutes();
  readonly #hosts: Map<string, HostRoutes> = new Map();

  /** Whether there are patterns with a host, so that it matters. */
  get hasHosts(): boolean {
    return this.#hosts.size > 0;
  }

  /** Adds a pattern and who serves it. */
  add(route: Route): void {
    const { host } = route.pattern;
    (host === "" ? this.#anyHost : getOrAdd(this.#hosts, host, () => new HostRoutes())).add(route);
  }

  /**
   * The most specific match; one with a host comes first.
   *
   * @param host As `hostKey` makes it.
   * @param method The method.
   * @param path The path, escaped, from its slash.
   */
  find(host: string, method: string, path: string): Route | undefined {
    return this.#hosts.get(host)?.find(method, path) ?? this.#anyHost.find(method, path);
  }

  /**
   * Whether a path with a slash at its end would be matched by a pattern that ends right there,
   * and the one without by none, or by one that takes any end.
   *
   * @param host As `hostKey` makes it.
   * @param method The method.
   * @param path The path, escaped, with no slash at its end.
   * @param route The match of the path as it is.
   */
  lacksSlash(host: string, method: string, path: string, route: Route | undefined): boolean {
    if (route !== undefined && !route.pattern.open) return false;
    if (this.#hosts.get(host)?.lacksSlash(method, path)) return true;
    // A match with a host would come first for the path with a slash, too.
    return (route?.pattern.host ?? "") === "" && this.#anyHost.lacksSlash(method, path);
  }

  /**
   * Which methods would have a match; to be asked where there is none for the request's own.
   *
   * @param host As `hostKey` makes it.
   * @param path The path, escaped, from its slash.
   * @param found Where to add them.
   */
  methods(host: string, path: string, found: Set<string>): void {
    this.#hosts.get(host)?.methods(path, found);
    this.#anyHost.methods(path, found);
  }
}

/** Of a pattern without named wildcards. */
export const noParams: Readonly<Record<string, string>> = Object.freeze(Object.create(null));

/**
 * The values of a pattern's named wildcards in a path it matches, unescaped.
 *
 * @param pattern The pattern.
 * @param path The path, escaped, from its slash.
 */
export function paramsOf(pattern: Pattern, path: string): Readonly<Record<string, string>> {
  if (!pattern.named) return noParams;
  const params: Record<string, string> = Object.create(null);
  let at = 0;
  for (const { kind, text } of pattern.segments) {
    const end = kind === "rest" ? path.length : nextSlash(path, at);
    if (kind !== "literal" && text !== "") params[text] = unescapeSegment(path.slice(at + 1, end));
    at = end;
  }
  return params;
}
