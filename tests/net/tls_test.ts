import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { isTimeout } from "../../deadline.ts";
import type { Conn, Listener, TlsConn } from "../../net/conn.ts";
import type { Engine } from "../../net/engine.ts";
import { AddressError, ClosedError, OpError, UnknownNetworkError } from "../../net/errors.ts";
import { dial } from "../../net/dialer.ts";
import { listen, type ListenOptions } from "../../net/listener.ts";
import { findDescriptor } from "../../net/native/descriptor.ts";
import { dialTls, type DialTlsOptions, listenTls } from "../../net/tls.ts";
import type { Trace } from "../../net/trace.ts";
import {
  getsockopt,
  IPPROTO_TCP,
  SO_KEEPALIVE,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
} from "../../sys/mod.ts";
import { connContract } from "../support/conn_contract.ts";
import { encode, far, pass, pattern, readText, soon } from "../support/conn_helpers.ts";
import { deadPort, noSocketLeft } from "../support/net_helpers.ts";
import { ca, client, expired, server, stranger } from "../support/tls/certificates.ts";
import { installed, opensslServer } from "../support/tls/peers.ts";

const onLinux = Deno.build.os === "linux";
const openssl = installed("openssl", "version");

/** Without a limit and a certificate the dial takes another way; all must do the same. */
const ways: [name: string, own: DialTlsOptions][] = [
  ["", {}],
  [" under a deadline", { timeout: far }],
  [" as a known client", client],
];

/** Accepts one connection and completes its handshake, or fails with it. */
async function acceptOne(listener: Listener<TlsConn>): Promise<TlsConn> {
  const conn = await listener.accept();
  try {
    await conn.handshake({ timeout: far });
    return conn;
  } catch (error) {
    conn.close();
    throw error;
  }
}

/** Dials a listener of ours. */
async function connected(
  dialing: DialTlsOptions = {},
  listening: { alpnProtocols?: string[]; engine?: Engine } = {},
): Promise<[TlsConn, TlsConn]> {
  using listener = listenTls("tcp", "127.0.0.1:0", { ...server, ...listening });
  const dialed = dialTls("tcp", `${listener.addr}`, { caCerts: [ca], ...dialing });
  return await Promise.all([dialed, acceptOne(listener)]);
}

connContract("listenTls(), without system calls", async () => {
  const [a, b] = await connected({}, { engine: "runtime" });
  return [b, a];
}, { buffered: true });

