import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import {
  accept,
  AF_INET,
  available,
  bind,
  close,
  encodeAddress,
  getpeername,
  getsockname,
  mkfifo,
  open,
  recv,
  send,
  setsockopt,
  shutdown,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  socket,
  socketpair,
  SOL_SOCKET,
  SyscallError,
  useLibc,
} from "../../sys/mod.ts";
import { listenTcp, runDeno, sysUrl } from "./helpers.ts";

const useSockets = `
  const sys = await import(${JSON.stringify(sysUrl)});
  const [a, b] = sys.socketpair(sys.SOCK_SEQPACKET);
  sys.send(b, new Uint8Array(3));
  await sys.poller.wait(a, "read", { timeout: 5000 });
  console.log("received", sys.recv(a, new Uint8Array(10)), sys.recv(a, new Uint8Array(10)));
  console.log(sys.sendmsg(a, new Uint8Array(1), { fds: [a] }), sys.recvmsg(b, new Uint8Array(9)).fds.length);
  console.log(new sys.MessageBatch(2, 10).length, sys.getsockname(a).path);
  try { sys.close(-1) } catch (error) { console.log(error.message) }
  sys.close(a);
  sys.close(b);
`;
const used = "received 3 null\n1 1\n0 \nclose: bad file descriptor (EBADF)\n";

/** Where the C library of this process is. */
async function libcPath(): Promise<string> {
  const maps = await Deno.readTextFile("/proc/self/maps");
  const path = maps.match(/\S*\/(?:libc\.so\.6|ld-musl-\S+|libc-2\S+\.so)$/m)?.[0];
  assert(path !== undefined, "this process has a C library");
  return path;
}

Deno.test("system calls work with --allow-ffi", async () => {
  const { code, stdout, stderr } = await runDeno(useSockets, "--allow-ffi");
  assertEquals([code, stdout, stderr], [0, used, ""]);
});

Deno.test("system calls work with --allow-ffi=<path of the C library>", async () => {
  const { code, stdout, stderr } = await runDeno(useSockets, `--allow-ffi=${await libcPath()}`);
  assertEquals([code, stdout, stderr], [0, used, ""]);
});

Deno.test("useLibc() takes the path of the C library, scoped or not", async () => {
  const path = await libcPath();
  const script = `
    const { useLibc } = await import(${JSON.stringify(sysUrl)});
    useLibc(${JSON.stringify(path)});
    useLibc(${JSON.stringify(path)});
    ${useSockets}`;
  for (const flag of ["--allow-ffi", `--allow-ffi=${path}`]) {
    const { stdout, stderr } = await runDeno(script, flag);
    assertEquals([stdout, stderr], [used, ""]);
  }
});

Deno.test("useLibc() refuses a relative path, and another library than the one in use", () => {
  assertThrows(() => useLibc("libc.so.6"), TypeError, `must be absolute, got "libc.so.6"`);
  assert(available());
  assertThrows(() => useLibc("/lib/other.so"), TypeError, "is in use already");
});

Deno.test("without the permission the error names the flag, and nobody is asked", async () => {
  const script = `
    const sys = await import(${JSON.stringify(sysUrl)});
    console.log(sys.available());
    try { sys.socket(2, 1) } catch (error) {
      console.log(error instanceof sys.UnsupportedError, error.code, error.message);
    }
    try { sys.useLibc("/lib/none.so") } catch (error) { console.log(error.message) }`;
  const flags = [["--deny-ffi"], ["--allow-ffi=/lib/nothing.so"], []];
  for (const given of flags) {
    const { stdout, stderr } = await runDeno(script, ...given);
    assertEquals(stderr, "");
    assertMatch(stdout, /^false\ntrue ERR_UNSUPPORTED .*--allow-ffi.*\n.*--allow-ffi.*\n$/);
  }
});

Deno.test("importing sys and its constants needs no permission", async () => {
  const script = `const sys = await import(${JSON.stringify(sysUrl)}); console.log(sys.AF_UNIX);`;
  assertEquals((await runDeno(script)).stdout, "1\n");
});

