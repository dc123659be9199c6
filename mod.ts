/**
 * Sockets, HTTP/1.1 and processes with deadlines, in Go's words and the web's types.
 *
 * ```ts
 * import { isTimeout, net } from "@plumb/plumb";
 *
 * using listener = net.listen("tcp", "127.0.0.1:0");
 * const accepting = listener.accept({ timeout: 20 });
 * await accepting.catch((error) => console.log(isTimeout(error))); // true
 * ```
 *
 * Each part is also an entry point of its own: `@plumb/plumb/deadline`, `@plumb/plumb/net`,
 * `@plumb/plumb/http`, `@plumb/plumb/ipc`, and `@plumb/plumb/sys` for the system calls below them.
 *
 * @module
 */
export * from "./deadline.ts";
export * as http from "./http/mod.ts";
export * as ipc from "./ipc/mod.ts";
export * as net from "./net/mod.ts";
