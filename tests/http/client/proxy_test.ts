import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { ProxyError } from "../../../http/client/client_errors.ts";
import { connectSocks, connectTunnel, proxyAuthorization } from "../../../http/client/proxy.ts";
import { pipe } from "../../../net/pipe.ts";
import { exactly } from "./proxy_support.ts";
import { Peer, rejection } from "./transport_support.ts";

const proxy = new URL("http://proxy.test:3128");
const socks = new URL("socks5://proxy.test");

/** Asks for a tunnel; the proxy answers with these bytes. */
async function tunnel(answer: string, url = proxy): Promise<[request: string, error?: Error]> {
  const [client, server] = pipe();
  const peer = new Peer(server);
  const connecting = connectTunnel(client, "example.test:443", url);
  const outcome = connecting.then(() => undefined, (error) => error);
  const request = await peer.expectHead();
  const sending = peer.send(answer).then(() => peer.close(), () => {});
  const error = await outcome;
  client.close();
  await sending;
  peer.close();
  return [request, error];
}

Deno.test("CONNECT names the server and succeeds with any 2xx", async () => {
  for (const answer of ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 204 Fine\r\nA: b\r\n\r\n"]) {
    const [request, error] = await tunnel(answer);
    assertEquals(error, undefined);
    assertEquals(request.split("\r\n").slice(0, 2), [
      "CONNECT example.test:443 HTTP/1.1",
      "Host: example.test:443",
    ]);
  }
});

