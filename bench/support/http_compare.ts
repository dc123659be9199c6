/**
 * Compares servers that run side by side, each in its process: all are started, then take turns
 * round by round, so that what disturbs one disturbs its neighbour too. What counts is the median
 * over the rounds.
 */
import { type Spread, spread } from "./compare.ts";
import { installed, type RunningServer, type ServerKind } from "./http_servers.ts";

/** One turn of a server. */
export interface Sample {
  /** What is compared: the less, the better. */
  readonly value: number;
  /** Answered requests in a second, if it was about requests. */
  readonly perSecond?: number;
  /** Milliseconds within which 99 of 100 requests were answered, if it was about requests. */
  readonly p99?: number;
}

/** A server in a bench. */
export interface Entrant {
  /** Which server. */
  readonly kind: ServerKind;
  /** The most its value may be, or the ratio of that to the baseline's. */
  readonly limit?: number;
}

/** Something to measure servers by. */
export interface ServerBench {
  /** For the command line. */
  readonly name: string;
  /** For the table. */
  readonly title: string;
  /** What a sample's value is. */
  readonly measure: string;
  /** The unit of that. */
  readonly unit: string;
  /** What limits are of: the value, or its ratio to the baseline's in the same round. */
  readonly limitOf: "value" | "ratio";
  /** The servers; one of them is the baseline. */
  readonly entrants: readonly Entrant[];
  /** What ratios are to. */
  readonly baseline: ServerKind;
  /** How often each has its turn. */
  readonly rounds: number;
  /** Why it cannot run here, if it cannot. */
  skip?(): string | undefined;
  /** Starts a server, ready to be measured. */
  start(kind: ServerKind): Promise<RunningServer>;
  /** A turn. */
  sample(server: RunningServer): Promise<Sample>;
}

/** How one server did. */
export interface ServerScore {
  /** Its name. */
  readonly name: string;
  /** What was measured. */
  readonly value: Spread;
  /** The ratio to the baseline's in the same round. */
  readonly ratio: Spread;
  /** Answered requests in a second, if it was about requests. */
  readonly perSecond: number | undefined;
  /** Milliseconds within which 99 of 100 requests were answered, if it was about requests. */
  readonly p99: number | undefined;
  /** What was to be reached, if anything. */
  readonly limit: number | undefined;
  /** Whether it was; `undefined` without a limit. */
  readonly met: boolean | undefined;
}

/** What a bench has found. */
export interface ServerResult
  extends Pick<ServerBench, "name" | "title" | "measure" | "unit" | "limitOf" | "rounds"> {
  /** What ratios are to. */
  readonly baseline: string;
  /** The servers, in the order of the bench. */
  readonly scores: readonly ServerScore[];
}

/** Measures. */
export async function compareServers(bench: ServerBench): Promise<ServerResult> {
  const { name, title, measure, unit, limitOf, baseline, rounds } = bench;
  const kinds = installed(bench.entrants.map(({ kind }) => kind));
  const entrants = bench.entrants.filter(({ kind }) => kinds.includes(kind));
  await using stack = new AsyncDisposableStack();
  const servers: RunningServer[] = [];
  for (const { kind } of entrants) servers.push(stack.use(await bench.start(kind)));
  const samples: Sample[][] = entrants.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const i of turns(entrants.length, round)) {
      samples[i].push(await bench.sample(servers[i]));
    }
  }
  const beside = samples[entrants.findIndex(({ kind }) => kind === baseline)];
  const scores = entrants.map((entrant, i) => score(entrant, samples[i], beside, limitOf));
  return { name, title, measure, unit, limitOf, baseline: baseline.name, rounds, scores };
}

/** Everybody in order, and back the next time: nobody is always early, or always after the same. */
export function turns(count: number, round: number): number[] {
  const order = Array.from({ length: count }, (_, i) => (i + round) % count);
  return round % 2 === 0 ? order : order.reverse();
}

function score(
  { kind, limit }: Entrant,
  samples: readonly Sample[],
  baseline: readonly Sample[],
  limitOf: "value" | "ratio",
): ServerScore {
  const value = spread(samples.map(({ value }) => value));
  const ratio = spread(samples.map(({ value }, round) => value / baseline[round].value));
  const { median } = limitOf === "ratio" ? ratio : value;
  return {
    name: kind.name,
    value,
    ratio,
    perSecond: middle(samples.map(({ perSecond }) => perSecond)),
    p99: middle(samples.map(({ p99 }) => p99)),
    limit,
    met: limit === undefined ? undefined : median <= limit,
  };
}

function middle(numbers: readonly (number | undefined)[]): number | undefined {
  const known = numbers.filter((number) => number !== undefined);
  return known.length === 0 ? undefined : spread(known).median;
}