Deno.test("sys works in a worker, which has an errno and a poller of its own", async () => {
  const inner = `${useSockets}; postMessage("done"); close();`;
  const outer = `
    const worker = new Worker("data:text/javascript," + encodeURIComponent(${
    JSON.stringify(inner)
  }),
      { type: "module" });
    await new Promise((resolve) => worker.onmessage = resolve);`;
  const { stdout, stderr } = await runDeno(outer, "-A");
  assertEquals(stderr, "");
  assertStringIncludes(stdout, used);
});

Deno.test("errno is right under pressure on the garbage collector", () => {
  const [listener, address] = listenTcp();
  const inUse = encodeAddress(address);
  const [a, b] = socketpair(SOCK_STREAM);
  const [m, n] = socketpair(SOCK_SEQPACKET);
  const unbound = socket(AF_INET, SOCK_STREAM);
  const datagram = socket(AF_INET, SOCK_DGRAM);
  const p = new Uint8Array(16);
  const cases: [expected: string, call: () => unknown][] = [
    ["EBADF", () => close(-1)],
    ["ENOTCONN", () => getpeername(unbound)],
    ["EADDRINUSE", () => bind(unbound, inUse)],
    ["ENOENT", () => open("/nowhere/at/all", 0)],
    ["ENOPROTOOPT", () => setsockopt(unbound, SOL_SOCKET, 9999, 1)],
    ["EAFNOSUPPORT", () => socket(200, SOCK_STREAM)],
    ["EINVAL", () => accept(a)],
    ["EEXIST", () => mkfifo("/tmp")],
    ["EDESTADDRREQ", () => send(datagram, p)],
    ["EPIPE", () => send(unbound, p)],
    ["ENOTCONN", () => shutdown(unbound, 0)],
    ["would block", () => recv(m, p)],
    ["EBADF", () => recv(-1, p)],
    ["ENOTSOCK", () => getsockname(notSocket)],
  ];
  const notSocket = open("/dev/null", 0);
  const kept: unknown[] = [];
  const wrong = new Map<string, number>();
  for (let i = 0; i < 140_000; i++) {
    const [expected, call] = cases[i % cases.length];
    // Objects that survive a while, and large ones: small and full collections, and threads of
    // the collector at work beside us.
    kept[i % 5000] = { i, list: new Array(20).fill(i) };
    if (i % 64 === 0) kept[i % 37] = new Uint8Array(300_000);
    let got = "success";
    try {
      if (call() === null) got = "would block";
    } catch (error) {
      got = error instanceof SyscallError ? error.code : String(error);
    }
    if (got !== expected) {
      wrong.set(`${expected} -> ${got}`, (wrong.get(`${expected} -> ${got}`) ?? 0) + 1);
    }
  }
  for (const fd of [listener, a, b, m, n, unbound, datagram, notSocket]) close(fd);
  assertEquals([...wrong], []);
});

Deno.test("errno is right when every few allocations cause a collection", async () => {
  const script = `
    const sys = await import(${JSON.stringify(sysUrl)});
    const p = new Uint8Array(16);
    const kept = [];
    let wrong = 0;
    for (let i = 0; i < 8000; i++) {
      kept[i % 3000] = [i, { i }];
      if (i % 100 === 0) { gc(); kept[i % 61] = new Uint8Array(1000000) }
      try { sys.recv(-1, p); wrong++ } catch (error) { if (error.errno !== 9) wrong++ }
      try { sys.open("/nowhere/at/all", 0) } catch (error) { if (error.errno !== 2) wrong++ }
    }
    console.log("wrong", wrong);`;
  for (const flags of ["--gc-interval=40", "--no-opt,--gc-interval=40"]) {
    const { stdout, stderr } = await runDeno(script, "-A", `--v8-flags=--expose-gc,${flags}`);
    assertEquals([stdout, stderr], ["wrong 0\n", ""]);
  }
});
