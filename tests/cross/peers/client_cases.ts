/** What our client asks of every server, and how it must end. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { Client, type ClientInit } from "../../../http/client/client.ts";
import { HttpError } from "../../../http/errors.ts";
import type { Response } from "../../../http/web/response.ts";
import { Transport } from "../../../http/client/transport.ts";
import { dial } from "../../../net/mod.ts";
import { ca } from "../../support/tls/certificates.ts";
import { type Ability, type Over, type PeerServer } from "./client_servers.ts";
import { digest, inChunks, noise, scratch } from "./http_server.ts";

/** A client of ours, of one server. */
class Asker implements Disposable {
  /** Connections that were made. */
  opened = 0;
  /** Requests that were sent once more, over another connection. */
  again = 0;
  readonly transport: Transport;
  readonly #client: Client;
  readonly #origin: string;

  constructor(over: Over, address: string) {
    this.#origin = over === "unix"
      ? "http://localhost"
      : over === "tls"
      ? `https://localhost:${address.split(":").at(-1)}`
      : `http://${address}`;
    this.transport = new Transport({
      proxy: null,
      tls: { caCerts: [ca] },
      maxConnsPerHost: 10,
      maxIdleConnsPerHost: 10,
      expectContinueTimeout: 15_000, // It is the server that ends the wait.
      ...over === "unix" && { dial: (_network, _address, wait) => dial("unix", address, wait) },
    });
    this.#client = new Client({ transport: this.transport, timeout: 15_000 });
  }

  ask = async (path: string, init: ClientInit = {}): Promise<Response> => {
    let tries = 0;
    const trace = {
      ...init.trace,
      getConn: () => void (this.again += Number(tries++ > 0)),
      gotConn: ({ reused }: { reused: boolean }) => void (this.opened += Number(!reused)),
    };
    return await this.#client.fetch(this.#origin + path, { ...init, trace });
  };

  text = async (path: string, init?: ClientInit): Promise<string> =>
    await (await this.ask(path, init)).text();

  [Symbol.dispose](): void {
    this.transport.close();
  }
}

