/**
 * HTTP/1.1 on sockets: a server, a client and its transport, all speaking the web's `Request` and
 * `Response`. As Go's `net/http`.
 *
 * ```ts
 * import { defaultClient, get, Response, Server } from "@plumb/plumb/http";
 * import { listen } from "@plumb/plumb/net";
 *
 * const server = new Server({ handler: () => new Response("hello") });
 * const listener = listen("tcp", "127.0.0.1:0");
 * const serving = server.serve(listener);
 *
 * const response = await get(`http://${listener.addr}/`, { timeout: 5_000 });
 * console.log(response.status, await response.text()); // 200 hello
 *
 * defaultClient.closeIdleConnections(); // kept for a next request
 * await server.shutdown({ timeout: 10_000 });
 * await serving;
 * ```
 *
 * Needs `--allow-net`; the client reads the environment's proxies with `--allow-env`.
 *
 * @module
 */
export type * from "./handler.ts";
export {
  BodyTooLargeError,
  errServerClosed,
  HttpError,
  type HttpErrorInit,
  type Phase,
  ProtocolError,
  type ProtocolErrorInit,
} from "./errors.ts";
export { Response } from "./web/response.ts";
export { Request } from "./web/request.ts";
export { Status, statusText } from "./status.ts";
export {
  listenAndServe,
  type ListenAndServeOptions,
  listenAndServeTls,
  type ListenAndServeTlsOptions,
  serve,
  Server,
} from "./server/server.ts";
export type { ConnState, ServerOptions } from "./server/server_options.ts";
export { type Match, ServeMux } from "./routing/mux.ts";
export {
  error,
  maxBytesHandler,
  notFound,
  redirect,
  stripPrefix,
  timeoutHandler,
} from "./routing/handlers.ts";
export {
  fileServer,
  type FileServerOptions,
  serveFile,
  type ServeFileOptions,
} from "./files/file_server.ts";
export {
  Client,
  type ClientInit,
  type ClientOptions,
  type ExchangeOptions,
  type FormValues,
} from "./client/client.ts";
export { defaultClient, get, head, post, postForm } from "./client/default_client.ts";
export { type CheckRedirect, maxRedirects, useLastResponse } from "./client/redirect.ts";
export { type CookieJar, cookieJar } from "./client/cookies.ts";
export { type TestServer, testServer, type TestServerOptions } from "./test_server.ts";
export { type RoundTripper } from "./client/round_tripper.ts";
export { defaultTransport, Transport } from "./client/transport.ts";
export {
  defaultMaxIdleConnsPerHost,
  type DialFunction,
  type ProxyFunction,
  type TransportOptions,
  type TransportTlsOptions,
} from "./client/transport_options.ts";
export type { HostStats } from "./client/pool.ts";
export { proxyFromEnvironment } from "./client/proxy_env.ts";
export type {
  ClientTrace,
  GetConnEvent,
  GotClientConnEvent,
  InformationalEvent,
  PutIdleConnEvent,
  WroteRequestEvent,
} from "./client/trace.ts";
