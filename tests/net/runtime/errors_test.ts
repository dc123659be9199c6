import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { isTimeout, TimeoutError } from "../../../deadline.ts";
import {
  AddressError,
  ClosedError,
  DnsError,
  OpError,
  UnsupportedError,
} from "../../../net/errors.ts";
import { codeOf, missingFlag, opError, timeoutError } from "../../../net/runtime/errors.ts";

const context = { op: "dial", network: "tcp", addr: "b:2" };

function made(error: unknown): OpError {
  const result = opError(error, context);
  assertInstanceOf(result, OpError);
  return result;
}

const coded = (code: string, message = "x (os error 1)") =>
  Object.assign(new Error(message), { code });

for (
  const [code, reason, temporary] of [
    ["ECONNREFUSED", "connection refused", false],
    ["ECONNRESET", "connection reset by peer", false],
    ["ECONNABORTED", "connection aborted", true],
    ["EADDRINUSE", "address already in use", false],
    ["EPIPE", "broken pipe", false],
    ["EMFILE", "too many open files", true],
    ["ENFILE", "too many open files in system", true],
    ["EMSGSIZE", "message too long", false],
    ["EAGAIN", "resource temporarily unavailable", true],
    ["ENOBUFS", "no buffer space available", true],
    ["EINTR", "x", true],
  ] as const
) {
  Deno.test(`opError() says what ${code} means${temporary ? ", and that it may pass" : ""}`, () => {
    const error = made(coded(code));
    assertEquals(error.message, `dial tcp "b:2": ${reason}`);
    assertEquals([error.code, error.timeout, error.temporary], [code, false, temporary]);
  });
}

Deno.test("opError() takes the kernel's timeout for one", () => {
  const error = made(coded("ETIMEDOUT"));
  assertEquals([error.timeout, error.temporary, isTimeout(error)], [true, true, true]);
  assertEquals(error.reason, "connection timed out");
});

for (
  const [type, code] of [
    ["ConnectionRefused", "ECONNREFUSED"],
    ["ConnectionReset", "ECONNRESET"],
    ["ConnectionAborted", "ECONNABORTED"],
    ["NotConnected", "ENOTCONN"],
    ["AddrInUse", "EADDRINUSE"],
    ["AddrNotAvailable", "EADDRNOTAVAIL"],
    ["BrokenPipe", "EPIPE"],
    ["TimedOut", "ETIMEDOUT"],
    ["NotFound", "ENOENT"],
    ["PermissionDenied", "EACCES"],
    ["UnexpectedEof", "ECONNRESET"],
  ] as const
) {
  Deno.test(`codeOf() knows Deno.errors.${type}, whose own code comes first`, () => {
    const error = new Deno.errors[type]("x");
    assertEquals(codeOf(error), code);
    assertEquals(codeOf(Object.assign(error, { code: "" })), code);
    assertEquals(codeOf(Object.assign(error, { code: "EOTHER" })), "EOTHER");
  });
}

Deno.test("codeOf() knows nothing of an error without a code", () => {
  assertEquals(codeOf(new Error("x")), undefined);
  assertEquals(codeOf(Object.assign(new Error("x"), { code: 5 })), undefined);
});

for (const type of ["BadResource", "Interrupted"] as const) {
  Deno.test(`opError() makes a ClosedError of Deno.errors.${type}`, () => {
    const cause = new Deno.errors[type]("x");
    const error = opError(cause, context);
    assertInstanceOf(error, ClosedError);
    assertStrictEquals(error.cause, cause);
  });
}

Deno.test("opError() lets our own errors pass", () => {
  for (
    const own of [
      new OpError({ ...context, reason: "r", code: "C" }),
      new ClosedError(context),
      new AddressError("a", "r"),
      new UnsupportedError("a", "b"),
    ]
  ) assertStrictEquals(opError(own, context), own);
});

Deno.test("opError() wraps a DnsError with its flags", () => {
  const cause = new DnsError({ host: "h", reason: "late", code: "EAI_AGAIN", timeout: true });
  const error = made(cause);
  assertEquals(error.message, 'dial tcp "b:2": lookup "h": late');
  assertEquals([error.code, error.timeout, error.temporary], ["EAI_AGAIN", true, true]);
  assertStrictEquals(error.cause, cause);
});

Deno.test("opError() wraps a TimeoutError", () => {
  const cause = new TimeoutError("x");
  const error = made(cause);
  assertEquals(error.message, 'dial tcp "b:2": timed out');
  assertEquals([error.code, error.timeout, error.temporary], ["ETIMEDOUT", true, true]);
  assertStrictEquals(error.cause, cause);
});

Deno.test("timeoutError() brings a cause of its own, which names the phase", () => {
  const { cause } = timeoutError({ ...context, op: "read" });
  assertInstanceOf(cause, TimeoutError);
  assertEquals(cause.phase, "read");
});

Deno.test("opError() reads a failed lookup of the runtime", () => {
  const text = "failed to lookup address information: ";
  const gone = made(new Error(`${text}Name or service not known`));
  assertEquals([gone.code, gone.reason], ["ENOTFOUND", "name or service not known"]);
  const later = made(new Error(`${text}Temporary failure in name resolution`));
  assertEquals([later.code, later.temporary], ["EAI_AGAIN", true]);
});

Deno.test("opError() marks what TLS refuses", () => {
  const error = made(new Deno.errors.InvalidData("invalid peer certificate: Expired"));
  assertEquals([error.code, error.reason], ["ERR_TLS", "tls: invalid peer certificate: Expired"]);
});

Deno.test("opError() keeps the words of what it does not know, less the error's number", () => {
  const error = made(new Error("Odd thing (os error 999)"));
  assertEquals([error.code, error.reason], ["ERR_UNKNOWN", "Odd thing"]);
  for (const odd of ["a string", undefined, null, 5]) {
    assertEquals([odd, made(odd).reason], [odd, String(odd)]);
  }
  assertEquals(made(Object.create(null)).code, "ERR_UNKNOWN");
});

for (
  const [what, flag] of [
    ['Requires net access to "127.0.0.1:80", run again', "--allow-net=127.0.0.1:80"],
    ['Requires net access to "[::1]:80", run again', "--allow-net=[::1]:80"],
    ['Requires read access to "/tmp/x y", run again', "--allow-read=/tmp/x y"],
    ["Requires ffi access to , run again", "--allow-ffi"],
  ] as const
) {
  Deno.test(`missingFlag() gives ${flag}`, () => {
    const [kind] = /--allow-\w+/.exec(flag)!;
    const error = new Deno.errors.NotCapable(`${what} with the ${kind} flag`);
    assertEquals(missingFlag(error), flag);
    assertEquals(made(error).code, "ERR_NOT_CAPABLE");
    assert(made(error).reason.endsWith(`permission denied, run again with ${flag}`));
  });
}

Deno.test("missingFlag() repeats a denial in words it does not know", () => {
  assertEquals(missingFlag(new Deno.errors.NotCapable("No.")), "No.");
});
