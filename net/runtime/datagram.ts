/** Sockets of messages over `Deno.listenDatagram`, which needs `--unstable-net`. */
import { netAddress, unixAddress } from "../address.ts";
import type { Address, Message, NetAddress, Packet, UnixAddress } from "../conn.ts";
import { isIp } from "../ip.ts";
import { socketPath } from "./unix.ts";

/** One socket of messages, whoever serves it. What goes wrong comes as the runtime's error. */
export interface DatagramPort {
  /** Where it is bound. */
  readonly addr: Address;
  /** The next message, in an array of its own. Not to be called again before it has settled. */
  receive(): Promise<Packet>;
  /** Sends one message to an address of the port's own kind. It never throws but rejects. */
  send(data: Uint8Array, addr: Address): Promise<number>;
  /** Closes the socket and removes what it left in the file system. */
  close(): void;
  /** Lets a pending receive keep the process alive, as it does to begin with. */
  ref(): void;
  /** Keeps a pending receive from keeping the process alive. */
  unref(): void;
  /** The only peer, where the system itself drops what others send. */
  readonly peer?: Address;
  /** In place of `receive`, where the port can tell that a message was cut. */
  receiveMessage?(): Promise<Message>;
  /** What else is there, up to `max`, without waiting; an error is left to the next receive. */
  receiveMore?(max: number): Message[];
  /** Sends one or more of the messages from an index on; gives how many. Rejects for the first. */
  sendBatch?(messages: readonly { data: Uint8Array; addr: Address }[], from: number): Promise<
    number
  >;
  /** Takes back a send that has not begun: its promise never settles then. */
  abandon?(sent: Promise<number>): boolean;
}

/** What an UDP port is opened with. */
export interface UdpPortOptions {
  /** The IP address to bind to. */
  hostname: string;
  /** The port to bind to; 0 for any. */
  port: number;
  /** Whether an address in use may be bound once more. */
  reuseAddress?: boolean;
  /** Whether the IPv6 wildcard leaves IPv4 alone; `Deno.listenDatagram` cannot do that. */
  ipv6Only?: boolean;
  /** The only address to talk to; left to the connection above where an engine cannot. */
  peer?: NetAddress;
}

/** Opens an UDP port; it throws the runtime's error. */
export type OpenUdpPort = (options: UdpPortOptions) => DatagramPort;

/** Whether `Deno.listenDatagram` may be called: without the flag, calling it ends the process. */
export const hasDatagram = (): boolean => Deno.listenDatagram !== undefined;

/** More than any UDP message: its length is a number of 16 bits (RFC 768). */
const maxUdpMessage = 64 * 1024;

/** More than Linux lets an Unix socket send with its default buffer (net.core.wmem_default). */
const maxUnixMessage = 256 * 1024;

/** The host as a socket bound to `local` must be told it: an IPv6 one knows only IPv6 names. */
export function hostFor(local: NetAddress, host: string): string {
  return local.hostname.includes(":") && isIp(host) === 4 && !host.includes(":")
    ? `::ffff:${host}`
    : host;
}

/** Opens an UDP port of `Deno.listenDatagram`. */
export function openUdp({ hostname, port, reuseAddress }: UdpPortOptions): DatagramPort {
  return new UdpPort(Deno.listenDatagram({ transport: "udp", hostname, port, reuseAddress }));
}

class UdpPort implements DatagramPort {
  readonly addr: NetAddress;
  readonly #conn: Deno.DatagramConn;
  readonly #buffer = new Uint8Array(maxUdpMessage);

  constructor(conn: Deno.DatagramConn) {
    this.#conn = conn;
    const { hostname, port } = conn.addr as Deno.NetAddr;
    this.addr = netAddress("udp", hostname, port);
  }

  async receive(): Promise<Packet> {
    const [data, from] = await this.#conn.receive(this.#buffer);
    const { hostname, port } = from as Deno.NetAddr;
    return [data.slice() as Uint8Array<ArrayBuffer>, netAddress("udp", hostname, port)];
  }

