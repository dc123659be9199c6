/** Dialing and closing again. */
import { connect } from "node:net";
import { dial } from "../../net/mod.ts";
import type { Bench, Contestant } from "./compare.ts";
import type { Peer } from "./start_peer.ts";

const hostname = "127.0.0.1";

/** Dials the peer's ports in turn. */
function contestant<Target>(
  name: string,
  targets: readonly Target[],
  once: (target: Target) => Promise<void>,
): Contestant {
  let next = 0;
  return {
    name,
    async run(ops) {
      for (let i = 0; i < ops; i++) await once(targets[next++ % targets.length]);
    },
  };
}

/** Addresses as `dial` takes them, made beforehand as a program has them from its configuration. */
function addressesOf({ echo }: Peer): string[] {
  return echo.map((port) => `${hostname}:${port}`);
}

function dialNode(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port }, () => socket.destroy());
    socket.on("close", () => resolve());
    socket.on("error", reject);
  });
}

/**
 * Waits until the peer has accepted all there is: a queue that runs over would cost the next one
 * a second.
 */
async function settle({ echo }: Peer): Promise<void> {
  await Promise.all(echo.map(async (port) => {
    using conn = await Deno.connect({ hostname, port });
    await conn.write(new Uint8Array(1));
    await conn.read(new Uint8Array(1));
  }));
}

/** Without a limit. */
export function dialBench(peer: Peer): Bench {
  return {
    name: "dial",
    title: "dial + close",
    unit: "op",
    target: { of: "time", limit: 1.15 },
    open: () =>
      Promise.resolve([
        contestant("plumb", addressesOf(peer), async (address) => {
          (await dial("tcp", address)).close();
        }),
        contestant("raw", peer.echo, async (port) => {
          (await Deno.connect({ hostname, port })).close();
        }),
        // What Plumb sets on every connection, as Go does.
        contestant("raw + socket options", peer.echo, async (port) => {
          const conn = await Deno.connect({ hostname, port });
          conn.setNoDelay(true);
          conn.setKeepAlive(true);
          conn.close();
        }),
        contestant("node:net", peer.echo, dialNode),
      ]),
    settle: () => settle(peer),
  };
}

/** With a limit of 5 s, which the runtime can only take as a signal. */
export function dialTimeoutBench(peer: Peer): Bench {
  return {
    name: "dial-timeout",
    title: "dial + close, timeout 5000",
    unit: "op",
    target: { of: "time" },
    open: () =>
      Promise.resolve([
        contestant("plumb", addressesOf(peer), async (address) => {
          (await dial("tcp", address, { timeout: 5000 })).close();
        }),
        contestant("raw + abort by timer", peer.echo, async (port) => {
          const controller = new AbortController();
          const timer = setTimeout(() => controller.abort(), 5000);
          const conn = await Deno.connect({ hostname, port, signal: controller.signal });
          clearTimeout(timer);
          conn.close();
        }),
        contestant("raw, no timeout", peer.echo, async (port) => {
          (await Deno.connect({ hostname, port })).close();
        }),
      ]),
    settle: () => settle(peer),
  };
}
