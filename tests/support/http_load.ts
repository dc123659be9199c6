/**
 * Raw clients by the hundreds, and a server in a process of its own. Nothing of the package is in
 * the clients, so that a fault of one side cannot hide one of the other.
 */
import { Server } from "../../http/server/server.ts";
import type { ServerOptions } from "../../http/server/server_options.ts";
import { type Engine, listen } from "../../net/mod.ts";
import { setsockopt, SO_SNDBUF, SOL_SOCKET } from "../../sys/mod.ts";
import { openSockets } from "./net_helpers.ts";

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");

/** How many connections a test may have open, both ends in this process, at most `wanted`. */
export function affordable(wanted: number): number {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  const most = Number(limits.match(/^Max open files +\S+ +(\d+)/m)![1]);
  return Math.min(wanted, Math.floor((most - 200) / 2));
}

/** Connects so many times, a hundred at a time. */
export async function openMany(port: number, count: number): Promise<Deno.TcpConn[]> {
  const conns: Deno.TcpConn[] = [];
  while (conns.length < count) {
    const batch = Math.min(100, count - conns.length);
    conns.push(...await Promise.all(Array.from({ length: batch }, () => Deno.connect({ port }))));
  }
  return conns;
}

/** Writes all of a text; `false` if the connection ended before that. */
export async function sendAll(conn: Deno.Conn, text: string): Promise<boolean> {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(await conn.write(bytes));
    return true;
  } catch {
    return false;
  }
}

/** How a connection ended: in order, or by a reset. */
export type Ending = "end" | "reset";

/** Responses with `Content-Length`, read one by one. */
export class Responses {
  readonly #conn: Deno.Conn;
  readonly #p = new Uint8Array(4096);
  #text = "";

  /** @param conn Where they come from. */
  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** The next one, head and body, or how the connection ended before its last byte. */
  async next(): Promise<{ text: string; close: boolean } | Ending> {
    for (;;) {
      const head = this.#text.indexOf("\r\n\r\n") + 4;
      if (head > 3) {
        const length = Number(this.#text.match(/^content-length: (\d+)/im)?.[1]);
        if (!(length >= 0)) throw new Error(`no length: ${JSON.stringify(this.#text)}`);
        if (this.#text.length >= head + length) {
          const text = this.#text.slice(0, head + length);
          this.#text = this.#text.slice(head + length);
          return { text, close: /^connection: close\r/im.test(text) };
        }
      }
      const ending = await this.#more();
      if (ending !== undefined) return ending;
    }
  }

  /** Reads up to the end. */
  async end(): Promise<Ending> {
    for (;;) {
      const ending = await this.#more();
      if (ending !== undefined) return ending;
    }
  }

  async #more(): Promise<Ending | undefined> {
    try {
      const n = await this.#conn.read(this.#p);
      if (n === null) return "end";
      this.#text += latin1.decode(this.#p.subarray(0, n));
    } catch {
      return "reset";
    }
  }
}

/** Asks once, on a connection of its own. */
export async function ask(port: number, request: string): Promise<string> {
  using conn = await Deno.connect({ port });
  await sendAll(conn, request);
  const response = await new Responses(conn).next();
  if (typeof response === "string") throw new Error(`no answer but ${response}`);
  return response.text;
}

/** What became of the requests of a load. */
export interface Tally {
  /** Requests whose last byte was sent. */
  sent: number;
  /** Those answered completely. */
  answered: number;
  /** Answers that said `Connection: close`. */
  last: number;
  /** Requests without an answer on connections that had given one before. */
  lost: number;
  /** Requests without an answer on connections that never gave one. */
  lostFresh: number;
  /** Connections that were reset behind their last answer. */
  resets: number;
}

/** How a load is made. */
export interface LoadOptions {
  readonly port: number;
  /** How many clients at the same time. */
  readonly clients: number;
  /** The request; several are sent at once when `pipelined` says how many. */
  readonly request: string;
  readonly pipelined?: number;
  /** How many requests each connection makes; without a limit by default. */
  readonly perConn?: number;
  /** How many requests are to be made in all; without a limit by default. */
  readonly most?: number;
}

/**
 * Clients that ask again as soon as they are answered, and connect again when the connection has
 * ended, until nobody listens any more or enough was asked.
 *
 * @param options How.
 * @param tally Counts while it goes on.
 */
