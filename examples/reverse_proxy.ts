/**
 * A reverse proxy (what RFC 9110 section 3.7 calls a gateway) for one server.
 *
 *     deno run --allow-net examples/reverse_proxy.ts 127.0.0.1:8080 http://127.0.0.1:3000 [MS]
 *
 * Bodies go through as they come, both ways, at the pace of the slower side. A client that goes away
 * ends its request to the server. A server that cannot be reached is a 502, one that does not answer
 * within MS (10 000) a 504. It speaks no WebSocket.
 */
import { http, ipc, net } from "../mod.ts";

/** Fields about one connection, and not about the message (RFC 9110 section 7.6.1). */
const hopByHop = ["connection", "keep-alive", "proxy-authenticate", "proxy-authorization"]
  .concat("proxy-connection", "te", "transfer-encoding", "upgrade");

/** A copy without those, and without those that `Connection` names. */
function passedOn(from: Headers): Headers {
  const headers = new Headers(from);
  const drop = hopByHop.concat(headers.get("connection")?.toLowerCase().split(/\s*,\s*/) ?? []);
  for (const name of [...headers.keys()]) if (drop.includes(name)) headers.delete(name);
  return headers;
}

/** What the server is asked, for what the client has asked. */
function upstreamRequest(request: Request, info: http.HandlerInfo): http.Request {
  const { pathname, search, host } = new URL(request.url);
  const headers = passedOn(request.headers);
  headers.delete("host"); // the server's own goes in its place
  // Who the client is only the proxy knows: what a client says about itself is replaced.
  const client = (info.remoteAddr as net.NetAddress).hostname;
  const proto = info.tls === null ? "http" : "https";
  const node = client.includes(":") ? `"[${client}]"` : client;
  headers.set("forwarded", `for=${node};host="${host}";proto=${proto}`); // RFC 7239
  headers.set("x-forwarded-for", client);
  headers.set("x-forwarded-host", host);
  headers.set("x-forwarded-proto", proto);
  headers.append("via", `${info.proto.slice(5)} plumb`); // RFC 9110 section 7.6.3
  // Not resolved like a link: "//elsewhere/" is a path of this server, too.
  const url = new URL(upstream);
  url.pathname = upstream.pathname.replace(/\/$/, "") + pathname;
  url.search = search;
  const { method, body, signal } = request; // which aborts when the client goes away
  return new http.Request(url, { method, body, headers, signal });
}

async function forward(request: Request, info: http.HandlerInfo): Promise<Response> {
  // Other upgrades may be ignored (RFC 9110 section 7.8); who asks for this one needs it.
  if (request.headers.get("upgrade")?.toLowerCase() === "websocket") {
    return http.error("no WebSocket through this proxy", 501);
  }
  let response;
  try {
    response = await transport.roundTrip(upstreamRequest(request, info));
  } catch (error) {
    const { message } = error as Error; // such as: GET "http://127.0.0.1:3000/": connection refused
    console.error(message);
    // Of the client: a body that breaks the rules, or that cannot go on. Or nobody is left to care.
    if (!(error instanceof http.HttpError) || error.phase === "request") {
      return http.error("bad request", 400);
    }
    if (error.timeout) return http.error("the server does not answer", 504);
    return http.error("the server cannot be reached", 502);
  }
  const headers = passedOn(response.headers);
  headers.append("via", `${response.proto.slice(5)} plumb`);
  if (headers.has("trailer")) info.setTrailers(() => response.trailers);
  const { status, statusText, body } = response;
  return new http.Response(body, { status, statusText, headers });
}

const [addr, target, ms = 10_000] = Deno.args;
const upstream = URL.parse(target ?? "")!;
if (upstream === null) {
  console.error("usage: reverse_proxy.ts HOST:PORT URL [MS]");
  Deno.exit(2);
}
const dialer = new net.Dialer({ timeout: 5_000 });
using transport = new http.Transport({
  proxy: null,
  dial: (network, address, wait) => dialer.dial(network, address, wait),
  responseHeaderTimeout: Number(ms),
  maxIdleConnsPerHost: 64,
  disableCompression: true, // that is between the client and the server
});
const server = new http.Server({ addr, handler: forward });
let drained: Promise<void> | undefined;
using context = ipc.notifyContext(["SIGINT", "SIGTERM"]);
context.signal.addEventListener("abort", () => {
  context.stop(); // a second signal ends it at once
  // The requests under way get ten seconds to end.
  drained = server.shutdown({ timeout: 10_000 }).catch(() => server.close());
});
try {
  await server.listenAndServe({ onListen: (addr) => console.log(`http://${addr}/`) });
  await drained;
} catch (error) {
  console.error((error as Error).message); // such as: listen tcp ":80": permission denied
  Deno.exitCode = 1;
}
