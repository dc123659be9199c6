/** What this process has open and in use. */
import type { Report, Row } from "./report.ts";

/** Descriptors and heap. */
export interface Resources {
  readonly descriptors: number;
  readonly heap: number;
}

/** A heap that has grown by less has not: code is compiled, and tables grow, for a long time. */
const heapTolerance = 6 * 2 ** 20;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** How many descriptors are open; 0 where the system does not tell. */
function openDescriptors(): number {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].length;
  } catch {
    return 0;
  }
}

/** Measures once nothing is closed any more: the runtime closes in tasks of its own. */
export async function resources(least = 0): Promise<Resources> {
  let descriptors = openDescriptors();
  for (let i = 0, same = 0; i < 100 && same < 5 && descriptors > least; i++) {
    await pause(20);
    const now = openDescriptors();
    same = now === descriptors ? same + 1 : 0;
    descriptors = now;
  }
  const { gc } = globalThis as { gc?: () => void };
  for (let i = 0; i < 3; i++) {
    gc?.();
    await pause(1);
  }
  return { descriptors, heap: Deno.memoryUsage().heapUsed };
}

/** Compares what is in use now with what was, into a row of the table. */
export async function compare(report: Report, row: Row, before: Resources): Promise<void> {
  const after = await resources(before.descriptors);
  row.descriptors = [before.descriptors, after.descriptors];
  row.heap = [before.heap, after.heap];
  if (after.descriptors > before.descriptors) {
    const left = after.descriptors - before.descriptors;
    report.violation("leak", `${row.name}: ${left} descriptors are left open`);
  }
  const grown = after.heap - before.heap;
  if (grown > heapTolerance) {
    report.violation("leak", `${row.name}: the heap has grown by ${grown} bytes`);
  }
}
