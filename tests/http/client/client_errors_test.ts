import { assertEquals, assertStrictEquals } from "@std/assert";
import { TimeoutError } from "../../../deadline.ts";
import { DnsError, OpError } from "../../../net/errors.ts";
import {
  bodyCut,
  dialPhase,
  failure,
  headLate,
  ProxyError,
} from "../../../http/client/client_errors.ts";
import { HttpError, ProtocolError } from "../../../http/errors.ts";

const subject = { method: "GET", url: "http://u:secret@a/" };

const opError = (op: string, code: string, more: { timeout?: boolean; cause?: unknown } = {}) =>
  new OpError({ op, network: "tcp", reason: "because", code, ...more });

Deno.test("failure() takes code, timeout and reason from what lies behind", () => {
  const rows: [cause: unknown, code: string, timeout: boolean, reason: string][] = [
    [opError("read", "ECONNRESET"), "ECONNRESET", false, "because"],
    [opError("dial", "ETIMEDOUT", { timeout: true }), "ETIMEDOUT", true, "because"],
    [new TimeoutError("late"), "ETIMEDOUT", true, "late"],
    [new ProtocolError("odd", { code: "ERR_X" }), "ERR_X", false, "malformed response: odd"],
    [new Error("outer", { cause: opError("read", "EPIPE") }), "EPIPE", false, "outer"],
    ["text", "ERR_HTTP", false, "text"],
    [undefined, "ERR_HTTP", false, "undefined"],
  ];
  for (const [cause, code, timeout, reason] of rows) {
    const error = failure(subject, "write", cause);
    assertEquals([error.code, error.timeout, error.reason, error.phase], [
      code,
      timeout,
      reason,
      "write",
    ]);
    assertStrictEquals(error.cause, cause);
    assertEquals(error.message, `GET "http://u:***@a/": ${reason}`);
  }
});

Deno.test("failure() does not blame the server for a body that came from elsewhere", () => {
  const error = failure(subject, "request", new ProtocolError("odd", { code: "ERR_X" }));
  assertEquals(error.reason, "malformed request body: odd");
});

Deno.test("failure() to reach a proxy does not blame the server of the URL", () => {
  const cause = new OpError({ op: "dial", network: "tcp", addr: "p:1", reason: "no", code: "X" });
  assertEquals(failure(subject, "proxy", cause).reason, 'proxy "p:1": no');
  assertEquals(failure(subject, "connect", cause).reason, "no");
});

Deno.test("failure() of a mishap has nothing behind it", () => {
  const error = failure(subject, "body", bodyCut);
  assertEquals([error.code, error.timeout, "cause" in error], ["ERR_HTTP_TRUNCATED", false, false]);
  assertEquals(failure(subject, "responseHeader", headLate).timeout, true);
});

Deno.test("failure() leaves an HttpError as it is", () => {
  const error = new HttpError({ op: "GET", url: "x", phase: "dns", reason: "r", code: "C" });
  assertStrictEquals(failure(subject, "body", error), error);
});

Deno.test("dialPhase() tells dns, connect, tls and proxy apart", () => {
  const dns = new DnsError({ host: "a", reason: "no such host", code: "ENOTFOUND" });
  const rows: [error: unknown, proxied: boolean, phase: string][] = [
    [opError("dial", "ECONNREFUSED"), false, "connect"],
    [opError("dial", "ECONNREFUSED"), true, "proxy"],
    [opError("dial", "ENOTFOUND", { cause: dns }), false, "dns"],
    [dns, true, "dns"],
    [opError("handshake", "ETIMEDOUT"), false, "tls"],
    [opError("dial", "ERR_TLS_EXPIRED"), true, "tls"],
    [new ProxyError("no", "ERR_PROXY_REFUSED"), true, "proxy"],
    [new Error("custom"), false, "connect"],
  ];
  for (const [error, proxied, phase] of rows) assertEquals(dialPhase(error, proxied), phase);
});
