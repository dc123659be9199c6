/** The HTTP/1.1 server: listeners, connections, and how all of it ends. */
import { Deadline, type WaitOptions } from "../../deadline.ts";
import { available } from "../../sys/libc.ts";
import type { Conn, Listener } from "../../net/conn.ts";
import { ClosedError } from "../../net/errors.ts";
import { listen, type ListenOptions } from "../../net/listener.ts";
import { listenTls, type ListenTlsOptions } from "../../net/tls.ts";
import { errServerClosed } from "../errors.ts";
import type { Handler } from "../handler.ts";
import { type ConnOwner, ServerConn } from "./server_conn.ts";
import {
  isServerOption,
  type ServerOptions,
  serverSettings,
  type Settings,
} from "./server_options.ts";
import { perTurn, Turns } from "./turns.ts";

/** How `listenAndServe` listens, beside the server's own options. */
export interface ListenAndServeOptions extends ListenOptions {
  /** Called with the listener's address, once it listens. */
  onListen?: (addr: Listener["addr"]) => void;
}

/** How `listenAndServeTls` listens. */
export interface ListenAndServeTlsOptions extends Omit<ListenTlsOptions, "alpnProtocols"> {
  /** Called with the listener's address, once it listens. */
  onListen?: (addr: Listener["addr"]) => void;
}

/** `open -> draining -> closed`, `open -> closed`. */
type State = "open" | "draining" | "closed";

/** The first wait after an accept that failed for a time, in ms; it doubles up to the last. */
const firstBackoff = 5;
const lastBackoff = 1_000;

/** A request that is on its way when a shutdown begins is waited for so long, in ms. */
const shutdownGrace = 50;

/** What a client without TLS is told by a port that has it. */
const plainText = "400 Bad Request: client sent an HTTP request to an HTTPS server\n";
const plainAnswer = new TextEncoder().encode(
  "HTTP/1.0 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n" +
    `content-length: ${plainText.length}\r\nconnection: close\r\n\r\n${plainText}`,
);

/**
 * An HTTP/1.1 server. As Go's `http.Server`, with handlers of the web's `Request` and `Response`.
 *
 * It serves any number of listeners, of any kind. It is strict: what is ambiguous is answered with
 * an error, and nothing behind it on that connection is. Limits of time apply to each phase.
 *
 * ```ts
 * import { defaultClient, get, Response, Server } from "@plumb/plumb/http";
 * import { listen } from "@plumb/plumb/net";
 *
 * const server = new Server({ handler: () => new Response("hello") });
 * const listener = listen("tcp", "127.0.0.1:0");
 * const serving = server.serve(listener);
 *
 * const response = await get(`http://${listener.addr}/`);
 * console.log(await response.text()); // hello
 *
 * defaultClient.closeIdleConnections(); // kept for a next request
 * await server.shutdown({ timeout: 10_000 }); // requests under way are answered first
 * console.log((await serving).message); // the server was closed
 * ```
 *
 * Needs `--allow-net`.
 */
