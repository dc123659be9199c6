/** Brings a connection of ours and a program together. */
import { type Conn, dial, type Engine, joinHostPort, listen, type Network } from "../../net/mod.ts";
import { limit, Peer } from "./peer.ts";
import type { Mode, Program, Role, Task } from "./programs.ts";

/** The networks of streams. */
export type StreamNetwork = "tcp4" | "tcp6" | "unix" | "unixpacket";

const hosts: Record<string, string> = { "4": "127.0.0.1", "6": "::1" };

/** An address of this machine: the port on loopback, or on the Unix networks the path. */
export function addressOf(network: Network, port: string | number, path: string): string {
  const host = hosts[network.at(-1)!];
  return host === undefined ? path : joinHostPort(host, port);
}

/** Who is the program in what we do. */
export const ways: readonly (readonly [text: string, role: Role])[] = [
  ["we dial", "serve"],
  ["they dial", "call"],
];

/** Runs `body` with a path for a socket. */
export async function withPath(body: (path: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await body(`${dir}/socket`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** One of ours and one of theirs. */
export interface Meeting {
  readonly network: StreamNetwork;
  readonly engine: Engine;
  readonly program: Program;
  /** What the program is: it serves what we dial, or calls what we listen on. */
  readonly role: Role;
  readonly mode: Mode;
  readonly sizes?: readonly number[];
}

/** Starts the program, connects, and ends both after `body`. No wait in it is without a limit. */
export function meet(
  { network, engine, program, role, mode, sizes }: Meeting,
  body: (conn: Conn, peer: Peer) => Promise<void>,
): Promise<void> {
  const start = async (address: string) => {
    const task: Task = { role, network, mode, address, sizes };
    return new Peer(await program.command(task));
  };
  return withPath(async (path) => {
    const place = addressOf(network, 0, path);
    if (role === "serve") {
      await using peer = await start(place);
      const address = addressOf(network, await peer.port, path);
      using conn = await dial(network, address, { engine, timeout: limit });
      conn.setDeadline(Date.now() + limit);
      await body(conn, peer);
    } else {
      using listener = listen(network as "unix", place, { engine });
      await using peer = await start(String(listener.addr));
      using conn = await listener.accept({ timeout: limit });
      conn.setDeadline(Date.now() + limit);
      await body(conn, peer);
    }
  });
}
