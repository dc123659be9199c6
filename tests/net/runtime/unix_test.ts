import { assertEquals, assertThrows } from "@std/assert";
import type { Conn } from "../../../net/conn.ts";
import { dial } from "../../../net/dialer.ts";
import { AddressError } from "../../../net/errors.ts";
import { listen } from "../../../net/listener.ts";
import { socketPath } from "../../../net/runtime/unix.ts";
import { connContract } from "../../support/conn_contract.ts";

const onLinux = Deno.build.os === "linux";

async function pair(path: string): Promise<[Conn, Conn]> {
  using listener = listen("unix", path);
  return await Promise.all([dial("unix", path), listener.accept()]);
}

/** A pair through a path that is gone once both ends are there. */
async function pathPair(): Promise<[Conn, Conn]> {
  const dir = await Deno.makeTempDir();
  try {
    return await pair(`${dir}/socket`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

connContract("unix", pathPair, { buffered: true });

Deno.test({
  name: "an abstract Unix connection's ends say its name, and nothing for the nameless end",
  ignore: !onLinux,
  fn: async () => {
    const name = `@plumb-${crypto.randomUUID()}`;
    const [one, other] = await pair(name);
    using a = one;
    using b = other;
    assertEquals([`${a.localAddr}`, `${a.remoteAddr}`], ["", name]);
    assertEquals([`${b.localAddr}`, `${b.remoteAddr}`], [name, ""]);
    const { transport, network } = b.localAddr;
    assertEquals([transport, network], ["unix", "unix"]);
  },
});

const longest = onLinux ? 107 : 103;

Deno.test("socketPath() passes a path on, up to what a socket address holds", () => {
  assertEquals(socketPath("/run/x"), "/run/x");
  assertEquals(socketPath("a".repeat(longest)), "a".repeat(longest));
});

Deno.test({
  name: "socketPath() turns an @ into the NUL of an abstract name",
  ignore: !onLinux,
  fn: () => assertEquals(socketPath("@a@b"), "\0a@b"),
});

for (
  const [what, name, reason] of [
    ["an empty path", "", "empty path"],
    ["a NUL", "/run/a\0b", "NUL in path"],
    ["a NUL to begin with", "\0abstract", "NUL in path"],
    [
      "too many bytes",
      "a".repeat(longest + 1),
      `path of ${longest + 1} bytes, at most ${longest} fit`,
    ],
    ["bytes, not characters", "é".repeat(longest / 2 + 1), `at most ${longest} fit`],
  ] as const
) {
  Deno.test(`socketPath() refuses ${what}`, () => {
    const error = assertThrows(() => socketPath(name), AddressError, reason);
    assertEquals(error.address, name);
  });
}

Deno.test("socketPath() refuses what is no string", () => {
  assertThrows(() => socketPath(7 as unknown as string), TypeError, "must be a string, got 7");
});
