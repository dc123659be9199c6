import { assert, assertEquals } from "@std/assert";
import * as constants from "../../sys/constants.ts";
import { hasPython, Python, runDeno, sysUrl } from "./helpers.ts";

Deno.test({
  name: "every constant has the value it has in Python's socket and os modules",
  ignore: !hasPython,
  async fn() {
    const entries = Object.entries(constants);
    await using python = new Python(
      `for name in sys.argv[1:]: say(getattr(socket, name, getattr(os, name, None)))`,
      ...entries.map(([name]) => name),
    );
    // Python may have been built with headers whose SOMAXCONN was still 128.
    const ours = new Set(["SOMAXCONN"]);
    let same = 0;
    for (const [name, value] of entries) {
      const theirs = await python.line();
      if (theirs === "None" || ours.has(name) || value === -1) continue;
      assertEquals(Number(theirs), value, name);
      same++;
    }
    assert(same > 75, `Python knows ${same} of ${entries.length}`);
  },
});

/** Makes a child believe it runs elsewhere, before it loads sys. */
const elsewhere = (os: string, arch: string) => `
  Object.defineProperty(Deno, "build", { value: { ...Deno.build, os: "${os}", arch: "${arch}" } });
  const sys = await import(${JSON.stringify(sysUrl)});`;

Deno.test("macOS has its own numbers and a length in front of its addresses", async () => {
  const script = `${elsewhere("darwin", "aarch64")}
    console.log(sys.AF_INET6, sys.SOL_SOCKET, sys.SO_ERROR, sys.SO_PEERCRED, sys.MSG_TRUNC);
    console.log(sys.encodeAddress({ family: "unix", path: "ab" }).join());
    console.log(sys.decodeAddress(new Uint8Array([16, 2, 1, 2, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])));
    console.log(new sys.SyscallError("bind", 48).code);
    try { sys.encodeAddress({ family: "unix", path: "@ab" }) } catch (error) { console.log(error.name) }
    try { sys.encodeAddress({ family: "unix", path: "x".repeat(104) }) } catch (error) {
      console.log(error.name);
    }`;
  const { stdout, stderr } = await runDeno(script, "-A");
  assertEquals(stderr, "");
  assertEquals(stdout.split("\n"), [
    "30 65535 4103 -1 16",
    "5,1,97,98,0",
    '{ family: "inet", hostname: "127.0.0.1", port: 258 }',
    "EADDRINUSE",
    "UnsupportedError",
    "RangeError",
    "",
  ]);
});

Deno.test("on a platform that sys does not know, the error names it", async () => {
  for (const [os, arch] of [["windows", "x86_64"], ["freebsd", "x86_64"], ["linux", "riscv64"]]) {
    const script = `${elsewhere(os, arch)}
      console.log(sys.available());
      try { sys.socket(1, 1) } catch (error) { console.log(error.name, error.message) }`;
    const { stdout } = await runDeno(script, "-A");
    const missing = `sys knows Linux and macOS on x86-64 and aarch64, not ${os} on ${arch}`;
    const supported = `a system call is not supported here: ${missing}`;
    assertEquals(stdout, `false\nUnsupportedError ${supported}\n`);
  }
});
