/** A tiny DNS server on a loopback port, answering from a table (RFC 1035 section 4). */
import { createSocket, type Socket } from "node:dgram";
import { isIp, parseIp } from "../../net/ip.ts";

/** What the server knows of a name, or what it does when asked for it. */
export type ZoneEntry = "SERVFAIL" | "drop" | {
  A?: string[] | "drop" | "SERVFAIL";
  AAAA?: string[] | "drop" | "SERVFAIL";
  CNAME?: string;
  MX?: [preference: number, exchange: string][];
  PTR?: string[];
  SRV?: [priority: number, weight: number, port: number, target: string][];
  TXT?: string[][];
};

/** What the server knows, by name, in lower case and without a final dot. */
export type Zone = Record<string, ZoneEntry>;

const typeNumbers = { A: 1, CNAME: 5, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33 };
type RecordType = keyof typeof typeNumbers;

/** A running server; it stops when it is disposed. */
export class DnsServer implements AsyncDisposable {
  /** Every question so far, as `"A example.test"`. */
  readonly questions: string[] = [];
  readonly #socket: Socket = createSocket("udp4");
  readonly #zone: Zone;
  #waiting: (() => void)[] = [];

  private constructor(zone: Zone) {
    this.#zone = zone;
  }

  /** Starts a server on a free port of 127.0.0.1. */
  static async start(zone: Zone): Promise<DnsServer> {
    const server = new DnsServer(zone);
    server.#socket.on("message", (query, { address, port }) => {
      const answer = server.#answer(query);
      if (answer !== undefined) server.#socket.send(answer, port, address);
    });
    await new Promise<void>((resolve) => server.#socket.bind(0, "127.0.0.1", resolve));
    return server;
  }

  /** How to ask it. */
  get nameServer(): { ipAddr: string; port: number } {
    return { ipAddr: "127.0.0.1", port: this.#socket.address().port };
  }

  /** Waits until `question` has been asked. */
  async asked(question: string): Promise<void> {
    while (!this.questions.includes(question)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #answer(query: Uint8Array): Uint8Array | undefined {
    let end = 12;
    const labels: string[] = [];
    while (query[end] !== 0) {
      labels.push(new TextDecoder().decode(query.subarray(end + 1, end + 1 + query[end])));
      end += query[end] + 1;
    }
    end += 5;
    const name = labels.join(".").toLowerCase();
    const number = query[end - 4] << 8 | query[end - 3];
    const type = (Object.keys(typeNumbers) as RecordType[]).find((t) => typeNumbers[t] === number);
    this.questions.push(`${type ?? number} ${name}`);
    this.#waiting.splice(0).forEach((wake) => wake());

    const entry = this.#zone[name];
    const wanted = typeof entry === "object" && (type === "A" || type === "AAAA")
      ? entry[type]
      : undefined;
    if (entry === "drop" || wanted === "drop") return undefined;
    const failed = entry === "SERVFAIL" || wanted === "SERVFAIL";
    const code = failed ? 2 : entry === undefined ? 3 : 0;
    const records = failed || type === undefined ? [] : this.#records(name, type);
    // Response, recursion desired and available; one question, the answers, nothing else.
    const head = [query[0], query[1], 0x81, 0x80 | code, 0, 1, 0, records.length, 0, 0, 0, 0];
    return Uint8Array.from([...head, ...query.subarray(12, end), ...records.flat()]);
  }

  /** The records of a name, behind those of the alias it is. */
  #records(name: string, type: RecordType): number[][] {
    const entry = this.#zone[name];
    if (typeof entry !== "object") return [];
    if (entry.CNAME !== undefined && type !== "CNAME") {
      const alias = record(name, "CNAME", nameBytes(entry.CNAME));
      return [alias, ...this.#records(entry.CNAME.replace(/\.$/, ""), type)];
    }
    return dataOf(entry, type).map((data) => record(name, type, data));
  }
}

function dataOf(entry: Exclude<ZoneEntry, string>, type: RecordType): number[][] {
  switch (type) {
    case "A":
    case "AAAA": {
      const ips = entry[type];
      return Array.isArray(ips)
        ? ips.filter((ip) => isIp(ip)).map((ip) => [...parseIp(ip).bytes])
        : [];
    }
    case "CNAME":
      return entry.CNAME === undefined ? [] : [nameBytes(entry.CNAME)];
    case "PTR":
      return (entry.PTR ?? []).map(nameBytes);
    case "MX":
      return (entry.MX ?? []).map(([pref, host]) => [...u16(pref), ...nameBytes(host)]);
    case "SRV":
      return (entry.SRV ?? []).map(([priority, weight, port, target]) => [
        ...u16(priority),
        ...u16(weight),
        ...u16(port),
        ...nameBytes(target),
      ]);
    case "TXT":
      return (entry.TXT ?? []).map((parts) => parts.flatMap(stringBytes));
  }
}

const u16 = (n: number) => [n >> 8, n & 255];
const stringBytes = (text: string) => {
  const bytes = new TextEncoder().encode(text);
  return [bytes.length, ...bytes];
};
const nameBytes = (name: string) => [
  ...name.split(".").filter((label) => label !== "").flatMap(stringBytes),
  0,
];

function record(name: string, type: RecordType, data: number[]): number[] {
  const ttl = [0, 0, 0, 60];
  return [
    ...nameBytes(name),
    ...u16(typeNumbers[type]),
    0,
    1,
    ...ttl,
    ...u16(data.length),
    ...data,
  ];
}
