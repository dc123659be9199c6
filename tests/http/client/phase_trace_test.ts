import { assertEquals, assertStrictEquals } from "@std/assert";
import type { Phase } from "../../../http/errors.ts";
import { InformationalTrace, PhaseTrace } from "../../../http/client/phase_trace.ts";
import { type ClientTrace, fireTrace } from "../../../http/client/trace.ts";

/** Every hook, in the order of an exchange, with the phase it leads to. */
const hooks: [name: keyof ClientTrace, phase: Phase][] = [
  ["getConn", "connect"],
  ["dnsStart", "dns"],
  ["dnsDone", "connect"],
  ["connectStart", "connect"],
  ["connectDone", "connect"],
  ["tlsHandshakeStart", "tls"],
  ["tlsHandshakeDone", "tls"],
  ["gotConn", "write"],
  ["wroteHeaders", "write"],
  ["wait100Continue", "write"],
  ["got100Continue", "write"],
  ["wroteRequest", "responseHeader"],
  ["gotFirstResponseByte", "responseHeader"],
  ["got1xxResponse", "responseHeader"],
  ["putIdleConn", "responseHeader"],
];

const withoutEvent = new Set<string>([
  "wroteHeaders",
  "wait100Continue",
  "got100Continue",
  "gotFirstResponseByte",
]);

/** A trace with each hook, which notes its name and its event. */
function noting(): { trace: ClientTrace; calls: unknown[] } {
  const calls: unknown[] = [];
  const entries = hooks.map(([name]) => [name, (event: unknown) => calls.push([name, event])]);
  return { trace: Object.fromEntries(entries), calls };
}

Deno.test("PhaseTrace knows the phase, and passes every hook on with its event", () => {
  const { trace, calls } = noting();
  const phases = new PhaseTrace(trace);
  for (const [name, phase] of hooks) {
    const event = withoutEvent.has(name) ? undefined : { name };
    fireTrace(phases, name, event as never);
    assertEquals(phases.phase, phase, name);
    assertEquals(calls.at(-1), [name, event]);
  }
  assertEquals(calls.length, hooks.length);
});

Deno.test("PhaseTrace needs no trace to pass hooks on to", () => {
  const phases = new PhaseTrace(undefined);
  for (const [name] of hooks) fireTrace(phases, name, {} as never);
  assertEquals(phases.phase, "responseHeader");
});

Deno.test("PhaseTrace stays in the body when the request is written late", () => {
  const phases = new PhaseTrace(undefined);
  phases.phase = "body";
  phases.wroteRequest({ error: undefined });
  assertEquals(phases.phase, "body");
});

Deno.test("InformationalTrace calls its function before the caller's hook, whatever it throws", () => {
  const { trace, calls } = noting();
  const event = { status: 103, headers: new Headers() };
  const seen: unknown[] = [];
  const both = new InformationalTrace(trace, (given) => seen.push(given, calls.length));
  fireTrace(both, "got1xxResponse", event);
  fireTrace(both, "wroteHeaders");
  assertStrictEquals(seen[0], event);
  assertEquals(seen[1], 0);
  assertEquals(calls.map((call) => (call as [string])[0]), ["got1xxResponse", "wroteHeaders"]);

  const silence = (event: Event) => event.preventDefault();
  addEventListener("error", silence);
  try {
    const bad = new InformationalTrace(trace, () => {
      throw new Error("in the hook");
    });
    fireTrace(bad, "got1xxResponse", event);
  } finally {
    removeEventListener("error", silence);
  }
  assertEquals(calls.length, 3);
});
