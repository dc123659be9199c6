/** The client against a server that fails it in every way, 64 requests at a time. */
import { isTimeout } from "../deadline.ts";
import { Client, HttpError, type Response, Transport } from "../http/mod.ts";
import { Child } from "./child.ts";
import type { Seen } from "./faulty_server.ts";
import { type Exchange, exchangeOf, same, sound } from "./exchange.ts";
import { joined } from "./peer_input.ts";
import { leastTime, type Report, type Row } from "./report.ts";
import { compare, resources } from "./resources.ts";

/** How many requests are under way at the same time. */
const inFlight = 64;

/** For a request that stalls, in ms; and for others, which are not to need it. */
const shortly = 250;
const plenty = 30_000;

/** What the soak of the client is told. */
export interface ClientSoakOptions {
  readonly seed: number;
  /** Until when, by `performance.now()`. */
  readonly end: number;
  /** Each so many answers have a wrong body, to see whether that is noticed; 0: none has. */
  readonly poison: number;
}

/** What a kind does not explain by itself: a connection that ended behind another one's answer. */
const stale = new Set(["ERR_HTTP_NO_RESPONSE", "ECONNRESET", "EPIPE"]);

class ClientSoak {
  readonly #report: Report;
  readonly #row: Row;
  readonly #options: ClientSoakOptions;
  readonly #base: string;
  readonly #transports: Transport[];
  readonly #client: Client;
  /** A client that gives up on a server that says nothing. */
  readonly #impatient: Client;
  readonly #pending = new Set<number>();
  /** Requests that an error of another one's connection has ended. */
  readonly stale: Exchange[] = [];
  #next = 0;
  #closedBehind = 0;

  constructor(report: Report, row: Row, options: ClientSoakOptions, port: number) {
    this.#report = report;
    this.#row = row;
    this.#options = options;
    this.#base = `http://127.0.0.1:${port}/`;
    const transport = new Transport({ maxIdleConnsPerHost: inFlight, proxy: null });
    const impatient = new Transport({ responseHeaderTimeout: shortly, proxy: null });
    this.#transports = [transport, impatient];
    this.#client = new Client({ transport });
    this.#impatient = new Client({ transport: impatient });
  }

  /** Makes requests until the time is up, and waits for all of them. */
  async run(end: number): Promise<void> {
    const worker = async () => {
      while (performance.now() < end) await this.#one(this.#next++);
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const grace = Math.max(0, end - performance.now()) + 6_000;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, grace));
    await Promise.race([Promise.all(Array.from({ length: inFlight }, worker)), late]);
    clearTimeout(timer);
    for (const id of this.#pending) this.#lost(exchangeOf(this.#options.seed, id), "no end");
  }

