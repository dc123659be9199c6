/** Ratios as bars in the terminal. */
import { isBaseline, judged, limitText, type Row } from "./result.ts";

/** How many cells the bar has; in the middle of them is the peer, or the limit of an own value. */
const cells = 30;

/** What part of a cell is full, in eighths. */
const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar that ends beyond its room. */
const beyond = "▶";

const mark = "│";

/**
 * A bar.
 *
 * @param share How much of the room it takes; 1 is all of it.
 * @param target Where the mark is, in the same measure; none by default.
 */
export function bar(share: number, target?: number): string {
  const filled = Math.round(Math.max(0, share) * cells * 8);
  const whole = "█".repeat(Math.min(cells, Math.floor(filled / 8)));
  const line = [...(whole + eighths[filled % 8]).padEnd(cells)].slice(0, cells);
  if (filled > cells * 8) line[cells - 1] = beyond;
  if (target !== undefined) line[Math.min(cells - 1, Math.floor(target * cells))] = mark;
  return line.join("");
}

/** Those that tell how we did: what has a goal, and of a bench that has none, its subject. */
export function shown(rows: readonly Row[]): Row[] {
  const sameBench = (a: Row, b: Row) => a.part === b.part && a.bench === b.bench;
  return rows.filter((row, i) => {
    if (row.limit !== undefined) return true;
    const others = rows.filter((other) => sameBench(row, other));
    return others.every(({ limit }) => limit === undefined) && !isBaseline(row) &&
      rows.findIndex((other) => sameBench(row, other)) === i;
  });
}

/** The number a row is judged by, with its unit. */
export function judgedText(row: Row): string {
  const { median } = judged(row);
  return row.limitOf === "own" ? `${median.toFixed(1)} ${row.unit}` : median.toFixed(2);
}

/** One row as a line, its names padded to so many cells. */
function line(row: Row, benchWidth: number, whoWidth: number): string {
  // A ratio's bar has the peer in the middle, a value's has its limit there.
  const room = row.limitOf === "own" ? (row.limit ?? row.own.median) * 2 : 2;
  const target = row.limit === undefined ? undefined : row.limit / room;
  const verdict = row.met === undefined ? "for information" : row.met ? "met" : "NOT MET";
  return [
    row.bench.padEnd(benchWidth),
    who(row).padEnd(whoWidth),
    bar(judged(row).median / room, target),
    judgedText(row).padStart(9),
    limitText(row).padEnd(15),
    verdict,
  ].join("  ").trimEnd();
}

const who = ({ name, beside }: Row) => `${name} / ${beside}`;

/** All that is to be seen of some rows, a line for each. */
export function bars(rows: readonly Row[]): string {
  const visible = shown(rows);
  const width = (texts: readonly string[]) => Math.max(0, ...texts.map(({ length }) => length));
  const benchWidth = width(visible.map(({ bench }) => bench));
  const whoWidth = width(visible.map(who));
  const parts = [...new Set(visible.map(({ part }) => part))];
  return parts.flatMap((name) => [
    name,
    ...visible.filter(({ part }) => part === name)
      .map((row) => `  ${line(row, benchWidth, whoWidth)}`),
    "",
  ]).join("\n");
}
