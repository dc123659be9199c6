/**
 * Which engine serves a call: decided here and nowhere else.
 *
 * | network | runtime engine | native engine |
 * |---|---|---|
 * | `tcp`, `tcp4`, `tcp6` | by default | when the call needs what only it can do |
 * | `unix` | by default | when the call needs what only it can do |
 * | `udp`, `udp4`, `udp6` | without `--allow-ffi` | with `--allow-ffi` |
 * | `unixgram` | without `--allow-ffi` (it then needs `--unstable-net`) | with `--allow-ffi` |
 * | `unixpacket` | never | always, needs `--allow-ffi` |
 * | `ip`, `ip4:icmp`, ... | never | always, needs `--allow-ffi` and root |
 *
 * What only the native engine can do: bind the local end of TCP and Unix connections, `control`,
 * keep-alive times, `reusePort` without an unstable flag, an IPv6 zone.
 *
 * `engine` forces one. Nothing falls back: an engine that cannot serve the call, or is not there,
 * is an `UnsupportedError` that names what is missing. Finding out never prompts.
 */
import { available } from "../sys/mod.ts";
import { UnsupportedError } from "./errors.ts";

/** What serves a call: the runtime's own sockets, or system calls (`--allow-ffi`). */
export type Engine = "runtime" | "native";

/** What is known of a call when its engine is chosen. */
export interface EngineCall {
  /** The call. */
  readonly op: "dial" | "listen" | "listenPacket" | "socketpair";
  /** The network, which the caller has checked. */
  readonly network: string;
  /** The engine the caller insists on. */
  readonly engine?: Engine;
  /** What only the native engine can do, by the names of the options: `"localAddr"`, ... */
  readonly needs: readonly string[];
}

/**
 * Chooses the engine of a call.
 *
 * @param call What is to be done.
 * @param nativeAvailable Whether system calls can be made; asked only when it matters.
 * @returns The engine.
 * @throws {TypeError} `engine` is neither.
 * @throws {UnsupportedError} No engine can serve it, or not the one that is insisted on.
 */
export function chooseEngine(
  call: EngineCall,
  nativeAvailable: () => boolean = available,
): Engine {
  const { network, engine } = call;
  if (engine !== undefined && engine !== "runtime" && engine !== "native") {
    throw new TypeError(`engine must be "runtime" or "native", got ${JSON.stringify(engine)}`);
  }
  const needs = [...nativeOnly(network) ? [network] : [], ...call.needs];
  if (engine === "runtime") {
    if (needs.length === 0) return "runtime";
    throw new UnsupportedError(describe(call), "the runtime engine cannot, only the native one");
  }
  if (engine === "native" || needs.length > 0) {
    if (nativeAvailable()) return "native";
    throw new UnsupportedError(describe(call), missingNative());
  }
  return prefersNative(network) && nativeAvailable() ? "native" : "runtime";
}

/** Networks that the runtime does not have. */
const nativeOnly = (network: string) => network === "unixpacket" || /^ip[46]?(:|$)/.test(network);

/** Networks that the native engine serves better: errors of a connected peer, batches, speed. */
const prefersNative = (network: string) => network.startsWith("udp") || network === "unixgram";

function describe({ op, network, engine, needs }: EngineCall): string {
  const how = needs.length === 0 ? "" : ` with ${needs.join(", ")}`;
  return `${op} ${network}${how}${engine === undefined ? "" : ` on the ${engine} engine`}`;
}

function missingNative(): string {
  const { os } = Deno.build;
  const served = os === "linux" || os === "darwin";
  return served
    ? "it needs system calls, run again with --allow-ffi"
    : `it needs system calls, which are there on Linux and macOS only, this is ${os}`;
}
