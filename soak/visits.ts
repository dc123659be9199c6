/** What a client of the server's soak does on one connection, and what that must lead to. */
import { type Conn, dial, type TcpConn } from "../net/mod.ts";
import { type Exchange, exchangeOf, same } from "./exchange.ts";
import { bytes, chunked, joined, PeerInput } from "./peer_input.ts";

/** Where the clients go. */
export interface Places {
  readonly seed: number;
  /** The port of the server. */
  readonly port: number;
  /** The port of the one that waits for nobody longer than {@linkcode hasty}. */
  readonly hastyPort: number;
}

/** Every limit of time of the hasty server, in ms. */
export const hasty = 200;

/** What is asked for: a method and the first part of the path. */
const asks = [
  ...["GET bytes", "GET bytes", "GET bytes", "GET stream", "GET web", "HEAD bytes", "POST echo"],
  ...["POST echo", "POST chunks", "POST expect", "POST ignored", "GET throw"],
] as const;

type Ask = typeof asks[number] | "GET cut" | "GET wait";

/** Requests that are refused, each with its status. */
const malformed: readonly (readonly [text: string, status: number])[] = [
  ["GET / HTTP/1.1\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
  ["GET / HTTP/1.1\nHost: a\n\n", 400],
  ["GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505],
  ["GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417],
  ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na", 400],
  ["POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", 400],
  [
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
  ],
  ["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501],
  ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400],
  ["nonsense\r\n\r\n", 400],
];

/** A client on one connection. */
class Visit {
  readonly #places: Places;
  readonly #conn: Conn;
  readonly #input: PeerInput;
  readonly #id: number;
  readonly #detail: number;
  /** Answers that were right. */
  answered = 0;

  constructor(places: Places, conn: Conn, id: number) {
    this.#places = places;
    this.#conn = conn;
    this.#input = new PeerInput(conn);
    this.#id = id;
    this.#detail = exchangeOf(places.seed, id).detail;
  }

  /** The number of a request on this connection. */
  #exchange(i: number): Exchange {
    const x = exchangeOf(this.#places.seed, this.#id * 32 + i);
    // Not every request of a server carries a body that is as long as they get.
    return x.body.length > 100_000 && i % 4 > 0 ? { ...x, body: x.body.subarray(0, 100) } : x;
  }

  #request(ask: Ask, x: Exchange, more = ""): Uint8Array<ArrayBuffer> {
    const [method, what] = ask.split(" ");
    const { length } = x.body;
    const head = `${method} /${what}/${x.id}/${length} HTTP/1.1\r\nHost: a\r\n${more}`;
    if (method !== "POST") return bytes(`${head}\r\n`);
    if (ask === "POST chunks") {
      return joined([
        bytes(`${head}Transfer-Encoding: chunked\r\n\r\n`),
        chunked(x.body, x.detail),
      ]);
    }
    const known = bytes(`${head}Content-Length: ${length}\r\n`);
    if (ask === "POST expect") return joined([known, bytes("Expect: 100-continue\r\n\r\n")]);
    return joined([known, bytes("\r\n"), x.body]);
  }

  /** Reads an answer, and says whether the server means to close. */
  async #answer(ask: Ask, x: Exchange): Promise<boolean> {
    let head = await this.#input.head();
    if (ask === "POST expect" && head === "HTTP/1.1 100 Continue") {
      await this.#conn.write(x.body);
      head = await this.#input.head();
    }
    if (head === null) throw new Error(`lost request: no answer to ${ask}`);
    const status = Number(head.match(/^HTTP\/1\.1 (\d{3}) /)?.[1]);
    const length = head.match(/^content-length: (\d+)$/im)?.[1];
    const body = ask.startsWith("HEAD")
      ? new Uint8Array(0)
      : length !== undefined
      ? await this.#input.exactly(Number(length))
      : await this.#input.chunks();
    if (status !== (ask === "GET throw" ? 500 : 200)) {
      throw new Error(`unaccounted error: ${ask} is answered with ${status}`);
    }
    if (status === 200 && !ask.startsWith("HEAD") && !same(body, x.body)) {
      throw new Error(`wrong body: ${ask}, ${body.length} bytes instead of ${x.body.length}`);
    }
    this.answered++;
    return /^connection: close$/im.test(head);
  }

  #ask(i: number): Ask {
    return asks[(this.#exchange(i).detail >>> 4) % asks.length];
  }

  /** Nothing more comes. */
  async #ended(): Promise<void> {
    const rest = await this.#input.rest();
    if (rest.length > 0) throw new Error(`other: ${rest.length} bytes behind the last answer`);
  }

  /** Asks again and again. */
  async talk(): Promise<void> {
    for (let i = 0; i < 1 + this.#detail % 20; i++) {
      const [ask, x] = [this.#ask(i), this.#exchange(i)];
      await this.#conn.write(this.#request(ask, x));
      if (await this.#answer(ask, x)) return await this.#ended();
    }
  }

  /** Asks for several things before the first answer, and for no more. */
  async pipeline(): Promise<void> {
    const count = 2 + this.#detail % 10;
    const list = Array.from({ length: count }, (_, i): [Ask, Exchange] => {
      const ask = this.#ask(i);
      return [ask === "POST expect" ? "POST echo" : ask, this.#exchange(i)];
    });
    const messages = list.map(([ask, x], i) =>
      this.#request(ask, x, i === count - 1 ? "Connection: close\r\n" : "")
    );
    const written = this.#conn.write(joined(messages));
    written.catch(() => {}); // told by what is not answered
    for (const [i, [ask, x]] of list.entries()) {
      if (!await this.#answer(ask, x) || i === count - 1) continue;
      // What a handler leaves unread is read for it, unless it is a lot.
      if (ask === "POST ignored" && x.body.length > 256 * 1024) return;
      throw new Error(`lost request: the connection ends behind ${ask}`);
    }
    await written;
    await this.#ended();
  }

  /** Sends a request in many parts. */
  async dribble(): Promise<void> {
    const [ask, x] = [this.#ask(0), this.#exchange(0)];
    const message = this.#request(ask, x);
    const size = Math.ceil(message.length / (2 + this.#detail % 20));
    for (let at = 0; at < message.length; at += size) {
      await this.#conn.write(message.subarray(at, at + size));
      await new Promise((resolve) => setTimeout(resolve));
    }
    await this.#answer(ask, x);
  }

  /** Leaves in the middle of a request. */
  async leaveAsking(): Promise<void> {
    const message = this.#request(this.#ask(0), this.#exchange(0));
    await this.#conn.write(message.subarray(0, this.#detail % message.length));
  }

  /** Leaves while a handler waits for that. */
  async leaveWaiting(): Promise<void> {
    await this.#conn.write(this.#request("GET wait", this.#exchange(0)));
    await new Promise((resolve) => setTimeout(resolve, this.#detail % 10));
  }

  /** Leaves in the middle of an answer. */
  async leaveReading(): Promise<void> {
    const x = exchangeOf(this.#places.seed, this.#id);
    await this.#conn.write(bytes(`GET /endless/${x.id}/0 HTTP/1.1\r\nHost: a\r\n\r\n`));
    await this.#input.exactly(1 + x.detail % 100_000);
  }

  /** Sends what is no request. */
  async refused(): Promise<void> {
    const [text, status] = malformed[this.#detail % malformed.length];
    await this.#conn.write(Uint8Array.from(text, (char) => char.charCodeAt(0)));
    const head = await this.#input.head();
    if (head?.startsWith(`HTTP/1.1 ${status} `) !== true) {
      throw new Error(`other: ${JSON.stringify(text)} is answered with ${JSON.stringify(head)}`);
    }
    const length = Number(head.match(/^content-length: (\d+)$/im)?.[1] ?? 0);
    await this.#input.exactly(length);
    await this.#ended();
  }

  /** Asks for what fails half way. */
  async cut(): Promise<void> {
    const x = this.#exchange(0);
    await this.#conn.write(this.#request("GET cut", x));
    try {
      await this.#answer("GET cut", x);
    } catch (error) {
      if (/^(wrong body|unaccounted)/.test((error as Error).message)) throw error;
      return;
    }
    throw new Error("wrong body: an answer that was cut looks complete");
  }

  /** Says nothing, or not enough, or takes nothing: and is sent away. */
  async linger(): Promise<void> {
    const how = this.#detail % 4;
    if (how === 1) await this.#conn.write(bytes("GET / HTTP/1.1\r\nHo"));
    if (how === 2) await this.talk();
    if (how === 3) {
      await this.#conn.write(bytes("GET /endless/0/0 HTTP/1.1\r\nHost: a\r\n\r\n"));
      await new Promise((resolve) => setTimeout(resolve, 2 * hasty));
      try {
        for (const p = new Uint8Array(64 * 1024); await this.#conn.read(p) !== null;);
      } catch {
        // A reset is an end as well.
      }
      return;
    }
    await this.#ended();
  }
}

/** How often each kind of visit is made. */
const weights = {
  talk: 400,
  pipeline: 100,
  dribble: 50,
  leaveAsking: 60,
  leaveWaiting: 40,
  leaveReading: 20,
  refused: 60,
  cut: 20,
  linger: 4,
} as const satisfies { [K in keyof Visit]?: number };

/** A kind of visit. */
export type VisitKind = keyof typeof weights;

/** The kinds that leave the server no way to answer, or to answer well. */
export const faulty: ReadonlySet<VisitKind> = new Set<VisitKind>([
  ...[
    "dribble",
    "leaveAsking",
    "leaveWaiting",
    "leaveReading",
    "refused",
    "cut",
    "linger",
  ] as const,
]);

const list = (Object.keys(weights) as VisitKind[])
  .flatMap((kind) => Array<VisitKind>(weights[kind]).fill(kind));

/**
 * Makes the visit of a number.
 *
 * @returns What it was, and how many right answers there were.
 * @throws {Error} The server did not behave: the message begins with the violation.
 */
export async function visit(
  places: Places,
  id: number,
): Promise<{ kind: VisitKind; answered: number }> {
  const { detail } = exchangeOf(places.seed, id);
  const kind = list[(detail >>> 3) % list.length];
  const leaves = kind.startsWith("leave");
  const port = kind === "linger" ? places.hastyPort : places.port;
  // The runtime says goodbye before it resets.
  const engine = leaves || detail % 2 === 0 ? "native" : "runtime";
  const conn = await dial("tcp", `127.0.0.1:${port}`, { engine }) as TcpConn;
  const made = new Visit(places, conn, id);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("lost request: no end of it")), 20_000);
  });
  try {
    await Promise.race([made[kind](), late]);
    if (leaves && detail % 3 > 0) conn.setLinger(0);
    return { kind, answered: made.answered };
  } catch (error) {
    throw new Error(`${(error as Error).message} (visit ${id}: ${kind}, seed ${places.seed})`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    conn.close();
  }
}
