/** Sockets of messages against other people's programs. */
import { assertEquals } from "@std/assert";
import { unixAddress } from "../../net/address.ts";
import type { NetAddress, Network, PacketConn } from "../../net/conn.ts";
import { dialPacket, listenPacket, listenPacketOn } from "../../net/packet.ts";
import { openUdp } from "../../net/runtime/datagram.ts";
import { openNodeUdp } from "../../net/runtime/dgram.ts";
import { encode } from "../support/conn_helpers.ts";
import { over } from "../support/packet_engine.ts";

const decode = (data: Uint8Array) => new TextDecoder().decode(data);

function installed(program: string, flag: string): boolean {
  try {
    if (new Deno.Command(program, { args: [flag], stdout: "null" }).outputSync().success) {
      return true;
    }
  } catch {
    // Not there.
  }
  console.log(`${program} is not installed: its tests are skipped`);
  return false;
}

const socat = !installed("socat", "-V");
const python = !installed("python3", "-V");

/** Starts a peer, gives it its input, and its first output back; it is ended then. */
async function askThrough(program: string, args: string[], input: string): Promise<string> {
  const child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "piped",
    signal: AbortSignal.timeout(30_000),
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(encode(input));
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await writer.close();
  await reader.cancel();
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended by itself.
  }
  await child.status;
  return decode(value ?? new Uint8Array());
}

/** Answers one message in capitals. */
async function shoutBack(conn: PacketConn): Promise<void> {
  const [data, from] = await conn.receive();
  await conn.send(encode(decode(data).toUpperCase()), from);
}

for (
  const [port, open] of [["Deno.listenDatagram", openUdp], ["node:dgram", openNodeUdp]] as const
) {
  for (const [network, host] of [["udp4", "127.0.0.1"], ["udp6", "[::1]"]] as [Network, string][]) {
    Deno.test({
      name: `socat gets an answer over ${network} from ${port}`,
      ignore: socat,
      fn: async () => {
        using conn = listenPacketOn(over(open), network, `${host}:0`);
        const target = `${network.toUpperCase()}:${conn.addr}`;
        const [answer] = await Promise.all([
          askThrough("socat", ["-", target], "hello"),
          shoutBack(conn),
        ]);
        assertEquals(answer, "HELLO");
      },
    });
  }
}

/** A server of another kind: tells its port, then answers each message in capitals, until "". */
const pythonServer = `
import socket, sys
kind, where = sys.argv[1:]
family = {"udp4": socket.AF_INET, "udp6": socket.AF_INET6, "unixgram": socket.AF_UNIX}[kind]
s = socket.socket(family, socket.SOCK_DGRAM)
s.bind(where if kind == "unixgram" else (where, 0))
print("ready" if kind == "unixgram" else s.getsockname()[1], flush=True)
while True:
    data, addr = s.recvfrom(65536)
    s.sendto(data.upper(), addr)
    if not data: break
`;

async function withPython(
  kind: string,
  where: string,
  body: (told: string) => Promise<void>,
): Promise<void> {
  const child = new Deno.Command("python3", {
    args: ["-c", pythonServer, kind, where],
    stdout: "piped",
    signal: AbortSignal.timeout(30_000),
  }).spawn();
  const reader = child.stdout.getReader();
  const told = decode((await reader.read()).value!).trim();
  await body(told);
  await reader.cancel();
  assertEquals((await child.status).success, true);
}

for (const [network, host] of [["udp4", "127.0.0.1"], ["udp6", "::1"]] as [Network, string][]) {
  Deno.test({
    name: `python3 answers a dialled ${network} socket, an empty message too`,
    ignore: python,
    fn: () =>
      withPython(network, host, async (told) => {
        const target = { transport: "udp", network: "udp", hostname: host, port: Number(told) };
        using conn = dialPacket(network, target as NetAddress);
        const p = new Uint8Array(16);
        await conn.write(encode("hello"));
        assertEquals(decode(p.subarray(0, (await conn.read(p))!)), "HELLO");
        await conn.write(new Uint8Array(0));
        assertEquals(await conn.read(p), 0);
      }),
  });
}

Deno.test({
  name: "python3 answers a dialled unixgram socket, which has a name without being asked",
  ignore: python,
  fn: async () => {
    const dir = await Deno.makeTempDir();
    await withPython("unixgram", `${dir}/server`, async () => {
      using conn = dialPacket("unixgram", unixAddress("unixgram", `${dir}/server`));
      const p = new Uint8Array(16);
      const reading = conn.read(p);
      await conn.write(encode("hello"));
      assertEquals([await reading, decode(p.subarray(0, 5))], [5, "HELLO"]);
      await conn.write(new Uint8Array(0));
      assertEquals(await conn.read(p), 0);
    });
    await Deno.remove(dir, { recursive: true });
  },
});

Deno.test({
  name: "socat sends to a unixgram socket, and is heard without having a name",
  ignore: socat,
  fn: async () => {
    const dir = await Deno.makeTempDir();
    {
      using conn = listenPacket("unixgram", `${dir}/server`);
      const [[data, from]] = await Promise.all([
        conn.receive(),
        new Deno.Command("sh", {
          args: ["-c", `printf hello | socat -u - UNIX-SENDTO:${dir}/server`],
        }).output(),
      ]);
      assertEquals([decode(data), String(from)], ["hello", ""]);
    }
    await Deno.remove(dir);
  },
});

Deno.test({
  name: "socat gets an answer over unixgram when it has a name",
  ignore: socat,
  fn: async () => {
    const dir = await Deno.makeTempDir();
    {
      using conn = listenPacket("unixgram", `${dir}/server`);
      const target = `UNIX-SENDTO:${dir}/server,bind=${dir}/client`;
      const [answer] = await Promise.all([
        askThrough("socat", ["-", target], "hello"),
        shoutBack(conn),
      ]);
      assertEquals(answer, "HELLO");
    }
    await Deno.remove(dir, { recursive: true });
  },
});
