/** The patterns of a `ServeMux`: how they are written, and which of two is more specific. */
import { isToken } from "../headers.ts";
import { cleanPath, unescapeSegment } from "../url_path.ts";

/**
 * A part of a pattern's path, between slashes.
 *
 * - `literal`: one segment with this text (unescaped).
 * - `wild`: one segment, whatever it is: `{x}`.
 * - `end`: a slash with nothing behind it: `{$}`.
 * - `rest`: all that is left, slashes and all: `{x...}`, and, without a name, a trailing slash.
 */
export interface Segment {
  /** What it matches. */
  readonly kind: "literal" | "wild" | "end" | "rest";
  /** The text of a literal, the name of a wildcard; `""` where there is none. */
  readonly text: string;
}

/** A pattern, taken apart. */
export interface Pattern {
  /** As it was written. */
  readonly text: string;
  /** `""`: any method. */
  readonly method: string;
  /** As {@linkcode hostKey} makes it; `""`: any host. */
  readonly host: string;
  /** Its path, at least one. */
  readonly segments: readonly Segment[];
  /** Whether a wildcard has a name, so that there are params. */
  readonly named: boolean;
  /** Whether its last segment is a `rest`. */
  readonly open: boolean;
}

// Go's identifiers.
const identifier = /^[\p{L}_][\p{L}\p{Nd}_]*$/u;

/**
 * Takes `[METHOD ][HOST]/path` apart.
 *
 * @param text The pattern.
 * @throws {TypeError} It is not a pattern.
 */
export function parsePattern(text: string): Pattern {
  const bad = (rule: string) => new TypeError(`pattern ${JSON.stringify(text)}: ${rule}`);
  if (text === "") throw bad("is empty");
  const [, method = "", rest = text] = /^([^ \t]*)[ \t]+(.*)$/s.exec(text) ?? [];
  if (rest !== text && !isToken(method)) throw bad(`${JSON.stringify(method)} is not a method`);
  const slash = rest.indexOf("/");
  if (slash < 0) throw bad("has no path: it must have a slash");
  const host = rest.slice(0, slash);
  const path = rest.slice(slash);
  if (host.includes("{")) throw bad("a host has no wildcards (is a slash missing before it?)");
  // The paths and hosts of all but CONNECT are cleaned before they are matched.
  if (method !== "CONNECT") {
    if (method !== "" && path !== cleanPath(path)) {
      throw bad(`matches nothing: requests have the clean path ${JSON.stringify(cleanPath(path))}`);
    }
    if (withoutPort(host) !== host) throw bad("a host has no port: it serves them all");
  }
  const segments = parseSegments(path, bad);
  const named = segments.some(({ kind, text }) => kind !== "literal" && text !== "");
  const open = segments.at(-1)?.kind === "rest";
  return { text, method, host: bareHost(host), segments, named, open };
}

function parseSegments(path: string, bad: (rule: string) => TypeError): Segment[] {
  const names = new Set<string>();
  const parts = path.slice(1).split("/");
  return parts.map((part, i) => {
    const last = i === parts.length - 1;
    const brace = part.indexOf("{");
    if (brace < 0) {
      return last && part === ""
        ? { kind: "rest", text: "" }
        : { kind: "literal", text: unescapeSegment(part) };
    }
    if (brace > 0 || !part.endsWith("}")) {
      throw bad(`a wildcard is a whole segment, ${JSON.stringify(part)} is not`);
    }
    const inside = part.slice(1, -1);
    const multi = inside.endsWith("...");
    if ((multi || inside === "$") && !last) throw bad(`${part} must be at the end`);
    if (inside === "$") return { kind: "end", text: "" };
    const name = multi ? inside.slice(0, -3) : inside;
    if (!identifier.test(name)) throw bad(`${JSON.stringify(name)} is not a name for a wildcard`);
    if (names.has(name)) throw bad(`two wildcards have the name ${JSON.stringify(name)}`);
    names.add(name);
    return { kind: multi ? "rest" : "wild", text: name };
  });
}

