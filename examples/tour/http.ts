/** The tour of `http`: a real server, a real client, and every phase of what they do. */
import { http, net } from "../../mod.ts";
import { decode, encode, line, ms, show, title } from "./show.ts";

/** The times of an exchange, told by its hooks. */
function stopwatch() {
  const start = performance.now();
  const times: string[] = [];
  const lap = (name: string) => () => void times.push(`${name} ${ms(start).trim()}`);
  let reused = false;
  const trace: http.ClientTrace = {
    dnsDone: lap("dns"),
    connectDone: lap("connect"),
    tlsHandshakeDone: lap("tls"),
    gotConn: (event) => reused = event.reused,
    wroteRequest: lap("request"),
    gotFirstResponseByte: lap("first byte"),
  };
  return { trace, lap, end: () => `${times.join(", ")}${reused ? " (reused)" : " (new)"}` };
}

/** Asks for a URL twice over one connection, if the server keeps it. */
async function timedGets(url: string): Promise<void> {
  using transport = new http.Transport();
  const client = new http.Client({ transport, timeout: 5_000 });
  for (const name of ["first", "second"]) {
    await show(name, async () => {
      const watch = stopwatch();
      await using response = await client.get(url, { trace: watch.trace });
      const { length } = await response.bytes();
      watch.lap("body")();
      const { proto, status, statusText } = response;
      line(name, `${proto} ${status} ${statusText}, ${length} bytes: ${watch.end()}`);
    });
  }
}

/** A server whose slow answers take their time. */
function startServer() {
  const mux = new http.ServeMux()
    .handle("GET /hello/{name}", (_, { params }) => new http.Response(`hello ${params.name}`))
    .handle("GET /slow", async () => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      return new http.Response("worth the wait");
    });
  const server = new http.Server({ handler: mux.handler });
  const listener = net.listen("tcp", "127.0.0.1:0");
  return { server, serving: server.serve(listener), host: listener.addr.toString() };
}

/** Sends a request by hand, and shows how the answer begins. */
async function byHand(host: string, request: string): Promise<void> {
  using conn = await net.dial("tcp", host, { timeout: 2_000 });
  await conn.write(encode(request));
  const p = new Uint8Array(1024);
  const n = await conn.read(p, { timeout: 2_000 });
  line("wire", decode(p.subarray(0, n ?? 0)).split("\r\n")[0]);
}

/** Walks through `http`. */
export async function httpTour(url?: string): Promise<void> {
  title("An HTTP server on a socket, and what it answers on the wire");
  const { server, serving, host } = startServer();
  await byHand(host, "GET /hello/wire HTTP/1.1\r\nHost: tour\r\n\r\n");
  await byHand(host, "POST /hello/wire HTTP/1.1\r\nHost: tour\r\n\r\n");
  await byHand(host, "GET /hello/wire HTTP/1.1\r\nHost: tour\r\nBad Header: x\r\n\r\n");

  title(`A client, phase by phase${url ? ` (${url})` : ""}`);
  await timedGets(url ?? `http://${host}/hello/client`);

  title("Limits on each phase, and errors that name it");
  const client = new http.Client({ timeout: 50 });
  await show("too slow", async () => (await client.get(`http://${host}/slow`)).text());
  await show("refused", () => http.get("http://127.0.0.1:1/"));

  title("A shutdown with a request in flight");
  const start = performance.now();
  const pending = http.get(`http://${host}/slow`).then((response) => response.text());
  await new Promise((resolve) => setTimeout(resolve, 30)); // the request is on its way
  const down = server.shutdown({ timeout: 5_000 });
  line("in flight", `"${await pending}" after ${ms(start)}`);
  await down;
  line("server", `${(await serving).message} after ${ms(start)}`);
  http.defaultClient.closeIdleConnections();
}
