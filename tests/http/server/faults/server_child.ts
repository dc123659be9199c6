/**
 * A server in a process of its own. It takes the server's options as JSON, with `engine` for its
 * listener among them, says its port on the first line, and then does what each line of its standard input says:
 *
 * - `stats`: collects garbage, and says what is open and in use, as JSON.
 * - `hold`: opens files until there is no descriptor left, and says how many.
 * - `free`: closes them.
 * - `shutdown`: shuts the server down, and says when that is done, or why it is not.
 *
 * Each of its answers is one line. It ends with its standard input.
 */
import { Response, Server } from "../../../../http/mod.ts";
import { listen } from "../../../../net/mod.ts";
import type { ChildStats } from "../../../support/http_load.ts";

const { engine, ...options } = JSON.parse(Deno.args[0]);
const log: string[] = [];
const server = new Server({
  ...options,
  handler: async (request: Request) => {
    const { pathname } = new URL(request.url);
    if (request.method === "POST") return new Response(await request.bytes());
    if (pathname === "/later") await new Promise((resolve) => setTimeout(resolve, 20));
    if (pathname === "/busy") {
      for (const end = performance.now() + 20; performance.now() < end;);
    }
    return new Response("hello");
  },
  errorLog: (message: string, error: unknown) => log.push(`${message}: ${error}`),
});
const listener = listen("tcp", "127.0.0.1:0", { engine });
const serving = server.serve(listener).then(String, String);
const held: Deno.FsFile[] = [];

function stats(): ChildStats {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  const { rss, heapUsed } = Deno.memoryUsage();
  return { fds: [...Deno.readDirSync("/proc/self/fd")].length, rss, heapUsed, log: log.splice(0) };
}

const commands: Record<string, () => unknown> = {
  stats,
  hold() {
    try {
      for (;;) held.push(Deno.openSync("/dev/null"));
    } catch {
      return held.length;
    }
  },
  free() {
    for (const file of held.splice(0)) file.close();
  },
  async shutdown() {
    await server.shutdown({ timeout: 20_000 });
    return await serving;
  },
};

const say = (value: unknown) => console.log(JSON.stringify(value ?? null));

say("port" in listener.addr ? listener.addr.port : 0);
let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop()!;
  for (const line of lines) say(await commands[line]());
}
server.close();
