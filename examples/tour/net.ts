/** The tour of `net`: real connections dialed, raced, timed out and closed on this machine. */
import { net } from "../../mod.ts";
import { decode, encode, line, ms, show, title } from "./show.ts";

const directory = await Deno.makeTempDir();
/** Long paths make bad tables. */
const short = (address: string) => address.replace(directory, "…");

/** Whether a network carries messages, one for each write, or a stream of bytes. */
const hasMessages = (network: net.Network) => /^(udp|unixgram|unixpacket)/.test(network);

/** Dials `address`, says hello, and tells how long the echo took. */
async function roundTrip(network: net.Network, address: string): Promise<void> {
  const start = performance.now();
  using conn = await net.dial(network, address, { timeout: 2_000 });
  const connected = ms(start);
  conn.setDeadline(Date.now() + 2_000);

  const sent = performance.now();
  await conn.write(encode(`hello over ${network}`));
  const first = await readOnce(conn);
  const line1 = `${short(address).padEnd(16)} dial ${connected}   echo ${ms(sent)}   ${first}`;
  if (!hasMessages(network)) return line(network, line1);

  // Two writes at once are two messages, and two reads.
  await Promise.all([conn.write(encode("one")), conn.write(encode("two"))]);
  line(network, `${line1}, then ${await readOnce(conn)} and ${await readOnce(conn)}`);
}

async function readOnce(conn: net.Conn): Promise<string> {
  const p = new Uint8Array(64);
  const n = await conn.read(p) ?? 0;
  return `${n} bytes "${decode(p.subarray(0, n))}"`;
}

/** Writes back what it reads, as it comes: a message for each message. */
async function echo(conn: net.Conn): Promise<void> {
  const p = new Uint8Array(1024);
  for (let n = await conn.read(p); n !== null; n = await conn.read(p)) {
    await conn.write(p.subarray(0, n));
  }
}

async function overStream(network: net.Network, address: string, dialed?: string): Promise<void> {
  using listener = net.listen(network, address);
  const serve = async () => {
    using conn = await listener.accept({ timeout: 2_000 });
    await echo(conn);
  };
  const { addr } = listener;
  const target = dialed === undefined || !("port" in addr) ? `${addr}` : `${dialed}:${addr.port}`;
  await Promise.all([serve(), roundTrip(network, target)]);
}

async function overPackets(network: net.Network, address: string): Promise<void> {
  using socket = net.listenPacket(network, address);
  const serve = async () => {
    for await (const [data, from] of socket) await socket.send(data, from);
  };
  await Promise.all([
    serve(),
    roundTrip(network, socket.addr.toString()).finally(() => socket.close()),
  ]);
}

/** Walks through `net`. */
export async function netTour(): Promise<void> {
  title("One round trip over each network");
  await show("tcp", () => overStream("tcp", ":0", "localhost"));
  await show("tcp4", () => overStream("tcp4", "127.0.0.1:0"));
  await show("tcp6", () => overStream("tcp6", "[::1]:0"));
  await show("udp", () => overPackets("udp", "localhost:0"));
  await show("udp4", () => overPackets("udp4", "127.0.0.1:0"));
  await show("udp6", () => overPackets("udp6", "[::1]:0"));
  await show("unix", () => overStream("unix", `${directory}/stream`));
  await show("unixgram", () => overPackets("unixgram", `${directory}/datagrams`));
  await show("unixpacket", () => overStream("unixpacket", `${directory}/packets`));

  title("What goes wrong says what, where and why");
  await show("refused", async () => {
    const listener = net.listen("tcp", "127.0.0.1:0");
    listener.close(); // so that nobody listens there any more
    await net.dial("tcp", listener.addr.toString());
  });
  await show("no name", () => net.dial("tcp", "nowhere.invalid:80"));
  await show("no answer", async () => {
    // A listener that never accepts answers until its backlog is full.
    using listener = net.listen("tcp", "127.0.0.1:0", { backlog: 1 });
    const waiting: net.Conn[] = [];
    try {
      for (;;) waiting.push(await net.dialTimeout("tcp", listener.addr.toString(), 300));
    } finally {
      for (const conn of waiting) conn.close();
    }
  });

  title("A read deadline loses nothing");
  {
    using listener = net.listen("tcp", "127.0.0.1:0");
    using client = await net.dial("tcp", listener.addr.toString());
    using server = await listener.accept();
    const buffer = new Uint8Array(16);
    client.setReadDeadline(Date.now() + 50);
    await show("read", () => client.read(buffer));
    client.setReadDeadline(null);
    await server.write(encode("late, but here"));
    const n = await client.read(buffer);
    line("read again", `${n} bytes "${decode(buffer.subarray(0, n ?? 0))}"`);
  }

  title("Two families race: one address is dead, the other answers");
  await show("race", async () => {
    using listener = net.listen("tcp", "127.0.0.1:0");
    const { port } = listener.addr;
    const start = performance.now();
    using conn = await net.dial("tcp", `two.example:${port}`, {
      resolver: { lookupHost: () => Promise.resolve(["::1", "127.0.0.1"]) },
      trace: {
        connectDone: ({ addr, error }) =>
          line(
            "",
            `${addr.padEnd(20)} ${ms(start)}   ${error ? (error as Error).message : "connected"}`,
          ),
      },
    });
    line("race", `won by ${conn.remoteAddr}`);
  });

  await Deno.remove(directory, { recursive: true });
}

/** Dials a server that the visitor has named. */
export async function dialTour(target: string): Promise<void> {
  title("That server of yours");
  await show("tcp", async () => {
    const start = performance.now();
    using conn = await net.dial("tcp", target, { timeout: 5_000 });
    line(
      "tcp",
      `${target} is ${conn.remoteAddr}, connected from ${conn.localAddr} in ${ms(start)}`,
    );
  });
}
