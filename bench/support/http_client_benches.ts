/** What clients are measured by, and what ours has to reach beside the others. */
import {
  type ClientKind,
  type ClientWorkload,
  denoFetch,
  go,
  nodeHttp,
  plumb,
  plumbRuntime,
  undiciFetch,
  undiciRequest,
} from "./http_clients.ts";

/** What ours has to reach. */
export interface ClientGoal {
  /** Beside whom: all others are for the best of them. */
  readonly beside: readonly ClientKind[];
  /** The most that ours may cost, as a part of what they do. */
  readonly limit: number;
}

/** Something to measure clients by. */
export interface ClientBench {
  /** For the command line. */
  readonly name: string;
  /** For the table. */
  readonly title: string;
  /** What is asked for. */
  readonly workload: ClientWorkload;
  /** Requests at once. */
  readonly inFlight: number;
  /** What ours has to reach. */
  readonly goals: readonly ClientGoal[];
}

/** Who is not ours. */
export const others: readonly ClientKind[] = [
  denoFetch,
  nodeHttp,
  undiciRequest,
  undiciFetch,
  go,
];

/** Who takes part, ours first. */
export const clients: readonly ClientKind[] = [plumb, plumbRuntime, ...others];

/** All there are. */
export const clientBenches: readonly ClientBench[] = [
  {
    name: "small",
    title: "GET of 5 bytes, 64 in flight",
    workload: "hello",
    inFlight: 64,
    goals: [
      { beside: [denoFetch], limit: 1 / 3 },
      { beside: [undiciRequest], limit: 1 / 2 },
      { beside: [go], limit: 0.75 },
    ],
  },
  {
    name: "single",
    title: "GET of 5 bytes, one after the other",
    workload: "hello",
    inFlight: 1,
    goals: [{ beside: [denoFetch], limit: 1 / 2 }],
  },
  {
    name: "large",
    title: "GET of 1 MiB with bytes(), 4 in flight",
    workload: "large",
    inFlight: 4,
    goals: [{ beside: others, limit: 1 / 2 }],
  },
  {
    name: "post",
    title: "POST of 1 KiB, 64 in flight",
    workload: "post",
    inFlight: 64,
    goals: [{ beside: [denoFetch], limit: 1 / 3 }],
  },
];
