import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import {
  AddressError,
  ClosedError,
  DnsError,
  OpError,
  UnknownNetworkError,
  UnsupportedError,
} from "../../net/errors.ts";

const refused = { op: "dial", network: "tcp", reason: "connection refused", code: "ECONNREFUSED" };

for (
  const [what, ends, message] of [
    ["both ends", { source: "a:1", addr: "b:2" }, 'dial tcp "a:1" -> "b:2": connection refused'],
    ["the remote end", { addr: "[::1]:80" }, 'dial tcp "[::1]:80": connection refused'],
    ["the local end", { source: "a:1" }, 'dial tcp "a:1": connection refused'],
    ["no end", {}, "dial tcp: connection refused"],
    ["an end with quotes in it", { addr: 'a"b\n' }, 'dial tcp "a\\"b\\n": connection refused'],
  ] as const
) {
  Deno.test(`OpError says what was tried, where and why, with ${what}`, () => {
    const error = new OpError({ ...refused, ...ends });
    assertEquals([error.name, error.message], ["OpError", message]);
  });
}

Deno.test("OpError without a network leaves it out", () => {
  assertEquals(new OpError({ ...refused, network: "" }).message, "dial: connection refused");
});

Deno.test("OpError carries its parts, and defaults for the rest", () => {
  const error = new OpError({ ...refused, source: "a", addr: "b" });
  const { op, network, source, addr, reason, code, timeout, temporary, bytesWritten } = error;
  assertEquals({ op, network, source, addr, reason, code }, { ...refused, source: "a", addr: "b" });
  assertEquals([timeout, temporary, bytesWritten], [false, false, undefined]);
  assertEquals("cause" in error, false);
});

Deno.test("OpError is temporary when it is a timeout, unless it says otherwise", () => {
  const late = new OpError({ ...refused, timeout: true });
  assertEquals([late.timeout, late.temporary, isTimeout(late)], [true, true, true]);
  assertEquals(new OpError({ ...refused, timeout: true, temporary: false }).temporary, false);
  assertEquals(new OpError({ ...refused, temporary: true }).timeout, false);
});

Deno.test("OpError keeps its cause, even an undefined one", () => {
  const cause = new Error("behind it");
  assertStrictEquals(new OpError({ ...refused, cause }).cause, cause);
  assertEquals("cause" in new OpError({ ...refused, cause: undefined }), true);
});

Deno.test("ClosedError is an OpError with a code and a reason of its own", () => {
  const error = new ClosedError({ op: "read", network: "tcp", addr: "b:2" });
  assertInstanceOf(error, OpError);
  assertEquals([error.name, error.code], ["ClosedError", "ERR_CLOSED"]);
  assertEquals(error.message, 'read tcp "b:2": use of closed connection');
  const queue = new ClosedError({ op: "send", network: "mqueue", reason: "use of closed queue" });
  assertEquals([queue.message, queue.code], ["send mqueue: use of closed queue", "ERR_CLOSED"]);
  assertEquals([error.timeout, error.temporary], [false, false]);
});

Deno.test("AddressError quotes the address and says the rule", () => {
  const error = new AddressError("a b", "missing port in address", { cause: 1 });
  assertEquals(error.message, 'address "a b": missing port in address');
  assertEquals([error.name, error.code], ["AddressError", "ERR_ADDRESS"]);
  assertEquals([error.address, error.reason, error.cause], ["a b", "missing port in address", 1]);
});

Deno.test("UnknownNetworkError quotes the name and lists what is known", () => {
  const error = new UnknownNetworkError("sctp", ["tcp", "unix"]);
  assertEquals(error.message, 'unknown network "sctp": expected one of tcp, unix');
  assertEquals([error.name, error.code], ["UnknownNetworkError", "ERR_UNKNOWN_NETWORK"]);
  assertEquals(error.network, "sctp");
});

Deno.test("UnsupportedError says what is missing", () => {
  const error = new UnsupportedError("reusePort", "it needs --unstable-net", { cause: 1 });
  assertEquals(error.message, "reusePort is not supported here: it needs --unstable-net");
  assertEquals([error.name, error.code, error.cause], ["UnsupportedError", "ERR_UNSUPPORTED", 1]);
});

Deno.test("DnsError quotes the name and carries its flags", () => {
  const init = { host: "nowhere", reason: "no such host", code: "ENOTFOUND", notFound: true };
  const error = new DnsError({ ...init, cause: 1 });
  assertEquals([error.name, error.message], ["DnsError", 'lookup "nowhere": no such host']);
  const { host, code, notFound, timeout, temporary, cause } = error;
  assertEquals({ host, code, notFound, timeout, temporary, cause }, {
    host: "nowhere",
    code: "ENOTFOUND",
    notFound: true,
    timeout: false,
    temporary: false,
    cause: 1,
  });
  const late = new DnsError({ host: "x", reason: "late", code: "ETIMEDOUT", timeout: true });
  assertEquals([late.notFound, late.temporary, isTimeout(late)], [false, true, true]);
});