Deno.test("the length of a 2xx answer to CONNECT means nothing", async () => {
  const [, error] = await tunnel("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  assertEquals(error, undefined);
});

Deno.test("an informational answer to CONNECT is passed over", async () => {
  const [, error] = await tunnel("HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
  assertEquals(error, undefined);
});

Deno.test("what else a proxy says to CONNECT is an error that quotes it", async () => {
  const rows: [answer: string, code: string, words: string][] = [
    ["HTTP/1.1 403 Forbidden\r\n\r\n", "ERR_PROXY_REFUSED", "403 Forbidden"],
    ["HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\n\r\n", "ERR_PROXY_AUTH", "407 Who"],
    ["HTTP/1.1 502 \r\n\r\n", "ERR_PROXY_REFUSED", "502"],
    ["SSH-2.0\r\n\r\n", "ERR_PROXY", "nonsense"],
    ["HTTP/1.1 200 O", "ERR_PROXY", "closed the connection"],
    ["", "ERR_PROXY", "closed the connection"],
    ["HTTP/1.1 200 OK\r\n\r\nhello", "ERR_PROXY", "bytes behind"],
    [`HTTP/1.1 200 OK\r\nA: ${"b".repeat(70_000)}`, "ERR_PROXY", "nonsense"],
  ];
  for (const [answer, code, words] of rows) {
    const [, error] = await tunnel(answer, new URL("http://user:secret@proxy.test:3128"));
    assertInstanceOf(error, ProxyError);
    assertEquals(error.code, code);
    assertStringIncludes(error.message, words);
    assertStringIncludes(error.message, 'proxy "http://proxy.test:3128"');
  }
});

Deno.test("proxyAuthorization() is Basic, of the decoded userinfo", async () => {
  const rows: [url: string, value: string | undefined][] = [
    ["http://proxy", undefined],
    ["http://user:pass@proxy", "Basic dXNlcjpwYXNz"],
    ["http://user@proxy", "Basic dXNlcjo="],
    ["http://a%40b:c%3Ad@proxy", "Basic YUBiOmM6ZA=="],
    ["http://%C3%A9:%zz@proxy", "Basic w6k6JXp6"],
  ];
  for (const [url, value] of rows) assertEquals(proxyAuthorization(new URL(url)), value, url);
  const [request] = await tunnel("HTTP/1.1 200 OK\r\n\r\n", new URL("http://user:pass@proxy"));
  assertStringIncludes(request, "Proxy-Authorization: Basic dXNlcjpwYXNz\r\n");
});

/** A SOCKS exchange: what the proxy expects, and what it says to it. */
async function socksTalk(
  address: string,
  url: URL,
  talk: [expect: number[], say: number[]][],
): Promise<Error | undefined> {
  const [client, server] = pipe();
  const outcome = connectSocks(client, address, url).then(() => undefined, (error) => error);
  for (const [expect, say] of talk) {
    assertEquals([...await exactly(server, expect.length)], expect);
    // In two parts, as a network may.
    await server.write(Uint8Array.from(say.slice(0, 1)));
    await server.write(Uint8Array.from(say.slice(1)));
  }
  server.close();
  const error = await outcome;
  client.close();
  return error;
}

const name = [..."example.test"].map((char) => char.charCodeAt(0));
const connectName = [5, 1, 0, 3, 12, ...name, 0, 80];
const yes = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

Deno.test("SOCKS 5 is given names to look up, and IP addresses as they are", async () => {
  const rows: [address: string, request: number[]][] = [
    ["example.test:80", connectName],
    ["127.0.0.1:8080", [5, 1, 0, 1, 127, 0, 0, 1, 0x1f, 0x90]],
    ["[::1]:443", [5, 1, 0, 4, ...Array(15).fill(0), 1, 1, 0xbb]],
  ];
  for (const [address, request] of rows) {
    const error = await socksTalk(address, socks, [[[5, 1, 0], [5, 0]], [request, yes]]);
    assertEquals(error, undefined, address);
  }
});

Deno.test("SOCKS 5 signs in where the URL has a name and the proxy wants one", async () => {
  const url = new URL("socks5://user:p%40ss@proxy.test");
  const login = [1, 4, 117, 115, 101, 114, 4, 112, 64, 115, 115];
  const hello = [5, 2, 0, 2];
  const rows: [talk: [number[], number[]][], code: string | undefined][] = [
    [[[hello, [5, 2]], [login, [1, 0]], [connectName, yes]], undefined],
    [[[hello, [5, 0]], [connectName, yes]], undefined],
    [[[hello, [5, 2]], [login, [1, 1]]], "ERR_PROXY_AUTH"],
  ];
  for (const [talk, code] of rows) {
    const error = await socksTalk("example.test:80", url, talk);
    assertEquals((error as ProxyError | undefined)?.code, code);
  }
});

Deno.test("whatever address a SOCKS proxy names is taken off the wire", async () => {
  for (const address of [[1, 1, 2, 3, 4], [4, ...Array(16).fill(9)], [3, 2, 97, 98]]) {
    const say = [5, 0, 0, ...address, 0, 80];
    const error = await socksTalk("example.test:80", socks, [
      [[5, 1, 0], [5, 0]],
      [connectName, say],
    ]);
    assertEquals(error, undefined);
  }
});

Deno.test("what else a SOCKS proxy says is an error", async () => {
  const hello: [number[], number[]] = [[5, 1, 0], [5, 0]];
  const rows: [talk: [number[], number[]][], code: string, words: string][] = [
    [[[[5, 1, 0], [4, 0]]], "ERR_PROXY", "SOCKS 5"],
    [[[[5, 1, 0], [5, 0xff]]], "ERR_PROXY_AUTH", "authentication"],
    [[[[5, 1, 0], [5, 2]]], "ERR_PROXY_AUTH", "authentication"],
    [[hello, [connectName, [5, 2, 0, 1]]], "ERR_PROXY_REFUSED", "rules"],
    [[hello, [connectName, [5, 5, 0, 1]]], "ERR_PROXY_REFUSED", "connection refused"],
    [[hello, [connectName, [5, 99, 0, 1]]], "ERR_PROXY_REFUSED", "reply 99"],
    [[hello, [connectName, [4, 0, 0, 1]]], "ERR_PROXY", "SOCKS 5"],
    [[hello, [connectName, [5, 0, 0, 7]]], "ERR_PROXY", "address type 7"],
    [[hello, [connectName, [5, 0, 0]]], "ERR_PROXY", "closed"],
    [[hello], "ERR_PROXY", "closed"],
  ];
  for (const [talk, code, words] of rows) {
    const error = await socksTalk("example.test:80", socks, talk);
    // A proxy that is gone may be noticed by the write to it.
    if (talk.length === 1 && talk[0] === hello) {
      assertInstanceOf(error, Error);
      continue;
    }
    assertInstanceOf(error, ProxyError);
    assertEquals(error.code, code, error.message);
    assertStringIncludes(error.message, words);
  }
});

Deno.test("a name too long for SOCKS is refused", async () => {
  const error = await socksTalk(`${"a".repeat(256)}:80`, socks, [[[5, 1, 0], [5, 0]]]);
  assertInstanceOf(error, TypeError);
  const [client, server] = pipe();
  const url = new URL(`socks5://${"u".repeat(256)}@proxy.test`);
  const failing = rejection(connectSocks(client, "a:80", url));
  await exactly(server, 4);
  await server.write(Uint8Array.of(5, 2));
  assertInstanceOf(await failing, TypeError);
  client.close();
  server.close();
});
