/** A connection that a handler has taken over before the server had written all it had to. */
import type { Conn } from "../../net/conn.ts";
import { StreamConn } from "../../net/stream.ts";

/**
 * The same connection, whose writes wait for what is still to be written.
 *
 * @param conn The connection.
 * @param drained Resolves when that is done.
 */
export function connAfter(conn: Conn, drained: Promise<void>): Conn {
  drained.catch(() => {}); // a write will tell
  const { localAddr, remoteAddr } = conn;
  return new StreamConn(
    {
      read: (p) => conn.read(p),
      write: (p) => drained.then(() => conn.write(p)),
      closeWrite: () => drained.then(() => conn.closeWrite()),
      close: () => conn.close(),
      ref: () => conn.ref(),
      unref: () => conn.unref(),
    },
    localAddr.network,
    () => [localAddr, remoteAddr],
  );
}
