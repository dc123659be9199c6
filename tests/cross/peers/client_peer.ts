/** Other people's servers and proxies, each in a process of its own. */
import { getAvailablePort } from "@std/net";
import { dial } from "../../../net/mod.ts";
import { limit } from "./http_server.ts";

/** A program that runs; ended with the scope it is in. */
export interface Peer extends AsyncDisposable {
  /** `"host:port"`, or a path. */
  readonly address: string;
  readonly pid: number;
}

/** Starts a program, and waits until it has said where it listens: what `ready` captures. */
export async function peer(
  program: string,
  args: string[],
  ready: RegExp,
  cwd?: string,
): Promise<Peer> {
  const child = new Deno.Command(program, {
    args,
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), limit);
  const listening = Promise.withResolvers<string>();
  let said = "";
  // Read to the end: a program that is not heard out may stop.
  const follow = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const found = ready.exec(said += text);
      if (found !== null) listening.resolve(found[1] ?? "");
    }
  };
  const followed = Promise.all([follow(child.stdout), follow(child.stderr)]).then(() =>
    listening.reject(new Error(`${program} has ended: ${said}`))
  );
  const end = async () => {
    clearTimeout(timer);
    await Promise.all([child.status, followed]);
  };
  let address: string;
  try {
    address = await listening.promise;
  } catch (error) {
    await end();
    throw error;
  }
  return {
    address,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended by itself.
      }
      await end();
    },
  };
}

/**
 * Starts a program that has to be told a port, and waits until it answers there. The port is one
 * that was free a moment ago: where it has been taken since, another is tried.
 */
export async function peerOnPort(
  program: string,
  args: (port: number) => string[],
): Promise<Peer> {
  for (let attempt = 1;; attempt++) {
    const port = getAvailablePort();
    const address = `127.0.0.1:${port}`;
    const child = new Deno.Command(program, {
      args: args(port),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), limit);
    let ended = false;
    const status = child.status.finally(() => ended = true);
    const answers = () => dial("tcp", address).then((conn) => (conn.close(), true), () => false);
    let up = false;
    while (!ended && !(up = await answers())) await new Promise((again) => setTimeout(again, 10));
    if (!up) {
      clearTimeout(timer);
      if (attempt < 3) continue;
      throw new Error(`${program} has ended`);
    }
    return {
      address,
      pid: child.pid,
      async [Symbol.asyncDispose]() {
        clearTimeout(timer);
        try {
          child.kill("SIGKILL");
        } catch {
          // It has ended by itself.
        }
        await status;
      },
    };
  }
}
