/**
 * netcat: joins standard input and output to a connection, on any of the nine networks.
 *
 *     deno run --allow-net examples/netcat.ts [-l] [-w SECONDS] NETWORK ADDRESS
 *
 *     echo hello | deno run --allow-net examples/netcat.ts tcp 127.0.0.1:7007
 *     deno run --allow-net examples/netcat.ts -l -w 10 udp :7007
 *
 * -l listens for one peer, instead of dialing. -w limits the dial, and after that the time in which
 * nothing comes or goes. The end of standard input is passed on, and what the peer still has to say
 * is waited for. Unix sockets need more permissions: see echo.ts.
 */
import { isTimeout, net } from "../mod.ts";

/** What is needed of a connection; a socket that knows none can be made to have it. */
type Peer = Pick<net.Conn, "read" | "write" | "closeWrite" | "close" | "setReadDeadline">;

const note = (text: string) => console.error(`netcat: ${text}`);

async function listen(network: net.Network, address: string): Promise<Peer> {
  if (/^(udp|unixgram)/.test(network)) {
    const socket = net.listenPacket(network, address);
    note(`listening on ${network} ${socket.addr}`);
    return await firstSender(socket);
  }
  using listener = net.listen(network, address);
  note(`listening on ${network} ${listener.addr}`);
  return await listener.accept();
}

/** Whoever sends the first message is the peer, and nobody else from then on. */
async function firstSender(socket: net.PacketConn): Promise<Peer> {
  let pending: net.Packet | undefined = await socket.receive();
  const [, peer] = pending;
  return {
    async read(p) {
      let [data, from] = pending ?? await socket.receive();
      pending = undefined;
      while (`${from}` !== `${peer}`) [data, from] = await socket.receive();
      const n = Math.min(data.length, p.length);
      p.set(data.subarray(0, n));
      return n;
    },
    write: (p) => socket.send(p, peer),
    closeWrite: () => Promise.resolve(), // messages have no end
    close: () => socket.close(),
    setReadDeadline: (deadline) => socket.setReadDeadline(deadline),
  };
}

/** Both directions at once; over when the peer's ends, or when nothing happens for too long. */
async function join(peer: Peer, idle: number): Promise<void> {
  // Any byte in either direction gives the read, which waits for the peer, more time.
  const alive = () => peer.setReadDeadline(idle === 0 ? null : Date.now() + idle);
  const send = async () => {
    const p = new Uint8Array(64 * 1024);
    for (let n = await Deno.stdin.read(p); n !== null; n = await Deno.stdin.read(p)) {
      await peer.write(p.subarray(0, n));
      alive();
    }
    await peer.closeWrite(); // a half-close: the other direction goes on
  };
  const receive = async () => {
    const p = new Uint8Array(64 * 1024);
    for (let n = await peer.read(p); n !== null; n = await peer.read(p)) {
      alive();
      for (let written = 0; written < n;) {
        written += await Deno.stdout.write(p.subarray(written, n));
      }
    }
  };
  alive();
  // The end of the input ends nothing, but failing to send it does.
  await Promise.race([receive(), send().then(() => new Promise(() => {}))]);
}

const args = [...Deno.args];
let listening = false, wait = 0; // which is no limit
while (args[0]?.startsWith("-")) {
  const flag = args.shift();
  if (flag === "-l") listening = true;
  else if (flag === "-w") wait = Number(args.shift()) * 1_000;
  else args.length = 0;
}
const [network, address] = args as [net.Network, string];
if (address === undefined || !(wait >= 0)) {
  note("usage: netcat.ts [-l] [-w SECONDS] NETWORK ADDRESS");
  Deno.exit(2);
}
try {
  const dial = () => net.dial(network, address, { timeout: wait });
  await join(await (listening ? listen(network, address) : dial()), wait);
} catch (error) {
  note((error as Error).message);
  // As netcat does: a peer that has fallen silent is an end like another, one never reached is not.
  const silent = isTimeout(error) && error instanceof net.OpError && error.op !== "dial";
  Deno.exit(silent ? 0 : 1);
}
Deno.exit(0); // A read of standard input that is still pending would keep the process alive.
