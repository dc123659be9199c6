/** The servers that our client is shown to get on with, and how each is started. */
import type { HandlerInfo } from "../../../http/handler.ts";
import { server as certificate, tlsFile } from "../../support/tls/certificates.ts";
import { type Peer, peer } from "./client_peer.ts";
import { digestBody, endless, installed, serving } from "./http_server.ts";

/** How a server is reached. */
export type Over = "tcp" | "unix" | "tls";

/** A server that listens; ended with the scope it is in. */
export type Listening = Pick<Peer, "address"> & AsyncDisposable;

/** What not every server can do. */
export type Ability =
  | "trailers"
  | "informational"
  /** Says `100 Continue` when the body is asked for, and not before. */
  | "expect"
  /** Closes a connection at will. */
  | "raw"
  | "reset"
  /** Answers while it reads. */
  | "duplex"
  /** Has a limit of idle time, and closes where the handler says so. */
  | "close";

/** A server. */
export interface PeerServer {
  readonly name: string;
  readonly abilities: readonly Ability[];
  /** Whether it is not installed. */
  readonly missing: boolean;
  /**
   * Starts it.
   *
   * @param over TCP, TLS, or a Unix socket at `path`.
   * @param idle How long a connection may be idle, in milliseconds.
   */
  start(over: Over, path: string, idle: number): Promise<Listening>;
}

const file = (name: string) => new URL(name, import.meta.url).pathname;

/** What a program of ours in another language is told. */
const told = (over: Over, path: string, idle: number) => [
  `${idle}`,
  ...over === "unix"
    ? [path]
    : over === "tls"
    ? [tlsFile("server.pem"), tlsFile("server.key")]
    : [],
];

const listeningAt = /^listening at (\S+)$/m;

let built: Promise<string> | undefined;

/** Compiles the server in Go, once. */
async function build(): Promise<string> {
  const dir = await Deno.makeTempDir();
  globalThis.addEventListener("unload", () => Deno.removeSync(dir, { recursive: true }));
  const { success, stderr } = await new Deno.Command("go", {
    args: ["build", "-o", `${dir}/server`, file("client_server.go")],
    env: { CGO_ENABLED: "0", ...Deno.env.has("HOME") ? {} : { GOCACHE: `${dir}/cache` } },
  }).output();
  if (!success) throw new Error(`go build: ${new TextDecoder().decode(stderr)}`);
  return `${dir}/server`;
}

/** Go's `net/http`; `client_server.go` says what it does. */
export const go: PeerServer = {
  name: "Go's server",
  abilities: ["trailers", "informational", "expect", "raw", "reset", "close"],
  missing: !installed("go", "version"),
  start: async (...args) => await peer(await (built ??= build()), told(...args), listeningAt),
};

/** Node's `node:http`; `client_server.mjs` says what it does. */
export const node: PeerServer = {
  name: "Node's server",
  abilities: ["trailers", "informational", "expect", "raw", "reset", "duplex", "close"],
  missing: !installed("node", "--version"),
  start: (...args) => peer("node", [file("client_server.mjs"), ...told(...args)], listeningAt),
};

/** Two requests that wait for each other; again and again. */
class Signal {
  #it = Promise.withResolvers<void>();

  give = () => this.#it.resolve();

  async wait(): Promise<void> {
    await this.#it.promise;
    this.#it = Promise.withResolvers();
  }
}

const encode = (text: string) => new TextEncoder().encode(text);

/** Takes the connection over, says something on it, and closes it in a later turn. */
async function andClose(info: HandlerInfo, text: string): Promise<Response> {
  const { conn } = info.hijack();
  await conn.write(encode(text));
  setTimeout(() => conn.close());
  return new Response();
}

const ten = "0123456789";

/** Some bytes, and then an error. */
function cut(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(encode(ten)),
    pull: (controller) => controller.error(new Error("cut")),
  });
}

/** Answers what a client asks for; with `info`, what only our own server can as well. */
function answers(): (request: Request, info?: HandlerInfo) => Response | Promise<Response> {
  const [goOn, gone] = [new Signal(), new Signal()];
  const seen = new Map<string, number>();
  return async (request, info) => {
    const { pathname, search } = new URL(request.url);
    if (search !== "") seen.set(search, (seen.get(search) ?? 0) + 1);
    switch (pathname) {
      case "/small":
        return new Response(request.method === "HEAD" ? null : "small", {
          headers: { "content-length": "5" },
        });
      case "/empty":
        return new Response(null, { status: 204 });
      case "/unchanged":
        return new Response(null, { status: 304, headers: { etag: '"1"' } });
      case "/last":
        return new Response("last", { headers: { connection: "close" } });
      case "/digest":
        return digestBody(request);
      case "/whole":
        return new Response(await request.bytes());
      case "/chunks":
        return new Response(request.body);
      case "/pieces":
        return new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(encode("one ")),
            async pull(controller) {
              await goOn.wait();
              controller.enqueue(encode("two"));
              controller.close();
            },
          }),
        );
      case "/go-on":
        goOn.give();
        return new Response();
      case "/gzip": {
        const text = "again and again ".repeat(10_000);
        const headers = { "content-type": "text/plain" };
        if (!/gzip/.test(request.headers.get("accept-encoding") ?? "")) {
          return new Response(text, { headers });
        }
        const zipped = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
        return new Response(zipped, { headers: { ...headers, "content-encoding": "gzip" } });
      }
      case "/trailers":
        info!.setTrailers({ "x-sum": "4", "x-late": "unannounced" });
        return new Response(new Blob(["body"]).stream().pipeThrough(new TransformStream()));
      case "/early":
        await info!.sendInformational(103, { link: "</style.css>; rel=preload" });
        await info!.sendInformational(102);
        return new Response("late");
      case "/refuse":
        return new Response("no", { status: 403 });
      case "/cut":
        return new Response(cut());
      case "/cut-length":
        return new Response(cut(), { headers: { "content-length": "100" } });
      case "/vanish":
        return andClose(info!, "");
      case "/dying":
        return andClose(info!, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      case "/seen":
        return new Response(`${Math.max(0, ...seen.values())}`);
      case "/endless":
        request.signal.addEventListener("abort", gone.give);
        return new Response(endless());
      case "/gone":
        await gone.wait();
        return new Response("gone");
    }
    return new Response(null, { status: 404 });
  };
}

/** The runtime's own. */
export const deno: PeerServer = {
  name: "Deno.serve",
  abilities: ["duplex"],
  missing: false,
  async start(over, path) {
    const handler = answers();
    const onListen = () => {};
    const onError = () => new Response(null, { status: 500 });
    const serve = (where: Deno.ServeTcpOptions | Partial<Deno.TlsCertifiedKeyPem>) =>
      Deno.serve(
        { port: 0, hostname: "127.0.0.1", onListen, onError, ...where },
        (request) => handler(request),
      );
    await Promise.resolve();
    if (over === "unix") {
      const server = Deno.serve({ path, onListen, onError }, (request) => handler(request));
      return { address: path, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
    }
    const server = serve(over === "tls" ? certificate : {});
    return {
      address: `127.0.0.1:${(server.addr as Deno.NetAddr).port}`,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  },
};

/** Ours. */
export const own: PeerServer = {
  name: "our server",
  abilities: ["trailers", "informational", "expect", "raw", "duplex", "close"],
  missing: false,
  start: (over, path, idleTimeout) =>
    Promise.resolve(
      serving({ handler: answers(), idleTimeout }, over === "unix" ? path : over),
    ),
};
