/** A small vocabulary for tests that read and write connections. */
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import type { Conn } from "../../net/conn.ts";
import { ClosedError, OpError } from "../../net/errors.ts";

export const kib = 1024;

export const mib = 1024 * kib;

/** Time enough to tell "not yet" from "at once", and little enough to wait for. */
export const soon = 30;
export const far = 60_000;

export const encode = (text: string) => new TextEncoder().encode(text);

/** Bytes in which each place is recognisable: little-endian counters. */
export function pattern(length: number): Uint8Array<ArrayBuffer> {
  const counters = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < counters.length; i++) counters[i] = i;
  return new Uint8Array(counters.buffer, 0, length);
}

/** Fails unless both are the same bytes; says only where they part. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array): void {
  assertEquals(actual.length, expected.length, "length");
  if (Buffer.compare(actual, expected) === 0) return; // fast, for they may be many
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  assertEquals(at, -1, `bytes differ from index ${at} on`);
}

/** Reads exactly `length` bytes. */
export async function readFull(conn: Conn, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const all = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const n = await conn.read(all.subarray(at));
    assert(n !== null, `end of data after ${at} of ${length} bytes`);
    at += n;
  }
  return all;
}

/** Reads once, as text. */
export async function readText(conn: Conn): Promise<string | null> {
  const p = new Uint8Array(kib);
  const n = await conn.read(p);
  return n === null ? null : new TextDecoder().decode(p.subarray(0, n));
}

/** Fails unless `work` fails with a timeout of that operation, which is returned. */
export async function assertTimeout(
  op: "read" | "write",
  work: Promise<unknown>,
): Promise<OpError> {
  const error = await assertRejects(() => work, OpError);
  assert(isTimeout(error) && error.timeout, `expected a timeout, got ${error}`);
  assertEquals(error.op, op);
  assertEquals(error instanceof ClosedError, false);
  return error;
}

/** Lets `ms` milliseconds pass on the clock that deadlines run on. */
export async function pass(conn: Conn, ms: number): Promise<void> {
  await assertTimeout("read", conn.read(new Uint8Array(1), { timeout: ms }));
}

/** A signal that counts its listeners. */
export function countedSignal(): {
  controller: AbortController;
  signal: AbortSignal;
  listeners: () => number;
} {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const { addEventListener, removeEventListener } = AbortSignal.prototype;
  Object.assign(signal, {
    addEventListener(...args: Parameters<typeof addEventListener>) {
      listeners++;
      addEventListener.apply(signal, args);
    },
    removeEventListener(...args: Parameters<typeof removeEventListener>) {
      listeners--;
      removeEventListener.apply(signal, args);
    },
  });
  return { controller, signal, listeners: () => listeners };
}
