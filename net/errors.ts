/** What goes wrong in `net`, one class for each thing a caller may want to tell apart. */
export { UnsupportedError } from "../sys/errors.ts";

/** What an {@linkcode OpError} is made of. */
export interface OpErrorInit {
  /** The operation: `"dial"`, `"listen"`, `"accept"`, `"read"`, `"write"`, `"close"`, ... */
  op: string;
  /** The network it was tried on, such as `"tcp"`. */
  network: string;
  /** The local end, where there is one. */
  source?: string;
  /** The remote end, or the address listened on. */
  addr?: string;
  /** Why it failed, in a few words. */
  reason: string;
  /** A stable code: the system's (`"ECONNREFUSED"`) or ours (`"ERR_CLOSED"`). */
  code: string;
  /** Whether a deadline, ours or the kernel's, was the reason. `false` by default. */
  timeout?: boolean;
  /** Whether trying again may work. As `timeout` by default. */
  temporary?: boolean;
  /** The error behind this one. */
  cause?: unknown;
}

/**
 * A network operation that failed: what was tried, on which network, between which ends, and
 * why. As Go's `net.OpError`.
 *
 * ```ts
 * import { dial, OpError } from "@plumb/plumb/net";
 *
 * try {
 *   await dial("tcp", "127.0.0.1:1");
 * } catch (error) {
 *   // dial tcp "127.0.0.1:1": connection refused
 *   if (error instanceof OpError) console.log(error.message, error.code);
 * }
 * ```
 */
export class OpError extends Error {
  /** Always `"OpError"`, but in its subclasses. */
  override readonly name: string = "OpError";
  /** The operation that failed. */
  readonly op: string;
  /** The network it was tried on. */
  readonly network: string;
  /** The local end, where there is one. */
  readonly source?: string;
  /** The remote end, or the address listened on. */
  readonly addr?: string;
  /** Why it failed, in a few words. */
  readonly reason: string;
  /** A stable code, such as `"ECONNREFUSED"`. */
  readonly code: string;
  /** Whether a deadline was the reason. */
  readonly timeout: boolean;
  /** Whether trying again may work. */
  readonly temporary: boolean;
  /**
   * For a `write` cut short: how many bytes of the array the connection has taken. They will
   * arrive (or the connection fails); going on from there repeats and loses nothing.
   */
  bytesWritten?: number;
  /** For a `sendBatch` cut short: how many messages were sent before the one that failed. */
  messagesSent?: number;

  /**
   * Makes the message from the parts.
   *
   * @param init The parts.
   */
  constructor(init: OpErrorInit) {
    super(describe(init), "cause" in init ? { cause: init.cause } : undefined);
    this.op = init.op;
    this.network = init.network;
    this.source = init.source;
    this.addr = init.addr;
    this.reason = init.reason;
    this.code = init.code;
    this.timeout = init.timeout ?? false;
    this.temporary = init.temporary ?? this.timeout;
  }
}

function describe({ op, network, source, addr, reason }: OpErrorInit): string {
  const ends = [source, addr].filter((end) => end !== undefined).map((end) => JSON.stringify(end));
  return `${[op, network, ends.join(" -> ")].filter((part) => part !== "").join(" ")}: ${reason}`;
}

/** The code of every operation on what was closed on this side, and the reason of most. */
const closed = { reason: "use of closed connection", code: "ERR_CLOSED" };

/**
 * An operation on a connection or listener that this side has closed, before or meanwhile. As
 * Go's `net.ErrClosed`.
 *
 * ```ts
 * import { ClosedError, pipe } from "@plumb/plumb/net";
 *
 * const [a, b] = pipe();
 * a.close();
 * await a.read(new Uint8Array(1)).catch((e) => console.log(e instanceof ClosedError)); // true
 * b.close();
 * ```
 */
export class ClosedError extends OpError {
  /** Always `"ClosedError"`. */
  override readonly name = "ClosedError";

  /**
   * Makes the message from the parts.
   *
   * @param init The parts.
   */
  constructor(
    init: Pick<OpErrorInit, "op" | "network" | "source" | "addr" | "cause"> & { reason?: string },
  ) {
    super({ ...init, code: closed.code, reason: init.reason ?? closed.reason });
  }
}