for (const [how, own] of ways) {
  connContract(`dialTls()${how}`, () => connected(own), { buffered: true });
  connContract(
    `listenTls()${how && ", for a known client"}`,
    async () => {
      const [a, b] = await connected(own);
      return [b, a];
    },
    { buffered: true },
  );

  Deno.test(`dialTls()${how} says what the handshake has settled`, async () => {
    const [a, b] = await connected(
      { ...own, alpnProtocols: ["h2", "http/1.1"], serverName: "example.test" },
      { alpnProtocols: ["http/1.1", "http/1.0"] },
    );
    using _a = a, _b = b;
    const both = { handshakeComplete: true, alpnProtocol: "http/1.1" };
    assertEquals(a.connectionState, { ...both, serverName: "example.test" });
    assertEquals(b.connectionState, { ...both, serverName: null });
    assertEquals(`${a.remoteAddr}`, `${b.localAddr}`);
    assertEquals(`${a.localAddr}`, `${b.remoteAddr}`);
    assertEquals(await a.handshake({ timeout: -1 }), a.connectionState, "it is done already");
  });

  Deno.test(`dialTls()${how} agrees on no protocol when it offers none`, async () => {
    const [a, b] = await connected(own, { alpnProtocols: ["http/1.1"] });
    using _a = a, _b = b;
    assertEquals(a.connectionState.alpnProtocol, null);
    assertEquals(b.connectionState.alpnProtocol, null);
    assertEquals(a.connectionState.serverName, "127.0.0.1");
  });

  const names: [address: string, host: string, name: string][] = [
    ["127.0.0.1", "127.0.0.1", "127.0.0.1"],
    ["[::1]", "[::1]", "::1"],
    ["127.0.0.1", "localhost", "localhost"],
    ["127.0.0.1", "", "localhost"],
  ];
  for (const [bind, host, name] of names) {
    Deno.test(`dialTls()${how} checks the certificate for the host of "${host}:port"`, async () => {
      using listener = listenTls("tcp", `${bind}:0`, server);
      const { port } = listener.addr as Deno.NetAddr;
      const options = { ...own, caCerts: [ca] };
      const [a, b] = await Promise.all([
        dialTls("tcp", `${host}:${port}`, options),
        acceptOne(listener),
      ]);
      using _a = a, _b = b;
      assertEquals(a.connectionState.serverName, name);
    });
  }

  // Node, which serves those with a certificate, does not say which of the two it is.
  const vague = own.cert === undefined ? undefined : "ERR_TLS_UNVERIFIED";
  const refusals: [
    what: string,
    certificate: { cert: string; key: string },
    options: DialTlsOptions,
    code: string,
  ][] = [
    ["is signed by an unknown authority", server, {}, vague ?? "ERR_TLS_UNKNOWN_ISSUER"],
    ["is signed by itself", stranger, { caCerts: [ca] }, "ERR_TLS_UNKNOWN_ISSUER"],
    ["has expired", expired, { caCerts: [ca] }, vague ?? "ERR_TLS_EXPIRED"],
    ["is another's", server, { caCerts: [ca], serverName: "wrong.test" }, "ERR_TLS_HOSTNAME"],
    [
      "is another address's",
      server,
      { caCerts: [ca], serverName: "127.0.0.2" },
      "ERR_TLS_HOSTNAME",
    ],
  ];
  for (const [what, certificate, options, code] of refusals) {
    Deno.test({
      name: `dialTls()${how} refuses a server whose certificate ${what}`,
      ignore: !onLinux,
      fn: () =>
        noSocketLeft(async () => {
          using listener = listenTls("tcp", "127.0.0.1:0", certificate);
          const accepted = assertRejects(() => acceptOne(listener), OpError);
          const all = { ...own, ...options };
          const error = await assertRejects(() => dialTls("tcp", `${listener.addr}`, all), OpError);
          assertEquals([error.code, error.op, error.timeout], [code, "handshake", false]);
          assertStringIncludes(error.message, `-> "${listener.addr}": tls: `);
          assert(error.cause instanceof Error);
          await accepted;
        }),
    });
  }

  const ends: [string, (abort: AbortController) => DialTlsOptions, timedOut: boolean][] = [
    ["handshakeTimeout passes", () => ({ handshakeTimeout: soon, timeout: far }), true],
    ["timeout passes", () => ({ timeout: soon }), true],
    ["deadline passes", () => ({ deadline: Date.now() + soon }), true],
    ["signal aborts", ({ signal }) => ({ signal, timeout: far }), false],
  ];
  for (const [what, limit, timedOut] of ends) {
    Deno.test({
      name: `dialTls()${how} leaves nothing of a handshake in which its ${what}`,
      ignore: !onLinux,
      fn: () =>
        noSocketLeft(async () => {
          using listener = listen("tcp", "127.0.0.1:0");
          const abort = new AbortController();
          const dialed = dialTls("tcp", `${listener.addr}`, {
            ...own,
            ...limit(abort),
            trace: { tlsHandshakeStart: () => void setTimeout(() => abort.abort(reason), 5) },
          }).catch((error) => error);
          using silent = await listener.accept();
          const error = await dialed;
          if (timedOut) {
            assert(error instanceof OpError && error.timeout && isTimeout(error));
            assertEquals(error.message, `handshake tcp "${listener.addr}": timed out`);
          } else assertStrictEquals(error, reason);
          // The client's hello, and then the end: it has been closed.
          assert(((await silent.read(new Uint8Array(4096))) ?? 0) > 0);
          assertEquals(await silent.read(new Uint8Array(1)).catch(() => null), null);
        }),
    });
  }

  Deno.test(`dialTls()${how} fails at a server that does not speak TLS`, async () => {
    using listener = listen("tcp", "127.0.0.1:0");
    const dialed = assertRejects(
      () => dialTls("tcp", `${listener.addr}`, own),
      OpError,
    );
    using plain = await listener.accept();
    await plain.write(encode("220 welcome, and do speak up\r\n"));
    const error = await dialed;
    assertEquals([error.op, error.code, error.timeout], ["handshake", "ERR_TLS", false]);
  });

  Deno.test(`dialTls()${how} fails at a server that goes away in the handshake`, async () => {
    using listener = listen("tcp", "127.0.0.1:0");
    const dialed = assertRejects(
      () => dialTls("tcp", `${listener.addr}`, own),
      OpError,
    );
    using leaver = await listener.accept();
    await leaver.read(new Uint8Array(4096));
    leaver.close();
    const error = await dialed;
    assertEquals([error.op, error.code], ["handshake", "ECONNRESET"]);
  });

  Deno.test(`dialTls()${how} fires the hooks in their order, then hands over`, async () => {
    const fired: string[] = [];
    const hooks = [
      "connectStart",
      "connectDone",
      "tlsHandshakeStart",
      "tlsHandshakeDone",
      "gotConn",
    ];
    const trace = Object.fromEntries(hooks.map((name) => [
      name,
      (event: { serverName?: string; state?: { handshakeComplete: boolean } }) =>
        fired.push([name, event.serverName, event.state?.handshakeComplete].filter(Boolean).join()),
    ])) as Trace;
    const [a, b] = await connected({ ...own, trace, serverName: "localhost" });
    using _a = a, _b = b;
    assertEquals(fired, [
      "connectStart",
      "connectDone",
      "tlsHandshakeStart,localhost",
      "tlsHandshakeDone,true",
      "gotConn",
    ]);
  });

  Deno.test(`dialTls()${how} tells the hooks of a failed handshake, and of no connection`, async () => {
    using listener = listenTls("tcp", "127.0.0.1:0", server);
    const accepted = assertRejects(() => acceptOne(listener), OpError);
    const seen: unknown[] = [];
    const trace: Trace = {
      tlsHandshakeDone: ({ state, error }) => void seen.push(state, error),
      gotConn: () => void seen.push("gotConn"),
    };
    const options = { ...own, trace };
    const error = await assertRejects(() => dialTls("tcp", `${listener.addr}`, options));
    assertEquals(seen.length, 2);
    assertStrictEquals(seen[0], undefined);
    assertStrictEquals(seen[1], error);
    await accepted;
  });

  Deno.test({
    name: `dialTls()${how} talks to openssl s_server`,
    ignore: !openssl,
    fn: async () => {
      for (const version of ["-tls1_3", "-tls1_2"]) {
        await using peer = await opensslServer(version, "-alpn", "http/1.1");
        using conn = await dialTls("tcp", peer.address, {
          ...own,
          caCerts: [ca],
          alpnProtocols: ["http/1.1"],
        });
        assertEquals(conn.connectionState.alpnProtocol, "http/1.1");
        await conn.write(encode("hello\n"));
        assertEquals(await readText(conn), "olleh\n");
      }
    },
  });
}

