/** The server, with clients that do everything they should not. */
import { type ConnState, type HandlerInfo, Response, Server } from "../http/mod.ts";
import { type Conn, listen } from "../net/mod.ts";
import { Child } from "./child.ts";
import { exchangeOf, same } from "./exchange.ts";
import type { Outcome } from "./faulty_clients.ts";
import { leastTime, type Report, type Row, type Violation } from "./report.ts";
import { compare, resources } from "./resources.ts";
import { faulty, hasty, type VisitKind } from "./visits.ts";

/** What the soak of the server is told. */
export interface ServerSoakOptions {
  readonly seed: number;
  /** Until when, by `performance.now()`. */
  readonly end: number;
}

/** What the server says of the handlers that fail because they are asked to. */
const asked = /^GET \S*\/(throw|cut)\/.*: Error: as it was asked to$/;

/** What goes on in the server, by what its handler and its hooks are told. */
class Inside {
  /** Handlers that have not returned. */
  running = 0;
  /** Requests whose `completed` is not settled. */
  incomplete = 0;
  /** Streams that were neither read to their end nor cancelled. */
  streams = 0;
  readonly conns = new Map<Conn, ConnState>();
  readonly #seed: number;
  readonly #report: Report;
  readonly #row: Row;

  constructor(seed: number, report: Report, row: Row) {
    this.#seed = seed;
    this.#report = report;
    this.#row = row;
  }

  readonly connState = (conn: Conn, state: ConnState): void => {
    if (state === "closed") this.conns.delete(conn);
    else this.conns.set(conn, state);
  };

  readonly errorLog = (message: string, error?: unknown): void => {
    if (asked.test(`${message}: ${error}`)) return;
    this.#report.violation("unaccounted error", `server: ${message}: ${error}`);
  };

  readonly handler = async (request: Request, info: HandlerInfo): Promise<Response> => {
    this.running++;
    this.incomplete++;
    this.#row.count++;
    const completed = () => void this.incomplete--;
    info.completed.then(completed, completed);
    try {
      return await this.#answer(request);
    } finally {
      this.running--;
    }
  };

  async #answer(request: Request): Promise<Response> {
    const [what, id, length] = new URL(request.url).pathname.slice(1).split("/");
    const body = exchangeOf(this.#seed, Number(id)).body.subarray(0, Number(length));
    switch (what) {
      case "echo":
      case "chunks":
      case "expect": {
        const found = await request.bytes();
        if (!same(found, body)) this.#report.violation("wrong body", `server: request ${id}`);
        return new Response(found);
      }
      case "throw":
        throw new Error("as it was asked to");
      case "wait":
        await new Promise((resolve) => {
          if (request.signal.aborted) resolve(undefined);
          else request.signal.addEventListener("abort", resolve, { once: true });
        });
        return new Response("nobody");
      case "stream":
        return new Response(this.#stream(body, "close"));
      case "cut":
        return new Response(this.#stream(body, "error"));
      case "endless":
        return new Response(this.#stream(new Uint8Array(64 * 1024), "again"));
      case "web":
        return new globalThis.Response(body) as Response;
      default: // what is ignored is not read
        return new Response(body);
    }
  }

  #stream(body: Uint8Array<ArrayBuffer>, then: "close" | "error" | "again"): ReadableStream {
    this.streams++;
    const size = Math.ceil(body.length / 4);
    let at = 0;
    return new ReadableStream({
      pull: (controller) => {
        if (at < body.length) return controller.enqueue(body.slice(at, at += size));
        if (then === "again") return controller.enqueue(body);
        this.streams--;
        if (then === "close") controller.close();
        else controller.error(new Error("as it was asked to"));
      },
      cancel: () => void this.streams--,
    });
  }

  /** What is left of all requests, in words; empty where nothing is. */
  left(): string {
    const { running, incomplete, streams, conns } = this;
    const states = Object.entries({ running, incomplete, streams, connections: conns.size });
    return states.filter(([, n]) => n !== 0).map(([name, n]) => `${n} ${name}`).join(", ");
  }
}

/** Waits until nothing is left, for a while. */
async function emptied(inside: Inside): Promise<string> {
  for (let i = 0; i < 250 && inside.left() !== ""; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return inside.left();
}

/**
 * Runs the soak of the server.
 *
 * @param report Where its findings go.
 * @param options For how long, and so on.
 */
export async function serverSoak(report: Report, options: ServerSoakOptions): Promise<void> {
  const { seed } = options;
  const row = report.row("server");
  const inside = new Inside(seed, report, row);
  const { handler, connState, errorLog } = inside;
  const limits = {
    ...{ readTimeout: hasty, readHeaderTimeout: hasty, writeTimeout: hasty, idleTimeout: hasty },
  };
  const servers = [
    new Server({ handler, connState, errorLog }),
    new Server({ handler, connState, errorLog, ...limits }),
  ];
  const listeners = servers.map(() => listen("tcp", "127.0.0.1:0", { backlog: 1_024 }));
  const serving = servers.map((server, i) => server.serve(listeners[i]));
  const [port, hastyPort] = listeners.map(({ addr }) => addr.port);
  await using child = new Child("faulty_clients.ts", { seed, port, hastyPort });
  await child.hear();
  const start = performance.now();
  const end = Math.max(options.end, start + leastTime);
  const run = async (until: number) => {
    const ms = Math.max(0, until - performance.now());
    const { visits, violations } = await child.tell(String(ms)) as Outcome;
    for (const [kind, count] of Object.entries(visits)) {
      if (faulty.has(kind as VisitKind)) report.fault("server", kind, count);
    }
    for (const message of violations) report.violation(violationOf(message), `server: ${message}`);
    const left = await emptied(inside);
    if (left !== "") report.violation("leak", `server: ${left}`);
  };
  await run(start + (end - start) / 4);
  const before = await resources();
  await run(end);
  await compare(report, row, before);
  for (const server of servers) {
    await server.shutdown({ timeout: 5_000 }).catch((error) => {
      report.violation("leak", `server: ${error}`);
      server.close();
    });
  }
  await Promise.all(serving);
  row.seconds = (performance.now() - start) / 1_000;
}

const known: readonly Violation[] = ["wrong body", "lost request", "unaccounted error"];

function violationOf(message: string): Violation {
  return known.find((kind) => message.startsWith(kind)) ?? "other";
}