/**
 * An address that cannot be used: malformed, of the wrong family, or of the wrong type. As Go's
 * `net.AddrError`.
 *
 * ```ts
 * import { AddressError, splitHostPort } from "@plumb/plumb/net";
 *
 * try {
 *   splitHostPort("example.com");
 * } catch (error) {
 *   if (error instanceof AddressError) console.log(error.message);
 *   // address "example.com": missing port in address
 * }
 * ```
 */
export class AddressError extends Error {
  /** Always `"AddressError"`. */
  override readonly name = "AddressError";
  /** Always `"ERR_ADDRESS"`. */
  readonly code = "ERR_ADDRESS";
  /** The address as it was given. */
  readonly address: string;
  /** The rule it breaks. */
  readonly reason: string;

  /**
   * Quotes the address in the message.
   *
   * @param address The address as it was given.
   * @param reason The rule it breaks.
   * @param options `cause`: what lies behind it.
   */
  constructor(address: string, reason: string, options?: ErrorOptions) {
    super(`address ${JSON.stringify(address)}: ${reason}`, options);
    this.address = address;
    this.reason = reason;
  }
}

/**
 * A network name that is not one of the nine, or that the call does not serve. As Go's
 * `net.UnknownNetworkError`.
 *
 * ```ts
 * import { dial, UnknownNetworkError } from "@plumb/plumb/net";
 *
 * await dial("sctp" as "tcp", "127.0.0.1:80").catch((error) => {
 *   console.log(error instanceof UnknownNetworkError, error.network); // true sctp
 * });
 * ```
 */
export class UnknownNetworkError extends Error {
  /** Always `"UnknownNetworkError"`. */
  override readonly name = "UnknownNetworkError";
  /** Always `"ERR_UNKNOWN_NETWORK"`. */
  readonly code = "ERR_UNKNOWN_NETWORK";
  /** The name as it was given. */
  readonly network: string;

  /**
   * Quotes the name in the message, with what the call takes.
   *
   * @param network The name as it was given.
   * @param expected The names the call takes.
   */
  constructor(network: string, expected: readonly string[]) {
    super(`unknown network ${JSON.stringify(network)}: expected one of ${expected.join(", ")}`);
    this.network = network;
  }
}

/** What a {@linkcode DnsError} is made of. */
export interface DnsErrorInit {
  /** The name that was looked up. */
  host: string;
  /** Why it failed, in a few words. */
  reason: string;
  /** `"ENOTFOUND"`, `"EAI_AGAIN"`, `"ETIMEDOUT"`, ... */
  code: string;
  /** Whether the name does not exist, or has no such record. `false` by default. */
  notFound?: boolean;
  /** Whether the answer did not come in time. `false` by default. */
  timeout?: boolean;
  /** Whether trying again may work. As `timeout` by default. */
  temporary?: boolean;
  /** The error behind this one. */
  cause?: unknown;
}

/**
 * A name that could not be looked up. As Go's `net.DNSError`.
 *
 * ```ts
 * import { DnsError } from "@plumb/plumb/net";
 *
 * const error = new DnsError({
 *   host: "nowhere.invalid",
 *   reason: "no such host",
 *   code: "ENOTFOUND",
 *   notFound: true,
 * });
 * console.log(error.message); // lookup "nowhere.invalid": no such host
 * ```
 */
export class DnsError extends Error {
  /** Always `"DnsError"`. */
  override readonly name = "DnsError";
  /** The name that was looked up. */
  readonly host: string;
  /** A stable code, such as `"ENOTFOUND"`. */
  readonly code: string;
  /** Whether the name does not exist, or has no such record. */
  readonly notFound: boolean;
  /** Whether the answer did not come in time. */
  readonly timeout: boolean;
  /** Whether trying again may work. */
  readonly temporary: boolean;

  /**
   * Makes the message from the parts.
   *
   * @param init The parts.
   */
  constructor(init: DnsErrorInit) {
    super(
      `lookup ${JSON.stringify(init.host)}: ${init.reason}`,
      "cause" in init ? { cause: init.cause } : undefined,
    );
    this.host = init.host;
    this.code = init.code;
    this.notFound = init.notFound ?? false;
    this.timeout = init.timeout ?? false;
    this.temporary = init.temporary ?? this.timeout;
  }
}