const reason = { why: "not an error even" };

Deno.test("dialTls() with an aborted signal, or no time left, dials nothing", async () => {
  using listener = listenTls("tcp", "127.0.0.1:0", server);
  const nothing: Trace = { connectStart: () => assert(false, "dialed") };
  const dialed = (options: DialTlsOptions) =>
    dialTls("tcp", `${listener.addr}`, { trace: nothing, ...options }).catch((error) => error);
  assertStrictEquals(await dialed({ signal: AbortSignal.abort(reason) }), reason);
  const late = await dialed({ timeout: -1 });
  assertEquals(late.message, `dial tcp "${listener.addr}": timed out`);
});

Deno.test("dialTls() says what failed before the handshake as dial() does", async () => {
  const address = `127.0.0.1:${deadPort()}`;
  const error = await assertRejects(() => dialTls("tcp", address), OpError);
  assertEquals(error.message, `dial tcp "${address}": connection refused`);
  await assertRejects(() => dialTls("tcp", "no port"), AddressError);
  await assertRejects(() => dialTls("tcp6", "127.0.0.1:443"), AddressError);
});

Deno.test("dialTls() and listenTls() take the networks of TCP alone", async () => {
  for (const network of ["unix", "udp", "sctp"]) {
    const error = await assertRejects(
      () => dialTls(network as "tcp", "127.0.0.1:1"),
      UnknownNetworkError,
    );
    assertStringIncludes(error.message, "expected one of tcp, tcp4, tcp6");
    assertThrows(() => listenTls(network as "tcp", "127.0.0.1:0", server), UnknownNetworkError);
  }
});

