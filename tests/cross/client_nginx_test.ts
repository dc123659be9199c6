/** Our client of nginx, over TCP, over TLS and over a Unix socket. */
import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { Client } from "../../http/client/client.ts";
import { HttpError } from "../../http/errors.ts";
import type { Response } from "../../http/web/response.ts";
import { Transport } from "../../http/client/transport.ts";
import type { TransportOptions } from "../../http/client/transport_options.ts";
import { dial } from "../../net/mod.ts";
import { ca, client as identity, tlsFile } from "../support/tls/certificates.ts";
import { nginxOf } from "./peers/http_nginx.ts";
import { digest, digestBody, inChunks, installed, noise, serving } from "./peers/http_server.ts";

const ignore = !installed("nginx", "-v");

const large = noise(6_000_000);
const text = "again and again ".repeat(10_000);

/** nginx, of whose sockets one is TCP, one Unix, and one TLS that offers HTTP/2 as well. */
const site = (back: string) => (dir: string, front: string) => {
  Deno.mkdirSync(`${dir}/www`);
  Deno.writeFileSync(`${dir}/www/large.bin`, large);
  Deno.writeTextFileSync(`${dir}/www/text.txt`, text);
  return `
  client_max_body_size 0;
  default_type application/octet-stream;
  types { text/plain txt; }
  server {
    listen ${front};
    listen unix:${dir}/front;
    listen unix:${dir}/secure ssl http2;
    ssl_certificate ${tlsFile("server.pem")};
    ssl_certificate_key ${tlsFile("server.key")};
    ssl_client_certificate ${tlsFile("ca.pem")};
    ssl_verify_client optional;
    root ${dir}/www;
    gzip_types text/plain;
    location / { }
    location = /text.txt { gzip on; }
    location = /sub.txt {
      rewrite ^ /text.txt break;
      sub_filter_types text/plain;
      sub_filter_once off;
      sub_filter again AGAIN;
    }
    location = /connection { return 200 "$connection $connection_requests"; }
    location = /protocol { return 200 "$server_protocol"; }
    location = /who {
      if ($ssl_client_verify != SUCCESS) { return 403; }
      return 200 "$ssl_client_s_dn";
    }
    location = /three { keepalive_requests 3; return 200 "$connection"; }
    location = /one { keepalive_timeout 0; return 200 "one"; }
    location = /moved { return 307 $arg_to; }
    location = /empty { return 204; }
    location = /digest { proxy_pass http://${back}; proxy_http_version 1.1; }
    location = /short { client_max_body_size 1m; proxy_pass http://${back}; }
  }
`;
};

/** A running nginx, as its client sees it. */
interface Site {
  readonly ask: (path: string, init?: RequestInit) => Promise<Response>;
  /** Connections that were made. */
  readonly opened: () => number;
}

/** A test of nginx, over some ways to reach it. */
function ofNginx(
  name: string,
  body: (site: Site) => Promise<void>,
  ways = ["TCP", "a Unix socket", "TLS"],
  options: TransportOptions = {},
) {
  Deno.test(`our client, of nginx, ${name}`, { ignore }, async () => {
    let dir = "";
    await using back = serving(digestBody);
    const configuration = site(back.address);
    await using front = await nginxOf((path, at) => configuration(dir = path, at));
    for (const over of ways) {
      let opened = 0;
      using transport = new Transport({
        proxy: null,
        tls: { caCerts: [ca] },
        expectContinueTimeout: 15_000, // It is nginx that ends the wait.
        dial(_network, _address, wait) {
          opened++;
          if (over === "TCP") return dial("tcp", front.address, wait);
          return dial("unix", `${dir}/${over === "TLS" ? "secure" : "front"}`, wait);
        },
        ...options,
      });
      const client = new Client({ transport, timeout: 15_000 });
      const origin = over === "TLS" ? "https://localhost" : "http://localhost";
      await body({
        ask: (path, init) => client.fetch(origin + path, init),
        opened: () => opened,
      }).catch((cause) => {
        throw new Error(`over ${over}`, { cause });
      });
    }
    assertEquals(back.log, []);
    await new Promise((resolve) => setTimeout(resolve)); // node's TLS sockets end a turn later
  });
}

