/** Listening at a path by system call, for the Unix sockets that have connections. */
import {
  type Accepted,
  AF_UNIX,
  close,
  listen,
  socket,
  type SocketAddress,
} from "../../sys/mod.ts";
import { unixAddress } from "../address.ts";
import type { Conn } from "../conn.ts";
import { socketPath } from "../runtime/unix.ts";
import type { ListenerParts } from "../stream_listener.ts";
import { Acceptor } from "./acceptor.ts";
import { type Control, guarded, runControl } from "./control.ts";
import { bindName } from "./socket_file.ts";

/** Where and how to listen. */
export interface ListenAtPath {
  /** A path, or `"@name"` for an abstract one. */
  readonly name: string;
  /** How many connections the kernel queues; the system's limit by default. */
  readonly backlog?: number;
  /** Sees the socket before it is bound. */
  readonly control?: Control;
}

/**
 * Listens at a path. The listener's close removes its path, and nobody else's; an existing path is
 * left alone and fails.
 *
 * @param network The network.
 * @param type The socket's type.
 * @param how Where and how.
 * @param wrap Makes a connection of an accepted descriptor, which is closed if that fails.
 * @throws {SyscallError} `EADDRINUSE`, `ENOENT`, `EACCES`, ...
 * @throws {AddressError} A name that cannot be.
 * @throws {Deno.errors.NotCapable} The path may not be read or written.
 */
export function listenAtPath<C extends Conn>(
  network: "unix" | "unixpacket",
  type: number,
  { name, backlog, control }: ListenAtPath,
  wrap: (fd: number, peer: SocketAddress) => C,
): ListenerParts<Accepted, C> {
  socketPath(name); // refuses what is no name
  const { fd, file } = guarded(socket(AF_UNIX, type), (fd) => {
    runControl(control, network, name, fd);
    const file = bindName(fd, name);
    try {
      listen(fd, backlog);
    } catch (error) {
      file.remove();
      throw error;
    }
    return { fd, file };
  });
  const acceptor = new Acceptor(fd);
  let open = true;
  return {
    addr: unixAddress(network, name),
    accept: () => acceptor.accept(),
    wrap: ({ fd, address }) => guarded(fd, () => wrap(fd, address)),
    discard: ({ fd }) => close(fd),
    close() {
      if (!open) return;
      open = false;
      file.remove();
      acceptor.close();
    },
    ref: () => acceptor.ref(),
    unref: () => acceptor.unref(),
  };
}
