/** UDP servers beside Go's: what a packet costs the server's process. */
import {
  AF_INET,
  close,
  connect,
  MessageBatch,
  poller,
  recvmmsg,
  sendmmsg,
  SOCK_DGRAM,
  socket,
} from "../../sys/mod.ts";
import type { Bench, Contestant } from "./compare.ts";
import { type LineProcess, startProcess, startScript } from "./line_process.ts";

const hostname = "127.0.0.1";
const messageLength = 64;

/**
 * How many messages are under way at once: enough that a server hardly ever waits, for its work
 * is what counts, and less than the default receive buffer holds.
 */
const window = 128;

/** What has not come back by then is lost; in ms. */
const patience = 1000;

/** Servers count their processor time in microseconds, and not every one: longer slices. */
const sliceTime = 100;

/**
 * Sends to a server, and takes back, with so many messages under way. By hand: the less it costs,
 * the less a server waits for it.
 */
function load(port: number): { run(ops: number): Promise<void>; close(): void } {
  const fd = socket(AF_INET, SOCK_DGRAM);
  connect(fd, { family: "inet", hostname, port });
  const out = new MessageBatch(window, messageLength);
  while (out.push(new Uint8Array(messageLength)));
  const back = new MessageBatch(window, messageLength);
  return {
    async run(ops) {
      let unsent = ops;
      const send = (count: number) => {
        for (let left = Math.min(count, unsent); left > 0;) {
          // On the loopback interface there is always room: what is sent is received at once.
          const sent = sendmmsg(fd, out, window - left) ?? 0;
          left -= sent;
          unsent -= sent;
        }
      };
      send(window);
      for (let left = ops; left > 0;) {
        const came = recvmmsg(fd, back);
        if (came === null) await poller.wait(fd, "read", { timeout: patience });
        else {
          left -= came;
          send(came);
        }
      }
    },
    close: () => close(fd),
  };
}

async function contestant(name: string, server: LineProcess, limit?: number): Promise<Contestant> {
  const { run, close } = load(Number(await server.line()));
  return {
    name,
    limit,
    run,
    clock: async () => Number(await server.ask()) / 1000,
    async close() {
      close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Compiles Go's server, and starts it. */
async function startGo(): Promise<LineProcess> {
  const dir = await Deno.makeTempDir({ prefix: "bench-" });
  try {
    const program = `${dir}/udp_echo`;
    const source = new URL("./udp_echo.go", import.meta.url).pathname;
    const args = ["build", "-o", program, source];
    const { success } = await new Deno.Command("go", { args }).output();
    if (!success) throw new Error("go cannot compile udp_echo.go");
    const server = startProcess(program, []);
    return {
      ...server,
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await Deno.remove(dir, { recursive: true });
      },
    };
  } catch (error) {
    await Deno.remove(dir, { recursive: true });
    throw error;
  }
}

async function hasGo(): Promise<boolean> {
  try {
    return (await new Deno.Command("go", { args: ["version"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Servers that send back, one packet at a time and in batches. */
export function udpGoBench(): Bench {
  return {
    name: "udp-go",
    title: `UDP servers, ${window} datagrams of ${messageLength} bytes under way`,
    unit: "op",
    measure: "processor time of the server",
    target: { of: "time", limit: 1 },
    sliceTime,
    skip: async () => await hasGo() ? undefined : "go is not installed",
    open: async () => [
      await contestant("plumb, batches", startScript("udp_echo.ts", ["batches"])),
      await contestant("go", await startGo()),
      await contestant("plumb, no batches", startScript("udp_echo.ts"), 2),
    ],
  };
}
