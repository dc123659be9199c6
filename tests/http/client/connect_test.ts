import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { isTimeout } from "../../../deadline.ts";
import type { Conn } from "../../../net/conn.ts";
import { dial } from "../../../net/dialer.ts";
import { listen } from "../../../net/listener.ts";
import { dialTls, listenTls } from "../../../net/tls.ts";
import { NativeTcpConn } from "../../../net/native/tcp.ts";
import { forwards, openConn, proxyAddress } from "../../../http/client/connect.ts";
import { HttpError } from "../../../http/errors.ts";
import { parseOrigin } from "../../../http/origin.ts";
import { Request } from "../../../http/web/request.ts";
import { type ClientTrace, setTrace } from "../../../http/client/trace.ts";
import { Transport } from "../../../http/client/transport.ts";
import {
  type TransportOptions,
  transportSettings,
} from "../../../http/client/transport_options.ts";
import { available } from "../../../sys/libc.ts";
import { FakeClock, settle } from "../../support/fake_clock.ts";
import { deadPort, noSocketLeft } from "../../support/net_helpers.ts";
import { ca, client, expired, server, stranger } from "../../support/tls/certificates.ts";
import { installed } from "../../support/tls/peers.ts";
import {
  httpServer,
  RawServer,
  relay,
  serveHttp,
  socksProxy,
  tunnelProxy,
} from "./proxy_support.ts";
import { Piped, rejection } from "./transport_support.ts";

/** A TLS server of HTTP on a free port. */
async function withTlsServer(
  pair: { cert: string; key: string },
  body: (port: number, heads: string[]) => Promise<void>,
): Promise<void> {
  const heads: string[] = [];
  const listener = listenTls("tcp", "127.0.0.1:0", { ...pair, alpnProtocols: ["http/1.1"] });
  const conns: Conn[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      serveHttp(conn, (head) => (heads.push(head), "secure")).catch(() => {})
        .finally(() => conn.close());
    }
  })();
  try {
    await body((listener.addr as { port: number }).port, heads);
  } finally {
    for (const conn of conns) conn.close();
    listener.close();
    await serving;
    await new Promise((resolve) => setTimeout(resolve)); // node's sockets end a turn later
  }
}

async function fetchText(options: TransportOptions, url: string): Promise<string> {
  using transport = new Transport({ proxy: null, ...options });
  const response = await transport.roundTrip(new Request(url));
  const text = await response.text();
  await settle();
  return text;
}

Deno.test("http goes over TCP", async () => {
  await using peer = httpServer((head) => head.split(" ")[1]);
  assertEquals(await fetchText({}, `http://${peer.address}/path?q`), "/path?q");
});

Deno.test("`dial` opens the connections, to a Unix socket for one", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const path = `${dir}/s`;
    using listener = listen("unix", path);
    const serving = (async () => {
      using conn = await listener.accept();
      await serveHttp(conn, (head) => head.split("\r\n")[1]);
    })();
    const asked: string[] = [];
    const text = await fetchText({
      dial: (network, address, wait) => {
        asked.push(network, address);
        return dial("unix", path, wait);
      },
    }, "http://example.test:99/");
    assertEquals([text, asked], ["Host: example.test:99", ["tcp", "example.test:99"]]);
    await serving;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a connection refused is an error of the phase connect", async () => {
  await noSocketLeft(async () => {
    const error = await rejection(fetchText({}, `http://127.0.0.1:${deadPort()}/`));
    assertInstanceOf(error, HttpError);
    assertEquals([error.phase, error.code, error.timeout], ["connect", "ECONNREFUSED", false]);
  });
});

Deno.test("a name that does not exist is an error of the phase dns", async () => {
  const error = await rejection(fetchText({}, "http://nowhere.invalid/"));
  assertInstanceOf(error, HttpError);
  assertEquals(error.phase, "dns");
});

Deno.test("a dial that ignores its signal is given up after 30 seconds", async () => {
  const clock = new FakeClock();
  const [late] = [Promise.withResolvers<Conn>()];
  using piped = new Piped({ clock, dial: () => late.promise });
  const failing = rejection(piped.get());
  await clock.advance(29_999);
  assertEquals(Object.values(piped.transport.stats())[0].dialing, 1);
  await clock.advance(1);
  const error = await failing;
  assertEquals([isTimeout(error), (error as HttpError).phase], [true, "connect"]);
  let closed = false;
  late.resolve({ close: () => closed = true } as unknown as Conn);
  await settle();
  assert(closed, "the late connection was left open");
});

