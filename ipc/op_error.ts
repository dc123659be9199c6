/** From what the system says to the errors of `ipc`: `OpError` and `ClosedError`, as in `net`. */
import { TimeoutError, type WaitOptions } from "../deadline.ts";
import { ClosedError, OpError } from "../net/mod.ts";
import { describeErrno, errnoNumber } from "../sys/errno.ts";
import { DescriptorClosedError, SyscallError } from "../sys/mod.ts";

/** What was being done when an error came up. */
export interface OpContext {
  /** The operation: `"open"`, `"lock"`, `"send"`, ... */
  op: string;
  /** What kind of thing it was done to: `"fifo"`, `"mqueue"`, ... It stands in `network`. */
  network: string;
  /** Its name or path. */
  addr?: string;
}

/** What goes with an error beside its context. */
export interface OpErrorHints {
  /** The limits of the wait, to tell the caller's own reason from a timeout. */
  wait?: WaitOptions;
  /** Why it failed, where more is known than the system's code says. */
  reason?: string;
}

/**
 * Makes the error of a failed operation. One that is made already, and what is not the system's
 * (a bad argument, a missing permission, the reason of an abort), passes through unchanged.
 *
 * @param error What was thrown.
 * @param context What was being done.
 * @param hints What else is known.
 */
export function opError(error: unknown, context: OpContext, hints: OpErrorHints = {}): unknown {
  if (error instanceof OpError) return error;
  const { signal } = hints.wait ?? {};
  if (signal?.aborted && error === signal.reason) return error;
  if (error instanceof TimeoutError) return timedOut(context, error);
  if (error instanceof DescriptorClosedError) return closedError(context, { cause: error });
  const code = systemCode(error);
  if (code === undefined) return error;
  const reason = hints.reason ?? describeErrno(errnoNumber(code));
  return new OpError({ ...context, reason, code, cause: error });
}

/**
 * Makes the error of an operation on what was closed here.
 *
 * @param context What was being done.
 * @param options `cause`: what lies behind it.
 */
export function closedError(context: OpContext, options: ErrorOptions = {}): ClosedError {
  return new ClosedError({ ...context, ...options, reason: `use of closed ${context.network}` });
}

/**
 * Makes the error of an operation that this module refuses in the system's place.
 *
 * @param context What was being done.
 * @param code The system's code for it.
 * @param reason Why, in a few words.
 */
export function refusal(context: OpContext, code: string, reason: string): OpError {
  return new OpError({ ...context, reason, code });
}

function timedOut(context: OpContext, cause: TimeoutError): OpError {
  return new OpError({ ...context, reason: "timed out", code: "ETIMEDOUT", timeout: true, cause });
}

/** The system's code behind an error, if it is one of the system's. */
export function systemCode(error: unknown): string | undefined {
  if (error instanceof SyscallError) return error.code;
  if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === "string" && errnoNumber(code) >= 0 ? code : undefined;
}
