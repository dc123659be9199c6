import { assertEquals, assertStrictEquals } from "@std/assert";
import { type ConnectStartEvent, fire, type Trace } from "../../net/trace.ts";

/** Collects what goes to `reportError` meanwhile, and keeps it from ending the process. */
function reported(body: () => void): unknown[] {
  const errors: unknown[] = [];
  const listener = (event: ErrorEvent) => {
    event.preventDefault();
    errors.push(event.error);
  };
  addEventListener("error", listener);
  try {
    body();
  } finally {
    removeEventListener("error", listener);
  }
  return errors;
}

Deno.test("fire() calls the hook with its event, at once", () => {
  const seen: unknown[] = [];
  const trace: Trace = { dnsStart: (event) => seen.push(event) };
  fire(trace, "dnsStart", { host: "example.com" });
  assertEquals(seen, [{ host: "example.com" }]);
});

Deno.test("fire() calls the hook on the trace, so that a class may be one", () => {
  class Log implements Trace {
    readonly lines: string[] = [];
    connectStart({ network, addr }: ConnectStartEvent) {
      this.lines.push(`${network} ${addr}`);
    }
  }
  const log = new Log();
  fire(log, "connectStart", { network: "tcp4", addr: "127.0.0.1:80" });
  assertEquals(log.lines, ["tcp4 127.0.0.1:80"]);
});

Deno.test("fire() does nothing without a trace, or without that hook", () => {
  const errors = reported(() => {
    fire(undefined, "dnsStart", { host: "example.com" });
    fire({ dnsStart: undefined }, "dnsStart", { host: "example.com" });
    fire({}, "dnsDone", { host: "example.com", addrs: [], error: undefined });
  });
  assertEquals(errors, []);
});

Deno.test("fire() gives what a hook throws to reportError, and does not throw", () => {
  const mistake = new Error("a mistake in the hook");
  const trace: Trace = {
    tlsHandshakeStart() {
      throw mistake;
    },
  };
  const errors = reported(() => fire(trace, "tlsHandshakeStart", { serverName: "example.com" }));
  assertEquals(errors.length, 1);
  assertStrictEquals(errors[0], mistake);
});
