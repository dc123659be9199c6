/** The examples of servers, run as a reader would run them. */
import { assertEquals, assertMatch } from "@std/assert";
import WsClient from "npm:ws@8";

const root = new URL("../../", import.meta.url);

/** Milliseconds after which an example is ended, and its test has failed. */
const limit = 20_000;

/** A running example; ended with the scope it is in. */
class Example implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdout: ReadableStreamDefaultReader<string>;
  readonly #stderr: Promise<string>;
  readonly #timer: ReturnType<typeof setTimeout>;
  #said = "";

  /** Starts it with just these permissions, on a free port. */
  constructor(file: string, ...permissions: string[]) {
    const args = ["run", "--no-prompt", "--no-config", ...permissions, `examples/${file}`, "0"];
    this.#child = new Deno.Command(Deno.execPath(), {
      ...{ args, cwd: root, env: { NO_COLOR: "1" } },
      ...{ stdin: "null", stdout: "piped", stderr: "piped" },
    }).spawn();
    this.#stdout = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#stderr = new Response(this.#child.stderr).text();
    this.#timer = setTimeout(() => this.kill("SIGKILL"), limit);
  }

  /** Waits until it has said this, and forgets what it has said up to there. */
  async says(pattern: RegExp): Promise<string> {
    for (let found;;) {
      if ((found = pattern.exec(this.#said)) !== null) {
        this.#said = this.#said.slice(found.index + found[0].length);
        return found[0];
      }
      const { done, value } = await this.#stdout.read();
      if (done) throw new Error(`it has said only ${this.#said}\n${await this.#stderr}`);
      this.#said += value;
    }
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  }

  /** Waits for its end, and gives its code. */
  async code(): Promise<number> {
    const { code } = await this.#child.status;
    assertEquals(await this.#stderr, "");
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.kill("SIGKILL");
    await Promise.all([this.#child.status, this.#stderr, this.#stdout.cancel()]);
  }
}

const address = /(http|ws):\/\/127\.0\.0\.1:\d+\//;

Deno.test("the Hono example: cookies, notes, and a stream of events", async () => {
  await using example = new Example("hono_app.ts", "--allow-net=127.0.0.1");
  const origin = await example.says(address);
  using client = Deno.createHttpClient({});
  const ask = (path: string, init?: RequestInit) => fetch(origin + path, { client, ...init });

  const first = await ask("");
  assertMatch(await first.text(), /^Visit 1 from 127\.0\.0\.1:\d+ over HTTP\/1\.1\n$/);
  assertEquals(first.headers.get("x-content-type-options"), "nosniff");
  const [cookie] = first.headers.getSetCookie();
  const again = await ask("", { headers: { cookie: cookie.split(";")[0] } });
  assertMatch(await again.text(), /^Visit 2 /);

  const missing = await ask("notes/a");
  assertEquals([missing.status, await missing.text()], [404, "404 Not Found"]);
  const body = JSON.stringify({ text: "käse" });
  assertEquals((await ask("notes/a", { method: "PUT", body })).status, 204);
  assertEquals(await (await ask("notes/a")).json(), { text: "käse" });

  const events = await ask("countdown/2");
  assertEquals(events.headers.get("content-type"), "text/event-stream");
  assertEquals(await events.text(), "data: 2\n\ndata: 1\n\ndata: 0\n\n");
});

/** One who chats, whichever client it is. */
class Member {
  readonly closed: Promise<unknown[]>;
  readonly #socket: WebSocket;
  #heard: string[] = [];
  #wake = () => {};

  constructor(Client: typeof WebSocket, url: string) {
    this.#socket = new Client(url);
    this.#socket.onmessage = ({ data }) => {
      this.#heard.push(data);
      this.#wake();
    };
    this.closed = new Promise((resolve) => {
      this.#socket.onclose = ({ code, reason }) => resolve([code, reason]);
    });
  }

  async hears(text: string | RegExp): Promise<void> {
    while (this.#heard.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    const heard = this.#heard.shift()!;
    if (typeof text === "string") assertEquals(heard, text);
    else assertMatch(heard, text);
  }

  says(text: string): void {
    this.#socket.send(text);
  }

  leaves(): Promise<unknown[]> {
    this.#socket.close(1000, "bye");
    return this.closed;
  }
}

const chatPermissions = ["--allow-net=127.0.0.1", "--allow-env"];

Deno.test("the chat example: the runtime's client and that of ws talk", async () => {
  await using example = new Example("websocket_chat.ts", ...chatPermissions);
  const url = await example.says(address);
  const ann = new Member(WebSocket, `${url}?name=Ann`);
  await ann.hears("Ann has come, now there are 1");
  const bob = new Member(WsClient, `${url}?name=Bob`);
  for (const it of [ann, bob]) await it.hears("Bob has come, now there are 2");

  const talks = async (who: Member, name: string, ...texts: string[]) => {
    for (const text of texts) who.says(text);
    for (const text of texts) for (const it of [ann, bob]) await it.hears(`${name}: ${text}`);
  };
  await talks(ann, "Ann", "hello", "x".repeat(60_000), ...Array(50).fill("again"));
  await talks(bob, "Bob", "käse", "", "y".repeat(60_000));

  assertEquals(await bob.leaves(), [1000, "bye"]);
  await ann.hears("Bob has gone");
  const cid = new Member(WsClient, `${url}?name=Cid`);
  for (const it of [ann, cid]) await it.hears("Cid has come, now there are 2");
  cid.says("z".repeat(100_000)); // more than is allowed
  assertEquals((await cid.closed)[0], 1009);
  await ann.hears("Cid has gone");
  assertEquals(await ann.leaves(), [1000, "bye"]);
});

Deno.test("the chat example says what it is to those who do not chat", async () => {
  await using example = new Example("websocket_chat.ts", ...chatPermissions);
  const url = (await example.says(address)).replace("ws:", "http:");
  using client = Deno.createHttpClient({});
  const plain = await fetch(url, { client });
  assertEquals([plain.status, plain.headers.get("upgrade")], [426, "websocket"]);
  assertEquals(plain.headers.get("connection"), "upgrade");
  assertMatch(await plain.text(), /WebSocket/);
  const { hostname, port } = new URL(url);
  using raw = await Deno.connect({ hostname, port: Number(port) });
  const fields = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  await raw.write(new TextEncoder().encode(`GET / HTTP/1.1\r\n${fields}\r\n`));
  const answer = await new Response(raw.readable).text(); // and then it ends
  assertMatch(answer, /^HTTP\/1\.1 400 .*Sec-WebSocket-Key/s);
});

Deno.test("the chat example tells everybody goodbye when it is told to end", async () => {
  await using example = new Example("websocket_chat.ts", ...chatPermissions);
  const url = await example.says(address);
  const members: Member[] = [];
  for (const Client of [WebSocket, WsClient]) {
    members.push(new Member(Client, url));
    await members.at(-1)!.hears(/ has come/);
  }
  example.kill("SIGINT");
  for (const it of members) assertEquals(await it.closed, [1001, "the server is going away"]);
  assertEquals(await example.code(), 0);
});

Deno.test("the graceful example answers what is under way, and takes nothing new", async () => {
  await using example = new Example("graceful_server.ts", "--allow-net=127.0.0.1");
  const origin = await example.says(address);
  using client = Deno.createHttpClient({});
  const asked = [0.7, 0.8, 0.9].map((seconds) => fetch(`${origin}?seconds=${seconds}`, { client }));
  for (const _ of asked) await example.says(/a request of/);
  example.kill("SIGTERM");
  await example.says(/finishing what is under way/);
  using other = Deno.createHttpClient({});
  assertEquals(await fetch(origin, { client: other }).catch((error) => error.name), "TypeError");
  for (const [i, response] of (await Promise.all(asked)).entries()) {
    assertEquals(await response.text(), `it took 0.${i + 7} s\n`);
    assertEquals(response.headers.get("connection"), "close");
  }
  await example.says(/every request was answered/);
  assertEquals(await example.code(), 0);
});

Deno.test("the graceful example ends at once when nothing is under way", async () => {
  await using example = new Example("graceful_server.ts", "--allow-net=127.0.0.1");
  const origin = await example.says(address);
  using client = Deno.createHttpClient({});
  assertEquals(await (await fetch(origin, { client })).text(), "it took 0 s\n");
  example.kill("SIGINT"); // the connection is idle, and kept by the client
  await example.says(/every request was answered/);
  assertEquals(await example.code(), 0);
});

Deno.test("the graceful example ends at once when it is told twice", async () => {
  await using example = new Example("graceful_server.ts", "--allow-net=127.0.0.1");
  const origin = await example.says(address);
  using client = Deno.createHttpClient({});
  const asked = fetch(`${origin}?seconds=3600`, { client }).catch((error) => error.name);
  await example.says(/a request of 3600 s/);
  example.kill("SIGTERM");
  await example.says(/finishing what is under way/);
  example.kill("SIGTERM");
  await example.says(/at once, then/);
  assertEquals([await example.code(), await asked], [1, "TypeError"]);
});