/** `host` without a port. An IPv6 address without brackets has none. */
function withoutPort(host: string): string {
  const colon = host.lastIndexOf(":");
  if (colon < 0 || host.endsWith("]")) return host;
  return host.indexOf(":") === colon || host.startsWith("[") ? host.slice(0, colon) : host;
}

/** In lower case (RFC 9110 section 4.2.3), an IPv6 address without its brackets. */
function bareHost(host: string): string {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  return bare.toLowerCase();
}

/**
 * What a request's host is looked up by: in lower case, without its port and an IPv6 address's
 * brackets.
 *
 * @param host A host, with or without a port.
 * @param keepPort Whether the port stays, as it does for CONNECT.
 */
export function hostKey(host: string, keepPort: boolean): string {
  return bareHost(keepPort ? host : withoutPort(host));
}

/** How the requests that one pattern matches stand to those of another. */
export type Relation = "same" | "narrower" | "wider" | "overlapping" | "apart";

/** The relation of two patterns of which each part has one. */
function both(a: Relation, b: Relation): Relation {
  if (a === "apart" || b === "apart") return "apart";
  if (a === "same") return b;
  return b === "same" || a === b ? a : "overlapping";
}

function compareMethods(a: string, b: string): Relation {
  if (a === b) return "same";
  if (a === "" || a === "GET" && b === "HEAD") return "wider"; // GET serves HEAD
  return b === "" || b === "GET" && a === "HEAD" ? "narrower" : "apart";
}

function compareSegments(a: Segment, b: Segment): Relation {
  if (a.kind === b.kind) return a.kind !== "literal" || a.text === b.text ? "same" : "apart";
  if (a.kind === "rest") return "wider";
  if (b.kind === "rest") return "narrower";
  if (a.kind === "end" || b.kind === "end") return "apart";
  return a.kind === "wild" ? "wider" : "narrower";
}

/**
 * Whether `a` matches fewer requests than `b` (`narrower`), more (`wider`), some of the same
 * (`overlapping`), all (`same`) or none (`apart`), the hosts aside.
 */
export function comparePatterns(a: Pattern, b: Pattern): Relation {
  let relation = compareMethods(a.method, b.method);
  for (let i = 0; relation !== "apart"; i++) {
    const x = a.segments[i], y = b.segments[i];
    if (x === undefined || y === undefined) return x === y ? relation : "apart";
    relation = both(relation, compareSegments(x, y));
    if (x.kind === "rest" || y.kind === "rest") break;
  }
  return relation;
}

/**
 * The error for two patterns that some request matches and of which neither is more specific,
 * with such a request; `null` where they get along.
 *
 * @param added The pattern to be added.
 * @param old One that is there, with the same host.
 */
export function conflict(added: Pattern, old: Pattern): TypeError | null {
  const relation = comparePatterns(added, old);
  if (relation !== "same" && relation !== "overlapping") return null;
  const why = relation === "same"
    ? "they match the same requests, such as"
    : "neither is more specific, and both match";
  // Of GET and HEAD, GET is the wider one.
  const method = [added.method, old.method].includes("HEAD") ? "HEAD" : added.method || old.method;
  const request = `${method || "GET"} ${added.host}${commonPath(added, old)}`;
  return new TypeError(
    `pattern ${JSON.stringify(added.text)} conflicts with ${JSON.stringify(old.text)}: ` +
      `${why} ${request}`,
  );
}

/** A path that both match, wildcards filled in with their names. */
function commonPath(a: Pattern, b: Pattern): string {
  const path: string[] = [];
  for (let i = 0;; i++) {
    const x = a.segments[i], y = b.segments[i];
    const narrow = x === undefined || y !== undefined && compareSegments(x, y) === "wider" ? y : x;
    if (narrow === undefined) return `/${path.join("/")}`;
    if (narrow.kind === "literal") path.push(encodeURIComponent(narrow.text));
    else path.push(narrow.kind === "wild" ? narrow.text : "");
  }
}
