/** The examples of HTTP's client, and of both ends at once. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Handler, Server } from "../../http/mod.ts";
import { type Conn, dial, listen, type Listener, listenTls } from "../../net/mod.ts";
import { Example, Folder, output, run } from "./example.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (p: Uint8Array) => new TextDecoder().decode(p);
const pem = (name: string) => new URL(`../support/tls/${name}.pem`, import.meta.url).pathname;

/** A server for the length of a test. */
class Upstream implements AsyncDisposable {
  readonly address: string;
  readonly #server: Server;
  readonly #serving: Promise<unknown>;

  constructor(handler: Handler, listener: Listener = listen("tcp", "127.0.0.1:0")) {
    this.address = `${listener.addr}`;
    this.#server = new Server({ handler, errorLog: () => {} });
    this.#serving = this.#server.serve(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    await this.#serving;
  }
}

Deno.test("httpstat draws the phases, and those of a kept connection", async () => {
  await using server = new Upstream(() => new Response("x".repeat(5_000)));
  const url = `http://${server.address}/`;
  const out = await output("httpstat.ts", ["--allow-net=127.0.0.1", "--allow-env"], [url]);
  const [first, second] = out.split(/(?<=in all.*\n)/);
  const head = `HTTP/1.1 200 OK, 5000 bytes from ${server.address}\n`;
  assertStringIncludes(first, `${head}  over a new connection\n`);
  assertStringIncludes(second, `${head}  over the same connection\n`);
  const names = (text: string) => [...text.matchAll(/^ {2}(.{15}) +[0-9.]+ ms │ *█+ *│$/gm)];
  const kept = ["request sent", "server at work", "body received"];
  assertEquals(names(first).map(([, name]) => name.trim()), ["connect", ...kept]);
  assertEquals(names(second).map(([, name]) => name.trim()), kept);
});

Deno.test("httpstat shows names and handshakes, and a redirect as what it is", async () => {
  const files = { cert: pem("server"), key: pem("server").replace(/pem$/, "key") };
  const [cert, key] = [files.cert, files.key].map((file) => Deno.readTextFileSync(file));
  const listener = listenTls("tcp", "127.0.0.1:0", { cert, key, alpnProtocols: ["http/1.1"] });
  await using server = new Upstream(() => Response.redirect("https://localhost/x"), listener);
  const url = `https://localhost:${server.address.split(":")[1]}/`;
  const flags = ["--allow-net=localhost,127.0.0.1,[::1]", "--allow-env", "--cert", pem("ca")];
  const out = await output("httpstat.ts", flags, [url]);
  assertEquals(out.match(/HTTP\/1\.1 302 /g)?.length, 2);
  for (const phase of ["dns lookup", "connect", "tls handshake"]) {
    assertEquals(out.match(new RegExp(`^  ${phase} .*│ *█+ *│$`, "gm"))?.length, 1, out);
  }
});

Deno.test("httpstat says where a request has failed", async () => {
  const flags = ["--allow-net=127.0.0.1", "--allow-env"];
  const { code, stderr } = await run("httpstat.ts", flags, ["http://127.0.0.1:1/"]);
  assertEquals(code, 1);
  assertEquals(stderr, 'GET "http://127.0.0.1:1/": connection refused (connect)\n');
});

Deno.test("an API on a Unix socket is asked, and its answers are printed", async () => {
  using folder = new Folder();
  const seen: unknown[] = [];
  await using server = new Upstream(async (request) => {
    seen.push([request.method, request.headers.get("host"), await request.text()]);
    const { pathname } = new URL(request.url);
    if (pathname === "/version") return Response.json({ Version: "1.2" });
    if (pathname === "/logs") return new Response("line 1\nline 2\n");
    return Response.json({ message: "no such thing" }, { status: 404 });
  }, listen("unix", `${folder.path}/api`));
  const flags = ["--allow-net", ...folder.flags];
  const ask = (...args: string[]) => run("unix_api.ts", flags, [server.address, ...args]);

  assertEquals((await ask("GET", "/version")).stdout, '{\n  "Version": "1.2"\n}\n');
  assertEquals((await ask("GET", "/logs")).stdout, "line 1\nline 2\n");
  const missing = await ask("POST", "/x?y=1", '{"a":1}');
  assertEquals([missing.code, missing.stderr], [1, "POST /x?y=1: 404 Not Found\n"]);
  assertMatch(missing.stdout, /no such thing/);
  assertEquals(seen.at(-1), ["POST", "localhost", '{"a":1}']);

  const nobody = await run("unix_api.ts", flags, [`${folder.path}/none`, "GET", "/"]);
  assertEquals(nobody.code, 1);
  assertMatch(nobody.stderr, /^GET "http:\/\/localhost\/": .*no such file or directory.*\n$/);
});