Deno.test("dialTls() refuses options that make no sense before it dials", async () => {
  const wrong: [options: Record<string, unknown>, type: typeof Error, says: string][] = [
    [{ cert: client.cert }, TypeError, "cert and key go together: key is missing"],
    [{ key: client.key }, TypeError, "cert and key go together: cert is missing"],
    [{ ...client, key: server.key }, TypeError, "cert and key must belong together"],
    [{ ...client, cert: "x" }, TypeError, "cert must hold a certificate in PEM"],
    [{ ...client, key: client.cert }, TypeError, "key must hold a private key in PEM"],
    [{ caCerts: [ca, "x"] }, TypeError, "caCerts[1] must hold a certificate in PEM"],
    [{ caCerts: ca }, TypeError, "caCerts must be an array"],
    [{ serverName: "" }, TypeError, 'serverName must be a host name or an IP address, got ""'],
    [{ serverName: "a b" }, TypeError, 'got "a b"'],
    [{ alpnProtocols: "h2" }, TypeError, "alpnProtocols must be an array"],
    [{ alpnProtocols: [""] }, TypeError, "1 to 255 bytes"],
    [{ alpnProtocols: ["x".repeat(256)] }, TypeError, "1 to 255 bytes"],
    [{ alpnProtocols: Array(300).fill("x".repeat(255)) }, TypeError, "65535"],
    [{ handshakeTimeout: "1" }, TypeError, "handshakeTimeout must be a number of milliseconds"],
    [{ handshakeTimeout: NaN }, RangeError, "handshakeTimeout must not be NaN"],
    [{ timeout: NaN }, RangeError, "timeout must not be NaN"],
  ];
  const trace: Trace = { connectStart: () => assert(false, "dialed") };
  for (const [options, type, says] of wrong) {
    await assertRejects(() => dialTls("tcp", "127.0.0.1:1", { ...options, trace }), type, says);
  }
});

Deno.test("listenTls() refuses a certificate and key it cannot use, naming them", () => {
  const wrong: [options: Record<string, unknown>, says: string][] = [
    [{ cert: "x" }, "cert must hold a certificate in PEM"],
    [{ cert: undefined }, "cert must be a string of PEM, got undefined"],
    [{ key: "x" }, "key must hold a private key in PEM"],
    [{ key: client.key }, "cert and key must belong together"],
    [{ alpnProtocols: [1] }, "alpnProtocols must be names of 1 to 255 bytes, got 1"],
  ];
  for (const [options, says] of wrong) {
    const all = { ...server, ...options } as typeof server;
    assertThrows(() => listenTls("tcp", "127.0.0.1:0", all), TypeError, says);
  }
  assertThrows(() => listenTls("tcp", "127.0.0.1:0", { ...server, backlog: 0 }), RangeError);
  const noBytes = { ...server, plainAnswer: "text" as unknown as Uint8Array };
  assertThrows(() => listenTls("tcp", "127.0.0.1:0", noBytes), TypeError, "plainAnswer must be");
});

