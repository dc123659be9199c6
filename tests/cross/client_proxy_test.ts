/** Our client through other people's proxies: tinyproxy (HTTP, CONNECT) and microsocks (SOCKS 5). */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { Client } from "../../http/client/client.ts";
import { cookieJar } from "../../http/client/cookies.ts";
import { HttpError } from "../../http/errors.ts";
import { Response } from "../../http/web/response.ts";
import { Transport } from "../../http/client/transport.ts";
import type { TransportOptions } from "../../http/client/transport_options.ts";
import { deadPort } from "../support/net_helpers.ts";
import { ca } from "../support/tls/certificates.ts";
import { peerOnPort } from "./peers/client_peer.ts";
import {
  digest,
  digestBody,
  inChunks,
  installed,
  noise,
  scratch,
  serving,
} from "./peers/http_server.ts";

/** A proxy that runs; ended with the scope it is in. */
interface Proxy extends AsyncDisposable {
  /** `"host:port"`. */
  readonly address: string;
}

/** A kind of proxy. */
interface Kind {
  readonly name: string;
  readonly scheme: string;
  /** A password that it can be told. */
  readonly password: string;
  readonly missing: boolean;
  /** Starts one, which wants a name and a password where they are given. */
  start(login?: [name: string, password: string]): Promise<Proxy>;
}

async function startTinyproxy(...lines: string[]): Promise<Proxy> {
  const dir = scratch();
  const proxy = await peerOnPort("tinyproxy", (port) => {
    const own = [`Port ${port}`, "Listen 127.0.0.1", "Timeout 60", "MaxClients 50"];
    Deno.writeTextFileSync(`${dir.path}/conf`, [...own, ...lines, ""].join("\n"));
    return ["-d", "-c", `${dir.path}/conf`];
  });
  return {
    address: proxy.address,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      dir[Symbol.dispose]();
    },
  };
}

const tinyproxy: Kind = {
  name: "tinyproxy",
  scheme: "http",
  password: "open.sesame",
  missing: !installed("tinyproxy", "-v"),
  start: (login) => startTinyproxy(...login ? [`BasicAuth ${login.join(" ")}`] : []),
};

