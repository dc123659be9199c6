/** Our client of `openssl s_server`: what it trusts, what it does not, and how it says so. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import { Client } from "../../http/client/client.ts";
import { HttpError } from "../../http/errors.ts";
import { Transport } from "../../http/client/transport.ts";
import type { TransportOptions } from "../../http/client/transport_options.ts";
import { dial } from "../../net/mod.ts";
import { ca, client as identity, tlsFile } from "../support/tls/certificates.ts";
import { type Peer, peer } from "./peers/client_peer.ts";
import { installed, noise, scratch } from "./peers/http_server.ts";

const ignore = !installed("openssl", "version");

const pair = (name: string, key = "server") => [
  "-cert",
  tlsFile(`${name}.pem`),
  "-key",
  tlsFile(`${key}.key`),
];

/** A server that answers with a page about the handshake, or with files of a directory. */
const sServer = (args: readonly string[], dir?: string): Promise<Peer> =>
  peer(
    "openssl",
    ["s_server", "-accept", "127.0.0.1:0", dir === undefined ? "-www" : "-WWW", ...args],
    /^ACCEPT (127\.0\.0\.1:\d+)\s/m,
    dir,
  );

/** The two ways to TLS: the runtime's own, and over a connection of the caller's. */
const ways: readonly [name: string, options: TransportOptions][] = [
  ["", {}],
  [", over a connection of the caller's", {
    dial: (_network, address, wait) => dial("tcp", address, wait),
  }],
];

/** A test of one server, by each way. */
function ofOpenssl(
  name: string,
  args: readonly string[],
  options: TransportOptions,
  body: (client: Client, url: string, server: Peer) => Promise<void>,
) {
  for (const [way, more] of ways) {
    Deno.test(`our client, of openssl${way}, ${name}`, { ignore }, async () => {
      using dir = scratch();
      Deno.writeFileSync(`${dir.path}/large.bin`, large);
      await using server = await sServer(args, args.includes("-WWW") ? dir.path : undefined);
      using transport = new Transport({ proxy: null, ...options, ...more });
      const client = new Client({ transport, timeout: 15_000 });
      await body(client, `https://localhost:${server.address.split(":")[1]}/`, server);
      assertEquals(Object.values(transport.stats()).filter(({ idle }) => idle > 0), []);
      await new Promise((resolve) => setTimeout(resolve)); // node's TLS sockets end a turn later
    });
  }
}

const large = noise(20_000_000);
const trusting: TransportOptions = { tls: { caCerts: [ca] } };

for (const version of ["1_2", "1_3"]) {
  ofOpenssl(
    `reads a body that ends with TLS ${version.replace("_", ".")}`,
    [...pair("server"), `-tls${version}`],
    trusting,
    async (client, url) => {
      for (let i = 0; i < 3; i++) {
        const response = await client.get(url);
        assertEquals([response.status, response.proto], [200, "HTTP/1.0"]);
        assertStringIncludes(await response.text(), `TLSv${version.replace("_", ".")}`);
      }
    },
  );

  ofOpenssl(
    `presents its certificate where one is wanted, by TLS ${version.replace("_", ".")}`,
    [...pair("server"), `-tls${version}`, ...wanting()],
    { tls: { caCerts: [ca], ...identity } },
    async (client, url) => {
      assertMatch(await (await client.get(url)).text(), /Subject: CN ?= ?client\n/);
    },
  );

  ofOpenssl(
    `fails where a certificate is wanted and it has none, by TLS ${version.replace("_", ".")}`,
    [...pair("server"), `-tls${version}`, ...wanting()],
    trusting,
    async (client, url) => {
      const error = await failure(client.get(url).then((response) => response.text()));
      // By TLS 1.3 the server says so after the client's handshake is done.
      const phases = version === "1_2" ? ["tls"] : ["tls", "write", "responseHeader"];
      assert(phases.includes(error.phase), `${error.phase}: ${error.message}`);
      assertEquals(error.timeout, false);
    },
  );
}

/** Nobody without a certificate from our authority. */
function wanting(): string[] {
  return ["-Verify", "1", "-verify_return_error", "-CAfile", tlsFile("ca.pem")];
}

for (
  const [name, args, options, code] of [
    ["does not trust an unknown authority", pair("server"), {}, /UNKNOWN_ISSUER|UNVERIFIED/],
    [
      "does not trust who vouches for itself",
      pair("stranger", "stranger"),
      trusting,
      /UNKNOWN_ISSUER|UNVERIFIED/,
    ],
    ["does not trust what has expired", pair("expired"), trusting, /EXPIRED|UNVERIFIED/],
    [
      "does not trust another host's certificate",
      pair("server"),
      { tls: { caCerts: [ca], serverName: "other.test" } },
      /HOSTNAME/,
    ],
    [
      "speaks no TLS as old as 1.1",
      [...pair("server"), "-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"],
      trusting,
      /^ERR_TLS$/,
    ],
    [
      "speaks no cipher that is too weak",
      [...pair("server"), "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"],
      trusting,
      /^ERR_TLS$/,
    ],
  ] as [string, string[], TransportOptions, RegExp][]
) {
  ofOpenssl(name, args, options, async (client, url) => {
    const error = await failure(client.get(url));
    assertEquals([error.phase, error.timeout], ["tls", false], error.message);
    // The engine does not always say which of two reasons it was: that has a code of its own.
    assertMatch(error.code, code, error.message);
    assertStringIncludes(error.message, `GET "${url}": `);
  });
}

ofOpenssl(
  "gives up a handshake that never ends",
  pair("server"),
  { ...trusting, tlsHandshakeTimeout: 50 },
  async (client, url, { pid }) => {
    Deno.kill(pid, "SIGSTOP"); // The kernel still connects for it.
    const before = performance.now();
    const error = await failure(client.get(url));
    assertEquals([error.phase, error.timeout, isTimeout(error)], ["tls", true, true]);
    assert(performance.now() - before < 5_000, "it was the default that ended it");
  },
);

ofOpenssl(
  "takes no body for complete that ends without an end of TLS",
  [...pair("server"), "-WWW"],
  trusting,
  async (client, url, { pid }) => {
    const reader = (await client.get(`${url}large.bin`)).body!.getReader();
    let length = (await reader.read()).value!.length;
    Deno.kill(pid, "SIGKILL");
    const error = await failure((async () => {
      for (let read; !(read = await reader.read()).done;) length += read.value.length;
    })());
    assertEquals([error.phase, error.timeout], ["body", false], error.message);
    assert(length < large.length);
  },
);

/** What a promise rejects with, which is an `HttpError`. */
async function failure(promise: Promise<unknown>): Promise<HttpError> {
  const error = await promise.then(() => undefined, (error) => error);
  assertInstanceOf(error, HttpError);
  return error;
}