export async function load(options: LoadOptions, tally: Tally = newTally()): Promise<Tally> {
  const { port, clients, request, pipelined = 1, perConn = Infinity, most = Infinity } = options;
  const burst = request.repeat(pipelined);
  const converse = async (conn: Deno.Conn) => {
    const responses = new Responses(conn);
    for (let made = 0; made < perConn && tally.sent < most; made += pipelined) {
      if (!await sendAll(conn, burst)) return;
      tally.sent += pipelined;
      for (let i = 0; i < pipelined; i++) {
        const response = await responses.next();
        if (typeof response === "string") {
          if (made + i === 0) tally.lostFresh++;
          else tally.lost++;
          return;
        }
        tally.answered++;
        if (!response.close) continue;
        tally.last++;
        if (await responses.end() === "reset") tally.resets++;
        return;
      }
    }
  };
  const client = async () => {
    while (tally.sent < most) {
      let conn: Deno.Conn;
      try {
        conn = await Deno.connect({ port });
      } catch {
        return; // nobody listens any more
      }
      await converse(conn);
      conn.close();
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return tally;
}

/** Nothing counted yet. */
export const newTally = (): Tally => ({
  ...{ sent: 0, answered: 0, last: 0, lost: 0, lostFresh: 0, resets: 0 },
});

/** Waits until `done` gives true. */
export async function until(done: () => boolean, what: string, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!done()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits until no more sockets are open than before. */
export const socketsBack = (before: number): Promise<void> =>
  until(() => openSockets() <= before, "sockets are left open");

/** What a server in a process of its own has open and in use. */
export interface ChildStats {
  readonly fds: number;
  readonly rss: number;
  readonly heapUsed: number;
  /** What it has logged since it was last asked. */
  readonly log: readonly string[];
}

/** The options of a server in a process of its own: those that JSON has words for. */
export type ChildOptions = Omit<ServerOptions, "handler"> & { engine?: Engine };

/** A server in a process of its own: `tests/http/server/faults/server_child.ts`. */
export class ServerChild implements AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;

  private constructor(
    process: Deno.ChildProcess,
    lines: AsyncIterator<string>,
    port: number,
  ) {
    this.#process = process;
    this.#input = process.stdin.getWriter();
    this.#lines = lines;
    this.pid = process.pid;
    this.port = port;
  }

  /**
   * Starts it.
   *
   * @param options The server's options, and its listener's engine.
   * @param shell Shell commands to run before it in the same shell, such as `ulimit -n 40`.
   */
  static async start(options: ChildOptions = {}, shell = ":"): Promise<ServerChild> {
    const file = new URL("../http/server/faults/server_child.ts", import.meta.url).pathname;
    const run = ["run", "-A", "--no-config", "--no-check", "--v8-flags=--expose-gc", file];
    const process = new Deno.Command("/bin/sh", {
      args: ["-c", `${shell}; exec "$@"`, "sh", Deno.execPath(), ...run, JSON.stringify(options)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const lines = linesOf(process.stdout);
    return new ServerChild(process, lines, JSON.parse((await lines.next()).value));
  }

  /** Tells it to do something, and gives what it says. */
  async tell(command: "shutdown" | "hold" | "free"): Promise<unknown> {
    await this.#input.write(encoder.encode(`${command}\n`));
    return JSON.parse((await this.#lines.next()).value);
  }

  /** What it has open and in use, after collecting its garbage. */
  async stats(): Promise<ChildStats> {
    await this.#input.write(encoder.encode("stats\n"));
    return JSON.parse((await this.#lines.next()).value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#lines.next();
    await this.#process.status;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

/** A server in this process, over TCP. */
export interface Here extends AsyncDisposable {
  readonly port: number;
  readonly server: Server;
  /** What it has logged. */
  readonly log: readonly string[];
}

/**
 * Serves in this process.
 *
 * @param options The server's options.
 * @param sendBuffer How much the kernel keeps for each connection that the client does not take.
 */
export function serveHere(options: ServerOptions, sendBuffer?: number): Here {
  const log: string[] = [];
  const before = sendBuffer === undefined ? [] : [...sockets().values()];
  const listener = listen("tcp", "127.0.0.1:0");
  if (sendBuffer !== undefined) {
    // What is accepted inherits it.
    const [fd] = [...sockets()].find(([, name]) => !before.includes(name))!;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, sendBuffer);
  }
  const server = new Server({
    errorLog: (what, error) => log.push(`${what}: ${error}`),
    ...options,
  });
  const serving = server.serve(listener);
  return {
    port: "port" in listener.addr ? listener.addr.port : 0,
    server,
    log,
    async [Symbol.asyncDispose]() {
      server.close();
      await serving;
    },
  };
}

/** The sockets of this process, by descriptor. */
function sockets(): Map<number, string> {
  const found = new Map<number, string>();
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      const target = Deno.readLinkSync(`/proc/self/fd/${name}`);
      if (target.startsWith("socket:")) found.set(Number(name), target);
    } catch {
      // The descriptor of the directory itself.
    }
  }
  return found;
}
