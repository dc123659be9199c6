import { assertEquals } from "@std/assert";
import { checkTree, type File, readTree } from "../../tasks/check_tree.ts";

/** A tree with a test for each given source file, checked: `path: message` for each finding. */
function check(sources: Record<string, string>, others: Record<string, string> = {}): string[] {
  const files: File[] = [];
  for (const [path, text] of Object.entries(sources)) {
    files.push({ path, text });
    if (!/^(mod|net\/mod|net\/conn)\.ts$/.test(path)) {
      files.push({ path: `tests/${path.replace(".ts", "_test.ts")}`, text: "" });
    }
  }
  for (const [path, text] of Object.entries(others)) files.push({ path, text });
  return checkTree(files).map(({ path, message }) => `${path}: ${message}`);
}

/** The finding about a single import. */
function checkImport(path: string, specifier: string): string[] {
  return check({}, { [`bench/${path}`]: "", ...{ [path]: `import "${specifier}";\n` } })
    .filter((line) => line.includes("imports "))
    .map((line) => line.replace(`${path}: imports "${specifier}": `, ""));
}

Deno.test("the tree follows its own rules", () => {
  assertEquals(checkTree(readTree(new URL("../../", import.meta.url))), []);
});

Deno.test("imports run downwards, and each part may import itself", () => {
  for (
    const [path, specifier] of [
      ["deadline.ts", "./deadline/clock.ts"],
      ["deadline/deadline.ts", "./clock.ts"],
      ["sys/poller.ts", "../deadline.ts"],
      ["net/dialer.ts", "./errors.ts"],
      ["net/native/tcp.ts", "../../sys/socket.ts"],
      ["net/runtime/tcp.ts", "../conn.ts"],
      ["http/client.ts", "../net/mod.ts"],
      ["http/h1/head.ts", "../headers.ts"],
      ["http/h1/head.ts", "./limits.ts"],
      ["ipc/fifo.ts", "../net/mod.ts"],
      ["ipc/fifo.ts", "../sys/mod.ts"],
      ["mod.ts", "./net/mod.ts"],
      ["tests/net/dialer_test.ts", "../../net/mod.ts"],
      ["examples/tour.ts", "../mod.ts"],
    ]
  ) assertEquals(checkImport(path, specifier), [], `${path} imports ${specifier}`);
});

Deno.test("an import against the direction is found", () => {
  for (
    const [path, specifier, problem] of [
      ["deadline.ts", "./net/errors.ts", "deadline may not import net/errors.ts"],
      ["deadline/clock.ts", "../sys/poller.ts", "deadline may not import sys/poller.ts"],
      ["sys/poller.ts", "../net/errors.ts", "sys may not import net/errors.ts"],
      ["net/dialer.ts", "../http/headers.ts", "net may not import http/headers.ts"],
      [
        "net/dialer.ts",
        "../tests/support/fake_clock.ts",
        "net may not import tests/support/fake_clock.ts",
      ],
      ["http/client.ts", "../ipc/mod.ts", "http may not import ipc/mod.ts"],
      ["ipc/fifo.ts", "../http/mod.ts", "ipc may not import http/mod.ts"],
      ["ipc/fifo.ts", "../net/errors.ts", "ipc may not import net/errors.ts"],
      ["mod.ts", "./net/errors.ts", "mod.ts may not import net/errors.ts"],
    ]
  ) assertEquals(checkImport(path, specifier), [problem]);
});

Deno.test("the protocol in http/h1 imports nothing but itself, headers and errors", () => {
  const problem = "http/h1 imports only itself, http/headers.ts and http/errors.ts";
  assertEquals(checkImport("http/h1/head.ts", "../client.ts"), [problem]);
  assertEquals(checkImport("http/h1/head.ts", "../../deadline.ts"), [problem]);
});

Deno.test("what is inside deadline/ is reached through deadline.ts", () => {
  for (const path of ["sys/poller.ts", "net/dialer.ts", "http/client.ts", "ipc/fifo.ts"]) {
    const [part] = path.split("/");
    assertEquals(checkImport(path, "../deadline/clock.ts"), [
      `${part} may not import deadline/clock.ts`,
    ]);
  }
  assertEquals(checkImport("mod.ts", "./deadline/clock.ts"), [
    "mod.ts may not import deadline/clock.ts",
  ]);
  assertEquals(checkImport("tests/deadline/clock_test.ts", "../../deadline/clock.ts"), []);
});

Deno.test("the entry of a folder is not imported from inside it", () => {
  const problem = "a folder's entry is for those outside the folder";
  assertEquals(checkImport("deadline/clock.ts", "../deadline.ts"), [problem]);
  assertEquals(checkImport("deadline/coarse_clock.ts", "./deadline.ts"), []);
  assertEquals(checkImport("net/dialer.ts", "./mod.ts"), [problem]);
  assertEquals(checkImport("net/runtime/tcp.ts", "../mod.ts"), [problem]);
  assertEquals(checkImport("net/dialer.ts", "../mod.ts"), [problem]);
  assertEquals(checkImport("net/dialer.ts", "./runtime/mod.ts"), []);
});