Deno.test("https goes over TLS, checked against the tls option's roots", async () => {
  await withTlsServer(server, async (port, heads) => {
    const tls = { caCerts: [ca] };
    assertEquals(await fetchText({ tls }, `https://localhost:${port}/x`), "secure");
    assert(heads[0].startsWith(`GET /x HTTP/1.1\r\nHost: localhost:${port}\r\n`));
  });
});

Deno.test("a server that is not to be trusted is an error of the phase tls", async () => {
  const rows: [pair: { cert: string; key: string }, host: string, options: TransportOptions][] = [
    [server, "localhost", {}],
    [stranger, "localhost", { tls: { caCerts: [ca] } }],
    [expired, "localhost", { tls: { caCerts: [ca] } }],
    [server, "localhost", { tls: { caCerts: [ca], serverName: "other.test" } }],
  ];
  for (const [pair, host, options] of rows) {
    await withTlsServer(pair, async (port) => {
      const error = await rejection(fetchText(options, `https://${host}:${port}/`));
      assertInstanceOf(error, HttpError);
      assertEquals([error.phase, error.code.startsWith("ERR_TLS")], ["tls", true], error.message);
    });
  }
});

Deno.test("`tls.serverName` is what the certificate must be good for", async () => {
  await withTlsServer(server, async (port) => {
    const dialLocal = (_network: string, address: string, wait: { signal?: AbortSignal }) =>
      dial("tcp", address.replace("other.test", "127.0.0.1"), wait);
    const url = `https://other.test:${port}/`;
    const tls = { caCerts: [ca] };
    const error = await rejection(fetchText({ tls, dial: dialLocal }, url));
    assertEquals((error as HttpError).code, "ERR_TLS_HOSTNAME");
    const named = { ...tls, serverName: "example.test" };
    assertEquals(await fetchText({ tls: named, dial: dialLocal }, url), "secure");
  });
});

Deno.test("`dialTls` opens the connections of https", async () => {
  await withTlsServer(server, async (port) => {
    const text = await fetchText({
      dial: () => Promise.reject(new Error("not this one")),
      dialTls: (_network, address, wait) => dialTls("tcp", address, { caCerts: [ca], ...wait }),
    }, `https://localhost:${port}/`);
    assertEquals(text, "secure");
  });
});

Deno.test("a handshake that never ends is given up after tlsHandshakeTimeout", async () => {
  await using silent = new RawServer(async (conn) => {
    while (await conn.read(new Uint8Array(1_024)) !== null);
  });
  const url = `https://${silent.address}/`;
  for (const own of [false, true]) {
    const options: TransportOptions = {
      tlsHandshakeTimeout: 50,
      ...(own && { dial: (_network, address, wait) => dial("tcp", address, wait) }),
    };
    const before = performance.now();
    const error = await rejection(fetchText(options, url));
    assertInstanceOf(error, HttpError);
    assertEquals([error.phase, error.timeout, isTimeout(error)], ["tls", true, true]);
    assert(performance.now() - before < 5_000, "it was the default that ended it");
  }
});

Deno.test("proxyAddress() knows the ports of proxies", () => {
  const rows = [
    ["http://a", "a:80"],
    ["https://a", "a:443"],
    ["http://a:3128", "a:3128"],
    ["socks5://a", "a:1080"],
    ["socks5h://[::1]", "[::1]:1080"],
  ];
  for (const [url, address] of rows) assertEquals(proxyAddress(new URL(url)), address);
});

Deno.test("forwards() is so for plain HTTP over an HTTP proxy alone", () => {
  const rows: [server: string, proxy: string, forwarded: boolean][] = [
    ["http://a", "http://p", true],
    ["http://a", "https://p", true],
    ["https://a", "http://p", false],
    ["http://a", "socks5://p", false],
  ];
  for (const [url, proxy, forwarded] of rows) {
    assertEquals(forwards(parseOrigin(url), new URL(proxy)), forwarded);
  }
});

