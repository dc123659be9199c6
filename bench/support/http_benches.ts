/** What servers are measured by, and what ours has to reach. */
import { checkServer } from "./http_check.ts";
import type { Entrant, Sample, ServerBench } from "./http_compare.ts";
import { mostOpenFiles, openIdle } from "./http_idle.ts";
import { hasProgram } from "./http_programs.ts";
import {
  denoServe,
  go,
  node,
  nodeOnDeno,
  plumb,
  plumbGlobal,
  plumbNative,
  plumbRuntime,
  type RunningServer,
  type ServerKind,
  startServer,
  type Workload,
} from "./http_servers.ts";
import { type Load, runLoad } from "./http_wrk.ts";

/** Connections that keep a server from ever waiting, and do not queue for long. */
const connections = 64;

/** How long a turn is, in ms: long beside the 10 ms in which processor time is counted. */
const turn = 450;

/** How long a server runs before it counts, in ms: everything is compiled by then. */
const warmUp = 700;

const rounds = 5;

/** As a browser sends them; with `Host` they are ten. */
const browserHeaders = [
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "Accept-Language: en-US,en;q=0.5",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Cache-Control: max-age=0",
  "Cookie: session=0123456789abcdef; theme=dark",
  "Referer: http://example.com/index.html",
  "Authorization: Bearer abcdefghijklmnopqrstuvwxyz",
  "X-Request-Id: 0123456789abcdef",
];

/** Ours on both engines, who shall reach something, and everybody else. */
const everybody = (limit?: number): Entrant[] => [
  { kind: plumb, limit },
  { kind: plumbNative, limit },
  ...[denoServe, node, nodeOnDeno, go].map((kind) => ({ kind })),
];

const missingWrk = () => hasProgram("wrk") ? undefined : "wrk is not installed";

/** Processor time of a turn, for each request. */
async function cost(server: RunningServer, load: Load, time: number): Promise<Sample> {
  const before = server.cpuTime();
  const { requests, perSecond, p99 } = await runLoad(server.port, load, time);
  return { value: (server.cpuTime() - before) * 1e3 / requests, perSecond, p99 };
}

async function startWarm(kind: ServerKind, workload: Workload, load: Load): Promise<RunningServer> {
  const server = await startServer(kind, workload, load.tls);
  // The certificate of the tests is nobody's whom the runtime knows.
  if (!load.tls) await checkServer(server, workload);
  await runLoad(server.port, load, warmUp);
  return server;
}

/** What is the same for all that is about the cost of a request. */
function costBench(
  name: string,
  title: string,
  workload: Workload,
  load: Load,
  entrants: readonly Entrant[],
  time: number = turn,
): ServerBench {
  return {
    name,
    title,
    measure: "processor time of the server for each request",
    unit: "us",
    limitOf: "ratio",
    entrants,
    baseline: denoServe,
    rounds,
    skip: missingWrk,
    start: (kind) => startWarm(kind, workload, load),
    sample: (server) => cost(server, load, time),
  };
}

const helloBench = costBench(
  "hello",
  `GET, "hello", ${connections} connections`,
  "hello",
  { connections },
  everybody(1.10).toSpliced(2, 0, { kind: plumbGlobal, limit: 1.25 }),
);

const headersBench = costBench(
  "headers",
  "GET, 10 request and 3 response headers, some of them used",
  "headers",
  { connections, headers: browserHeaders },
  everybody(0.80),
);

const jsonBench = costBench(
  "json",
  "POST, 1 KiB of JSON, parsed and sent back",
  "json",
  { connections, posts: true },
  everybody(0.80),
);

const pipelineBench = costBench(
  "pipeline",
  'GET, "hello", 16 requests at a time on each connection',
  "hello",
  { connections, pipelined: true },
  everybody(0.25),
);

const eventsBench = costBench(
  "events",
  "server-sent events, each response 16 of 64 bytes, one at a time",
  "events",
  // Between two events of a stream lie those of all others: never a pause.
  { connections: 256 },
  everybody(1.1),
);

const newConnBench = costBench(
  "new-conn",
  'GET, "hello", a new connection for each request',
  "hello",
  { connections, headers: ["Connection: close"] },
  everybody(1.2),
);

const tlsBench = costBench(
  "tls",
  'GET, "hello", over TLS',
  "hello",
  // The handshakes of a turn are few beside its requests.
  { connections: 16, tls: true },
  [plumb, plumbRuntime, denoServe, node, nodeOnDeno, go].map((kind) => ({
    kind,
    limit: kind === plumb ? 1.1 : undefined,
  })),
  800,
);

const idleCount = 10_000;

/** So many come and go before: what is there once for all of them is then there. */
const idleWarmUp = 500;

/** Files a process has open besides. */
const otherFiles = 100;

const idleBench: ServerBench = {
  name: "idle",
  title: `${idleCount} idle connections, each used once`,
  measure: "growth of the server's resident memory for each, after a collection",
  unit: "KiB",
  limitOf: "value",
  entrants: everybody(12),
  baseline: denoServe,
  // Memory once had is not given back: a second turn would find it there.
  rounds: 1,
  skip: () => mostOpenFiles() < idleCount + otherFiles ? "too few files may be open" : undefined,
  async start(kind) {
    const server = await startServer(kind, "hello");
    for (const conn of await openIdle(server.port, idleWarmUp)) conn.close();
    return server;
  },
  async sample(server) {
    const before = await server.memory();
    const conns = await openIdle(server.port, idleCount);
    const after = await server.memory();
    for (const conn of conns) conn.close();
    return { value: (after - before) / idleCount };
  },
};

const busyLoad: Load = { connections: 512 };

/** Long enough for a connection's first request, which waits for its accept, to be one of many. */
const busyTurn = 1_500;

const busyBench: ServerBench = {
  name: "busy",
  title: 'GET, "hello", 512 busy connections',
  measure: "time within which 99 of 100 requests are answered",
  unit: "ms",
  limitOf: "value",
  entrants: everybody(30),
  baseline: denoServe,
  rounds: 3,
  skip: missingWrk,
  start: (kind) => startWarm(kind, "hello", busyLoad),
  async sample(server) {
    const { p99 = Infinity, perSecond } = await runLoad(server.port, busyLoad, busyTurn);
    return { value: p99, perSecond };
  },
};

/** All there are. */
export const serverBenches: readonly ServerBench[] = [
  helloBench,
  headersBench,
  jsonBench,
  pipelineBench,
  eventsBench,
  newConnBench,
  tlsBench,
  idleBench,
  busyBench,
];
