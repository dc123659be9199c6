/** What a soak has found: counts, and whatever should not have been. */

/** What the table says of one part. */
export interface Row {
  readonly name: string;
  /** Requests, cases or rounds. */
  count: number;
  seconds: number;
  /** Descriptors open before and after. */
  descriptors?: readonly [before: number, after: number];
  /** Bytes of heap in use before and after. */
  heap?: readonly [before: number, after: number];
}

/** How something was violated, each counted by itself. */
export type Violation =
  | "wrong body"
  | "lost request"
  | "unaccounted error"
  | "leak"
  | "other";

/** How long a part takes at least once its peer has started, in ms: a short soak is one, too. */
export const leastTime = 500;

/** Violations that are shown in full. */
const shown = 20;

/** Collects what the parts find. */
export class Report {
  readonly rows: Row[] = [];
  /** Faults by part and kind. */
  readonly faults = new Map<string, number>();
  readonly counts: Record<Violation, number> = {
    "wrong body": 0,
    "lost request": 0,
    "unaccounted error": 0,
    "leak": 0,
    "other": 0,
  };
  readonly messages: string[] = [];

  /** A new row of the table. */
  row(name: string): Row {
    const row = { name, count: 0, seconds: 0 };
    this.rows.push(row);
    return row;
  }

  /** Counts a fault that was injected. */
  fault(part: string, kind: string, count = 1): void {
    const key = `${part}: ${kind}`;
    this.faults.set(key, (this.faults.get(key) ?? 0) + count);
  }

  /** Counts what should not have been. */
  violation(kind: Violation, message: string): void {
    this.counts[kind]++;
    if (this.messages.length < shown) this.messages.push(`${kind}: ${message}`);
  }

  /** How many violations there are. */
  get violations(): number {
    return Object.values(this.counts).reduce((sum, n) => sum + n, 0);
  }

  /** The table. */
  toString(): string {
    const table = [
      ["part", "count", "seconds", "descriptors", "heap (MiB)"],
      ...this.rows.map(({ name, count, seconds, descriptors, heap }) => [
        name,
        String(count),
        seconds.toFixed(1),
        descriptors === undefined ? "" : descriptors.join(" -> "),
        heap === undefined ? "" : heap.map((n) => (n / 2 ** 20).toFixed(1)).join(" -> "),
      ]),
    ];
    const faults = [...this.faults].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([kind, count]) => [kind, String(count)]);
    const counts = Object.entries(this.counts).map(([kind, count]) => [kind, String(count)]);
    return [
      ...aligned(table),
      "",
      ...aligned([["faults", "count"], ...faults]),
      "",
      ...aligned([["violations", "count"], ...counts]),
      ...(this.messages.length === 0 ? [] : ["", ...this.messages]),
    ].join("\n");
  }
}

/** Columns: the first to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows.map((row) =>
    row.map((text, i) => i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i])).join("  ")
      .trimEnd()
  );
}