Deno.test("an HTTP proxy gets plain requests itself, in absolute-form", async () => {
  await using proxy = httpServer((head) => head);
  const text = await fetchText(
    { proxy: `http://user:pass@${proxy.address}` },
    "http://u:p@example.test:8080/path?q#f",
  );
  const lines = text.split("\r\n");
  assertEquals(lines.slice(0, 2), [
    "GET http://example.test:8080/path?q HTTP/1.1",
    "Host: example.test:8080",
  ]);
  assert(/^proxy-authorization: Basic dXNlcjpwYXNz$/im.test(text.replaceAll("\r", "")), text);
});

Deno.test("an HTTP proxy makes a tunnel for https", async () => {
  await withTlsServer(server, async (port, heads) => {
    const asked: string[] = [];
    await using proxy = tunnelProxy(asked, () => `127.0.0.1:${port}`);
    const options = { proxy: `http://user:pass@${proxy.address}`, tls: { caCerts: [ca] } };
    assertEquals(await fetchText(options, "https://example.test/x"), "secure");
    assert(asked[0].startsWith("CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n"));
    assert(asked[0].includes("Proxy-Authorization: Basic "));
    assertEquals(/proxy-authorization/i.test(heads[0]), false, "the server has the password");
    assert(heads[0].startsWith("GET /x HTTP/1.1\r\nHost: example.test\r\n"));
  });
});

Deno.test("an https proxy is spoken to over TLS, and so is the server behind it", async () => {
  await withTlsServer(server, async (port) => {
    const listener = listenTls("tcp", "127.0.0.1:0", server);
    const asked: string[] = [];
    await using inner = tunnelProxy(asked, () => `127.0.0.1:${port}`);
    const serving = (async () => {
      using outer = await listener.accept();
      using plain = await dial("tcp", inner.address);
      await relay(outer, plain);
    })();
    const { port: proxyPort } = listener.addr as { port: number };
    const options = { proxy: `https://localhost:${proxyPort}`, tls: { caCerts: [ca] } };
    assertEquals(await fetchText(options, "https://example.test/"), "secure");
    await serving;
    listener.close();
    assertEquals(asked.length, 1);
  });
});

Deno.test("a SOCKS proxy leads to plain servers and to TLS", async () => {
  await using plain = httpServer(() => "plain");
  await withTlsServer(server, async (port) => {
    const asked: string[] = [];
    let target = plain.address;
    await using proxy = socksProxy(asked, () => target, "user:pass");
    const options = { proxy: `socks5://user:pass@${proxy.address}`, tls: { caCerts: [ca] } };
    assertEquals(await fetchText(options, "http://example.test:81/"), "plain");
    target = `127.0.0.1:${port}`;
    assertEquals(await fetchText(options, "https://example.test/"), "secure");
    assertEquals(asked, ["3 example.test 81", "3 example.test 443"]);
  });
});

Deno.test("a proxy that refuses is an error of the phase proxy", async () => {
  await using refusing = new RawServer(async (conn) => {
    await conn.read(new Uint8Array(1_024));
    await conn.write(new TextEncoder().encode("HTTP/1.1 403 Forbidden\r\n\r\n"));
  });
  const dead = `http://127.0.0.1:${deadPort()}`;
  await noSocketLeft(async () => {
    const rows = [[`http://${refusing.address}`, "ERR_PROXY_REFUSED"], [dead, "ECONNREFUSED"]];
    for (const [proxy, code] of rows) {
      const error = await rejection(fetchText({ proxy }, "https://example.test/"));
      assertInstanceOf(error, HttpError);
      assertEquals([error.phase, error.code], ["proxy", code]);
    }
  });
});

Deno.test("an abort ends the talk with a proxy", async () => {
  const heard = Promise.withResolvers<void>();
  await using silent = new RawServer(async (conn) => {
    while (await conn.read(new Uint8Array(1_024)) !== null) heard.resolve();
  });
  using transport = new Transport({ proxy: `http://${silent.address}` });
  const controller = new AbortController();
  const request = new Request("https://example.test/", { signal: controller.signal });
  const failing = rejection(transport.roundTrip(request));
  await heard.promise;
  const reason = new Error("enough");
  controller.abort(reason);
  assertEquals(await failing, reason);
  while (silent.open > 0) await settle();
});

