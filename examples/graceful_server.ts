/**
 * A server that ends well. The first SIGTERM or SIGINT lets it finish the requests under way, and
 * take no others; it then exits with 0. A second signal, or ten seconds, ends it at once with 1.
 *
 *     deno run --allow-net examples/graceful_server.ts [PORT]
 *     curl http://127.0.0.1:PORT/?seconds=5     # takes so long
 *
 * It can be process 1 of a container. For that one the kernel does nothing about a signal nobody
 * listens to, not even end it: so both signals are listened to, from first to last.
 */
import { http, ipc } from "../mod.ts";

const server = new http.Server({
  addr: `127.0.0.1:${Deno.args[0] ?? 0}`,
  async handler(request) {
    const seconds = Number(new URL(request.url).searchParams.get("seconds") ?? 0);
    console.log(`a request of ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    return new http.Response(`it took ${seconds} s\n`);
  },
});

/** Waits for the requests under way, and gives the code to exit with. */
async function drain(): Promise<number> {
  console.log("finishing what is under way");
  try {
    await server.shutdown({ timeout: 10_000 });
    console.log("every request was answered");
    return 0;
  } catch (error) {
    console.log(`some were not: ${(error as Error).message}`);
    return 1;
  }
}

/** Waits for the next signal, for those in a hurry. */
async function second(): Promise<number> {
  await signals.receive();
  console.log("at once, then");
  return 1;
}

using signals = ipc.notify("SIGTERM", "SIGINT");
const serving = server.listenAndServe({ onListen: (addr) => console.log(`http://${addr}/`) });
await Promise.race([signals.receive(), serving]); // which ends by itself only if it cannot serve
Deno.exit(await Promise.race([drain(), second()]));