ofNginx("keeps one connection, and speaks HTTP/1.1", async ({ ask, opened }) => {
  const seen = new Set<string>();
  for (let i = 1; i <= 30; i++) {
    const [connection, requests] = (await (await ask("/connection")).text()).split(" ");
    seen.add(connection);
    assertEquals(requests, `${3 * i - 2}`);
    assertEquals((await ask("/empty")).status, 204);
    const head = await ask("/large.bin", { method: "HEAD" });
    assertEquals(head.headers.get("content-length"), `${large.length}`);
  }
  const protocol = await ask("/protocol");
  assertEquals([protocol.proto, await protocol.text()], ["HTTP/1.1", "HTTP/1.1"]);
  assertEquals([seen.size, opened()], [1, 1]);
});

ofNginx("goes on when nginx has had enough of a connection", async ({ ask, opened }) => {
  const seen = new Set<string>();
  for (let i = 0; i < 30; i++) seen.add(await (await ask("/three")).text());
  assertEquals([seen.size, opened()], [10, 10]);
  for (let i = 0; i < 5; i++) assertEquals(await (await ask("/one")).text(), "one");
  assertEquals(opened(), 15);
});

ofNginx("gets gzip, decoded or as it is", async ({ ask, opened }) => {
  const decoded = await ask("/text.txt");
  const { uncompressed, headers } = decoded;
  const fields = ["content-encoding", "content-length"].map((name) => headers.get(name));
  assertEquals([uncompressed, fields], [true, [null, null]]);
  assertEquals(await decoded.text(), text);

  const raw = await ask("/text.txt", { headers: { "accept-encoding": "gzip" } });
  assertEquals([raw.uncompressed, raw.headers.get("content-encoding")], [false, "gzip"]);
  const zipped = await raw.bytes();
  assert(zipped.length < 5_000, `${zipped.length} bytes`);
  const unzipped = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
  assertEquals(await new globalThis.Response(unzipped).text(), text);

  const part = await ask("/text.txt", { headers: { range: "bytes=6-8" } });
  assertEquals([part.status, part.headers.get("content-encoding")], [206, null]);
  assertEquals(await part.text(), "and");
  assertEquals(opened(), 1);
});

ofNginx(
  "with disableCompression gets no gzip",
  async ({ ask }) => {
    const response = await ask("/text.txt");
    assertEquals(response.headers.get("content-length"), `${text.length}`);
    assertEquals([response.uncompressed, await response.text()], [false, text]);
  },
  ["TCP"],
  { disableCompression: true },
);

ofNginx("gets chunks, and a file that has not changed not at all", async ({ ask, opened }) => {
  const chunked = await ask("/sub.txt");
  assertEquals(chunked.headers.get("transfer-encoding"), "chunked");
  assertEquals(await chunked.text(), text.replaceAll("again", "AGAIN"));
  const file = await ask("/large.bin");
  const etag = file.headers.get("etag")!;
  assertEquals(await digest(await file.bytes()), await digest(large));
  const unchanged = await ask("/large.bin", { headers: { "if-none-match": etag } });
  assertEquals([unchanged.status, await unchanged.text()], [304, ""]);
  const parts = await ask("/large.bin", { headers: { range: "bytes=5-9,20-29" } });
  assertStringIncludes(parts.headers.get("content-type")!, "multipart/byteranges");
  assertStringIncludes(await parts.text(), "bytes 20-29/6000000");
  assertEquals(opened(), 1);
});

ofNginx("gets and sends large bodies, of known and unknown length", async ({ ask, opened }) => {
  const sum = await digest(large);
  for (let i = 0; i < 3; i++) {
    for (const body of [large, inChunks(large, 300_000)]) {
      const response = await ask("/digest", { method: "POST", body });
      assertEquals(await response.text(), `${large.length} ${sum}`);
    }
    let length = 0;
    for await (const piece of (await ask("/large.bin")).body!) length += piece.length;
    assertEquals(length, large.length);
  }
  assertEquals(opened(), 1);
});