Deno.test("the hooks of a dial and of its handshakes are called in order", async () => {
  await withTlsServer(server, async (port) => {
    const asked: string[] = [];
    await using proxy = tunnelProxy(asked, () => `127.0.0.1:${port}`);
    for (const via of [null, `http://${proxy.address}`]) {
      using transport = new Transport({ proxy: via, tls: { caCerts: [ca] } });
      const log: string[] = [];
      const trace: ClientTrace = new Proxy({}, { get: (_, name) => () => log.push(String(name)) });
      const request = new Request(`https://localhost:${port}/`);
      setTrace(request, trace);
      await (await transport.roundTrip(request)).text();
      await settle();
      const first = via === null ? ["getConn", "dnsStart", "dnsDone"] : ["getConn"];
      assertEquals(log.filter((name, i) => name !== log[i - 1] && name !== "connectStart"), [
        ...first,
        "connectDone",
        "tlsHandshakeStart",
        "tlsHandshakeDone",
        "gotConn",
        "wroteHeaders",
        "wroteRequest",
        "gotFirstResponseByte",
        "putIdleConn",
      ]);
    }
  });
});

Deno.test("a client's certificate is presented, over any connection", async () => {
  if (!installed("python3", "--version")) return;
  const code = `
import ssl, socket, sys
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain(sys.argv[1], sys.argv[2]); c.load_verify_locations(sys.argv[3])
c.verify_mode = ssl.CERT_REQUIRED
s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True)
for _ in range(2):
    t = c.wrap_socket(s.accept()[0], server_side=True)
    t.recv(65536)
    name = dict(x[0] for x in t.getpeercert()["subject"])["commonName"].encode()
    t.sendall(b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(name), name))
    t.unwrap().close()
`;
  const dir = new URL("../../support/tls/", import.meta.url).pathname;
  const child = new Deno.Command("python3", {
    args: ["-c", code, ...["server.pem", "server.key", "ca.pem"].map((file) => dir + file)],
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const port = Number((await lines.read()).value);
  const tls = { caCerts: [ca], ...client };
  const url = `https://localhost:${port}/`;
  const names = [
    await fetchText({ tls }, url),
    await fetchText({ tls, dial: (_network, address, wait) => dial("tcp", address, wait) }, url),
  ];
  await lines.cancel();
  await child.status;
  assert(names[0] !== "" && names[0] === names[1], names.join());
});

Deno.test("tinyproxy passes requests on and makes tunnels", async () => {
  if (!installed("tinyproxy", "-v")) return;
  const dir = await Deno.makeTempDir();
  const port = deadPort();
  await Deno.writeTextFile(
    `${dir}/conf`,
    `Port ${port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 10\nAllow 127.0.0.1\n`,
  );
  const child = new Deno.Command("tinyproxy", {
    args: ["-d", "-c", `${dir}/conf`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    for (let i = 0; i < 500; i++) {
      const up = await dial("tcp", `127.0.0.1:${port}`).then((conn) => conn.close(), () => false);
      if (up !== false) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const proxy = `http://127.0.0.1:${port}`;
    await using plain = httpServer((head) => head.split(" ")[1]);
    assertEquals(await fetchText({ proxy }, `http://${plain.address}/p`), "/p");
    await withTlsServer(server, async (tlsPort) => {
      const tls = { caCerts: [ca] };
      assertEquals(await fetchText({ proxy, tls }, `https://localhost:${tlsPort}/`), "secure");
    });
  } finally {
    child.kill("SIGKILL");
    await child.status;
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("where system calls are allowed, they carry the requests", async () => {
  await using server = httpServer(() => "ok");
  const opened = async (dialed: boolean) => {
    const dialing: TransportOptions = dialed ? { dial: (_, address) => dial("tcp", address) } : {};
    const conn = await openConn(
      transportSettings({ proxy: null, ...dialing }),
      parseOrigin(`http://${server.address}/`),
      null,
      new AbortController().signal,
      undefined,
    );
    conn.close();
    return conn;
  };
  assertEquals(await opened(false) instanceof NativeTcpConn, available());
  assertEquals(await opened(true) instanceof NativeTcpConn, false);
});
