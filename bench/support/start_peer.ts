/** Starts the other side. */
import type { PeerAddresses } from "./peer.ts";

/** A running peer. */
export interface Peer extends PeerAddresses, AsyncDisposable {}

/** Starts the peer's process; disposing of it ends the process. */
export async function startPeer(): Promise<Peer> {
  const script = new URL("./peer.ts", import.meta.url).href;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-config", "--unstable-net", script],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await lines.read();
    if (done) throw new Error("the peer of the bench has ended before it listened");
    text += value;
  }
  return {
    ...JSON.parse(text) as PeerAddresses,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await lines.cancel();
      await child.status;
    },
  };
}