  /** Closes all connections, once what nobody has read of a body has been dropped. */
  async rest(): Promise<void> {
    const end = performance.now() + 3_000;
    for (;;) {
      for (const transport of this.#transports) transport.closeIdleConnections();
      const open = this.#transports.some((transport) => Object.keys(transport.stats()).length > 0);
      if (!open || performance.now() > end) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  close(): void {
    for (const transport of this.#transports) {
      const left = Object.entries(transport.stats());
      if (left.some(([, { active, dialing, waiting }]) => active + dialing + waiting > 0)) {
        this.#report.violation("leak", `the pool still has ${JSON.stringify(left)}`);
      }
      transport.close();
    }
  }

  /** Compares what was done with what the server has seen. */
  checkSeen(seen: Uint8Array): void {
    const { seed } = this.#options;
    for (let id = 0; id < this.#next; id++) {
      if (seen[id] < 2) continue;
      const { kind, expected } = exchangeOf(seed, id);
      if (expected.upload === undefined) continue; // may be sent again
      this.#report.violation("other", `${id} (${kind}) was sent ${seen[id]} times`);
    }
    for (const { id, kind, expected } of this.stale) {
      this.#report.fault("client", "request on a connection just closed");
      // A reset is tried again, and that may come upon such a connection.
      const most = expected.upload === undefined && expected.errors?.includes("ECONNRESET") ? 1 : 0;
      if (seen[id] > most) {
        this.#report.violation("lost request", `${id} (${kind}): seen, not answered`);
      }
    }
    if (this.stale.length > this.#closedBehind) {
      this.#report.violation("unaccounted error", `${this.stale.length} connections ended`);
    }
  }

  async #one(id: number): Promise<void> {
    const x = exchangeOf(this.#options.seed, id);
    this.#row.count++;
    this.#pending.add(id);
    if (!sound.has(x.kind)) this.#report.fault("client", x.kind);
    if (x.kind === "closeAfter" || x.kind === "closeOnce") this.#closedBehind++;
    try {
      const problem = await this.#ask(x);
      if (problem !== undefined) this.#report.violation(problem, this.#name(x));
      else if (x.expected.answer === "never") {
        this.#report.violation("other", `${this.#name(x)}: no error`);
      }
    } catch (error) {
      this.#judge(x, error);
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Makes a request, and gives what is wrong with its answer. */
  async #ask(x: Exchange): Promise<"wrong body" | "other" | undefined> {
    const url = this.#base + x.id;
    switch (x.kind) {
      case "silent":
        return await check(x, await this.#impatient.get(url));
      case "stallBefore":
      case "stallInHead":
      case "stallInBody":
        return await check(x, await this.#client.get(url, { timeout: shortly }));
      case "aborted": {
        const controller = new AbortController();
        const response = await this.#client.get(url, { signal: controller.signal });
        setTimeout(() => controller.abort(x), 1);
        return await check(x, response);
      }
      case "head":
        return await check(x, await this.#client.head(url));
      case "unread":
      case "cancelled": {
        await using response = await this.#client.get(url);
        return response.status === 200 ? undefined : "other";
      }
      case "expectContinue": {
        const headers = { expect: "100-continue" };
        return await check(x, await this.#client.post(url, "a/b", x.upload, { headers }));
      }
    }
    // Limits of time are another way through the client.
    const init = x.detail % 2 === 0 ? undefined : { timeout: plenty };
    if (x.expected.upload === undefined) return await check(x, await this.#client.get(url, init));
    const body = x.expected.upload === "bytes" ? x.upload : streamOf(x.upload, x.detail);
    return await check(x, await this.#client.post(url, "a/b", body, init));
  }

  /** Whether the request's own fault explains an error. */
  #judge(x: Exchange, error: unknown): void {
    if (x.kind === "aborted" && error === x) return;
    const { code, timeout } = error instanceof HttpError ? error : { code: "", timeout: false };
    const explains = (known: string) =>
      known.endsWith("_") ? code.startsWith(known) : known === code;
    if (x.expected.errors?.some(explains) && timeout === isTimeout(error)) return;
    if (isTimeout(error)) return this.#lost(x, error);
    if (stale.has(code)) return void this.stale.push(x);
    this.#report.violation("unaccounted error", `${this.#name(x)}: ${code}: ${error}`);
  }

  #lost(x: Exchange, why: unknown): void {
    this.#report.violation("lost request", `${this.#name(x)}: ${why}`);
  }

  #name(x: Exchange): string {
    return `request ${x.id} (${x.kind}, seed ${this.#options.seed})`;
  }
}

async function check(x: Exchange, response: Response): Promise<"wrong body" | "other" | undefined> {
  const body = x.detail % 4 === 0 ? await pieces(response) : await response.bytes();
  if (response.status !== (x.kind === "noContent" ? 204 : 200)) return "other";
  if (response.uncompressed !== (x.kind === "gzip")) return "other";
  return same(body, x.body) ? undefined : "wrong body";
}

async function pieces(response: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  if (response.body !== null) { for await (const part of response.body) parts.push(part); }
  return joined(parts);
}

function streamOf(body: Uint8Array<ArrayBuffer>, detail: number): ReadableStream<Uint8Array> {
  let at = 0;
  const size = 1 + Math.ceil(body.length / (1 + detail % 9));
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(body.slice(at, at += size));
      if (at >= body.length) controller.close();
    },
  });
}

/**
 * Runs the soak of the client.
 *
 * @param report Where its findings go.
 * @param options For how long, and so on.
 */
export async function clientSoak(report: Report, options: ClientSoakOptions): Promise<void> {
  const { seed, poison } = options;
  const row = report.row("client");
  await using child = new Child("faulty_server.ts", { seed, poison });
  const port = await child.hear() as number;
  const start = performance.now();
  const end = Math.max(options.end, start + leastTime);
  const soak = new ClientSoak(report, row, options, port);
  // What the first requests leave behind is code.
  await soak.run(start + (end - start) / 4);
  await soak.rest();
  const before = await resources();
  await soak.run(end);
  await soak.rest();
  await compare(report, row, before);
  row.seconds = (performance.now() - start) / 1_000;
  soak.close();
  const { file, misused } = await child.tell("seen") as Seen;
  soak.checkSeen(await Deno.readFile(file));
  if (misused > 0) {
    report.violation("other", `client: ${misused} requests on connections with extra bytes`);
  }
}