  send(data: Uint8Array, addr: Address): Promise<number> {
    const { hostname, port } = addr as NetAddress;
    return this.#conn.send(data, {
      transport: "udp",
      hostname: hostFor(this.addr, hostname),
      port,
    });
  }

  close(): void {
    this.#conn.close();
  }

  ref(): void {
    refOf(this.#conn).ref();
  }

  unref(): void {
    refOf(this.#conn).unref();
  }
}

/** The runtime's class has these two; its declaration does not. */
const refOf = (conn: Deno.DatagramConn) => conn as unknown as { ref(): void; unref(): void };

/** What Deno calls "unixpacket" is SOCK_DGRAM. */
const listenUnix = (path: string) => Deno.listenDatagram({ transport: "unixpacket", path });

/**
 * Opens a port of Unix datagrams.
 *
 * @param path Where to bind it, or `"@name"`; without it, in a private directory that close
 * removes.
 * @throws {AddressError} A path that no socket can have.
 */
export function openUnixgram(path?: string): DatagramPort {
  if (path !== undefined) return new UnixgramPort(socketPath(path));
  const dir = Deno.makeTempDirSync({ prefix: "plumb-" });
  try {
    return new UnixgramPort(`${dir}/socket`, dir);
  } catch (error) {
    Deno.removeSync(dir);
    throw error;
  }
}

/**
 * Whether there is something at a path to send to, as `connect` would say.
 *
 * @param path A path, or an abstract name, of which nothing is known.
 * @throws What `stat` throws.
 */
export function statUnix(path: string): void {
  const raw = socketPath(path);
  if (!raw.startsWith("\0")) Deno.statSync(raw);
}

/** Whether two paths name one socket, however they are written. */
export function isSameUnix(a: string, b: string): boolean {
  if (a === b) return true;
  if (a === "" || a.startsWith("@") || b.startsWith("@")) return false;
  const file = fileAt(a, Deno.statSync);
  return file !== undefined && file === fileAt(b, Deno.statSync);
}

/** What tells one file from the next at the same path, or `undefined`. */
function fileAt(path: string, stat: typeof Deno.statSync): string | undefined {
  try {
    const { dev, ino, birthtime } = stat(path);
    // A file system may use an inode number again at once.
    return `${dev}:${ino}:${birthtime?.getTime()}`;
  } catch {
    return undefined;
  }
}

/**
 * The path of a bound socket. Close removes it unless it is someone else's by then; the runtime
 * would leave it there, so that the address could not be used again.
 */
class BoundPath {
  readonly #path: string;
  readonly #dir: string | undefined;
  readonly #file: string | undefined;

  constructor(path: string, dir?: string) {
    this.#path = path;
    this.#dir = dir;
    if (!path.startsWith("\0")) this.#file = fileAt(path, Deno.lstatSync);
  }

  remove(): void {
    if (this.#file === undefined) return;
    try {
      if (fileAt(this.#path, Deno.lstatSync) === this.#file) Deno.removeSync(this.#path);
      if (this.#dir !== undefined) Deno.removeSync(this.#dir);
    } catch {
      // Already gone, or no longer ours to remove.
    }
  }
}

interface PendingSend {
  readonly data: Uint8Array;
  readonly path: string;
  resolve(n: number): void;
  reject(error: unknown): void;
}

/**
 * A port of Unix datagrams. The runtime lets such a socket do one thing at a time: a send while
 * a receive is pending fails with `Busy`, and the receive cannot be taken back. So both take
 * turns in one loop, and a send that finds a receive pending ends it with a message to our own
 * address, from a second socket, which is dropped again.
 */
class UnixgramPort implements DatagramPort {
  readonly addr: UnixAddress;
  readonly #path: string;
  readonly #conn: Deno.DatagramConn;
  readonly #bound: BoundPath;
  readonly #buffer = new Uint8Array(maxUnixMessage);
  #sends: PendingSend[] = [];
  #receiver: PromiseWithResolvers<Packet> | undefined;
  #running = false;
  #receiving = false;
  #waker: { conn: Deno.DatagramConn; path: string; bound: BoundPath } | undefined;
  #waking = false;

  constructor(path: string, dir?: string) {
    this.#path = path;
    this.#conn = listenUnix(path);
    this.#bound = new BoundPath(path, dir);
    this.addr = unixAddress("unixgram", path);
  }

  receive(): Promise<Packet> {
    this.#receiver = Promise.withResolvers();
    const { promise } = this.#receiver;
    this.#run();
    return promise;
  }

  // deno-lint-ignore require-await -- async, so that what it throws is a rejection
  async send(data: Uint8Array, addr: Address): Promise<number> {
    const path = socketPath((addr as UnixAddress).path);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    // A copy: the message may wait for room at the peer after its sender has given up.
    this.#sends.push({ data: data.slice(), path, resolve, reject });
    if (this.#receiving) this.#wake();
    else this.#run();
    return promise;
  }

  close(): void {
    this.#conn.close();
    this.#bound.remove();
    this.#waker?.conn.close();
    this.#waker?.bound.remove();
  }

  ref(): void {
    refOf(this.#conn).ref();
  }

  unref(): void {
    refOf(this.#conn).unref();
  }

  /** The sends that are there, then one receive, and again. */
  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (this.#sends.length > 0 || this.#receiver !== undefined) {
      for (const send of this.#sends.splice(0)) {
        const to = { transport: "unixpacket", path: send.path } as const;
        await this.#conn.send(send.data, to).then(send.resolve, send.reject);
      }
      if (this.#receiver !== undefined) await this.#receiveOnce(this.#receiver);
    }
    this.#running = false;
  }

  async #receiveOnce({ resolve, reject }: PromiseWithResolvers<Packet>): Promise<void> {
    this.#receiving = true;
    if (this.#sends.length > 0) this.#wake();
    try {
      const [data, from] = await this.#conn.receive(this.#buffer);
      const path = (from as Deno.UnixAddr).path ?? "";
      if (this.#waker !== undefined && path === this.#waker.path) {
        this.#waking = false;
        return;
      }
      this.#receiver = undefined;
      resolve([data.slice() as Uint8Array<ArrayBuffer>, unixAddress("unixgram", path)]);
    } catch (error) {
      this.#receiver = undefined;
      reject(error);
    } finally {
      this.#receiving = false;
    }
  }

  /** Ends the pending receive for the sake of the sends that wait; one wake-up serves all. */
  async #wake(): Promise<void> {
    if (this.#waking) return;
    this.#waking = true;
    try {
      this.#waker ??= openWaker(this.#path);
      const to = { transport: "unixpacket", path: this.#path } as const;
      await this.#waker.conn.send(new Uint8Array(0), to);
    } catch (error) {
      this.#waking = false;
      for (const send of this.#sends.splice(0)) send.reject(error);
    }
  }
}

/** A second socket beside the one at `path`: abstract where there are such names. */
function openWaker(path: string) {
  const name = Deno.build.os === "linux" ? `\0plumb-${crypto.randomUUID()}` : `${path}~`;
  return { conn: listenUnix(name), path: name, bound: new BoundPath(name) };
}