/** What a promise rejects with, which is an `HttpError`. */
async function failure(promise: Promise<unknown>): Promise<HttpError> {
  const error = await promise.then(() => undefined, (error) => error);
  assertInstanceOf(error, HttpError);
  return error;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What is asked for. */
interface Case {
  readonly name: string;
  readonly needs?: Ability;
  /** What it is not possible over. */
  readonly except?: readonly Over[];
  /** How long the server may keep an idle connection. */
  readonly idle?: number;
  readonly run: (asker: Asker) => Promise<void>;
}

const large = noise(3_000_000);

const cases: readonly Case[] = [{
  name: "keeps one connection for requests of all kinds",
  async run(asker) {
    for (let i = 0; i < 12; i++) {
      assertEquals(await asker.text("/small"), "small");
      const head = await asker.ask("/small", { method: "HEAD" });
      assertEquals([head.headers.get("content-length"), await head.text()], ["5", ""]);
      const empty = await asker.ask("/empty", { method: "DELETE" });
      assertEquals([empty.status, await empty.text()], [204, ""]);
      const unchanged = await asker.ask("/unchanged", { headers: { "if-none-match": '"1"' } });
      assertEquals([unchanged.status, await unchanged.text()], [304, ""]);
      const data = noise(i * 5_000);
      const sum = `${data.length} ${await digest(data)}`;
      assertEquals(await asker.text("/digest", { method: "POST", body: data }), sum);
      const body = inChunks(data, 40_000);
      assertEquals(await asker.text("/digest", { method: "PUT", body }), sum);
    }
    assertEquals(asker.opened, 1);
  },
}, {
  name: "sends and gets large bodies, of known and unknown length",
  async run(asker) {
    const sum = await digest(large);
    for (const path of ["/whole", "/chunks"]) {
      for (const body of [large, inChunks(large, 300_000)]) {
        const response = await asker.ask(path, { method: "POST", body });
        const length = response.headers.get("content-length");
        assertEquals(length, path === "/whole" ? `${large.length}` : null);
        assertEquals(await digest(await response.bytes()), sum);
        // Who answers before the request has ended may close, and says so.
        if (path === "/whole") assertEquals(asker.opened, 1);
      }
    }
  },
}, {
  name: "is echoed while it sends",
  needs: "duplex",
  async run(asker) {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const asked = asker.ask("/chunks", { method: "POST", body: readable });
    const encode = (text: string) => new TextEncoder().encode(text);
    await writer.write(encode("0"));
    const reader = (await asked).body!.pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await reader.read()).value, "0");
    for (let i = 1; i < 10; i++) {
      await writer.write(encode(`${i}`)); // Nothing, before what was sent last has come back.
      assertEquals((await reader.read()).value, `${i}`);
    }
    await writer.close();
    assert((await reader.read()).done);
  },
}, {
  name: "gets what is streamed as it comes",
  async run({ ask, text }) {
    const reader = (await ask("/pieces")).body!.pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await reader.read()).value, "one ");
    await text("/go-on");
    assertEquals((await reader.read()).value, "two");
    assert((await reader.read()).done);
  },
}, {
  name: "asks for gzip, and decodes it, unless it was told what to ask for",
  async run(asker) {
    const text = "again and again ".repeat(10_000);
    const decoded = await asker.ask("/gzip");
    const fields = ["content-encoding", "content-length"].map((name) => decoded.headers.get(name));
    assertEquals([decoded.uncompressed, fields], [true, [null, null]]);
    assertEquals(await decoded.text(), text);

    const raw = await asker.ask("/gzip", { headers: { "accept-encoding": "gzip" } });
    assertEquals([raw.uncompressed, raw.headers.get("content-encoding")], [false, "gzip"]);
    const bytes = await raw.bytes();
    assert(bytes.length < 10_000);
    const unzipped = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    assertEquals(await new globalThis.Response(unzipped).text(), text);

    const plain = await asker.ask("/gzip", { headers: { "accept-encoding": "identity" } });
    assertEquals([plain.uncompressed, await plain.text()], [false, text]);
    assertEquals(asker.opened, 1);
  },
}, {
  name: "gets trailers, announced or not",
  needs: "trailers",
  async run(asker) {
    for (let i = 0; i < 3; i++) {
      const response = await asker.ask("/trailers");
      assertEquals(response.headers.has("x-sum"), false);
      assertEquals(await response.text(), "body");
      const trailers = await response.trailers;
      assertEquals([trailers.get("x-sum"), trailers.get("x-late")], ["4", "unannounced"]);
    }
    assertEquals(asker.opened, 1);
  },
}, {
  name: "is told of early hints",
  needs: "informational",
  async run(asker) {
    const told: [number, string | null][] = [];
    const response = await asker.ask("/early", {
      informational: ({ status, headers }) => told.push([status, headers.get("link")]),
    });
    assertEquals([response.status, await response.text()], [200, "late"]);
    assertEquals(told[0], [103, "</style.css>; rel=preload"]);
    assertEquals(told.map(([status]) => status), [103, 102]);
    assertEquals(await asker.text("/small"), "small");
    assertEquals(asker.opened, 1);
  },
}, {
  name: "waits for 100 Continue, and sends no body that is not wanted",
  needs: "expect",
  async run({ ask }) {
    const post = async (path: string) => {
      const told: number[] = [];
      let asked = 0;
      const pieces = inChunks(large, 300_000).getReader();
      const response = await ask(path, {
        method: "POST",
        body: new ReadableStream({
          async pull(controller) {
            asked++;
            const { done, value } = await pieces.read();
            if (done) controller.close();
            else controller.enqueue(value);
          },
        }, { highWaterMark: 0 }),
        headers: { expect: "100-continue" },
        informational: ({ status }) => told.push(status),
      });
      return [response.status, await response.text(), told, asked];
    };
    assertEquals(await post("/refuse"), [403, "no", [], 0]);
    const sum = `${large.length} ${await digest(large)}`;
    assertEquals(await post("/digest"), [200, sum, [100], 11]);
  },
}, {
  name: "hears a refusal while it sends, and goes on",
  async run({ ask, text }) {
    for (const body of [large, inChunks(large, 300_000)]) {
      const response = await ask("/refuse", { method: "POST", body });
      assertEquals([response.status, await response.text()], [403, "no"]);
      assertEquals(await text("/small"), "small");
    }
  },
}, {
  name: "takes no broken body for complete",
  async run({ ask, text }) {
    for (const path of ["/cut", "/cut-length"]) {
      const error = await failure(text(path));
      assertEquals([error.phase, error.timeout], ["body", false], `${path}: ${error.message}`);
      const reader = (await ask(path)).body!.getReader();
      assertEquals((await reader.read()).value!.length, 10);
      assertEquals((await failure(reader.read())).phase, "body");
      assertEquals(await text("/small"), "small");
    }
  },
}, {
  name: "reports a reset",
  needs: "reset",
  except: ["unix", "tls"], // as a Unix socket knows none, and Node sends none under TLS
  async run({ text }) {
    for (let i = 0; i < 3; i++) {
      const error = await failure(text("/reset"));
      assert(["body", "responseHeader"].includes(error.phase), error.phase);
      assertEquals(await text("/small"), "small");
    }
  },
}, {
  name: "sends nothing again over a connection that was new",
  needs: "raw",
  async run({ text }) {
    const error = await failure(text("/vanish?once"));
    assertEquals(error.phase, "responseHeader");
    assertEquals(await text("/seen"), "1");
  },
}, {
  name: "leaves a body it has enough of, and the server is told",
  async run({ ask, text }) {
    for (let i = 0; i < 3; i++) {
      const gone = text("/gone");
      const reader = (await ask("/endless")).body!.getReader();
      assert((await reader.read()).value!.length > 0);
      await reader.cancel();
      assertEquals(await gone, "gone");
    }
  },
}, {
  name: "opens a new connection after one that the server says it closes",
  needs: "close",
  async run(asker) {
    for (let i = 0; i < 5; i++) {
      const response = await asker.ask("/last");
      assertEquals([response.headers.get("connection"), await response.text()], ["close", "last"]);
    }
    assertEquals([asker.opened, asker.again], [5, 0]);
  },
}, {
  name: "asks a hundred things at once over ten connections",
  async run(asker) {
    await Promise.all(Array.from({ length: 100 }, async (_, i) => {
      const data = noise(i * 1_000);
      const body = i % 2 === 0 ? data : inChunks(data, 30_000);
      const sum = await asker.text("/digest", { method: "POST", body });
      assertEquals(sum, `${data.length} ${await digest(data)}`);
    }));
    assert(asker.opened <= 10, `${asker.opened} connections`);
  },
}, {
  name: "loses no request that may be sent again to connections that die",
  needs: "raw",
  async run(asker) {
    // Each answer is followed by the end of its connection, which the next request meets half-way.
    for (let i = 0; i < 50; i++) {
      assertEquals(await asker.text("/dying"), "ok");
      const headers = { "idempotency-key": `${i}` };
      assertEquals(await asker.text("/dying", { method: "POST", body: "x", headers }), "ok");
    }
    await Promise.all(Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 20; i++) assertEquals(await asker.text("/dying"), "ok");
    }));
    for (let i = 0; i < 50; i++) {
      const error = await asker.text(`/dying?${i}`, { method: "POST", body: "x" }).catch((e) => e);
      if (error !== "ok") assertInstanceOf(error, HttpError);
    }
    assertEquals(await asker.text("/seen"), "1"); // What may not be sent twice never was.
  },
}, {
  name: "loses no GET to the server's limit of idle time",
  needs: "close",
  idle: 10,
  async run(asker) {
    for (let i = 0; i < 40; i++) {
      assertEquals(await asker.text("/small"), "small");
      await pause(8 + i % 5);
    }
    const idle = () => Object.values(asker.transport.stats()).some(({ idle }) => idle > 0);
    while (idle()) await pause(1); // It is noticed, without a request.
    const before = asker.opened;
    assertEquals(await asker.text("/small"), "small");
    assertEquals(asker.opened, before + 1);
  },
}];

