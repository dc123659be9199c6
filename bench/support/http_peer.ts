/**
 * A server in a process of its own: `plumb`, `plumb-native` and `plumb-runtime` (kept to that engine),
 * `global` (given the runtime's own `Response`) or `deno` (`Deno.serve`), for one of the workloads. Prints its port
 * and its process id; collects its garbage for each line it is sent; ends with its standard input.
 */
import { Response as LightResponse, Server } from "../../http/mod.ts";
import { type Engine, listen, listenTls } from "../../net/mod.ts";

const [kind, workload, cert, key] = Deno.args;

const hostname = "127.0.0.1";
const Response = kind.startsWith("plumb") ? LightResponse : globalThis.Response;

const engines: Record<string, Engine> = { "plumb-native": "native", "plumb-runtime": "runtime" };

const encoder = new TextEncoder();
const event = encoder.encode(`data: ${"x".repeat(56)}\n\n`);
const eventsEach = 16;

/** An event stream under way. */
interface Stream {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  /** How many events it still gets. */
  left: number;
}

const streams = new Set<Stream>();

/** Sends everybody an event, and goes on while there is anybody. */
function broadcast(): void {
  for (const stream of streams) {
    stream.controller.enqueue(event);
    // The client may be gone, and the stream cancelled, in the meantime.
    if (--stream.left === 0 && streams.delete(stream)) stream.controller.close();
  }
  if (streams.size > 0) setTimeout(broadcast, 0);
}

function events(): Response {
  let stream: Stream;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      if (streams.size === 0) setTimeout(broadcast, 0);
      streams.add(stream = { controller, left: eventsEach });
    },
    cancel() {
      streams.delete(stream);
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

const handlers: Record<string, (request: Request) => Response | Promise<Response>> = {
  hello: () => new Response("hello"),
  headers: ({ headers }) =>
    new Response(`hello ${headers.get("user-agent")!.length}`, {
      headers: {
        "content-type": "text/plain",
        "x-request-id": headers.get("x-request-id")!,
        "cache-control": "no-store",
      },
    }),
  json: async (request) => Response.json(await request.json()),
  events,
};

function serveDeno(handler: Deno.ServeHandler): number {
  const tls = cert === undefined ? undefined : {
    cert: Deno.readTextFileSync(cert),
    key: Deno.readTextFileSync(key),
  };
  return Deno.serve({ hostname, port: 0, ...tls, onListen() {} }, handler).addr.port;
}

function servePlumb(handler: (request: Request) => Response | Promise<Response>): number {
  const engine = engines[kind];
  const addr = `${hostname}:0`;
  const listener = cert === undefined ? listen("tcp", addr, { engine }) : listenTls("tcp", addr, {
    engine,
    cert: Deno.readTextFileSync(cert),
    key: Deno.readTextFileSync(key),
    alpnProtocols: ["http/1.1"],
  });
  new Server({ handler }).serve(listener);
  return "port" in listener.addr ? listener.addr.port : 0;
}

const handler = handlers[workload];
const port = kind === "deno" ? serveDeno(handler) : servePlumb(handler);
console.log(`${port} ${Deno.pid}`);
const { gc } = globalThis as unknown as { gc(): void };
for await (const _ of Deno.stdin.readable) {
  gc();
  console.log("collected");
}
Deno.exit();
