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
  /** What its operations are measured by, in ms; the time that passes by default. */
  clock?(): Promise<number>;
  /** What it has to reach beside the baseline, if it is not the subject but shall reach something. */
  readonly limit?: number;
  /** Lets go of what it holds; a promise is waited for. */
  close?(): unknown;
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
  /** What is compared, if it is not what the target is of. */
  readonly measure?: string;
  /** What ratios are of; `limit` only where there is something to reach. */
  readonly target: Pick<Target, "of"> & Partial<Target>;
  /** How long a slice shall last by the baseline's clock, in ms; a few by default. */
  readonly sliceTime?: number;
  /** Why it cannot run here, if it cannot. */
  skip?(): string | undefined | Promise<string | undefined>;
  /** Opens the contestants: the subject, the baseline, and whoever else. */
  open(): Promise<Contestant[]>;
  /** Brings everything to rest between two slices; not timed. */
  settle?(): Promise<void>;
}

/** The middle of some numbers and how far they spread. */
export interface Spread {
  /** The smallest. */
  readonly min: number;
  /** A quarter of them is smaller. */
  readonly low: number;
  /** The middle one. */
  readonly median: number;
  /** A quarter of them is larger. */
  readonly high: number;
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
  /** What the ratio was to be, if anything. */
  readonly limit: number | undefined;
  /** Whether it was reached; `undefined` without a limit. */
  readonly met: boolean | undefined;
}

/** What a bench has found. */
export interface Result {
  /** The bench's name. */
  readonly name: string;
  /** The bench's title. */
  readonly title: string;
  /** What one operation is. */
  readonly unit: "op" | "MiB";
  /** What was compared. */
  readonly measure: string;
  /** What the ratios are of, and what was to be reached. */
  readonly target: Bench["target"];
  /** Whether all was reached that was to be; `undefined` without a limit. */
  readonly met: boolean | undefined;
  /** How often each contestant had its turn. */
  readonly rounds: number;
  /** How many operations a slice was. */
  readonly opsPerSlice: number;
  /** The contestants, the subject first, the baseline second. */
  readonly scores: readonly Score[];
}

/** How long a slice lasts by default, in ms: long beside a clock, short beside a disturbance. */
const shortSlice = 5;

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
    const { settle = () => Promise.resolve(), sliceTime = shortSlice } = bench;
    const ops = await warmUp(contestants, budget * warmUpShare, sliceTime, settle);
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
    for (const contestant of contestants) await contestant.close?.();
  }
}

/** Whose turn it is: each begins as often as the others, and has each of them before it. */
function turns(count: number, round: number): number[] {
  const order = Array.from({ length: count }, (_, i) => (i + round) % count);
  return Math.floor(round / count) % 2 === 0 ? order : order.reverse();
}

async function time(contestant: Contestant, ops: number): Promise<number> {
  if (contestant.clock !== undefined) {
    const start = await contestant.clock();
    await contestant.run(ops);
    return await contestant.clock() - start;
  }
  const start = performance.now();
  await contestant.run(ops);
  return performance.now() - start;
}

/** Lets everything be compiled, and finds how many operations the baseline does in a slice. */
async function warmUp(
  contestants: readonly Contestant[],
  budget: number,
  sliceTime: number,
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
  { name, title, unit, target, measure = target.of }: Bench,
  contestants: readonly Contestant[],
  times: readonly number[][],
  ops: number,
): Result {
  const baseline = times[1];
  const scores = contestants.map((contestant, i): Score => {
    const limit = i === 0 ? target.limit : contestant.limit;
    const ratio = spread(
      times[i].map((ms, round) =>
        target.of === "time" ? ms / baseline[round] : baseline[round] / ms
      ),
    );
    return {
      name: contestant.name,
      nsPerOp: spread(times[i].map((ms) => ms * 1e6 / ops)),
      ratio,
      limit,
      met: limit === undefined ? undefined : reaches({ of: target.of, limit }, ratio.median),
    };
  });
  const verdicts = scores.flatMap(({ met }) => met ?? []);
  const met = verdicts.length === 0 ? undefined : verdicts.every((met) => met);
  const rounds = baseline.length;
  return { name, title, unit, measure, target, met, rounds, opsPerSlice: ops, scores };
}

function reaches({ of, limit }: Target, ratio: number): boolean {
  return of === "time" ? ratio <= limit : ratio >= limit;
}

/** The middle, the quarters and the ends of some numbers, of which there is at least one. */
export function spread(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b);
  // Between two numbers, in proportion.
  const at = (share: number) => {
    const place = (sorted.length - 1) * share;
    const below = sorted[Math.floor(place)];
    return below + (sorted[Math.ceil(place)] - below) * (place % 1);
  };
  return { min: at(0), low: at(0.25), median: at(0.5), high: at(0.75), max: at(1) };
}