/** Runs cases against one start of a server. */
async function against(server: PeerServer, over: Over, some: readonly Case[], idle = 60_000) {
  using dir = scratch();
  await using at = await server.start(over, `${dir.path}/socket`, idle);
  for (const { name, run } of some) {
    using asker = new Asker(over, at.address);
    await run(asker).catch((error) => {
      throw new Error(`our client ${name}, over ${over}`, { cause: error });
    });
  }
  await pause(0); // node's TLS sockets end a turn later
}

/**
 * Tests our client with a server: one case after the other over TCP, and all of them with one start
 * of it over a Unix socket and over TLS.
 *
 * @param server The server.
 */
export function testClientOf(server: PeerServer): void {
  const able = cases.filter(({ needs }) => needs === undefined || server.abilities.includes(needs));
  const { name, missing: ignore } = server;
  for (const it of able) {
    Deno.test(`our client, of ${name}, ${it.name}`, { ignore }, async () => {
      await against(server, "tcp", [it], it.idle);
    });
  }
  for (const over of ["unix", "tls"] as const) {
    Deno.test(`our client does the same with ${name} over ${over}`, { ignore }, async () => {
      const possible = able.filter(({ idle, except }) => !idle && !except?.includes(over));
      await against(server, over, possible);
    });
  }
}