/** Listeners have two engines of TLS: with system calls and without. */
const engines: [on: string, engine: Engine | undefined][] = [
  ["", undefined],
  [", without system calls", "runtime"],
];
for (const [on, engine] of engines) {
  const pair = { ...server, engine };
  Deno.test(`listenTls() takes addresses as listen() does${on}`, async () => {
    using both = listenTls("tcp", ":0", pair);
    const { port } = both.addr as Deno.NetAddr;
    for (const host of ["127.0.0.1", "[::1]"]) {
      const dialed = dialTls("tcp", `${host}:${port}`, { caCerts: [ca], timeout: far });
      const [a, b] = await Promise.all([dialed, acceptOne(both)]);
      a.close();
      b.close();
    }
    const taken = assertThrows(() => listenTls("tcp", `:${port}`, pair), OpError);
    assertEquals(taken.code, "EADDRINUSE");
    assertEquals(taken.message, `listen tcp ":${port}": address already in use`);
    assertThrows(() => listenTls("tcp4", "[::1]:0", pair), AddressError);
  });

  Deno.test(`listenTls() on tcp6 turns IPv4 away${on}`, async () => {
    using listener = listenTls("tcp6", ":0", pair);
    const { port } = listener.addr as Deno.NetAddr;
    const options = { caCerts: [ca], timeout: far };
    const accepted = acceptOne(listener);
    await assertRejects(() => dialTls("tcp4", `127.0.0.1:${port}`, options), OpError);
    using a = await dialTls("tcp6", `[::1]:${port}`, options);
    using b = await accepted;
    assertEquals(`${a.localAddr}`, `${b.remoteAddr}`);
  });

  Deno.test(`a listener of TLS that is closed ends its accepts${on}`, async () => {
    const listener = listenTls("tcp", "127.0.0.1:0", pair);
    const accepting = assertRejects(() => listener.accept(), ClosedError);
    listener.close();
    await accepting;
  });

  for (const first of ["read", "write"] as const) {
    Deno.test(`an accepted connection's first ${first} does the handshake${on}`, async () => {
      using listener = listenTls("tcp", "127.0.0.1:0", { ...pair, alpnProtocols: ["x"] });
      const options = { caCerts: [ca], timeout: far, alpnProtocols: ["x"] };
      const dialed = dialTls("tcp", `${listener.addr}`, options);
      using b = await listener.accept();
      assertEquals(b.connectionState.handshakeComplete, false);
      const working = first === "read" ? readText(b) : b.write(encode("from b"));
      using a = await dialed;
      if (first === "read") await a.write(encode("from a"));
      await working;
      assertEquals(b.connectionState, {
        handshakeComplete: true,
        alpnProtocol: "x",
        serverName: null,
      });
      if (first === "write") assertEquals(await readText(a), "from b");
    });
  }

  Deno.test(`an accepted connection's first write fails with the handshake${on}`, async () => {
    using listener = listenTls("tcp", "127.0.0.1:0", pair);
    const dialed = assertRejects(() => dialTls("tcp", `${listener.addr}`), OpError);
    using b = await listener.accept();
    const error = await assertRejects(() => b.write(encode("secret")), OpError);
    assertEquals([error.op, error.code], ["write", "ERR_TLS"]);
    await dialed;
  });

  Deno.test({
    name: `handshake() that is given up closes the connection${on}`,
    ignore: !onLinux,
    fn: () =>
      noSocketLeft(async () => {
        using listener = listenTls("tcp", "127.0.0.1:0", pair);
        const abort = new AbortController();
        for (const wait of [{ timeout: soon }, { signal: abort.signal }]) {
          using silent = await dial("tcp", `${listener.addr}`);
          const conn = await listener.accept();
          const given = conn.handshake(wait).catch((error) => error);
          if ("signal" in wait) abort.abort(reason);
          const error = await given;
          if ("signal" in wait) assertStrictEquals(error, reason);
          else {
            assert(isTimeout(error));
            assertMatch(error.message, /^handshake tcp "127.*" -> "127.*": timed out$/);
          }
          await assertRejects(() => conn.read(new Uint8Array(1)), ClosedError);
          await assertRejects(() => conn.handshake(), ClosedError);
          assertEquals(await silent.read(new Uint8Array(1)).catch(() => null), null);
        }
      }),
  });

  Deno.test(`close() ends a handshake that waits${on}`, async () => {
    using listener = listenTls("tcp", "127.0.0.1:0", pair);
    using _silent = await dial("tcp", `${listener.addr}`);
    using conn = await listener.accept();
    const waiting = assertRejects(() => conn.handshake(), ClosedError);
    conn.close();
    await waiting;
  });

  Deno.test(`handshake() may run beside a read, and be asked for by several${on}`, async () => {
    using listener = listenTls("tcp", "127.0.0.1:0", pair);
    const dialed = dialTls("tcp", `${listener.addr}`, { caCerts: [ca], timeout: far });
    using b = await listener.accept();
    const reading = readText(b);
    const states = Promise.all([b.handshake(), b.handshake({ timeout: far })]);
    using a = await dialed;
    await states;
    await pass(b, soon);
    await a.write(encode("for the read"));
    assertEquals(await reading, "for the read");
  });

  Deno.test({
    name: `listenTls() talks to openssl s_client${on}`,
    ignore: !openssl,
    fn: async () => {
      using listener = listenTls("tcp", "127.0.0.1:0", { ...pair, alpnProtocols: ["x"] });
      const child = new Deno.Command("openssl", {
        args: ["s_client", "-connect", `${listener.addr}`, "-alpn", "x", "-quiet"],
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(encode("ping\n"));
      using conn = await acceptOne(listener);
      assertEquals(conn.connectionState.alpnProtocol, "x");
      assertEquals(await readText(conn), "ping\n");
      await conn.write(encode("pong\n"));
      conn.close();
      await writer.close().catch(() => {}); // it may have ended by itself
      const { stdout } = await child.output();
      assertEquals(new TextDecoder().decode(stdout), "pong\n");
    },
  });

  const told = "speak up, and in TLS\n";
  for (const plainAnswer of [undefined, encode(told)]) {
    const what = plainAnswer === undefined ? "nothing" : "the answer";
    Deno.test({
      name: `a client that does not speak TLS gets ${what}, then the end${on}`,
      ignore: !onLinux,
      fn: () =>
        noSocketLeft(async () => {
          using listener = listenTls("tcp", "127.0.0.1:0", { ...pair, plainAnswer });
          for (const first of ["before", "after"]) {
            using plain = await dial("tcp", `${listener.addr}`);
            const hello = () => plain.write(pattern(20_000));
            if (first === "before") await hello();
            using conn = await listener.accept();
            const failed = [conn.handshake(), conn.read(new Uint8Array(1)), conn.write(encode("x"))]
              .map((work) => assertRejects(() => work, OpError));
            if (first === "after") await hello();
            const errors = await Promise.all(failed);
            assertEquals(errors.map(({ op, code }) => [op, code]), [
              ["handshake", "ERR_TLS_PLAIN"],
              ["read", "ERR_TLS_PLAIN"],
              ["write", "ERR_TLS_PLAIN"],
            ]);
            assertStringIncludes(errors[0].message, ": tls: the peer does not speak TLS");
            conn.close(); // which leaves the client its time to read
            for (let i = 0; i < 5; i++) {
              await plain.write(encode("more of the same")); // which a closed socket would reset
              await new Promise((resolve) => setTimeout(resolve, 1));
            }
            assertEquals(await new Response(plain.readable).text(), plainAnswer ? told : "");
          }
        }),
    });
  }

  Deno.test({
    name: `a silent client holds no descriptor once its connection is closed${on}`,
    ignore: !onLinux,
    fn: async () => {
      using listener = listenTls("tcp", "127.0.0.1:0", pair);
      const silent: Conn[] = [];
      for (let i = 0; i < 5; i++) silent.push(await dial("tcp", `${listener.addr}`));
      // The clients stay: what goes is this side's.
      await noSocketLeft(async () => {
        for (const conn of silent) {
          const accepted = await listener.accept();
          const given = assertRejects(() => accepted.handshake(), ClosedError);
          if (conn === silent[1]) await conn.write(new Uint8Array([0x16, 3, 1])); // and no more
          accepted.close();
          await given;
        }
      });
      for (const conn of silent) conn.close();
    },
  });

  const sockets: [what: string, options: ListenOptions, set: number[]][] = [
    ["by default", {}, [1, 1, 15, 15, 9]],
    ["when told not to", { noDelay: false, keepAlive: false }, [0, 0]],
  ];
  if (engine === undefined) {
    const keepAlive = { idle: 5_000, interval: 3_000, count: 2 };
    sockets.push(["with its own times", { keepAlive }, [1, 1, 5, 3, 2]]);
  }
  for (const [what, options, set] of sockets) {
    Deno.test({
      name: `an accepted connection has no-delay and keep-alive ${what}${on}`,
      ignore: !onLinux,
      fn: async () => {
        using listener = listenTls("tcp", "127.0.0.1:0", { ...pair, ...options });
        for (let i = 0; i < 3; i++) {
          using _a = await dial("tcp", `${listener.addr}`);
          using b = await listener.accept();
          const fd = findDescriptor(b.localAddr, b.remoteAddr)!;
          const got = [getsockopt(fd, IPPROTO_TCP, TCP_NODELAY)];
          got.push(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE));
          // The runtime alone cannot set the times.
          const times = engine === undefined ? [TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT] : [];
          if (got[1] === 1) { for (const o of times) got.push(getsockopt(fd, IPPROTO_TCP, o)); }
          assertEquals(got, set.slice(0, got.length));
          assert(got.length === set.length || engine !== undefined);
        }
      },
    });
  }
}
