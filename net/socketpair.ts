/** Two Unix sockets that are connected to each other, without a name. */
import type { UnixConn } from "./conn.ts";
import { chooseEngine } from "./engine.ts";
import { UnknownNetworkError } from "./errors.ts";
import { seqpacketPair } from "./native/seqpacket.ts";
import { socketpair as streamPair } from "./native/unix.ts";

/**
 * Makes a pair of connected Unix sockets, as `socketpair(2)`: for talking to a process that is given
 * one of them, or within this one. Needs `--allow-ffi`.
 *
 * ```ts
 * import { socketpair } from "@plumb/plumb/net";
 *
 * const [a, b] = socketpair("unixpacket");
 * await a.write(new TextEncoder().encode("one message"));
 * const p = new Uint8Array(100);
 * const n = await b.read(p, { timeout: 1_000 });
 * console.log(new TextDecoder().decode(p.subarray(0, n ?? 0))); // one message
 * a.close();
 * b.close();
 * ```
 *
 * @param network `"unix"` (the default) for a stream of bytes, `"unixpacket"` for messages.
 * @returns Both ends.
 * @throws {UnknownNetworkError} Another network.
 * @throws {UnsupportedError} Without `--allow-ffi`.
 */
export function socketpair(network: "unix" | "unixpacket" = "unix"): [UnixConn, UnixConn] {
  if (network !== "unix" && network !== "unixpacket") {
    throw new UnknownNetworkError(network, ["unix", "unixpacket"]);
  }
  chooseEngine({ op: "socketpair", network, needs: ["socketpair"] });
  return network === "unix" ? streamPair() : seqpacketPair();
}
