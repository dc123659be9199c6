/** TLS listeners of the runtime, with the options of their sockets set by system call. */
import { listen, setsockopt, SO_RCVLOWAT, SOL_SOCKET, SyscallError } from "../../sys/mod.ts";
import { netAddress } from "../address.ts";
import type { NetAddress } from "../conn.ts";
import type { KeepAlive } from "../native/keep_alive.ts";
import { listenAt, NewestDescriptors } from "../native/newest.ts";
import { setKeepAlive, setNoDelay } from "../native/options.ts";
import { onEveryAddress } from "./tcp.ts";
import type { KeyPair } from "./tls.ts";
import { TlsServerStream } from "./tls_server.ts";
import type { PlainAnswer } from "./tls_sniff.ts";

/**
 * So many bytes a socket gathers before the runtime hears of them, unless the mark is lowered:
 * more than the first flight of any client, and what every system allows.
 */
const held = 32 * 1024;

/** How to listen. */
export interface ListenRuntimeTlsOptions extends KeyPair {
  /** The address to bind; `undefined` for all, IPv6 and IPv4. */
  readonly hostname: string | undefined;
  /** The port; 0 for a free one. */
  readonly port: number;
  /** Whether IPv4 peers of an IPv6 socket are turned away. */
  readonly onlyIpv6: boolean;
  /** Protocols to accept, the favourite first. */
  readonly alpnProtocols: readonly string[];
  /** How many connections the kernel queues. */
  readonly backlog?: number;
  /** Whether several processes may listen on one port; needs `--unstable-net`. */
  readonly reusePort?: boolean;
  /** TCP_NODELAY. */
  readonly noDelay: boolean;
  /** Whether and when the kernel probes silent peers. */
  readonly keepAlive?: KeepAlive;
  /** What a client that does not speak TLS is told. */
  readonly plainAnswer: PlainAnswer;
}

/** A TLS listener of the runtime. */
export interface RuntimeTlsListener {
  readonly addr: NetAddress;
  accept(): Promise<TlsServerStream>;
  close(): void;
  ref(): void;
  unref(): void;
}

/**
 * Listens for TLS. Needs Linux, where a connection inherits the options of its listener's socket,
 * and `--allow-ffi`.
 *
 * @param options How.
 * @returns The listener; `undefined` if its socket cannot be found.
 */
export function listenRuntimeTls(
  options: ListenRuntimeTlsOptions,
): RuntimeTlsListener | undefined {
  const { hostname, port, cert, key, alpnProtocols, backlog, reusePort } = options;
  const how = {
    port,
    cert,
    key,
    ...(alpnProtocols.length > 0 && { alpnProtocols: [...alpnProtocols] }),
    ...(reusePort && { reusePort }),
  };
  const [listener, fd] = listenAt(
    () => onEveryAddress(hostname, (hostname) => Deno.listenTls({ hostname, ...how })),
    ({ addr }) => netAddress("tcp", addr.hostname, addr.port),
  );
  try {
    if (fd === undefined) throw new Deno.errors.BadResource("the listener's socket is not found");
    setNoDelay(fd, options.noDelay);
    setKeepAlive(fd, options.keepAlive ?? true);
    setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, held);
    if (backlog !== undefined) listen(fd, backlog);
  } catch (error) {
    listener.close();
    if (error instanceof SyscallError || error instanceof Deno.errors.BadResource) return undefined;
    throw error;
  }
  const descriptors = new NewestDescriptors();
  const release = (fd: number) => descriptors.release(fd);
  const { plainAnswer, onlyIpv6 } = options;
  return {
    addr: netAddress("tcp", listener.addr.hostname, listener.addr.port),
    async accept() {
      for (;;) {
        const conn = await listener.accept();
        const { localAddr, remoteAddr } = conn;
        const local = netAddress("tcp", localAddr.hostname, localAddr.port);
        const remote = netAddress("tcp", remoteAddr.hostname, remoteAddr.port);
        const fd = descriptors.find(local, remote);
        if (fd === undefined) {
          conn.close(); // the peer has reset it already
          continue;
        }
        const stream = new TlsServerStream(conn, { local, remote, fd, release, plainAnswer });
        if (!onlyIpv6 || !remoteAddr.hostname.toLowerCase().startsWith("::ffff:")) return stream;
        stream.close();
      }
    },
    close: () => listener.close(),
    ref: () => (listener as unknown as Deno.TcpListener).ref(),
    unref: () => (listener as unknown as Deno.TcpListener).unref(),
  };
}