/** Whether microsocks is there: it knows no option that does nothing. */
function hasMicrosocks(): boolean {
  try {
    new Deno.Command("microsocks", { args: ["-h"], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch {
    console.log("microsocks is not installed: its tests are skipped");
    return false;
  }
}

const microsocks: Kind = {
  name: "microsocks",
  scheme: "socks5",
  password: "open %sesame",
  missing: !hasMicrosocks(),
  start: (login) =>
    peerOnPort("microsocks", (port) => {
      const own = ["-i", "127.0.0.1", "-p", `${port}`];
      return login ? [...own, "-u", login[0], "-P", login[1]] : own;
    }),
};

/** A client of its own, through a proxy. */
class Through implements Disposable {
  readonly transport: Transport;
  readonly client: Client;
  /** Connections that were made. */
  opened = 0;

  constructor(proxy: string | null, options: TransportOptions = {}) {
    this.transport = new Transport({ proxy, tls: { caCerts: [ca] }, ...options });
    this.client = new Client({ transport: this.transport, timeout: 15_000 });
  }

  ask = async (url: string, init?: RequestInit): Promise<Response> =>
    await this.client.fetch(url, {
      ...init,
      trace: { gotConn: ({ reused }) => void (this.opened += Number(!reused)) },
    });

  text = async (url: string, init?: RequestInit): Promise<string> =>
    await (await this.ask(url, init)).text();

  [Symbol.dispose](): void {
    this.transport.close();
  }
}

async function failure(promise: Promise<unknown>): Promise<HttpError> {
  const error = await promise.then(() => undefined, (error) => error);
  assertInstanceOf(error, HttpError);
  return error;
}

/** Lets node's TLS sockets end, which takes them a turn. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

const secureOrigin = (address: string) => `https://localhost:${address.split(":")[1]}`;

const large = noise(2_000_000);

/**
 * What makes a POST one that may be sent again. tinyproxy closes after each plain request without
 * having said so: whoever sends the next one at that moment has to send it once more.
 */
const again = { "idempotency-key": "1" };

for (const kind of [tinyproxy, microsocks]) {
  const { name, scheme, missing: ignore } = kind;

  Deno.test(`through ${name}: requests of all kinds, plain and by TLS`, { ignore }, async () => {
    await using proxy = await kind.start();
    await using plain = serving((request) =>
      request.method === "POST" ? digestBody(request) : new Response("plain")
    );
    await using secure = serving(
      (request) => request.method === "POST" ? digestBody(request) : new Response("secure"),
      "tls",
    );
    using through = new Through(`${scheme}://${proxy.address}`);
    const sum = `${large.length} ${await digest(large)}`;
    const origins = { plain: plain.origin, secure: secureOrigin(secure.address) };
    for (const [what, origin] of Object.entries(origins)) {
      for (let i = 0; i < 5; i++) {
        assertEquals(await through.text(origin), what);
        const head = await through.ask(origin, { method: "HEAD" });
        assertEquals([head.headers.get("content-length"), await head.text()], [
          `${what.length}`,
          "",
        ]);
        assertEquals(
          await through.text(origin, { method: "POST", body: large, headers: again }),
          sum,
        );
        // Large bodies in chunks tinyproxy itself breaks off now and then, whoever sends them.
        const known = kind === tinyproxy && what === "plain";
        const body = known ? large.subarray() : inChunks(large, 300_000);
        assertEquals(await through.text(origin, { method: "POST", body, headers: again }), sum);
      }
    }
    // A tunnel is kept, and so are connections through SOCKS.
    assertEquals(secure.accepted, 1);
    assertEquals(plain.accepted, kind === tinyproxy ? 20 : 1);
    assertEquals(through.opened, plain.accepted + 1);
    assertEquals([plain.log, secure.log], [[], []]);
    await turn();
  });

  Deno.test(`through ${name}: a name and a password open it, and nothing else`, {
    ignore,
  }, async () => {
    await using proxy = await kind.start(["user", kind.password]);
    await using plain = serving(() => new Response("plain"));
    await using secure = serving(() => new Response("secure"), "tls");
    {
      using through = new Through(
        `${scheme}://user:${encodeURIComponent(kind.password)}@${proxy.address}`,
      );
      assertEquals(await through.text(plain.origin), "plain");
      assertEquals(await through.text(secureOrigin(secure.address)), "secure");
      await turn();
    }
    for (const login of ["", "user:unlock@", "nobody:unlock@"]) {
      using through = new Through(`${scheme}://${login}${proxy.address}`);
      const error = await failure(through.text(secureOrigin(secure.address)));
      assertEquals([error.phase, error.timeout], ["proxy", false], error.message);
      assert(!error.message.includes("unlock"), error.message);
      if (kind === tinyproxy) {
        // To a plain request the proxy's answer is an answer.
        const response = await through.ask(plain.origin);
        const status = login === "" ? 407 : 401;
        assertEquals(response.status, status);
        assertStringIncludes(error.message, `${status}`);
        await response.body?.cancel();
      } else {
        assertEquals((await failure(through.text(plain.origin))).phase, "proxy");
      }
    }
    assertEquals([plain.accepted, secure.accepted], [1, 1]);
  });

  Deno.test(`through ${name}: a server that is not there, or not to be trusted`, {
    ignore,
  }, async () => {
    await using proxy = await kind.start();
    await using secure = serving(() => new Response("secure"), "tls");
    const url = `${scheme}://${proxy.address}`;
    {
      using through = new Through(url);
      const error = await failure(through.text(`https://localhost:${deadPort()}`));
      assertEquals([error.phase, error.timeout], ["proxy", false], error.message);
    }
    {
      using through = new Through(url, { tls: {} });
      const error = await failure(through.text(secureOrigin(secure.address)));
      assertEquals(error.phase, "tls", error.message);
      await turn();
    }
    using through = new Through(`${scheme}://127.0.0.1:${deadPort()}`);
    const error = await failure(through.text(secureOrigin(secure.address)));
    assertEquals([error.phase, error.code], ["proxy", "ECONNREFUSED"]);
    assertMatch(error.message, /: proxy "127\.0\.0\.1:\d+": connection refused$/);
  });
}

Deno.test("through tinyproxy: a port that no tunnel may lead to", {
  ignore: tinyproxy.missing,
}, async () => {
  await using proxy = await startTinyproxy("ConnectPort 443");
  await using secure = serving(() => new Response("secure"), "tls");
  using through = new Through(`http://${proxy.address}`);
  const error = await failure(through.text(secureOrigin(secure.address)));
  assertEquals(error.phase, "proxy");
  assertStringIncludes(error.message, "403");
  assertEquals(secure.accepted, 0);
});

/** What a server was asked, as far as it is about redirects and cookies. */
function told(request: Request): string {
  const { headers, method, url } = request;
  const { pathname } = new URL(url);
  const fields = ["cookie", "authorization", "referer"].map((name) => headers.get(name) ?? "-");
  return `${method} ${pathname} ${fields.join(" ").replaceAll(/:\d{2,}/g, "")}`;
}

/** Sends on, and sets a cookie. */
const sendOn = (status: number, location: string, cookie: string) =>
  new Response("elsewhere", { status, headers: { location, "set-cookie": cookie } });

for (const kind of [undefined, tinyproxy, microsocks]) {
  const name = kind === undefined ? "no proxy" : kind.name;
  Deno.test(`through ${name}: redirects between hosts, with the cookies of each`, {
    ignore: kind?.missing ?? false,
  }, async () => {
    await using proxy = await kind?.start();
    const seen: string[] = [];
    const see = (where: string, request: Request) => seen.push(`${where}: ${told(request)}`);
    await using last = serving(async (request) => {
      see("last", request);
      return new Response(`got ${await request.text()}`);
    }, "tls");
    await using other = serving((request) => {
      see("other", request);
      return sendOn(307, `${secureOrigin(last.address)}/end`, "b=2; Path=/");
    });
    await using first = serving((request) => {
      see("first", request);
      const away = `${other.origin}/in`; // 127.0.0.1, which localhost is another host than
      return new URL(request.url).pathname === "/login"
        ? sendOn(303, "/home", "a=1; Path=/")
        : sendOn(308, away, "c=3; Path=/elsewhere");
    });
    using through = new Through(kind && proxy ? `${kind.scheme}://${proxy.address}` : null);
    const jar = await cookieJar();
    const via: number[] = [];
    const client = new Client({
      transport: through.transport,
      jar,
      timeout: 15_000,
      checkRedirect: (_next, before) => void via.push(before.length),
    });
    const site = first.origin.replace("127.0.0.1", "localhost");
    const headers = { ...again, authorization: "Basic abc" };
    const login = await client.post(`${site}/login`, "text/plain", "secret", { headers });
    assertEquals([login.redirected, await login.text()], [true, "got "]);
    const kept = await client.post(`${site}/home`, "text/plain", "kept", { headers });
    assertEquals([new URL(kept.url).pathname, await kept.text()], ["/end", "got kept"]);
    assertEquals(seen, [
      "first: POST /login - Basic abc -",
      "first: GET /home a=1 Basic abc http://localhost/login",
      "other: GET /in - - http://localhost/home",
      "last: GET /end a=1 - http://127.0.0.1/in", // the host of the first
      "first: POST /home a=1 Basic abc -",
      "other: POST /in b=2 - http://localhost/home",
      "last: POST /end a=1 - http://127.0.0.1/in",
    ]);
    assertEquals(via, [1, 2, 3, 1, 2]);
    assertEquals([first.log, other.log, last.log], [[], [], []]);
    await turn();
  });
}
