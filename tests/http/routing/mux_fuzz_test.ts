/** `ServeMux` against the rules said by sets: what each of some patterns matches, all told. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { HandlerInfo } from "../../../http/handler.ts";
import { ServeMux } from "../../../http/routing/mux.ts";
import { type Asked, Choices, randomPattern, requestOf } from "../../support/routes.ts";

const methods = ["GET", "HEAD", "POST", "PUT"];
const hosts = ["h1", "h2", "h3"];

/** Every path of up to four segments, of which a pattern has no `c`, with and without a slash. */
const paths = ["/"];
for (let from = 0, depth = 1; depth <= 4; depth++) {
  const upTo = paths.length;
  for (const path of paths.slice(from, upTo)) {
    if (depth > 1 && path.endsWith("/")) continue;
    const parent = path === "/" ? "" : path;
    for (const segment of ["a", "b", "c"]) {
      paths.push(`${parent}/${segment}`, `${parent}/${segment}/`);
    }
  }
  from = upTo;
}

/** What a pattern says, read by a regular expression. */
class Rule {
  readonly method: string;
  readonly host: string;
  readonly #path: RegExp;
  /** The same without what a last wildcard takes. */
  readonly #exact: RegExp;
  /** The requests of any host that it matches. */
  readonly requests: ReadonlySet<string>;

  constructor(readonly text: string) {
    const [, method, host, path] = /^(?:(\w+) )?(\w*)(\/.*)$/.exec(text)!;
    this.method = method ?? "";
    this.host = host;
    const fixed = path.replace(/\{\w+\.\.\.\}$|\{\$\}$/, "").replaceAll(/\{\w+\}/g, "([^/]+)");
    const open = path.endsWith("/") || path.endsWith("...}");
    this.#path = new RegExp(`^${fixed}${path.endsWith("...}") ? "(.*)" : open ? ".*" : ""}$`);
    this.#exact = new RegExp(`^${fixed}$`);
    this.requests = new Set(
      methods.filter((it) => this.serves(it)).flatMap((it) =>
        paths.filter((path) => this.#path.test(path)).map((path) => `${it} ${path}`)
      ),
    );
  }

  serves(method: string): boolean {
    return [method, ""].includes(this.method) || method === "HEAD" && this.method === "GET";
  }

  matchesPath(host: string, path: string): boolean {
    return ["", host].includes(this.host) && this.#path.test(path);
  }

  isExact(path: string): boolean {
    return this.#exact.test(path);
  }

  params(path: string): Record<string, string> {
    const names = [...this.text.matchAll(/\{(\w+)/g)].map(([, name]) => name);
    const values = this.#path.exec(path)!.slice(1);
    return Object.fromEntries(names.map((name, i) => [name, values[i]]));
  }

  conflictsWith(other: Rule): boolean {
    if (this.host !== other.host || this.requests.isDisjointFrom(other.requests)) return false;
    const less = this.requests.isSubsetOf(other.requests);
    return less === other.requests.isSubsetOf(this.requests);
  }
}

/** The rule that all other candidates are wider than. */
function choose(rules: readonly Rule[], { method, host }: Asked, path: string): Rule | undefined {
  const all = rules.filter((it) => it.serves(method) && it.matchesPath(host, path));
  const own = all.filter((it) => it.host !== "");
  const candidates = own.length > 0 ? own : all;
  return candidates.find((it) =>
    candidates.every((other) => it.requests.isSubsetOf(other.requests))
  );
}

/** What a mux with these rules is to answer. */
function expected(rules: readonly Rule[], asked: Asked): unknown[] {
  const path = asked.target;
  const rule = choose(rules, asked, path);
  if (!path.endsWith("/") && !rule?.isExact(path)) {
    if (choose(rules, asked, `${path}/`)?.isExact(`${path}/`)) return [307, `${path}/`];
  }
  if (rule !== undefined) return [200, rule.text, rule.params(path)];
  const allowed = new Set<string>();
  for (const it of rules) {
    const slashed = !path.endsWith("/") && it.matchesPath(asked.host, `${path}/`);
    if (!slashed && !it.matchesPath(asked.host, path)) continue;
    allowed.add(it.method);
    if (it.method === "GET") allowed.add("HEAD");
  }
  return allowed.size > 0 ? [405, [...allowed].sort().join(", ")] : [404];
}

async function answered(mux: ServeMux, asked: Asked): Promise<unknown[]> {
  const info = { pattern: "", params: {} } as HandlerInfo;
  const { status, headers } = await mux.handler(requestOf(asked), info);
  if (status === 200) return [status, info.pattern, { ...info.params }];
  return [status, headers.get("location") ?? headers.get("allow")].filter((it) => it !== null);
}

Deno.test("random patterns conflict, and are chosen, as the sets of their requests say", async () => {
  const seed = Date.now() % 1_000_000;
  const choices = new Choices(seed);
  for (let round = 0; round < 60; round++) {
    const mux = new ServeMux();
    const rules: Rule[] = [];
    for (const text of choices.list(2, 12, () => randomPattern(choices, ["a", "b"]))) {
      const rule = new Rule(text);
      const others = rules.filter((it) => it.conflictsWith(rule));
      const handle = () => mux.handle(text, () => new Response());
      if (others.length === 0) {
        handle();
        rules.push(rule);
        continue;
      }
      const { message } = assertThrows(handle, TypeError);
      const [, named, method, path] = /with "(.*?)": .* (\w+) \w*(\/\S*)$/.exec(message)!;
      const other = others.find((it) => it.text === named);
      assert(other !== undefined, `seed ${seed}: ${message}`);
      const both = [rule, other].every((it) => it.serves(method) && it.matchesPath(it.host, path));
      assert(both, `seed ${seed}: ${message}`);
    }
    const patterns = rules.map(({ text }) => text).join(", ");
    for (let i = 0; i < 100; i++) {
      const host = choices.of(hosts);
      const asked = { method: choices.of(methods), host, target: choices.of(paths) };
      const about = `seed ${seed}: ${JSON.stringify(asked)} among ${patterns}`;
      assertEquals(await answered(mux, asked), expected(rules, asked), about);
    }
  }
});
