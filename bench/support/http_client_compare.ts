/**
 * Compares clients, each in its process: all are started, then take turns round by round on one
 * core. What counts is the processor time of a request, and of the ratios within the rounds the
 * median.
 */
import { type Spread, spread } from "./compare.ts";
import { type ClientBench, clients } from "./http_client_benches.ts";
import { type ClientKind, type RunningClient, startClient } from "./http_clients.ts";
import { turns } from "./http_compare.ts";

/** How one client did. */
export interface ClientScore {
  /** Its name. */
  readonly name: string;
  /** Processor time of a request, in us. */
  readonly cost: Spread;
  /** What ours costs beside it in the same round. */
  readonly ratio: Spread;
}

/** What ours has reached. */
export interface GoalScore {
  /** Whom it was beside. */
  readonly beside: string;
  /** What ours costs beside that. */
  readonly ratio: Spread;
  /** What that was to be at most. */
  readonly limit: number;
  /** Whether it was. */
  readonly met: boolean;
}

/** What a bench has found. */
export interface ClientResult extends Pick<ClientBench, "name" | "title"> {
  /** How often each client had its turn. */
  readonly rounds: number;
  /** The clients, ours first. */
  readonly scores: readonly ClientScore[];
  /** What was to be reached, beside those who took part. */
  readonly goals: readonly GoalScore[];
}

/** How long a turn is, in ms: long beside the 10 ms in which processor time is counted. */
const turn = 500;

/** How long a client runs before it counts, in ms: everything is compiled by then. */
const warmUp = 700;

/**
 * Measures.
 *
 * @param bench What.
 * @param url The server.
 * @param rounds How often each client has its turn.
 */
export async function compareClients(
  bench: ClientBench,
  url: string,
  rounds: number,
): Promise<ClientResult> {
  const { name, title, workload, inFlight } = bench;
  await using stack = new AsyncDisposableStack();
  const running: RunningClient[] = [];
  const kinds: ClientKind[] = [];
  for (const kind of clients) {
    const client = await startClient(kind, workload, url);
    if (client === undefined) continue;
    running.push(stack.use(client));
    kinds.push(kind);
    await client.turn(inFlight, warmUp);
  }
  const costs: number[][] = kinds.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const i of turns(kinds.length, round)) {
      costs[i].push(await running[i].turn(inFlight, turn));
    }
  }
  const scores = kinds.map(({ name }, i): ClientScore => ({
    name,
    cost: spread(costs[i]),
    ratio: spread(costs[i].map((cost, round) => costs[0][round] / cost)),
  }));
  const goals = bench.goals.flatMap(({ beside, limit }): GoalScore[] => {
    const rivals = scores.filter((_, i) => beside.includes(kinds[i]));
    if (rivals.length === 0) return [];
    const { name, ratio } = rivals.reduce((best, score) =>
      score.ratio.median > best.ratio.median ? score : best
    );
    return [{ beside: name, ratio, limit, met: ratio.median <= limit }];
  });
  return { name, title, rounds, scores, goals };
}

const columns = { name: 26, cost: 10, spread: 16, ratio: 8 };

const range = ({ min, max }: Spread, digits: number) =>
  `${min.toFixed(digits)}..${max.toFixed(digits)}`.padStart(columns.spread);

/** A result as a small table. */
export function clientTable({ title, rounds, scores, goals }: ClientResult): string {
  const ours = scores[0].name;
  return [
    title,
    `  processor time of a request in us, and what ${ours} costs beside it; ${rounds} rounds`,
    ...scores.map(({ name, cost, ratio }, i) => {
      const beside = i === 0
        ? ""
        : ratio.median.toFixed(3).padStart(columns.ratio) + range(ratio, 2);
      const own = cost.median.toFixed(2).padStart(columns.cost) + range(cost, 1);
      return `    ${name.padEnd(columns.name)}${own}${beside}`;
    }),
    ...goals.map(({ beside, ratio, limit, met }) => {
      const wanted = `at most ${limit.toFixed(2)} of ${beside}`;
      return `  ${met ? "met" : "not met"}: ${ratio.median.toFixed(3)}, ${wanted}`;
    }),
    "",
  ].join("\n");
}