Deno.test("the test libraries serve tests and benches only", () => {
  const problem = "@std is for tests and benches";
  assertEquals(checkImport("tests/net/a_test.ts", "@std/assert"), []);
  assertEquals(checkImport("bench/net_bench.ts", "@std/async"), []);
  assertEquals(checkImport("net/dialer.ts", "@std/async"), [problem]);
  assertEquals(checkImport("tasks/test.ts", "jsr:@std/async"), [problem]);
  assertEquals(checkImport("examples/tour.ts", "@std/net"), [problem]);
});

Deno.test("the package imports nothing from a registry but the cookie jar", () => {
  const problem = "the package imports nothing from a registry";
  assertEquals(checkImport("http/cookies.ts", "npm:tough-cookie@5"), []);
  assertEquals(checkImport("http/client.ts", "npm:tough-cookie-store@1"), [problem]);
  assertEquals(checkImport("http/client.ts", "jsr:@a/b@1"), [problem]);
  assertEquals(checkImport("net/dialer.ts", "@plumb/plumb/deadline"), [problem]);
  assertEquals(checkImport("net/dialer.ts", "node:buffer"), []);
});

Deno.test("only the engines import the socket modules", () => {
  const problem = "sockets belong to net/runtime and net/native";
  for (const name of ["node:net", "node:dgram", "node:dns", "node:dns/promises", "node:tls"]) {
    assertEquals(checkImport("net/dialer.ts", name), [problem]);
    assertEquals(checkImport("net/runtime/tcp.ts", name), []);
    assertEquals(checkImport("net/native/tcp.ts", name), []);
  }
});

Deno.test("only the engines call the sockets of the runtime", () => {
  const call = "await Deno.connect({ port: 1 });\n";
  assertEquals(check({ "net/dialer.ts": call }), [
    "net/dialer.ts: uses Deno.connect: sockets belong to net/runtime and net/native",
  ]);
  assertEquals(check({ "net/runtime/tcp.ts": call }), []);
  assertEquals(check({ "http/server.ts": "using l = Deno.listenTls(o);\n" }).length, 1);
});

Deno.test("a type, a comment or a message may name the sockets of the runtime", () => {
  const text = `// As Deno.connect does.\nexport type A = Deno.ConnectOptions;\n` +
    `throw new Error("Deno.listenDatagram needs --unstable-net");\n`;
  assertEquals(check({ "net/packet.ts": text }), []);
});

Deno.test("a dynamic import names its module in plain sight", () => {
  assertEquals(check({ "http/cookies.ts": "await import(name);\n" }), [
    "http/cookies.ts: a dynamic import names its module in a plain string",
  ]);
});

Deno.test("an entry with code of its own is found", () => {
  assertEquals(check({ "net/mod.ts": `export * from "./conn.ts";\n` }), []);
  assertEquals(check({ "net/mod.ts": "export const one = 1;\n" }), [
    "net/mod.ts: the entry of a folder holds re-exports only",
  ]);
  assertEquals(check({ "deadline.ts": "export const one = 1;\n" }), [
    "deadline.ts: the entry of a folder holds re-exports only",
  ]);
  assertEquals(check({ "deadline/clock.ts": "export const one = 1;\n" }), []);
});

Deno.test("a source file without a test is found", () => {
  assertEquals(check({}, { "net/runtime/tcp.ts": "" }), [
    "net/runtime/tcp.ts: has no test: tests/net/runtime/tcp_test.ts is missing",
  ]);
  assertEquals(check({}, { "tasks/new.ts": "" }), [
    "tasks/new.ts: has no test: tests/tasks/new_test.ts is missing",
  ]);
  assertEquals(check({}, { "deadline/new.ts": "" }), [
    "deadline/new.ts: has no test: tests/deadline/new_test.ts is missing",
  ]);
  assertEquals(check({}, { "net/conn.ts": "", "bench/a.ts": "", "examples/a.ts": "" }), []);
});

Deno.test("an excuse that is no longer needed is found", () => {
  assertEquals(check({}, { "net/conn.ts": "", "tests/net/conn_test.ts": "" }), [
    "net/conn.ts: is listed as untested (types only), but tests/net/conn_test.ts exists",
  ]);
});

Deno.test("a file over 700 lines is found", () => {
  assertEquals(check({ "net/dialer.ts": "\n".repeat(700) }), []);
  assertEquals(check({ "net/dialer.ts": "\n".repeat(701) }), [
    "net/dialer.ts: has 701 lines, more than 700: cut it in two",
  ]);
});

Deno.test("modules that import each other are found", () => {
  const sources = {
    "net/a.ts": `import type { B } from "./b.ts";\n`,
    "net/b.ts": `import { a } from "./a.ts";\n`,
  };
  assertEquals(check(sources), ["net/a.ts: imports itself: net/a.ts -> net/b.ts -> net/a.ts"]);
});

Deno.test("the two configurations differ in links only", () => {
  const online = { name: "a", tasks: { test: "t" } };
  const pair = (offline: object) => ({
    "deno.json": JSON.stringify(online),
    "deno.offline.json": JSON.stringify(offline),
  });
  assertEquals(check({}, pair({ ...online, links: ["./b"] })), []);
  assertEquals(check({}, pair({ ...online, tasks: { test: "u" } })), [
    'deno.offline.json: differs from deno.json in "tasks": only "links" may differ',
  ]);
  assertEquals(check({}, pair({ ...online, lock: false })), [
    'deno.offline.json: differs from deno.json in "lock": only "links" may differ',
  ]);
});
