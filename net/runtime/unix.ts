/** Unix stream sockets through the runtime's own. */
import type { Deadline } from "../../deadline.ts";
import { unixAddress } from "../address.ts";
import type { UnixAddress, UnixConn } from "../conn.ts";
import { AddressError, UnsupportedError } from "../errors.ts";
import { StreamConn } from "../stream.ts";

/** The longest path a socket address holds, less its final NUL (`sun_path` of the platform). */
const maxPath = Deno.build.os === "linux" || Deno.build.os === "android" ? 107 : 103;

/**
 * Turns the name of a Unix socket into what the runtime takes.
 *
 * @param name A path, or `"@name"` for an abstract one (Linux).
 * @throws {TypeError} No string.
 * @throws {AddressError} Empty, too long, or with a NUL in it.
 * @throws {UnsupportedError} An abstract name on another platform.
 */
export function socketPath(name: string): string {
  if (typeof name !== "string") throw new TypeError(`path must be a string, got ${String(name)}`);
  if (name === "") throw new AddressError(name, "empty path");
  if (name.includes("\0")) throw new AddressError(name, "NUL in path");
  const length = new TextEncoder().encode(name).length;
  if (length > maxPath) {
    throw new AddressError(name, `path of ${length} bytes, at most ${maxPath} fit`);
  }
  if (!name.startsWith("@")) return name;
  if (Deno.build.os !== "linux" && Deno.build.os !== "android") {
    throw new UnsupportedError(
      `abstract name ${JSON.stringify(name)}`,
      `only Linux has abstract Unix sockets, this is ${Deno.build.os}`,
    );
  }
  return `\0${name.slice(1)}`;
}

/** A Unix stream connection of the runtime. */
export class RuntimeUnixConn extends StreamConn<Deno.UnixConn, UnixAddress> implements UnixConn {
  /** @param conn The runtime's connection, from now on this one's alone. */
  constructor(conn: Deno.UnixConn) {
    // A socket without a name has no path; the runtime says null.
    super(conn, "unix", () => [
      unixAddress("unix", conn.localAddr.path ?? ""),
      unixAddress("unix", conn.remoteAddr.path ?? ""),
    ]);
  }

  peerCredentials(): never {
    throw nativeOnly("peerCredentials");
  }

  sendFds(): Promise<never> {
    return Promise.reject(nativeOnly("sendFds"));
  }

  receiveFds(): Promise<never> {
    return Promise.reject(nativeOnly("receiveFds"));
  }
}

function nativeOnly(what: string): UnsupportedError {
  const missing = 'dial or listen with engine: "native", which needs --allow-ffi';
  return new UnsupportedError(`${what} on a connection of the runtime`, missing);
}

/**
 * Connects to a listener.
 *
 * @param name Its path or `"@name"`.
 * @param deadline When to give up; the runtime cannot cancel the attempt, so a connection that
 * comes late is closed.
 */
export function connectUnix(name: string, deadline: Deadline): Promise<Deno.UnixConn> {
  const path = socketPath(name);
  return deadline.race(
    () => Deno.connect({ transport: "unix", path }),
    (late) => late.close(),
  );
}

/** A Unix listener of the runtime, and how to close it. */
export interface UnixListener {
  /** The runtime's listener. */
  readonly listener: Deno.UnixListener;
  /** Closes it and removes its path, unless another socket has taken that meanwhile. */
  close(): void;
}

/**
 * Listens on a Unix socket. An existing path is left alone and fails.
 *
 * @param name The path or `"@name"`.
 */
export function listenUnix(name: string): UnixListener {
  const path = socketPath(name);
  const listener = Deno.listen({ transport: "unix", path });
  if (path.startsWith("\0")) return { listener, close: () => listener.close() };
  const own = inode(path);
  return {
    listener,
    close: () => {
      const now = inode(path);
      if (now === own || now === undefined) listener.close();
      else closeBeside(listener, path);
    },
  };
}

/**
 * What tells one socket file from the next at the same path: a bound socket holds on to its inode,
 * so the number is not used again while the listener is open.
 */
export function inode(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.lstatSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/**
 * Closes a listener whose path belongs to another socket by now. The runtime's close removes
 * whatever is at the path, so the stranger's file is kept under a second name meanwhile.
 */
function closeBeside(listener: Deno.UnixListener, path: string): void {
  const aside = `${path}.${crypto.randomUUID().slice(0, 8)}`;
  let kept = false;
  try {
    Deno.linkSync(path, aside);
    kept = true;
  } catch {
    // Not possible here (permissions, file system): the listener still has to be closed.
  }
  listener.close();
  if (kept) Deno.renameSync(aside, path);
}