/** Starts the proxy before a server. */
async function proxy(url: string, ...rest: string[]): Promise<Example & { address: string }> {
  const args = ["127.0.0.1:0", url, ...rest];
  const example = new Example("reverse_proxy.ts", ["--allow-net=127.0.0.1"], args);
  const [, address] = await example.says(/http:\/\/(.*)\/\n/);
  return Object.assign(example, { address });
}

/** What a server says to this request, up to the end of the connection. */
async function raw(address: string, ...lines: string[]): Promise<string> {
  using conn = await dial("tcp", address, { timeout: 5_000 });
  await conn.write(encode([...lines, "", ""].join("\r\n")));
  return await new Response(conn.readable).text();
}

/** Reads a connection until this has come. */
async function until(conn: Conn, mark: string): Promise<string> {
  let text = "";
  for (const p = new Uint8Array(4096); !text.includes(mark);) {
    const n = await conn.read(p, { timeout: 10_000 });
    if (n === null) throw new Error(`ended, without ${JSON.stringify(mark)}: ${text}`);
    text += decode(p.subarray(0, n));
  }
  return text;
}

Deno.test("the proxy passes on the request, and nothing about the connection", async () => {
  let seen: [string, Record<string, string>] | undefined;
  await using server = new Upstream((request) => {
    seen = [new URL(request.url).pathname, Object.fromEntries(request.headers)];
    return new Response("hello");
  });
  await using it = await proxy(`http://${server.address}/base/`);
  await raw(
    it.address,
    "GET //elsewhere.invalid/path HTTP/1.1",
    "Host: shop.example",
    "Connection: close, X-Secret",
    "X-Secret: 1",
    "TE: trailers",
    "Upgrade: h2c",
    "Proxy-Authorization: Basic eDp5",
    "X-Forwarded-For: 10.0.0.1",
    "Forwarded: for=10.0.0.1",
    "Via: 1.0 fred",
    "X-Other: stays",
  );
  assertEquals(seen![0], "/base//elsewhere.invalid/path");
  const { "user-agent": _, ...fields } = seen![1];
  assertEquals(fields, {
    host: server.address,
    via: "1.0 fred, 1.1 plumb",
    "x-other": "stays",
    forwarded: 'for=127.0.0.1;host="shop.example";proto=http',
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-host": "shop.example",
    "x-forwarded-proto": "http",
  });
});

Deno.test("the proxy passes on the response, and nothing about the connection", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  await using it = await proxy(`http://${listener.addr}`);
  const asking = raw(it.address, "GET / HTTP/1.1", "Host: a", "Connection: close");
  using conn = await listener.accept({ timeout: 5_000 });
  await until(conn, "\r\n\r\n");
  const fields = ["Connection: X-Hop ,\tno name, keep-alive", "X-Hop: 1", "Keep-Alive: timeout=5"];
  fields.push("Set-Cookie: a=1", "Set-Cookie: b=2", "Content-Encoding: br", "Content-Length: 5");
  await conn.write(encode(["HTTP/1.1 203 Fine", ...fields, "", "hello"].join("\r\n")));
  const [head, body] = (await asking).split("\r\n\r\n");
  assertEquals(body, "hello");
  const [status, ...lines] = head.toLowerCase().split("\r\n");
  assertEquals(status, "http/1.1 203 fine");
  assertEquals(lines.filter((line) => !line.startsWith("date: ")).sort(), [
    "connection: close",
    "content-encoding: br",
    "content-length: 5",
    "set-cookie: a=1",
    "set-cookie: b=2",
    "via: 1.1 plumb",
  ]);
});

Deno.test("the proxy streams both ways at once, with trailers", async () => {
  await using server = new Upstream((request, info) => {
    info.setTrailers({ "x-sum": "42" });
    return new Response(request.body, { headers: { trailer: "x-sum" } });
  });
  await using it = await proxy(`http://${server.address}`);
  using conn = await dial("tcp", it.address, { timeout: 5_000 });
  const head = ["POST / HTTP/1.1", "Host: a", "Connection: close", "Transfer-Encoding: chunked"];
  await conn.write(encode([...head, "", ""].join("\r\n")));
  for (const word of ["first", "second"]) {
    // The next one is sent only when the one before has come back.
    await conn.write(encode(`${word.length}\r\n${word}\r\n`));
    await until(conn, `${word}\r\n`);
  }
  await conn.write(encode("0\r\n\r\n"));
  assertMatch(await until(conn, "\r\n\r\n"), /^0\r\nx-sum: 42\r\n\r\n$/i);
});

