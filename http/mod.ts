/**
 * HTTP/1.1 on sockets: a server, a client and its transport, all speaking the web's `Request` and
 * `Response`. As Go's `net/http`.
 *
 * ```ts
 * import { get, Response, Server } from "@plumb/plumb/http";
 * import { listen } from "@plumb/plumb/net";
 *
 * const server = new Server({ handler: () => new Response("hello") });
 * const listener = listen("tcp", "127.0.0.1:0");
 * const serving = server.serve(listener);
 *
 * const response = await get(`http://${listener.addr}/`, { timeout: 5_000 });
 * console.log(response.status, await response.text()); // 200 hello
 *
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
export { Response } from "./response.ts";
export { Request } from "./request.ts";
export { Status, statusText } from "./status.ts";
export {
  listenAndServe,
  type ListenAndServeOptions,
  listenAndServeTls,
  type ListenAndServeTlsOptions,
  serve,
  Server,
} from "./server.ts";
export type { ConnState, ServerOptions } from "./server_options.ts";
export { type Match, ServeMux } from "./mux.ts";
export {
  error,
  maxBytesHandler,
  notFound,
  redirect,
  stripPrefix,
  timeoutHandler,
} from "./handlers.ts";
export {
  fileServer,
  type FileServerOptions,
  serveFile,
  type ServeFileOptions,
} from "./file_server.ts";
export {
  Client,
  type ClientInit,
  type ClientOptions,
  type ExchangeOptions,
  type FormValues,
} from "./client.ts";
export { defaultClient, get, head, post, postForm } from "./default_client.ts";
export { type CheckRedirect, maxRedirects, useLastResponse } from "./redirect.ts";
export { type CookieJar, cookieJar } from "./cookies.ts";
export { type TestServer, testServer, type TestServerOptions } from "./test_server.ts";
export { type RoundTripper } from "./round_tripper.ts";
export { defaultTransport, Transport } from "./transport.ts";
export {
  defaultMaxIdleConnsPerHost,
  type DialFunction,
  type ProxyFunction,
  type TransportOptions,
  type TransportTlsOptions,
} from "./transport_options.ts";
export type { HostStats } from "./pool.ts";
export { proxyFromEnvironment } from "./proxy_env.ts";
export type {
  ClientTrace,
  GetConnEvent,
  GotClientConnEvent,
  InformationalEvent,
  PutIdleConnEvent,
  WroteRequestEvent,
} from "./trace.ts";