ofNginx("waits for 100 Continue, and sends no body that is too large", async ({ ask }) => {
  const headers = { expect: "100-continue", "content-length": `${large.length}` };
  let asked = 0;
  const body = () => {
    const pieces = inChunks(large, 300_000).getReader();
    return new ReadableStream({
      async pull(controller) {
        asked++;
        const { done, value } = await pieces.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    }, { highWaterMark: 0 });
  };
  for (let i = 0; i < 3; i++) {
    const refused = await ask("/short", { method: "POST", headers, body: body() });
    assertEquals([refused.status, asked], [413, 0]);
    assertStringIncludes(await refused.text(), "Request Entity Too Large");
  }
  const taken = await ask("/digest", { method: "POST", headers, body: body() });
  assertEquals(await taken.text(), `${large.length} ${await digest(large)}`);
  assert(asked >= 20, `${asked} pieces`);
});

ofNginx("hears that a body is too large while it sends", async ({ ask }) => {
  for (const body of [large, inChunks(large, 300_000)]) {
    const refused = await ask("/short", { method: "POST", body });
    assertEquals(refused.status, 413);
    assertStringIncludes(await refused.text(), "Request Entity Too Large");
    assertEquals((await ask("/empty")).status, 204);
  }
});

ofNginx("leaves a body that it has enough of", async ({ ask }) => {
  for (let i = 0; i < 5; i++) {
    const reader = (await ask("/large.bin")).body!.getReader();
    assert((await reader.read()).value!.length > 0);
    await reader.cancel();
    assertEquals((await ask("/empty")).status, 204);
  }
});

ofNginx("follows redirects, with the body where it is to go along", async ({ ask, opened }) => {
  const response = await ask("/moved?to=/digest?moved", { method: "PUT", body: large });
  assertEquals([response.redirected, new URL(response.url).search], [true, "?moved"]);
  assertEquals(await response.text(), `${large.length} ${await digest(large)}`);
  assert(opened() <= 2); // nginx may close one whose body it has not read
});

ofNginx(
  "asks many things at once",
  async ({ ask, opened }) => {
    const sum = await digest(large);
    await Promise.all(Array.from({ length: 60 }, async (_, i) => {
      if (i % 6 === 0) assertEquals(await digest(await (await ask("/large.bin")).bytes()), sum);
      else assertEquals(await (await ask("/text.txt")).text(), text);
    }));
    assert(opened() <= 6);
  },
  ["TCP", "a Unix socket", "TLS"],
  { maxConnsPerHost: 6 },
);

ofNginx(
  "says who it is where a certificate is wanted",
  async ({ ask }) => {
    assertEquals(await (await ask("/who")).text(), "CN=client");
  },
  ["TLS"],
  { tls: { caCerts: [ca], ...identity } },
);

ofNginx("is nobody without a certificate", async ({ ask }) => {
  const response = await ask("/who");
  assertEquals(response.status, 403);
  await response.body!.cancel();
}, ["TLS"]);

Deno.test("our client reports plain HTTP at nginx's TLS port, and the reverse", {
  ignore,
}, async () => {
  const secure = (_dir: string, front: string) =>
    `server {
    listen ${front} ssl;
    ssl_certificate ${tlsFile("server.pem")};
    ssl_certificate_key ${tlsFile("server.key")};
    return 200;
  }`;
  const plain = (_dir: string, front: string) => `server { listen ${front}; return 200; }`;
  using transport = new Transport({ proxy: null, tls: { caCerts: [ca] } });
  const client = new Client({ transport, timeout: 15_000 });
  {
    await using front = await nginxOf(secure);
    const response = await client.get(`http://${front.address}/`);
    assertEquals(response.status, 400);
    assertStringIncludes(await response.text(), "The plain HTTP request was sent to HTTPS port");
  }
  await using front = await nginxOf(plain);
  const error = await client.get(`https://${front.address}/`).catch((error) => error);
  assertInstanceOf(error, HttpError);
  assertEquals([error.phase, error.timeout], ["tls", false], error.message);
});