Deno.test("the proxy lets a client wait for 100 Continue, and keeps lengths", async () => {
  const lengths: (string | null)[] = [];
  await using server = new Upstream(async (request) => {
    lengths.push(request.headers.get("content-length"));
    return new Response(await request.bytes());
  });
  await using it = await proxy(`http://${server.address}`);
  using conn = await dial("tcp", it.address, { timeout: 5_000 });
  const head = ["PUT / HTTP/1.1", "Host: a", "Expect: 100-continue", "Content-Length: 5"];
  await conn.write(encode([...head, "", ""].join("\r\n")));
  assertMatch(await until(conn, "\r\n\r\n"), /^HTTP\/1\.1 100 /);
  await conn.write(encode("hello"));
  assertMatch(await until(conn, "hello"), /content-length: 5\r\n/i);
  assertEquals(lengths, ["5"]);
  const answer = await raw(it.address, "HEAD / HTTP/1.1", "Host: a", "Connection: close");
  assertMatch(answer, /^HTTP\/1\.1 200 .*\r\n\r\n$/s);
});

Deno.test("the proxy ends the request of a client that goes away", async () => {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  await using server = new Upstream((request) => {
    request.signal.addEventListener("abort", () => resolve());
    onAsked();
    return new Promise(() => {});
  });
  await using it = await proxy(`http://${server.address}`);
  using conn = await dial("tcp", it.address, { timeout: 5_000 });
  await conn.write(encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await asked;
  conn.close();
  await aborted;
});

Deno.test("the proxy takes no more of a body than its reader does", async () => {
  let sent = 0;
  const chunk = new Uint8Array(64 * 1024);
  const total = 512 * chunk.length;
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  await using server = new Upstream(() => {
    let timer: ReturnType<typeof setTimeout>;
    return new Response(
      new ReadableStream({
        pull(controller) {
          clearTimeout(timer);
          if (sent >= total) return controller.close();
          sent += chunk.length;
          controller.enqueue(chunk);
          timer = setTimeout(resolve, 300); // nobody has asked for more
        },
        cancel: () => clearTimeout(timer),
      }, { highWaterMark: 0 }),
    );
  });
  await using it = await proxy(`http://${server.address}`);
  using conn = await dial("tcp", it.address, { timeout: 5_000 });
  await conn.write(encode("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  await stopped; // by itself: we have not read a byte
  assert(sent < total, `all ${sent} bytes were taken`);
  let received = 0;
  const p = new Uint8Array(256 * 1024);
  for (let n = await conn.read(p); n !== null; n = await conn.read(p)) received += n;
  assert(received > total, `only ${received} bytes came`);
});

Deno.test("the proxy says what it cannot do", async () => {
  await using nobody = await proxy("http://127.0.0.1:1");
  const get = ["GET / HTTP/1.1", "Host: a", "Connection: close"];
  assertMatch(await raw(nobody.address, ...get), /^HTTP\/1\.1 502 .*cannot be reached\n$/s);
  const upgrade = ["GET / HTTP/1.1", "Host: a", "Connection: close, upgrade", "Upgrade: websocket"];
  assertMatch(await raw(nobody.address, ...upgrade), /^HTTP\/1\.1 501 .*no WebSocket/s);

  // What is wrong with the client's body is not the server's fault.
  await using server = new Upstream(async (request) => new Response(await request.text()));
  await using it = await proxy(`http://${server.address}`);
  const chunked = ["POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "", "zz"];
  assertMatch(await raw(it.address, ...chunked), /^HTTP\/1\.1 400 /);
  const odd = [...get, "Content-Length: 3", "", "abc"];
  assertMatch(await raw(it.address, ...odd), /^HTTP\/1\.1 400 /);

  // A body that is cut short must not look like a whole one.
  using listener = listen("tcp", "127.0.0.1:0");
  await using cut = await proxy(`http://${listener.addr}`);
  const asking = raw(cut.address, ...get);
  const conn = await listener.accept({ timeout: 5_000 });
  await until(conn, "\r\n\r\n");
  await conn.write(encode("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"));
  conn.close();
  const answer = await asking.catch(String);
  assertEquals(answer.includes("\r\n0\r\n"), false, answer);
});

Deno.test("the proxy ends with what is under way, and 504 is for a server that is late", async () => {
  using listener = listen("tcp", "127.0.0.1:0");
  await using it = await proxy(`http://${listener.addr}`, "100");
  const late = raw(it.address, "GET / HTTP/1.1", "Host: a");
  using conn = await listener.accept({ timeout: 5_000 });
  await until(conn, "\r\n\r\n");
  it.kill("SIGTERM"); // the request under way is answered all the same
  assertMatch(await late, /^HTTP\/1\.1 504 .*does not answer\n$/s);
  assertEquals((await it.end()).code, 0);
});
