/** A server and a client for it, for tests. */
import { TimeoutError } from "../deadline.ts";
import { listen } from "../net/listener.ts";
import { pipe } from "../net/pipe.ts";
import { Client } from "./client/client.ts";
import type { Handler } from "./handler.ts";
import { Server } from "./server/server.ts";
import type { ServerOptions } from "./server/server_options.ts";
import { Transport } from "./client/transport.ts";
import type { TransportOptions } from "./client/transport_options.ts";

/** How a {@linkcode testServer} is set up: as a server, and what connects to it. */
export interface TestServerOptions extends Omit<ServerOptions, "handler" | "addr"> {
  /**
   * `"tcp"`, the default: on a free port of the loopback interface, for any client. `"memory"`:
   * without sockets or permissions, for this test server's own `client` alone.
   */
  over?: "tcp" | "memory";
  /** How `client` works, beside being connected; it uses no proxy by default. */
  transport?: Omit<TransportOptions, "dial">;
}

/** A server that runs, and a client for it. */
export interface TestServer extends AsyncDisposable {
  /** Where it is: `"http://127.0.0.1:8080"`, without a slash at the end. */
  readonly url: string;
  /** A client with connections of its own. */
  readonly client: Client;
  /** The server. */
  readonly server: Server;
  /**
   * Ends both. Requests under way are answered first, if their handlers are done within a second.
   */
  close(): Promise<void>;
}

/** Lets answers that are on their way arrive; what nobody reads is not waited for long. */
async function arrivals(transport: Transport): Promise<void> {
  const busy = () => Object.values(transport.stats()).some(({ active }) => active > 0);
  for (let turns = 0; turns < 20 && busy(); turns++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** How long the end waits for handlers, in ms. */
const patience = 1_000;

/**
 * Starts a server for a test, with a client that is ready to use. As Go's `httptest.NewServer`.
 *
 * ```ts
 * import { Response, testServer } from "@plumb/plumb/http";
 *
 * await using test = testServer((request) => new Response(request.method));
 * const response = await test.client.get(test.url);
 * console.log(await response.text()); // GET
 * ```
 *
 * Needs `--allow-net=127.0.0.1`, unless it is in memory.
 *
 * @param handler Answers the requests.
 * @param options How to serve, and over what.
 * @returns The server and its client, to be closed at the end of the test.
 * @throws {TypeError} An option of the wrong type.
 */
export function testServer(handler: Handler, options: TestServerOptions = {}): TestServer {
  const { over = "tcp", transport: transportOptions, ...serverOptions } = options;
  if (over !== "tcp" && over !== "memory") {
    throw new TypeError(`over must be "tcp" or "memory", got ${JSON.stringify(over)}`);
  }
  const server = new Server({ ...serverOptions, handler });
  const how: TransportOptions = { proxy: null, ...transportOptions };
  let url = "http://memory.test";
  if (over === "memory") {
    how.dial = () => {
      const [client, conn] = pipe();
      server.serveConn(conn);
      return Promise.resolve(client);
    };
  }
  const transport = new Transport(how);
  let serving: Promise<unknown> = Promise.resolve();
  if (over === "tcp") {
    const listener = listen("tcp", "127.0.0.1:0");
    url = `http://${listener.addr}`;
    serving = server.serve(listener);
  }
  const close = async () => {
    transport.closeIdleConnections();
    try {
      await server.shutdown({ timeout: patience });
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      server.close();
    }
    await arrivals(transport);
    transport.close();
    await serving;
  };
  return { url, server, client: new Client({ transport }), close, [Symbol.asyncDispose]: close };
}
