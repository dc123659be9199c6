/**
 * Runs contestants against each other on a machine that is not quiet: in one process, in short
 * slices that take turns, so that what disturbs one disturbs its neighbour too. What counts is the
 * ratio within a round, and of all rounds the median.
 */

/** One way to do what a bench measures. */
export interface Contestant {
  /** As the table names it. */
  readonly name: string;
  /** Does it so many times. */
  run(ops: number): Promise<void>;
  /** Lets go of what it holds. */
  close?(): void;
}

/** What the subject has to reach beside the baseline. */
export interface Target {
  /** `"time"`: at most so much of the baseline's time. `"throughput"`: at least so much of it. */
  readonly of: "time" | "throughput";
  /** The ratio. */
  readonly limit: number;
}

/** Something to measure. */
export interface Bench {
  /** For the command line. */
  readonly name: string;
  /** For the table. */
  readonly title: string;
  /** What one operation is. */
  readonly unit: "op" | "MiB";
  /** What ratios are of; `limit` only where there is something to reach. */
  readonly target: Pick<Target, "of"> & Partial<Target>;
  /** Opens the contestants: the subject, the baseline, and whoever else. */
  open(): Promise<Contestant[]>;
  /** Brings everything to rest between two slices; not timed. */
  settle?(): Promise<void>;
}

/** The middle of some numbers and how far they spread. */
export interface Spread {
  /** The smallest. */
  readonly min: number;
  /** The middle one. */
  readonly median: number;
  /** The largest. */
  readonly max: number;
}

/** How one contestant did. */
export interface Score {
  /** Its name. */
  readonly name: string;
  /** Nanoseconds for one operation. */
  readonly nsPerOp: Spread;
  /** The ratio to the baseline in the same round, in the sense of the target. */
  readonly ratio: Spread;
}

/** What a bench has found. */
export interface Result {
  /** The bench's name. */
  readonly name: string;
  /** The bench's title. */
  readonly title: string;
  /** What one operation is. */
  readonly unit: "op" | "MiB";
  /** What the ratios are of, and what was to be reached. */
  readonly target: Bench["target"];
  /** Whether it was reached; `undefined` without a limit. */
  readonly met: boolean | undefined;
  /** How often each contestant had its turn. */
  readonly rounds: number;
  /** How many operations a slice was. */
  readonly opsPerSlice: number;
  /** The contestants, the subject first, the baseline second. */
  readonly scores: readonly Score[];
}

/** How long a slice shall last, in ms: long beside a clock, short beside a disturbance. */
const sliceTime = 5;

/** What part of the time a bench has goes to warming up. */
const warmUpShare = 1 / 6;

/**
 * Measures.
 *
 * @param bench What.
 * @param budget How long it may take, in ms.
 */
export async function measure(bench: Bench, budget: number): Promise<Result> {
  const contestants = await bench.open();
  try {
    const { settle = () => Promise.resolve() } = bench;
    const ops = await warmUp(contestants, budget * warmUpShare, settle);
    const times: number[][] = contestants.map(() => []);
    const end = performance.now() + budget * (1 - warmUpShare);
    let rounds = 0;
    // At least a few, however slow the machine is today.
    for (; rounds < 5 || performance.now() < end; rounds++) {
      for (const i of turns(contestants.length, rounds)) {
        times[i].push(await time(contestants[i], ops));
        await settle();
      }
    }
    return summarise(bench, contestants, times, ops);
  } finally {
    for (const contestant of contestants) contestant.close?.();
  }
}

/** Whose turn it is: each begins as often as the others, and has each of them before it. */
function turns(count: number, round: number): number[] {
  const order = Array.from({ length: count }, (_, i) => (i + round) % count);
  return Math.floor(round / count) % 2 === 0 ? order : order.reverse();
}

async function time(contestant: Contestant, ops: number): Promise<number> {
  const start = performance.now();
  await contestant.run(ops);
  return performance.now() - start;
}

/** Lets everything be compiled, and finds how many operations the baseline does in a slice. */
async function warmUp(
  contestants: readonly Contestant[],
  budget: number,
  settle: () => Promise<void>,
): Promise<number> {
  let ops = 1;
  // The best time counts: what is slower was disturbed, or not yet compiled.
  let fastest = Infinity;
  const end = performance.now() + budget;
  while (performance.now() < end) {
    for (const [i, contestant] of contestants.entries()) {
      const took = await time(contestant, ops);
      if (i === 1) fastest = Math.min(fastest, took / ops);
      await settle();
    }
    ops = Math.max(1, Math.round(Math.min(sliceTime / fastest, ops * 4)));
  }
  return ops;
}

function summarise(
  { name, title, unit, target }: Bench,
  contestants: readonly Contestant[],
  times: readonly number[][],
  ops: number,
): Result {
  const baseline = times[1];
  const scores = contestants.map((contestant, i): Score => ({
    name: contestant.name,
    nsPerOp: spread(times[i].map((ms) => ms * 1e6 / ops)),
    ratio: spread(
      times[i].map((ms, round) =>
        target.of === "time" ? ms / baseline[round] : baseline[round] / ms
      ),
    ),
  }));
  const reached = scores[0].ratio.median;
  const { limit } = target;
  const met = limit === undefined
    ? undefined
    : target.of === "time"
    ? reached <= limit
    : reached >= limit;
  return { name, title, unit, target, met, rounds: baseline.length, opsPerSlice: ops, scores };
}

function spread(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
  return { min: sorted[0], median, max: sorted[sorted.length - 1] };
}
