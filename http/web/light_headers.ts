/** `Headers` over the fields as they are on the wire. */
import { checkFieldName, checkFieldValue } from "../headers.ts";
import { innerFields } from "./inner.ts";
import { makeLight } from "./light.ts";

/** What the fetch standard takes away at either end of a value. */
const blanks = "\t\n\r ";

/**
 * A `Headers` that keeps the flat array of fields it was made over, in its order and spelling, and
 * makes nothing until it is asked. Stricter than the web's in one thing: a value may hold no
 * control character but HTAB.
 */
export class LightHeaders extends globalThis.Headers {
  /** Names and values in turn. Another's array until the first change. */
  #fields: readonly string[];
  #own: boolean;
  #immutable: boolean;
  /** What `for..of` shows: sorted, in lower case, equal names joined. Until the next change. */
  #sorted: [string, string][] | undefined;
  /** The runtime's own, once it has looked inside. From then on it holds the fields. */
  #real: globalThis.Headers | undefined;

  static {
    makeLight(this, new globalThis.Headers(), (light) => light.#makeReal());
  }

  /**
   * @param fields Names and values in turn, valid ones. The array is only read.
   * @param immutable Whether every change throws, as with what came in.
   */
  constructor(fields: readonly string[], immutable: boolean) {
    super();
    this.#fields = fields;
    this.#own = false;
    this.#immutable = immutable;
    this.#sorted = undefined;
    this.#real = undefined;
  }

  override append(name: string, value: string): void {
    value = this.#check(name = `${name}`, value);
    if (this.#real !== undefined) return this.#real.append(name, value);
    const fields = this.#change();
    const at = indexOf(fields, name.toLowerCase(), 0);
    fields.push(at < 0 ? name : fields[at], value);
  }

  override delete(name: string): void {
    checkFieldName(name = `${name}`);
    this.#refuseIfImmutable();
    if (this.#real !== undefined) return this.#real.delete(name);
    removeFrom(this.#change(), name.toLowerCase(), 0);
  }

  override get(name: string): string | null {
    if (this.#real !== undefined) return this.#real.get(name);
    const fields = this.#fields;
    const lower = `${name}`.toLowerCase();
    let at = indexOf(fields, lower, 0);
    if (at < 0) {
      checkFieldName(lower);
      return null;
    }
    let value = fields[at + 1];
    while ((at = indexOf(fields, lower, at + 2)) >= 0) value += jointOf(lower) + fields[at + 1];
    return value;
  }

  override getSetCookie(): string[] {
    if (this.#real !== undefined) return this.#real.getSetCookie();
    const fields = this.#fields;
    const values: string[] = [];
    for (
      let at = indexOf(fields, "set-cookie", 0);
      at >= 0;
      at = indexOf(fields, "set-cookie", at + 2)
    ) values.push(fields[at + 1]);
    return values;
  }

  override has(name: string): boolean {
    if (this.#real !== undefined) return this.#real.has(name);
    const lower = `${name}`.toLowerCase();
    if (indexOf(this.#fields, lower, 0) >= 0) return true;
    checkFieldName(lower);
    return false;
  }

  override set(name: string, value: string): void {
    value = this.#check(name = `${name}`, value);
    if (this.#real !== undefined) return this.#real.set(name, value);
    const fields = this.#change();
    const lower = name.toLowerCase();
    const at = indexOf(fields, lower, 0);
    if (at < 0) {
      fields.push(name, value);
    } else {
      fields[at + 1] = value;
      removeFrom(fields, lower, at + 2);
    }
  }

  override forEach(
    callback: (value: string, key: string, parent: this) => void,
    // deno-lint-ignore no-explicit-any -- the signature of the original
    thisArg?: any,
  ): void {
    for (const [name, value] of this.entries()) callback.call(thisArg, value, name, this);
  }

  override *entries(): Generator<[string, string], undefined> {
    if (this.#real !== undefined) return yield* this.#real.entries();
    // As the web's: by index, over what the headers are at each step.
    for (let i = 0;; i++) {
      const entries = this.#entries();
      if (i >= entries.length) return;
      yield [entries[i][0], entries[i][1]];
    }
  }

  override *keys(): Generator<string, undefined> {
    for (const entry of this.entries()) yield entry[0];
  }

  override *values(): Generator<string, undefined> {
    for (const entry of this.entries()) yield entry[1];
  }

  override [Symbol.iterator](): Generator<[string, string], undefined> {
    return this.entries();
  }

  /** The fields of the headers as they were given. */
  static fieldsOf(headers: LightHeaders): readonly string[] {
    return headers.#real === undefined ? headers.#fields : fieldsOf(headers.#real);
  }

  /** Lets the headers of a real request or response hold the fields from now on. */
  static adopt(headers: LightHeaders, real: globalThis.Headers): void {
    if (!headers.#immutable) headers.#real = real;
  }

  #makeReal(): globalThis.Headers {
    if (this.#real !== undefined) return this.#real;
    const real = new globalThis.Headers();
    const fields = this.#fields;
    for (let i = 0; i < fields.length; i += 2) real.append(fields[i], fields[i + 1]);
    return this.#real = real;
  }

  #entries(): [string, string][] {
    if (this.#real !== undefined) return [...this.#real];
    return this.#sorted ??= sort(this.#fields);
  }

  #change(): string[] {
    this.#sorted = undefined;
    if (!this.#own) {
      this.#fields = [...this.#fields];
      this.#own = true;
    }
    return this.#fields as string[];
  }

  #check(name: string, value: string): string {
    value = checkField(name, value);
    this.#refuseIfImmutable();
    return value;
  }

  #refuseIfImmutable(): void {
    if (this.#immutable) throw new TypeError("these headers came in, and cannot be changed");
  }
}

/**
 * The fields of any headers, names and values in turn, in the order and spelling they were given
 * where that can be known.
 *
 * @param headers The headers.
 * @returns An array to read only.
 */
export function fieldsOf(headers: globalThis.Headers): readonly string[] {
  if (headers instanceof LightHeaders) return LightHeaders.fieldsOf(headers);
  return innerFields(headers) ?? [...headers].flat();
}

/**
 * The fields that a `HeadersInit` stands for, checked.
 *
 * @param init What a user gave as headers.
 * @returns A new array.
 * @throws {TypeError} A name or a value that cannot be sent, or an entry that is no pair.
 */
export function fieldsFrom(init: HeadersInit): string[] {
  if (init instanceof LightHeaders) return [...LightHeaders.fieldsOf(init)];
  if (typeof init !== "object" && typeof init !== "function" || init === null) {
    throw new TypeError(`headers ${String(init)}: must be Headers, pairs or a record`);
  }
  const fields: string[] = [];
  if (init instanceof globalThis.Headers) {
    const given = fieldsOf(init);
    for (let i = 0; i < given.length; i += 2) add(fields, given[i], given[i + 1]);
  } else if (Symbol.iterator in init) {
    for (const entry of init) {
      const pair = [...entry];
      if (pair.length !== 2) {
        throw new TypeError(`header of ${pair.length} parts: must be a name and a value`);
      }
      add(fields, `${pair[0]}`, pair[1]);
    }
  } else {
    for (const name in init) if (Object.hasOwn(init, name)) add(fields, name, init[name]);
  }
  return fields;
}

/**
 * Whether there is a field of a name.
 *
 * @param fields Names and values in turn.
 * @param lower The name, in lower case.
 */
export function hasField(fields: readonly string[], lower: string): boolean {
  return indexOf(fields, lower, 0) >= 0;
}

function add(fields: string[], name: string, value: string): void {
  fields.push(name, checkField(name, value));
}

function checkField(name: string, value: string): string {
  checkFieldName(name);
  value = `${value}`;
  value = trimmed(value);
  checkFieldValue(name, value);
  return value;
}

/** A loop: an expression would look at a long run of blanks again and again. */
function trimmed(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && blanks.includes(value[start])) start++;
  while (end > start && blanks.includes(value[end - 1])) end--;
  return start === 0 && end === value.length ? value : value.slice(start, end);
}

function indexOf(fields: readonly string[], lower: string, from: number): number {
  for (let i = from; i < fields.length; i += 2) {
    const name = fields[i];
    if (name.length === lower.length && (name === lower || name.toLowerCase() === lower)) return i;
  }
  return -1;
}

/** What stands between equal names; a comma would be a part of a cookie (RFC 6265 section 5.4). */
function jointOf(lower: string): string {
  return lower === "cookie" ? "; " : ", ";
}

function removeFrom(fields: string[], lower: string, from: number): void {
  for (let at = indexOf(fields, lower, from); at >= 0; at = indexOf(fields, lower, at)) {
    fields.splice(at, 2);
  }
}

function sort(fields: readonly string[]): [string, string][] {
  const entries: [string, string][] = [];
  const byName = new Map<string, [string, string]>();
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i].toLowerCase();
    const known = byName.get(name);
    if (known !== undefined && name !== "set-cookie") {
      known[1] += jointOf(name) + fields[i + 1];
    } else {
      const entry: [string, string] = [name, fields[i + 1]];
      byName.set(name, entry);
      entries.push(entry);
    }
  }
  // The sort is stable: cookies stay in their order.
  return entries.sort((a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);
}
