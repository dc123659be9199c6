/**
 * Where the time of a request goes: asks for a URL twice over one connection, and draws each phase
 * as a bar, as far as the connection had to go through it.
 *
 *     deno run --allow-net --allow-env examples/httpstat.ts https://example.com/
 *
 * --allow-env is for the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY may name.
 */
import { http } from "../mod.ts";

/** The phases in the order they come in, by what begins and what ends them. */
const phases = [
  ["dns lookup", "dnsStart", "dnsDone"],
  ["connect", "connectStart", "connectDone"],
  ["tls handshake", "tlsHandshakeStart", "tlsHandshakeDone"],
  ["request sent", "gotConn", "wroteRequest"],
  ["server at work", "wroteRequest", "firstByte"],
  ["body received", "firstByte", "end"],
] as const;

const barWidth = 48;

/** When each thing has happened, in ms since the start of the exchange. */
class Stopwatch {
  readonly #start = performance.now();
  readonly #times = new Map<string, number>();

  /** Notes the time. When two addresses race, the first start and the first end count. */
  lap(name: string): void {
    if (!this.#times.has(name)) this.#times.set(name, performance.now() - this.#start);
  }

  /** One line for each phase that there was. */
  draw(): void {
    const total = this.#times.get("end")!;
    const column = (time: number) => Math.round(time / total * barWidth);
    for (const [name, from, to] of phases) {
      const start = this.#times.get(from), end = this.#times.get(to);
      if (start === undefined || end === undefined) continue;
      // A server that answers early has less than nothing to do after the request.
      const took = Math.max(end - start, 0);
      const length = Math.max(column(start + took) - column(start), 1);
      const indent = Math.min(column(start), barWidth - length);
      const bar = (" ".repeat(indent) + "█".repeat(length)).padEnd(barWidth);
      console.log(`  ${name.padEnd(15)} ${took.toFixed(1).padStart(8)} ms │${bar}│`);
    }
    console.log(`  ${"in all".padEnd(15)} ${total.toFixed(1).padStart(8)} ms`);
  }
}

async function measure(client: http.Client, url: string): Promise<void> {
  const watch = new Stopwatch();
  let reused = false;
  const response = await client.get(url, {
    trace: {
      dnsStart: () => watch.lap("dnsStart"),
      dnsDone: () => watch.lap("dnsDone"),
      connectStart: () => watch.lap("connectStart"),
      // An attempt that has failed leaves the end to the next one.
      connectDone: ({ error }) => error === undefined && watch.lap("connectDone"),
      tlsHandshakeStart: () => watch.lap("tlsHandshakeStart"),
      tlsHandshakeDone: () => watch.lap("tlsHandshakeDone"),
      gotConn: (event) => {
        reused = event.reused;
        watch.lap("gotConn");
      },
      wroteRequest: () => watch.lap("wroteRequest"),
      gotFirstResponseByte: () => watch.lap("firstByte"),
    },
  });
  const { length } = await response.bytes();
  watch.lap("end");
  const { proto, status, statusText, remoteAddr } = response;
  console.log(`\n${proto} ${status} ${statusText}, ${length} bytes from ${remoteAddr}`);
  console.log(`  over ${reused ? "the same connection" : "a new connection"}`);
  watch.draw();
}

const [url] = Deno.args;
if (url === undefined) {
  console.error("usage: httpstat.ts URL");
  Deno.exit(2);
}
// A redirect would be a second exchange in the same picture: it is shown as what it is.
const checkRedirect: http.CheckRedirect = () => http.useLastResponse;
using transport = new http.Transport();
const client = new http.Client({ transport, checkRedirect, timeout: 30_000 });
try {
  for (let i = 0; i < 2; i++) await measure(client, url);
} catch (error) {
  // such as: GET "http://127.0.0.1:1/": connection refused (connect)
  const phase = error instanceof http.HttpError ? ` (${error.phase})` : "";
  console.error(`${error instanceof Error ? error.message : error}${phase}`);
  Deno.exit(1);
}
