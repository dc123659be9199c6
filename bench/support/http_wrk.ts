/** The load: wrk, on a core of its own. */
import { loadCore, pinned } from "./http_cores.ts";

/** What is asked for, and how. */
export interface Load {
  /** Connections at once. */
  readonly connections: number;
  /** Fields to send, as lines. */
  readonly headers?: readonly string[];
  /** Whether it posts JSON. */
  readonly posts?: boolean;
  /** Whether each connection sends 16 requests at a time. */
  readonly pipelined?: boolean;
  /** Whether over TLS. */
  readonly tls?: boolean;
}

/** What came of it. */
export interface Outcome {
  /** Answered requests. */
  readonly requests: number;
  /** Answered requests in a second. */
  readonly perSecond: number;
  /** Milliseconds within which 99 of 100 requests were answered; wrk cannot tell if pipelined. */
  readonly p99: number | undefined;
}

/** More than any slice takes, in seconds: wrk itself counts in whole ones, and is interrupted. */
const longest = 60;

/**
 * Sends requests to a server for a while.
 *
 * @param port Where it listens.
 * @param load What to send.
 * @param time For how long, in ms.
 * @throws {Error} An answer was not a good one, or none came.
 */
export async function runLoad(port: number, load: Load, time: number): Promise<Outcome> {
  const [program, ...args] = pinned(loadCore, [
    ...["wrk", "--latency", "--timeout", "10s", "-t1", `-c${load.connections}`, `-d${longest}s`],
    ...(load.headers ?? []).flatMap((line) => ["-H", line]),
    ...(load.posts ? script("http_post.lua") : []),
    ...(load.pipelined ? script("http_pipeline.lua") : []),
    `${load.tls ? "https" : "http"}://127.0.0.1:${port}/`,
  ]);
  const child = new Deno.Command(program, { args, stdout: "piped", stderr: "inherit" }).spawn();
  const timer = setTimeout(() => child.kill("SIGINT"), time);
  const { stdout } = await child.output();
  clearTimeout(timer);
  const outcome = parse(new TextDecoder().decode(stdout));
  return load.pipelined ? { ...outcome, p99: undefined } : outcome;
}

const script = (file: string) => ["-s", new URL(file, import.meta.url).pathname];

function parse(report: string): Outcome & { p99: number } {
  const failed = /^ *(Socket errors|Non-2xx).*$/m.exec(report);
  if (failed !== null) throw new Error(`wrk says: ${failed[0].trim()}`);
  const [, requests] = /(\d+) requests in/.exec(report) ?? [];
  const [, perSecond] = /Requests\/sec: *([\d.]+)/.exec(report) ?? [];
  const [, p99, unit] = /99% *([\d.]+)(us|ms|s)/.exec(report) ?? [];
  if (requests === undefined || perSecond === undefined || p99 === undefined) {
    throw new Error(`wrk says: ${report}`);
  }
  if (requests === "0") throw new Error("no request was answered in time");
  const milliseconds = unit === "s" ? 1e3 : unit === "ms" ? 1 : 1e-3;
  return {
    requests: Number(requests),
    perSecond: Number(perSecond),
    p99: Number(p99) * milliseconds,
  };
}
