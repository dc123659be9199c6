import { assertEquals, assertStrictEquals } from "@std/assert";
import { Request } from "../../../http/web/request.ts";
import { type ClientTrace, fireTrace, setTrace, traceOf } from "../../../http/client/trace.ts";

Deno.test("traceOf() gives the hooks that were attached to this request", () => {
  const [one, two] = [new Request("http://h/"), new globalThis.Request("http://h/")];
  assertEquals(traceOf(one), undefined);
  const [a, b]: ClientTrace[] = [{}, {}];
  setTrace(one, a);
  assertStrictEquals(traceOf(one), a);
  assertEquals(traceOf(two), undefined);
  setTrace(two, a);
  setTrace(two, b);
  assertStrictEquals(traceOf(two), b);
});

Deno.test("fireTrace() calls the hook on its trace, if there is one", () => {
  class Log {
    lines: string[] = [];
    getConn({ hostPort }: { hostPort: string }) {
      this.lines.push(hostPort);
    }
    wroteHeaders() {
      this.lines.push("headers");
    }
  }
  const log = new Log();
  fireTrace(log, "getConn", { hostPort: "h:80" });
  fireTrace(log, "wroteHeaders");
  fireTrace(log, "gotFirstResponseByte");
  fireTrace(undefined, "wroteHeaders");
  assertEquals(log.lines, ["h:80", "headers"]);
});

Deno.test("a hook that throws is reported, and disturbs nothing", () => {
  const mine = new Error("in the hook");
  const reported: unknown[] = [];
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    reported.push(event.error);
  };
  addEventListener("error", onError);
  try {
    fireTrace(
      {
        wroteHeaders() {
          throw mine;
        },
      },
      "wroteHeaders",
    );
  } finally {
    removeEventListener("error", onError);
  }
  assertEquals(reported, [mine]);
});
