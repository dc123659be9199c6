/** From the runtime's errors to ours: one place says what each of them means. */
import { TimeoutError } from "../../deadline.ts";
import {
  AddressError,
  ClosedError,
  DnsError,
  OpError,
  type OpErrorInit,
  UnsupportedError,
} from "../errors.ts";

/** What was being done when an error came up. */
export type OpContext = Pick<OpErrorInit, "op" | "network" | "source" | "addr">;

/** The system's error codes in words; as short as a reader of logs wants them. */
const reasons: Record<string, string> = {
  EACCES: "permission denied",
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EAFNOSUPPORT: "address family not supported",
  EAGAIN: "resource temporarily unavailable",
  ECONNABORTED: "connection aborted",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  EHOSTUNREACH: "no route to host",
  EINVAL: "invalid argument",
  EMFILE: "too many open files",
  EMSGSIZE: "message too long",
  ENETDOWN: "network is down",
  ENETUNREACH: "network is unreachable",
  ENFILE: "too many open files in system",
  ENOBUFS: "no buffer space available",
  ENOENT: "no such file or directory",
  ENOTCONN: "not connected",
  ENOTDIR: "not a directory",
  ENOTSOCK: "not a socket",
  EPERM: "operation not permitted",
  EPIPE: "broken pipe",
  EPROTOTYPE: "wrong protocol type for socket",
  ETIMEDOUT: "connection timed out",
};

/** Codes of failures that may pass: Go's `Temporary()`, with what `accept` can meet. */
const temporaryCodes = new Set([
  "EAGAIN",
  "ECONNABORTED",
  "EINTR",
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
]);

/** Classes of the runtime that mean one system error where `code` is missing. */
const classCodes: [abstract new () => Error, string][] = [
  [Deno.errors.ConnectionRefused, "ECONNREFUSED"],
  [Deno.errors.ConnectionReset, "ECONNRESET"],
  [Deno.errors.ConnectionAborted, "ECONNABORTED"],
  [Deno.errors.NotConnected, "ENOTCONN"],
  [Deno.errors.AddrInUse, "EADDRINUSE"],
  [Deno.errors.AddrNotAvailable, "EADDRNOTAVAIL"],
  [Deno.errors.BrokenPipe, "EPIPE"],
  [Deno.errors.TimedOut, "ETIMEDOUT"],
  [Deno.errors.NotFound, "ENOENT"],
  [Deno.errors.PermissionDenied, "EACCES"],
  // A read that met the end of a TLS connection in mid-record.
  [Deno.errors.UnexpectedEof, "ECONNRESET"],
];

const denial = /^Requires (\w+) access to "?([^"]*)"?, run again with the --allow-(\w+) flag$/;

/**
 * The flag that a denied permission asks for, ready to be pasted: `--allow-net=127.0.0.1:80`.
 *
 * @param error A `Deno.errors.NotCapable`.
 */
export function missingFlag(error: Error): string {
  const [, , what, kind] = denial.exec(error.message) ?? [];
  if (kind === undefined) return error.message;
  return `--allow-${kind}${what === "" ? "" : `=${what}`}`;
}

/** The system's error code behind a runtime error, if there is one. */
export function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  if (typeof code === "string" && code !== "") return code;
  return classCodes.find(([type]) => error instanceof type)?.[1];
}

/** The error of an operation whose time was up. */
export function timeoutError(context: OpContext, cause?: unknown): OpError {
  return new OpError({
    ...context,
    reason: "timed out",
    code: "ETIMEDOUT",
    timeout: true,
    cause: cause ?? new TimeoutError(undefined, { phase: context.op }),
  });
}

/**
 * The one maker of `net`'s errors: says what was tried, where, and why it failed. Our own errors
 * pass through.
 *
 * @param error What the runtime threw.
 * @param context What was being done.
 */
export function opError(error: unknown, context: OpContext): Error {
  if (
    error instanceof OpError || error instanceof AddressError || error instanceof UnsupportedError
  ) return error;
  if (error instanceof TimeoutError) return timeoutError(context, error);
  if (error instanceof DnsError) {
    const { code, timeout, temporary } = error;
    return new OpError({
      ...context,
      reason: error.message,
      code,
      timeout,
      temporary,
      cause: error,
    });
  }
  const cause = error instanceof Error ? error : new Error(
    typeof error === "string" ? error : Deno.inspect(error), // Not everything has a toString().
  );
  if (cause instanceof Deno.errors.NotCapable) {
    const reason = `permission denied, run again with ${missingFlag(cause)}`;
    return new OpError({ ...context, reason, code: "ERR_NOT_CAPABLE", cause });
  }
  // Only a close on this side interrupts an operation or invalidates its resource.
  if (cause instanceof Deno.errors.BadResource || cause instanceof Deno.errors.Interrupted) {
    return new ClosedError({ ...context, cause });
  }
  if (cause instanceof Deno.errors.InvalidData) {
    return new OpError({ ...context, reason: `tls: ${cause.message}`, code: "ERR_TLS", cause });
  }
  const lookup = /failed to lookup address information: (.*)/.exec(cause.message);
  if (lookup !== null) {
    const temporary = /temporary/i.test(lookup[1]);
    const code = temporary ? "EAI_AGAIN" : "ENOTFOUND";
    return new OpError({ ...context, reason: lookup[1].toLowerCase(), code, temporary, cause });
  }
  const code = codeOf(cause) ?? "ERR_UNKNOWN";
  const timeout = code === "ETIMEDOUT";
  const reason = reasons[code] ?? cause.message.replace(/ \(os error \d+\)$/, "");
  const temporary = timeout || temporaryCodes.has(code);
  return new OpError({ ...context, reason, code, timeout, temporary, cause });
}
