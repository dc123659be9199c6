/** A server of ours for other people's clients, and a way to run them. */
import { Server } from "../../../http/server/server.ts";
import type { Handler } from "../../../http/handler.ts";
import type { ServerOptions } from "../../../http/server/server_options.ts";
import { type Address, listen } from "../../../net/mod.ts";
import { server as certificate } from "../../support/tls/certificates.ts";

export { installed } from "../../support/tls/peers.ts";

/** Milliseconds after which a peer is ended, and its test has failed. */
export const limit = 20_000;

/** A server that listens; closed with the scope it is in. */
export interface Serving extends AsyncDisposable {
  readonly server: Server;
  /** What its URLs begin with. */
  readonly origin: string;
  /** `"host:port"`, or a path. */
  readonly address: string;
  /** How many connections it has accepted. */
  readonly accepted: number;
  /** What it has logged. */
  readonly log: readonly string[];
}

/** Serves over TCP, over TLS, or, given a path, over a Unix socket. */
export function serving(options: Handler | ServerOptions, over = "tcp"): Serving {
  const log: string[] = [];
  let accepted = 0;
  const server = new Server({
    addr: "127.0.0.1:0",
    errorLog: (message, error) => log.push(`${message}: ${error}`),
    connState: (_, state) => accepted += Number(state === "new"),
    ...typeof options === "function" ? { handler: options } : options,
  });
  let address = over;
  const onListen = (addr: Address) => address = addr.toString(); // called before these return
  const ended = over === "tcp"
    ? server.listenAndServe({ onListen })
    : over === "tls"
    ? server.listenAndServeTls({ ...certificate, onListen })
    : server.serve(listen("unix", over));
  return {
    server,
    address,
    origin: over.startsWith("/")
      ? "http://localhost"
      : `${over === "tls" ? "https" : "http"}://${address}`,
    get accepted() {
      return accepted;
    },
    log,
    async [Symbol.asyncDispose]() {
      server.close();
      await ended;
    },
  };
}

/** What a program has said, and how it ended. */
export interface Ran {
  readonly code: number;
  readonly stdout: Uint8Array;
  /** Standard output as text. */
  readonly text: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function run(
  program: string,
  args: string[],
  stdin?: ReadableStream<Uint8Array>,
): Promise<Ran> {
  const child = new Deno.Command(program, {
    args,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), limit);
  const fed = stdin?.pipeTo(child.stdin).catch(() => {}); // it may have heard enough
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  await fed;
  const decoder = new TextDecoder();
  return { code, stdout, text: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Bytes of which no two stretches are alike. */
export function noise(length: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0, x = 1; i < words.length; i++) {
    words[i] = x = (x * 1_664_525 + 1_013_904_223) >>> 0;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** The SHA-256 of bytes, in hexadecimal. */
export async function digest(data: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();
}

/** Answers with the length and the digest of the request's body. */
export async function digestBody(request: Request): Promise<Response> {
  const body = await request.bytes();
  return new Response(`${body.length} ${await digest(body)}`);
}

/** Bytes in chunks, with turns of the event loop between them. */
export function inChunks(data: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  let timer: ReturnType<typeof setTimeout>;
  return new ReadableStream({
    async pull(controller) {
      if (at >= data.length) return controller.close();
      await new Promise((resolve) => timer = setTimeout(resolve));
      controller.enqueue(data.slice(at, at += size));
    },
    cancel: () => clearTimeout(timer),
  });
}

/** A directory that goes with the scope it is in. */
export function scratch(): Disposable & { path: string } {
  const path = Deno.makeTempDirSync();
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/** Bytes without end, as fast as they are taken. */
export function endless(cancel?: (reason: unknown) => void): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.enqueue(noise(10_000)), cancel });
}