export class Server implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #listeners = new Set<Listener>();
  /** Each knows its place. A `Set` would keep thousands that are over alive for a long time. */
  readonly #conns: ServerConn[] = [];
  readonly #shutdownHooks: (() => unknown)[] = [];
  readonly #owner: ConnOwner;
  readonly #ending = new AbortController();
  #state: State = "open";
  #emptied: PromiseWithResolvers<void> | undefined;

  /**
   * A server that serves nothing yet.
   *
   * @param options The handler, and how to serve.
   * @throws {TypeError} An option of the wrong type, or one there is none of.
   * @throws {RangeError} A number that is negative or `NaN`.
   */
  constructor(options: ServerOptions) {
    const settings = this.#settings = serverSettings(options);
    const turns = new Turns();
    this.#owner = {
      settings,
      closing: false,
      // So few cannot keep each other waiting.
      admit: () => this.#conns.length <= perTurn || turns.admit(),
      defer: (go) => turns.defer(go),
      release: (conn) => {
        const last = this.#conns.pop()!;
        if (last !== conn) this.#conns[last.slot = conn.slot] = last;
        if (this.#conns.length === 0) this.#emptied?.resolve();
      },
    };
  }

  /**
   * Listens on the server's `addr` over TCP, and serves: by system calls where `--allow-ffi` lets
   * it, which is faster, else on the runtime's sockets.
   *
   * @param options How to listen.
   * @returns `errServerClosed`, after `shutdown` or `close`.
   * @throws {OpError} It cannot listen, or can accept no more.
   */
  async listenAndServe(options: ListenAndServeOptions = {}): Promise<Error> {
    if (this.#state !== "open") return errServerClosed;
    const { onListen, ...how } = options;
    // Where system calls are allowed, they take a fifth off what a small request costs.
    if (how.engine === undefined && available()) how.engine = "native";
    const listener = listen("tcp", this.#settings.addr || ":http", how);
    return await this.#announceAndServe(listener, onListen);
  }

  /**
   * Listens on the server's `addr` over TLS, and serves.
   *
   * @param options The certificate and its key, in PEM, and how to listen.
   * @returns `errServerClosed`, after `shutdown` or `close`.
   * @throws {OpError} It cannot listen, or can accept no more.
   */
  async listenAndServeTls(options: ListenAndServeTlsOptions): Promise<Error> {
    if (this.#state !== "open") return errServerClosed;
    const { onListen, ...how } = options;
    const listener = listenTls("tcp", this.#settings.addr || ":https", {
      plainAnswer,
      ...how,
      alpnProtocols: ["http/1.1", "http/1.0"],
    });
    return await this.#announceAndServe(listener, onListen);
  }

  async #announceAndServe(
    listener: Listener,
    onListen: ListenAndServeOptions["onListen"],
  ): Promise<Error> {
    try {
      onListen?.(listener.addr);
    } catch (error) {
      listener.close();
      throw error;
    }
    return await this.serve(listener);
  }

  /**
   * Serves the connections of a listener, which is the server's to close from now on.
   *
   * @param listener Where they come from: any listener of `net`, or your own.
   * @returns `errServerClosed`, after `shutdown` or `close`.
   * @throws {OpError} The listener can accept no more.
   */
  async serve(listener: Listener): Promise<Error> {
    if (this.#state !== "open") {
      listener.close();
      return errServerClosed;
    }
    this.#listeners.add(listener);
    try {
      return await this.#accept(listener);
    } finally {
      this.#listeners.delete(listener);
      listener.close();
    }
  }

  /**
   * Serves a connection that is there already.
   *
   * @param conn The connection, from now on the server's.
   */
  serveConn(conn: Conn): void {
    // One that is accepted while the listener closes is served like those before it.
    if (this.#state === "closed") return conn.close();
    const serverConn = new ServerConn(conn, this.#owner);
    serverConn.slot = this.#conns.push(serverConn) - 1;
    serverConn.start();
    if (this.#state === "draining") serverConn.finish();
  }

  /**
   * Adds something to do when `shutdown` begins, such as telling hijacked connections.
   *
   * @param hook What to do. `shutdown` does not wait for it.
   */
  registerOnShutdown(hook: () => unknown): void {
    this.#shutdownHooks.push(hook);
  }

  /**
   * Ends without breaking anything off: closes the listeners and the idle connections, and waits
   * for the requests under way, each answered with `Connection: close`. A connection on which
   * nothing has come for 5 seconds since it was accepted counts as idle. Hijacked ones are left
   * alone.
   *
   * @param wait Limits; when they end it, what is under way goes on, and `close` ends it.
   * @throws {TimeoutError} The time was up.
   */
  async shutdown(wait?: WaitOptions): Promise<void> {
    using deadline = new Deadline(wait, { phase: "shutdown" });
    if (this.#state === "open") {
      this.#state = "draining";
      this.#stopListening();
      for (const hook of this.#shutdownHooks) this.#run(hook);
    }
    if (this.#conns.length === 0) return this.#closed();
    this.#emptied ??= Promise.withResolvers<void>();
    // Who is told to leave connects anew: only when the runtime has let go of the listener, which
    // takes a turn, lest the new connection end unanswered in its queue.
    let timer = setTimeout(() => {
      this.#owner.closing = true;
      // The next request of a busy client may be on its way already: it is answered. Another turn
      // brings those that have come while the thread was busy.
      timer = setTimeout(() => timer = setTimeout(finish), shutdownGrace);
    });
    const finish = () => {
      for (const conn of [...this.#conns]) conn.finish();
    };
    try {
      await deadline.race(this.#emptied.promise);
      this.#closed();
    } finally {
      clearTimeout(timer);
      this.#owner.closing = true;
    }
  }

  /** Ends at once: closes the listeners and all connections but the hijacked ones. */
  close(): void {
    this.#closed();
    this.#stopListening();
    for (const conn of [...this.#conns]) conn.close();
  }

  /** Shuts down, and waits for as long as that takes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #closed(): void {
    this.#state = "closed";
    this.#owner.closing = true;
  }

  #stopListening(): void {
    this.#ending.abort();
    for (const listener of [...this.#listeners]) listener.close();
  }

  #run(hook: () => unknown): void {
    const fail = (error: unknown) => this.#settings.errorLog("a shutdown hook failed", error);
    try {
      const result = hook();
      if (result instanceof Promise) result.catch(fail);
    } catch (error) {
      fail(error);
    }
  }

  async #accept(listener: Listener): Promise<Error> {
    let backoff = 0;
    for (;;) {
      let conn: Conn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (this.#state !== "open") return errServerClosed;
        if (error instanceof ClosedError || !isTemporary(error)) throw error;
        backoff = Math.min(backoff * 2 || firstBackoff, lastBackoff);
        this.#settings.errorLog(`accept failed, trying again in ${backoff} ms`, error);
        await pause(backoff, this.#ending.signal);
        continue;
      }
      backoff = 0;
      this.serveConn(conn);
    }
  }
}

function isTemporary(error: unknown): boolean {
  return (error as { temporary?: unknown } | null)?.temporary === true;
}

/** Waits, unless the server ends. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  using deadline = new Deadline({ timeout: ms, signal });
  await new Promise<void>((resolve) => deadline.watch(() => resolve()));
}

/**
 * Listens over TCP and serves, until the program ends. As Go's `http.ListenAndServe`.
 *
 * ```ts ignore
 * import { listenAndServe, Response } from "@plumb/plumb/http";
 *
 * await listenAndServe(":8080", () => new Response("hello"), {
 *   readTimeout: 10_000,
 *   onListen: (addr) => console.log(`http://${addr}/`),
 * });
 * ```
 *
 * @param addr `"host:port"`; `""` for `":http"`.
 * @param handler Answers the requests.
 * @param options How to serve, and how to listen.
 * @returns Never, unless it cannot listen or accept any more: there is no way to close it. Use a
 * {@linkcode Server} for that.
 * @throws {OpError} It cannot listen, or can accept no more.
 */
export async function listenAndServe(
  addr: string,
  handler: Handler,
  options: Omit<ServerOptions, "handler" | "addr"> & ListenAndServeOptions = {},
): Promise<Error> {
  const { server, listener } = split(options);
  return await new Server({ ...server, addr, handler }).listenAndServe(listener);
}

/** Tells how to serve from how to listen. */
function split<T extends object>(options: T) {
  const entries = Object.entries(options);
  const server = entries.filter(([name]) => isServerOption(name));
  const listener = entries.filter(([name]) => !isServerOption(name));
  return {
    server: Object.fromEntries(server) as Omit<ServerOptions, "handler">,
    listener: Object.fromEntries(listener) as Omit<T, keyof ServerOptions>,
  };
}

/**
 * Listens over TLS and serves. As Go's `http.ListenAndServeTLS`.
 *
 * ```ts ignore
 * import { listenAndServeTls, Response } from "@plumb/plumb/http";
 *
 * await listenAndServeTls(":8443", () => new Response("hello"), {
 *   cert: await Deno.readTextFile("server.pem"),
 *   key: await Deno.readTextFile("server.key"),
 * });
 * ```
 *
 * @param addr `"host:port"`; `""` for `":https"`.
 * @param handler Answers the requests.
 * @param options The certificate and its key, in PEM, how to listen, and how to serve.
 * @returns Never, unless it cannot listen or accept any more.
 * @throws {OpError} It cannot listen, or can accept no more.
 */
export async function listenAndServeTls(
  addr: string,
  handler: Handler,
  options: Omit<ServerOptions, "handler" | "addr"> & ListenAndServeTlsOptions,
): Promise<Error> {
  const { server, listener } = split(options);
  return await new Server({ ...server, addr, handler }).listenAndServeTls(listener);
}

/**
 * Serves the connections of a listener. As Go's `http.Serve`.
 *
 * ```ts
 * import { get, Response, serve } from "@plumb/plumb/http";
 * import { listen } from "@plumb/plumb/net";
 *
 * const listener = listen("tcp", "127.0.0.1:0");
 * const serving = serve(listener, () => new Response("hello")).catch((error) => error);
 * const headers = { connection: "close" }; // no later request may need it
 * const response = await get(`http://${listener.addr}/`, { headers });
 * console.log(response.status, await response.text()); // 200 hello
 *
 * listener.close();
 * console.log((await serving).code); // ERR_CLOSED
 * ```
 *
 * @param listener Where they come from, closed at the end.
 * @param handler Answers the requests.
 * @param options How to serve.
 * @returns Never: closing the listener makes it reject.
 * @throws {OpError} The listener can accept no more, or was closed.
 */
export function serve(
  listener: Listener,
  handler: Handler,
  options: Omit<ServerOptions, "handler" | "addr"> = {},
): Promise<Error> {
  return new Server({ ...options, handler }).serve(listener);
}
