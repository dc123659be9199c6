/** Starts the other side. */
import { startScript } from "./line_process.ts";
import type { PeerAddresses } from "./peer.ts";

/** A running peer. */
export interface Peer extends PeerAddresses, AsyncDisposable {}

/** Starts the peer's process; disposing of it ends the process. */
export async function startPeer(): Promise<Peer> {
  const peer = startScript("peer.ts");
  return {
    ...JSON.parse(await peer.line()) as PeerAddresses,
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}
