/** The file a Unix socket is bound to: whose it is, and who removes it. */
import { bind } from "../../sys/mod.ts";
import { inode, socketPath } from "../runtime/unix.ts";

/** A socket that has been bound to a name. */
export interface SocketFile {
  /**
   * Removes the file, unless another socket has taken its place since. To be called while the
   * socket is still open: until then no other file can have its inode number.
   */
  remove(): void;
}

const nothing: SocketFile = { remove: () => {} };

/**
 * Binds a Unix socket to a name. A path needs `--allow-read` and `--allow-write`, as it does with
 * the runtime's sockets: its file is told from a stranger's, and removed, by the runtime.
 *
 * @param fd The socket.
 * @param name A path, or `"@name"` for an abstract one (Linux).
 * @throws {AddressError} Empty, too long, or with a NUL in it.
 * @throws {Deno.errors.NotCapable} The path may not be read or written.
 * @throws {SyscallError} `EADDRINUSE`: something is there already, and is left alone; ...
 */
export function bindName(fd: number, name: string): SocketFile {
  const abstract = socketPath(name).startsWith("\0");
  if (!abstract) checkPermission("write", name);
  if (!abstract) checkPermission("read", name);
  bind(fd, { family: "unix", path: name });
  if (abstract) return nothing;
  const own = inode(name);
  return {
    remove() {
      if (own === undefined || inode(name) !== own) return;
      try {
        Deno.removeSync(name);
      } catch {
        // Gone, or in a directory that has become read-only: closing works all the same.
      }
    },
  };
}

function checkPermission(name: "read" | "write", path: string): void {
  // The runtime remembers each path it was ever asked about, so it is asked about few.
  const any = Deno.permissions.querySync({ name });
  if (any.state === "granted" && !any.partial) return;
  if (Deno.permissions.querySync({ name, path }).state === "granted") return;
  const flag = `run again with the --allow-${name} flag`;
  throw new Deno.errors.NotCapable(`Requires ${name} access to ${JSON.stringify(path)}, ${flag}`);
}
