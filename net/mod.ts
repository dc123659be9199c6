/**
 * Dialing and listening on nine networks, with deadlines on everything that waits: what Go's
 * `net` package is to Go, on Deno's own sockets.
 *
 * ```ts
 * import { dial, isTimeout, listen } from "@plumb/plumb/net";
 *
 * using listener = listen("tcp", "127.0.0.1:0");
 * using conn = await dial("tcp", listener.addr.toString(), { timeout: 5_000 });
 *
 * conn.setReadDeadline(Date.now() + 20);
 * await conn.read(new Uint8Array(1)).catch((error) => console.log(isTimeout(error))); // true
 * ```
 *
 * TCP and UDP need `--allow-net`, Unix sockets `--allow-net --allow-read --allow-write`; names are
 * looked up through the hosts file when `--allow-read` covers it, and through the system otherwise.
 *
 * @module
 */
export * from "./errors.ts";
export type * from "./conn.ts";
export {
  joinHostPort,
  netAddress,
  networks,
  parseNetwork,
  splitHostPort,
  unixAddress,
} from "./address.ts";
export { type Cidr, Ip, isIp, parseCidr, parseIp, splitZone } from "./ip.ts";
export { type ConnOf, dial, Dialer, dialTimeout, type TcpNetwork } from "./dialer.ts";
export type { DialerOptions } from "./dialer_options.ts";
export type { Engine } from "./engine.ts";
export { listen, type ListenOptions } from "./listener.ts";
export type { Control, ControlSocket } from "./native/control.ts";
export type { KeepAlive, KeepAliveConfig } from "./native/keep_alive.ts";
export { listenPacket, type ListenPacketOptions } from "./packet.ts";
export { pipe } from "./pipe.ts";
export { socketpair } from "./socketpair.ts";
export {
  defaultResolver,
  type IpNetwork,
  type Mx,
  type NameServer,
  type Resolver,
  type Srv,
  SystemResolver,
  type SystemResolverOptions,
} from "./resolver.ts";
export * from "./lookup.ts";
export type * from "./trace.ts";
export { dialTls, type DialTlsOptions, listenTls, type ListenTlsOptions } from "./tls.ts";
export { isTimeout, TimeoutError, type WaitOptions } from "../deadline.ts";
