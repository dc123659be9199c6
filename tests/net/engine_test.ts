import { assert, assertEquals, assertThrows } from "@std/assert";
import { chooseEngine, type Engine, type EngineCall } from "../../net/engine.ts";
import { UnsupportedError } from "../../net/errors.ts";
import { available } from "../../sys/mod.ts";

// Loaded before the first test: the C library stays, and is no leak of that test.
available();

const yes = () => true;
const no = () => false;
const call = (network: string, rest: Partial<EngineCall> = {}): EngineCall => ({
  op: "dial",
  network,
  needs: [],
  ...rest,
});

/** The table of the module: network, engine with system calls, engine without. */
const table: [networks: string[], withFfi: Engine, without: Engine | undefined][] = [
  [["tcp", "tcp4", "tcp6", "unix"], "runtime", "runtime"],
  [["udp", "udp4", "udp6", "unixgram"], "native", "runtime"],
  [["unixpacket", "ip", "ip4", "ip6", "ip4:icmp", "ip6:58"], "native", undefined],
];

for (const [networks, withFfi, without] of table) {
  Deno.test(`${networks.join(", ")}: ${withFfi} with system calls, else ${without}`, () => {
    for (const network of networks) {
      assertEquals(chooseEngine(call(network), yes), withFfi, network);
      if (without !== undefined) {
        assertEquals(chooseEngine(call(network), no), without, network);
      } else {
        const error = assertThrows(() => chooseEngine(call(network), no), UnsupportedError);
        assert(error.message.includes(network), error.message);
        assert(error.message.includes("--allow-ffi"), error.message);
      }
    }
  });
}

Deno.test("what only the native engine can do makes it serve the call", () => {
  for (const network of ["tcp", "unix", "udp"]) {
    const needy = call(network, { needs: ["localAddr"] });
    assertEquals(chooseEngine(needy, yes), "native", network);
  }
});

Deno.test("what needs system calls names itself and the flag where they are missing", () => {
  const needy = call("tcp4", { op: "listen", needs: ["control", "reusePort"] });
  const { message } = assertThrows(() => chooseEngine(needy, no), UnsupportedError);
  assertEquals(
    message,
    "listen tcp4 with control, reusePort is not supported here: " +
      "it needs system calls, run again with --allow-ffi",
  );
});

Deno.test("a forced engine serves what it can, available or not asked for otherwise", () => {
  assertEquals(chooseEngine(call("tcp", { engine: "native" }), yes), "native");
  assertEquals(chooseEngine(call("udp", { engine: "runtime" }), yes), "runtime");
  assertEquals(chooseEngine(call("tcp", { engine: "runtime" }), no), "runtime");
});

Deno.test("a forced native engine without system calls is refused, never replaced", () => {
  const forced = call("tcp", { engine: "native" });
  const { message } = assertThrows(() => chooseEngine(forced, no), UnsupportedError);
  assert(message.includes("dial tcp on the native engine"), message);
  assert(message.includes("--allow-ffi"), message);
});

Deno.test("a forced runtime engine is refused what only the native one can", () => {
  const local = call("tcp", { engine: "runtime", needs: ["localAddr"] });
  const { message } = assertThrows(() => chooseEngine(local, yes), UnsupportedError);
  assert(message.includes("with localAddr on the runtime engine"), message);
  const packet = call("unixpacket", { engine: "runtime" });
  assertThrows(() => chooseEngine(packet, yes), UnsupportedError);
});

Deno.test("an engine of another name is a TypeError", () => {
  const odd = call("tcp", { engine: "turbo" as Engine });
  assertThrows(() => chooseEngine(odd, yes), TypeError);
});

Deno.test("whether there are system calls is asked only when it matters", () => {
  const never = () => {
    throw new Error("asked");
  };
  assertEquals(chooseEngine(call("tcp"), never), "runtime");
  assertEquals(chooseEngine(call("udp", { engine: "runtime" }), never), "runtime");
});

Deno.test("by default it is sys that says whether there are system calls", () => {
  assertEquals(chooseEngine(call("unixpacket")), "native");
});

Deno.test("without --allow-ffi UDP is the runtime's, and what needs more is refused", async () => {
  const script = `
    import { chooseEngine } from ${JSON.stringify(import.meta.resolve("../../net/engine.ts"))};
    const call = { op: "dial", needs: [] };
    console.log(chooseEngine({ ...call, network: "udp" }));
    try {
      chooseEngine({ ...call, network: "unixpacket" });
    } catch (error) {
      console.log(error.name);
    }`;
  const args = ["run", "--no-config", "--no-prompt", "-"];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" })
    .spawn();
  await new Blob([script]).stream().pipeTo(child.stdin);
  const { stdout, code } = await child.output();
  assertEquals([new TextDecoder().decode(stdout), code], ["runtime\nUnsupportedError\n", 0]);
});
